package worker

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// staleBatch is how many issues are resolved in one transaction.
const staleBatch = 100

// resolveStale resolves what nobody has met for as long as its project says, as of now.
func (r *Retention) resolveStale(ctx context.Context, now time.Time) (total int, err error) {
	projects, err := r.store.AutoResolving(ctx)
	if err != nil {
		return 0, err
	}
	var failed []error
	for project, days := range projects {
		since := now.AddDate(0, 0, -days)
		n, err := r.inBatches(ctx, staleBatch, func(limit int) (int, error) {
			return r.store.ResolveStale(ctx, project, since, now, limit)
		})
		total += n
		if err != nil {
			failed = append(failed, fmt.Errorf("project %d: %w", project, err))
		}
		if n > 0 {
			r.log.InfoContext(ctx, "stale issues resolved", "job", "retention", "project", project, "count", n, "last_seen_before", since)
		}
	}
	return total, errors.Join(failed...)
}
