package server_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/monlight/monlight/shared/logging"
	"github.com/monlight/monlight/shared/server"
)

// running is a service that was started by start.
type running struct {
	url, addr string
	stop      context.CancelFunc // asks it to stop
	ended     chan error         // what Run returned
}

// start runs o on a free port with short limits on time.
func start(t *testing.T, o server.Options) *running {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan net.Addr, 1)
	o.Listener, o.Ready = l, func(a net.Addr) { ready <- a }
	ctx, stop := context.WithCancel(context.Background())
	r := &running{addr: l.Addr().String(), url: "http://" + l.Addr().String(), stop: stop, ended: make(chan error, 1)}
	go func() { r.ended <- server.Run(ctx, server.WithShortTimes(o)) }()
	select {
	case <-ready:
	case err := <-r.ended:
		t.Fatalf("Run ended before it listened: %v", err)
	}
	t.Cleanup(stop)
	return r
}

// wait returns what Run returned.
func (r *running) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.ended:
		return err
	case <-time.After(10 * time.Second):
		t.Fatal("the service does not end")
		return nil
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func TestStopIsInOrderAndRequestsFinish(t *testing.T) {
	var mu sync.Mutex
	var order []string
	note := func(s string) {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, s)
	}
	entered := make(chan struct{})
	edge := newEdge(t, nil)
	r := start(t, server.Options{
		Edge: edge,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			close(entered)
			time.Sleep(200 * time.Millisecond)
			note("request")
			_, _ = io.WriteString(w, "done")
		}),
		Jobs: []func(context.Context) error{
			func(ctx context.Context) error { <-ctx.Done(); note("job"); return ctx.Err() },
			func(context.Context) error { return nil }, // one that is done at once
		},
		Closers: []func(context.Context) error{
			func(context.Context) error { note("first closer"); return nil },
			func(context.Context) error { note("second closer"); return nil },
		},
	})
	answer := make(chan string, 1)
	go func() {
		defer close(answer) // also when get ends it
		_, body := get(t, r.url)
		answer <- body
	}()
	<-entered
	r.stop()
	if err := r.wait(t); err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
	if got := <-answer; got != "done" {
		t.Errorf("the running request got %q, want done", got)
	}
	if got, want := strings.Join(order, ", "), "request, job, first closer, second closer"; got != want {
		t.Errorf("order %s, want %s", got, want)
	}
	if _, err := net.Dial("tcp", r.addr); err == nil {
		t.Error("the address still accepts connections")
	}
}

func TestStopUnderLoadCutsNoRequest(t *testing.T) {
	var handled atomic.Int64
	r := start(t, server.Options{
		Edge: newEdge(t, nil),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(2 * time.Millisecond)
			handled.Add(1)
			_, _ = io.WriteString(w, "kept")
		}),
	})
	var answered, cut atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			// A connection for each request: one that was kept may be closed by the
			// server at any moment, which HTTP allows and clients retry.
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			for {
				res, err := client.Post(r.url, "text/plain", strings.NewReader("x"))
				if err != nil {
					return // refused
				}
				body, err := io.ReadAll(res.Body)
				_ = res.Body.Close()
				if err != nil || string(body) != "kept" {
					cut.Add(1)
				}
				answered.Add(1)
			}
		})
	}
	time.Sleep(150 * time.Millisecond)
	began := time.Now()
	r.stop()
	if err := r.wait(t); err != nil {
		t.Errorf("Run = %v", err)
	}
	took := time.Since(began)
	wg.Wait()
	t.Logf("%d answered, %d handled, stopped in %v", answered.Load(), handled.Load(), took)
	if cut.Load() > 0 || answered.Load() != handled.Load() || answered.Load() == 0 {
		t.Errorf("%d handled, %d answered, %d cut; want all handled ones answered", handled.Load(), answered.Load(), cut.Load())
	}
}

func TestStopCancelsRequestsThatTakeTooLong(t *testing.T) {
	entered, cancelled := make(chan struct{}), make(chan struct{})
	r := start(t, server.Options{
		Edge: newEdge(t, nil),
		Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			close(entered)
			<-r.Context().Done()
			close(cancelled)
		}),
	})
	go func() { _, _ = http.Get(r.url) }()
	<-entered
	began := time.Now()
	r.stop()
	if err := r.wait(t); err != nil {
		t.Errorf("Run = %v", err)
	}
	<-cancelled
	if took := time.Since(began); took < 900*time.Millisecond || took > 1800*time.Millisecond {
		t.Errorf("stop took %v, want the 1 s of draining and little more", took)
	}
}

