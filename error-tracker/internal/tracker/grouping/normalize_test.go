package grouping

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestNormalize(t *testing.T) {
	tests := map[string]string{
		// Nothing to replace.
		"A quick brown fox":                  "A quick brown fox",
		"Option::unwrap()":                   "Option::unwrap()",
		"Bee::buzz()":                        "Bee::buzz()",
		"Fee::add() called too early":        "Fee::add() called too early",
		"utf8mb4_unicode_ci":                 "utf8mb4_unicode_ci",
		"x86_64":                             "x86_64",
		"deadbee":                            "deadbee",
		"commit cabcafe":                     "commit cabcafe",
		"False":                              "False",
		"a = true":                           "a = true",
		"may 3 users leave":                  "may <int> users leave",
		"getaddrinfo ENOTFOUND api.shop.com": "getaddrinfo ENOTFOUND api.shop.com",
		"":                                   "",
		"größer als 5 µm":                    "größer als <int> µm",

		// Addresses.
		"mail maisey.thedog+x@dogs.great.com now":       "mail <email> now",
		"get http://dogs.com/adopt/shop.js?c=sit#x now": "get <url> now",
		"(see https://shop.example.com/a).":             "(see <url>).",
		"http://charlie:s3cret@dogs.com:10":             "<url>",
		"http://[2001:db8::1]:80":                       "<url>",
		"11.21.12.31":                                   "<ip>",
		"0.0.0.0:80":                                    "<ip>:<int>",
		"::1":                                           "<ip>",
		"2012:d157::cbe:908:2013":                       "<ip>",
		"::ffff:192.168.1.1":                            "<ip>",
		"1121:0c03:1231:130d:0000:16da:0908:da07":       "<ip>",
		"00:1B:44:11:3A:B7":                             "<mac>",
		"12345:6:789":                                   "<int>:<int>:<int>",
		"Connection to db-12.internal:5432 refused":     "Connection to db-<int>.internal:<int> refused",
		"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01": "traceparent: <trace>",
		"1-67891233-abcdef012345678912345678":                                  "<trace>",

		// Identifiers.
		"7c1811ed-e98f-4c9c-a9f9-58c757ff494f":                                      "<uuid>",
		"bea691f2-2e25-4bec-6838-e0c44b03d60a/7c1811ed-e98f-4c9c-a9f9-58c757ff494f": "<uuid>/<uuid>",
		"5fc35719b9cf96ec602dbc748ff31c587a46961d":                                  "<hex>",
		"0751007cd28df267e8e051b51f918c60":                                          "<hex>",
		"at 0x9AF8c3be":                                                             "at <hex>",
		"0xdeadbeef":                                                                "<hex>",
		"commit a93c7d2":                                                            "commit <hex>",
		"9AF8C3BE3A":                                                                "<hex>",
		"12345678":                                                                  "<hex>",
		"ulid 01ARZ3NDEKTSV4RRFFQ69G5FAV":                                           "ulid <id>",
		"charge ch_3MmlLrLkdIwHu7ix0snN0B15":                                        "charge ch_<id>",
		"507f1f77bcf86cd799439011":                                                  "<hex>",
		"token dGhpcyBpcyBhIHRlc3Q0MTIz+/==":                                        "token <id>",
		"user10023 is gone":                                                         "user<int> is gone",
		"celery-task_8812":                                                          "celery-task_<int>",

		// Dates, times, durations.
		"2024-02-20T22:16:36":             "<date>",
		"2006-01-02T15:04:05.999999999Z":  "<date>",
		"2006-01-02T15:04:05Z07:00":       "<date>",
		"2006-01-02 15:04:05+01:00 x":     "<date> x",
		"2024-02-23 02:13:53,418 x":       "<date> x",
		"20060102T150405Z":                "<date>",
		"20060102 150405+0100":            "<date>",
		"20240220 11:55:33.546593":        "<date>",
		"on 2006-01-02.":                  "on <date>.",
		"2006-01-40":                      "<int>-<int>-<int>",
		"2006-01":                         "<int>-<int>",
		"02/01/2006 10:11":                "<date>",
		"Mon, 02 Jan 06 15:04 MST":        "<date>",
		"Mon, 02-Jan-06 15:04:05 MST":     "<date>",
		"Monday, 02-Jan-06 15:04:05 MST":  "<date>",
		"Mon, 02 Jan 2006 15:04:05 -0700": "<date>",
		"Mon Jan 02 2006 14:04:05 GMT-0800 (Pacific Standard Time)": "<date>",
		"Mon Jan 02 2006 14:04:05 GMT+0000":                         "<date>",
		"Mon Jan 2 15:04:05 2006":                                   "<date>",
		"Jan 18, 2019":                                              "<date>",
		"Mon Jan 02, 1999":                                          "<date>",
		"datetime.datetime(2025, 6, 24, 18, 33, 0, 447640)":         "<date>",
		"11:21 PM":                      "<date>",
		"12:31:12 pm":                   "<date>",
		"failed at 2024-01-01 10:30:22": "failed at <date>",
		"908:31":                        "<int>:<int>",
		"12:99":                         "<int>:<int>",
		"after 250ms":                   "after <duration>",
		"after 1h2m3.5s":                "after <duration>",
		"timeout of 30000ms exceeded":   "timeout of <duration> exceeded",
		"in 5 seconds":                  "in <int> seconds",

		// Numbers.
		"0.23":                    "<float>",
		"1.5e-3":                  "<float>",
		"-23":                     "<int>",
		"value:-17502":            "value:<int>",
		"415-908":                 "<int>-<int>",
		"maisey-908":              "maisey-<int>",
		"(#239323)":               "(#<int>)",
		"4,150,908 rows":          "<int> rows",
		"10MB of 2048KiB":         "<int>MB of <int>KiB",
		"needs v1.24.0 or 2.0.1":  "needs <version> or <version>",
		"items[12].price":         "items[<int>].price",
		"b='1' and c=\"x y\"":     "b=<str> and c=<str>",
		"b = '1'":                 "b = '<int>'",
		"b='value\"":              "b='value\"",
		"retry=False, force=true": "retry=<bool>, force=<bool>",

		// Paths: files by their name, addresses of the web by their parts.
		"open /srv/app/releases/20261120/data/report.csv: no such file": "open report.csv: no such file",
		`cannot open C:\Users\bob\report-42.csv`:                        "cannot open report-<int>.csv",
		`\\server\share\x.txt`:                                          "x.txt",
		"No route matches GET /api/users/42/orders":                     "No route matches GET /api/users/<int>/orders",
		"and/or": "and/or",

		// Lines.
		"first 1\n\n  second 2\nthird 3": "first <int>\nsecond <int>",
	}
	for in, want := range tests {
		if got := Normalize(in); got != want {
			t.Errorf("Normalize(%q) = %q, want %q", in, got, want)
		}
		// Words around it must not change anything.
		if in == "" || strings.Contains(in, "\n") {
			continue
		}
		if got := Normalize("prefix " + in); got != "prefix "+want {
			t.Errorf("Normalize(%q) = %q, want %q", "prefix "+in, got, "prefix "+want)
		}
		if got := Normalize(in + " suffix"); got != want+" suffix" {
			t.Errorf("Normalize(%q) = %q, want %q", in+" suffix", got, want+" suffix")
		}
	}
}

