package server

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/monlight/monlight/shared/errs"
)

const (
	// maxBudgetWait is how long a request waits for others to give memory back.
	maxBudgetWait = 250 * time.Millisecond
	// maxBudgetWaiters bounds how many do so at once.
	maxBudgetWaiters = 64

	budgetRetry = time.Second
)

// budget bounds the bytes of request bodies that the process holds at once.
type budget struct {
	sem     *semaphore.Weighted
	size    int64
	used    atomic.Int64
	waiters atomic.Int32
}

func newBudget(size int64) *budget {
	return &budget{sem: semaphore.NewWeighted(size), size: size}
}

// acquire reserves n bytes, waiting a moment when they are not free. Requests
// that grow hold what they have while they wait; the bound on the wait is what
// keeps them from waiting for each other for ever.
func (b *budget) acquire(ctx context.Context, n int64) error {
	if !b.sem.TryAcquire(n) {
		if err := b.wait(ctx, n); err != nil {
			return err
		}
	}
	b.used.Add(n)
	return nil
}

func (b *budget) wait(ctx context.Context, n int64) error {
	full := errs.RetryIn(errs.Unavailable, budgetRetry, "Too many requests are being received, try again")
	if b.waiters.Add(1) > maxBudgetWaiters {
		b.waiters.Add(-1)
		return full
	}
	defer b.waiters.Add(-1)
	ctx, cancel := context.WithTimeout(ctx, maxBudgetWait)
	defer cancel()
	if b.sem.Acquire(ctx, n) != nil {
		return full
	}
	return nil
}

func (b *budget) release(n int64) {
	if n == 0 {
		return
	}
	b.used.Add(-n)
	b.sem.Release(n)
}
