package sqlite

import (
	"context"
	"database/sql"
	"slices"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
)

const (
	sqlEventsBefore = "SELECT id FROM occurrences WHERE issue_id = ? AND id < ? ORDER BY id DESC LIMIT ?"
	sqlEventsAfter  = "SELECT id FROM occurrences WHERE issue_id = ? AND id > ? ORDER BY id LIMIT ?"
	sqlEventsKept   = "SELECT count(*) FROM occurrences WHERE issue_id = ? AND id > ?"
)

// EventPage implements tracker.Store.
func (s *Store) EventPage(ctx context.Context, q tracker.EventQuery, f func(tracker.Occurrence)) (page tracker.EventPage, err error) {
	q.Limit = min(max(q.Limit, 1), tracker.MaxOccurrencesPerPage)
	err = s.snapshot(ctx, func(tx *sql.Tx) error {
		ids, err := eventIDs(ctx, tx, q)
		if err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, sqlEventsKept, q.Issue, 0).Scan(&page.Kept); err != nil {
			return err
		}
		page.Read = int64(len(ids))
		if page.Read == 0 {
			if q.Before != 0 {
				page.Newer = page.Kept
			}
			return exists(ctx, tx, q.Issue)
		}
		if err := tx.QueryRowContext(ctx, sqlEventsKept, q.Issue, ids[0]).Scan(&page.Newer); err != nil {
			return err
		}
		return s.eachOccurrence(ctx, tx, f, "WHERE o.issue_id = ? AND o.id BETWEEN ? AND ? ORDER BY o.id DESC", q.Issue, ids[len(ids)-1], ids[0])
	})
	return page, readError("list events", err)
}

// eventIDs are the IDs of a page of events, newest first. A page that would
// begin above the newest event is the first one.
func eventIDs(ctx context.Context, tx *sql.Tx, q tracker.EventQuery) ([]int64, error) {
	read := func(query string, from int64) ([]int64, error) {
		rows, err := tx.QueryContext(ctx, query, q.Issue, from, q.Limit)
		return scanAll(rows, err, func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) })
	}
	if q.Before == 0 && q.After != 0 {
		ids, err := read(sqlEventsAfter, q.After)
		if err != nil || len(ids) == q.Limit {
			slices.Reverse(ids)
			return ids, err
		}
	}
	if q.Before == 0 {
		q.Before = 1<<63 - 1
	}
	return read(sqlEventsBefore, q.Before)
}