func TestNormalizeReadsABoundedPart(t *testing.T) {
	for _, unit := range []string{"\n", "1", "a", "/", "a.", "a@", ":", "0x", "2024-01-01", "Mon ", "http://", "=", "\"", "\xff", "é", "a1", "-1"} {
		text := strings.Repeat(unit, 256<<10/len(unit))
		var got string
		took := time.Hour
		for range 5 { // the machine may be busy with other things
			start := time.Now()
			got = Normalize(text)
			if took = min(took, time.Since(start)); took < 20*time.Millisecond {
				break
			}
		}
		if took >= 20*time.Millisecond {
			t.Errorf("Normalize of 256 KiB of %q took %v", unit, took)
		}
		if len(got) > 16*normalizeBytes {
			t.Errorf("Normalize of 256 KiB of %q has %d bytes", unit, len(got))
		}
	}
}

// FuzzNormalize: the result is stable under another pass, does not depend on
// the numbers in the text, and is valid if the text is.
func FuzzNormalize(f *testing.F) {
	for _, s := range []string{"order 42 not found", "at 2024-01-01 10:30:22", "a@b.c", "::1", "x='y'", "/srv/a/b.txt", "Mon Jan 2 15:04:05 2006", "v1.2.3", "1h2m", "C:\\a\\b"} {
		f.Add(s, uint16(7))
	}
	f.Fuzz(func(t *testing.T, s string, n uint16) {
		got := Normalize(s)
		if utf8.ValidString(s) && !utf8.ValidString(got) {
			t.Errorf("Normalize(%q) = %q is not valid UTF-8", s, got)
		}
		if len(s) > 100 {
			return
		}
		number := func(k int) string {
			return Normalize(strings.TrimSpace(s) + " number " + strings.Repeat("9", k%6+1) + " end")
		}
		if a, b := number(int(n)), number(int(n)+1); a != b {
			t.Errorf("a number of another length gives %q and %q", a, b)
		}
	})
}
