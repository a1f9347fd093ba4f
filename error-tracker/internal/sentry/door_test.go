package sentry_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/monlight/monlight/error-tracker/internal/sentry"
	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/inbound"
	"github.com/monlight/monlight/shared/origin"
)

const sampleEnvelope = "{}\n{\"type\":\"event\"}\n" + sampleEvent

func TestAllFormsOfAuthentication(t *testing.T) {
	d := open(t)
	key := d.key.Key
	withDSN := fmt.Sprintf("{\"dsn\":\"https://%s@shop.example/errors/1\"}\n{\"type\":\"event\"}\n%s", key, sampleEvent)
	uuid := key[:8] + "-" + key[8:12] + "-" + key[12:16] + "-" + key[16:20] + "-" + key[20:]
	for name, test := range map[string]struct {
		path, body string
		header     []string
		status     int
	}{
		"header of Python":            {"/api/1/envelope/", sampleEnvelope, []string{"X-Sentry-Auth", "Sentry sentry_key=" + key + ", sentry_version=7, sentry_client=sentry.python/2.68.0"}, 200},
		"header of Go":                {"/api/1/envelope/", sampleEnvelope, []string{"X-Sentry-Auth", "Sentry sentry_version=7, sentry_client=sentry.go/0.50.0, sentry_key=" + key}, 200},
		"header without blanks":       {"/api/1/envelope/", sampleEnvelope, []string{"X-Sentry-Auth", "sentry sentry_version=7,sentry_key=" + key + ",sentry_secret=x,sentry_timestamp=1"}, 200},
		"Authorization":               {"/api/1/store/", sampleEvent, []string{"Authorization", "Sentry sentry_key=" + key}, 200},
		"query string":                {"/api/1/envelope/?sentry_version=7&sentry_key=" + key + "&sentry_client=sentry.javascript.browser%2F11.12.0", sampleEnvelope, nil, 200},
		"dsn of the envelope":         {"/api/1/envelope/", withDSN, nil, 200},
		"the project's name":          {"/api/shop/envelope/", sampleEnvelope, []string{"X-Sentry-Auth", d.auth()}, 200},
		"no slash":                    {"/api/1/envelope", sampleEnvelope, []string{"X-Sentry-Auth", d.auth()}, 200},
		"store without slash":         {"/api/1/store", sampleEvent, []string{"X-Sentry-Auth", d.auth()}, 200},
		"a key as a UUID":             {"/api/1/envelope/?sentry_key=" + strings.ToUpper(uuid), sampleEnvelope, nil, 200},
		"none":                        {"/api/1/envelope/", sampleEnvelope, nil, 403},
		"none at the store":           {"/api/1/store/", sampleEvent, nil, 403},
		"unknown":                     {"/api/1/envelope/?sentry_key=" + strings.Repeat("0", 32), sampleEnvelope, nil, 403},
		"no key at all":               {"/api/1/envelope/?sentry_key=%00%ff", sampleEnvelope, nil, 403},
		"another project":             {"/api/2/envelope/", sampleEnvelope, []string{"X-Sentry-Auth", d.auth()}, 403},
		"the first one counts":        {"/api/1/envelope/?sentry_key=" + strings.Repeat("0", 32), sampleEnvelope, []string{"X-Sentry-Auth", d.auth()}, 403},
		"dsn without a key":           {"/api/1/envelope/", "{\"dsn\":\"https://shop.example/1\"}\n", nil, 403},
		"dsn that is none":            {"/api/1/envelope/", "{\"dsn\":\"::\"}\n", nil, 403},
		"another scheme than Sentry":  {"/api/1/envelope/", sampleEnvelope, []string{"Authorization", "Bearer sentry_key=" + key}, 403},
		"a content type of forms":     {"/api/1/envelope/", sampleEnvelope, []string{"X-Sentry-Auth", d.auth(), "Content-Type", "application/x-www-form-urlencoded"}, 200},
		"a content type of plain":     {"/api/1/envelope/", sampleEnvelope, []string{"X-Sentry-Auth", d.auth(), "Content-Type", "text/plain;charset=UTF-8"}, 200},
		"a content type of multipart": {"/api/1/envelope/", sampleEnvelope, []string{"X-Sentry-Auth", d.auth(), "Content-Type", "multipart/form-data"}, 200},
	} {
		got := d.send(http.MethodPost, test.path, strings.NewReader(test.body), test.header...)
		if got.status != test.status {
			t.Errorf("%s: %d %s, want %d", name, got.status, got.body, test.status)
		}
		if got.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: no CORS headers", name)
		}
	}
}

