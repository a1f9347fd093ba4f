package main

import (
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/shared/auth/authtest"
)

const readKey = "4b0f6d1c93ae47d58e12c7a90b3f5d68"

// Whoever has the key that can only read sees everything and changes nothing.
func TestTheReadKeyChangesNothing(t *testing.T) {
	h, o := newService(t, map[string]string{"READ_API_KEY": readKey})
	authtest.OnlyReads(t, h, o.Handler.(chi.Routes), readKey, nil, []string{"POST /sign-in", "POST /sign-out"}, nil)
}
