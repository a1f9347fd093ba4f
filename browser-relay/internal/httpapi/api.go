// Package httpapi is the HTTP API of the browser relay: the doors for web pages,
// which anybody on the internet can knock at, and the JSON API of administrators.
package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/shared/problem"
)

// MaxAdminBody is the largest body of the administrators' API, source maps
// excepted.
const MaxAdminBody = 4096

// Intake is what the doors need of the domain; *relay.Service is one.
type Intake interface {
	Report(ctx context.Context, k relay.Key, e relay.Event) (relay.Answer, error)
	Metrics(ctx context.Context, k relay.Key, points []relay.Metric, page string) error
	Batch(ctx context.Context, k relay.Key, b relay.Batch) (relay.Receipt, error)
	Tunnel(ctx context.Context, e relay.Envelope) (relay.EnvelopeAnswer, error)
}

// Traffic is what the API needs of the counts; *relay.Traffic is one.
type Traffic interface {
	Add(c relay.Count, n int)
	Reject(r relay.Rejection)
	Rejected() []relay.Rejection
	Since(ctx context.Context, from time.Time) ([]relay.HourCount, error)
}

// Options are the parts the API is built of; none may be nil.
type Options struct {
	Intake   Intake
	Keys     *relay.Keyring
	Traffic  Traffic
	Maps     relay.MapStore
	Status   http.HandlerFunc // GET /api/status, the same in every service
	Limits   Limits
	Unwanted Unwanted
	// TrackerHosts are where DSNs may point that come through the tunnel.
	TrackerHosts TrackerHosts
	// Body bounds bodies and counts their bytes: [server.Edge.Body].
	Body   func(limit int64) func(http.Handler) http.Handler
	Handle func(problem.HandlerFunc) http.HandlerFunc
	Now    func() time.Time
}

type api struct {
	Options
	limits *limiters
}

// BrowserRoutes adds the doors for web pages to r, in both spellings. They bring
// their own checks: origins, keys, limits and body sizes.
func BrowserRoutes(r chi.Router, o Options) {
	a := &api{Options: o, limits: newLimiters(o.Limits)}
	doors := map[string]http.HandlerFunc{
		"/api/browser/errors":  a.door(a.report),
		"/api/browser/metrics": a.door(a.metrics),
		"/api/browser/batch":   a.door(a.batch),
		"/api/errors":          a.door(a.report),
		"/api/metrics":         a.door(a.metrics),
	}
	for path, h := range doors {
		r.Handle(path, h)
	}
	r.Handle("/api/browser/tunnel", a.tunnel())
	r.Handle("/api/browser/*", a.door(nil))
}

// AdminRoutes adds the administrators' API to r, which checks their key, and
// the size of bodies but for source maps.
func AdminRoutes(r chi.Router, o Options) {
	a := &api{Options: o}
	r.Post("/api/dsn-keys", o.Handle(a.createKey))
	r.Get("/api/dsn-keys", o.Handle(a.listKeys))
	r.Get("/api/dsn-keys/{id}", o.Handle(a.getKey))
	r.Patch("/api/dsn-keys/{id}", o.Handle(a.changeKey))
	r.Delete("/api/dsn-keys/{id}", o.Handle(a.deactivateKey))
	r.Post("/api/dsn-keys/{id}/activate", o.Handle(a.activateKey))
	r.Post("/api/dsn-keys/{id}/rotate", o.Handle(a.rotateKey))
	for _, path := range []string{"/api/source-maps", "/api/sourcemaps"} {
		r.Get(path, o.Handle(a.listMaps))
		r.Delete(path+"/{id}", o.Handle(a.deleteMap))
	}
	r.Get("/api/traffic", o.Handle(a.traffic))
	r.Get("/api/traffic/rejected", o.Handle(a.rejected))
	r.Get("/api/status", a.Status)
}
