// Package httpapi is the JSON API of the metrics collector.
package httpapi

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
	"github.com/monlight/monlight/shared/problem"
)

// MaxBody is the largest body, in bytes, on the wire and after decompression.
const MaxBody = 512 << 10

// Collector is what the API needs of the domain; *metrics.Service is one.
type Collector interface {
	Ingest(ctx context.Context, r metrics.Request) (metrics.Receipt, error)
	Query(ctx context.Context, q metrics.Query) (*metrics.Result, error)
	Names(project string) []metrics.MetricName
	Projects() []string
	Labels(name, project string, values int) []metrics.LabelCardinality
	Cardinality(project, part string, top int) metrics.Cardinality
	Totals(ctx context.Context, project string, p metrics.Period) ([]metrics.Total, error)
	HTTP(ctx context.Context, project string, p metrics.Period) (*metrics.HTTP, error)
	WebVitals(ctx context.Context, project string, p metrics.Period) (*metrics.WebVitals, error)
}

// Options are the parts the API is built of; none may be nil.
type Options struct {
	Collector  Collector
	Dashboards metrics.DashboardStore
	Handle     func(problem.HandlerFunc) http.HandlerFunc
	Status     http.HandlerFunc // GET /api/status, the same in every service
	Now        func() time.Time
}

type api struct {
	Options
}

// Routes adds the API to r, which checks keys, limits and body sizes.
func Routes(r chi.Router, o Options) {
	a := &api{o}
	r.Post("/api/metrics", o.Handle(a.ingest))
	r.Get("/api/metrics", o.Handle(a.query))
	r.Get("/api/metrics/names", o.Handle(a.names))
	r.Get("/api/metrics/labels", o.Handle(a.labels))
	r.Get("/api/projects", o.Handle(a.projects))
	r.Get("/api/dashboard", o.Handle(a.dashboard))
	r.Get("/api/cardinality", o.Handle(a.cardinality))
	r.Get("/api/dashboards", o.Handle(a.listDashboards))
	r.Get("/api/dashboards/{slug}", o.Handle(a.getDashboard))
	r.Put("/api/dashboards/{slug}", o.Handle(a.putDashboard))
	r.Delete("/api/dashboards/{slug}", o.Handle(a.deleteDashboard))
	r.Get("/api/status", a.Status)
}

// bodies are buffers for requests: a client that sends full batches would
// otherwise leave hundreds of kilobytes to the garbage collector each time.
var bodies = sync.Pool{New: func() any { b := make([]byte, 0, 16<<10); return &b }}

// readBody reads the whole body. It may be used until release is called.
func readBody(r *http.Request) (data []byte, release func(), err error) {
	if r.Body == nil {
		return nil, func() {}, nil
	}
	buf := bodies.Get().(*[]byte) //nolint:forcetypeassert // the pool holds nothing else
	b := (*buf)[:0]
	release = func() {
		*buf = b[:0]
		bodies.Put(buf)
	}
	if n := r.ContentLength; n > int64(cap(b)) && n <= MaxBody {
		b = make([]byte, 0, n+1)
	}
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Body.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF { //nolint:errorlint // readers return it as it is
			return b, release, nil
		}
		if err != nil {
			return nil, release, err
		}
	}
}
