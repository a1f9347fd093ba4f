package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
)

// sqlOccurrence reads occurrences; an issue's first event is the first one of
// the hash that opened it.
const sqlOccurrence = `SELECT o.id, o.issue_id, o.hash_id, h.hash, o.first = 1 AND o.hash_id = i.primary_hash, o.payload
	FROM occurrences o JOIN issues i ON i.id = o.issue_id JOIN hashes h ON h.id = o.hash_id `

const sqlFirst = "WHERE o.issue_id = ? AND o.first = 1 AND o.hash_id = i.primary_hash"

// Occurrences implements tracker.Store.
func (s *Store) Occurrences(ctx context.Context, issueID, before int64, limit int) ([]tracker.Occurrence, error) {
	if limit <= 0 {
		limit = tracker.DefaultOccurrences
	}
	limit = min(limit, tracker.MaxOccurrencesPerPage)
	where, args := "WHERE o.issue_id = ?", []any{issueID}
	if before != 0 {
		where, args = where+" AND o.id < ?", append(args, before)
	}
	var all []tracker.Occurrence
	err := s.snapshot(ctx, func(tx *sql.Tx) (err error) {
		all, err = s.occurrences(ctx, tx, where+" ORDER BY o.id DESC LIMIT ?", append(args, limit)...)
		if err == nil && len(all) == 0 {
			err = exists(ctx, tx, issueID)
		}
		return err
	})
	return all, readError("list occurrences", err)
}

// snapshot runs f in a read transaction: all it reads is of one moment.
func (s *Store) snapshot(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := s.db.Read().BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return f(tx)
}

// querier is what runs queries: the pool of readers, or a transaction of one.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// exists gives a NotFound error for an issue that is not there.
func exists(ctx context.Context, q querier, issueID int64) error {
	var one int
	err := q.QueryRowContext(ctx, "SELECT 1 FROM issues WHERE id = ?", issueID).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return notFound(issueID)
	}
	return readError("read issue", err)
}

// packed is an occurrence as it is stored.
type packed struct {
	tracker.Occurrence
	hash    int64
	payload []byte
}

// occurrences reads those that a condition on o selects.
func (s *Store) occurrences(ctx context.Context, tx *sql.Tx, where string, args ...any) (all []tracker.Occurrence, err error) {
	err = s.eachOccurrence(ctx, tx, func(o tracker.Occurrence) { all = append(all, o) }, where, args...)
	return all, err
}

// eachOccurrence calls f with those that a condition on o selects. They are
// unpacked one by one: all of them at once may be a lot of memory.
func (s *Store) eachOccurrence(ctx context.Context, tx *sql.Tx, f func(tracker.Occurrence), where string, args ...any) error {
	rows, err := tx.QueryContext(ctx, sqlOccurrence+where, args...)
	found, err := scanAll(rows, err, func(rows *sql.Rows) (o packed, err error) {
		var hash []byte
		err = rows.Scan(&o.ID, &o.IssueID, &o.hash, &hash, &o.First, &o.payload)
		copy(o.Hash[:], hash)
		return o, err
	})
	if err != nil {
		return err
	}
	firsts := make(map[int64][]byte) // of each hash, for those that are told by their difference
	for _, o := range found {
		if needsBase(o.payload) && firsts[o.hash] == nil {
			if firsts[o.hash], err = s.basePlain(ctx, tx, o.hash); err != nil {
				return fmt.Errorf("occurrence %d: %w", o.ID, err)
			}
		}
		if o.Event, err = s.payloads.unpack(o.payload, firsts[o.hash]); err != nil {
			return fmt.Errorf("occurrence %d: %w", o.ID, err)
		}
		f(o.Occurrence)
	}
	return nil
}

// oneOccurrence is occurrences for exactly one.
func (s *Store) oneOccurrence(ctx context.Context, tx *sql.Tx, issueID int64, where string, args ...any) (tracker.Occurrence, error) {
	found, err := s.occurrences(ctx, tx, where, args...)
	if err != nil {
		return tracker.Occurrence{}, err
	}
	if len(found) == 0 {
		return tracker.Occurrence{}, notFound(issueID)
	}
	return found[0], nil
}

// Occurrence implements tracker.Store.
func (s *Store) Occurrence(ctx context.Context, issueID, id int64) (o tracker.Occurrence, older, newer int64, err error) {
	where, args := "WHERE o.issue_id = ? ORDER BY o.id DESC LIMIT 1", []any{issueID}
	if id != 0 {
		where, args = "WHERE o.issue_id = ? AND o.id = ?", []any{issueID, id}
	}
	err = s.snapshot(ctx, func(tx *sql.Tx) (err error) {
		if o, err = s.oneOccurrence(ctx, tx, issueID, where, args...); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `SELECT
			coalesce((SELECT max(id) FROM occurrences WHERE issue_id = ? AND id < ?), 0),
			coalesce((SELECT min(id) FROM occurrences WHERE issue_id = ? AND id > ?), 0)`,
			issueID, o.ID, issueID, o.ID).Scan(&older, &newer)
	})
	return o, older, newer, readError("read occurrence", err)
}

// FirstOccurrence implements tracker.Store.
func (s *Store) FirstOccurrence(ctx context.Context, issueID int64) (o tracker.Occurrence, err error) {
	err = s.snapshot(ctx, func(tx *sql.Tx) (err error) {
		o, err = s.oneOccurrence(ctx, tx, issueID, sqlFirst, issueID)
		return err
	})
	return o, readError("read first occurrence", err)
}