func TestStopGivesUpOnWhatHangs(t *testing.T) {
	closed := false
	r := start(t, server.Options{
		Edge: newEdge(t, nil), Handler: http.NotFoundHandler(),
		Jobs:    []func(context.Context) error{func(context.Context) error { select {} }},
		Closers: []func(context.Context) error{func(context.Context) error { closed = true; return nil }},
	})
	began := time.Now()
	r.stop()
	err := r.wait(t)
	if err == nil || !strings.Contains(err.Error(), "background jobs did not end in time") || !closed {
		t.Errorf("Run = %v, closers called: %v", err, closed)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("stop took %v", took)
	}
}

func TestUnusedConnectionsDoNotDelayAStop(t *testing.T) {
	r := start(t, server.Options{Edge: newEdge(t, nil), Handler: http.NotFoundHandler()})
	for range 3 { // as browsers open in advance
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	get(t, r.url+"/health") // an idle connection as well
	began := time.Now()
	r.stop()
	if err := r.wait(t); err != nil {
		t.Errorf("Run = %v", err)
	}
	if took := time.Since(began); took > 600*time.Millisecond { // the limit on headers would drop them after 700 ms
		t.Errorf("stop took %v, want about 50 ms", took)
	}
}

func TestStreamsOutliveTheTimeLimitsAndLeaveOnStop(t *testing.T) {
	done := make(chan error, 1)
	r := start(t, server.Options{
		Edge: newEdge(t, nil),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel, err := server.LongLived(w, r)
			if err != nil {
				done <- err
				return
			}
			defer cancel()
			for ctx.Err() == nil {
				_, _ = io.WriteString(w, "data: x\n\n")
				if err := http.NewResponseController(w).Flush(); err != nil {
					done <- err
					return
				}
				select {
				case <-ctx.Done():
				case <-time.After(100 * time.Millisecond):
				}
			}
			done <- r.Context().Err() // nil: told to stop, not cut
		}),
	})
	res, err := http.Get(r.url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines, began := 0, time.Now()
	for in := bufio.NewScanner(res.Body); lines < 24 && in.Scan(); lines++ { // 2 lines each 100 ms
	}
	if took := time.Since(began); lines < 24 || took < time.Second {
		t.Errorf("%d lines in %v; want 24 in more than the limits of 600 ms", lines, took)
	}
	began = time.Now()
	r.stop()
	if err := r.wait(t); err != nil {
		t.Errorf("Run = %v", err)
	}
	if err := <-done; err != nil {
		t.Errorf("the stream ended with %v, want the signal to stop", err)
	}
	if took := time.Since(began); took > 700*time.Millisecond {
		t.Errorf("stop with an open stream took %v", took)
	}
}

func TestJobErrorStopsTheService(t *testing.T) {
	closed, fail := false, make(chan struct{})
	r := start(t, server.Options{
		Edge: newEdge(t, nil), Handler: http.NotFoundHandler(),
		Jobs: []func(context.Context) error{
			func(ctx context.Context) error { <-ctx.Done(); return nil },
			func(context.Context) error { <-fail; return errors.New("disk is gone") },
		},
		Closers: []func(context.Context) error{func(context.Context) error { closed = true; return errors.New("close failed") }},
	})
	close(fail)
	err := r.wait(t)
	if err == nil || err.Error() != "disk is gone\nclose failed" || !closed {
		t.Errorf("Run = %v, closers called: %v", err, closed)
	}
}

func TestJobIsStartedAgainAfterAPanic(t *testing.T) {
	var log bytes.Buffer
	var mu sync.Mutex
	var runs atomic.Int32
	again := make(chan struct{})
	edge := server.NewEdge("notes", "", defaults(t), logging.New(writer(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return log.Write(p)
	}), "notes", slog.LevelInfo))
	r := start(t, server.Options{
		Edge: edge, Handler: http.NotFoundHandler(),
		Jobs: []func(context.Context) error{func(ctx context.Context) error {
			if runs.Add(1) < 3 {
				panic("out of luck")
			}
			close(again)
			<-ctx.Done()
			return nil
		}},
	})
	<-again
	if status, _ := get(t, r.url+"/health"); status != 200 {
		t.Errorf("health = %d", status)
	}
	r.stop()
	if err := r.wait(t); err != nil {
		t.Errorf("Run = %v", err)
	}
	if n := strings.Count(log.String(), `"msg":"job panicked"`); n != 2 || !strings.Contains(log.String(), "out of luck") {
		t.Errorf("%d panics in the log, want 2:\n%s", n, log.String())
	}
}

