package server_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/monlight/monlight/shared/auth"
	"github.com/monlight/monlight/shared/clientip"
	"github.com/monlight/monlight/shared/config"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/logging"
	"github.com/monlight/monlight/shared/problem"
	"github.com/monlight/monlight/shared/server"
)

const testKey = "9f3c1e0a7b5d42688c6e1f90ab34d7e2"

// defaults are the settings of an empty environment.
func defaults(t testing.TB) server.Settings {
	t.Helper()
	env := config.New("notes", func(string) (string, bool) { return "", false })
	s := server.Load(env)
	if err := env.Err(); err != nil {
		t.Fatal(err)
	}
	return s
}

func newEdge(t testing.TB, change func(*server.Settings)) *server.Edge {
	t.Helper()
	s := defaults(t)
	if change != nil {
		change(&s)
	}
	return server.NewEdge("notes", "1.2.3", s, logging.Discard())
}

// ask sends a request to the whole edge with headers as pairs.
func ask(h http.Handler, method, target string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// echo answers with method, path and query as the service sees them.
func echo(w http.ResponseWriter, r *http.Request) {
	_, _ = fmt.Fprintf(w, "%s %s %s", r.Method, r.URL.EscapedPath(), r.URL.RawQuery)
}

func TestEveryAnswerHasTheHeaders(t *testing.T) {
	edge := newEdge(t, nil)
	r := edge.Router()
	r.Get("/page", echo)
	r.Get("/panic", func(http.ResponseWriter, *http.Request) { panic("x") })
	r.Get("/asset", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	})
	guard := auth.NewGuard(auth.Options{Service: "notes", Key: auth.NewKey(config.NewSecret(testKey))})
	r.With(guard.API).Get("/api", echo)
	h := server.Handler(server.Options{Edge: edge, Handler: r, MetricsGuard: guard.API})
	want := http.Header{
		"Cache-Control":              {"no-store"},
		"Content-Security-Policy":    {"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"},
		"Cross-Origin-Opener-Policy": {"same-origin"},
		"Permissions-Policy":         {"camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"},
		"Referrer-Policy":            {"same-origin"},
		"X-Content-Type-Options":     {"nosniff"},
		"X-Request-Id":               {"abc"},
	}
	for path, status := range map[string]int{"/page": 200, "/panic": 500, "/asset": 200, "/api": 401, "/none": 404, "/health": 200, "/metrics": 401} {
		w := ask(h, "GET", path, "X-Request-Id", "abc")
		got := w.Result().Header
		for _, name := range []string{"Content-Type", "Content-Length"} { // of the body
			got.Del(name)
		}
		wantHere := want.Clone()
		if path == "/asset" {
			wantHere.Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		if diff := cmp.Diff(wantHere, got); diff != "" || w.Code != status {
			t.Errorf("GET %s = %d, want %d; headers (-want +got):\n%s", path, w.Code, status, diff)
		}
	}
}

func TestRequestIDIsTakenOverWhenHarmless(t *testing.T) {
	edge := newEdge(t, nil)
	h := server.Handler(server.Options{Edge: edge, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, logging.RequestID(r.Context()))
	})})
	tests := map[string]bool{
		"abc-DEF_1.2": true, strings.Repeat("a", 64): true, strings.Repeat("a", 65): false, "": false,
		"a b": false, "a\"b": false, "<b>": false, "a\x1b": false, "ä": false, "../x": false,
	}
	for id, kept := range tests {
		w := ask(h, "GET", "/", "X-Request-Id", id)
		got := w.Header().Values("X-Request-Id")
		if len(got) != 1 || got[0] != w.Body.String() || (got[0] == id) != kept || len(got[0]) < 1 {
			t.Errorf("X-Request-Id %q: answered %q, in the context %q; want it kept: %v", id, got, w.Body, kept)
		}
	}
	if a, b := ask(h, "GET", "/").Body.String(), ask(h, "GET", "/").Body.String(); a == b {
		t.Errorf("two requests got the same id %q", a)
	}
}

