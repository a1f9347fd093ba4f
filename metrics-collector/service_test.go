package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/monlight/monlight/metrics-collector/internal/sqlite"
	"github.com/monlight/monlight/shared/config"
	"github.com/monlight/monlight/shared/server"
	"github.com/monlight/monlight/shared/sqlitedb"
)

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script"})
}

// newService is the whole service but for its listener.
func newService(t *testing.T, env map[string]string) (http.Handler, server.Options) {
	t.Helper()
	values := map[string]string{"API_KEY": testKey, "DATABASE_PATH": filepath.Join(t.TempDir(), "m.db")}
	for name, v := range env {
		values[name] = v
	}
	e := config.New(service, func(name string) (string, bool) { v, ok := values[name]; return v, ok })
	s := load(e)
	if err := e.Err(); err != nil {
		t.Fatal(err)
	}
	db, err := sqlitedb.Open(t.Context(), s.database, sqlitedb.Options{Migrations: sqlite.Migrations(), MinFreeBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	o, err := assemble(t.Context(), s, db, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, c := range o.Closers {
			if err := c(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
		}
	})
	return server.Handler(o), o
}

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

// Nothing answers without a key but what is listed here.
func TestEveryRouteWantsTheKey(t *testing.T) {
	h, o := newService(t, nil)
	open := []string{"/assets/{name}", "/favicon.ico", "/sign-in", "/sign-out"}
	routes, ok := o.Handler.(chi.Routes)
	if !ok {
		t.Fatalf("handler is a %T", o.Handler)
	}
	n := 0
	err := chi.Walk(routes, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		n++
		if slices.Contains(open, route) {
			return nil
		}
		target := strings.ReplaceAll(route, "{slug}", "x")
		status, body, _ := ask(h, method, target, "")
		switch {
		case strings.HasPrefix(route, "/api/"):
			if status != http.StatusUnauthorized || !strings.Contains(body, `"detail":"Invalid API key"`) {
				t.Errorf("%s %s without a key: %d %.80s", method, route, status, body)
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
	if err != nil || n < 18 {
		t.Errorf("%d routes, %v", n, err)
	}
	for _, target := range []string{"/metrics", "/nothing", "/api/nothing"} {
		if status, _, _ := ask(h, http.MethodGet, target, ""); status != http.StatusUnauthorized {
			t.Errorf("GET %s without a key: %d", target, status)
		}
	}
}

func TestHealthNeedsNoKeyAndCounts(t *testing.T) {
	h, _ := newService(t, nil)
	if status, body, _ := ask(h, http.MethodGet, "/health", ""); status != 200 || body != `{"last_aggregation":null,"metrics_received_24h":0,"status":"ok"}` {
		t.Errorf("%d %s", status, body)
	}
	if status, body, _ := ask(h, http.MethodPost, "/api/metrics", `[{"name":"n","type":"gauge","value":1},{"name":"n","type":"gauge","value":2}]`, "X-API-Key", testKey); status != 202 {
		t.Fatalf("%d %s", status, body)
	}
	if _, body, _ := ask(h, http.MethodGet, "/health", ""); !strings.Contains(body, `"metrics_received_24h":2`) {
		t.Error(body)
	}
	if _, body, _ := ask(h, http.MethodGet, "/metrics", "", "X-API-Key", testKey); !strings.Contains(body, "\nmetrics_collector_points_total 2\n") {
		t.Error("/metrics does not count the points")
	}
}

func TestLimitsOfTheContract(t *testing.T) {
	h, _ := newService(t, map[string]string{"RATE_LIMIT": "3"})
	over := strings.Repeat(" ", 512<<10+1)
	if status, body, _ := ask(h, http.MethodPost, "/api/metrics", over, "X-API-Key", testKey); status != 413 || !strings.Contains(body, "Request body exceeds maximum size") {
		t.Errorf("body over the limit: %d %s", status, body)
	}
	if status, _, _ := ask(h, http.MethodPost, "/api/metrics", over[1:], "X-API-Key", testKey); status != 400 {
		t.Errorf("body at the limit: %d, want 400 for what is in it", status)
	}
	if status, _, _ := ask(h, http.MethodPost, "/api/metrics", "x", "X-API-Key", testKey, "Content-Encoding", "br"); status != 415 {
		t.Errorf("brotli: %d, want 415", status)
	}
	status, body, header := ask(h, http.MethodGet, "/api/projects", "", "X-API-Key", testKey)
	var a struct {
		Detail     string
		RetryAfter int `json:"retry_after"`
	}
	if err := json.Unmarshal([]byte(body), &a); err != nil || status != 429 || a.Detail != "Rate limit exceeded" || a.RetryAfter < 1 || header.Get("Retry-After") == "" {
		t.Errorf("fourth request of three: %d %s %v", status, body, header)
	}
}

// The real process: it stops in time, loses nothing, and counts what the last
// run did not flush.
func TestStopAndStartKeepEverything(t *testing.T) {
	p := newProcess(t, "AGGREGATION_INTERVAL=1h")
	p.start()
	body := []byte(`[{"name":"n","type":"counter","value":5},{"name":"n","type":"counter","value":2,"timestamp":"` + time.Now().Add(-3*time.Hour).UTC().Format(time.RFC3339) + `"}]`)
	if status, b, err := p.do(http.MethodPost, "/api/metrics", "", body); status != 202 || err != nil {
		t.Fatalf("%d %s %v", status, b, err)
	}
	if got := p.total("n", "60", ""); got != 7 {
		t.Errorf("before anything was flushed: %v, want 7", got)
	}
	if status, b, err := p.do(http.MethodPost, "/api/metrics", "", []byte(`{"metrics":`+string(body)+`}`)); status != 202 || err != nil {
		t.Fatalf("%d %s %v", status, b, err)
	}
	begin := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil || time.Since(begin) > 10*time.Second {
		t.Errorf("stop: %v after %s, want exit code 0 within 10 s", err, time.Since(begin))
	}
	if fi, err := os.Stat(filepath.Join(p.dir, "metrics.db-wal")); err == nil && fi.Size() > 0 {
		t.Errorf("the write-ahead log has %d bytes after a clean stop", fi.Size())
	}
	p.start()
	defer p.kill()
	if got := p.total("n", "60", ""); got != 14 {
		t.Errorf("after a restart: %v, want 14", got)
	}
}
