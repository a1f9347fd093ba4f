package problem_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/logging"
	"github.com/monlight/monlight/shared/problem"
)

// serve runs f behind Handler and returns the answer and the log.
func serve(t *testing.T, f problem.HandlerFunc) (*http.Response, string, string) {
	t.Helper()
	var log bytes.Buffer
	r := httptest.NewRequest(http.MethodPost, "/api/notes?secret=canary", nil)
	r = r.WithContext(logging.WithRequestID(r.Context(), "req1"))
	w := httptest.NewRecorder()
	problem.Handler(logging.New(&log, "notes", slog.LevelInfo), f)(w, r)
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(log.String(), "canary") {
		t.Errorf("the query string is in the log: %s", log.String())
	}
	return w.Result(), string(body), log.String()
}

func TestErrorsBecomeProblems(t *testing.T) {
	internal := `{"title":"Internal Server Error","status":500,"detail":"Internal server error","request_id":"req1"}`
	tests := map[string]struct {
		err    error
		status int
		want   string
		log    string // part of the log; "" is an empty log
	}{
		"invalid": {
			errs.New(errs.Invalid, "limit = %q, want 1 to 100", "x"), 400,
			`{"title":"Bad Request","status":400,"detail":"limit = \"x\", want 1 to 100","request_id":"req1"}`, "",
		},
		"cause is not shown": {
			errs.Wrap(errs.Invalid, errors.New("canary"), "body is not valid JSON"), 400,
			`{"title":"Bad Request","status":400,"detail":"body is not valid JSON","request_id":"req1"}`, "",
		},
		"found in a chain": {
			fmt.Errorf("load: %w", errs.New(errs.NotFound, "error 42 not found")), 404,
			`{"title":"Not Found","status":404,"detail":"error 42 not found","request_id":"req1"}`, "",
		},
		"with a member of its own": {
			fmt.Errorf("load: %w", problem.With(errs.New(errs.NotFound, "error 42 not found"), "merged_into", 7)), 404,
			`{"title":"Not Found","status":404,"detail":"error 42 not found","request_id":"req1","merged_into":7}`, "",
		},
		"rate limited": {
			errs.RetryIn(errs.RateLimited, 49001*time.Millisecond, "Rate limit exceeded"), 429,
			`{"title":"Too Many Requests","status":429,"detail":"Rate limit exceeded","retry_after":50,"request_id":"req1"}`, "",
		},
		"unavailable without a time": {
			errs.New(errs.Unavailable, "disk is full"), 503,
			`{"title":"Service Unavailable","status":503,"detail":"disk is full","retry_after":1,"request_id":"req1"}`, "",
		},
		"unavailable with a cause": {
			errs.Wrap(errs.Unavailable, errors.New("SQLITE_FULL"), "disk is full"), 503,
			`{"title":"Service Unavailable","status":503,"detail":"disk is full","retry_after":1,"request_id":"req1"}`, "SQLITE_FULL",
		},
		"too many bytes": {
			&http.MaxBytesError{Limit: 10}, 413,
			`{"title":"Request Entity Too Large","status":413,"detail":"Request body exceeds maximum size","request_id":"req1"}`, "",
		},
		"unclassified":      {errors.New("no such table: notes"), 500, internal, "no such table: notes"},
		"internal has text": {errs.New(errs.Internal, "no such table: notes"), 500, internal, "no such table: notes"},
		"deadline":          {context.DeadlineExceeded, 500, internal, "deadline exceeded"},
		"invalid UTF-8": {
			errs.New(errs.Invalid, "name \xff\xfe\x00\x1b[31m\n is wrong"), 400,
			`{"title":"Bad Request","status":400,"detail":"name \ufffd\ufffd\u0000\u001b[31m\n is wrong","request_id":"req1"}`, "",
		},
		"markup": {
			errs.New(errs.Invalid, "<script>"), 400,
			`{"title":"Bad Request","status":400,"detail":"\u003cscript\u003e","request_id":"req1"}`, "",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			res, body, log := serve(t, func(http.ResponseWriter, *http.Request) error { return tt.err })
			if res.StatusCode != tt.status || body != tt.want {
				t.Errorf("answer %d %s\nwant   %d %s", res.StatusCode, body, tt.status, tt.want)
			}
			if got := problem.Status(tt.err); got != tt.status {
				t.Errorf("Status = %d, want %d", got, tt.status)
			}
			if ct := res.Header.Get("Content-Type"); ct != "application/problem+json" {
				t.Errorf("Content-Type = %q", ct)
			}
			var d struct {
				RetryAfter int `json:"retry_after"`
			}
			if err := json.Unmarshal([]byte(body), &d); err != nil {
				t.Errorf("body is not JSON: %v", err)
			}
			want := ""
			if d.RetryAfter > 0 {
				want = fmt.Sprint(d.RetryAfter)
			}
			if got := res.Header.Get("Retry-After"); got != want {
				t.Errorf("Retry-After = %q, want %q", got, want)
			}
			if n := strings.Count(log, "\n"); n > 1 || (tt.log == "") != (log == "") || !strings.Contains(log, tt.log) {
				t.Errorf("log %q, want one line with %q", log, tt.log)
			}
		})
	}
}

func TestLongDetailIsCut(t *testing.T) {
	_, body, _ := serve(t, func(http.ResponseWriter, *http.Request) error {
		return errs.New(errs.Invalid, "%s", strings.Repeat("ü", 100_000))
	})
	if len(body) > 1500 || !utf8.ValidString(body) {
		t.Errorf("body has %d bytes, valid UTF-8: %v", len(body), utf8.ValidString(body))
	}
}

