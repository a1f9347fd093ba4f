package main

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/error-tracker/internal/httpapi"
	"github.com/monlight/monlight/error-tracker/internal/sentry"
	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/webui"
	"github.com/monlight/monlight/shared/auth"
	"github.com/monlight/monlight/shared/problem"
	"github.com/monlight/monlight/shared/server"
	"github.com/monlight/monlight/shared/sqlitedb"
	"github.com/monlight/monlight/shared/status"
)

// routes is everything the service answers but /health and /metrics.
func routes(edge *server.Edge, guard *auth.Guard, pages *webui.Pages, api httpapi.Options, sdks sentry.Options, rateLimit int) *chi.Mux {
	r := edge.Router()
	// In this order: what has no key is neither counted nor read.
	keyed := chi.Chain(guard.API, edge.RateLimit(rateLimit, time.Minute, auth.Caller), edge.Body(httpapi.MaxBody))

	pages.Mount(r, guard)
	sentry.Routes(r, sdks)
	r.Group(func(r chi.Router) {
		r.Use(keyed...)
		httpapi.Routes(r, api)
	})
	// Nobody without a key learns which paths there are.
	apiNotFound := keyed.HandlerFunc(problem.NotFound)
	pageNotFound := guard.Page(http.HandlerFunc(pages.NotFound))
	r.NotFound(func(w http.ResponseWriter, req *http.Request) {
		if wantsPage(req) {
			pageNotFound.ServeHTTP(w, req)
			return
		}
		apiNotFound.ServeHTTP(w, req)
	})
	r.MethodNotAllowed(keyed.HandlerFunc(problem.MethodNotAllowed).ServeHTTP)
	return r
}

// wantsPage tells a person's browser from a program.
func wantsPage(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) &&
		!strings.HasPrefix(r.URL.Path, "/api/") && strings.Contains(r.Header.Get("Accept"), "text/html")
}

func apiOptions(s settings, t *tracker.Service, pages *webui.Pages, db *sqlitedb.DB, m *metrics, state *status.Status, counter httpapi.Counter, log *slog.Logger) httpapi.Options {
	return httpapi.Options{
		Tracker: t, Now: time.Now, Log: log, AlertsOff: s.mail.off(), Observe: m.report, Counter: counter, PublicURL: pages.PublicURL, Room: httpapi.NewRoom(),
		Status: state.Handler(),
		Backlog: func() (waiting, capacity int) {
			stats := db.Stats()
			return stats.QueueDepth, stats.QueueSize
		},
	}
}

func sentryOptions(s settings, t *tracker.Service, edge *server.Edge, api httpapi.Options, counter sentry.Counter) sentry.Options {
	return sentry.Options{
		Tracker: t, Counter: counter, Now: time.Now, Log: api.Log, Observe: api.Observe, Room: api.Room,
		Body: edge.Pieces(sentry.MaxWire, sentry.MaxEnvelope, sentry.MaxKept, sentry.Encodings()...), Hold: server.Hold, RateLimit: s.rateLimit,
	}
}
