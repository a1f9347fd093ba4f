package auth_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/monlight/monlight/shared/auth"
	"github.com/monlight/monlight/shared/config"
)

const key = "9f3c1e0a7b5d42688c6e1f90ab34d7e2"

func newGuard(o auth.Options) *auth.Guard {
	if o.Service == "" {
		o.Service = "error-tracker"
	}
	o.Key = auth.NewKey(config.NewSecret(key))
	return auth.NewGuard(o)
}

// caller answers with who the guard says has called.
var caller = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, auth.Caller(r)) })

// request is httptest.NewRequest with headers as pairs.
func request(method, target string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

func do(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// signIn posts the sign-in form.
func signIn(g *auth.Guard, k, to string, headers ...string) *httptest.ResponseRecorder {
	body := url.Values{"key": {k}, "return": {to}}.Encode()
	r := httptest.NewRequest(http.MethodPost, "/sign-in", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return do(g.SignIn(), r)
}

// cookieOf signs in and returns the session's cookie for a Cookie header.
func cookieOf(t *testing.T, g *auth.Guard) string {
	t.Helper()
	return cookieWith(t, g, key)
}

// cookieWith is cookieOf with another key.
func cookieWith(t *testing.T, g *auth.Guard, k string) string {
	t.Helper()
	w := signIn(g, k, "/")
	cookies := w.Result().Cookies()
	if w.Code != http.StatusSeeOther || len(cookies) != 1 {
		t.Fatalf("sign-in = %d with %d cookies, want 303 with one", w.Code, len(cookies))
	}
	return cookies[0].Name + "=" + cookies[0].Value
}

func TestKeyMatchesOnlyItself(t *testing.T) {
	k := auth.NewKey(config.NewSecret(key))
	if !k.Match(key) {
		t.Error("the key does not match itself")
	}
	for _, wrong := range []string{"", key[:31], key + "0", strings.ToUpper(key), key[:31] + "3", " " + key, key + "\x00"} {
		if k.Match(wrong) {
			t.Errorf("Match(%q) = true", wrong)
		}
	}
	if s := fmt.Sprintf("%v %+v %#v %s", k, k, k, k); strings.Contains(s, key) {
		t.Errorf("the key is visible in %q", s)
	}
}

func TestAPIWantsKeyOrSession(t *testing.T) {
	g := newGuard(auth.Options{})
	cookie := cookieOf(t, g)
	tests := map[string]struct {
		request *http.Request
		status  int
		caller  string
	}{
		"nothing":                        {request("GET", "/api/x"), 401, ""},
		"right key":                      {request("POST", "/api/x", "X-API-Key", key), 200, "key"},
		"header name in lower case":      {request("POST", "/api/x", "x-api-key", key), 200, "key"},
		"wrong key":                      {request("GET", "/api/x", "X-API-Key", "wrong"), 401, ""},
		"empty key":                      {request("GET", "/api/x", "X-API-Key", ""), 401, ""},
		"right key beside a wrong one":   {request("GET", "/api/x", "X-API-Key", key, "X-API-Key", "wrong"), 401, ""},
		"key in the query":               {request("GET", "/api/x?api_key="+key), 401, ""},
		"key as bearer":                  {request("GET", "/api/x", "Authorization", "Bearer "+key), 401, ""},
		"session":                        {request("GET", "/api/x", "Cookie", cookie), 200, "session:"},
		"wrong key with a session":       {request("GET", "/api/x", "Cookie", cookie, "X-API-Key", "wrong"), 401, ""},
		"empty key with a session":       {request("GET", "/api/x", "Cookie", cookie, "X-API-Key", ""), 401, ""},
		"right key with a wrong session": {request("GET", "/api/x", "Cookie", "monlight_error_tracker=x", "X-API-Key", key), 200, "key"},
		"key as session":                 {request("GET", "/api/x", "Cookie", "monlight_error_tracker="+key), 401, ""},
		"session among other cookies":    {request("GET", "/api/x", "Cookie", "a=b; "+cookie+"; c=d"), 200, "session:"},
		"session after a planted cookie": {request("GET", "/api/x", "Cookie", "monlight_error_tracker=planted; "+cookie), 200, "session:"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := do(g.API(caller), tt.request)
			if w.Code != tt.status {
				t.Fatalf("status %d, want %d; body %s", w.Code, tt.status, w.Body)
			}
			if tt.status == 200 {
				if got := w.Body.String(); !strings.HasPrefix(got, tt.caller) {
					t.Errorf("caller %q, want %q", got, tt.caller)
				}
			} else if !strings.Contains(w.Body.String(), `"detail":"Invalid API key"`) {
				t.Errorf("body %s", w.Body)
			}
		})
	}
}

// Each cross of Sec-Fetch-Site, Origin and method, with a session and with a key.
func TestChangesByCookieMustComeFromOurPages(t *testing.T) {
	g := newGuard(auth.Options{})
	cookie := cookieOf(t, g)
	const host, own, foreign = "example.com", "http://example.com", "https://evil.example"
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"} {
		safe := method == "GET" || method == "HEAD" || method == "OPTIONS"
		for _, site := range []string{"", "same-origin", "none", "same-site", "cross-site", "future-value"} {
			for _, origin := range []string{"", own, foreign, "null", "http://example.com.evil.example", "http://example.com:8080"} {
				allowed := safe || site == "same-origin" || site == "none" || (site == "" && (origin == "" || origin == own))
				name := fmt.Sprintf("%s from %q, Origin %q", method, site, origin)
				headers := []string{"Cookie", cookie}
				if site != "" {
					headers = append(headers, "Sec-Fetch-Site", site)
				}
				if origin != "" {
					headers = append(headers, "Origin", origin)
				}
				want := map[bool]int{true: 200, false: 403}[allowed]
				for what, h := range map[string]http.Handler{"API": g.API(caller), "Page": g.Page(caller)} {
					r := request(method, "/api/x", headers...)
					r.Host = host
					if w := do(h, r); w.Code != want {
						t.Errorf("%s %s with a session = %d, want %d", what, name, w.Code, want)
					}
					r = request(method, "/api/x", append([]string{"X-API-Key", key}, headers[2:]...)...)
					if w := do(h, r); w.Code != 200 {
						t.Errorf("%s %s with the key = %d, want 200", what, name, w.Code)
					}
				}
				if method != "POST" {
					continue
				}
				r := request(method, "/sign-out", headers...)
				r.Host = host
				if w := do(newGuard(auth.Options{}).SignOut(), r); (w.Code == 303) != allowed {
					t.Errorf("sign-out %s = %d, allowed should be %v", name, w.Code, allowed)
				}
				r = request(method, "/sign-in", headers[2:]...)
				r.Host = host
				if w := do(newGuard(auth.Options{}).SignIn(), r); (w.Code == 401) != allowed {
					t.Errorf("sign-in %s = %d, allowed should be %v", name, w.Code, allowed)
				}
			}
		}
	}
}

// A proxy that drops the port from Host would lock everybody out whose browser
// sends no Sec-Fetch-Site, which is every browser over plain http.
func TestOriginOfThePublicURLIsTrusted(t *testing.T) {
	g := newGuard(auth.Options{Origin: "http://mon.example:8080"})
	cookie := cookieOf(t, g)
	for origin, want := range map[string]int{"http://mon.example:8080": 200, "http://mon.example:8081": 403, "https://mon.example:8080": 403} {
		r := request("POST", "/api/x", "Cookie", cookie, "Origin", origin)
		r.Host = "mon.example"
		if w := do(g.API(caller), r); w.Code != want {
			t.Errorf("POST from %s = %d, want %d", origin, w.Code, want)
		}
	}
}

func TestWrongKeysAreLimitedButTheRightOneStillWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(auth.Options{})
		h := g.API(caller)
		from := func(addr, k string) *httptest.ResponseRecorder {
			r := request("GET", "/api/x", "X-API-Key", k)
			r.RemoteAddr = addr + ":1"
			return do(h, r)
		}
		for i := range 30 {
			if w := from("192.0.2.1", "wrong"); w.Code != 401 {
				t.Fatalf("wrong key %d = %d, want 401", i, w.Code)
			}
		}
		w := from("192.0.2.1", "wrong")
		if w.Code != 429 || w.Header().Get("Retry-After") != "60" || !strings.Contains(w.Body.String(), `"retry_after":60`) {
			t.Errorf("wrong key 31 = %d, Retry-After %q, %s; want 429 and 60", w.Code, w.Header().Get("Retry-After"), w.Body)
		}
		if w := from("192.0.2.1", key); w.Code != 200 {
			t.Errorf("right key after wrong ones = %d, want 200", w.Code)
		}
		if w := from("192.0.2.2", "wrong"); w.Code != 401 {
			t.Errorf("wrong key of another client = %d, want 401", w.Code)
		}
		for range 100 { // no key is no guess
			if w := do(h, request("GET", "/api/x")); w.Code != 401 {
				t.Fatalf("without a key = %d, want 401", w.Code)
			}
		}
		time.Sleep(time.Minute)
		if w := from("192.0.2.1", "wrong"); w.Code != 401 {
			t.Errorf("wrong key a minute later = %d, want 401", w.Code)
		}
	})
}

func TestSignInIsLimitedPerClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(auth.Options{})
		for i := range 10 {
			if w := signIn(g, "wrong", "/"); w.Code != 401 || len(w.Result().Cookies()) > 0 || !strings.Contains(w.Body.String(), "not the API key") {
				t.Fatalf("try %d = %d %s", i, w.Code, w.Body)
			}
		}
		if w := signIn(g, key, "/"); w.Code != 429 || w.Header().Get("Retry-After") != "60" || !strings.Contains(w.Body.String(), "60 seconds") {
			t.Errorf("try 11 = %d, Retry-After %q; want 429 and 60", w.Code, w.Header().Get("Retry-After"))
		}
		time.Sleep(time.Minute)
		if w := signIn(g, key, "/"); w.Code != 303 {
			t.Errorf("a minute later = %d, want 303", w.Code)
		}
	})
}

func TestSessionsLive30DaysFromTheirLastUse(t *testing.T) {
	const day = 24 * time.Hour
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(auth.Options{})
		cookie := cookieOf(t, g)
		use := func(c string) *httptest.ResponseRecorder { return do(g.API(caller), request("GET", "/", "Cookie", c)) }

		time.Sleep(23 * time.Hour)
		if w := use(cookie); w.Code != 200 || len(w.Result().Cookies()) != 0 {
			t.Errorf("after 23 h = %d with %d cookies, want 200 and no renewal", w.Code, len(w.Result().Cookies()))
		}
		time.Sleep(2 * time.Hour)
		first := use(cookie)
		if first.Code != 200 || len(first.Result().Cookies()) != 1 {
			t.Fatalf("after 25 h = %d with %d cookies, want 200 and a renewal", first.Code, len(first.Result().Cookies()))
		}
		c := first.Result().Cookies()[0]
		if c.MaxAge != 30*24*60*60 {
			t.Errorf("renewed for %d s, want 30 days", c.MaxAge)
		}
		renewed := c.Name + "=" + c.Value
		if a, b := first.Body.String(), use(renewed).Body.String(); a != b {
			t.Errorf("renewal changed the caller from %s to %s", a, b)
		}
		time.Sleep(29*day + time.Hour) // 30 d 2 h after sign-in
		if w := use(cookie); w.Code != 401 {
			t.Errorf("the first token after 30 days = %d, want 401", w.Code)
		}
		if w := use(renewed); w.Code != 200 {
			t.Errorf("the renewed token after 29 days = %d, want 200", w.Code)
		}
		time.Sleep(day)
		if w := use(renewed); w.Code != 401 {
			t.Errorf("the renewed token after 30 days = %d, want 401", w.Code)
		}
	})
}

