package server_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/monlight/monlight/shared/problem"
	"github.com/monlight/monlight/shared/server"
)

// pieces serves POST / with limits on both sides of decompression, and answers
// with the size of the body. It holds as many bytes as the header Hold says.
func pieces(edge *server.Edge, wire, limit int64, hold func() int64) http.Handler {
	r := edge.Router()
	r.With(edge.Pieces(wire, limit, 2<<20)).Post("/", edge.Handle(func(w http.ResponseWriter, r *http.Request) error {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			return err
		}
		if err := server.Hold(r, hold()); err != nil {
			return err
		}
		return problem.JSON(w, 200, n)
	}))
	return server.Handler(server.Options{Edge: edge, Handler: r})
}

func TestPiecesLimits(t *testing.T) {
	const wire, limit = 20_000, 3_000_000 // more than the budget of the process
	srv := httptest.NewServer(pieces(newEdge(t, func(s *server.Settings) { s.MaxInflightBytes = 2 << 20 }), wire, limit, func() int64 { return 0 }))
	defer srv.Close()
	for name, test := range map[string]struct {
		body     []byte
		encoding string
		status   int
		want     string
	}{
		"plain":                        {bytes.Repeat([]byte("x"), wire), "", 200, "20000"},
		"plain, too long on the wire":  {bytes.Repeat([]byte("x"), wire+1), "", 413, "exceeds"},
		"gzip, larger than the budget": {zip(t, make([]byte, limit)), "gzip", 200, "3000000"},
		"gzip, one byte more":          {zip(t, make([]byte, limit+1)), "gzip", 413, "exceeds"},
		"gzip that is none":            {[]byte("no"), "gzip", 400, "not valid gzip"},
	} {
		r, err := http.NewRequest(http.MethodPost, srv.URL, chunked{bytes.NewReader(test.body)})
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Encoding", test.encoding)
		res, err := srv.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != test.status || !strings.Contains(string(got), test.want) {
			t.Errorf("%s: %d %s, want %d %s", name, res.StatusCode, got, test.status, test.want)
		}
	}
}

func TestHoldCountsUntilTheHandlerReturns(t *testing.T) {
	hold := int64(2 << 20)
	edge := newEdge(t, func(s *server.Settings) { s.MaxInflightBytes = 2 << 20 })
	h := pieces(edge, 100, 100, func() int64 { return hold })
	post := func() int {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", chunked{strings.NewReader("x")}))
		return w.Code
	}
	for range 3 { // each has all of it, one after the other
		if got := post(); got != 200 {
			t.Errorf("held %d: %d", hold, got)
		}
	}
}

// Requests that keep a lot do not wait for each other in circles.
func TestManyLargeBodiesInPieces(t *testing.T) {
	edge := newEdge(t, func(s *server.Settings) { s.MaxInflightBytes = 2 << 20 })
	r := edge.Router()
	r.With(edge.Pieces(1<<20, 1<<20, 1<<20)).Post("/", edge.Handle(func(w http.ResponseWriter, r *http.Request) error {
		for range 10 {
			if err := server.Hold(r, 100<<10); err != nil {
				return err
			}
			if _, err := io.CopyN(io.Discard, r.Body, 100); err != nil {
				return err
			}
		}
		return problem.JSON(w, 200, true)
	}))
	h := server.Handler(server.Options{Edge: edge, Handler: r})
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", chunked{strings.NewReader(strings.Repeat("x", 1000))}))
			if w.Code != 200 {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
	wait.Wait()
}
