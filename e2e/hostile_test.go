package e2e

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// alive fails the test if the service crashed or stopped answering.
func alive(t *testing.T, s *harness.Service, after string) {
	t.Helper()
	if !s.Running() {
		t.Fatalf("the service is gone after %s", after)
	}
	if got := s.Do(harness.Request{Path: "/health", NoKey: true}); got.Status != 200 {
		t.Fatalf("health after %s = %d %s", after, got.Status, got.Body)
	}
}

func TestHostileBodies(t *testing.T) {
	s := harness.Start(t, "error-tracker", "RATE_LIMIT=1000000")
	const limit = 262144
	frame := `{"project":"p","exception_type":"E","message":"m","traceback":"%s"}`
	room := limit - len(frame)
	fill := func(unit string) string { return strings.Repeat(unit, room/len(unit)) }
	wide := func(member string, item string) string {
		return `{"project":"p","exception_type":"E","message":"m","traceback":"","` + member + `":[` + strings.TrimSuffix(strings.Repeat(item+",", (room-200)/(len(item)+1)), ",") + `]}`
	}
	members := func(name string) string {
		var b strings.Builder
		b.WriteString(`{"project":"p","exception_type":"E","message":"m","traceback":"","` + name + `":{`)
		for i := 0; b.Len() < limit-40; i++ {
			fmt.Fprintf(&b, `"k%d":"v",`, i)
		}
		return strings.TrimSuffix(b.String(), ",") + "}}"
	}
	for name, body := range map[string]string{
		"newlines":                    fmt.Sprintf(frame, fill(`\n`)),
		"python markers":              fmt.Sprintf(frame, fill(`File \"`)),
		"python frames":               fmt.Sprintf(frame, `Traceback (most recent call last):\n`+strings.Repeat(`  File \"a.py\", line 1, in f\n`, room/40)),
		"v8 markers":                  fmt.Sprintf(frame, fill(`at `)),
		"v8 frames":                   fmt.Sprintf(frame, fill(`    at f (a.js:1:1)\n`)),
		"firefox markers":             fmt.Sprintf(frame, fill(`@`)),
		"java causes":                 fmt.Sprintf(frame, fill(`Caused by: a.B: c\n`)),
		"go goroutines":               fmt.Sprintf(frame, fill(`goroutine 1 [running]:\n`)),
		"group boxes":                 fmt.Sprintf(frame, fill(`  | `)),
		"parentheses":                 fmt.Sprintf(frame, fill(`(`)),
		"colons":                      fmt.Sprintf(frame, fill(`:`)),
		"hex digits":                  fmt.Sprintf(frame, fill(`a1`)),
		"nul characters":              fmt.Sprintf(frame, fill(`\u0000`)),
		"lone surrogates":             fmt.Sprintf(frame, fill(`\ud800`)),
		"invalid UTF-8":               fmt.Sprintf(frame, fill("\xff\xfe")),
		"overlong UTF-8":              fmt.Sprintf(frame, fill("\xc0\xaf")),
		"deep arrays":                 strings.Repeat("[", limit-1),
		"deep arrays in extra":        `{"project":"p","exception_type":"E","message":"m","traceback":"","extra":` + strings.Repeat("[", 90000) + strings.Repeat("]", 90000) + `}`,
		"deep objects in extra":       `{"project":"p","exception_type":"E","message":"m","traceback":"","extra":` + strings.Repeat(`{"a":`, 30000) + "1" + strings.Repeat("}", 30000) + `}`,
		"a number of 200,000 digits":  `{"project":"p","exception_type":"E","message":"m","traceback":"","extra":` + strings.Repeat("9", 200000) + `}`,
		"an exponent":                 `{"project":"p","exception_type":"E","message":"m","traceback":"","extra":1e999999999}`,
		"NaN":                         `{"project":"p","exception_type":"E","message":"m","traceback":"","extra":NaN}`,
		"duplicate members":           `{"project":"p","project":"q","exception_type":"E","message":"m","traceback":""}`,
		"members in capitals":         `{"PROJECT":"p","Exception_Type":"E","MESSAGE":"m","traceback":""}`,
		"a byte order mark":           "\xef\xbb\xbf" + fmt.Sprintf(frame, ""),
		"many frames":                 wide("frames", `{"function":"f"}`),
		"many exceptions":             wide("exceptions", `{"type":"E"}`),
		"many breadcrumbs":            wide("breadcrumbs", `{"message":"b"}`),
		"many tags":                   wide("tags", `["a","b"]`),
		"many fingerprints":           wide("fingerprint", `"f"`),
		"many header names":           members("request_headers"),
		"many contexts":               members("contexts"),
		"many tag names":              members("tags"),
		"an unterminated string":      `{"project":"`,
		"only spaces":                 strings.Repeat(" ", limit),
		"a string of quotes":          `"` + strings.Repeat(`\"`, limit/2-2) + `"`,
		"negative and huge positions": `{"project":"p","exception_type":"E","message":"m","traceback":"","frames":[{"lineno":-5,"colno":1e300},{"lineno":99999999999999999999}]}`,
	} {
		start := time.Now()
		got := s.Post("/api/errors", body)
		if got.Status >= 500 || got.Status == 413 {
			t.Errorf("%s (%d bytes) = %d %s", name, len(body), got.Status, got.Body)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("%s took %v", name, took)
		}
		alive(t, s, name)
	}
	// Whatever was taken can be shown.
	for _, e := range list(t, s, "?limit=200&resolved=all").Errors {
		for _, path := range []string{"/api/errors/%d", "/api/errors/%d/occurrences", "/api/errors/%d/occurrences/latest", "/api/errors/%d/groups", "/api/errors/%d/similar", "/errors/%d", "/errors/%d.md"} {
			if got := s.Get(fmt.Sprintf(path, e.ID)); got.Status != 200 {
				t.Errorf("GET "+path+" = %d %.200s", e.ID, got.Status, got.Body)
			}
		}
	}
	if _, peak := s.Memory(); peak > 100<<20 {
		t.Errorf("peak memory %d MB", peak>>20)
	}
}

