package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/grouping"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// Replace implements tracker.Store.
func (s *Store) Replace(ctx context.Context, e *event.Event, k grouping.Key) (tracker.Outcome, error) {
	r := newRecord(e, k)
	r.replace = true
	r.payload = s.payloads.pack(e)
	return s.write(ctx, r)
}

// told is an event that was recorded before.
type told struct {
	hash, issue int64
	at          int64
	project     string
	key         tracker.Hash
}

// replaced puts r, whose event ID is known, in the place of what came by it.
func (s *Store) replaced(tx *sqlitedb.Tx, r *record, h *hashEntry) (tracker.Outcome, error) {
	var old told
	var key []byte
	err := tx.QueryRow(`SELECT h.id, h.issue_id, e.at, p.name, h.hash FROM event_ids e JOIN hashes h ON h.id = e.hash_id
		JOIN projects p ON p.id = h.project_id WHERE e.key = ?`, r.eventKey).Scan(&old.hash, &old.issue, &old.at, &old.project, &key)
	if errors.Is(err, sql.ErrNoRows) {
		return duplicate(tx, r.eventKey) // its issue was deleted since, and it stays so
	}
	if err != nil {
		return tracker.Outcome{}, err
	}
	copy(old.key[:], key)
	// It is the same event: it came when it came first.
	r.at = old.at
	e := *r.event
	e.ReceivedAt = timeOf(old.at)
	r.payload = s.payloads.pack(&e)

	occurrence, first, err := s.occurrenceOf(tx, r, &old)
	if err != nil {
		return tracker.Outcome{}, err
	}
	if h != nil && h.id == old.hash {
		// Others may be told by their difference from the first one of the hash.
		if occurrence != 0 && !first {
			if _, err := tx.Exec("UPDATE occurrences SET payload = ? WHERE id = ?", r.payload, occurrence); err != nil {
				return tracker.Outcome{}, err
			}
		}
		return outcomeOf(tx, old.issue, r.key.Hash)
	}
	s.mem.moved()
	counted, err := s.uncount(tx, r, &old)
	if err != nil || !counted {
		if err == nil {
			return duplicate(tx, r.eventKey)
		}
		return tracker.Outcome{}, err
	}
	target, err := s.place(tx, r, h, &old)
	if err != nil {
		return tracker.Outcome{}, err
	}
	if err := s.leave(tx, &old, target, occurrence, first); err != nil {
		return tracker.Outcome{}, err
	}
	return outcomeOf(tx, target, r.key.Hash)
}

// occurrenceOf finds the kept occurrence of the event; id is 0 if none is.
func (s *Store) occurrenceOf(tx *sqlitedb.Tx, r *record, old *told) (id int64, first bool, err error) {
	type candidate struct {
		id      int64
		first   bool
		payload []byte
	}
	rows, err := tx.Query("SELECT id, first, payload FROM occurrences WHERE issue_id = ? AND hash_id = ? AND received_at = ?", old.issue, old.hash, old.at)
	if err != nil {
		return 0, false, err
	}
	defer rows.Close()
	var found []candidate
	for rows.Next() {
		var c candidate
		if err := rows.Scan(&c.id, &c.first, &c.payload); err != nil {
			return 0, false, err
		}
		found = append(found, c)
	}
	if err := rows.Err(); err != nil {
		return 0, false, err
	}
	var base []byte
	for _, c := range found {
		if needsBase(c.payload) && base == nil {
			var payload []byte
			if err := tx.QueryRow("SELECT payload FROM occurrences WHERE hash_id = ? AND first = 1", old.hash).Scan(&payload); err != nil {
				return 0, false, fmt.Errorf("first event of hash %d: %w", old.hash, err)
			}
			if base, err = s.payloads.unpackPlain(payload, nil); err != nil {
				return 0, false, err
			}
		}
		e, err := s.payloads.unpack(c.payload, base)
		if err != nil {
			return 0, false, fmt.Errorf("occurrence %d: %w", c.id, err)
		}
		if e.ID == r.event.ID {
			return c.id, c.first, nil
		}
	}
	return 0, false, nil
}

// uncount takes the event out of the counters of its hash; counted is false if
// it is not in them any more.
func (s *Store) uncount(tx *sqlitedb.Tx, r *record, old *told) (counted bool, err error) {
	var environment, release int64
	err = tx.QueryRow(`UPDATE hash_hour SET n = n - 1 WHERE (hash_id, hour, environment_id, release_id) IN
		(SELECT hash_id, hour, environment_id, release_id FROM hash_hour WHERE hash_id = ? AND n > 0
		ORDER BY hour = ? DESC, environment_id = ? DESC, release_id = ? DESC, hour DESC LIMIT 1) RETURNING environment_id, release_id`,
		old.hash, old.at/hourMillis, r.environment, r.release).Scan(&environment, &release)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if _, err := tx.Exec("DELETE FROM hash_hour WHERE hash_id = ? AND n = 0", old.hash); err != nil {
		return false, err
	}
	if err := uncountScopes(tx, old.hash, environment, release); err != nil {
		return false, err
	}
	return true, s.uncountTags(tx, r, old.hash, environment, release)
}