func TestPanicBecomesOne500(t *testing.T) {
	res, body, _ := serve(t, func(http.ResponseWriter, *http.Request) error { panic("broken\nin the stack") })
	if res.StatusCode != http.StatusInternalServerError || !strings.Contains(body, `"detail":"Internal server error"`) || !strings.Contains(body, `"request_id":"req1"`) {
		t.Errorf("answer %d %s", res.StatusCode, body)
	}
	if strings.Contains(body, "in the stack") || strings.Contains(body, "goroutine") {
		t.Errorf("the answer shows the panic: %s", body)
	}
}

func TestPanicIsLoggedOnceWithItsStack(t *testing.T) {
	var log bytes.Buffer
	h := problem.Guard(logging.New(&log, "notes", slog.LevelInfo))(problem.Handler(logging.New(&log, "notes", slog.LevelInfo),
		func(http.ResponseWriter, *http.Request) error { var p *int; *p = 1; return nil }))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != 500 || strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), `"stack":"goroutine`) ||
		!strings.Contains(log.String(), "nil pointer") {
		t.Errorf("status %d, log %s", w.Code, log.String())
	}
}

func TestPanicAfterTheAnswerBeganBreaksTheConnection(t *testing.T) {
	s := httptest.NewServer(problem.Handler(logging.Discard(), func(w http.ResponseWriter, _ *http.Request) error {
		_, _ = io.WriteString(w, "half of")
		w.(http.Flusher).Flush()
		panic("rest is missing")
	}))
	defer s.Close()
	res, err := http.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err == nil {
		t.Errorf("read %q without an error, want a broken answer", body)
	}
}

func TestAbortIsPassedOn(t *testing.T) {
	defer func() {
		if p := recover(); p != http.ErrAbortHandler { //nolint:errorlint // the very value
			t.Errorf("recovered %v, want http.ErrAbortHandler", p)
		}
	}()
	serve(t, func(http.ResponseWriter, *http.Request) error { panic(http.ErrAbortHandler) })
}

func TestErrorAfterTheAnswerBeganAddsNothing(t *testing.T) {
	res, body, log := serve(t, func(w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, "ok")
		return errors.New("too late")
	})
	if res.StatusCode != http.StatusAccepted || body != "ok" || !strings.Contains(log, "too late") {
		t.Errorf("answer %d %q, log %q", res.StatusCode, body, log)
	}
}

func TestCancelledRequestIsNotAnError(t *testing.T) {
	var log bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := httptest.NewRecorder()
	problem.Handler(logging.New(&log, "notes", slog.LevelInfo), func(_ http.ResponseWriter, r *http.Request) error {
		return fmt.Errorf("query: %w", r.Context().Err())
	})(w, httptest.NewRequest(http.MethodGet, "/", nil).WithContext(ctx))
	if w.Code != 503 || log.Len() > 0 {
		t.Errorf("status %d, log %q; want 503 and nothing logged", w.Code, log.String())
	}
}

func TestHeadersOfTheAnswerThatWasNotGivenAreDropped(t *testing.T) {
	res, _, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		w.Header().Set("Content-Length", "17")
		return errs.New(errs.NotFound, "x")
	})
	if res.Header.Get("Content-Encoding") != "" || res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("Content-Length") == "17" {
		t.Errorf("headers %v", res.Header)
	}
}

func TestJSONIsCompactOrNothing(t *testing.T) {
	res, body, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) error {
		return problem.JSON(w, http.StatusCreated, map[string]any{"id": 1, "text": "a\xffb"})
	})
	if res.StatusCode != http.StatusCreated || body != `{"id":1,"text":"a\ufffdb"}` || res.Header.Get("Content-Type") != "application/json" {
		t.Errorf("answer %d %s %v", res.StatusCode, body, res.Header)
	}
	res, body, log := serve(t, func(w http.ResponseWriter, _ *http.Request) error {
		return problem.JSON(w, http.StatusOK, math.NaN())
	})
	if res.StatusCode != http.StatusInternalServerError || !strings.Contains(body, "Internal server error") || !strings.Contains(log, "NaN") {
		t.Errorf("answer %d %s, log %s", res.StatusCode, body, log)
	}
}

func TestUnknownPathsAndMethods(t *testing.T) {
	r := chi.NewRouter()
	r.NotFound(problem.NotFound)
	r.MethodNotAllowed(problem.MethodNotAllowed)
	ok := func(http.ResponseWriter, *http.Request) {}
	r.Route("/api", func(r chi.Router) {
		r.Get("/notes/{id}", ok)
		r.Delete("/notes/{id}", ok)
		r.Post("/notes", ok)
	})
	tests := []struct {
		method, path string
		status       int
		detail       string
		allow        string
	}{
		{"GET", "/api/nothing", 404, "Not found", ""},
		{"GET", "/", 404, "Not found", ""},
		{"POST", "/api/notes/7", 405, "Method not allowed", "GET, DELETE"},
		{"POST", "/api/notes/a%2Fb", 405, "Method not allowed", "GET, DELETE"},
		{"GET", "/api/notes", 405, "Method not allowed", "POST"},
		{"BREW", "/api/notes", 405, "Method not allowed", "POST"},
	}
	for _, tt := range tests {
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest(tt.method, tt.path, nil))
		if w.Code != tt.status || !strings.Contains(w.Body.String(), `"detail":"`+tt.detail+`"`) || w.Header().Get("Allow") != tt.allow {
			t.Errorf("%s %s = %d %s Allow %q; want %d %q Allow %q",
				tt.method, tt.path, w.Code, w.Body, w.Header().Get("Allow"), tt.status, tt.detail, tt.allow)
		}
	}
}