func TestCompressedBodies(t *testing.T) {
	s := harness.Start(t, "error-tracker")
	post := func(body []byte, encoding string) harness.Response {
		return s.Do(harness.Request{Method: "POST", Path: "/api/errors", Body: body, Header: map[string]string{"Content-Encoding": encoding}})
	}
	good := squeeze(t, strings.NewReader(`{"project":"p","exception_type":"E","message":"m","traceback":""}`))
	if got := post(good, "gzip"); got.Status != 201 {
		t.Errorf("gzip = %d %s", got.Status, got.Body)
	}
	_, before := s.Memory()
	bomb := squeeze(t, io.LimitReader(zeros{}, 256<<20)) // 256 KB that become 256 MB
	if got := post(bomb[:min(len(bomb), 262144)], "gzip"); got.Status != 413 && got.Status != 400 {
		t.Errorf("a bomb = %d %s, want 413", got.Status, got.Body)
	}
	if _, after := s.Memory(); after-before > 16<<20 {
		t.Errorf("the bomb cost %d MB", (after-before)>>20)
	}
	for name, tt := range map[string]struct {
		body     []byte
		encoding string
		status   int
	}{
		"cut off":           {good[:len(good)-9], "gzip", 400},
		"not gzip":          {[]byte("hello"), "gzip", 400},
		"unknown encoding":  {good, "zip", 415},
		"doubled encodings": {squeeze(t, bytes.NewReader(good)), "gzip, gzip", 415},
	} {
		if got := post(tt.body, tt.encoding); got.Status != tt.status {
			t.Errorf("%s = %d %s, want %d", name, got.Status, got.Body, tt.status)
		}
	}
	alive(t, s, "bombs")
}

