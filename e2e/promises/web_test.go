package promises

import (
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// pages are those that a service shows to people.
func (m *model) pages() []string {
	return map[string][]string{
		"error-tracker":     {"/", "/errors/1", "/projects", "/alerts", "/nothing"},
		"log-viewer":        {"/", "/live", "/containers", "/nothing"},
		"metrics-collector": {"/", "/explore", "/dashboards", "/nothing"},
		"browser-relay":     {"/", "/keys", "/source-maps", "/nothing"},
	}[m.name]
}

// policy is what every page's content security policy must say.
var policy = []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"}

// C2: headers of everything that can be asked for, also of refusals.
func TestEveryAnswerHasTheHeadersThatProtectIt(t *testing.T) {
	each(t, func(t *testing.T, m *model) {
		s := m.start(t)
		newLoad(m, s).one()
		n := 0
		for _, path := range append(m.pages(), "/api/nothing", "/health", "/metrics", "/sign-in", m.put(0).Path) {
			for _, noKey := range []bool{true, false} {
				r := s.Do(harness.Request{Path: path, NoKey: noKey, Header: map[string]string{"Accept": "text/html"}})
				n++
				for _, name := range []string{"X-Content-Type-Options", "Referrer-Policy"} {
					if r.Header.Get(name) == "" {
						t.Errorf("GET %s (%d) has no %s", path, r.Status, name)
					}
				}
				html := strings.HasPrefix(r.Header.Get("Content-Type"), "text/html")
				csp := r.Header.Get("Content-Security-Policy")
				for _, want := range policy {
					if html && !strings.Contains(csp, want) {
						t.Errorf("GET %s (%d): the policy %q has not %q", path, r.Status, csp, want)
					}
				}
				for _, never := range []string{"unsafe-inline", "unsafe-eval", "*", "http:", "https:"} {
					if strings.Contains(csp, never) {
						t.Errorf("GET %s: the policy %q has %q", path, csp, never)
					}
				}
				if html && regexp.MustCompile(`(?i)<script(\s+[^s>][^>]*)?>|\son[a-z]+=|\sstyle=|javascript:|(src|href)="(https?:)?//`).MatchString(withoutOurs(r.Body, s.URL)) {
					t.Errorf("GET %s has inline script, style or something of another origin", path)
				}
				if strings.HasPrefix(path, "/api/") && !strings.Contains(r.Header.Get("Cache-Control"), "no-store") {
					t.Errorf("GET %s may be cached: %q", path, r.Header.Get("Cache-Control"))
				}
			}
		}
		harness.Note(t, "C2", m.name, "%d answers: policy without exceptions, nosniff, referrer policy and no-store on all; inline script or style 0, other origins 0", n)
	})
}

// withoutOurs leaves out links to the service itself.
func withoutOurs(page, url string) string { return strings.ReplaceAll(page, url, "") }

// C5, C18: keys in addresses open nothing, and nothing meant for us is on the public port.
func TestKeysInAddressesAndProbes(t *testing.T) {
	probes := []string{
		"/debug/pprof/", "/debug/pprof/heap", "/debug/vars", "/debug/requests", "/.git/config", "/.env", "/.git/HEAD", "/static/", "/assets/", "/assets", "/server-status", "/actuator",
		"/swagger", "/api", "/config", "/../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/assets/../main.go", "/assets/%2e%2e%2fmain.go", "/assets/..%5cmain.go", "//etc/passwd", "/metrics", "/graphql", "/admin", "/data/", "/errors.db",
	}
	each(t, func(t *testing.T, m *model) {
		s := m.start(t)
		found := 0
		for _, p := range probes {
			for _, r := range []harness.Response{s.Do(harness.Request{Path: p, NoKey: true}), s.Do(harness.Request{Path: p, NoKey: true, Header: map[string]string{"Accept": "text/html"}})} {
				body := strings.ToLower(r.Body)
				signIn := strings.Contains(body, `name="key"`)
				if r.Status < 400 && !signIn && r.Status/100 != 3 || strings.Contains(body, "goroutine") || strings.Contains(body, "root:") || strings.Contains(body, "package main") || strings.Contains(body, "index of") {
					t.Errorf("GET %s: %d %.200s", p, r.Status, r.Body)
					found++
				}
			}
		}
		const secret = "e2e-key-4f1d0c9b8a7e6f50"
		for _, query := range []string{"?api_key=", "?key=", "?token=", "?access_token=", "?X-API-Key="} {
			for _, path := range []string{"/api/errors", "/api/logs", "/api/logs/tail", "/api/metrics", "/api/dsn-keys", "/api/projects", "/metrics", "/api/traffic"} {
				if r := s.Do(harness.Request{Path: path + query + secret, NoKey: true}); r.Status < 400 {
					t.Errorf("GET %s%s…: %d", path, query, r.Status)
				}
			}
		}
		if strings.Contains(s.Log(), secret) {
			t.Error("a key of an address is in the log")
		}
		harness.Note(t, "C5", m.name, "keys in addresses accepted 0, in the log 0")
		harness.Note(t, "C18", m.name, "%d probes of the public port: found %d", len(probes), found)
	})
}

// C7, C14: secrets of the settings and of requests are in no log, answer, file or copy.
func TestSecretsAreNowhere(t *testing.T) {
	const upload, wrong, password = "canary-upload-token-5b1e77", "canary-wrong-key-90fe12345678", "canary-smtp-password-81f3"
	each(t, func(t *testing.T, m *model) {
		settings := []string{"LOG_LEVEL=debug"}
		switch m.name {
		case "browser-relay":
			settings = append(settings, "UPLOAD_TOKEN="+upload)
		case "error-tracker":
			settings = append(settings, "SMTP_HOST=127.0.0.1", "SMTP_PORT=1", "SMTP_USERNAME=user", "SMTP_PASSWORD="+password, "ALERT_EMAILS=a@example.com")
		}
		s := m.start(t, settings...)
		l := newLoad(m, s)
		if m.shelf != nil {
			m.shelf.Close(true) // so that the relay has something to say about its upstream
		}
		for range 5 {
			l.one()
		}
		places := map[string]string{}
		for _, path := range append(m.pages(), "/health", "/metrics", "/api/stats", "/api/dsn-keys", "/api/nothing") {
			for _, noKey := range []bool{true, false} {
				r := s.Do(harness.Request{Path: path, NoKey: noKey})
				places["answer of "+path] += fmt.Sprint(r.Header) + r.Body
			}
			r := s.Do(harness.Request{Path: path, NoKey: true, Header: map[string]string{"X-Api-Key": wrong, "Cookie": "session=" + wrong, "Authorization": "Bearer " + wrong}})
			places["answer of "+path] += fmt.Sprint(r.Header) + r.Body
		}
		r := s.Do(harness.Request{Method: http.MethodPost, Path: "/sign-in", NoKey: true, Body: "key=" + harness.Key + "&return=/", Header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}})
		if r.Status/100 != 3 {
			t.Errorf("sign in: %d", r.Status)
		}
		places["sign-in"] = fmt.Sprint(r.Header) + r.Body
		bad := m.put(99)
		bad.Body = "{"
		places["a refusal"] = s.Do(bad).Body
		if out, code := s.Run("--backup", filepath.Join(s.Dir, "copy.db")); code != 0 {
			t.Errorf("--backup: %s", out)
		}
		if out, code := s.Run("--check-config"); code == 0 {
			places["--check-config"] = out
		}
		s.Kill()
		for name, text := range files(t, s.Dir) {
			places[name] = string(text)
		}
		places["log"] = s.Log()
		if !strings.Contains(places["log"], `"level":"debug"`) {
			t.Error("nothing was logged at debug level: the test saw too little")
		}
		hits := 0
		for place, text := range places {
			for _, secret := range []string{harness.Key, upload, wrong, password} {
				if i := strings.Index(text, secret); i >= 0 {
					hits++
					t.Errorf("%s holds %q: …%q", place, secret, text[max(0, i-80):i])
				}
			}
		}
		harness.Note(t, "C7, C14", m.name, "%d places searched (log at debug level, answers, database, its log, copy): secrets found %d", len(places), hits)
	})
}