func TestBasePathIsStrippedOnce(t *testing.T) {
	base, err := url.Parse("https://mon.example/tools/notes")
	if err != nil {
		t.Fatal(err)
	}
	edge := newEdge(t, func(s *server.Settings) { s.BaseURL = base })
	h := server.Handler(server.Options{Edge: edge, Handler: http.HandlerFunc(echo)})
	for target, want := range map[string]string{
		"/tools/notes":              "GET / ",
		"/tools/notes/":             "GET / ",
		"/tools/notes/api/x?a=b":    "GET /api/x a=b",
		"/api/x?a=b":                "GET /api/x a=b", // a proxy has stripped it
		"/tools/notesx":             "GET /tools/notesx ",
		"/tools/notes/a%2Fb":        "GET /a%2Fb ",
		"/tools/notes/tools/notes/": "GET /tools/notes/ ",
		"/tools/notes/health":       `{"status":"ok"}`,
		"/health":                   `{"status":"ok"}`,
	} {
		if w := ask(h, "GET", target); w.Body.String() != want {
			t.Errorf("GET %s = %q, want %q", target, w.Body, want)
		}
	}
}

// Pages below /errors with a public URL that ends in /errors: both readings of a
// path are possible, and the routes tell which one is meant.
func TestBasePathMayBeginLikeAPage(t *testing.T) {
	base, err := url.Parse("https://mon.example/errors")
	if err != nil {
		t.Fatal(err)
	}
	edge := newEdge(t, func(s *server.Settings) { s.BaseURL = base })
	routes := edge.Router()
	routes.Get("/", echo)
	routes.Get("/errors/{id:[0-9]+}", echo)
	routes.Post("/errors/{id:[0-9]+}/{action:[a-z]+}", echo)
	routes.Get("/api/errors", echo)
	h := server.Handler(server.Options{Edge: edge, Handler: routes})
	for _, tt := range []struct{ method, target, want string }{
		{"GET", "/errors/errors/7?a=b", "GET /errors/7 a=b"},
		{"GET", "/errors/7?a=b", "GET /errors/7 a=b"}, // a proxy has stripped it
		{"POST", "/errors/errors/7/resolve", "POST /errors/7/resolve "},
		{"POST", "/errors/7/resolve", "POST /errors/7/resolve "},
		{"GET", "/errors/api/errors", "GET /api/errors "},
		{"GET", "/api/errors", "GET /api/errors "},
		{"GET", "/errors", "GET / "},
		{"GET", "/errors/", "GET / "},
		{"GET", "/errors/health", `{"status":"ok"}`},
	} {
		if w := ask(h, tt.method, tt.target); w.Body.String() != tt.want {
			t.Errorf("%s %s = %q, want %q", tt.method, tt.target, w.Body, tt.want)
		}
	}
	for _, target := range []string{"/errors/errors/7", "/errors/7"} {
		if w := ask(h, "HEAD", target); w.Code != http.StatusOK {
			t.Errorf("HEAD %s = %d, want 200", target, w.Code)
		}
	}
	if w := ask(h, "GET", "/errors/nothing"); w.Code != http.StatusNotFound {
		t.Errorf("GET /errors/nothing = %d, want 404", w.Code)
	}
}

func TestSettingsAreChecked(t *testing.T) {
	tests := map[string]struct{ name, value, want string }{
		"address without port":   {"ADDR", "8000", "want address:port"},
		"port out of range":      {"ADDR", ":70000", "want address:port"},
		"host name":              {"ADDR", "example.com:80", "want address:port"},
		"base path of the API":   {"BASE_URL", "https://x.example/api/notes", "want a path that does not begin with /api"},
		"base path with dots":    {"BASE_URL", "https://x.example/a/../b", "want a path of letters"},
		"base path with quotes":  {"BASE_URL", `https://x.example/"><script>`, "want a path of letters"},
		"base URL with query":    {"BASE_URL", "https://x.example/?a", "without user, query and fragment"},
		"proxy is a host name":   {"TRUSTED_PROXIES", "proxy", "is no network"},
		"budget too small":       {"MAX_INFLIGHT_BYTES", "100KB", "want a size from 2MB"},
		"no connections":         {"MAX_CONNECTIONS", "0", "want a whole number from 16"},
		"metrics without a port": {"METRICS_ADDR", "localhost", "want address:port"},
	}
	for name, tt := range tests {
		env := config.New("notes", func(n string) (string, bool) { return tt.value, n == tt.name })
		server.Load(env)
		if err := env.Err(); err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %s=%s gave %v, want %q", name, tt.name, tt.value, err, tt.want)
		}
	}
	good := map[string]string{
		"ADDR": "[::1]:8000", "BASE_URL": "https://x.example/notes/", "TRUSTED_PROXIES": "10.0.0.0/8", "METRICS_ADDR": "localhost:9100",
	}
	env := config.New("notes", func(n string) (string, bool) { v, ok := good[n]; return v, ok })
	s := server.Load(env)
	if env.Err() != nil || s.BasePath() != "/notes" || s.Origin() != "https://x.example" || s.Addr != "[::1]:8000" || s.TrustedProxies[0] != netip.MustParsePrefix("10.0.0.0/8") {
		t.Errorf("Load = %+v, %v", s, env.Err())
	}
}

func TestRateLimitAnswersWithTheTimeToWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		edge := newEdge(t, func(s *server.Settings) { s.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} })
		r := edge.Router()
		r.With(edge.RateLimit(2, time.Minute, clientip.Key)).Get("/", echo)
		h := server.Handler(server.Options{Edge: edge, Handler: r})
		from := func(addr string) *httptest.ResponseRecorder { return ask(h, "GET", "/", "X-Forwarded-For", addr) }
		from("198.51.100.1")
		time.Sleep(5 * time.Second)
		from("198.51.100.1")
		time.Sleep(5 * time.Second)
		w := from("198.51.100.1")
		if w.Code != 429 || w.Header().Get("Retry-After") != "50" || !strings.Contains(w.Body.String(), `"detail":"Rate limit exceeded","retry_after":50`) {
			t.Errorf("third request = %d, Retry-After %q, %s; want 429 and 50", w.Code, w.Header().Get("Retry-After"), w.Body)
		}
		if w := from("198.51.100.2"); w.Code != 200 {
			t.Errorf("another client = %d, want 200", w.Code)
		}
		if w := ask(h, "GET", "/health"); w.Code != 200 {
			t.Errorf("health = %d, want 200", w.Code)
		}
	})
}

func TestHeadIsAnsweredLikeGet(t *testing.T) {
	edge := newEdge(t, nil)
	r := edge.Router()
	r.Get("/page", echo)
	r.Post("/form", echo)
	r.Route("/api", func(r chi.Router) { r.Get("/notes/{id}", echo) })
	h := server.Handler(server.Options{Edge: edge, Handler: r})
	for path, want := range map[string]int{"/page": 200, "/api/notes/1": 200, "/form": 405, "/none": 404} {
		if w := ask(h, "HEAD", path); w.Code != want {
			t.Errorf("HEAD %s = %d, want %d", path, w.Code, want)
		}
	}
	if w := ask(h, "POST", "/api/notes/1"); w.Code != 405 || w.Header().Get("Allow") != "GET" {
		t.Errorf("POST = %d, Allow %q; want 405 and GET", w.Code, w.Header().Get("Allow"))
	}
}

func TestHealth(t *testing.T) {
	var extra map[string]any
	var err error
	edge := newEdge(t, nil)
	h := server.Handler(server.Options{
		Edge: edge, Handler: edge.Router(),
		Health: func(context.Context) (map[string]any, error) {
			if extra["panic"] != nil {
				panic("x")
			}
			return extra, err
		},
	})
	check := func(method string, status int, body string) {
		t.Helper()
		if w := ask(h, method, "/health"); w.Code != status || w.Body.String() != body || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s /health = %d %s, want %d %s", method, w.Code, w.Body, status, body)
		}
	}
	for _, method := range []string{"GET", "POST", "PUT", "OPTIONS", "BREW"} {
		check(method, 200, `{"status":"ok"}`)
	}
	extra = map[string]any{"logs_indexed": 7, "last_ingest": nil}
	check("GET", 200, `{"last_ingest":null,"logs_indexed":7,"status":"ok"}`)
	err = errs.New(errs.Unavailable, "disk is full")
	check("GET", 503, `{"detail":"disk is full","last_ingest":null,"logs_indexed":7,"status":"unavailable"}`)
	extra, err = nil, io.ErrUnexpectedEOF
	check("GET", 503, `{"status":"unavailable"}`)
	extra = map[string]any{"panic": true}
	check("GET", 503, `{"status":"unavailable"}`)
	if w := ask(h, "GET", "/health/"); w.Code != 404 {
		t.Errorf("GET /health/ = %d, want 404", w.Code)
	}
}

func TestSlowHealthCheckIsUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		h := server.Health(logging.Discard(), func(ctx context.Context) (map[string]any, error) {
			calls.Add(1)
			if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > 2*time.Second {
				t.Errorf("the check has a deadline: %v, at %v", ok, deadline)
			}
			time.Sleep(time.Minute) // it does not even look at ctx
			return nil, nil
		})
		began := time.Now()
		for range 3 {
			if w := ask(h, "GET", "/health"); w.Code != 503 {
				t.Errorf("status %d, want 503", w.Code)
			}
		}
		if took := time.Since(began); took != 6*time.Second || calls.Load() != 1 {
			t.Errorf("3 answers took %v and %d checks, want 6 s and 1 check", took, calls.Load())
		}
		time.Sleep(time.Minute) // for the check to end
	})
}

