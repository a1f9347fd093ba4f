package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// results are those of one measurement.
type results struct {
	latencies []time.Duration // of accepted requests
	refused   int
}

func (r *results) percentile(p int) string {
	if len(r.latencies) == 0 {
		return "-"
	}
	d := r.latencies[min(len(r.latencies)-1, len(r.latencies)*p/100)]
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
}

var serial atomic.Int64

// body is a request as pages send it: 200 sorts of errors, each with a stack of
// ten calls.
func body(k kind) string {
	n := serial.Add(1)
	var errors, metrics []string
	for i := range k.errors {
		sort := (n + int64(i)) % 200
		var stack strings.Builder
		fmt.Fprintf(&stack, `TypeError: item %d is not there`, n)
		for call := range 10 {
			fmt.Fprintf(&stack, `\n    at step%d (https://shop.example/assets/page%d.js:%d:%d)`, call, sort, 10+call, 5+call)
		}
		errors = append(errors, fmt.Sprintf(`{"event_id":"%016x%016x","type":"TypeError","message":"item %d is not there","stack":"%s","url":"https://shop.example/orders/%d","release":"1.0.0",`+
			`"user_agent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36","session_id":"s%d","timestamp":"%s","context":{"cart":%d}}`,
			n+1, i+1, n, stack.String(), n, n%1000, time.Now().UTC().Format(time.RFC3339Nano), n%7))
	}
	for i := range k.metrics {
		metrics = append(metrics, fmt.Sprintf(`{"name":"web_vitals_m%d","type":"histogram","value":%d,"labels":{"page":"/p%d"},"timestamp":"%s"}`, i%5, n%3000, n%20, time.Now().UTC().Format(time.RFC3339Nano)))
	}
	switch k.path {
	case "/api/browser/errors":
		return errors[0]
	case "/api/browser/metrics":
		return `{"metrics":[` + strings.Join(metrics, ",") + `]}`
	}
	return fmt.Sprintf(`{"v":1,"sdk":{"name":"@monlight/browser","version":"1.0.0"},"session_id":"s%d","page_view":"v%d","page":"/p","errors":[%s],"metrics":[%s]}`,
		n%1000, n, strings.Join(errors, ","), strings.Join(metrics, ","))
}

// send posts requests as fast as they are answered.
func send(ctx context.Context, s *stack, k kind, clients int, d time.Duration) (*results, error) {
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	var (
		mu    sync.Mutex
		all   results
		first error
		wait  sync.WaitGroup
	)
	end := time.Now().Add(d)
	for range clients {
		wait.Go(func() {
			var own results
			var err error
			for err == nil && time.Now().Before(end) && ctx.Err() == nil {
				var req *http.Request
				if req, err = http.NewRequestWithContext(ctx, http.MethodPost, s.relay.url+k.path+"?key="+dsnKey, bytes.NewReader([]byte(body(k)))); err != nil {
					break
				}
				begin := time.Now()
				var res *http.Response
				if res, err = client.Do(req); err != nil {
					break
				}
				_, _ = io.Copy(io.Discard, res.Body)
				res.Body.Close()
				if res.StatusCode/100 == 2 {
					own.latencies = append(own.latencies, time.Since(begin))
				} else {
					own.refused++
				}
			}
			mu.Lock()
			defer mu.Unlock()
			all.latencies = append(all.latencies, own.latencies...)
			all.refused += own.refused
			if first == nil {
				first = err
			}
		})
	}
	wait.Wait()
	slices.Sort(all.latencies)
	return &all, first
}
