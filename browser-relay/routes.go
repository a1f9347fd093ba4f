package main

import (
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/browser-relay/internal/httpapi"
	"github.com/monlight/monlight/shared/auth"
	"github.com/monlight/monlight/shared/clientip"
	"github.com/monlight/monlight/shared/problem"
	"github.com/monlight/monlight/shared/server"
)

const (
	// maxFormBytes bounds the forms of the pages.
	maxFormBytes = 64 << 10
	// adminRate bounds the requests of administrators, per minute and caller.
	adminRate = 6000
	// strayRate bounds requests for paths that do not exist, per minute and client.
	strayRate = 600
)

// browserRoutes are the doors for web pages, which anybody can reach.
func browserRoutes(edge *server.Edge, r *chi.Mux, api httpapi.Options) {
	httpapi.BrowserRoutes(r, api)
	// Which paths there are is no secret here: they are in every page.
	stray := chi.Chain(edge.RateLimit(strayRate, time.Minute, clientip.Key))
	r.NotFound(stray.HandlerFunc(problem.NotFound).ServeHTTP)
	r.MethodNotAllowed(stray.HandlerFunc(problem.MethodNotAllowed).ServeHTTP)
}

// adminRoutes are the pages and the administrators' API.
func adminRoutes(edge *server.Edge, r *chi.Mux, guard *auth.Guard, api httpapi.Options) {
	keyed := chi.Chain(guard.API, edge.RateLimit(adminRate, time.Minute, auth.Caller))
	r.Group(func(r chi.Router) {
		r.Use(keyed...)
		r.Use(edge.Body(httpapi.MaxAdminBody))
		httpapi.AdminRoutes(r, api)
	})
	// The methods of a path are told to those with a key only.
	admin := keyed.HandlerFunc(problem.MethodNotAllowed)
	r.MethodNotAllowed(func(w http.ResponseWriter, req *http.Request) {
		if isAdminPath(req.URL.Path) {
			admin.ServeHTTP(w, req)
			return
		}
		problem.MethodNotAllowed(w, req)
	})
}

func isAdminPath(path string) bool {
	for _, prefix := range []string{"/api/dsn-keys", "/api/source-maps", "/api/sourcemaps", "/api/traffic"} {
		if path == prefix || strings.HasPrefix(path, prefix+"/") {
			return true
		}
	}
	return false
}
