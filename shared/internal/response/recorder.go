// Package response remembers what was answered to a request.
package response

import (
	"io"
	"net/http"
)

// Recorder passes a response on and remembers its status and size. It supports
// [http.ResponseController] by Unwrap.
type Recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// Wrap returns a Recorder around w.
func Wrap(w http.ResponseWriter) *Recorder { return &Recorder{ResponseWriter: w} }

// Of returns the Recorder that w is or wraps, or nil.
func Of(w http.ResponseWriter) *Recorder {
	for {
		switch t := w.(type) {
		case *Recorder:
			return t
		case interface{ Unwrap() http.ResponseWriter }:
			w = t.Unwrap()
		default:
			return nil
		}
	}
}

// Status returns the status that was sent, 200 if none was set, and 0 when
// nothing was sent yet.
func (r *Recorder) Status() int { return r.status }

// Started reports whether the status has been sent, so that it is too late for
// another answer.
func (r *Recorder) Started() bool { return r.status != 0 }

// Bytes returns the size of the body so far.
func (r *Recorder) Bytes() int64 { return r.bytes }

// Unwrap returns the writer below, for http.ResponseController.
func (r *Recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// WriteHeader sends the status. Informational ones (1xx) do not start the response.
func (r *Recorder) WriteHeader(status int) {
	if r.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *Recorder) Write(p []byte) (int, error) {
	r.start()
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
}

// ReadFrom copies src to the response and lets the writer below use its own
// fast way.
func (r *Recorder) ReadFrom(src io.Reader) (int64, error) {
	r.start()
	n, err := io.Copy(r.ResponseWriter, src)
	r.bytes += n
	return n, err
}

// Flush sends what is buffered, for code that asserts http.Flusher.
func (r *Recorder) Flush() {
	r.start()
	_ = http.NewResponseController(r.ResponseWriter).Flush()
}

func (r *Recorder) start() {
	if r.status == 0 {
		r.status = http.StatusOK
	}
}
