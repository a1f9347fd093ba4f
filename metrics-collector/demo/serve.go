package main

import (
	"context"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// serve runs a server that does a little work, and clients, and sends what was
// measured every five seconds.
func serve(ctx context.Context, s *sender, how time.Duration, rate int) (requests int64, err error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	var answered atomic.Int64
	srv := &http.Server{Handler: measured(s, &answered), ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = srv.Serve(l) }() // ends with Close
	defer func() { _ = srv.Close() }()
	ctx, cancel := context.WithTimeout(ctx, how)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { clients(ctx, "http://"+l.Addr().String(), rate) })
	for tick := time.Tick(5 * time.Second); ctx.Err() == nil; {
		select {
		case <-ctx.Done():
		case <-tick:
			if err := s.flush(context.WithoutCancel(ctx), true); err != nil {
				cancel()
				wg.Wait()
				return answered.Load(), err
			}
		}
	}
	wg.Wait()
	return answered.Load(), s.flush(context.WithoutCancel(ctx), true)
}

// measured is the server with the measuring that a middleware does.
func measured(s *sender, answered *atomic.Int64) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := time.Now()
		rt := match(r)
		status := work(rt)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, rt.path)
		s.add("http_requests_total", "counter", begin, 1, map[string]string{"method": rt.method, "endpoint": rt.path, "status": strconv.Itoa(status)})
		s.add("http_request_duration_seconds", "histogram", begin, round(time.Since(begin).Seconds(), 6), map[string]string{"method": rt.method, "endpoint": rt.path})
		answered.Add(1)
	})
}

func match(r *http.Request) route {
	path := r.URL.Path
	if strings.HasPrefix(path, "/api/products/") {
		path = "/api/products/{id}"
	}
	for _, rt := range routes {
		if rt.path == path && rt.method == r.Method {
			return rt
		}
	}
	return route{method: r.Method, path: "(other)", median: 0.001}
}

// work hashes for a part of the route's usual time and waits for the rest, as
// a request that asks a database does.
func work(rt route) int {
	sum := sha256.Sum256([]byte(rt.path))
	for range int(rt.median * 1000) {
		sum = sha256.Sum256(sum[:])
	}
	time.Sleep(time.Duration(rt.median * (0.3 + rand.ExpFloat64()*0.7) * float64(time.Second)))
	if rand.Float64() < rt.failing*4 {
		return http.StatusInternalServerError
	}
	return http.StatusOK
}

// clients ask at a rate, for routes by their shares.
func clients(ctx context.Context, url string, rate int) {
	var wg sync.WaitGroup
	defer wg.Wait()
	tick := time.NewTicker(time.Second / time.Duration(max(rate, 1)))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		x := rand.Float64()
		for _, rt := range routes {
			if x -= rt.share; x < 0 {
				wg.Go(func() { ask(context.WithoutCancel(ctx), url, rt) })
				break
			}
		}
	}
}

func ask(ctx context.Context, url string, rt route) {
	path := strings.Replace(rt.path, "{id}", strconv.Itoa(rand.IntN(500)), 1)
	r, err := http.NewRequestWithContext(ctx, rt.method, url+path, nil)
	if err != nil {
		return
	}
	if res, err := client.Do(r); err == nil {
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
	}
}