func TestKeysThatAreOffAndForeignOrigins(t *testing.T) {
	d := open(t)
	change := func(f func(k *tracker.ProjectKey)) {
		if _, err := d.service.ChangeKey(t.Context(), 1, d.key.ID, func(k *tracker.ProjectKey) error { f(k); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	change(func(k *tracker.ProjectKey) { k.Origins = origin.List{"https://*.shop.example"} })
	for from, status := range map[string]int{"https://www.shop.example": 200, "https://evil.example": 403, "": 200} {
		header := []string{}
		if from != "" {
			header = []string{"Origin", from}
		}
		if got := d.envelope(sampleEnvelope, header...); got.status != status || got.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("from %q: %d %s, want %d", from, got.status, got.body, status)
		}
	}
	change(func(k *tracker.ProjectKey) { k.Active = false })
	if got := d.envelope(sampleEnvelope); got.status != 403 || !strings.Contains(got.header.Get("X-Sentry-Error"), "switched off") {
		t.Errorf("a key that is off: %d %s", got.status, got.body)
	}
	change(func(k *tracker.ProjectKey) { k.Active = true })
	if got := d.envelope(sampleEnvelope); got.status != 200 {
		t.Errorf("a key that is on again: %d %s", got.status, got.body)
	}
}

func TestPreflight(t *testing.T) {
	d := open(t)
	for _, path := range []string{"/api/1/envelope/", "/api/1/store/", "/api/1/security/", "/api/1/envelope"} {
		got := d.send(http.MethodOptions, path, nil, "Origin", "https://shop.example", "Access-Control-Request-Method", "POST")
		h := got.header
		if got.status != 200 || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Methods") != "POST" ||
			!strings.Contains(h.Get("Access-Control-Allow-Headers"), "x-sentry-auth") || !strings.Contains(h.Get("Access-Control-Allow-Headers"), "content-encoding") || h.Get("Access-Control-Max-Age") != "3600" {
			t.Errorf("%s: %d %v", path, got.status, h)
		}
	}
}

// packers compress a text in all encodings.
var packers = map[string]func(w io.Writer) io.WriteCloser{
	"gzip":    func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
	"x-gzip":  func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
	"deflate": func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) },
	"br":      func(w io.Writer) io.WriteCloser { return brotli.NewWriterLevel(w, 4) },
	"zstd":    func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w); return z },
	"bare deflate": func(w io.Writer) io.WriteCloser {
		f, _ := flate.NewWriter(w, 5)
		return f
	},
}

func pack(t testing.TB, encoding string, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := packers[encoding](&b)
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestEncodings(t *testing.T) {
	d := open(t)
	for encoding := range packers {
		name := strings.TrimPrefix(encoding, "bare ")
		for _, size := range []int{5, 300_000} {
			body := []byte("{}\n{\"type\":\"event\"}\n{\"message\":\"" + encoding + "\",\"extra\":{\"x\":\"" + strings.Repeat("abcdefg ", size/8) + "\"}}\n")
			packed := pack(t, encoding, body)
			if got := d.envelope(string(packed), "Content-Encoding", name); got.status != 200 {
				t.Errorf("%s, %d bytes: %d %s", encoding, len(body), got.status, got.body)
			} else if !slices.ContainsFunc(d.all(), func(e event.Event) bool { return e.Message.Text() == encoding }) {
				t.Errorf("%s, %d bytes: not stored", encoding, len(body))
			}
			if got := d.send(http.MethodPost, "/api/1/store/", bytes.NewReader(pack(t, encoding, []byte(sampleEvent))), "Content-Encoding", name, "X-Sentry-Auth", d.auth()); got.status != 200 {
				t.Errorf("%s at the store: %d %s", encoding, got.status, got.body)
			}
			for _, broken := range [][]byte{packed[:len(packed)/2], []byte("this is not compressed"), {}} {
				if got := d.envelope(string(broken), "Content-Encoding", name); got.status != 400 {
					t.Errorf("%s, broken: %d %s", encoding, got.status, got.body)
				}
			}
		}
	}
	if got := d.envelope(sampleEnvelope, "Content-Encoding", "compress"); got.status != 415 || got.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("an unknown encoding: %d %v", got.status, got.header)
	}
}

