package main

import (
	"net/http"
	"testing"
)

// Three numbers whose sum is none leave everything readable, before and after
// they are on disk.
func TestASumThatOverflowsIsTheLargestNumber(t *testing.T) {
	h, o := newService(t, nil)
	for range 3 {
		if status, body, _ := ask(h, http.MethodPost, "/api/metrics", `[{"name":"http_requests_total","type":"counter","value":1e308}]`, "X-API-Key", testKey); status != 202 {
			t.Fatalf("POST: %d %s", status, body)
		}
	}
	look := func(when string) {
		t.Helper()
		for _, path := range []string{"/api/dashboard?period=24h", "/api/metrics?name=http_requests_total&period=1h"} {
			if status, body, _ := ask(h, http.MethodGet, path, "", "X-API-Key", testKey); status != 200 {
				t.Errorf("%s, GET %s: %d %s", when, path, status, body)
			}
		}
	}
	look("in memory")
	for _, c := range o.Closers[:1] { // writes what is in memory to disk
		if err := c(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	look("on disk")
}