func TestTokensAreBoundToKeyAndService(t *testing.T) {
	g := newGuard(auth.Options{})
	_, token, _ := strings.Cut(cookieOf(t, g), "=")
	guards := map[string]*auth.Guard{
		"another service": newGuard(auth.Options{Service: "log-viewer"}),
		"another key": auth.NewGuard(auth.Options{
			Service: "error-tracker", Key: auth.NewKey(config.NewSecret("another key of 16 bytes")),
		}),
	}
	names := map[string]string{"another service": "monlight_log_viewer", "another key": "monlight_error_tracker"}
	for name, other := range guards {
		if w := do(other.API(caller), request("GET", "/", "Cookie", names[name]+"="+token)); w.Code != 401 {
			t.Errorf("token under %s = %d, want 401", name, w.Code)
		}
	}
	if w := do(g.API(caller), request("GET", "/", "Cookie", "monlight_error_tracker="+token)); w.Code != 200 {
		t.Errorf("token = %d, want 200", w.Code)
	}
	same := newGuard(auth.Options{}) // a restart
	if w := do(same.API(caller), request("GET", "/", "Cookie", "monlight_error_tracker="+token)); w.Code != 200 {
		t.Errorf("token after a restart = %d, want 200", w.Code)
	}
}

// Every change of a single character makes a token worthless.
func TestChangedTokensAreRefused(t *testing.T) {
	g := newGuard(auth.Options{})
	name, token, _ := strings.Cut(cookieOf(t, g), "=")
	for i := range token {
		changed := []byte(token)
		if changed[i]++; changed[i] == token[i] || strings.ContainsRune(";, \"\\", rune(changed[i])) {
			changed[i] = 'A'
		}
		if string(changed) == token {
			continue
		}
		if w := do(g.API(caller), request("GET", "/", "Cookie", name+"="+string(changed))); w.Code != 401 {
			t.Errorf("token with another character at %d = %d, want 401", i, w.Code)
		}
	}
	for _, t2 := range []string{"", token[:len(token)-1], token + "A", token + token, strings.Repeat("A", len(token))} {
		if w := do(g.API(caller), request("GET", "/", "Cookie", name+"="+t2)); w.Code != 401 {
			t.Errorf("token %q = %d, want 401", t2, w.Code)
		}
	}
}

