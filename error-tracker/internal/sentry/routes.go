package sentry

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/problem"
	"github.com/monlight/monlight/shared/ratelimit"
)

// Tracker is what the doors need of the domain; *tracker.Service is one.
type Tracker interface {
	FindKey(ctx context.Context, key string) (tracker.ProjectKey, error)
	Report(ctx context.Context, e *event.Event) (tracker.Outcome, error)
	CountIngest(ctx context.Context, counts []tracker.IngestCount) error
	CountSessions(ctx context.Context, project int64, sessions []tracker.Sessions) error
}

// Counter counts what becomes of what is sent, in memory.
type Counter interface {
	Count(project int64, kind tracker.IngestKind, what string, n int64)
	Used(key int64) // a project's key was used
}

// Options are the parts the doors are built of; none may be nil.
type Options struct {
	Tracker Tracker
	Counter Counter
	Now     func() time.Time
	Log     *slog.Logger
	// Observe is told of each event that was answered: what became of it, or ""
	// with the error it was refused with.
	Observe func(tracker.Status, error)
	// Room waits until so many bytes may be decoded; release gives the room back.
	Room func(ctx context.Context, bytes int64) (release func(), err error)
	// Body is the middleware that limits and unpacks bodies. Those behind it are
	// read in pieces, and what is kept of them is told to Hold.
	Body func(http.Handler) http.Handler
	Hold func(r *http.Request, bytes int64) error
	// RateLimit is how many events a key may send in a minute if it has no limit
	// of its own.
	RateLimit int
}

type api struct {
	Options

	limits limits
}

// Routes adds the doors to r. They need no key but that of a project, so nothing
// that checks the API key may stand before them. Their paths are answered with
// and without the slash at the end: a redirect would lose the body.
func Routes(r chi.Router, o Options) {
	a := &api{Options: o, limits: limits{byRate: map[int]*ratelimit.Limiter{}}}
	r.Group(func(r chi.Router) {
		r.Use(crossOrigin)
		for path, f := range map[string]problem.HandlerFunc{
			"/api/{project}/envelope":   a.envelope,
			"/api/{project}/store":      a.store,
			"/api/{project}/security":   a.security,
			"/api/{project}/csp-report": a.security,
		} {
			h := problem.Handler(o.Log, explained(f))
			for _, p := range []string{path, path + "/"} {
				r.With(o.Body).Post(p, h)
				r.Options(p, preflight)
			}
		}
		r.Get("/api/0", version)
		r.Get("/api/0/", version)
	})
}

// explained adds to errors what SDKs look for.
func explained(f problem.HandlerFunc) problem.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		err := f(w, r)
		if err != nil {
			explain(w.Header(), err)
		}
		return err
	}
}

// version is what command line tools ask for to see that somebody is there.
func version(w http.ResponseWriter, _ *http.Request) {
	_ = problem.JSON(w, http.StatusOK, map[string]any{"version": "0", "auth": nil, "user": nil})
}
