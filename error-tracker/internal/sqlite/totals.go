package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
)

// totalsCache keeps the totals while nothing was written, and for a while if
// there is much to add up.
type totalsCache struct {
	mu      sync.Mutex
	value   tracker.Totals
	commits int64 // of the database when they were added up
	until   time.Time
	valid   bool
}

// Adding up reads the narrow row of every issue: 2 ms for 10,000. With more than
// manyIssues, a result serves for maxTotalsAge.
const (
	manyIssues   = 20_000
	maxTotalsAge = 5 * time.Second
)

// Totals implements tracker.Store.
func (s *Store) Totals(ctx context.Context) (tracker.Totals, error) {
	c := &s.totals
	c.mu.Lock() // also so that a crowd adds up once
	defer c.mu.Unlock()
	commits := s.db.Stats().Commits
	if c.valid && (commits == c.commits || time.Now().Before(c.until)) {
		return c.value, nil
	}
	t, err := s.addUp(ctx)
	if err != nil {
		return t, readError("add up totals", err)
	}
	c.value, c.commits, c.valid, c.until = t, commits, true, time.Time{}
	if t.Issues > manyIssues {
		c.until = time.Now().Add(maxTotalsAge)
	}
	return t, nil
}

func (s *Store) addUp(ctx context.Context) (tracker.Totals, error) {
	var t tracker.Totals
	tx, err := s.db.Read().BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return t, err
	}
	defer tx.Rollback()
	// Each hash has its first event, which kept leaves out.
	err = tx.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(resolved = 0), 0), coalesce(sum(count), 0),
		coalesce(sum(kept), 0) + (SELECT count(*) FROM hashes) FROM issues`).
		Scan(&t.Issues, &t.Unresolved, &t.Events, &t.Occurrences)
	if err != nil {
		return t, err
	}
	var oldest int64
	err = tx.QueryRowContext(ctx, "SELECT received_at FROM occurrences o WHERE EXISTS (SELECT 1 FROM issues WHERE id = o.issue_id) ORDER BY id LIMIT 1").Scan(&oldest)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return t, err
	}
	t.OldestEvent = timeOf(oldest)
	st := s.db.Stats()
	t.DatabaseBytes = st.DatabaseBytes + st.WALBytes
	return t, nil
}