func TestSignOutEndsCopiesToo(t *testing.T) {
	g := newGuard(auth.Options{})
	cookie, other := cookieOf(t, g), cookieOf(t, g)
	w := do(g.SignOut(), request("POST", "/sign-out", "Cookie", cookie))
	c := w.Result().Cookies()
	if w.Code != 303 || w.Header().Get("Location") != "/" || len(c) != 1 || c[0].MaxAge != -1 || c[0].Value != "" {
		t.Errorf("sign-out = %d to %q, cookies %v", w.Code, w.Header().Get("Location"), c)
	}
	if w := do(g.API(caller), request("GET", "/", "Cookie", cookie)); w.Code != 401 {
		t.Errorf("copy of a session that was signed out = %d, want 401", w.Code)
	}
	if w := do(g.API(caller), request("GET", "/", "Cookie", other)); w.Code != 200 {
		t.Errorf("another session = %d, want 200", w.Code)
	}
	if w := do(g.SignOut(), request("GET", "/sign-out", "Cookie", other)); w.Code != 405 || w.Header().Get("Allow") != "POST" {
		t.Errorf("GET /sign-out = %d, Allow %q; want 405 and POST", w.Code, w.Header().Get("Allow"))
	}
}

func TestCookieAttributes(t *testing.T) {
	tests := map[string]struct {
		base    string
		headers []string
		tls     bool
		want    string
	}{
		"http":                 {"", nil, false, `monlight_error_tracker=T; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax`},
		"https":                {"", nil, true, `__Host-monlight_error_tracker=T; Path=/; Max-Age=2592000; HttpOnly; Secure; SameSite=Lax`},
		"https by a proxy":     {"", []string{"X-Forwarded-Proto", "https"}, false, `__Host-monlight_error_tracker=T; Path=/; Max-Age=2592000; HttpOnly; Secure; SameSite=Lax`},
		"base path":            {"/errors", nil, false, `monlight_error_tracker=T; Path=/errors; Max-Age=2592000; HttpOnly; SameSite=Lax`},
		"base path with https": {"/errors", nil, true, `monlight_error_tracker=T; Path=/errors; Max-Age=2592000; HttpOnly; Secure; SameSite=Lax`},
	}
	token := regexp.MustCompile(`=[\w-]{70,};`)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			g := newGuard(auth.Options{BasePath: tt.base})
			body := strings.NewReader(url.Values{"key": {key}}.Encode())
			r := httptest.NewRequest(http.MethodPost, "/sign-in", body)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if tt.tls {
				r.TLS = &tls.ConnectionState{}
			}
			for i := 0; i < len(tt.headers); i += 2 {
				r.Header.Set(tt.headers[i], tt.headers[i+1])
			}
			w := do(g.SignIn(), r)
			got := token.ReplaceAllString(w.Header().Get("Set-Cookie"), "=T;")
			if got != tt.want || w.Header().Get("Location") != tt.base+"/" {
				t.Errorf("Set-Cookie %s\nwant       %s; Location %q", got, tt.want, w.Header().Get("Location"))
			}
			// The browser sends it back under the same name.
			c := w.Result().Cookies()[0]
			again := request("GET", "/api/x", append([]string{"Cookie", c.Name + "=" + c.Value}, tt.headers...)...)
			again.TLS = r.TLS
			if w := do(g.API(caller), again); w.Code != 200 {
				t.Errorf("with that cookie = %d, want 200", w.Code)
			}
		})
	}
}

