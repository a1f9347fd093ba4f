// Package authtest checks the routes of a service against who may use them.
package authtest

import (
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
