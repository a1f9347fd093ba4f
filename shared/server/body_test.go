package server_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/monlight/monlight/shared/problem"
	"github.com/monlight/monlight/shared/server"
)

// sizes serves POST / with a body limit and answers with the size of the body.
func sizes(edge *server.Edge, limit int64) http.Handler {
	r := edge.Router()
	r.With(edge.Body(limit)).Post("/", edge.Handle(func(w http.ResponseWriter, r *http.Request) error {
		data, release, err := server.ReadBody(r)
		if err != nil {
			return err
		}
		defer release()
		return problem.JSON(w, 200, len(data))
	}))
	return server.Handler(server.Options{Edge: edge, Handler: r})
}

func zip(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// chunked hides the length of a body, so that it is sent in chunks.
type chunked struct{ io.Reader }

func TestBodyLimits(t *testing.T) {
	const limit = 100_000
	edge := newEdge(t, nil)
	srv := httptest.NewServer(sizes(edge, limit))
	defer srv.Close()
	full, over := bytes.Repeat([]byte("x"), limit), bytes.Repeat([]byte("x"), limit+1)
	noise := make([]byte, 0, limit)
	for i := range limit {
		noise = append(noise, byte(i*i>>3))
	}
	broken := zip(t, noise)
	broken[len(broken)/2] ^= 0xff
	wrongSum := zip(t, full)
	wrongSum[len(wrongSum)-5] ^= 1
	tooLarge := `"detail":"Request body exceeds maximum size"`
	tests := map[string]struct {
		body     io.Reader
		encoding string
		status   int
		want     string
	}{
		"empty":                       {http.NoBody, "", 200, "0"},
		"as large as the limit":       {bytes.NewReader(full), "", 200, "100000"},
		"one byte more":               {bytes.NewReader(over), "", 413, tooLarge},
		"chunked, as large":           {chunked{bytes.NewReader(full)}, "", 200, "100000"},
		"chunked, one byte more":      {chunked{bytes.NewReader(over)}, "", 413, tooLarge},
		"chunked, empty":              {chunked{strings.NewReader("")}, "", 200, "0"},
		"identity":                    {strings.NewReader("abc"), "identity", 200, "3"},
		"gzip":                        {bytes.NewReader(zip(t, []byte("abc"))), "gzip", 200, "3"},
		"gzip in upper case":          {bytes.NewReader(zip(t, []byte("abc"))), "GZIP", 200, "3"},
		"x-gzip":                      {bytes.NewReader(zip(t, []byte("abc"))), "x-gzip", 200, "3"},
		"gzip of nothing":             {bytes.NewReader(zip(t, nil)), "gzip", 200, "0"},
		"gzip of the limit":           {bytes.NewReader(zip(t, full)), "gzip", 200, "100000"},
		"gzip of one byte more":       {bytes.NewReader(zip(t, over)), "gzip", 413, tooLarge},
		"gzip, chunked":               {chunked{bytes.NewReader(zip(t, full))}, "gzip", 200, "100000"},
		"a thousand members":          {bytes.NewReader(bytes.Repeat(zip(t, []byte("abc")), 1000)), "gzip", 200, "3000"},
		"members over the limit":      {bytes.NewReader(bytes.Repeat(zip(t, full[:2000]), 51)), "gzip", 413, tooLarge},
		"gzip larger than the limit":  {bytes.NewReader(append(zip(t, nil), over...)), "gzip", 413, tooLarge},
		"many members of nothing":     {chunked{bytes.NewReader(bytes.Repeat(zip(t, nil), limit/10))}, "gzip", 413, tooLarge},
		"not gzip":                    {strings.NewReader("abc"), "gzip", 400, "Request body is not valid gzip"},
		"gzip with nothing in it":     {chunked{strings.NewReader("")}, "gzip", 200, "0"},
		"truncated gzip":              {bytes.NewReader(zip(t, noise)[:500]), "gzip", 400, "Request body is not valid gzip"},
		"truncated gzip header":       {bytes.NewReader(zip(t, noise)[:7]), "gzip", 400, "Request body is not valid gzip"},
		"broken gzip":                 {bytes.NewReader(broken), "gzip", 400, "Request body is not valid gzip"},
		"wrong checksum":              {bytes.NewReader(wrongSum), "gzip", 400, "Request body is not valid gzip"},
		"text after gzip":             {bytes.NewReader(append(zip(t, full), "tail"...)), "gzip", 400, "Request body is not valid gzip"},
		"deflate":                     {strings.NewReader("abc"), "deflate", 415, `Content-Encoding \"deflate\" is not supported, want gzip or identity`},
		"brotli":                      {strings.NewReader("abc"), "br", 415, "is not supported"},
		"twice":                       {strings.NewReader("abc"), "gzip, gzip", 415, "is not supported"},
		"unknown encoding of nothing": {http.NoBody, "zstd", 415, "is not supported"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequest(http.MethodPost, srv.URL, tt.body)
			if err != nil {
				t.Fatal(err)
			}
			if tt.encoding != "" {
				req.Header.Set("Content-Encoding", tt.encoding)
			}
			res, err := srv.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			if res.StatusCode != tt.status || !strings.Contains(string(body), tt.want) {
				t.Errorf("status %d, body %s; want %d, %s", res.StatusCode, body, tt.status, tt.want)
			}
			if tt.status == 415 && res.Header.Get("Accept-Encoding") != "gzip" {
				t.Errorf("Accept-Encoding = %q, want gzip", res.Header.Get("Accept-Encoding"))
			}
		})
	}
	if used := edge.BudgetUsed(); used != 0 {
		t.Errorf("%d bytes are reserved after all requests, want 0", used)
	}
}

