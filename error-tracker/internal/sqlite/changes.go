package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// maxBulk bounds the issues of one request.
const maxBulk = 10_000

// each runs f for the issues, some in each transaction, and returns those for
// which it was true. These are people's decisions and free space in the end, so
// they also run on a disk that is too full for reports.
func (s *Store) each(ctx context.Context, what string, ids []int64, f func(*sqlitedb.Tx, int64) (bool, error)) ([]int64, error) {
	if len(ids) > maxBulk {
		return nil, errs.New(errs.Invalid, "%d errors at once, the limit is %d", len(ids), maxBulk)
	}
	var done []int64
	for chunk := range slices.Chunk(ids, bulkSize) {
		var changed []int64
		err := s.db.Maintain(ctx, func(tx *sqlitedb.Tx) error {
			changed = changed[:0]
			for _, id := range chunk {
				ok, err := f(tx, id)
				if err != nil {
					return err
				}
				if ok {
					changed = append(changed, id)
				}
			}
			return nil
		})
		if err != nil {
			return done, fmt.Errorf("%s issues: %w", what, err)
		}
		done = append(done, changed...)
	}
	return done, nil
}

// Merge implements tracker.Store. What is mailed or about to be mailed for a
// source belongs to target then.
func (s *Store) Merge(ctx context.Context, target int64, sources []int64, at time.Time) error {
	if len(sources) > bulkSize {
		return errs.New(errs.Invalid, "%d errors at once, the limit is %d", len(sources), bulkSize)
	}
	err := s.db.Maintain(ctx, func(tx *sqlitedb.Tx) error {
		tx.OnRollback(s.mem.lost)
		s.mem.moved()
		project, err := projectOf(tx, target)
		if err != nil {
			return err
		}
		for i, id := range sources {
			if id == target || slices.Contains(sources[:i], id) {
				continue
			}
			p, err := projectOf(tx, id)
			if err != nil {
				return err
			}
			if p != project {
				return errs.New(errs.Invalid, "errors %d and %d belong to different projects", target, id)
			}
			if err := moveInto(tx, target, id); err != nil {
				return err
			}
			if err := note(tx, target, &tracker.Activity{At: at, Kind: tracker.ActMerged, Other: id}); err != nil {
				return err
			}
		}
		return recompute(tx, target)
	})
	if err != nil {
		return fmt.Errorf("merge issues: %w", err)
	}
	return nil
}

func projectOf(tx *sqlitedb.Tx, issue int64) (project int64, err error) {
	err = tx.QueryRow("SELECT project_id FROM issues WHERE id = ?", issue).Scan(&project)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, notFound(issue)
	}
	return project, err
}

// moveInto gives everything of source to target but the counters.
func moveInto(tx *sqlitedb.Tx, target, source int64) error {
	if _, err := tx.Exec("INSERT INTO merged (id, hash_id) SELECT id, primary_hash FROM issues WHERE id = ?", source); err != nil {
		return err
	}
	// By its hash unmerge will know what it brought.
	_, err := tx.Exec("UPDATE activity SET hash_id = (SELECT primary_hash FROM issues WHERE id = ?) WHERE issue_id = ? AND hash_id = 0", source, source)
	if err != nil {
		return err
	}
	for _, update := range []string{
		"UPDATE hash_scopes SET issue_id = ? WHERE hash_id IN (SELECT id FROM hashes WHERE issue_id = ?)",
		"UPDATE hash_tags SET issue_id = ? WHERE hash_id IN (SELECT id FROM hashes WHERE issue_id = ?)",
		"UPDATE hashes SET issue_id = ? WHERE issue_id = ?",
		"UPDATE occurrences SET issue_id = ? WHERE issue_id = ?",
		"UPDATE alerts SET issue_id = ? WHERE issue_id = ?",
		"UPDATE alert_log SET issue_id = ? WHERE issue_id = ?",
		"UPDATE mails SET issue_id = ? WHERE issue_id = ?",
		"UPDATE activity SET issue_id = ? WHERE issue_id = ?",
	} {
		if _, err := tx.Exec(update, target, source); err != nil {
			return err
		}
	}
	for _, remove := range []string{
		"DELETE FROM issue_mutes WHERE issue_id = ?",
		"DELETE FROM issues WHERE id = ?",
	} {
		if _, err := tx.Exec(remove, source); err != nil {
			return err
		}
	}
	return nil
}

const sqlMergedInto = "SELECT h.issue_id FROM merged m JOIN hashes h ON h.id = m.hash_id WHERE m.id = ?"

// MergedInto implements tracker.Store.
func (s *Store) MergedInto(ctx context.Context, id int64) (into int64, err error) {
	err = s.db.Read().QueryRowContext(ctx, sqlMergedInto, id).Scan(&into)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, notFound(id)
	}
	return into, readError("find merged issue", err)
}

