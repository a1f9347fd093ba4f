package worker_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/monlight/monlight/metrics-collector/internal/worker"
)

type fakeUpkeep struct {
	mu                  sync.Mutex
	flushed, maintained []time.Duration
	begin               time.Time
	wake                chan struct{}
	err                 error
}

func (f *fakeUpkeep) Flush(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.flushed = append(f.flushed, time.Since(f.begin))
	return f.err
}

func (f *fakeUpkeep) Maintain(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.maintained = append(f.maintained, time.Since(f.begin))
	return f.err
}

func (f *fakeUpkeep) flushes() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.flushed)
}

func (f *fakeUpkeep) Wake() <-chan struct{} { return f.wake }

func run(t *testing.T, f *fakeUpkeep, interval, d time.Duration) {
	t.Helper()
	f.begin, f.wake = time.Now().Truncate(time.Minute), make(chan struct{}, 1)
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	l := worker.NewLoop(f, interval, time.Now, slog.New(slog.DiscardHandler))
	done := make(chan struct{})
	go func() { l.Flush(ctx); close(done) }()
	l.Maintain(ctx)
	<-done
}

func TestFlushIsTwoSecondsAfterTheMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeUpkeep{}
		run(t, f, time.Minute, 10*time.Minute)
		if len(f.flushed) < 9 || len(f.maintained) < 9 {
			t.Fatalf("%d flushes, %d rounds of upkeep in ten minutes", len(f.flushed), len(f.maintained))
		}
		for _, at := range f.flushed {
			if at%time.Minute != 2*time.Second {
				t.Errorf("flushed at %s", at)
			}
		}
	})
}

func TestLoopsGoOnAfterErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeUpkeep{err: errors.New("disk full")}
		run(t, f, 5*time.Second, time.Minute)
		if len(f.flushed) < 10 || len(f.maintained) < 10 {
			t.Errorf("%d flushes, %d rounds of upkeep", len(f.flushed), len(f.maintained))
		}
	})
}

func TestWakeFlushesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeUpkeep{begin: time.Now(), wake: make(chan struct{}, 1)}
		ctx, cancel := context.WithCancel(t.Context())
		l := worker.NewLoop(f, time.Hour, time.Now, slog.New(slog.DiscardHandler))
		done := make(chan struct{})
		go func() { l.Flush(ctx); close(done) }()
		time.Sleep(3 * time.Second)
		before := f.flushes()
		f.wake <- struct{}{}
		synctest.Wait()
		if n := f.flushes(); n != before+1 {
			t.Errorf("%d flushes after the wake, want %d", n, before+1)
		}
		cancel()
		<-done
	})
}