func TestBombsAreRefusedWhileTheyAreRead(t *testing.T) {
	d := open(t)
	bomb := append([]byte("{}\n{\"type\":\"transaction\"}\n"), make([]byte, sentry.MaxEnvelope)...)
	for encoding := range packers {
		if got := d.envelope(string(pack(t, encoding, bomb)), "Content-Encoding", strings.TrimPrefix(encoding, "bare ")); got.status != 413 {
			t.Errorf("%s: %d %s", encoding, got.status, got.body)
		}
	}
	if got := d.send(http.MethodPost, "/api/1/envelope/", io.LimitReader(zeros{}, sentry.MaxWire+100), "X-Sentry-Auth", d.auth()); got.status != 400 && got.status != 413 {
		t.Errorf("too much on the wire: %d %s", got.status, got.body)
	}
	// Windows of 16 MiB are not taken, whatever is in them.
	var wide bytes.Buffer
	w := brotli.NewWriterOptions(&wide, brotli.WriterOptions{Quality: 4, LGWin: 24})
	_, _ = w.Write(bytes.Repeat([]byte(sampleEnvelope), 1000))
	_ = w.Close()
	if got := d.envelope(wide.String(), "Content-Encoding", "br"); got.status != 413 {
		t.Errorf("br with a window of 16 MiB: %d %s", got.status, got.body)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestManyCompressedRequestsAtOnce(t *testing.T) {
	d := open(t)
	var wait sync.WaitGroup
	for i := range 64 {
		wait.Go(func() {
			encoding := []string{"br", "zstd", "gzip", "deflate"}[i%4]
			body := fmt.Appendf(nil, "{}\n{\"type\":\"event\"}\n{\"message\":\"m\",\"extra\":{\"n\":%d,\"x\":%q}}\n", i, strings.Repeat("payload ", 5000))
			packed := string(pack(t, encoding, body))
			for {
				got := d.envelope(packed, "Content-Encoding", encoding)
				if got.status == 503 { // more than the process may hold at once: told so, nothing worse
					continue
				}
				if got.status != 200 {
					t.Errorf("%s: %d %s", encoding, got.status, got.body)
				}
				return
			}
		})
	}
	wait.Wait()
	page, err := d.store.Issues(t.Context(), tracker.IssueQuery{})
	if err != nil || len(page.Issues) != 1 || page.Issues[0].Count != 64 {
		t.Errorf("%+v, %v", page, err)
	}
}

func TestTheOldestSDKs(t *testing.T) {
	d := open(t)
	wrapped := base64.StdEncoding.EncodeToString(pack(t, "deflate", []byte(`{"sentry.interfaces.Message":{"message":"old %s","params":["one"]},"culprit":"here"}`)))
	if got := d.send(http.MethodPost, "/api/1/store/", strings.NewReader(wrapped), "X-Sentry-Auth", "Sentry sentry_version=5, sentry_client=raven-python/5.0, sentry_key="+d.key.Key+", sentry_secret=abc", "Content-Type", "application/octet-stream"); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if e := d.newest(); e.Message.Formatted != "old one" || e.Message.Template != "old %s" || e.Transaction != "here" {
		t.Errorf("%+v", e.Message)
	}
	if d.counts.of("sender raven-python 5.0") != 1 {
		t.Errorf("counted %v", d.counts.by)
	}
	for _, bad := range []string{"", "hello", "[]", "AAAA", `{"a":`} {
		if got := d.send(http.MethodPost, "/api/1/store/", strings.NewReader(bad), "X-Sentry-Auth", d.auth()); got.status != 400 || got.header.Get("X-Sentry-Error") == "" {
			t.Errorf("%q: %d %s", bad, got.status, got.body)
		}
	}
	if got := d.send(http.MethodPost, "/api/1/store/", strings.NewReader(`{"type":"transaction","spans":[]}`), "X-Sentry-Auth", d.auth()); got.status != 200 || d.counts.of("ignored transaction") != 1 {
		t.Errorf("a transaction: %d %s", got.status, got.body)
	}
}

func TestReportsAboutPolicies(t *testing.T) {
	d := open(t)
	path := "/api/1/security/?sentry_key=" + d.key.Key + "&sentry_environment=prod&sentry_release=1.2"
	one := `{"csp-report":{"document-uri":"https://shop.example/cart","referrer":"https://a.example/","violated-directive":"script-src-elem 'self'","effective-directive":"script-src-elem","blocked-uri":"https://evil.example/x.js?1","status-code":200}}`
	for range 2 {
		if got := d.send(http.MethodPost, path, strings.NewReader(one), "Content-Type", "application/csp-report", "Origin", "null"); got.status != 200 {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
	many := `[{"type":"csp-violation","age":1,"url":"https://shop.example/","body":{"effectiveDirective":"img-src","blockedURL":"https://img.example/a.png","documentURL":"https://shop.example/"}},{"type":"deprecation","body":{}}]`
	if got := d.send(http.MethodPost, strings.Replace(path, "security", "csp-report", 1), strings.NewReader(many), "Content-Type", "application/reports+json"); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	page, err := d.store.Issues(t.Context(), tracker.IssueQuery{Sort: tracker.ByCount})
	if err != nil || len(page.Issues) != 2 || page.Issues[0].Count != 2 || page.Issues[0].Type != "Content security policy" || page.Issues[0].LastRelease != "1.2" {
		t.Errorf("%+v, %v", page, err)
	}
	for _, bad := range []string{"", "{}", "[1]", "x"} {
		if got := d.send(http.MethodPost, path, strings.NewReader(bad)); got.status != 400 {
			t.Errorf("%q: %d %s", bad, got.status, got.body)
		}
	}
	if got := d.send(http.MethodPost, "/api/1/security/", strings.NewReader(one)); got.status != 403 {
		t.Errorf("without a key: %d", got.status)
	}
}

// What the project does not want is answered like anything else, so that SDKs
// neither complain nor stop, and is counted with the reason.
func TestUnwantedEventsAreAnsweredPolitely(t *testing.T) {
	d := open(t)
	_, err := d.service.ChangeSettings(t.Context(), 1, func(s *tracker.Settings) error {
		s.Filters = inbound.Rules{Localhost: true, Messages: []string{"*from noisy.example"}}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	const local = `{"event_id":"0123456789abcdef0123456789abcdef","message":"hello","request":{"url":"http://localhost:3000/"}}`
	got := d.envelope("{}\n{\"type\":\"event\"}\n" + local)
	if got.status != 200 || got.body != `{"id":"0123456789abcdef0123456789abcdef"}` || got.header.Get("X-Sentry-Rate-Limits") == "" {
		t.Errorf("envelope: %d %s %v", got.status, got.body, got.header)
	}
	if got := d.send("POST", "/api/1/store/", strings.NewReader(local), "X-Sentry-Auth", d.auth()); got.status != 200 || !strings.Contains(got.body, "0123456789") {
		t.Errorf("store: %d %s", got.status, got.body)
	}
	report := `{"csp-report":{"document-uri":"https://shop.example/","effective-directive":"script-src","blocked-uri":"noisy.example"}}`
	if got := d.send("POST", "/api/1/security/?sentry_key="+d.key.Key, strings.NewReader(report)); got.status != 200 {
		t.Errorf("report about a policy: %d %s", got.status, got.body)
	}
	if n := len(d.all()); n != 0 {
		t.Errorf("%d events are stored", n)
	}
	if a, b, c := d.counts.of("filtered localhost"), d.counts.of("filtered message"), d.counts.of("accepted event"); a != 2 || b != 1 || c != 0 {
		t.Errorf("counted %v", d.counts.by)
	}
	d.event(`{"message":"hello","request":{"url":"https://shop.example/"}}`)
}

// An address that is only that of a proxy nobody trusts is not written down as the user's.
func TestTheAddressOfAnUnknownProxyIsNotTheUsers(t *testing.T) {
	d := open(t)
	const auto = "{}\n{\"type\":\"event\"}\n{\"message\":\"%s\",\"user\":{\"ip_address\":\"{{auto}}\"}}\n"
	for name, test := range map[string]struct {
		header []string
		want   string
	}{
		"direct":                    {nil, "192.0.2.1"},
		"forwarded":                 {[]string{"X-Forwarded-For", "198.51.100.7"}, ""},
		"forwarded for who knows":   {[]string{"X-Forwarded-For", "unknown"}, ""},
		"forwarded with no address": {[]string{"X-Forwarded-For", ""}, "192.0.2.1"},
	} {
		if got := d.envelope(fmt.Sprintf(auto, name), test.header...); got.status != http.StatusOK {
			t.Fatalf("%s: %d %s", name, got.status, got.body)
		}
		if got := d.newest(); got.Message.Text() != name || got.User.IP != test.want {
			t.Errorf("%s: user of %q has address %q, want %q", name, got.Message.Text(), got.User.IP, test.want)
		}
	}
}
