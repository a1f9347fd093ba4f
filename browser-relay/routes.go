package main

import (
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/browser-relay/internal/httpapi"
	"github.com/monlight/monlight/browser-relay/internal/webui"
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
func adminRoutes(edge *server.Edge, r *chi.Mux, guard *auth.Guard, ui *webui.Pages, api httpapi.Options) {
	ui.Mount(r, guard, edge.Body(maxFormBytes))
	keyed := chi.Chain(guard.API, edge.RateLimit(adminRate, time.Minute, auth.Caller))
	r.Group(func(r chi.Router) {
		r.Use(keyed...)
		r.Use(edge.Body(httpapi.MaxAdminBody))
		httpapi.AdminRoutes(r, api)
	})
	stray := chi.Chain(edge.RateLimit(strayRate, time.Minute, clientip.Key))
	notFound := stray.HandlerFunc(problem.NotFound)
	notFoundPage := guard.Page(http.HandlerFunc(ui.NotFound))
	r.NotFound(func(w http.ResponseWriter, req *http.Request) {
		if wantsPage(req) {
			notFoundPage.ServeHTTP(w, req)
			return
		}
		notFound.ServeHTTP(w, req)
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

// wantsPage tells a person's browser from a program.
func wantsPage(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) &&
		!strings.HasPrefix(r.URL.Path, "/api/") && strings.Contains(r.Header.Get("Accept"), "text/html")
}

func isAdminPath(path string) bool {
	for _, prefix := range []string{"/api/dsn-keys", "/api/source-maps", "/api/sourcemaps", "/api/traffic"} {
		if path == prefix || strings.HasPrefix(path, prefix+"/") {
			return true
		}
	}
	return false
}
