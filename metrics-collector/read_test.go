package main

import (
	"net/http"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/shared/auth/authtest"
)

const readKey = "4b0f6d1c93ae47d58e12c7a90b3f5d68"

// Whoever has the key that can only read sees everything and changes nothing.
func TestTheReadKeyChangesNothing(t *testing.T) {
	h, o := newService(t, map[string]string{"READ_API_KEY": readKey})
	for _, first := range [][]string{
		{http.MethodPost, "/api/metrics", `[{"name":"http_requests_total","type":"counter","value":1,"labels":{"endpoint":"/"}}]`},
		{http.MethodPut, "/api/dashboards/1", `{"title":"One","panels":[{"metric":"http_requests_total","agg":"rate"}]}`},
	} {
		if status, body, _ := ask(h, first[0], first[1], first[2], "X-API-Key", testKey); status >= 300 {
			t.Fatalf("%v: %d %s", first, status, body)
		}
	}
	authtest.OnlyReads(t, h, o.Handler.(chi.Routes), readKey, nil, []string{"POST /sign-in", "POST /sign-out"}, nil)
}
