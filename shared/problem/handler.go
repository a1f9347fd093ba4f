package problem

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/internal/response"
)

// HandlerFunc answers a request or returns an error, not both.
type HandlerFunc func(w http.ResponseWriter, r *http.Request) error

// Handler adapts f to net/http: its error becomes one answer and at most one
// line in the log. Internal errors are logged with their cause, others at debug
// level, and a client that went away not at all. Panics are handled as in [Guard].
func Handler(log *slog.Logger, f HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		rec := response.Of(w)
		if rec == nil {
			rec = response.Wrap(w)
			w = rec
		}
		defer recoverPanic(log, rec, w, r)
		err := f(w, r)
		if err == nil {
			return
		}
		if r.Context().Err() != nil && errors.Is(err, context.Canceled) {
			// The client is gone, or the service is stopping and the time
			// for running requests is over.
			err = errs.Wrap(errs.Unavailable, err, "request was cancelled")
		} else {
			report(log, r, err)
		}
		if !rec.Started() {
			Write(w, r, err)
		}
	}
}

// Guard is a middleware that turns a panic into one 500 and one line in the log
// with the stack. When the answer has begun already it breaks the connection, so
// that the client sees that the answer is not whole. [http.ErrAbortHandler] is
// passed on.
func Guard(log *slog.Logger) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := response.Of(w)
			if rec == nil {
				rec = response.Wrap(w)
				w = rec
			}
			defer recoverPanic(log, rec, w, r)
			next.ServeHTTP(w, r)
		})
	}
}

func recoverPanic(log *slog.Logger, rec *response.Recorder, w http.ResponseWriter, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(http.ErrAbortHandler) //nolint:forbidigo // how net/http is told to break a connection
	}
	log.ErrorContext(r.Context(), "handler panicked", "method", r.Method, "path", r.URL.Path,
		"err", fmt.Sprint(p), "stack", string(debug.Stack()))
	if rec.Started() {
		panic(http.ErrAbortHandler) //nolint:forbidigo // how net/http is told to break a connection
	}
	Write(w, r, errors.New("handler panicked"))
}

func report(log *slog.Logger, r *http.Request, err error) {
	level, msg := slog.LevelDebug, "request refused"
	switch errs.KindOf(err) {
	case errs.Internal:
		if _, ok := errors.AsType[*http.MaxBytesError](err); !ok {
			level, msg = slog.LevelError, "request failed"
		}
	case errs.Unavailable:
		if errors.Unwrap(err) != nil { // there is a cause that somebody should see
			level, msg = slog.LevelWarn, "request failed"
		}
	}
	log.Log(r.Context(), level, msg, "method", r.Method, "path", r.URL.Path, "err", err)
}
