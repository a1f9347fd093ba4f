package main

import (
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
	authtest.RefusesForeignPages(t, s, routes, testKey, "POST /sign-in", "POST /sign-out")
}
