package response_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/monlight/monlight/shared/internal/response"
)

// wrapped is another middleware's writer around a Recorder.
type wrapped struct{ http.ResponseWriter }

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func TestRecorderRemembersWhatWasSent(t *testing.T) {
	tests := map[string]struct {
		send   func(http.ResponseWriter)
		status int
		bytes  int64
	}{
		"nothing":  {func(http.ResponseWriter) {}, 0, 0},
		"a status": {func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) }, 404, 0},
		"a body":   {func(w http.ResponseWriter) { _, _ = io.WriteString(w, "abc") }, 200, 3},
		"both":     {func(w http.ResponseWriter) { w.WriteHeader(http.StatusCreated); _, _ = io.WriteString(w, "abc") }, 201, 3},
		"two": {func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusCreated)
			w.WriteHeader(http.StatusInternalServerError)
		}, 201, 0},
		"hints first": {func(w http.ResponseWriter) { w.WriteHeader(http.StatusEarlyHints); w.WriteHeader(http.StatusNotFound) }, 404, 0},
		"only hints":  {func(w http.ResponseWriter) { w.WriteHeader(http.StatusEarlyHints) }, 0, 0},
		"a copy":      {func(w http.ResponseWriter) { _, _ = io.Copy(w, strings.NewReader("abcd")) }, 200, 4},
		"a flush":     {func(w http.ResponseWriter) { w.(http.Flusher).Flush() }, 200, 0},
	}
	for name, tt := range tests {
		below := httptest.NewRecorder()
		rec := response.Wrap(below)
		tt.send(rec)
		if rec.Status() != tt.status || rec.Bytes() != tt.bytes || rec.Started() != (tt.status != 0) {
			t.Errorf("%s: status %d, %d bytes, started %v; want %d, %d", name, rec.Status(), rec.Bytes(), rec.Started(), tt.status, tt.bytes)
		}
		if int64(below.Body.Len()) != tt.bytes {
			t.Errorf("%s: %d bytes were passed on, want %d", name, below.Body.Len(), tt.bytes)
		}
	}
}

func TestOfFindsTheRecorderUnderOthers(t *testing.T) {
	below := httptest.NewRecorder()
	rec := response.Wrap(below)
	if got := response.Of(wrapped{wrapped{rec}}); got != rec {
		t.Errorf("Of = %v, want the recorder", got)
	}
	if got := response.Of(wrapped{below}); got != nil {
		t.Errorf("Of without a recorder = %v, want nil", got)
	}
}
