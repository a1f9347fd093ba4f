package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/browser-relay/internal/sdk"
	"github.com/monlight/monlight/browser-relay/internal/sqlite"
	"github.com/monlight/monlight/shared/config"
	"github.com/monlight/monlight/shared/server"
	"github.com/monlight/monlight/shared/sqlitedb"
)

const shopKey = "0123456789abcdef0123456789abcdef"

// testService is the whole service but for its listener.
type testService struct {
	http.Handler
	options  server.Options
	upstream *fakeUpstream
	stop     func()
}

// newService starts a service whose upstreams are fakes. Its jobs run until the
// end of the test.
func newService(t testing.TB, env map[string]string) *testService {
	t.Helper()
	s := &testService{upstream: newFakeUpstream(t)}
	s.start(t, filepath.Join(t.TempDir(), "r.db"), env)
	return s
}

func (s *testService) start(t testing.TB, path string, env map[string]string) {
	t.Helper()
	values := map[string]string{
		"ADMIN_API_KEY": testKey, "DATABASE_PATH": path, "DSN_KEYS": "shop:" + shopKey, "CORS_ORIGINS": "http://localhost:3000,https://*.shop.example",
		"ERROR_TRACKER_URL": s.upstream.URL, "ERROR_TRACKER_API_KEY": testKey, "METRICS_COLLECTOR_URL": s.upstream.URL, "METRICS_COLLECTOR_API_KEY": testKey,
	}
	for name, v := range env {
		values[name] = v
	}
	e := config.New(service, func(name string) (string, bool) { v, ok := values[name]; return v, ok })
	settings := load(e)
	if err := e.Err(); err != nil {
		t.Fatal(err)
	}
	db, err := sqlitedb.Open(t.Context(), path, sqlitedb.Options{Migrations: sqlite.Migrations(), MinFreeBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	o, err := assemble(t.Context(), settings, db, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s.Handler, s.options = server.Handler(o), o
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, len(o.Jobs))
	for _, job := range o.Jobs {
		go func() { done <- job(ctx) }()
	}
	stopped := false
	s.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		for range o.Jobs {
			<-done
		}
		for _, c := range o.Closers {
			if err := c(context.WithoutCancel(ctx)); err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(s.stop)
}

// ask sends a request; headers are names and values in turn.
func ask(h http.Handler, method, target, body string, headers ...string) (int, string, http.Header) {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	b, _ := io.ReadAll(w.Result().Body)
	return w.Code, string(b), w.Header()
}

// eventually waits for something that other goroutines do.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for begin := time.Now(); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Since(begin) > 20*time.Second {
			t.Fatalf("%s did not happen", what)
		}
	}
}

// doors are the routes for web pages, which check keys of their own.
var doors = []string{"/api/browser/errors", "/api/browser/metrics", "/api/browser/batch", "/api/browser/*", "/api/errors", "/api/metrics"}

