package main

import (
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/browser-relay/internal/httpapi"
	"github.com/monlight/monlight/browser-relay/internal/sdk"
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
func browserRoutes(edge *server.Edge, r *chi.Mux, api httpapi.Options, scripts *sdk.Scripts) {
	httpapi.BrowserRoutes(r, api)
	r.Method(http.MethodGet, sdk.Pattern, scripts)
	r.Method(http.MethodHead, sdk.Pattern, scripts)
	// Which paths there are is no secret here: they are in every page.
	stray := chi.Chain(edge.RateLimit(strayRate, time.Minute, clientip.Key))
	r.NotFound(stray.HandlerFunc(problem.NotFound).ServeHTTP)
	r.MethodNotAllowed(stray.HandlerFunc(problem.MethodNotAllowed).ServeHTTP)
}

// adminRoutes are the pages, the administrators' API and the doors for builds, whose
// key may be the token for uploads as well.
func adminRoutes(edge *server.Edge, r *chi.Mux, guard *auth.Guard, ui *webui.Pages, api httpapi.Options, u *uploads) {
	ui.Mount(r, guard, edge.Body(maxFormBytes))
	keyed := chi.Chain(guard.API, edge.RateLimit(adminRate, time.Minute, auth.Caller))
	r.Group(func(r chi.Router) {
		r.Use(keyed...)
		r.Use(edge.Body(httpapi.MaxAdminBody))
		httpapi.AdminRoutes(r, api)
	})
	building := chi.Chain(httpapi.BearerKey, u.guard, edge.RateLimit(adminRate, time.Minute, auth.Caller))
	r.Group(func(r chi.Router) {
		r.Use(building...)
		httpapi.UploadRoutes(r, u.api)
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
	admin, build := keyed.HandlerFunc(problem.MethodNotAllowed), building.HandlerFunc(problem.MethodNotAllowed)
	r.MethodNotAllowed(func(w http.ResponseWriter, req *http.Request) {
		switch path := req.URL.Path; {
		case isBelow(path, "/api/source-maps", "/api/sourcemaps", "/api/0"):
			build.ServeHTTP(w, req)
		case isBelow(path, "/api/dsn-keys", "/api/traffic", "/api/status"):
			admin.ServeHTTP(w, req)
		default:
			problem.MethodNotAllowed(w, req)
		}
	})
}

// wantsPage tells a person's browser from a program.
func wantsPage(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) &&
		!strings.HasPrefix(r.URL.Path, "/api/") && strings.Contains(r.Header.Get("Accept"), "text/html")
}

// isBelow tells whether a path is one of some, or below one.
func isBelow(path string, roots ...string) bool {
	for _, root := range roots {
		if path == root || strings.HasPrefix(path, root+"/") {
			return true
		}
	}
	return false
}
