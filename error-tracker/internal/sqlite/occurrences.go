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
const sqlOccurrence = `SELECT o.id, o.issue_id, h.hash, o.first = 1 AND o.hash_id = i.primary_hash, o.payload
	FROM occurrences o JOIN issues i ON i.id = o.issue_id JOIN hashes h ON h.id = o.hash_id `

// Occurrences implements tracker.Store.
func (s *Store) Occurrences(ctx context.Context, issueID, before int64, limit int) ([]tracker.Occurrence, error) {
	if limit <= 0 {
		limit = tracker.DefaultOccurrences
	}
	limit = min(limit, tracker.MaxOccurrencesPerPage)
	query, args := sqlOccurrence+"WHERE o.issue_id = ?", []any{issueID}
	if before != 0 {
		query, args = query+" AND o.id < ?", append(args, before)
	}
	rows, err := s.db.Read().QueryContext(ctx, query+" ORDER BY o.id DESC LIMIT ?", append(args, limit)...)
	all, err := scanAll(rows, err, s.scanOccurrence)
	if err != nil {
		return nil, readError("list occurrences", err)
	}
	if len(all) == 0 {
		if err := s.exists(ctx, issueID); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// exists gives a NotFound error for an issue that is not there.
func (s *Store) exists(ctx context.Context, issueID int64) error {
	var one int
	err := s.db.Read().QueryRowContext(ctx, "SELECT 1 FROM issues WHERE id = ?", issueID).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return notFound(issueID)
	}
	return readError("read issue", err)
}

func (s *Store) scanOccurrence(rows *sql.Rows) (tracker.Occurrence, error) {
	var o tracker.Occurrence
	var hash []byte
	var payload sql.RawBytes // unpack copies what it keeps
	if err := rows.Scan(&o.ID, &o.IssueID, &hash, &o.First, &payload); err != nil {
		return o, err
	}
	copy(o.Hash[:], hash)
	var err error
	if o.Event, err = s.payloads.unpack(payload, nil); err != nil {
		return o, fmt.Errorf("occurrence %d: %w", o.ID, err)
	}
	return o, nil
}

// Occurrence implements tracker.Store.
func (s *Store) Occurrence(ctx context.Context, issueID, id int64) (o tracker.Occurrence, older, newer int64, err error) {
	tx, err := s.db.Read().BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return o, 0, 0, readError("read occurrence", err)
	}
	defer tx.Rollback()
	query, args := sqlOccurrence+"WHERE o.issue_id = ? ORDER BY o.id DESC LIMIT 1", []any{issueID}
	if id != 0 {
		query, args = sqlOccurrence+"WHERE o.issue_id = ? AND o.id = ?", []any{issueID, id}
	}
	rows, err := tx.QueryContext(ctx, query, args...)
	found, err := scanAll(rows, err, s.scanOccurrence)
	if err != nil {
		return o, 0, 0, readError("read occurrence", err)
	}
	if len(found) == 0 {
		return o, 0, 0, notFound(issueID)
	}
	o = found[0]
	err = tx.QueryRowContext(ctx, `SELECT
		coalesce((SELECT max(id) FROM occurrences WHERE issue_id = ? AND id < ?), 0),
		coalesce((SELECT min(id) FROM occurrences WHERE issue_id = ? AND id > ?), 0)`,
		issueID, o.ID, issueID, o.ID).Scan(&older, &newer)
	return o, older, newer, readError("read occurrence", err)
}

const sqlFirst = "WHERE o.issue_id = ? AND o.first = 1 AND o.hash_id = i.primary_hash"

// FirstOccurrence implements tracker.Store.
func (s *Store) FirstOccurrence(ctx context.Context, issueID int64) (tracker.Occurrence, error) {
	rows, err := s.db.Read().QueryContext(ctx, sqlOccurrence+sqlFirst, issueID)
	found, err := scanAll(rows, err, s.scanOccurrence)
	if err != nil {
		return tracker.Occurrence{}, readError("read first occurrence", err)
	}
	if len(found) == 0 {
		return tracker.Occurrence{}, notFound(issueID)
	}
	return found[0], nil
}