func TestReturnPathStaysHere(t *testing.T) {
	tests := map[string]map[string]string{ // base path -> return path -> Location
		"": {
			"":                              "/",
			"/":                             "/",
			"/errors/7?tab=raw&x=a%2F":      "/errors/7?tab=raw&x=a%2F",
			"/errors#frame-3":               "/errors#frame-3",
			"//evil.example":                "/",
			"///evil.example":               "/",
			`/\evil.example`:                "/",
			`\\evil.example`:                "/",
			"/\t/evil.example":              "/",
			"/\r\n/evil.example":            "/",
			"/x\r\nSet-Cookie: a=b":         "/",
			"/\x00":                         "/",
			"https://evil.example/":         "/",
			"https:evil.example":            "/",
			"javascript:alert(1)":           "/",
			"data:text/html,x":              "/",
			"evil.example":                  "/",
			" /errors":                      "/",
			"/errors and more":              "/",
			"/ärger":                        "/",
			"/%zz":                          "/",
			"/sign-in":                      "/",
			"/sign-out?x=1":                 "/",
			"/%2Fevil.example":              "/%2Fevil.example",
			"/" + strings.Repeat("a", 3000): "/",
		},
		"/errors": {
			"/errors/7":               "/errors/7",
			"/errors/":                "/errors/",
			"/":                       "/errors/",
			"/logs/":                  "/errors/",
			"/errorsx":                "/errors/",
			"//evil.example/errors/7": "/errors/",
			"/errors/sign-in":         "/errors/",
			"/errors/../logs/":        "/errors/",
			"/errors/%2e%2E/logs":     "/errors/",
			"/errors/./..":            "/errors/",
			"/errors/7..8?q=/../":     "/errors/7..8?q=/../",
		},
	}
	for base, paths := range tests {
		for path, want := range paths {
			g := newGuard(auth.Options{BasePath: base})
			w := signIn(g, key, path)
			if got := w.Header().Values("Location"); w.Code != 303 || len(got) != 1 || got[0] != want {
				t.Errorf("base %q: return %.50q = %d to %.50q, want 303 to %q", base, path, w.Code, got, want)
			}
		}
	}
}

func TestPageShowsTheFormInPlace(t *testing.T) {
	var shown auth.SignInPage
	g := newGuard(auth.Options{BasePath: "/errors", SignInPage: func(w http.ResponseWriter, _ *http.Request, p auth.SignInPage) {
		shown = p
		w.WriteHeader(p.Status)
	}})
	w := do(g.Page(caller), request("GET", "/7?tab=raw"))
	want := auth.SignInPage{Service: "error-tracker", Status: 200, Action: "/errors/sign-in", Return: "/errors/7?tab=raw"}
	if w.Code != 200 || shown != want {
		t.Errorf("GET = %d with %+v, want 200 with %+v", w.Code, shown, want)
	}
	if w := do(g.Page(caller), request("POST", "/7")); w.Code != 401 {
		t.Errorf("POST = %d, want 401", w.Code)
	}
	if w := do(g.Page(caller), request("GET", "/", "Cookie", cookieOf(t, g))); w.Code != 200 || !strings.HasPrefix(w.Body.String(), "session:") {
		t.Errorf("GET with a session = %d %s", w.Code, w.Body)
	}
	if w := do(g.Page(caller), request("GET", "/", "X-API-Key", "wrong")); w.Code != 401 || !strings.Contains(w.Body.String(), "Invalid API key") {
		t.Errorf("GET with a wrong key = %d %s, want a problem", w.Code, w.Body)
	}
}