// Nothing answers without a key but what is listed here.
func TestEveryRouteWantsItsKey(t *testing.T) {
	s := newService(t, map[string]string{"TRUSTED_PROXIES": "192.0.2.1"})
	open := []string{"/api/browser/tunnel", "/assets/{name}", "/favicon.ico", "/sign-in", "/sign-out", sdk.Pattern}
	routes, ok := s.options.Handler.(chi.Routes)
	if !ok {
		t.Fatalf("handler is a %T", s.options.Handler)
	}
	n := 0
	// Each route has a client of its own: who tries many wrong keys is refused for that.
	ask := func(h http.Handler, method, target, body string, headers ...string) (int, string, http.Header) {
		return ask(h, method, target, body, append(headers, "X-Forwarded-For", fmt.Sprintf("198.51.100.%d", n))...)
	}
	err := chi.Walk(routes, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		n++
		if slices.Contains(open, route) {
			return nil
		}
		target := strings.NewReplacer("{id}", "1", "*", "nothing").Replace(route)
		status, body, _ := ask(s, method, target, "")
		switch {
		case method == http.MethodConnect: // not for servers like this one
		case slices.Contains(doors, route):
			if status != 401 || !strings.Contains(body, `"detail":"Invalid DSN key"`) && method != http.MethodHead {
				t.Errorf("%s %s without a key: %d %.80s", method, route, status, body)
			}
			// The administrators' key opens no door.
			if status, _, _ := ask(s, method, target, "", "X-API-Key", testKey, "X-Monlight-Key", testKey); status != 401 {
				t.Errorf("%s %s with the administrators' key: %d", method, route, status)
			}
		case strings.HasPrefix(route, "/api/"):
			for _, headers := range [][]string{nil, {"X-API-Key", shopKey}, {"X-Monlight-Key", shopKey}} {
				if status, body, _ := ask(s, method, target, "", headers...); status != 401 || !strings.Contains(body, `"detail":"Invalid API key"`) {
					t.Errorf("%s %s with %v: %d %.80s", method, route, headers, status, body)
				}
			}
		case method == http.MethodGet:
			if status != http.StatusOK || !strings.Contains(body, `name="key"`) {
				t.Errorf("%s %s without a key: %d, want the sign-in page", method, route, status)
			}
		case status != http.StatusUnauthorized:
			t.Errorf("%s %s without a key: %d", method, route, status)
		}
		return nil
	})
	if err != nil || n < 30 {
		t.Errorf("%d routes, %v", n, err)
	}
	if status, _, _ := ask(s, "GET", "/metrics", ""); status != 401 {
		t.Errorf("/metrics without a key: %d", status)
	}
	// Contract 2.2: which paths there are is no secret here.
	for _, target := range []string{"/nothing", "/api/nothing"} {
		if status, body, _ := ask(s, "GET", target, ""); status != 404 || !strings.Contains(body, `"detail":"Not found"`) {
			t.Errorf("GET %s: %d %s", target, status, body)
		}
	}
}

func TestAdministrationOnItsOwnAddress(t *testing.T) {
	s := newService(t, map[string]string{"ADMIN_ADDR": "127.0.0.1:1", "ADDR": "127.0.0.1:2"})
	for _, target := range []string{"/api/dsn-keys", "/", "/metrics", "/sign-in", "/api/traffic"} {
		if status, _, _ := ask(s, "GET", target, "", "X-API-Key", testKey); status != 404 {
			t.Errorf("GET %s on the public address: %d, want 404", target, status)
		}
	}
	if len(s.options.Sites) != 1 {
		t.Fatalf("%d further addresses, want 1", len(s.options.Sites))
	}
	site := s.options.Sites[0]
	private := server.Handler(server.Options{Edge: s.options.Edge, Handler: site.Handler, MetricsGuard: site.MetricsGuard})
	for target, want := range map[string]int{"/api/dsn-keys": 200, "/": 200, "/metrics": 200, "/health": 200} {
		if status, _, _ := ask(private, "GET", target, "", "X-API-Key", testKey); status != want {
			t.Errorf("GET %s on the private address: %d, want %d", target, status, want)
		}
	}
	if status, _, _ := ask(private, "POST", "/api/browser/errors?key="+shopKey, `{}`); status != 404 {
		t.Errorf("a door on the private address: %d, want 404", status)
	}
}