// place counts r in the issue that owns h, or in a new one that takes over the
// state of the one that the event leaves, and returns the issue. Nobody is
// alerted: the event is an old one, and so an issue that was resolved stays so.
func (s *Store) place(tx *sqlitedb.Tx, r *record, h *hashEntry, old *told) (issue int64, err error) {
	fresh := h == nil
	if fresh {
		res, err := tx.Exec(`INSERT INTO issues (project_id, primary_hash, count, users, kept, first_seen, last_seen, first_release, last_release, browser)
			SELECT project_id, 0, 0, 0, 0, ?, ?, ?, ?, ? FROM issues WHERE id = ?`, r.at, r.at, r.release, r.release, r.browser, old.issue)
		if err != nil {
			return 0, err
		}
		h = &hashEntry{browser: r.browser}
		if h.issue, err = res.LastInsertId(); err != nil {
			return 0, err
		}
		if err := inherit(tx, h.issue, old.issue); err != nil {
			return 0, err
		}
		if h.id, err = addHash(tx, r, h.issue, r.key.Hash, false); err != nil {
			return 0, err
		}
	} else if _, err := tx.Exec("UPDATE hashes SET created_at = min(created_at, ?) WHERE id = ?", r.at, h.id); err != nil {
		return 0, err
	}
	if err := setEventHash(tx, r, h.id); err != nil {
		return 0, err
	}
	if _, err := s.countHash(tx, r, h); err != nil {
		return 0, err
	}
	if err := s.addOccurrence(tx, r, h.issue, h.id, fresh); err != nil {
		return 0, err
	}
	return h.issue, s.settle(tx, h.issue)
}

// settle adds an issue up and keeps its occurrences within their number.
func (s *Store) settle(tx *sqlitedb.Tx, issue int64) error {
	if err := recompute(tx, issue); err != nil {
		return err
	}
	var kept int64
	if err := tx.QueryRow("SELECT kept FROM issues WHERE id = ?", issue).Scan(&kept); err != nil {
		return err
	}
	surplus := kept - int64(s.keep)
	if surplus <= 0 {
		return nil
	}
	if err := trimOccurrences(tx, issue, surplus); err != nil {
		return err
	}
	_, err := tx.Exec("UPDATE issues SET kept = ? WHERE id = ?", s.keep, issue)
	return err
}

// leave removes what the event was where it came from. The first occurrence of a
// hash stays as long as there are others that are told by it; a hash without
// events goes, and so does an issue without hashes, whose mails and comments then
// belong to the issue that its last event went to.
func (s *Store) leave(tx *sqlitedb.Tx, old *told, target, occurrence int64, first bool) error {
	var events, hashes int64
	err := tx.QueryRow(`SELECT (SELECT coalesce(sum(n), 0) FROM hash_hour WHERE hash_id = ?), (SELECT count(*) FROM hashes WHERE issue_id = ?)`,
		old.hash, old.issue).Scan(&events, &hashes)
	if err != nil {
		return err
	}
	if events == 0 {
		// What had become part of the hash is now where its last event is.
		if _, err := tx.Exec("UPDATE merged SET hash_id = (SELECT primary_hash FROM issues WHERE id = ?) WHERE hash_id = ?", target, old.hash); err != nil {
			return err
		}
	}
	switch {
	case events > 0:
		if occurrence != 0 && !first {
			if _, err := tx.Exec("DELETE FROM occurrences WHERE id = ?", occurrence); err != nil {
				return err
			}
		}
		return s.settle(tx, old.issue)
	case hashes == 1:
		s.bases.drop(baseKey{old.project, old.key})
		for _, update := range []string{
			"UPDATE alerts SET issue_id = ? WHERE issue_id = ?",
			"UPDATE alert_log SET issue_id = ? WHERE issue_id = ?",
			"UPDATE mails SET issue_id = ? WHERE issue_id = ?",
			"UPDATE activity SET issue_id = ? WHERE issue_id = ?",
		} {
			if _, err := tx.Exec(update, target, old.issue); err != nil {
				return err
			}
		}
		if _, err := tx.Exec("INSERT INTO merged (id, hash_id) SELECT ?, primary_hash FROM issues WHERE id = ?", old.issue, target); err != nil {
			return err
		}
		_, err := s.discard(tx, old.issue)
		return err
	}
	s.bases.drop(baseKey{old.project, old.key})
	if _, err := tx.Exec("INSERT INTO trash (kind, id) VALUES (?, ?)", trashHash, old.hash); err != nil {
		return err
	}
	for _, remove := range []string{"DELETE FROM occurrences WHERE hash_id = ?", "DELETE FROM hash_tags WHERE hash_id = ?", "DELETE FROM hashes WHERE id = ?"} {
		if _, err := tx.Exec(remove, old.hash); err != nil {
			return err
		}
	}
	return s.settle(tx, old.issue)
}

// outcomeOf tells where a replaced event is now.
func outcomeOf(tx *sqlitedb.Tx, issue int64, hash tracker.Hash) (tracker.Outcome, error) {
	out := tracker.Outcome{Status: tracker.Replaced, IssueID: issue, Fingerprint: hash}
	err := tx.QueryRow("SELECT count FROM issues WHERE id = ?", issue).Scan(&out.Count)
	return out, err
}
