package e2e

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

func TestNothingFromPagesIsLostOrDoubledByKills(t *testing.T) {
	relayKillRounds(t, 9, 150*time.Millisecond, 600*time.Millisecond)
}

// relayKillRounds sends batches as pages do, each again until it is accepted,
// and kills one of the three services after the other. In the end every event
// and every point must have been counted exactly once.
func relayKillRounds(t *testing.T, rounds int, shortest, longest time.Duration) {
	t.Helper()
	s := startStack(t, "RATE_LIMIT=1000000", "KEY_RATE_LIMIT=1000000")
	const pages = 4
	var (
		stop     atomic.Bool
		accepted [pages]int
		retries  atomic.Int64
		work     sync.WaitGroup
	)
	for page := range pages {
		work.Go(func() {
			for n := 0; !stop.Load(); n++ {
				body := batch(page, n)
				for {
					r, err := s.relay.Try(harness.Request{Method: http.MethodPost, Path: "/api/browser/batch?key=" + s.dsn, Body: body, NoKey: true})
					if err == nil && r.Status == http.StatusAccepted {
						break
					}
					if err == nil && r.Status != http.StatusServiceUnavailable && r.Status != http.StatusTooManyRequests {
						t.Errorf("batch: %d %s", r.Status, r.Body)
						return
					}
					retries.Add(1)
					time.Sleep(10 * time.Millisecond)
				}
				accepted[page]++
				time.Sleep(time.Millisecond)
			}
		})
	}
	for round := range rounds {
		victim := []*harness.Service{s.relay, s.tracker, s.collector}[round%3]
		time.Sleep(harness.Random(50*time.Millisecond, 300*time.Millisecond))
		victim.Kill()
		time.Sleep(harness.Random(shortest, longest))
		victim.Restart()
	}
	stop.Store(true)
	work.Wait()
	total := 0
	for _, n := range accepted {
		total += 3 * n
	}
	if total < 100 {
		t.Fatalf("only %d items were accepted: there was no load", total)
	}
	within(t, 90*time.Second, "delivery of all", func() bool { return s.waiting(t) == 0 })
	if events, points := s.events(t), s.total(t, "killed_counter"); events != int64(total) || points != float64(total) {
		t.Errorf("%d events and %.0f points arrived, want %d of each", events, points, total)
	}
	t.Logf("%s: %d events and %d points accepted, %d requests sent again, none lost or counted twice", fmt.Sprintf("%d kills", rounds), total, total, retries.Load())
	harness.CheckDatabase(t, s.relay.Database())
}
