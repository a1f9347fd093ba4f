package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
)

type ingestStore struct {
	mu     sync.Mutex
	err    error
	counts map[string]int64
	used   map[int64]time.Time
	calls  int
}

func (s *ingestStore) CountIngest(_ context.Context, counts []tracker.IngestCount) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.err != nil {
		return s.err
	}
	for _, c := range counts {
		s.counts[fmt.Sprint(c.Project, " ", c.Kind, " ", c.What)] += c.Count
	}
	return nil
}

func (s *ingestStore) KeysUsed(_ context.Context, used map[int64]time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, at := range used {
		s.used[id] = at
	}
	return s.err
}

func TestIngestStoresWhatItCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &ingestStore{counts: map[string]int64{}, used: map[int64]time.Time{}}
		s.err = errors.New("disk full")
		i := NewIngest(s, time.Now, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); i.Run(ctx) }()

		i.Count(1, tracker.Accepted, "event", 2)
		i.Count(1, tracker.Accepted, "event", 3)
		i.Count(2, tracker.Lost, "error: queue_overflow", 7)
		i.Used(9)
		time.Sleep(ingestInterval + time.Second)
		synctest.Wait()
		s.mu.Lock()
		if len(s.counts) != 0 || s.calls+len(s.used) == 0 {
			t.Fatalf("stored %v on a full disk", s.counts)
		}
		s.err = nil
		s.mu.Unlock()
		time.Sleep(ingestInterval)
		synctest.Wait()
		s.mu.Lock()
		if s.counts["1 accepted event"] != 5 || s.counts["2 lost error: queue_overflow"] != 7 || s.used[9].IsZero() {
			t.Errorf("stored %v, keys %v", s.counts, s.used)
		}
		s.mu.Unlock()
		i.Count(1, tracker.Accepted, "event", 1)
		cancel()
		<-done
		if s.counts["1 accepted event"] != 6 {
			t.Errorf("stored %v at the end", s.counts)
		}
	})
}

func TestIngestCountsOnlySoManyThings(t *testing.T) {
	i := NewIngest(nil, time.Now, slog.New(slog.DiscardHandler))
	for n := range maxIngestCounts + 500 {
		i.Count(1, tracker.Sender, fmt.Sprint("sdk ", n), 1)
	}
	if len(i.counts) > maxIngestCounts+1 {
		t.Errorf("%d counters wait", len(i.counts))
	}
	var sum int64
	for _, n := range i.counts {
		sum += n
	}
	if sum != maxIngestCounts+500 {
		t.Errorf("%d in all", sum)
	}
}
