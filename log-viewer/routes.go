package main

import (
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/log-viewer/internal/httpapi"
	"github.com/monlight/monlight/log-viewer/internal/webui"
	"github.com/monlight/monlight/shared/auth"
	"github.com/monlight/monlight/shared/problem"
	"github.com/monlight/monlight/shared/server"
)

// routes is everything the service answers but /health and /metrics.
func routes(edge *server.Edge, guard *auth.Guard, pages *webui.Pages, api httpapi.Options, rateLimit int) *chi.Mux {
	r := edge.Router()
	// In this order: what has no key is neither counted nor read.
	keyed := chi.Chain(guard.API, edge.RateLimit(rateLimit, time.Minute, auth.Caller))
	body, ingest := edge.Body(httpapi.MaxBody), edge.Body(httpapi.MaxIngestBody, httpapi.Zstd())

	pages.Mount(r, guard, body)
	r.Group(func(r chi.Router) {
		r.Use(keyed...)
		httpapi.Routes(r, api, body, ingest)
	})
	// Nobody without a key learns which paths there are.
	unknown := append(keyed, body)
	apiNotFound := unknown.HandlerFunc(problem.NotFound)
	pageNotFound := guard.Page(http.HandlerFunc(pages.NotFound))
	r.NotFound(func(w http.ResponseWriter, req *http.Request) {
		if wantsPage(req) {
			pageNotFound.ServeHTTP(w, req)
			return
		}
		apiNotFound.ServeHTTP(w, req)
	})
	r.MethodNotAllowed(unknown.HandlerFunc(problem.MethodNotAllowed).ServeHTTP)
	return r
}

// wantsPage tells a person's browser from a program.
func wantsPage(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) &&
		!strings.HasPrefix(r.URL.Path, "/api/") && strings.Contains(r.Header.Get("Accept"), "text/html")
}
