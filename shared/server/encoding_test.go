package server_test

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/problem"
	"github.com/monlight/monlight/shared/server"
)

// inflater makes a Decompressor of the standard library's flate.
type inflater struct{ io.Reader }

func (i *inflater) Reset(r io.Reader) error {
	i.Reader = flate.NewReader(r)
	return nil
}

func TestFurtherEncodingsKeepToTheLimit(t *testing.T) {
	deflate := server.Encoding{
		Names: []string{"deflate"}, Cost: 32 << 10, Pool: &sync.Pool{New: func() any { return new(inflater) }},
		Corrupt: func(err error) bool { _, ok := errors.AsType[flate.CorruptInputError](err); return ok },
	}
	log := slog.New(slog.DiscardHandler)
	edge := server.NewEdge("test", "1", server.Settings{MaxInflightBytes: 2 << 20}, log)
	h := edge.Body(1000, deflate)(problem.Handler(log, func(w http.ResponseWriter, r *http.Request) error {
		b, release, err := server.ReadBody(r)
		defer release()
		if err != nil {
			return err
		}
		if r.Header.Get("Content-Encoding") != "" {
			return errs.New(errs.Conflict, "the handler sees the encoding")
		}
		_, err = w.Write(b)
		return err
	}))
	pack := func(text string) string {
		var b bytes.Buffer
		w, _ := flate.NewWriter(&b, 9)
		_, _ = w.Write([]byte(text))
		_ = w.Close()
		return b.String()
	}
	for name, tt := range map[string]struct {
		body   string
		status int
		want   string
	}{
		"good":      {pack("some text"), 200, "some text"},
		"limit":     {pack(strings.Repeat("a", 1000)), 200, "aaa"},
		"bomb":      {pack(strings.Repeat("a", 1_000_000)), 413, "Request body exceeds maximum size"},
		"broken":    {"\xff\xff\xff", 400, "Request body is not valid deflate"},
		"truncated": {pack("some text")[:5], 400, "Request body is not valid deflate"},
	} {
		for range 2 { // the second time with a decompressor from the pool
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(tt.body))
			r.Header.Set("Content-Encoding", "deflate")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) {
				t.Errorf("%s: %d %.200s, want %d with %q", name, w.Code, w.Body.String(), tt.status, tt.want)
			}
		}
	}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("x"))
	r.Header.Set("Content-Encoding", "br")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 415 || w.Header().Get("Accept-Encoding") != "gzip, deflate" {
		t.Errorf("brotli: %d, Accept-Encoding %q", w.Code, w.Header().Get("Accept-Encoding"))
	}
}
