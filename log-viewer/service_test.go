package main

import (
	"context"
	"encoding/json"
	"errors"
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
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/log-viewer/internal/sqlite"
	"github.com/monlight/monlight/shared/auth/authtest"
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
	values := map[string]string{"API_KEY": testKey, "DATABASE_PATH": filepath.Join(t.TempDir(), "l.db"), "LOG_SOURCES": t.TempDir(), "MIN_FREE_BYTES": "1"}
	for name, v := range env {
		values[name] = v
	}
	e := config.New(service, func(name string) (string, bool) { v, ok := values[name]; return v, ok })
	s := load(e)
	if err := e.Err(); err != nil {
		t.Fatal(err)
	}
	o, err := open(t.Context(), s, slog.New(slog.DiscardHandler))
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
		target := strings.ReplaceAll(route, "{id:[0-9]+}", "7")
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
	if err != nil || n < 20 {
		t.Errorf("%d routes, %v", n, err)
	}
	authtest.RefusesForeignPages(t, h, routes, testKey, "POST /sign-in", "POST /sign-out")
	for _, target := range []string{"/metrics", "/nothing", "/api/nothing", "/api/logs/tail?api_key=" + testKey} {
		if status, _, _ := ask(h, http.MethodGet, target, ""); status != http.StatusUnauthorized {
			t.Errorf("GET %s without a key: %d", target, status)
		}
	}
	if status, body, _ := ask(h, http.MethodGet, "/api/nothing", "", "X-API-Key", testKey); status != 404 || !strings.Contains(body, `"detail":"Not found"`) {
		t.Errorf("an unknown path: %d %s", status, body)
	}
	if status, _, header := ask(h, http.MethodDelete, "/api/logs", "", "X-API-Key", testKey); status != 405 || !strings.Contains(header.Get("Allow"), "POST") {
		t.Errorf("DELETE: %d, Allow %q", status, header.Get("Allow"))
	}
}

func TestHealthNeedsNoKeyAndCounts(t *testing.T) {
	h, _ := newService(t, nil)
	if status, body, _ := ask(h, http.MethodGet, "/health", ""); status != 200 || body != `{"last_ingest":null,"logs_indexed":0,"status":"ok"}` {
		t.Errorf("%d %s", status, body)
	}
	if status, body, _ := ask(h, http.MethodPost, "/api/logs", `[{"container":"a","message":"x","timestamp":"2026-11-20T10:00:00.5Z"},{"container":"a","message":"y","timestamp":"2026-11-20T09:00:00Z"}]`, "X-API-Key", testKey); status/100 != 2 {
		t.Fatalf("%d %s", status, body)
	}
	if _, body, _ := ask(h, http.MethodGet, "/health", ""); body != `{"last_ingest":"2026-11-20T10:00:00Z","logs_indexed":2,"status":"ok"}` {
		t.Error(body)
	}
	if _, body, _ := ask(h, http.MethodGet, "/metrics", "", "X-API-Key", testKey); !strings.Contains(body, "\nlog_viewer_entries_total 2\n") || !strings.Contains(body, "\nlog_viewer_entries 2\n") {
		t.Error("/metrics does not count the entries")
	}
}

func TestLimitsOfTheContract(t *testing.T) {
	h, _ := newService(t, map[string]string{"RATE_LIMIT": "4"})
	over := strings.Repeat(" ", 64<<10+1)
	if status, body, _ := ask(h, http.MethodGet, "/api/stats", over, "X-API-Key", testKey); status != 413 || !strings.Contains(body, "Request body exceeds maximum size") {
		t.Errorf("body over the limit: %d %s", status, body)
	}
	if status, _, _ := ask(h, http.MethodPost, "/api/logs", strings.Repeat(" ", 4<<20+1), "X-API-Key", testKey); status != 413 {
		t.Errorf("lines over the limit: %d", status)
	}
	if status, _, header := ask(h, http.MethodPost, "/api/logs", "x", "X-API-Key", testKey, "Content-Encoding", "br"); status != 415 || header.Get("Accept-Encoding") != "gzip, zstd" {
		t.Errorf("brotli: %d, want 415; %q", status, header.Get("Accept-Encoding"))
	}
	if status, _, _ := ask(h, http.MethodPost, "/api/logs", "{", "X-API-Key", testKey); status != 400 {
		t.Errorf("no JSON: %d", status)
	}
	status, body, header := ask(h, http.MethodGet, "/api/containers", "", "X-API-Key", testKey)
	var a struct {
		Detail     string
		RetryAfter int `json:"retry_after"`
	}
	if err := json.Unmarshal([]byte(body), &a); err != nil || status != 429 || a.Detail != "Rate limit exceeded" || a.RetryAfter < 1 || header.Get("Retry-After") == "" {
		t.Errorf("fifth request of four: %d %s %v", status, body, header)
	}
}

// Also where fewer entries are kept than a block usually has.
func TestFewEntriesAreKeptWhenFewAreAskedFor(t *testing.T) {
	db, err := sqlitedb.Open(t.Context(), filepath.Join(t.TempDir(), "l.db"), sqlite.DatabaseOptions(nil))
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlite.Open(t.Context(), db, storeOptions(settings{maxEntries: 1000, memory: 96 << 20}, slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(store.Close(), db.Close()); err != nil {
			t.Error(err)
		}
	})
	now := time.Now().UnixNano()
	for range 25 {
		entries := make([]logs.Entry, 200)
		for i := range entries {
			now++
			entries[i] = logs.Entry{Time: now, Source: "chatty", Message: "tick"}
		}
		if _, err := store.Append(t.Context(), logs.Batch{Entries: entries}); err != nil {
			t.Fatal(err)
		}
	}
	var left int64
	for begin := time.Now(); time.Since(begin) < 20*time.Second; time.Sleep(10 * time.Millisecond) { // until they are in blocks
		if _, err := store.Retain(t.Context()); err != nil {
			t.Fatal(err)
		}
		st, err := store.Stats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if left = st.Entries; left <= 1000 {
			break
		}
	}
	if left > 1000 || left < 700 {
		t.Errorf("%d entries are left, want 1000 or hardly less", left)
	}
}