func TestHostileQueries(t *testing.T) {
	s := harness.Start(t, "error-tracker")
	report(t, s, smokeReport, 201)
	for _, query := range []string{
		"?q=%22", "?q=%27%3B+DROP+TABLE+issues%3B--", "?q=a+AND", "?q=NEAR(", "?q=*", "?q=%00", "?q=%ff%fe", "?q=" + strings.Repeat("a+", 3000),
		"?q=%25%5F%5C", "?project=%00", "?project=" + strings.Repeat("p", 7000), "?since=yesterday", "?since=%00", "?limit=-1", "?limit=1e9", "?limit=99999999999999999999",
		"?offset=9223372036854775807", "?offset=-9223372036854775808", "?cursor=AAAA", "?cursor=%ff", "?sort=%27", "?resolved=maybe", "?%zz=1", "?=", "?&&&", "?a;b",
	} {
		if got := s.Get("/api/errors" + query); got.Status >= 500 {
			t.Errorf("GET /api/errors%.80s = %d %s", query, got.Status, got.Body)
		}
	}
	for _, path := range []string{"/api/errors/1/../2", "/api/errors//1", "/api/errors/1%00", "/%2e%2e/etc/passwd", "/static/../main.go", "/api/errors/1/occurrences?before=x", "/api/errors/1?occurrences=-5", "/errors/1?event=x"} {
		if got := s.Get(path); got.Status >= 500 {
			t.Errorf("GET %s = %d %.200s", path, got.Status, got.Body)
		}
	}
	alive(t, s, "hostile queries")
}

func TestSlowAndHalfOpenClientsDoNotHurtOthers(t *testing.T) {
	s := harness.Start(t, "error-tracker")
	address := strings.TrimPrefix(s.URL, "http://")
	var conns []net.Conn
	for i := range 300 {
		c, err := net.DialTimeout("tcp", address, 5*time.Second)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		defer c.Close()
		conns = append(conns, c)
		switch i % 3 {
		case 0: // never a byte
		case 1:
			fmt.Fprint(c, "POST /api/errors HTTP/1.1\r\nHost: x\r\nX-Slow: ")
		default:
			fmt.Fprintf(c, "POST /api/errors HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Length: 100000\r\n\r\n{", harness.Key)
		}
	}
	for range 20 {
		start := time.Now()
		if got := s.Post("/api/errors", smokeReport); got.Status != 200 && got.Status != 201 {
			t.Fatalf("a good report beside %d slow clients = %d %s", len(conns), got.Status, got.Body)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("a good report beside slow clients took %v", took)
		}
	}
	alive(t, s, "slow clients")
}

func TestHeadersThatAreTooLarge(t *testing.T) {
	s := harness.Start(t, "error-tracker")
	for name, header := range map[string]string{
		"one of 20 KB":        "X-Big: " + strings.Repeat("a", 20<<10) + "\r\n",
		"10,000 small ones":   strings.Repeat("X-Many: 1\r\n", 10_000),
		"one without an end":  "X-Big: " + strings.Repeat("a", 1<<20),
		"a name of 100 KB":    strings.Repeat("a", 100<<10) + ": x\r\n",
		"a folded one":        "X-Folded: a\r\n b\r\n",
		"a bare line feed":    "X-Bare: a\nX-Api-Key: " + harness.Key + "\r\n",
		"two lengths":         "Content-Length: 5\r\nContent-Length: 6\r\n",
		"length and chunked":  "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
		"a negative length":   "Content-Length: -1\r\n",
		"an enormous length":  "Content-Length: 9223372036854775807\r\n",
		"an unknown transfer": "Transfer-Encoding: gzip\r\n",
	} {
		answer := raw(t, s, "POST /api/errors HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"+header+"\r\n{}")
		// A client that writes on into a refusal may miss it: the connection is reset.
		if status, _, _ := strings.Cut(strings.TrimPrefix(answer, "HTTP/1.1 "), " "); answer != "" && status[:1] != "4" && status != "501" {
			t.Errorf("%s: %.200s", name, answer)
		}
		alive(t, s, name)
	}
	for name, id := range map[string]string{"a normal one": "abc-123", "one with markup": "<script>", "a long one": strings.Repeat("a", 5000)} {
		got := s.Do(harness.Request{Path: "/health", NoKey: true, Header: map[string]string{"X-Request-Id": id}})
		echoed := got.Header.Get("X-Request-Id")
		if (echoed == id) != (name == "a normal one") || echoed == "" {
			t.Errorf("request id, %s: %.60q came back as %.60q", name, id, echoed)
		}
	}
}

