package server

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/shared/clientip"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/internal/response"
	"github.com/monlight/monlight/shared/logging"
	"github.com/monlight/monlight/shared/problem"
	"github.com/monlight/monlight/shared/ratelimit"
)

// Edge holds what the requests of a service share: the settings, the bound on
// request bytes in memory, and the metrics.
type Edge struct {
	service  string
	settings Settings
	log      *slog.Logger
	metrics  *metrics
	budget   *budget
	answered atomic.Int64 // requests but those of /health and /metrics
	answers  answers
}

// Answers counts requests since the start, but those of /health and /metrics.
type Answers struct {
	All         int64
	Limited     int64 // with 429
	Unavailable int64 // with 503
	Failed      int64 // with any other 5xx
}

type answers struct{ limited, unavailable, failed atomic.Int64 }

func (a *answers) count(status int) {
	switch {
	case status == http.StatusTooManyRequests:
		a.limited.Add(1)
	case status == http.StatusServiceUnavailable:
		a.unavailable.Add(1)
	case status >= http.StatusInternalServerError:
		a.failed.Add(1)
	}
}

// Answers tells what has been answered since the start.
func (e *Edge) Answers() Answers {
	return Answers{e.answered.Load(), e.answers.limited.Load(), e.answers.unavailable.Load(), e.answers.failed.Load()}
}

// NewEdge returns the Edge of a service.
func NewEdge(service, version string, s Settings, log *slog.Logger) *Edge {
	e := &Edge{service: service, settings: s, log: log, budget: newBudget(s.MaxInflightBytes)}
	e.metrics = newMetrics(service, version, e.budget)
	return e
}

// Router returns a router that answers unknown paths with 404 and wrong methods
// with 405 as problem details, and HEAD wherever there is a GET.
func (e *Edge) Router() *chi.Mux {
	r := chi.NewRouter()
	r.Use(headAsGet)
	r.NotFound(problem.NotFound)
	r.MethodNotAllowed(problem.MethodNotAllowed)
	return r
}

// headAsGet routes HEAD like GET where HEAD has no route. net/http drops the body.
func headAsGet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		route := chi.RouteContext(r.Context())
		if r.Method == http.MethodHead && route != nil && route.Routes != nil {
			path := r.URL.RawPath
			if path == "" {
				path = r.URL.Path
			}
			if !route.Routes.Match(chi.NewRouteContext(), http.MethodHead, path) {
				route.RouteMethod = http.MethodGet
			}
		}
		next.ServeHTTP(w, r)
	})
}

// Handle is [problem.Handler] with the log of the Edge.
func (e *Edge) Handle(f problem.HandlerFunc) http.HandlerFunc {
	return problem.Handler(e.log, f)
}

// RateLimit returns a middleware that admits limit requests per window for each
// key, as [ratelimit.Limiter] counts them, and answers the others with 429
// {"detail":"Rate limit exceeded","retry_after":n}. Usual keys are [auth.Caller]
// and [clientip.Key]. Each call makes a limiter of its own.
func (e *Edge) RateLimit(limit int, window time.Duration, key func(*http.Request) string) func(http.Handler) http.Handler {
	limiter := ratelimit.New(limit, window, ratelimit.Options{})
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if ok, wait := limiter.Allow(key(r)); !ok {
				problem.Write(w, r, errs.RetryIn(errs.RateLimited, wait, "Rate limit exceeded"))
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// wrap puts the whole edge around a service's handler.
func (e *Edge) wrap(routes chi.Routes, next http.Handler) http.Handler {
	h := stripBase(e.settings.BasePath(), routes, next)
	h = problem.Guard(e.log)(h)
	h = secure(h)
	h = clientip.Middleware(e.settings.TrustedProxies)(h)
	return e.observe(h)
}

// observe gives each request its id, and counts and logs what became of it.
func (e *Edge) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		id := requestID(r.Header.Get(requestIDHeader))
		w.Header().Set(requestIDHeader, id)
		rec := response.Wrap(w)
		// The routers below find this route context and write to it, so that the
		// pattern is known here afterwards.
		route := chi.NewRouteContext()
		ctx := context.WithValue(logging.WithRequestID(r.Context(), id), chi.RouteCtxKey, route)
		r = r.WithContext(ctx)

		e.metrics.inflight.Inc()
		defer func() {
			e.metrics.inflight.Dec()
			took := time.Since(began)
			e.metrics.observe(r.Method, route.RoutePattern(), rec.Status(), took)
			if p := route.RoutePattern(); p != "/health" && p != "/metrics" {
				e.answered.Add(1)
				e.answers.count(rec.Status())
			}
			e.log.DebugContext(ctx, "request", "method", r.Method, "path", r.URL.Path, "route", route.RoutePattern(),
				"status", rec.Status(), "bytes", rec.Bytes(), "duration_ms", took.Milliseconds())
		}()
		next.ServeHTTP(rec, r)
	})
}

// stripBase removes the base path from requests when a proxy did not. /base
// itself means the start page. When a page's own path begins like the base path,
// as /errors/1 does with the base path /errors, and a proxy has stripped that,
// the routes decide: nothing is removed from a path that is only known as it is.
// Without routes, which may be nil, it is always removed.
func stripBase(base string, routes chi.Routes, next http.Handler) http.Handler {
	if base == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, ok := strings.CutPrefix(r.URL.Path, base)
		if !ok || (path != "" && path[0] != '/') {
			next.ServeHTTP(w, r)
			return
		}
		u := *r.URL
		u.Path = "/" + strings.TrimPrefix(path, "/")
		if u.RawPath != "" {
			u.RawPath = "/" + strings.TrimPrefix(strings.TrimPrefix(u.RawPath, base), "/")
		}
		if routes != nil && !hasRoute(routes, r.Method, &u) && hasRoute(routes, r.Method, r.URL) {
			next.ServeHTTP(w, r)
			return
		}
		r2 := r.WithContext(r.Context())
		r2.URL = &u
		next.ServeHTTP(w, r2)
	})
}

// hasRoute looks for the path alone, as chi does: escaped if it came so.
func hasRoute(routes chi.Routes, method string, u *url.URL) bool {
	path := u.RawPath
	if path == "" {
		path = u.Path
	}
	if method == http.MethodHead {
		method = http.MethodGet // see headAsGet
	}
	return routes.Match(chi.NewRouteContext(), method, path)
}
