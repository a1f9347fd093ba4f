package promises

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// bulk are requests whose bodies are as large as a service takes them and hardly
// become smaller on disk, to make a large database soon.
var bulk = map[string]func(n int) harness.Request{
	"error-tracker": func(n int) harness.Request {
		contexts := map[string]any{}
		for i := range 12 {
			contexts[fmt.Sprint("c", i)] = map[string]string{"text": harness.RandomText(15 << 10)}
		}
		return harness.Request{Method: http.MethodPost, Path: "/api/errors", Body: map[string]any{
			"project": "bulk", "exception_type": fmt.Sprintf("T%d", n%40), "message": "m", "traceback": "", "contexts": contexts,
		}}
	},
	"log-viewer": func(int) harness.Request {
		lines := make([]map[string]any, 500)
		for i := range lines {
			lines[i] = map[string]any{"container": "bulk", "message": "request failed: " + harness.RandomText(6<<10)}
		}
		return harness.Request{Method: http.MethodPost, Path: "/api/logs", Body: lines}
	},
	"metrics-collector": func(n int) harness.Request {
		points := make([]map[string]any, 380)
		for i := range points {
			labels := map[string]string{}
			for l := range 4 {
				labels[fmt.Sprint("l", l)] = harness.RandomText(250)
			}
			points[i] = map[string]any{"name": fmt.Sprint("bulk", n%10), "type": "counter", "value": 1, "labels": labels}
		}
		return harness.Request{Method: http.MethodPost, Path: "/api/metrics", Body: points}
	},
	"browser-relay": func(n int) harness.Request {
		r := putEvent(1_000_000 + n)
		r.Body = map[string]any{"v": 1, "session_id": "s", "page": "/r", "errors": []map[string]any{
			{"event_id": harness.NewEventID(), "type": "E", "message": "item-1", "stack": "E: m\n" + harness.RandomText(55<<10)},
		}}
		return r
	},
}

// fill sends what is large until all files of the service have so many bytes.
func fill(t *testing.T, m *model, s *harness.Service, bytes int64) {
	t.Helper()
	var next atomic.Int64
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for s.DiskBytes() < bytes && !t.Failed() {
				if r, err := s.Try(bulk[m.name](int(next.Add(1)))); err != nil || !slices.Contains(m.accepted, r.Status) && r.Status != http.StatusServiceUnavailable {
					t.Errorf("%d %.200s %v", r.Status, r.Body, err)
				}
			}
		})
	}
	clients.Wait()
}

// besideCopies is how long writes took while copies of the database were made,
// and in times just as long after each of them.
type besideCopies struct {
	with, without []time.Duration
	copies        []time.Duration
	least         float64 // the longest write during a copy, as a part of the copy's time: of the copy where it was least
}

// measure makes copies while clients write.
func (b *besideCopies) measure(t *testing.T, m *model, s *harness.Service, rounds, clients int) (copied string) {
	t.Helper()
	copied = filepath.Join(t.TempDir(), "copy.db")
	b.least = 1
	next := 0
	writing := func(until func() bool) (all []time.Duration) {
		took := make([][]time.Duration, clients)
		var group sync.WaitGroup
		for c := range clients {
			from := next
			next += 100_000
			group.Go(func() {
				for n := 0; !until(); n++ {
					took[c] = append(took[c], latencies(t, m, s, from+n, 1)...)
				}
			})
		}
		group.Wait()
		return slices.Concat(took...)
	}
	for range rounds {
		var copying atomic.Bool
		copying.Store(true)
		var copy sync.WaitGroup
		var length time.Duration
		copy.Go(func() {
			defer copying.Store(false)
			begin := time.Now()
			if out, code := s.Run("--backup", copied); code != 0 {
				t.Errorf("--backup exits %d: %s", code, out)
			}
			length = time.Since(begin)
		})
		during := writing(func() bool { return !copying.Load() })
		copy.Wait()
		end := time.Now().Add(length)
		b.without = append(b.without, writing(func() bool { return time.Now().After(end) })...)
		b.with = append(b.with, during...)
		b.copies = append(b.copies, length)
		b.least = min(b.least, float64(slices.Max(during))/float64(length))
	}
	if b.least > 0.5 {
		t.Errorf("while a copy was made a write took %.0f %% of its time, each time: writes wait for copies", 100*b.least)
	}
	return copied
}

func (b *besideCopies) String() string {
	p99 := harness.Percentile(b.with, 99)
	alone := harness.Percentile(b.without, 99)
	return fmt.Sprintf("%d copies, median %v: writes p99 %v meanwhile, %v in between (times %.2f), p50 %v and %v, longest %v and %v, %d and %d writes", len(b.copies), harness.Percentile(b.copies, 50).Round(time.Millisecond),
		p99.Round(100*time.Microsecond), alone.Round(100*time.Microsecond), float64(p99)/float64(alone),
		harness.Percentile(b.with, 50).Round(100*time.Microsecond), harness.Percentile(b.without, 50).Round(100*time.Microsecond),
		slices.Max(b.with).Round(time.Millisecond), slices.Max(b.without).Round(time.Millisecond), len(b.with), len(b.without))
}

// A7: who writes does not wait for a copy that is being made.
func TestWritesDoNotWaitForACopy(t *testing.T) {
	m := models(t)[0]
	s := m.start(t)
	fill(t, m, s, 40<<20)
	var b besideCopies
	copied := b.measure(t, m, s, 3, 1)
	info, err := os.Stat(copied)
	if err != nil {
		t.Fatal(err)
	}
	harness.Note(t, "A7", m.name, "%.0f MB, %v", float64(info.Size())/1e6, &b)
}
