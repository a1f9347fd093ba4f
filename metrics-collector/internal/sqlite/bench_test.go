package sqlite_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
	"github.com/monlight/monlight/metrics-collector/internal/metrics/chunk"
)

// benchBodies are full batches of points of the series in turns.
func benchBodies(series, batches int, now time.Time) [][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	bodies := make([][]byte, batches)
	next := 0
	for i := range bodies {
		var b strings.Builder
		b.WriteByte('[')
		for j := range 1000 {
			if j > 0 {
				b.WriteByte(',')
			}
			typ := []string{"counter", "histogram", "gauge"}[next%3]
			fmt.Fprintf(&b, `{"name":"http_%s","type":"%s","value":%v,"labels":{"method":"GET","endpoint":"/api/v1/resource/%d","status":"200","instance":"10.0.%d.%d"},"timestamp":"%s"}`,
				typ, typ, math.Round(math.Exp(r.NormFloat64())*1e4)/1e4, next%50, next/1000, next, now.Format("2006-01-02T15:04:05.000Z"))
			next = (next + 1) % series
		}
		b.WriteByte(']')
		bodies[i] = []byte(b.String())
	}
	return bodies
}

// BenchmarkIngest is the way of a batch from its body to the disk, with
// synchronous=FULL, without HTTP.
func BenchmarkIngest(b *testing.B) {
	for _, series := range []int{1000, 10_000} {
		b.Run(fmt.Sprintf("series=%d", series), func(b *testing.B) {
			e := newEngine(b)
			bodies := benchBodies(series, 2*series/1000+10, e.wall)
			for _, body := range bodies {
				if _, err := e.Ingest(b.Context(), metrics.Request{Body: body}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			var next atomic.Int64
			var wg sync.WaitGroup
			b.ResetTimer()
			for range 4 {
				wg.Go(func() {
					for {
						n := int(next.Add(1))
						if n > b.N {
							return
						}
						if n%2000 == 0 {
							if err := e.Flush(context.Background()); err != nil {
								b.Error(err)
							}
						}
						if _, err := e.Ingest(context.Background(), metrics.Request{Body: bodies[n%len(bodies)]}); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "points/s")
		})
	}
}

// BenchmarkFlush is the flush of a minute of 10,000 series.
func BenchmarkFlush(b *testing.B) {
	e := newEngine(b)
	bodies := benchBodies(10_000, 100, e.wall)
	var took time.Duration
	n := 0
	for b.Loop() {
		b.StopTimer()
		for _, body := range bodies {
			if _, err := e.Ingest(b.Context(), metrics.Request{Body: body}); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
		begin := time.Now()
		e.must(e.Flush(b.Context()))
		took += time.Since(begin)
		n++
	}
	b.ReportMetric(float64(took.Microseconds())/float64(n)/1000, "ms/flush")
	b.ReportMetric(float64(e.Stats().LongestCommit.Microseconds())/1000, "ms-longest-commit")
}

// BenchmarkQuery is a query over 1,000 gauges with a point a minute, 24 hours
// in buckets of five minutes, grouped into 20 series.
func BenchmarkQuery(b *testing.B) {
	e := newEngine(b)
	end := e.wall.Truncate(time.Hour).Add(-time.Hour)
	for hour := range 22 {
		for first := 0; first < 1000; first += 16 {
			var body strings.Builder
			body.WriteByte('[')
			for n := first; n < min(first+16, 1000); n++ {
				for minute := range 60 {
					if body.Len() > 1 {
						body.WriteByte(',')
					}
					at := end.Add(-time.Duration(hour)*time.Hour - time.Duration(minute+1)*time.Minute)
					fmt.Fprintf(&body, `{"name":"g","type":"gauge","value":%d.%02d,"labels":{"endpoint":"/e%d","n":"%d"},"timestamp":"%s"}`, n%100, (n*minute)%100, n%20, n, at.Format(time.RFC3339))
				}
			}
			body.WriteByte(']')
			if _, err := e.Ingest(b.Context(), metrics.Request{Body: []byte(body.String())}); err != nil {
				b.Fatal(err)
			}
		}
		e.must(e.Flush(b.Context()))
	}
	e.must(e.Maintain(b.Context()))
	q := metrics.Query{Name: "g", By: []string{"endpoint"}, FromMS: e.wall.Add(-24 * time.Hour).UnixMilli(), ToMS: e.wall.UnixMilli(), StepMS: 300_000, Need: chunk.Sum}
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		r, err := e.Query(b.Context(), q)
		if err != nil || len(r.Series) != 20 {
			b.Fatal(err)
		}
	}
}