// Who may read which answer: origin by key by method.
func TestOriginsTable(t *testing.T) {
	s := newService(t, nil)
	var own struct {
		PublicKey string `json:"public_key"`
	}
	if status, body, _ := ask(s, "POST", "/api/dsn-keys", `{"project":"own","origins":["https://own.example","https://*.own.example:8443","null"]}`, "X-API-Key", testKey); status != 201 {
		t.Fatalf("%d %s", status, body)
	} else if err := json.Unmarshal([]byte(body), &own); err != nil {
		t.Fatal(err)
	}
	const event = `{"type":"E","message":"m","stack":""}`
	tests := []struct {
		origin, key, method string
		status              int
		allowed             string // Access-Control-Allow-Origin
	}{
		// Keys without origins of their own: CORS_ORIGINS say who reads the answer.
		{"http://localhost:3000", shopKey, "POST", 201, "http://localhost:3000"},
		{"https://eu.shop.example", shopKey, "POST", 201, "https://eu.shop.example"},
		{"https://a.b.shop.example", shopKey, "POST", 201, "https://a.b.shop.example"},
		{"https://shop.example", shopKey, "POST", 201, ""},
		{"https://.shop.example", shopKey, "POST", 201, ""},
		{"https://eu.shop.example.evil.test", shopKey, "POST", 201, ""},
		{"https://evil.test/.shop.example", shopKey, "POST", 201, ""},
		{"https://evil.test:1.shop.example", shopKey, "POST", 201, ""},
		{"https://user@x.shop.example", shopKey, "POST", 201, ""},
		{"http://eu.shop.example", shopKey, "POST", 201, ""},
		{"https://EU.shop.example", shopKey, "POST", 201, "https://EU.shop.example"}, // the star takes any case
		{"https://eu.SHOP.example", shopKey, "POST", 201, ""},
		{"https://eu.shop.example:8443", shopKey, "POST", 201, ""},
		{"null", shopKey, "POST", 201, ""},
		{"", shopKey, "POST", 201, ""},
		// Keys with their own: nobody else.
		{"https://own.example", own.PublicKey, "POST", 201, "https://own.example"},
		{"https://x.own.example:8443", own.PublicKey, "POST", 201, "https://x.own.example:8443"},
		{"null", own.PublicKey, "POST", 201, "null"},
		{"http://localhost:3000", own.PublicKey, "POST", 401, ""},
		{"https://own.example.evil.test", own.PublicKey, "POST", 401, ""},
		{"", own.PublicKey, "POST", 401, ""},
		// A page is to be able to read why it was refused.
		{"http://localhost:3000", "wrong", "POST", 401, "http://localhost:3000"},
		{"https://own.example", "wrong", "POST", 401, "https://own.example"},
		{"https://evil.test", "wrong", "POST", 401, ""},
		{"http://localhost:3000", shopKey, "GET", 405, "http://localhost:3000"},
		{"http://localhost:3000", shopKey, "PUT", 405, "http://localhost:3000"},
		// Preflights carry no key, those of beacons do.
		{"http://localhost:3000", "", "OPTIONS", 204, "http://localhost:3000"},
		{"https://own.example", "", "OPTIONS", 204, "https://own.example"},
		{"https://own.example", own.PublicKey, "OPTIONS", 204, "https://own.example"},
		{"http://localhost:3000", own.PublicKey, "OPTIONS", 401, ""},
		{"https://evil.test", "", "OPTIONS", 401, ""},
		{"", "", "OPTIONS", 401, ""},
	}
	for _, path := range []string{"/api/browser/errors", "/api/errors"} {
		for _, test := range tests {
			target := path
			if test.key != "" {
				target += "?key=" + test.key
			}
			var headers []string
			if test.origin != "" {
				headers = []string{"Origin", test.origin}
			}
			status, body, h := ask(s, test.method, target, event, headers...)
			if status != test.status || h.Get("Access-Control-Allow-Origin") != test.allowed {
				t.Errorf("%s %s of %q with key %.8q: %d, allowed %q, want %d and %q: %s", test.method, path, test.origin, test.key,
					status, h.Get("Access-Control-Allow-Origin"), test.status, test.allowed, body)
			}
			if !slices.Contains(h.Values("Vary"), "Origin") {
				t.Errorf("%s of %q: Vary is %q", test.method, test.origin, h.Values("Vary"))
			}
			if exposed := h.Get("Access-Control-Expose-Headers"); (exposed == "Retry-After") != (test.allowed != "") {
				t.Errorf("%s of %q: exposed headers %q", test.method, test.origin, exposed)
			}
			if credentials := h.Get("Access-Control-Allow-Credentials"); (credentials == "true") != (test.allowed != "") {
				t.Errorf("%s of %q: credentials %q", test.method, test.origin, credentials)
			}
			if test.status == 204 && (h.Get("Access-Control-Allow-Methods") != "POST, OPTIONS" ||
				h.Get("Access-Control-Allow-Headers") != "X-Monlight-Key, Content-Type" || h.Get("Access-Control-Max-Age") != "86400") {
				t.Errorf("preflight of %q: %v", test.origin, h)
			}
		}
	}
	// Administration and health are for no other origin.
	for _, target := range []string{"/health", "/api/dsn-keys"} {
		if _, _, h := ask(s, "GET", target, "", "Origin", "http://localhost:3000", "X-API-Key", testKey); h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s allows an origin", target)
		}
	}
}

// Any origin is fine for reading, but never with credentials.
func TestAnyOriginIsNotCredentialed(t *testing.T) {
	s := newService(t, map[string]string{"CORS_ORIGINS": "*"})
	_, _, h := ask(s, "OPTIONS", "/api/browser/metrics", "", "Origin", "https://any.test")
	if h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("%v", h)
	}
}