// raw sends text over a connection and returns the first line of the answer.
func raw(t *testing.T, addr, text string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	n, err := c.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(buf[:n]), "\r\n")
	return line
}

func TestRequestsThatClientsReallySend(t *testing.T) {
	srv := httptest.NewServer(sizes(newEdge(t, nil), 1000))
	defer srv.Close()
	addr := srv.Listener.Addr().String()
	for name, tt := range map[string]struct{ request, want string }{
		"POST without length":            {"POST / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK"},
		"POST /health without length":    {"POST /health HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK"},
		"HTTP/1.0":                       {"POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.0 200 OK"},
		"expects to continue":            {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n", "HTTP/1.1 100 Continue"},
		"expects to continue, too large": {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n", "HTTP/1.1 413 Request Entity Too Large"},
		"negative length":                {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 400 Bad Request"},
		"both lengths":                   {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 200 OK"},
		"broken chunk":                   {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 400 Bad Request"},
	} {
		if got := raw(t, addr, tt.request); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestGzipBombCostsLittle(t *testing.T) {
	const limit = 2 << 20
	edge := newEdge(t, nil)
	h := sizes(edge, limit)
	bomb := bytes.Repeat(zip(t, make([]byte, 1<<20)), 1024) // 1 GiB of zeros
	if len(bomb) > limit {
		t.Fatalf("the bomb has %d bytes", len(bomb))
	}
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(bomb))
	r.Header.Set("Content-Encoding", "gzip")
	w := httptest.NewRecorder()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	h.ServeHTTP(w, r)
	runtime.ReadMemStats(&after)
	allocated := after.TotalAlloc - before.TotalAlloc
	if w.Code != 413 || allocated > 4*limit {
		t.Errorf("bomb of %d bytes = %d with %d bytes allocated; want 413 and at most %d", len(bomb), w.Code, allocated, 4*limit)
	}
	t.Logf("%d bytes on the wire, 1 GiB unpacked: refused with %d bytes allocated", len(bomb), allocated)
}

func TestReadBodyWantsALimit(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("abc"))
	if _, release, err := server.ReadBody(r); err == nil || release == nil {
		t.Errorf("ReadBody without Edge.Body: %v, want an error", err)
	}
}

func TestBodyIsNotReadableAfterTheHandler(t *testing.T) {
	edge := newEdge(t, nil)
	var body io.Reader
	r := edge.Router()
	r.With(edge.Body(100)).Post("/", func(_ http.ResponseWriter, r *http.Request) { body = r.Body })
	req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("abc"))
	server.Handler(server.Options{Edge: edge, Handler: r}).ServeHTTP(httptest.NewRecorder(), req)
	if n, err := body.Read(make([]byte, 10)); n != 0 || err == nil {
		t.Errorf("Read after the handler = %d, %v; want an error", n, err)
	}
}

// Many large bodies at once: the process holds no more than its budget, and each
// client is either served or told to come again.
func TestBudgetBoundsWhatIsHeldAtOnce(t *testing.T) {
	const size, clients, budget = 900_000, 32, 8 << 20
	edge := newEdge(t, func(s *server.Settings) { s.MaxInflightBytes = budget })
	var most atomic.Int64
	r := edge.Router()
	r.With(edge.Body(1<<20)).Post("/", edge.Handle(func(w http.ResponseWriter, r *http.Request) error {
		data, release, err := server.ReadBody(r)
		if err != nil {
			return err
		}
		defer release()
		for {
			seen, used := most.Load(), edge.BudgetUsed()
			if used <= seen || most.CompareAndSwap(seen, used) {
				break
			}
		}
		time.Sleep(5 * time.Millisecond) // a commit
		return problem.JSON(w, 200, len(data))
	}))
	srv := httptest.NewServer(server.Handler(server.Options{Edge: edge, Handler: r}))
	defer srv.Close()
	for _, encoding := range []string{"", "gzip"} {
		body := bytes.Repeat([]byte("0123456789"), size/10)
		if encoding == "gzip" {
			body = zip(t, body)
		}
		var served, refused atomic.Int32
		var wg sync.WaitGroup
		for range clients {
			wg.Go(func() {
				req, err := http.NewRequest(http.MethodPost, srv.URL, chunked{bytes.NewReader(body)})
				if err != nil {
					t.Error(err)
					return
				}
				if encoding != "" {
					req.Header.Set("Content-Encoding", encoding)
				}
				res, err := srv.Client().Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				defer res.Body.Close()
				answer, _ := io.ReadAll(res.Body)
				switch {
				case res.StatusCode == http.StatusOK && string(answer) == fmt.Sprint(size):
					served.Add(1)
				case res.StatusCode == http.StatusServiceUnavailable && res.Header.Get("Retry-After") == "1":
					refused.Add(1)
				default:
					t.Errorf("status %d, Retry-After %q, %s", res.StatusCode, res.Header.Get("Retry-After"), answer)
				}
			})
		}
		wg.Wait()
		t.Logf("encoding %q: %d served, %d refused, at most %d bytes reserved", encoding, served.Load(), refused.Load(), most.Load())
		if served.Load() == 0 {
			t.Error("nobody was served")
		}
	}
	if most.Load() > budget {
		t.Errorf("%d bytes were reserved at once, want at most %d", most.Load(), budget)
	}
	if used := edge.BudgetUsed(); used != 0 {
		t.Errorf("%d bytes are still reserved", used)
	}
}

// A client that announces a lot and sends nothing holds next to nothing.
func TestAnnouncedBytesAreNotReserved(t *testing.T) {
	edge := newEdge(t, func(s *server.Settings) { s.MaxInflightBytes = 2 << 20 })
	srv := httptest.NewServer(sizes(edge, 900_000))
	defer srv.Close()
	for range 30 {
		c, err := net.Dial("tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\nx"); err != nil {
			t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(5 * time.Second); edge.BudgetUsed() < 30*16<<10 && time.Now().Before(deadline); {
		runtime.Gosched()
	}
	if used := edge.BudgetUsed(); used != 30*16<<10 {
		t.Errorf("30 clients that sent a byte each hold %d bytes, want %d", used, 30*16<<10)
	}
	res, err := srv.Client().Post(srv.URL, "text/plain", strings.NewReader("abc"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("a good client beside them = %d, want 200", res.StatusCode)
	}
}

func TestClientThatLeavesGivesItsBytesBack(t *testing.T) {
	edge := newEdge(t, nil)
	h := sizes(edge, 900_000)
	pr, pw := io.Pipe()
	go func() {
		_, _ = pw.Write(make([]byte, 100_000))
		_ = pw.CloseWithError(errors.New("connection reset"))
	}()
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/", pr)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 400 || !strings.Contains(w.Body.String(), "Failed to read request body") || edge.BudgetUsed() != 0 {
		t.Errorf("status %d, %s, %d bytes reserved", w.Code, w.Body, edge.BudgetUsed())
	}
}

func BenchmarkReadBody(b *testing.B) {
	for _, size := range []int{1 << 10, 10 << 10, 200 << 10} {
		b.Run(fmt.Sprint(size>>10, "KB"), func(b *testing.B) {
			edge := newEdge(b, nil)
			h := edge.Body(256 << 10)(edge.Handle(func(_ http.ResponseWriter, r *http.Request) error {
				_, release, err := server.ReadBody(r)
				release()
				return err
			}))
			data := bytes.Repeat([]byte("x"), size)
			w := httptest.NewRecorder()
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(data))
				h.ServeHTTP(w, r)
			}
		})
	}
}
