// Package openapitest compares a service's OpenAPI document with its routes.
package openapitest

import (
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
)

// document is what is read of an OpenAPI document.
type document struct {
	OpenAPI string                                `json:"openapi"`
	Paths   map[string]map[string]json.RawMessage `json:"paths"`
}

// parameter is a part of a route's path with a pattern: {id:[0-9]+}.
var parameter = regexp.MustCompile(`\{(\w+):[^}]*\}`)

// named is a parameter in a path of a document.
var named = regexp.MustCompile(`\{[^}]*\}`)

// served are the paths outside of the router that every service has.
var served = []string{"GET /health", "GET /metrics"}

// Check fails unless the document in file has each route below /api that the
// routers have, with its methods, and no other. HEAD and routes for anything ("*")
// are left out. Routes in open take every method, and are documented with the
// ones that they are for.
func Check(t *testing.T, file string, open []string, routers ...chi.Routes) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var doc document
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.") {
		t.Errorf("%s is of version %q, want 3.x", file, doc.OpenAPI)
	}
	var documented []string
	alike := map[string]string{} // paths that differ in the names of their parameters are one to readers of the document
	for path, methods := range doc.Paths {
		kind := named.ReplaceAllString(path, "{}")
		if other, twice := alike[kind]; twice {
			t.Errorf("%s has both %s and %s, which are one path", file, other, path)
		}
		alike[kind] = path
		for method := range methods {
			documented = append(documented, strings.ToUpper(method)+" "+path)
		}
	}
	routed := slices.Clone(served)
	for _, r := range routers {
		routed = append(routed, routesOf(t, r, open)...)
	}
	for _, path := range open {
		i := slices.IndexFunc(documented, func(d string) bool { return strings.HasSuffix(d, " "+path) })
		if i < 0 {
			t.Errorf("%s lacks the path %s", file, path)
			continue
		}
		documented = slices.DeleteFunc(documented, func(d string) bool { return strings.HasSuffix(d, " "+path) })
	}
	for _, r := range routed {
		if !slices.Contains(documented, r) {
			t.Errorf("%s lacks %s, which the service has: add it to paths, beside one that is like it", file, r)
		}
	}
	for _, d := range documented {
		if !slices.Contains(routed, d) {
			t.Errorf("%s has %s, which the service does not have", file, d)
		}
	}
	if len(routed) < 10 {
		t.Errorf("the service has only %d routes: %v", len(routed), routed)
	}
}

func routesOf(t *testing.T, r chi.Routes, open []string) []string {
	t.Helper()
	var out []string
	err := chi.Walk(r, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		route = parameter.ReplaceAllString(route, "{$1}")
		if strings.HasPrefix(route, "/api/") && !strings.HasSuffix(route, "*") && method != http.MethodHead && !slices.Contains(open, route) {
			out = append(out, method+" "+route)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
