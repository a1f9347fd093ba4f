package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/monlight/monlight/error-tracker/internal/sqlite"
	"github.com/monlight/monlight/shared/config"
	"github.com/monlight/monlight/shared/logging"
	"github.com/monlight/monlight/shared/server"
	"github.com/monlight/monlight/shared/sqlitedb"
)

const testKey = "unit-test-key-2f9d41"

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){service: main, "request": request})
}

// request is a command of the scripts: request METHOD URL [KEY] [BODY]. It
// prints the status and the answer, and fails only without one.
func request() {
	arg := func(i int) string {
		if i < len(os.Args) {
			return os.Args[i]
		}
		return ""
	}
	r, err := http.NewRequest(arg(1), arg(2), strings.NewReader(arg(4)))
	if err == nil {
		if key := arg(3); key != "" {
			r.Header.Set("X-Api-Key", key)
		}
		var res *http.Response
		if res, err = http.DefaultClient.Do(r); err == nil {
			defer func() { _ = res.Body.Close() }()
			fmt.Println(res.StatusCode, res.Header.Get("Allow"))
			_, err = fmt.Fprint(os.Stdout, readAll(res))
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func readAll(res *http.Response) string {
	var b strings.Builder
	if err := res.Write(&b); err != nil {
		return err.Error()
	}
	return b.String()
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			e.Setenv("FREE_ADDR", l.Addr().String())
			return l.Close()
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"await": await, "mode": mode},
	})
}

// await ADDR waits until something listens there, ! await until nothing does.
func await(ts *testscript.TestScript, neg bool, args []string) {
	for begin := time.Now(); time.Since(begin) < 15*time.Second; time.Sleep(10 * time.Millisecond) {
		c, err := net.DialTimeout("tcp", args[0], time.Second)
		if err == nil {
			_ = c.Close()
		}
		if (err != nil) == neg {
			return
		}
	}
	ts.Fatalf("await %s: still the other way after 15 s", args[0])
}

// mode FILE BITS checks the permissions of a file.
func mode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[1] {
		ts.Fatalf("mode of %s is %s, want %s", args[0], got, args[1])
	}
}

