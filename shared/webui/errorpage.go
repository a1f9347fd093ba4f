package webui

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/logging"
	"github.com/monlight/monlight/shared/problem"
)

// Handle makes an http.HandlerFunc of f: its error becomes a page that says
// what the reader can do.
func (u *UI) Handle(f problem.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := f(w, r); err != nil {
			u.Error(w, r, err)
		}
	}
}

// failure is the data of the error page.
type failure struct {
	Status    int
	Title     string
	Detail    string
	RequestID string
	Here      string // this page again, when trying again may help; else ""
	Search    string // the label of a search, when what was looked for is not there; else ""
	SearchAt  string // the address that takes its text
}

var failureTitles = map[int]string{
	http.StatusBadRequest:            "That request is not right",
	http.StatusUnauthorized:          "Please sign in",
	http.StatusForbidden:             "This is not allowed",
	http.StatusNotFound:              "Not found",
	http.StatusConflict:              "That cannot be done now",
	http.StatusRequestEntityTooLarge: "That is too large",
	http.StatusTooManyRequests:       "Too many requests",
	http.StatusInternalServerError:   "Something went wrong",
	http.StatusServiceUnavailable:    "Not available at the moment",
}

// Error answers with the page for err. Errors that are our fault are logged
// and shown by the request's ID only.
func (u *UI) Error(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil && errors.Is(err, context.Canceled) {
		err = errs.Wrap(errs.Unavailable, err, "The request was cancelled")
	}
	f := failure{Status: problem.Status(err), RequestID: logging.RequestID(r.Context())}
	f.Title = failureTitles[f.Status]
	if f.Title == "" {
		f.Title = http.StatusText(f.Status)
	}
	e, known := errors.AsType[*errs.Error](err)
	if known && e.Kind != errs.Internal {
		f.Detail = sentence(e.Text)
		if e.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int((e.RetryAfter+time.Second-1)/time.Second)))
		}
	} else if f.Status == http.StatusInternalServerError {
		f.Detail = "The service could not do this. Its log tells why, under the request ID below."
	}
	switch {
	case f.Status == http.StatusServiceUnavailable && r.Context().Err() != nil: // nobody waits for it
	case f.Status >= 500:
		level := slog.LevelError
		if f.Status == http.StatusServiceUnavailable {
			level = slog.LevelWarn
		}
		u.opts.Log.Log(r.Context(), level, "request failed", "method", r.Method, "path", r.URL.Path, "err", err)
	default:
		u.opts.Log.DebugContext(r.Context(), "request refused", "method", r.Method, "path", r.URL.Path, "err", err)
	}
	if (f.Status >= 500 || f.Status == http.StatusTooManyRequests) && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		f.Here = u.here(r)
	}
	u.fail(w, r, f)
}

// NotFound answers with the page for an address that does not exist.
func (u *UI) NotFound(w http.ResponseWriter, r *http.Request) {
	u.fail(w, r, failure{Status: http.StatusNotFound, Title: "Page not found",
		Detail: "There is nothing at " + Line(r.URL.Path, 200) + ".", RequestID: logging.RequestID(r.Context())})
}

func (u *UI) fail(w http.ResponseWriter, r *http.Request, f failure) {
	if f.Status == http.StatusNotFound {
		f.Search, f.SearchAt = u.opts.Search, u.Path(cmp.Or(u.opts.SearchPath, "/"))
	}
	if err := u.Render(w, r, f.Status, Page{Name: "error", Title: f.Title, Data: f}); err != nil {
		u.opts.Log.ErrorContext(r.Context(), "error page failed", "err", err)
		http.Error(w, f.Title, f.Status)
	}
}

// sentence makes an error's text one for people: with a capital and a full stop.
func sentence(s string) string {
	s = Line(s, 500)
	if s == "" {
		return s
	}
	if c := s[0]; c >= 'a' && c <= 'z' {
		s = string(c-'a'+'A') + s[1:]
	}
	if last := s[len(s)-1]; last != '.' && last != '!' && last != '?' {
		s += "."
	}
	return s
}