// C8: a client cannot shake off the limit of wrong keys by claiming addresses.
func TestAddressesThatClientsClaimAreNotBelieved(t *testing.T) {
	each(t, func(t *testing.T, m *model) {
		s := m.start(t)
		limited := 0
		for n := range 60 {
			address := fmt.Sprintf("198.51.100.%d", n)
			r := s.Do(harness.Request{Path: "/metrics", NoKey: true, Header: map[string]string{
				"X-Api-Key": "wrong-key-of-an-attacker", "X-Forwarded-For": address, "X-Real-Ip": address, "True-Client-Ip": address, "Forwarded": "for=" + address, "Cf-Connecting-Ip": address,
			}})
			switch r.Status {
			case http.StatusTooManyRequests:
				limited++
			case http.StatusUnauthorized:
			default:
				t.Errorf("a wrong key: %d", r.Status)
			}
		}
		if limited < 20 {
			t.Errorf("%d of 60 wrong keys were limited, the limit is 30 a minute", limited)
		}
		if r := s.Get("/metrics"); r.Status != http.StatusOK {
			t.Errorf("the right key beside it: %d", r.Status)
		}
		harness.Note(t, "C8", m.name, "60 wrong keys from claimed addresses: %d refused with 429, the right key still works", limited)
	})
}