// writer is a function as io.Writer.
type writer func(p []byte) (int, error)

func (f writer) Write(p []byte) (int, error) { return f(p) }

func TestAddressInUseIsAnError(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	closed := false
	err = server.Run(t.Context(), server.Options{
		Edge:    newEdge(t, func(s *server.Settings) { s.Addr = l.Addr().String() }),
		Handler: http.NotFoundHandler(),
		Closers: []func(context.Context) error{func(context.Context) error { closed = true; return nil }},
	})
	if err == nil || !strings.Contains(err.Error(), "address already in use") || !closed {
		t.Errorf("Run = %v, closers called: %v", err, closed)
	}
}

func TestMetricsAddressServesOnlyMetrics(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	_ = free.Close()
	r := start(t, server.Options{Edge: newEdge(t, func(s *server.Settings) { s.MetricsAddr = addr }), Handler: http.HandlerFunc(echo)})
	if status, body := get(t, "http://"+addr+"/metrics"); status != 200 || !strings.Contains(body, "go_goroutines") {
		t.Errorf("metrics = %d %.100s", status, body)
	}
	if status, _ := get(t, "http://"+addr+"/"); status != 404 {
		t.Errorf("/ on the metrics address = %d, want 404", status)
	}
	if _, body := get(t, r.url+"/metrics"); body != "GET /metrics " {
		t.Errorf("/metrics on the service's address = %.100s, want the service", body)
	}
	r.stop()
	if err := r.wait(t); err != nil {
		t.Errorf("Run = %v", err)
	}
}

// Slow clients lose their connection, and good ones do not notice them.
func TestSlowClientsAreDropped(t *testing.T) {
	const slow = 300
	edge := newEdge(t, func(s *server.Settings) { s.MaxConnections = 2 * slow })
	r := start(t, server.Options{Edge: edge, Handler: sizes(edge, 1<<20)})
	before := runtime.NumGoroutine()
	for name, opening := range map[string]string{
		"header": "GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ",
		"body":   "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			var dropped sync.WaitGroup
			began := time.Now()
			var slowest atomic.Int64
			for range slow {
				c, err := net.Dial("tcp", r.addr)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.WriteString(c, opening); err != nil {
					t.Fatal(err)
				}
				dropped.Go(func() {
					defer c.Close()
					stop := make(chan struct{})
					go func() { // a byte now and then
						for {
							select {
							case <-stop:
								return
							case <-time.After(50 * time.Millisecond):
								_, _ = io.WriteString(c, "x")
							}
						}
					}()
					_, _ = io.Copy(io.Discard, c) // ends when the server closes
					close(stop)
					slowest.Store(max(slowest.Load(), int64(time.Since(began))))
				})
			}
			if status, _ := get(t, r.url+"/health"); status != 200 {
				t.Errorf("health during the attack = %d", status)
			}
			dropped.Wait()
			if took := time.Duration(slowest.Load()); took > 3*time.Second {
				t.Errorf("the last slow client was dropped after %v", took)
			}
			t.Logf("%d slow clients were dropped within %v", slow, time.Duration(slowest.Load()))
		})
	}
	if used := edge.BudgetUsed(); used != 0 {
		t.Errorf("%d bytes are still reserved", used)
	}
	http.DefaultClient.CloseIdleConnections()
	for deadline := time.Now().Add(3 * time.Second); runtime.NumGoroutine() > before+5 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before+5 {
		t.Errorf("%d goroutines before, %d after", before, n)
	}
}

func TestReaderThatDoesNotReadIsCut(t *testing.T) {
	ended := make(chan error, 1)
	r := start(t, server.Options{
		Edge: newEdge(t, nil),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			block := make([]byte, 1<<20)
			for range 1000 {
				if _, err := w.Write(block); err != nil {
					ended <- err
					return
				}
			}
			ended <- nil
		}),
	})
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err == nil {
			t.Error("1 GB was written to a client that does not read")
		}
	case <-time.After(5 * time.Second):
		t.Error("the handler still writes after 5 s")
	}
}

