package sentry

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/ratelimit"
)

// admit finds the project that the text of a key, and the path, stand for.
func (a *api) admit(r *http.Request, text string) (tracker.ProjectKey, error) {
	var none tracker.ProjectKey
	if text == "" {
		return none, errs.New(errs.Forbidden, "no sentry_key in the query string, the X-Sentry-Auth header or the envelope's dsn")
	}
	k, err := a.Tracker.FindKey(r.Context(), normalKey(text))
	if errs.KindOf(err) == errs.NotFound {
		a.Counter.Count(0, tracker.Refused, "unknown key", 1)
		return none, errs.New(errs.Forbidden, "there is no project with this key")
	}
	if err != nil {
		return none, err
	}
	if p := chi.URLParam(r, "project"); p != strconv.FormatInt(k.ProjectID, 10) && p != url.PathEscape(k.Project) && p != k.Project {
		a.Counter.Count(k.ProjectID, tracker.Refused, "key of another project", 1)
		return none, errs.New(errs.Forbidden, "the key does not belong to project %.40q", p)
	}
	if !k.Active {
		a.Counter.Count(k.ProjectID, tracker.Refused, "key is off", 1)
		return none, errs.New(errs.Forbidden, "the key is switched off")
	}
	if o := r.Header.Get("Origin"); o != "" && len(k.Origins) > 0 && !k.Origins.Allows(o) {
		a.Counter.Count(k.ProjectID, tracker.Refused, "origin", 1)
		return none, errs.New(errs.Forbidden, "origin %.100q may not use this key", o)
	}
	a.Counter.Used(k.ID)
	return k, nil
}

// limits are the limiters of keys, one for each rate that keys have.
type limits struct {
	mu     sync.Mutex
	byRate map[int]*ratelimit.Limiter
}

// allow counts an event of the key, or says that there were too many.
func (l *limits) allow(k *tracker.ProjectKey, usual int) error {
	rate := k.Rate
	if rate == 0 {
		rate = usual
	}
	l.mu.Lock()
	limiter := l.byRate[rate]
	if limiter == nil {
		limiter = ratelimit.New(rate, time.Minute, ratelimit.Options{})
		l.byRate[rate] = limiter
	}
	l.mu.Unlock()
	if ok, wait := limiter.Allow(strconv.FormatInt(k.ID, 10)); !ok {
		return errs.RetryIn(errs.RateLimited, wait, "more than %d events in a minute with this key", rate)
	}
	return nil
}

// stay is the context of a write: a client that hangs up while its event waits
// for the disk must not undo it.
func stay(r *http.Request) context.Context { return context.WithoutCancel(r.Context()) }
