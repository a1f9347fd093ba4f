package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/monlight/monlight/shared/sqlitedb"
)

// Counters older than keepHours are summed up by day (UTC), in the row of the
// day's first hour: an error that happens every hour would otherwise add 8,760
// rows a year, for each environment and release. Sums over days do not change.
const (
	keepHours  = 90 * 24
	rollHashes = 500 // looked at in one call
)

// rollUp goes on with the hashes where the last call ended, and begins anew
// after the last one.
func (s *Store) rollUp(ctx context.Context) error {
	before := s.now().UnixMilli()/hourMillis - keepHours
	before -= before % 24
	from := s.rolled.Load()
	rows, err := s.db.Read().QueryContext(ctx, `SELECT id, EXISTS (SELECT 1 FROM hash_hour c WHERE c.hash_id = h.id AND c.hour < ? AND c.hour % 24 <> 0)
		FROM hashes h WHERE id > ? ORDER BY id LIMIT ?`, before, from, rollHashes)
	var last int64
	seen := 0
	due, err := scanAll(rows, err, func(rows *sql.Rows) (id int64, err error) {
		var old bool
		if err := rows.Scan(&last, &old); err != nil {
			return 0, err
		}
		seen++
		if !old {
			return 0, nil
		}
		return last, nil
	})
	if err != nil {
		return sqlitedb.Classify(err)
	}
	due = slices.DeleteFunc(due, func(id int64) bool { return id == 0 })
	for len(due) > 0 {
		err := s.db.Maintain(ctx, func(tx *sqlitedb.Tx) error {
			for start := time.Now(); len(due) > 0 && time.Since(start) < purgeTime; due = due[1:] {
				if err := rollUpHash(tx, due[0], before); err != nil {
					return fmt.Errorf("sum up hash %d: %w", due[0], err)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if seen < rollHashes {
		last = 0
	}
	s.rolled.Store(last)
	return nil
}

func rollUpHash(tx *sqlitedb.Tx, hash, before int64) error {
	// The row of the first hour is not among those that are summed up, so it keeps its own.
	_, err := tx.Exec(`INSERT INTO hash_hour (hash_id, hour, environment_id, release_id, n, last)
		SELECT hash_id, hour - hour % 24, environment_id, release_id, sum(n), max(last) FROM hash_hour
		WHERE hash_id = ? AND hour < ? AND hour % 24 <> 0 GROUP BY hour - hour % 24, environment_id, release_id
		ON CONFLICT DO UPDATE SET n = n + excluded.n, last = max(last, excluded.last)`, hash, before)
	if err != nil {
		return err
	}
	_, err = tx.Exec("DELETE FROM hash_hour WHERE hash_id = ? AND hour < ? AND hour % 24 <> 0", hash, before)
	return err
}