// assembled is the service as run builds it.
func assembled(t *testing.T, env map[string]string) server.Options {
	t.Helper()
	database := filepath.Join(t.TempDir(), "errors.db")
	values := map[string]string{"API_KEY": testKey, "DATABASE_PATH": database}
	for name, value := range env {
		values[name] = value
	}
	e := config.New(service, func(name string) (string, bool) { v, ok := values[name]; return v, ok })
	s := load(e)
	if err := e.Err(); err != nil {
		t.Fatal(err)
	}
	db, err := sqlitedb.Open(t.Context(), s.database, sqlitedb.Options{Migrations: sqlite.Migrations(), ApplicationID: sqlite.ApplicationID})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	o, err := assemble(s, db, logging.Discard())
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// open are the routes that answer without a key. All of them must be here, and
// nothing else: a route that is added without a guard fails the test.
var open = []string{
	// The doors for SDKs: a project's key, which is no secret, opens them.
	"GET /api/0",
	"GET /api/0/",
	"GET /assets/{name}", // style sheet and script, the same for everybody
	"GET /favicon.ico",
	"GET /sign-in", // redirects to the first page
	"GET /sign-out",
	"OPTIONS /api/{project}/csp-report",
	"OPTIONS /api/{project}/csp-report/",
	"OPTIONS /api/{project}/envelope",
	"OPTIONS /api/{project}/envelope/",
	"OPTIONS /api/{project}/security",
	"OPTIONS /api/{project}/security/",
	"OPTIONS /api/{project}/store",
	"OPTIONS /api/{project}/store/",
	"POST /api/{project}/csp-report", // 403 without a project's key
	"POST /api/{project}/csp-report/",
	"POST /api/{project}/envelope",
	"POST /api/{project}/envelope/",
	"POST /api/{project}/security",
	"POST /api/{project}/security/",
	"POST /api/{project}/store",
	"POST /api/{project}/store/",
	"POST /sign-out", // ends a session, which only its owner has
}

func TestEveryOtherRouteNeedsTheKey(t *testing.T) {
	o := assembled(t, nil)
	handler := server.Handler(o)
	routes, ok := o.Handler.(chi.Routes)
	if !ok {
		t.Fatalf("%T has no routes to walk", o.Handler)
	}
	var unguarded, all []string
	err := chi.Walk(routes, func(method, pattern string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		all = append(all, method+" "+pattern)
		path := strings.NewReplacer("{id}", "1", "{id:[0-9]+}", "1", "{occurrence_id}", "1", "{key_id}", "1", "{comment_id}", "1", "{event:[0-9]+}", "1", "{n:[0-9]+}", "0", "{n}", "0", "{project}", "1", "{key:[0-9]+}", "1", "{action:[a-z]+}", "resolve", "{name}", "x.css", "*", "x").Replace(pattern)
		if strings.Contains(path, "{") {
			t.Errorf("the test does not know how to fill in %s", pattern)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		signIn := w.Code == http.StatusOK && strings.Contains(w.Body.String(), `type="password"`)
		if w.Code != http.StatusUnauthorized && !signIn {
			if method == http.MethodHead {
				method = http.MethodGet // what GET would say, without the body
			}
			unguarded = append(unguarded, method+" "+pattern)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(unguarded)
	if diff := cmp.Diff(open, slices.Compact(unguarded)); diff != "" {
		t.Errorf("routes that answer without a key: -allowed +found\n%s", diff)
	}
	if len(all) < 30 {
		t.Errorf("only %d routes were walked: %v", len(all), all)
	}
}

func TestPathsOutsideTheRoutes(t *testing.T) {
	handler := server.Handler(assembled(t, nil))
	const html = "text/html,application/xhtml+xml"
	for name, test := range map[string]struct {
		method, path, key, accept string
		status                    int
		allow, body               string
	}{
		"unknown, no key":            {method: "GET", path: "/api/x", status: 401, body: `"detail":"Invalid API key"`},
		"unknown, wrong key":         {method: "GET", path: "/x", key: "wrong-key-wrong-key", status: 401, body: `"detail":"Invalid API key"`},
		"unknown":                    {method: "GET", path: "/x", key: testKey, status: 404, body: `"detail":"Not found"`},
		"unknown below api":          {method: "GET", path: "/api/errors/", key: testKey, status: 404, body: `"detail":"Not found"`},
		"unknown, in a browser":      {method: "GET", path: "/x", key: testKey, accept: html, status: 404, body: "<html"},
		"unknown, stranger, browser": {method: "GET", path: "/x", accept: html, status: 200, body: `type="password"`},
		"api in a browser":           {method: "GET", path: "/api/x", key: testKey, accept: html, status: 404, body: `"detail":"Not found"`},
		"wrong method, no key":       {method: "PUT", path: "/api/errors", status: 401, body: `"detail":"Invalid API key"`},
		"wrong method":               {method: "PUT", path: "/api/errors", key: testKey, status: 405, allow: "GET, POST", body: `"detail":`},
		"wrong method, one issue":    {method: "PATCH", path: "/api/errors/5", key: testKey, status: 405, allow: "GET, DELETE", body: `"detail":`},
		"wrong method, action":       {method: "GET", path: "/api/errors/5/resolve", key: testKey, status: 405, allow: "POST", body: `"detail":`},
		"health":                     {method: "GET", path: "/health", status: 200, body: `{"status":"ok"}`},
		"health, HEAD":               {method: "HEAD", path: "/health", status: 200},
		"metrics, no key":            {method: "GET", path: "/metrics", status: 401},
		"metrics":                    {method: "GET", path: "/metrics", key: testKey, status: 200, body: `error_tracker_reports_total{outcome="created"} 0`},
		"no debug surface":           {method: "GET", path: "/debug/pprof/", key: testKey, status: 404},
		"list, HEAD":                 {method: "HEAD", path: "/api/errors", key: testKey, status: 200},
		"key in the URL":             {method: "GET", path: "/api/errors?api_key=" + testKey, status: 401},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(test.method, test.path, nil)
			if test.key != "" {
				r.Header.Set("X-Api-Key", test.key)
			}
			if test.accept != "" {
				r.Header.Set("Accept", test.accept)
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code != test.status || w.Header().Get("Allow") != test.allow || !strings.Contains(w.Body.String(), test.body) {
				t.Errorf("%s %s: %d, Allow %q, %.300s\nwant %d, Allow %q, %s", test.method, test.path, w.Code, w.Header().Get("Allow"), w.Body, test.status, test.allow, test.body)
			}
		})
	}
}

func TestMetricsCountWhatBecameOfReports(t *testing.T) {
	handler := server.Handler(assembled(t, nil))
	send := func(method, path, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("X-Api-Key", testKey)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w
	}
	report := `{"project":"p","exception_type":"E","message":"m","traceback":"t","event_id":"0123456789abcdef0123456789abcdef"}`
	for body, want := range map[string][]int{"{": {400}, report: {201, 200}, strings.Replace(report, "0123", "9123", 1): {200}} {
		for range want {
			send("POST", "/api/errors", body)
		}
	}
	text := send("GET", "/metrics", "").Body.String()
	for _, want := range []string{
		`error_tracker_reports_total{outcome="created"} 1`, `error_tracker_reports_total{outcome="incremented"} 1`,
		`error_tracker_reports_total{outcome="duplicate"} 1`, `error_tracker_reports_total{outcome="refused"} 1`,
		"database_writes_total ", "database_queue_length 0", "database_commit_writes_count", "database_disk_free_bytes ", "error_tracker_alerts_pending ",
		`http_requests_total{method="POST",route="/api/errors",status="400"} 1`, `version="dev"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
}

func TestTheRateLimitIsPerKeyAndSparesHealth(t *testing.T) {
	handler := server.Handler(assembled(t, map[string]string{"RATE_LIMIT": "3"}))
	get := func(path, key string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("X-Api-Key", key)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w
	}
	for range 5 { // wrong keys are not counted against the right one
		get("/api/projects", "wrong-key-wrong-key")
	}
	for range 3 {
		if w := get("/api/projects", testKey); w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	w := get("/api/projects", testKey)
	if w.Code != 429 || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), `"detail":"Rate limit exceeded"`) || !strings.Contains(w.Body.String(), `"retry_after":`) {
		t.Errorf("4th request: %d %v %s", w.Code, w.Header(), w.Body)
	}
	if w := get("/health", ""); w.Code != 200 {
		t.Errorf("health: %d", w.Code)
	}
}

func TestMailSettings(t *testing.T) {
	for name, test := range map[string]struct {
		env       map[string]string
		mistake   string // a part of it
		transport string
		off       string
	}{
		"nothing":           {off: "SMTP not configured: SMTP_HOST is not set"},
		"empty values":      {env: map[string]string{"SMTP_HOST": "", "ALERT_EMAILS": "a@example.com"}, off: "SMTP not configured: SMTP_HOST is not set"},
		"no recipients":     {env: map[string]string{"SMTP_HOST": "mail.example.com"}, off: "SMTP not configured: ALERT_EMAILS is not set"},
		"only commas":       {env: map[string]string{"SMTP_HOST": "mail.example.com", "ALERT_EMAILS": " , "}, off: "SMTP not configured: ALERT_EMAILS is not set"},
		"SMTP":              {env: map[string]string{"SMTP_HOST": "mail.example.com", "SMTP_PORT": "587", "ALERT_EMAILS": "a@example.com, b@example.com"}, transport: "smtp mail.example.com:587"},
		"Postmark":          {env: map[string]string{"POSTMARK_API_TOKEN": "d8f0a0a4-token", "ALERT_EMAILS": "a@example.com"}, transport: "postmark"},
		"both":              {env: map[string]string{"SMTP_HOST": "h", "POSTMARK_API_TOKEN": "d8f0a0a4-token", "ALERT_EMAILS": "a@example.com"}, mistake: "SMTP_HOST and POSTMARK_API_TOKEN"},
		"bad recipient":     {env: map[string]string{"SMTP_HOST": "h", "ALERT_EMAILS": "a@example.com, nobody"}, mistake: "nobody"},
		"injected sender":   {env: map[string]string{"SMTP_HOST": "h", "SMTP_FROM": "a@example.com\r\nBcc: x@example.com", "ALERT_EMAILS": "a@example.com"}, mistake: "SMTP_FROM"},
		"bad port":          {env: map[string]string{"SMTP_PORT": "0"}, mistake: "SMTP_PORT"},
		"bad policy":        {env: map[string]string{"SMTP_TLS": "maybe"}, mistake: "SMTP_TLS"},
		"password in clear": {env: map[string]string{"SMTP_HOST": "h", "SMTP_USERNAME": "u", "SMTP_PASSWORD": "p4ssw0rd-x", "SMTP_TLS": "none", "ALERT_EMAILS": "a@example.com"}, mistake: "SMTP_TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			e := config.New(service, func(name string) (string, bool) { v, ok := test.env[name]; return v, ok })
			m := loadMail(e, "http://localhost:5010")
			if err := e.Err(); (err != nil) != (test.mistake != "") || err != nil && !strings.Contains(err.Error(), test.mistake) {
				t.Fatalf("mistakes = %v, want one with %q", err, test.mistake)
			}
			if test.mistake != "" {
				return
			}
			via := ""
			if m.transport != nil {
				via = m.transport.String()
			}
			if m.off() != test.off || !strings.Contains(strings.ToLower(via), test.transport) || (via == "") != (test.transport == "") {
				t.Errorf("off = %q, transport = %q; want %q, %q", m.off(), via, test.off, test.transport)
			}
		})
	}
}
