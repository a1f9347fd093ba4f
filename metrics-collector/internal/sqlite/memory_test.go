package sqlite_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
)

// heapAfterGC is what is in use, measured twice as pools are emptied in two steps.
func heapAfterGC() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// seriesBodies has a point of each of n series, with four labels, one of which
// no other series has, in batches of 1,000.
func seriesBodies(typ string, n int, at time.Time) (bodies [][]byte) {
	for first := 0; first < n; first += 1000 {
		var b strings.Builder
		for i := first; i < min(first+1000, n); i++ {
			fmt.Fprintf(&b, `%c{"name":"http_requests","type":"%s","value":%d.5,"labels":{"method":"GET","endpoint":"/api/v1/resource/%d","status":"200","instance":"10.0.%d.%d"},"timestamp":"%s"}`,
				"[,"[min(i-first, 1)], typ, i%1000, i%50, i/256, i, at.UTC().Format(time.RFC3339Nano))
		}
		b.WriteByte(']')
		bodies = append(bodies, []byte(b.String()))
	}
	return bodies
}

// memoryOfSeries is the heap that a series takes which sends a value each
// minute: known is what stays between the minutes, open what a minute takes
// until it is flushed.
func memoryOfSeries(tb testing.TB, typ string, n int) (known, open float64) {
	e := newEngine(tb)
	minutes := make([][][]byte, 4)
	for i := range minutes {
		minutes[i] = seriesBodies(typ, n, start.Add(time.Duration(i)*time.Minute))
	}
	before := heapAfterGC()
	send := func(minute int) {
		for _, body := range minutes[minute] {
			if _, err := e.Ingest(tb.Context(), metrics.Request{Body: body}); err != nil {
				tb.Fatal(err)
			}
		}
	}
	for i := range minutes[:len(minutes)-1] {
		send(i)
		e.must(e.Flush(tb.Context()))
		e.pass(time.Minute)
	}
	between := heapAfterGC()
	send(len(minutes) - 1)
	full := heapAfterGC()
	runtime.KeepAlive(minutes)
	// What was freed since, as maps grew into larger ones, is not memory of a minute.
	return (between - before) / float64(n), max(full-between, 0) / float64(n)
}

// BenchmarkMemoryOfSeries is the memory of an active series.
func BenchmarkMemoryOfSeries(b *testing.B) {
	for _, typ := range []string{"counter", "gauge", "histogram"} {
		for _, n := range []int{10_000, 50_000} {
			b.Run(fmt.Sprintf("%s/series=%d", typ, n), func(b *testing.B) {
				for b.Loop() {
					known, open := memoryOfSeries(b, typ, n)
					b.ReportMetric(known, "B/series")
					b.ReportMetric(open, "B/series/minute")
				}
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// maxBytesOfSeries is what an active series may take, with all of its minute.
const maxBytesOfSeries = 600

func TestMemoryOfSeries(t *testing.T) {
	for _, typ := range []string{"gauge", "histogram"} {
		if known, open := memoryOfSeries(t, typ, 10_000); known+open > maxBytesOfSeries {
			t.Errorf("a %s takes %.0f bytes, and %.0f more until its minute is flushed; together more than %d", typ, known, open, maxBytesOfSeries)
		}
	}
}
