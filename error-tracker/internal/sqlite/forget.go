package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/monlight/monlight/shared/sqlitedb"
)

// forgetBatch is how many rows are dropped in one transaction: their keys are
// spread all over, so each may mean another page.
const forgetBatch = 250

// Forget implements tracker.Store. It also finishes deletions that were
// interrupted, sums up old counters, and drops those of ingest and past
// alerts after 90 days and tags that no event has.
func (s *Store) Forget(ctx context.Context, t time.Time, limit int) (int, error) {
	if err := s.purge(ctx); err != nil {
		return 0, fmt.Errorf("forget: %w", err)
	}
	if err := s.rollUp(ctx); err != nil {
		return 0, fmt.Errorf("forget: %w", err)
	}
	if err := s.forgetIngest(ctx); err != nil {
		return 0, fmt.Errorf("forget counters and alerts: %w", err)
	}
	if err := s.forgetTags(ctx, limit); err != nil {
		return 0, fmt.Errorf("forget tags: %w", err)
	}
	before := t.UnixMilli()
	ids, err := s.forget(ctx, "SELECT key FROM event_ids WHERE at < ? LIMIT ?", "DELETE FROM event_ids WHERE key = ? AND at < ?", before, limit)
	if err != nil {
		return ids, fmt.Errorf("forget event IDs: %w", err)
	}
	mails, err := s.forget(ctx, "SELECT id FROM mails WHERE created_at < ? AND (sent_at <> 0 OR failed_at <> 0) LIMIT ?",
		"DELETE FROM mails WHERE id = ? AND created_at < ? AND (sent_at <> 0 OR failed_at <> 0)", before, limit)
	if err != nil {
		return ids + mails, fmt.Errorf("forget mails: %w", err)
	}
	return ids + mails, nil
}

// forget looks for rows beside the writer, because there is no index on the
// time of event IDs, and drops them on it.
func (s *Store) forget(ctx context.Context, find, drop string, before int64, limit int) (int, error) {
	rows, err := s.db.Read().QueryContext(ctx, find, before, limit)
	keys, err := scanAll(rows, err, func(rows *sql.Rows) (key int64, err error) {
		return key, rows.Scan(&key)
	})
	if err != nil {
		return 0, sqlitedb.Classify(err)
	}
	dropped := 0
	for chunk := range slices.Chunk(keys, forgetBatch) {
		n := int64(0)
		err := s.db.Maintain(ctx, func(tx *sqlitedb.Tx) error {
			for _, key := range chunk {
				res, err := tx.Exec(drop, key, before)
				if err != nil {
					return err
				}
				one, err := res.RowsAffected()
				if err != nil {
					return err
				}
				n += one
			}
			return nil
		})
		if err != nil {
			return dropped, err
		}
		dropped += int(n)
	}
	return dropped, nil
}

// Compact implements tracker.Store.
func (s *Store) Compact(ctx context.Context) (done bool, err error) {
	return s.db.Compact(ctx)
}
