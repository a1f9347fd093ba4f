package main

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
)

// Batches of ten errors whose maps are missing, from request to disk, by eight
// clients at once.
func BenchmarkBatch(b *testing.B) {
	s := newService(b, map[string]string{"RATE_LIMIT": "1000000", "KEY_RATE_LIMIT": "1000000"})
	const errorsEach = 10
	var serial atomic.Int64
	b.ReportAllocs()
	b.SetParallelism(4)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			n := serial.Add(1)
			events := make([]string, errorsEach)
			for i := range events {
				var stack strings.Builder
				for call := range 10 {
					fmt.Fprintf(&stack, `\n    at step%d (https://shop.example/assets/page%d.js:%d:5)`, call, (n+int64(i))%200, 10+call)
				}
				events[i] = fmt.Sprintf(`{"event_id":"%016x%016x","type":"TypeError","message":"item %d","stack":"TypeError: item %d%s","release":"1.0.0"}`, n+1, i+1, n, n, stack.String())
			}
			if code, body, _ := ask(s, "POST", "/api/browser/batch?key="+shopKey, `{"v":1,"errors":[`+strings.Join(events, ",")+`]}`); code != 202 {
				b.Errorf("%d %s", code, body)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N*errorsEach)/b.Elapsed().Seconds(), "events/s")
}
