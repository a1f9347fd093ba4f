// Package authtest checks the routes of a service against who may use them.
package authtest

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
)

// foreign are the headers of requests that a browser sends from pages of others.
var foreign = []http.Header{
	{"Sec-Fetch-Site": {"cross-site"}},
	{"Sec-Fetch-Site": {"same-site"}, "Origin": {"http://other.example.com"}},
	{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"null"}},
	{"Origin": {"https://evil.test"}},
	{"Origin": {"null"}},
}

var contentTypes = []string{"application/x-www-form-urlencoded", "application/json", "text/plain", "multipart/form-data; boundary=x"}

var parameter = regexp.MustCompile(`\{[^}]*\}`)

// RefusesForeignPages signs in with the key, walks all routes that change
// something, and fails the test when one of them does not refuse a request that
// has the cookie but comes from a page of another origin. It returns how many
// requests it sent. Routes that anybody may use are named in open, "POST /sign-in".
func RefusesForeignPages(t testing.TB, h http.Handler, routes chi.Routes, key string, open ...string) (requests int) {
	t.Helper()
	cookies := signIn(t, h, key)
	walked, passed := 0, 0
	err := chi.Walk(routes, func(method, pattern string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodConnect}, method) || slices.Contains(open, method+" "+pattern) {
			return nil
		}
		walked++
		path := strings.ReplaceAll(parameter.ReplaceAllString(pattern, "1"), "*", "x")
		send := func(header http.Header, contentType string) int {
			r := httptest.NewRequestWithContext(t.Context(), method, "http://mon.example.com"+path, strings.NewReader("{}"))
			r.Header = header.Clone()
			r.Header.Set("Content-Type", contentType)
			for _, c := range cookies {
				r.AddCookie(c)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			requests++
			return w.Code
		}
		for _, contentType := range contentTypes {
			for _, header := range foreign {
				if got := send(header, contentType); got != http.StatusForbidden && got != http.StatusUnauthorized {
					t.Errorf("%s %s from a foreign page (%v, %s): %d, want 403", method, pattern, header, contentType, got)
				}
			}
		}
		if got := send(http.Header{"Sec-Fetch-Site": {"same-origin"}}, contentTypes[0]); got != http.StatusForbidden && got != http.StatusUnauthorized {
			passed++
		}
		return nil
	})
	if err != nil || walked == 0 || passed == 0 {
		t.Errorf("%d routes that change something, %d let our own pages pass: %v", walked, passed, err)
	}
	t.Logf("%d routes that change something, %d requests", walked, requests)
	return requests
}

// OnlyReads walks all routes with the key that can only read, in the header and as a
// session. The test fails when a route other than GET, HEAD and OPTIONS is not refused
// with 403 {"detail":"This key can only read"}, and when one of those is refused. Routes
// that change nothing though they have a body are named in reads, "POST /api/preview";
// those that do not look at this key in open, with their method or without one for all.
// They must not do what they are asked. No answer may have one of the texts in hidden,
// and no page a form that is sent by POST, but that to sign out.
func OnlyReads(t testing.TB, h http.Handler, routes chi.Routes, readKey string, reads, open, hidden []string) {
	t.Helper()
	cookies := signIn(t, h, readKey)
	server := httptest.NewServer(h) // streams want a real connection
	t.Cleanup(server.Close)
	refused, answered, used := 0, 0, map[string]bool{}
	err := chi.Walk(routes, func(method, pattern string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if method == http.MethodConnect { // wants no path
			return nil
		}
		route := method + " " + pattern
		used[route], used[pattern] = true, true
		path := strings.ReplaceAll(parameter.ReplaceAllString(pattern, "1"), "*", "x")
		safe := slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodOptions}, method)
		if slices.Contains(open, route) || slices.Contains(open, pattern) {
			if code, body := ask(t, server, method, path, func(r *http.Request) { r.Header.Set("X-Api-Key", readKey) }); code < 300 && !safe {
				t.Errorf("%s does with the read key what it is asked: %d %.200s", route, code, body)
			}
			return nil
		}
		for by, prepare := range map[string]func(r *http.Request){
			"key": func(r *http.Request) { r.Header.Set("X-Api-Key", readKey) },
			"session": func(r *http.Request) {
				r.Header.Set("Sec-Fetch-Site", "same-origin")
				for _, c := range cookies {
					r.AddCookie(c)
				}
			},
		} {
			code, body := ask(t, server, method, path, prepare)
			isRefusal := code == http.StatusForbidden && strings.Contains(body, `"detail":"This key can only read"`)
			if safe || slices.Contains(reads, route) {
				answered++
				if strings.Contains(body, "<!doctype html>") {
					checkPage(t, route, body)
				}
				for _, secret := range hidden {
					if strings.Contains(body, secret) {
						t.Errorf("%s with the read %s: the answer has %q", route, by, secret)
					}
				}
				if code == http.StatusForbidden || code == http.StatusUnauthorized || code >= 500 || strings.Contains(body, `name="key"`) {
					t.Errorf("%s with the read %s: %d %.200s, want an answer", route, by, code, body)
				}
				continue
			}
			refused++
			if !isRefusal {
				t.Errorf("%s with the read %s: %d %.200s, want 403", route, by, code, body)
			}
		}
		return nil
	})
	if err != nil || refused == 0 || answered == 0 {
		t.Errorf("%d requests refused, %d answered: %v", refused, answered, err)
	}
	for _, route := range slices.Concat(reads, open) {
		if !used[route] {
			t.Errorf("there is no route %s any more", route)
		}
	}
	t.Logf("%d requests refused, %d answered", refused, answered)
}

var postForm = regexp.MustCompile(`(?i)<form[^>]*\smethod=["']?post[^>]*>`)

func checkPage(t testing.TB, route, body string) {
	t.Helper()
	for _, form := range postForm.FindAllString(body, -1) {
		if !strings.Contains(form, "/sign-out") {
			t.Errorf("%s shows who can only read %s", route, form)
		}
	}
	if !strings.Contains(body, ">read only</span>") {
		t.Errorf("%s does not say that the key can only read: %.200s", route, body)
	}
}

// ask returns the status and the body of an answer, of which a stream has none.
func ask(t testing.TB, server *httptest.Server, method, path string, prepare func(*http.Request)) (int, string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, server.URL+path, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	prepare(r)
	res, err := server.Client().Transport.RoundTrip(r) // follows no redirect
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close() //nolint:errcheck // only read
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		return res.StatusCode, ""
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return res.StatusCode, string(body)
}

func signIn(t testing.TB, h http.Handler, key string) []*http.Cookie {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://mon.example.com/sign-in", strings.NewReader(url.Values{"key": {key}, "return": {"/"}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	cookies := w.Result().Cookies() //nolint:bodyclose // a recorder's
	if len(cookies) == 0 {
		t.Fatalf("sign in: %d %.200s", w.Code, w.Body)
	}
	return cookies
}
