package sqlite

import (
	"syscall"
	"testing"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/block"
	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/log-viewer/internal/logs/logstest"
)

func lines(tb testing.TB, n int) *logstest.Lines {
	tb.Helper()
	l, err := logstest.NewLines(1, n, "")
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

// processorTime is what this process has used so far, which says more than the
// time that went by while others use the machine.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkAppend(b *testing.B) {
	s := openStore(b, Options{})
	l := lines(b, 1_000_000)
	var batches [][]logs.Entry
	for range 64 {
		batches = append(batches, l.Batch(1000))
	}
	n := 0
	for b.Loop() {
		mustAppend(b, s, logs.Batch{Entries: batches[n%len(batches)]})
		n++
	}
	b.ReportMetric(float64(n)*1000/b.Elapsed().Seconds(), "lines/s")
}

func BenchmarkSeal(b *testing.B) {
	var r block.Rows
	l := lines(b, 1_000_000)
	for range 8000 {
		e := l.Next()
		r.Append(e.Time, uint32(len(e.Source)), flagsOf(e), e.Message) //nolint:gosec // some number
	}
	r.First = 1
	enc, err := block.NewEncoder(false)
	if err != nil {
		b.Fatal(err)
	}
	defer enc.Close()
	n := 0
	var size int
	for b.Loop() {
		s, err := enc.Encode(&r)
		if err != nil {
			b.Fatal(err)
		}
		size = len(s.Data) + len(s.IDs) + len(s.Words)
		n++
	}
	b.ReportMetric(float64(n)*8000/b.Elapsed().Seconds(), "lines/s")
	b.ReportMetric(float64(size)*125/1e6, "MB/Mlines")
	b.ReportMetric(float64(len(r.Text))*125/1e6, "textMB/Mlines")
}

func BenchmarkSearch(b *testing.B) {
	s := openStore(b, Options{})
	const n = 200_000
	l := lines(b, n)
	var last logs.Entry
	for range n / 1000 {
		e := l.Batch(1000)
		last = e[999]
		mustAppend(b, s, logs.Batch{Entries: e})
	}
	if err := s.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	filters := map[string]logs.Filter{
		"common": {Search: mustParse(b, "authentication")}, "very common": {Search: mustParse(b, "request")}, "two terms": {Search: mustParse(b, "request completed")},
		"no match word": {Search: mustParse(b, "unheardof")}, "no match id": {Search: mustParse(b, "deadbeef42")}, "phrase": {Search: mustParse(b, `"authentication failure"`)},
		"field": {Search: mustParse(b, "status:503")}, "number": {Search: mustParse(b, "dur_ms:>890")}, "level": {Levels: logs.AtLeast(logs.Error)},
		"substring": {Search: mustParse(b, `"thenticatio"`)}, "no match substring": {Search: mustParse(b, `"qzxqzx"`)}, "substring in id": {Search: mustParse(b, `"98765"`)}, "regex": {Search: mustParse(b, `/blk_\d+98765\d/`)}, "regex without literal": {Search: mustParse(b, `/\b[0-9a-f]{40}\b/`)},
	}
	for name, f := range filters {
		b.Run(name, func(b *testing.B) {
			before := processorTime()
			for b.Loop() {
				if _, err := s.Search(b.Context(), logs.Query{Filter: f, Limit: 100}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64((processorTime()-before).Microseconds())/1000/float64(b.N), "cpu-ms/op")
		})
	}
	b.Run("histogram", func(b *testing.B) {
		for b.Loop() {
			end := time.Unix(0, last.Time)
			if _, err := s.Histogram(b.Context(), logs.Filter{}, logs.Buckets{Start: end.Add(-24 * time.Hour).Truncate(time.Minute), Step: time.Minute, N: 1442}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
