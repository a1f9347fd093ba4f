package worker

import (
	"context"
	"time"
)

// sleep waits for d, or until wake has something. It reports whether ctx is
// still alive. Timers run on the monotonic clock: setting the clock neither
// shortens nor prolongs them.
func sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-wake:
	case <-t.C:
	}
	return ctx.Err() == nil
}