// C10: whatever addresses are in what comes in, nobody calls them.
func TestNoAddressThatCameInIsCalled(t *testing.T) {
	each(t, func(t *testing.T, m *model) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		var calls atomic.Int64
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				calls.Add(1)
				_ = c.Close()
			}
		}()
		url := "http://" + l.Addr().String()
		s := m.start(t)
		bodies := map[string]string{
			"error-tracker": fmt.Sprintf(`{"project":"p","exception_type":"E","message":%[1]q,"traceback":"E: m\n    at f (%[2]s/app.js:1:2)\n//# sourceMappingURL=%[2]s/app.js.map","request_url":%[1]q,"release":%[1]q,
				"user":{"id":%[1]q},"tags":{"url":%[1]q},"contexts":{"c":{"url":%[1]q}},"breadcrumbs":[{"message":%[1]q,"data":{"url":%[1]q}}],"extra":{"webhook":%[1]q}}`, url+"/x", url),
			"log-viewer":        fmt.Sprintf(`[{"container":%[1]q,"message":%[1]q},{"container":"c","message":"{\"url\":\"%[1]s\",\"avatar\":\"%[1]s/a.png\"}"}]`, url),
			"metrics-collector": fmt.Sprintf(`[{"name":"m","type":"counter","value":1,"project":%[1]q,"labels":{"url":%[1]q}}]`, url),
			"browser-relay": fmt.Sprintf(`{"v":1,"session_id":%[1]q,"page":%[1]q,"errors":[{"event_id":"%032[2]x","type":"E","message":%[1]q,"stack":"E: m\n    at f (%[1]s/app.js:1:2)","url":%[1]q,
				"debug_ids":{"%[1]s/app.js":"a0000000-0000-0000-0000-000000000000"},"breadcrumbs":[{"category":"fetch","data":{"url":%[1]q}}]}]}`, url, 77),
		}
		put := m.put(5)
		put.Body = bodies[m.name]
		if r := s.Do(put); r.Status/100 != 2 {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
		for _, path := range m.pages() {
			s.Do(harness.Request{Path: path, Header: map[string]string{"Accept": "text/html", "Referer": url, "Origin": url, "Host": l.Addr().String()}})
		}
		time.Sleep(300 * time.Millisecond) // for whoever works in the background
		if n := calls.Load(); n != 0 {
			t.Errorf("the address was called %d times", n)
		}
		if _, err := net.Dial("tcp", l.Addr().String()); err != nil {
			t.Fatal(err)
		}
		for begin := time.Now(); calls.Load() == 0; time.Sleep(5 * time.Millisecond) {
			if time.Since(begin) > 5*time.Second {
				t.Fatal("the listener does not count: the test saw nothing")
			}
		}
		harness.Note(t, "C10", m.name, "an address in every field: called 0 times")
	})
}

// C12: keys that pages and programs send with read nothing and change nothing.
func TestKeysOfPagesReadNothing(t *testing.T) {
	routes := []string{
		"GET /api/errors", "GET /api/errors/1", "GET /api/errors/1/occurrences", "GET /api/projects", "GET /api/projects/1", "GET /api/stats", "GET /metrics", "POST /api/errors/1/resolve", "DELETE /api/errors/1",
		"POST /api/errors/bulk", "POST /api/projects", "POST /api/projects/1/keys", "GET /api/dsn-keys", "POST /api/dsn-keys", "GET /api/source-maps", "POST /api/source-maps", "GET /api/traffic", "GET /api/traffic/rejected",
	}
	all := models(t)
	tracker, relay := all[0].start(t), all[3].start(t)
	latencies(t, all[0], tracker, 0, 3)
	var project struct {
		Keys []struct {
			Key string `json:"public_key"`
		}
	}
	r := tracker.Post("/api/projects", map[string]string{"name": "phone"})
	if err := r.JSON(&project); err != nil || len(project.Keys) == 0 || project.Keys[0].Key == "" {
		t.Fatalf("a project has no key: %d %s", r.Status, r.Body)
	}
	tried := 0
	for _, who := range []struct {
		s   *harness.Service
		key string
	}{{tracker, project.Keys[0].Key}, {relay, dsnKey}} {
		for _, route := range routes {
			method, path, _ := strings.Cut(route, " ")
			for _, header := range []map[string]string{
				{"X-Api-Key": who.key}, {"X-Monlight-Key": who.key}, {"X-Sentry-Auth": "Sentry sentry_version=7, sentry_key=" + who.key}, {"Authorization": "Bearer " + who.key}, {"Authorization": "DSN http://" + who.key + "@x/1"},
			} {
				tried++
				got := who.s.Do(harness.Request{Method: method, Path: path + "?sentry_key=" + who.key + "&key=" + who.key, NoKey: true, Body: "{}", Header: header})
				if got.Status < 400 || got.Status >= 500 || strings.Contains(got.Body, item(0)) {
					t.Errorf("%s with %v: %d %.200s", route, header, got.Status, got.Body)
				}
			}
		}
	}
	harness.Note(t, "C12", "", "%d requests with keys of pages and programs: read or changed 0", tried)
}
