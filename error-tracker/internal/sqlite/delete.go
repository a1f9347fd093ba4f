package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/monlight/monlight/shared/sqlitedb"
)

// What is in trash.
const (
	trashIssue = 1
	trashHash  = 2
)

const (
	purgeTime = 10 * time.Millisecond // of the writer, at a time
	purgeRows = 200                   // narrow rows between looks at the clock
	purgeKept = 8                     // occurrences, which can be large, between looks at the clock
)

// Delete implements tracker.Store. The issues are gone for readers at once; what
// was kept for them is removed afterwards, in steps. If that is interrupted,
// Forget goes on with it.
func (s *Store) Delete(ctx context.Context, ids []int64) ([]int64, error) {
	deleted, err := s.each(ctx, "delete", ids, s.discard)
	if err != nil {
		return deleted, err
	}
	// They are deleted: what is left to do is not the caller's concern.
	_ = s.purge(ctx)
	return deleted, nil
}

// DeleteResolvedBefore implements tracker.Store.
func (s *Store) DeleteResolvedBefore(ctx context.Context, t time.Time, limit int) (int, error) {
	deleted := 0
	for deleted < limit {
		n := 0
		err := s.db.Maintain(ctx, func(tx *sqlitedb.Tx) (err error) {
			// Chosen and deleted in one transaction: none can come back in between.
			n, err = s.discardResolved(tx, t.UnixMilli(), min(limit-deleted, bulkSize))
			return err
		})
		if err != nil {
			return deleted, fmt.Errorf("delete resolved issues: %w", err)
		}
		deleted += n
		if err := s.purge(ctx); err != nil {
			return deleted, fmt.Errorf("delete resolved issues: %w", err)
		}
		if n == 0 {
			break
		}
	}
	return deleted, nil
}

func (s *Store) discardResolved(tx *sqlitedb.Tx, before int64, limit int) (int, error) {
	ids, err := queryIDs(tx, "SELECT id FROM issues WHERE resolved = 1 AND resolved_at < ? AND last_seen < ? ORDER BY resolved_at LIMIT ?", before, before, limit)
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		if _, err := s.discard(tx, id); err != nil {
			return 0, err
		}
	}
	return len(ids), nil
}

func queryIDs(tx *sqlitedb.Tx, query string, args ...any) ([]int64, error) {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ids []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// discard makes an issue disappear and leaves its rows in other tables to purge.
func (s *Store) discard(tx *sqlitedb.Tx, id int64) (bool, error) {
	tx.OnRollback(s.mem.lost)
	s.mem.moved()
	res, err := tx.Exec("DELETE FROM issues WHERE id = ?", id)
	if err != nil {
		return false, err
	}
	if n, err := res.RowsAffected(); n == 0 || err != nil {
		return false, err
	}
	if _, err := tx.Exec("INSERT INTO trash (kind, id) VALUES (?, ?)", trashIssue, id); err != nil {
		return false, err
	}
	if _, err := tx.Exec("INSERT INTO trash (kind, id) SELECT ?, id FROM hashes WHERE issue_id = ?", trashHash, id); err != nil {
		return false, err
	}
	for _, remove := range []string{
		"DELETE FROM merged WHERE hash_id IN (SELECT id FROM hashes WHERE issue_id = ?)",
		"DELETE FROM hashes WHERE issue_id = ?",
		"DELETE FROM issue_mutes WHERE issue_id = ?",
		"DELETE FROM pulses WHERE issue_id = ?",
		"DELETE FROM alerts WHERE issue_id = ?",
		"DELETE FROM alert_log WHERE issue_id = ?",
		"DELETE FROM mails WHERE issue_id = ?",
	} {
		if _, err := tx.Exec(remove, id); err != nil {
			return false, err
		}
	}
	return true, nil
}

// purge removes what belongs to the trash, in steps that leave the writer to
// others in between.
func (s *Store) purge(ctx context.Context) error {
	for {
		done := false
		err := s.db.Maintain(ctx, func(tx *sqlitedb.Tx) (err error) {
			for start := time.Now(); !done && err == nil && time.Since(start) < purgeTime; {
				done, err = purgeOne(tx)
			}
			return err
		})
		if err != nil || done {
			return err
		}
	}
}

// purgeOne removes some rows of something in the trash.
func purgeOne(tx *sqlitedb.Tx) (done bool, err error) {
	var kind, id int64
	err = tx.QueryRow("SELECT kind, id FROM trash LIMIT 1").Scan(&kind, &id)
	if errors.Is(err, sql.ErrNoRows) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	var removed int64
	if kind == trashIssue {
		removed, err = purgeRowsOf(tx, id, purgeKept,
			"DELETE FROM occurrences WHERE id IN (SELECT id FROM occurrences WHERE issue_id = ? LIMIT ?)",
			"DELETE FROM activity WHERE id IN (SELECT id FROM activity WHERE issue_id = ? LIMIT ?)")
	} else {
		removed, err = purgeRowsOf(tx, id, purgeRows,
			`DELETE FROM hash_hour WHERE (hash_id, hour, environment_id, release_id) IN
				(SELECT hash_id, hour, environment_id, release_id FROM hash_hour WHERE hash_id = ? LIMIT ?)`,
			"DELETE FROM hash_users WHERE (hash_id, user) IN (SELECT hash_id, user FROM hash_users WHERE hash_id = ? LIMIT ?)",
			`DELETE FROM hash_scopes WHERE (environment_id, release_id, hash_id) IN
				(SELECT environment_id, release_id, hash_id FROM hash_scopes WHERE hash_id = ? LIMIT ?)`,
			`DELETE FROM hash_tags WHERE (tag_id, hash_id, environment_id, release_id) IN
				(SELECT tag_id, hash_id, environment_id, release_id FROM hash_tags WHERE hash_id = ? LIMIT ?)`,
			`DELETE FROM scope_users WHERE (hash_id, user, environment_id, release_id) IN
				(SELECT hash_id, user, environment_id, release_id FROM scope_users WHERE hash_id = ? LIMIT ?)`)
	}
	if err != nil || removed > 0 {
		return false, err
	}
	_, err = tx.Exec("DELETE FROM trash WHERE kind = ? AND id = ?", kind, id)
	return false, err
}

func purgeRowsOf(tx *sqlitedb.Tx, id int64, limit int, deletes ...string) (removed int64, err error) {
	for _, d := range deletes {
		res, err := tx.Exec(d, id, limit)
		if err != nil {
			return removed, err
		}
		n, err := res.RowsAffected()
		if err != nil {
			return removed, err
		}
		removed += n
	}
	return removed, nil
}
