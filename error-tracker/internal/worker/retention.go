package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
)

// Times and sizes of the retention job.
const (
	retentionInterval = time.Hour
	retentionRetry    = 5 * time.Minute // after an error
	forgetAfter       = 7 * 24 * time.Hour
	deleteBatch       = 50    // issues in one transaction
	forgetBatch       = 1000  // event IDs and mails in one transaction
	maxBatches        = 5_000 // in one run; the next one goes on
	batchPause        = 50 * time.Millisecond
)

// RetentionStore is what the retention job needs of tracker.Store.
type RetentionStore interface {
	Issues(ctx context.Context, q tracker.IssueQuery) (tracker.IssuePage, error)
	AutoResolving(ctx context.Context) (map[int64]int, error)
	ResolveStale(ctx context.Context, project int64, t, at time.Time, limit int) (int, error)
	DeleteResolvedBefore(ctx context.Context, t time.Time, limit int) (int, error)
	Forget(ctx context.Context, t time.Time, limit int) (int, error)
	Compact(ctx context.Context) (done bool, err error)
}

// Retention resolves issues that nobody meets any more, where a project wants
// that, deletes issues that were resolved long ago, forgets what is needed for a
// time only, and gives free space back to the file system. It runs at the
// start and every hour after that, by the monotonic clock: no setting of the
// clock stops it.
//
// What is old enough is decided by trustedClock, so that a clock that is wrong
// for a while resolves and deletes nothing early.
type Retention struct {
	store    RetentionStore
	keep     time.Duration
	interval time.Duration
	clock    trustedClock
	log      *slog.Logger

	mu    sync.Mutex
	stats RetentionStats
}

// RetentionStats counts what the job did since the start of the process.
type RetentionStats struct {
	Runs      int64
	Failures  int64
	Stale     int64     // issues that were resolved
	Deleted   int64     // issues
	Forgotten int64     // event IDs and mails
	LastRun   time.Time // end of the last run without an error; zero if there was none
}

// NewRetention returns the job; Run starts it. keep is how long a resolved
// issue stays, now tells the time.
func NewRetention(store RetentionStore, keep time.Duration, now func() time.Time, log *slog.Logger) *Retention {
	return &Retention{
		store: store, keep: keep, interval: retentionInterval, log: log,
		clock: trustedClock{now: now, confirm: retentionInterval * 9 / 10},
	}
}

// Stats returns the counters.
func (r *Retention) Stats() RetentionStats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stats
}

// Run works until ctx ends, and returns within one batch after that.
func (r *Retention) Run(ctx context.Context) {
	for ctx.Err() == nil {
		wait := r.interval
		if err := r.guardedRun(ctx); err != nil && ctx.Err() == nil {
			r.log.ErrorContext(ctx, "job failed", "job", "retention", "err", err)
			wait = retentionRetry
		}
		sleep(ctx, wait, nil)
	}
}

func (r *Retention) guardedRun(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.stats.Runs++
		if err != nil {
			r.stats.Failures++
		} else {
			r.stats.LastRun = r.clock.now()
		}
	}()
	return r.once(ctx)
}

// once does each part of the job, whatever became of the others.
func (r *Retention) once(ctx context.Context) error {
	proven, err := r.proven(ctx)
	if err != nil {
		return fmt.Errorf("find the newest event: %w", err)
	}
	now, stepped := r.clock.read(proven)
	if stepped {
		r.log.WarnContext(ctx, "clock was set, deleting by the old time until it proves steady",
			"job", "retention", "clock", r.clock.wall, "deleting_as_of", now)
	}
	stale, staleErr := r.resolveStale(ctx, now)
	deleted, deleteErr := r.inBatches(ctx, deleteBatch, func(limit int) (int, error) {
		return r.store.DeleteResolvedBefore(ctx, now.Add(-r.keep), limit)
	})
	forgotten, forgetErr := r.inBatches(ctx, forgetBatch, func(limit int) (int, error) {
		return r.store.Forget(ctx, now.Add(-forgetAfter), limit)
	})
	r.mu.Lock()
	r.stats.Stale += int64(stale)
	r.stats.Deleted += int64(deleted)
	r.stats.Forgotten += int64(forgotten)
	r.mu.Unlock()
	if deleted > 0 {
		r.log.InfoContext(ctx, "old issues deleted", "job", "retention", "count", deleted, "resolved_before", now.Add(-r.keep))
	}
	return errors.Join(
		wrap("resolve stale issues", staleErr),
		wrap("delete resolved issues", deleteErr),
		wrap("forget event IDs and mails", forgetErr),
		wrap("compact the database", r.compact(ctx)),
	)
}

func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// proven is when the newest event came in: time has gone on at least so far.
func (r *Retention) proven(ctx context.Context) (time.Time, error) {
	page, err := r.store.Issues(ctx, tracker.IssueQuery{State: tracker.AnyState, Sort: tracker.ByLastSeen, Limit: 1})
	if err != nil || len(page.Issues) == 0 {
		return time.Time{}, err
	}
	return page.Issues[0].LastSeen, nil
}

// inBatches calls f until it finds less than limit. Between two calls it leaves
// the database to others for at least twice as long as it had it.
func (r *Retention) inBatches(ctx context.Context, limit int, f func(limit int) (int, error)) (total int, err error) {
	for range maxBatches {
		began := time.Now()
		n, err := f(limit)
		total += n
		if err != nil || n < limit {
			return total, err
		}
		if !sleep(ctx, max(batchPause, 2*time.Since(began)), nil) {
			return total, nil
		}
	}
	return total, nil
}

func (r *Retention) compact(ctx context.Context) error {
	for range maxBatches {
		began := time.Now()
		done, err := r.store.Compact(ctx)
		if done || err != nil {
			return err
		}
		if !sleep(ctx, max(batchPause, 2*time.Since(began)), nil) {
			return nil
		}
	}
	return nil
}