// recompute adds up an issue anew from its hashes.
func recompute(tx *sqlitedb.Tx, issue int64) error {
	if err := forgetPulse(tx, issue); err != nil {
		return err
	}
	_, err := tx.Exec(`UPDATE issues SET
		(count, last_seen) = (SELECT sum(c.n), max(c.last) FROM hashes h CROSS JOIN hash_hour c ON c.hash_id = h.id WHERE h.issue_id = issues.id),
		users = (SELECT count(DISTINCT u.user) FROM hashes h CROSS JOIN hash_users u ON u.hash_id = h.id WHERE h.issue_id = issues.id),
		kept = (SELECT count(*) FROM occurrences o WHERE o.issue_id = issues.id AND o.first = 0),
		(first_seen, browser, flood) = (SELECT min(created_at), max(browser), max(flood) FROM hashes h WHERE h.issue_id = issues.id),
		first_release = (SELECT first_release FROM hashes h WHERE h.issue_id = issues.id ORDER BY created_at, id LIMIT 1),
		last_release = coalesce((SELECT c.release_id FROM hashes h CROSS JOIN hash_hour c ON c.hash_id = h.id
			WHERE h.issue_id = issues.id AND c.release_id <> 0 ORDER BY c.last DESC, c.release_id DESC LIMIT 1), 0),
		primary_hash = coalesce((SELECT id FROM hashes h WHERE h.id = primary_hash AND h.issue_id = issues.id),
			(SELECT id FROM hashes h WHERE h.issue_id = issues.id ORDER BY created_at, id LIMIT 1))
		WHERE id = ?`, issue)
	return err
}

// Unmerge implements tracker.Store. If the issue that is left is resolved, at is
// when the new one counts as resolved.
func (s *Store) Unmerge(ctx context.Context, issueID int64, h tracker.Hash, at time.Time) (tracker.Issue, error) {
	var id int64
	err := s.db.Maintain(ctx, func(tx *sqlitedb.Tx) (err error) {
		tx.OnRollback(s.mem.lost)
		s.mem.moved()
		id, err = unmerge(tx, issueID, h, at)
		return err
	})
	if err != nil {
		return tracker.Issue{}, fmt.Errorf("unmerge issue: %w", err)
	}
	return s.Issue(ctx, id)
}

func unmerge(tx *sqlitedb.Tx, issue int64, h tracker.Hash, at time.Time) (id int64, err error) {
	if _, err := projectOf(tx, issue); err != nil {
		return 0, err
	}
	var hash, hashes int64
	err = tx.QueryRow("SELECT id, (SELECT count(*) FROM hashes WHERE issue_id = ?) FROM hashes WHERE issue_id = ? AND hash = ?", issue, issue, h[:]).
		Scan(&hash, &hashes)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, errs.New(errs.NotFound, "error %d has no fingerprint %s", issue, h)
	}
	if err != nil {
		return 0, err
	}
	if hashes < 2 {
		return 0, errs.New(errs.Conflict, "%s is the only fingerprint of error %d", h, issue)
	}
	res, err := tx.Exec(`INSERT INTO issues (project_id, primary_hash, count, users, kept, first_seen, last_seen, first_release, last_release, browser)
		SELECT project_id, ?, 0, 0, 0, 0, 0, 0, 0, 0 FROM issues WHERE id = ?`, hash, issue)
	if err != nil {
		return 0, err
	}
	if id, err = res.LastInsertId(); err != nil {
		return 0, err
	}
	if err := inherit(tx, id, issue); err != nil {
		return 0, err
	}
	for _, update := range []struct {
		sql  string
		args []any
	}{
		{"UPDATE issues SET resolved_at = ? WHERE id = ? AND resolved = 1", []any{at.UnixMilli(), id}},
		{"UPDATE hashes SET issue_id = ? WHERE id = ?", []any{id, hash}},
		{"UPDATE occurrences SET issue_id = ? WHERE issue_id = ? AND hash_id = ?", []any{id, issue, hash}},
		{"UPDATE activity SET issue_id = ?, hash_id = 0 WHERE issue_id = ? AND hash_id = ?", []any{id, issue, hash}},
	} {
		if _, err := tx.Exec(update.sql, update.args...); err != nil {
			return 0, err
		}
	}
	if err := moveCounters(tx, hash, id); err != nil {
		return 0, err
	}
	if err := note(tx, issue, &tracker.Activity{At: at, Kind: tracker.ActSplit, Other: id}); err != nil {
		return 0, err
	}
	if err := note(tx, id, &tracker.Activity{At: at, Kind: tracker.ActSplitFrom, Other: issue}); err != nil {
		return 0, err
	}
	if err := recompute(tx, issue); err != nil {
		return 0, err
	}
	return id, recompute(tx, id)
}
