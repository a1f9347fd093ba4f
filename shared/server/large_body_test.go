package server_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/shared/problem"
	"github.com/monlight/monlight/shared/server"
)

// streams serves POST / with a streamed body and answers with its size.
func streams(edge *server.Edge, limit int64) http.Handler {
	r := edge.Router()
	r.With(edge.Stream(limit)).Post("/", edge.Handle(func(w http.ResponseWriter, r *http.Request) error {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			return err
		}
		return problem.JSON(w, 200, n)
	}))
	return server.Handler(server.Options{Edge: edge, Handler: r})
}

func TestStreamedBodiesMayBeLargerThanTheBudget(t *testing.T) {
	edge := newEdge(t, nil)
	srv := httptest.NewServer(streams(edge, 64<<20))
	defer srv.Close()
	const size = 40 << 20 // the budget is a part of it
	resp, err := http.Post(srv.URL, "application/json", io.LimitReader(zeros{}, size))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK || strings.TrimSpace(string(got)) != "41943040" {
		t.Errorf("POST of 40 MiB = %d %s, want 200 and its size", resp.StatusCode, got)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestStreamedBodiesHaveALimit(t *testing.T) {
	edge := newEdge(t, nil)
	srv := httptest.NewServer(streams(edge, 100_000))
	defer srv.Close()
	over := bytes.Repeat([]byte("x"), 100_001)
	for name, send := range map[string]func(r *http.Request){
		"announced": func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(over)), int64(len(over)) },
		"chunked":   func(r *http.Request) { r.Body = io.NopCloser(chunked{bytes.NewReader(over)}) },
		"zipped": func(r *http.Request) {
			r.Body = io.NopCloser(bytes.NewReader(zip(t, over)))
			r.Header.Set("Content-Encoding", "gzip")
		},
	} {
		r, _ := http.NewRequest(http.MethodPost, srv.URL, http.NoBody)
		send(r)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %d, want 413", name, resp.StatusCode)
		}
	}
}

// A body that comes slowly and without a pause outlives the read timeout.
func TestStreamedBodiesMayTakeLongerThanTheReadTimeout(t *testing.T) {
	edge := newEdge(t, nil)
	srv := httptest.NewUnstartedServer(streams(edge, 1<<20))
	srv.Config.ReadTimeout, srv.Config.WriteTimeout = 200*time.Millisecond, 200*time.Millisecond
	srv.Start()
	defer srv.Close()
	c, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\nConnection: close\r\n\r\n")
	for range 8 {
		time.Sleep(60 * time.Millisecond) // of the real connection, which has no other clock
		io.WriteString(c, "x")
	}
	got, _ := io.ReadAll(c)
	if !strings.HasPrefix(string(got), "HTTP/1.1 200") {
		t.Errorf("answer = %q, want 200", got)
	}
}
