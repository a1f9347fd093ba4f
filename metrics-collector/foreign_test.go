package main

import (
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/shared/auth/authtest"
)

// Whoever is signed in cannot be made to change something by the page of somebody else.
func TestNoRouteTakesChangesFromForeignPages(t *testing.T) {
	h, o := newService(t, nil)
	routes, ok := o.Handler.(chi.Routes)
	if !ok {
		t.Fatalf("handler is a %T", o.Handler)
	}
	authtest.RefusesForeignPages(t, h, routes, testKey, "POST /sign-in", "POST /sign-out")
}
