package webui

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestLinksNameTheTimeAsTheServiceDoes(t *testing.T) {
	u, err := New(Options{Service: "notes", Services: Services("https://m.example.com/errors/", "https://logs.example.com", "https://metrics.example.com", "")})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	around := Around(at, 5*time.Minute, time.Minute)
	for name, c := range map[string]struct{ got, want string }{
		"logs around":         {u.Link("log-viewer", "/", around, "search", `"a b"`), "https://logs.example.com/?search=%22a+b%22&since=2026-01-02T02%3A59%3A05Z&until=2026-01-02T03%3A05%3A05Z"},
		"metrics around":      {u.Link("metrics-collector", "/explore", around), "https://metrics.example.com/explore?from=2026-01-02T02%3A59%3A05Z&to=2026-01-02T03%3A05%3A05Z"},
		"metrics of a span":   {u.Link("metrics-collector", "/", Window{Span: "6h"}), "https://metrics.example.com/?period=6h"},
		"errors of a span":    {u.Link("error-tracker", "/", Window{Span: "6h"}, "state", "all"), "https://m.example.com/errors/?state=all&time=6h"},
		"errors have no end":  {u.Link("error-tracker", "/", around), "https://m.example.com/errors/?time=2026-01-02T02%3A59%3A05Z"},
		"none":                {u.Link("log-viewer", "/", Window{}, "search", ""), "https://logs.example.com/"},
		"a span that is none": {u.Link("log-viewer", "/", Window{Span: "soon&x=1"}), "https://logs.example.com/"},
		"not installed":       {u.Link("browser-relay", "/", around), ""},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", name, c.got, c.want)
		}
	}
}

func TestTheNavigationCarriesTheTime(t *testing.T) {
	u, err := New(Options{Service: "log-viewer", Services: Services("https://m.example.com/errors", "/", "https://metrics.example.com", "https://relay.example.com")})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	if err := u.Render(w, r, 200, Page{Name: "error", Title: "x", Window: Window{Span: "6h"}, Data: failure{}}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`href="https://m.example.com/errors/?time=6h"`, `href="https://metrics.example.com/?period=6h"`, `href="https://relay.example.com"`, `href="/" aria-current`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s in %s", want, w.Body)
		}
	}
}