func TestPlainFormEscapesWhatItShows(t *testing.T) {
	g := newGuard(auth.Options{})
	w := do(g.Page(caller), request("GET", `/x?q="><script>alert(1)</script>`))
	if body := w.Body.String(); strings.Contains(body, "<script") || !strings.Contains(body, `action="/sign-in"`) || !strings.Contains(body, "<html") {
		t.Errorf("page %s", body)
	}
}

func TestHugeFormsAreRefused(t *testing.T) {
	g := newGuard(auth.Options{})
	r := httptest.NewRequest(http.MethodPost, "/sign-in", strings.NewReader("key="+strings.Repeat("a", 210_000)))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if w := do(g.SignIn(), r); w.Code != 400 || !strings.Contains(w.Body.String(), "204800 bytes") {
		t.Errorf("form of 210,000 bytes = %d %s, want 400", w.Code, w.Body)
	}
}

// A form whose session has ended is told not to be obeyed, and is kept until its
// sender has signed in again: but not one of another site, nor to another place.
func TestAFormOfAnEndedSessionIsKept(t *testing.T) {
	var shown auth.SignInPage
	g := newGuard(auth.Options{BasePath: "/errors", SignInPage: func(w http.ResponseWriter, _ *http.Request, p auth.SignInPage) {
		shown = p
		w.WriteHeader(p.Status)
	}})
	form := func(body string, headers ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "/errors/7/comments?x=1", strings.NewReader(body))
		r.URL.Path = "/7/comments" // as the edge hands it on
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Referer", "http://example.com/errors/7?tab=raw")
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		shown = auth.SignInPage{}
		return do(g.Page(caller), r)
	}
	const body = "text=two+words+%26+%3Cmore%3E&id=1&id=2"
	if w := form(body); w.Code != 401 || !shown.Ended || shown.Return != "/errors/7?tab=raw" || shown.Held == nil {
		t.Fatalf("%d with %+v", w.Code, shown)
	}
	if h := shown.Held; h.Action != "/errors/7/comments?x=1" || h.Fields.Get("text") != "two words & <more>" || len(h.Fields["id"]) != 2 {
		t.Errorf("kept %+v", h)
	}
	kept := url.Values{"return": {shown.Return}, "held_action": {shown.Held.Action}, "held": {shown.Held.Encoded()}}
	again := func(k, action string) *httptest.ResponseRecorder {
		kept.Set("key", k)
		kept.Set("held_action", action)
		r := httptest.NewRequest(http.MethodPost, "/sign-in", strings.NewReader(kept.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		shown = auth.SignInPage{}
		return do(g.SignIn(), r)
	}
	if w := again("wrong", "/errors/7/comments?x=1"); w.Code != 401 || !shown.WrongKey || shown.Held == nil || shown.SignedIn {
		t.Errorf("a wrong key: %d with %+v", w.Code, shown)
	}
	if w := again(key, "/errors/7/comments?x=1"); w.Code != 200 || len(w.Result().Cookies()) != 1 || !shown.SignedIn || shown.Return != "/errors/7?tab=raw" || shown.Held.Fields.Get("text") != "two words & <more>" {
		t.Errorf("the right key: %d with %+v", w.Code, shown)
	}
	for _, elsewhere := range []string{"https://evil.test/errors/", "//evil.test/errors/", "/other", "/errors/../other", "/errors/sign-out", ""} {
		if w := again(key, elsewhere); w.Code != 303 || w.Header().Get("Location") != "/errors/7?tab=raw" {
			t.Errorf("kept for %q: %d with %+v, want a redirect without it", elsewhere, w.Code, shown)
		}
	}

	if form(body, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.test"); shown.Held != nil || shown.Ended {
		t.Errorf("a form of another site was kept: %+v", shown)
	}
	if form(body, "Referer", "https://evil.test/errors/8"); shown.Return != "/errors/" {
		t.Errorf("leads to %q", shown.Return)
	}
	for name, headers := range map[string][]string{"too large": nil, "no form": {"Content-Type", "text/plain"}} {
		text := body
		if headers == nil {
			text = "text=" + strings.Repeat("a", 64<<10)
		}
		if w := form(text, headers...); w.Code != 401 || shown.Held != nil || !shown.Ended {
			t.Errorf("%s: %d with %+v, want it not kept, and told so", name, w.Code, shown)
		}
	}
}

// Whoever sends a form need not have the key: only a few are in memory at once, and
// none that takes many times its bytes when it is read.
func TestOnlyAFewFormsAreKeptAtOnce(t *testing.T) {
	const most = 4
	type answer struct {
		status int
		page   auth.SignInPage
	}
	g := newGuard(auth.Options{SignInPage: func(w http.ResponseWriter, r *http.Request, p auth.SignInPage) {
		*r.Context().Value(t).(*auth.SignInPage) = p
		w.WriteHeader(p.Status)
	}})
	send := func(h http.Handler, path string, body io.Reader, length int64) (a answer) {
		r := httptest.NewRequest(http.MethodPost, path, body)
		r.ContentLength = length
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		a.status = do(h, r.WithContext(context.WithValue(r.Context(), t, &a.page))).Code
		return a
	}
	form := func(text string) answer {
		return send(g.Page(caller), "/7/comments", strings.NewReader(text), int64(len(text)))
	}
	kept := func(n int) answer {
		text := url.Values{"key": {key}, "held_action": {"/7/comments"}, "held": {"text=" + strings.Repeat("a", n)}}.Encode()
		return send(g.SignIn(), "/sign-in", strings.NewReader(text), int64(len(text)))
	}

	slow := make(chan answer, most)
	var ends []*io.PipeWriter
	for range most {
		body, end := io.Pipe()
		ends = append(ends, end)
		go func() { slow <- send(g.Page(caller), "/7/comments", body, -1) }()
		_, _ = io.WriteString(end, "text=") // returns when it is being read
	}
	if a := form("text=one+more"); a.status != 401 || !a.page.Ended || a.page.Held != nil {
		t.Errorf("one more than %d: %d with %+v, want it not kept, and told so", most, a.status, a.page)
	}
	if a := kept(10_000); a.status != 503 {
		t.Errorf("signing in with a large form meanwhile: %d with %+v, want 503", a.status, a.page)
	}
	if a := kept(10); a.status != 200 || !a.page.SignedIn {
		t.Errorf("signing in with a small one meanwhile: %d with %+v", a.status, a.page)
	}
	for _, end := range ends {
		_, _ = io.WriteString(end, "slow")
		_ = end.Close()
	}
	for range most {
		if a := <-slow; a.page.Held == nil || a.page.Held.Fields.Get("text") != "slow" {
			t.Errorf("a form that came slowly: %d with %+v", a.status, a.page)
		}
	}
	if a := form("text=one+more"); a.page.Held == nil {
		t.Errorf("one after them: %d with %+v, want it kept", a.status, a.page)
	}
	if a := kept(10_000); a.status != 200 || !a.page.SignedIn {
		t.Errorf("signing in after them: %d with %+v", a.status, a.page)
	}
	if a := form("text=a" + strings.Repeat("&id=1", 2000)); a.page.Held != nil || !a.page.Ended {
		t.Errorf("2001 fields: %d with %+v, want them not kept, and told so", a.status, a.page)
	}
}

// Keys are compared in one place, so that no comparison leaks by its time.
func TestOnlyKeyComparesKeys(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	compares := regexp.MustCompile(`(?i)\bkeys?(\[\d\])?\s*[!=]=|[!=]=\s*(key|token|secret)\b|bytes\.Equal`)
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if m := compares.FindString(strings.ReplaceAll(string(src), "keys != nil", "")); m != "" {
			t.Errorf("%s compares with %q, want Key.Match or hmac.Equal", f, m)
		}
	}
}

func BenchmarkAPIWithKey(b *testing.B) {
	h := newGuard(auth.Options{}).API(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := request("GET", "/api/x", "X-API-Key", key)
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}

func BenchmarkKeyMatch(b *testing.B) {
	k := auth.NewKey(config.NewSecret(key))
	b.ReportAllocs()
	for b.Loop() {
		k.Match(key)
	}
}
