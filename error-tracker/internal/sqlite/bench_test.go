package sqlite

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/grouping"
	"github.com/monlight/monlight/shared/sqlitedb"
)

func benchStore(tb testing.TB) *Store {
	tb.Helper()
	db, err := sqlitedb.Open(tb.Context(), filepath.Join(tb.TempDir(), "errors.db"), sqlitedb.Options{Migrations: Migrations(), ApplicationID: ApplicationID})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { db.Close() })
	s, err := NewStore(db, Options{})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// cpuTime is what this process has used so far. On a machine that others use as
// well it says more than the time on the clock.
func cpuTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkRecord stores events of 200 issues from 16 goroutines, each on disk
// (synchronous=FULL) when Record returns.
func BenchmarkRecord(b *testing.B) {
	for _, kb := range []int{2, 8, 50} {
		b.Run(fmt.Sprintf("%dKB", kb), func(b *testing.B) {
			const kinds, callers = 200, 16
			variants := kinds * 20
			if kb == 50 {
				variants = kinds * 5
			}
			rng := rand.New(rand.NewPCG(1, 2))
			at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
			var events []*event.Event
			var keys []grouping.Key
			for i := range kinds {
				keys = append(keys, sampleKey(i))
			}
			for i := range variants {
				events = append(events, sampleEvent(rng, i%kinds, kb<<10, at))
			}
			s := benchStore(b)
			b.ReportAllocs()
			var n atomic.Int64
			var wg sync.WaitGroup
			runtime.GC() // what the samples took
			b.ResetTimer()
			before := cpuTime(b)
			for range callers {
				wg.Go(func() {
					for {
						i := int(n.Add(1) - 1)
						if i >= b.N {
							return
						}
						e := *events[i%variants]
						e.ID = event.NewID()
						e.ReceivedAt = at.Add(time.Duration(i) * 10 * time.Millisecond)
						if _, err := s.Record(context.Background(), &e, keys[i%kinds]); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/event")
			st := s.db.Stats()
			b.ReportMetric(float64(st.Writes)/float64(st.Commits), "events/commit")
			var kept, bytes float64
			if err := s.db.Read().QueryRow("SELECT count(*), sum(length(payload)) FROM occurrences").Scan(&kept, &bytes); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(bytes/kept, "payload-B/event")
		})
	}
}
