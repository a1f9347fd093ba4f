package main

import (
	"net/http"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/shared/auth/authtest"
)

// Whoever is signed in cannot be made to change something by the page of somebody else.
func TestNoRouteTakesChangesFromForeignPages(t *testing.T) {
	s := newService(t, nil)
	routes, ok := s.options.Handler.(chi.Routes)
	if !ok {
		t.Fatalf("handler is a %T", s.options.Handler)
	}
	open := []string{"POST /sign-in", "POST /sign-out"}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, "QUERY"} {
		open = append(open, method+" "+tunnelPath) // it looks at no cookie, and other methods are 405
	}
	authtest.RefusesForeignPages(t, s, routes, testKey, open...)
}