func TestHugeHeaderIsRefused(t *testing.T) {
	r := start(t, server.Options{Edge: newEdge(t, nil), Handler: http.HandlerFunc(echo)})
	line := raw(t, r.addr, "GET / HTTP/1.1\r\nHost: x\r\nX: "+strings.Repeat("a", 20<<10)+"\r\n\r\n")
	if line != "HTTP/1.1 431 Request Header Fields Too Large" {
		t.Errorf("header of 20 KB: %q", line)
	}
	if line := raw(t, r.addr, "GET / HTTP/1.1\r\nHost: x\r\nX: "+strings.Repeat("a", 8<<10)+"\r\n\r\n"); line != "HTTP/1.1 200 OK" {
		t.Errorf("header of 8 KB: %q", line)
	}
}

// hold opens n connections to addr from the given local address and returns how
// many of them the server keeps.
func hold(t *testing.T, addr, from string, n int) (kept []net.Conn) {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	var conns []net.Conn
	for range n {
		c, err := d.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		conns = append(conns, c)
	}
	for _, c := range conns {
		_, _ = io.WriteString(c, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
		_ = c.SetReadDeadline(time.Now().Add(2 * time.Second))
		if line, err := bufio.NewReader(c).ReadString('\n'); err == nil && strings.Contains(line, "200") {
			kept = append(kept, c)
		}
	}
	return kept
}

func TestConnectionsOfTheGreedyAreRefusedFirst(t *testing.T) {
	const limit = 64
	edge := newEdge(t, func(s *server.Settings) { s.MaxConnections = limit })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	// Loopback addresses are exempt, so the test gives connections other ones.
	names := &renamed{Listener: l}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() {
		ended <- server.Run(ctx, server.Options{Edge: edge, Handler: http.NotFoundHandler(), Listener: names})
	}()
	addr := l.Addr().String()
	greedy := len(hold(t, addr, "127.0.0.2", 60))
	other := len(hold(t, addr, "127.0.0.3", 5))
	local := len(hold(t, addr, "127.0.0.1", 3))
	if greedy != limit/2 || other != 5 || local != 3 {
		t.Errorf("kept %d of a client that wants 60, %d of one that wants 5, %d local ones; want %d, 5, 3", greedy, other, local, limit/2)
	}
	for i := range 10 { // more clients than there is room for
		hold(t, addr, fmt.Sprint("127.0.1.", i+1), 8)
	}
	if n := len(hold(t, addr, "127.0.0.4", 1)); n != 0 {
		t.Errorf("kept %d connections more than the maximum", n)
	}
	if n := len(hold(t, addr, "127.0.0.1", 3)); n != 3 {
		t.Errorf("kept %d of 3 local connections while full, want all", n)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("Run = %v", err)
	}
}

// renamed gives connections from 127.0.0.x, except 127.0.0.1, the remote address
// 203.0.113.x, and those from 127.0.1.x 198.51.100.x.
type renamed struct{ net.Listener }

func (l *renamed) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	ip := c.RemoteAddr().(*net.TCPAddr).IP.To4()
	switch {
	case ip[2] == 1:
		ip = net.IPv4(198, 51, 100, ip[3])
	case ip[3] != 1:
		ip = net.IPv4(203, 0, 113, ip[3])
	}
	return renamedConn{c, &net.TCPAddr{IP: ip, Port: 1}}, nil
}

type renamedConn struct {
	net.Conn
	addr net.Addr
}

func (c renamedConn) RemoteAddr() net.Addr { return c.addr }

func TestScheduledBackupsAreMadeWhenAFolderIsNamed(t *testing.T) {
	dir := t.TempDir()
	edge := newEdge(t, func(s *server.Settings) { s.Backup.Dir, s.Backup.Every, s.Backup.Keep = dir, time.Hour, 1 })
	made := make(chan string, 1)
	r := start(t, server.Options{
		Edge: edge, Handler: http.NotFoundHandler(),
		Backup: func(_ context.Context, dst string) error {
			made <- dst
			return os.WriteFile(dst, nil, 0o600)
		},
		MetricsGuard: func(h http.Handler) http.Handler { return h },
	})
	if path := <-made; !strings.HasPrefix(path, dir) {
		t.Errorf("a copy at %s, want it in %s", path, dir)
	}
	if _, body := get(t, r.url+"/metrics"); !strings.Contains(body, "backup_failures_total 0") {
		t.Errorf("no figures of backups in /metrics:\n%s", body)
	}
}
