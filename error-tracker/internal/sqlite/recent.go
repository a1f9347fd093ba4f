package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
)

// The newest events of a project are among the newest of its newest issues. An
// issue's are found by its index, so this reads at most the square of the limit
// of index entries.
const sqlRecent = `SELECT o.id FROM (SELECT id FROM issues WHERE project_id = ? ORDER BY last_seen DESC LIMIT ?) i
	JOIN occurrences o ON o.id IN (SELECT id FROM occurrences WHERE issue_id = i.id ORDER BY id DESC LIMIT ?)
	ORDER BY o.id DESC LIMIT ?`

const sqlIssueOfHash = "SELECT i.id FROM hashes h JOIN issues i ON i.id = h.issue_id WHERE h.project_id = ? AND h.hash = ?"

// RecentEvents implements tracker.Store. Events are read one by one: all of them
// at once may be a lot of memory.
func (s *Store) RecentEvents(ctx context.Context, project int64, limit int, f func(tracker.Occurrence) bool) error {
	limit = min(max(limit, 0), tracker.MaxPage)
	err := s.snapshot(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, sqlRecent, project, limit, limit, limit)
		ids, err := scanAll(rows, err, func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) })
		if err != nil {
			return err
		}
		for _, id := range ids {
			found, err := s.occurrences(ctx, tx, "WHERE o.id = ?", id)
			if err != nil {
				return err
			}
			if len(found) == 1 && !f(found[0]) {
				return nil
			}
		}
		return nil
	})
	return readError("read recent events", err)
}

// IssueOfHash implements tracker.Store.
func (s *Store) IssueOfHash(ctx context.Context, project int64, h tracker.Hash) (int64, error) {
	var id int64
	err := s.db.Read().QueryRowContext(ctx, sqlIssueOfHash, project, h[:]).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, errs.New(errs.NotFound, "no issue of project %d has the hash %s", project, h)
	}
	return id, readError("find hash", err)
}
