package sqlite

import (
	"database/sql"
	"errors"

	"github.com/monlight/monlight/shared/sqlitedb"
)

// maxScopeUsers is how many people are told apart for a hash in one environment
// and release.
const maxScopeUsers = 2000

// countScopes adds r to the counters of h by environment and release.
func countScopes(tx *sqlitedb.Tx, r *record, h *hashEntry) error {
	_, err := tx.Exec(`INSERT INTO hash_scopes (environment_id, release_id, hash_id, issue_id, n, users, first, last)
		VALUES (?1, ?2, ?3, ?4, 1, 0, ?5, ?5), (?1, -1, ?3, ?4, 1, 0, ?5, ?5), (-1, ?2, ?3, ?4, 1, 0, ?5, ?5)
		ON CONFLICT DO UPDATE SET n = n + 1, first = min(first, excluded.first), last = max(last, excluded.last)`,
		r.environment, r.release, h.id, h.issue, r.at)
	if err != nil || r.user == 0 {
		return err
	}
	return countScopeUser(tx, r, h)
}

func countScopeUser(tx *sqlitedb.Tx, r *record, h *hashEntry) error {
	hour := r.at / hourMillis
	var last int64
	err := tx.QueryRow("SELECT last FROM scope_users WHERE hash_id = ? AND user = ? AND environment_id = ? AND release_id = ?",
		h.id, r.user, r.environment, r.release).Scan(&last)
	if err == nil {
		if last < hour {
			_, err = tx.Exec("UPDATE scope_users SET last = ? WHERE hash_id = ? AND user = ? AND environment_id = ? AND release_id = ?",
				hour, h.id, r.user, r.environment, r.release)
		}
		return err
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	var elsewhereE, elsewhereR bool // met it in this environment, or in this release, before
	err = tx.QueryRow(`SELECT coalesce(max(environment_id = ?), 0), coalesce(max(release_id = ?), 0) FROM scope_users WHERE hash_id = ? AND user = ?`,
		r.environment, r.release, h.id, r.user).Scan(&elsewhereE, &elsewhereR)
	if err != nil {
		return err
	}
	err = tx.QueryRow(`INSERT INTO scope_users (hash_id, user, environment_id, release_id, first, last) SELECT ?1, ?2, ?3, ?4, ?5, ?5
		FROM hash_scopes WHERE environment_id = ?3 AND release_id = ?4 AND hash_id = ?1 AND users < ?6 RETURNING 1`,
		h.id, r.user, r.environment, r.release, hour, maxScopeUsers).Scan(new(int64))
	if errors.Is(err, sql.ErrNoRows) {
		_, err = tx.Exec(`UPDATE hash_scopes SET partial = 1 WHERE hash_id = ? AND partial = 0
			AND (environment_id, release_id) IN (VALUES (?, ?), (?, -1), (-1, ?))`,
			h.id, r.environment, r.release, r.environment, r.release)
		return err
	}
	if err != nil {
		return err
	}
	// One statement, whose parameters say which of the wider scopes the person is new in.
	_, err = tx.Exec(`UPDATE hash_scopes SET users = users + CASE WHEN release_id = -1 THEN ? WHEN environment_id = -1 THEN ? ELSE 1 END
		WHERE hash_id = ? AND (environment_id, release_id) IN (VALUES (?, ?), (?, -1), (-1, ?))`,
		!elsewhereE, !elsewhereR, h.id, r.environment, r.release, r.environment, r.release)
	return err
}

// uncountScopes takes an event out of the counters of its hash.
func uncountScopes(tx *sqlitedb.Tx, hash, environment, release int64) error {
	_, err := tx.Exec(`UPDATE hash_scopes SET n = n - 1 WHERE hash_id = ? AND (environment_id, release_id) IN (VALUES (?, ?), (?, -1), (-1, ?))`,
		hash, environment, release, environment, release)
	if err != nil {
		return err
	}
	if _, err = tx.Exec("DELETE FROM hash_scopes WHERE hash_id = ? AND n <= 0", hash); err != nil {
		return err
	}
	// Who met it there is counted anew when there are events again.
	_, err = tx.Exec(`DELETE FROM scope_users WHERE hash_id = ?1 AND environment_id = ?2 AND release_id = ?3
		AND NOT EXISTS (SELECT 1 FROM hash_scopes WHERE hash_id = ?1 AND environment_id = ?2 AND release_id = ?3)`, hash, environment, release)
	return err
}

// moveCounters makes what was counted by hash that of another issue.
func moveCounters(tx *sqlitedb.Tx, hash, issue int64) error {
	for _, update := range []string{
		"UPDATE hash_scopes SET issue_id = ? WHERE hash_id = ?",
		"UPDATE hash_tags SET issue_id = ? WHERE hash_id = ?",
	} {
		if _, err := tx.Exec(update, issue, hash); err != nil {
			return err
		}
	}
	return nil
}