func TestABodylessPostAndExpectContinue(t *testing.T) {
	s := harness.Start(t, "error-tracker")
	id := report(t, s, smokeReport, 201).ID
	bodyless := raw(t, s, fmt.Sprintf("POST /api/errors/%d/resolve HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nConnection: close\r\n\r\n", id, harness.Key))
	if !strings.HasPrefix(bodyless, "HTTP/1.1 200") {
		t.Errorf("a POST without body and length: %.200s", bodyless)
	}
	body := `{"project":"p","exception_type":"E","message":"m","traceback":""}`
	expect := raw(t, s, fmt.Sprintf("POST /api/errors HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n%s", harness.Key, len(body), body))
	if !strings.Contains(expect, "HTTP/1.1 201") {
		t.Errorf("a POST with Expect: %.300s", expect)
	}
	raw(t, s, "POST /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	raw(t, s, "GARBAGE\r\n\r\n")
	raw(t, s, "GET / HTTP/9.9\r\n\r\n")
	alive(t, s, "odd requests")
}

// raw sends bytes and returns what comes back until the connection ends.
func raw(t *testing.T, s *harness.Service, request string) string {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(3 * time.Second)); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.WriteString(c, request) }() // the server may stop reading
	answer, _ := io.ReadAll(c)
	return string(answer)
}

func TestSlowClientsAreDropped(t *testing.T) {
	t.Parallel() // it waits for time limits
	s := harness.Start(t, "error-tracker")
	for name, test := range map[string]struct {
		sent  string
		limit time.Duration
	}{
		"silent":        {"", 15 * time.Second},
		"slow header":   {"POST /api/errors HTTP/1.1\r\nHost: x\r\nX-Slow: ", 15 * time.Second},
		"slow body":     {"POST /api/errors HTTP/1.1\r\nHost: x\r\nX-API-Key: " + harness.Key + "\r\nContent-Length: 1000\r\n\r\n{", 25 * time.Second},
		"slow chunk":    {"POST /api/errors HTTP/1.1\r\nHost: x\r\nX-API-Key: " + harness.Key + "\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n{", 25 * time.Second},
		"no key, slow":  {"POST /api/errors HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{", 25 * time.Second},
		"slow and long": {"POST /api/errors HTTP/1.1\r\nHost: x\r\nX-API-Key: " + harness.Key + "\r\nContent-Length: 262144\r\n\r\n" + strings.Repeat(" ", 200_000), 25 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			begin := time.Now()
			if _, err := io.WriteString(c, test.sent); err != nil {
				t.Fatal(err)
			}
			if err := c.SetReadDeadline(begin.Add(test.limit)); err != nil {
				t.Fatal(err)
			}
			answer, err := io.ReadAll(c)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("still connected after %v", test.limit)
			}
			if strings.HasPrefix(string(answer), "HTTP/1.1 5") {
				t.Errorf("a slow client got %.100s", answer)
			}
			t.Logf("dropped after %v: %.30q", time.Since(begin).Round(100*time.Millisecond), answer)
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func squeeze(t *testing.T, r io.Reader) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.Copy(w, r); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