func TestMetricsCountByRoute(t *testing.T) {
	edge := newEdge(t, nil)
	r := edge.Router()
	r.Get("/api/notes/{id}", echo)
	guard := auth.NewGuard(auth.Options{Service: "notes", Key: auth.NewKey(config.NewSecret(testKey))})
	h := server.Handler(server.Options{Edge: edge, Handler: r, MetricsGuard: guard.API})
	for i := range 50 {
		ask(h, "GET", fmt.Sprint("/api/notes/", i))
		ask(h, "GET", fmt.Sprint("/scan/", i))
		ask(h, fmt.Sprint("METHOD", i), "/scan")
	}
	ask(h, "GET", "/health")
	if w := ask(h, "GET", "/metrics"); w.Code != 401 {
		t.Errorf("/metrics without a key = %d, want 401", w.Code)
	}
	w := ask(h, "GET", "/metrics", "X-API-Key", testKey)
	var got []string
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "http_requests_total{") || strings.HasPrefix(line, "monlight_build_info{") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	want := []string{
		`http_requests_total{method="GET",route="/api/notes/{id}",status="200"} 50`,
		`http_requests_total{method="GET",route="/health",status="200"} 1`,
		`http_requests_total{method="GET",route="/metrics",status="401"} 1`,
		`http_requests_total{method="GET",route="unmatched",status="404"} 50`,
		`http_requests_total{method="other",route="unmatched",status="405"} 50`,
		`monlight_build_info{service="notes",version="1.2.3"} 1`,
	}
	if diff := cmp.Diff(want, got); diff != "" || w.Code != 200 {
		t.Errorf("/metrics = %d (-want +got):\n%s", w.Code, diff)
	}
	for _, name := range []string{"go_goroutines", "process_resident_memory_bytes", "http_request_duration_seconds_bucket", "http_request_body_bytes"} {
		if !strings.Contains(w.Body.String(), name) {
			t.Errorf("/metrics has no %s", name)
		}
	}
}

func TestMetricsAreOffWithoutAGuard(t *testing.T) {
	edge := newEdge(t, nil)
	if w := ask(server.Handler(server.Options{Edge: edge, Handler: edge.Router()}), "GET", "/metrics"); w.Code != 404 {
		t.Errorf("/metrics = %d, want 404", w.Code)
	}
	edge = newEdge(t, func(s *server.Settings) { s.MetricsAddr = "127.0.0.1:0" })
	guard := func(h http.Handler) http.Handler { return h }
	if w := ask(server.Handler(server.Options{Edge: edge, Handler: edge.Router(), MetricsGuard: guard}), "GET", "/metrics"); w.Code != 404 {
		t.Errorf("/metrics with METRICS_ADDR = %d, want 404", w.Code)
	}
}

func TestAccessLogHasNoQueryAndNoKeys(t *testing.T) {
	var out strings.Builder
	edge := server.NewEdge("notes", "", defaults(t), logging.New(&out, "notes", slog.LevelDebug))
	h := server.Handler(server.Options{Edge: edge, Handler: edge.Router()})
	ask(h, "GET", "/none?api_key=canary", "X-API-Key", "canary", "Cookie", "a=canary", "Authorization", "canary")
	if strings.Contains(out.String(), "canary") || !strings.Contains(out.String(), `"path":"/none"`) || !strings.Contains(out.String(), `"status":404`) {
		t.Errorf("access log %s", out.String())
	}
	if lines := slices.Collect(strings.Lines(out.String())); len(lines) != 1 {
		t.Errorf("%d lines, want 1", len(lines))
	}
}

func TestPanicLeavesTheServiceRunning(t *testing.T) {
	edge := newEdge(t, nil)
	r := edge.Router()
	r.Get("/panic", func(http.ResponseWriter, *http.Request) { panic("x") })
	r.Get("/ok", edge.Handle(func(w http.ResponseWriter, _ *http.Request) error { return problem.JSON(w, 200, 1) }))
	h := server.Handler(server.Options{Edge: edge, Handler: r})
	w := ask(h, "GET", "/panic", "X-Request-Id", "abc")
	if w.Code != 500 || !strings.Contains(w.Body.String(), `"request_id":"abc"`) {
		t.Errorf("GET /panic = %d %s", w.Code, w.Body)
	}
	if w := ask(h, "GET", "/ok"); w.Code != 200 {
		t.Errorf("GET /ok after a panic = %d", w.Code)
	}
}
