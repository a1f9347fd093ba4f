package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/shared/auth/authtest"
)

const readKey = "4b0f6d1c93ae47d58e12c7a90b3f5d68"

// Whoever has the key that can only read sees everything and changes nothing.
func TestTheReadKeyChangesNothing(t *testing.T) {
	s := newService(t, map[string]string{"READ_API_KEY": readKey})
	authtest.OnlyReads(t, s, s.options.Handler.(chi.Routes), readKey, nil, []string{"POST /sign-in", "POST /sign-out",
		"/api/errors", "/api/metrics", "/api/browser/errors", "/api/browser/metrics", "/api/browser/batch", "/api/browser/*", tunnelPath}, []string{shopKey[:12]})
}

// A search over what is not shown would spell it.
func TestTheReadKeyDoesNotSearchInKeys(t *testing.T) {
	s := newService(t, map[string]string{"READ_API_KEY": readKey})
	for key, found := range map[string]bool{testKey: true, readKey: false} {
		for _, search := range []string{shopKey, shopKey[:6]} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/?search="+search, nil)
			r.Header.Set("X-Api-Key", key)
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if w.Code != http.StatusOK || strings.Contains(w.Body.String(), "data-row") != found {
				t.Errorf("search of %q, the read key: %t: %d, found: %t", search, !found, w.Code, !found)
			}
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/?search=shop", nil)
	r.Header.Set("X-Api-Key", readKey)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if !strings.Contains(w.Body.String(), "data-row") {
		t.Errorf("search of a project with the read key: %d, found nothing", w.Code)
	}
}
