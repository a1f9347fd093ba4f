// Package problem turns errors into HTTP answers: problem details as in RFC 9457.
package problem

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/logging"
)

const (
	contentType = "application/problem+json"

	// maxDetailBytes bounds the detail, because it may quote the request.
	maxDetailBytes = 1 << 10

	// defaultRetry is the wait we ask for when an error does not name one.
	defaultRetry = time.Second

	internalDetail = "Internal server error"
	tooLargeDetail = "Request body exceeds maximum size"
)

// details is the body of every answer that is an error.
type details struct {
	Title      string `json:"title"`
	Status     int    `json:"status"`
	Detail     string `json:"detail"`
	RetryAfter int64  `json:"retry_after,omitempty"` // whole seconds; 429 and 503 only
	RequestID  string `json:"request_id,omitempty"`
}

// statusOf maps kinds to statuses; what is not in it is 500.
var statusOf = map[errs.Kind]int{
	errs.Invalid:          http.StatusBadRequest,
	errs.Unauthorized:     http.StatusUnauthorized,
	errs.Forbidden:        http.StatusForbidden,
	errs.NotFound:         http.StatusNotFound,
	errs.Conflict:         http.StatusConflict,
	errs.TooLarge:         http.StatusRequestEntityTooLarge,
	errs.Unsupported:      http.StatusUnsupportedMediaType,
	errs.Timeout:          http.StatusRequestTimeout,
	errs.RateLimited:      http.StatusTooManyRequests,
	errs.Unavailable:      http.StatusServiceUnavailable,
	errs.MethodNotAllowed: http.StatusMethodNotAllowed,
	errs.Upstream:         http.StatusBadGateway,
}

// Status returns the HTTP status that Write gives err.
func Status(err error) int {
	if status, ok := statusOf[classify(err).Kind]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// Write answers r with err as application/problem+json. Only the text of an
// [errs.Error] is shown; anything else is "Internal server error". 429 and 503
// carry Retry-After and the member retry_after in whole seconds, rounded up.
func Write(w http.ResponseWriter, r *http.Request, err error) {
	e := classify(err)
	status := Status(err)
	d := details{Title: http.StatusText(status), Status: status, Detail: cut(e.Text)}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		d.RetryAfter = seconds(e.RetryAfter)
		w.Header().Set("Retry-After", strconv.FormatInt(d.RetryAfter, 10))
	}
	send(w, r, d, err)
}

// extended is an error whose answer has a member of its own.
type extended struct {
	error

	name  string
	value int64
}

func (e *extended) Unwrap() error { return e.error }

// With returns err with one more member for the body of its answer, which RFC 9457
// calls an extension. The name is of letters and underscores.
func With(err error, name string, value int64) error { return &extended{err, name, value} }

// NotFound answers every request with 404 {"detail":"Not found"}. It suits
// chi's NotFound.
func NotFound(w http.ResponseWriter, r *http.Request) {
	Write(w, r, errs.New(errs.NotFound, "Not found"))
}

// methods are those that MethodNotAllowed looks for.
var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
}

// MethodNotAllowed answers every request with 405 and names the methods of the
// path in the Allow header. It suits chi's MethodNotAllowed.
func MethodNotAllowed(w http.ResponseWriter, r *http.Request) {
	if route := chi.RouteContext(r.Context()); route != nil && route.Routes != nil {
		path := r.URL.RawPath
		if path == "" {
			path = r.URL.Path
		}
		var allowed []string
		for _, m := range methods {
			if route.Routes.Match(chi.NewRouteContext(), m, path) {
				allowed = append(allowed, m)
			}
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
	}
	Write(w, r, errs.New(errs.MethodNotAllowed, "Method not allowed"))
}

// JSON answers with v as compact JSON. On an error nothing was sent yet.
func JSON(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	write(w, "application/json", status, body)
	return nil
}

func send(w http.ResponseWriter, r *http.Request, d details, cause error) {
	d.RequestID = logging.RequestID(r.Context())
	body, err := json.Marshal(d)
	if err != nil { // cannot happen: strings and numbers
		body = []byte(`{"detail":"` + internalDetail + `"}`)
	}
	if x, ok := errors.AsType[*extended](cause); ok {
		body = append(body[:len(body)-1], `,"`+x.name+`":`+strconv.FormatInt(x.value, 10)+`}`...)
	}
	// Headers that a handler has set for the answer it did not give.
	for _, name := range []string{"Content-Encoding", "Content-Disposition", "Etag", "Last-Modified"} {
		w.Header().Del(name)
	}
	w.Header().Set("Cache-Control", "no-store")
	write(w, contentType, d.Status, body)
}

func write(w http.ResponseWriter, contentType string, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client is gone; nobody to tell
}

// classify finds the errs.Error in err, or makes one of the standard library's.
func classify(err error) *errs.Error {
	if e, ok := errors.AsType[*errs.Error](err); ok {
		if e.Kind == errs.Internal {
			return &errs.Error{Kind: errs.Internal, Text: internalDetail, Cause: err}
		}
		return e
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &errs.Error{Kind: errs.TooLarge, Text: tooLargeDetail, Cause: err}
	}
	return &errs.Error{Kind: errs.Internal, Text: internalDetail, Cause: err}
}

func seconds(d time.Duration) int64 {
	if d <= 0 {
		d = defaultRetry
	}
	return int64((d + time.Second - 1) / time.Second)
}

func cut(s string) string {
	if len(s) <= maxDetailBytes {
		return s
	}
	return strings.ToValidUTF8(s[:maxDetailBytes], "") + "…"
}
