// Package worker is what the metrics collector does in the background.
package worker

import (
	"context"
	"log/slog"
	"time"
)

// Upkeep is the work that is done by the clock; *metrics.Service does it.
type Upkeep interface {
	Flush(ctx context.Context) error
	Maintain(ctx context.Context) error
	// Wake has an element when a flush should not wait.
	Wake() <-chan struct{}
}

// maintainEvery is the most time between two runs of Maintain. What is due
// depends on the clock and not on these runs.
const maintainEvery = time.Minute

// Loop flushes every interval, two seconds after the minute when that is a
// minute, and maintains beside it.
type Loop struct {
	upkeep   Upkeep
	interval time.Duration
	now      func() time.Time
	log      *slog.Logger
}

// NewLoop returns a loop that begins with Run.
func NewLoop(u Upkeep, interval time.Duration, now func() time.Time, log *slog.Logger) *Loop {
	return &Loop{upkeep: u, interval: interval, now: now, log: log}
}

// flushOffset is when in an interval a flush begins: most points of the last
// minute have arrived by then.
const flushOffset = 2 * time.Second

// Flush runs until ctx ends.
func (l *Loop) Flush(ctx context.Context) error {
	for {
		next := l.now().Add(-flushOffset).Truncate(l.interval).Add(l.interval + flushOffset)
		select {
		case <-ctx.Done():
			return nil
		case <-l.upkeep.Wake():
		case <-time.After(min(max(next.Sub(l.now()), time.Millisecond), l.interval)):
		}
		// The end of the loop must not cut a transaction short.
		if err := l.upkeep.Flush(context.WithoutCancel(ctx)); err != nil {
			l.log.ErrorContext(ctx, "job failed", "job", "flush", "err", err)
			pause(ctx, time.Second)
		}
	}
}

// Maintain runs until ctx ends.
func (l *Loop) Maintain(ctx context.Context) error {
	for pause(ctx, min(l.interval, maintainEvery)) {
		start := time.Now()
		if err := l.upkeep.Maintain(ctx); err != nil && ctx.Err() == nil {
			l.log.ErrorContext(ctx, "job failed", "job", "maintain", "err", err)
		}
		l.log.DebugContext(ctx, "maintained", "duration_ms", time.Since(start).Milliseconds())
	}
	return nil
}

// pause waits and tells whether ctx is still alive.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return ctx.Err() == nil
	}
}
