// Package httpapi is the JSON API of the log viewer, with its event stream.
package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/shared/problem"
)

// MaxBody is the largest body of a request that is no ingest, in bytes.
const MaxBody = 64 << 10

// MaxIngestBody is the largest body of POST /api/logs, in bytes, on the wire and
// after decompression.
const MaxIngestBody = 4 << 20

// Logs is what the API needs of the domain; *logs.Service is one.
type Logs interface {
	Append(ctx context.Context, b logs.Batch) (first int64, err error)
	Search(ctx context.Context, q logs.Query) (logs.Page, error)
	Entry(ctx context.Context, id int64) (logs.Entry, error)
	Around(ctx context.Context, id int64, f logs.Filter, before, after int) ([]logs.Entry, error)
	Histogram(ctx context.Context, f logs.Filter, b logs.Buckets) (logs.Histogram, error)
	Facets(ctx context.Context, f logs.Filter) (logs.Facets, error)
	Sources(ctx context.Context) ([]logs.SourceStats, error)
	Stats(ctx context.Context) (logs.Stats, error)
	Tail(ctx context.Context, f logs.Filter, after int64) (*logs.Tail, error)
}

// Options are the parts the API is built of; only Lives may be nil.
type Options struct {
	Logs    Logs
	Status  http.HandlerFunc // GET /api/status, the same in every service
	Handle  func(problem.HandlerFunc) http.HandlerFunc
	Now     func() time.Time
	Stream  StreamTimes
	Exports int // downloads at once
	// Lives is what is known of the life of containers, by name; nil knows nothing.
	Lives func() map[string]logs.Lifecycle
}

type api struct {
	Options
	exports chan struct{} // has an element for each that runs
}

// Routes adds the API to r, which checks keys, limits and the sizes of bodies.
// Those of the routes for ingest are checked by ingest instead of body.
func Routes(r chi.Router, o Options, body, ingest func(http.Handler) http.Handler) {
	a := &api{Options: o, exports: make(chan struct{}, o.Exports)}
	r.With(ingest).Post("/api/logs", o.Handle(a.ingest))
	r.Group(func(r chi.Router) {
		r.Use(body)
		r.Get("/api/logs", o.Handle(a.list))
		r.Get("/api/logs/tail", o.Handle(a.tail))
		r.Get("/api/logs/export", o.Handle(a.export))
		r.Get("/api/logs/histogram", o.Handle(a.histogram))
		r.Get("/api/logs/facets", o.Handle(a.facets))
		r.Get("/api/logs/{id:[0-9]+}", o.Handle(a.entry))
		r.Get("/api/logs/{id:[0-9]+}/context", o.Handle(a.context))
		r.Get("/api/status", a.Status)
		for _, path := range []string{"/api/containers", "/api/logs/containers"} {
			r.Get(path, o.Handle(a.containers))
		}
		for _, path := range []string{"/api/stats", "/api/logs/stats"} {
			r.Get(path, o.Handle(a.stats))
		}
	})
}
