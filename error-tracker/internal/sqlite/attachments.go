package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// keepFiles is how many of the newest events of an issue keep their files.
const keepFiles = 10

// takeFiles takes the files out of an event, which then names them only.
func takeFiles(e *event.Event) (files [][]byte) {
	for i := range e.Attachments {
		if a := &e.Attachments[i]; a.Data != nil {
			if files == nil {
				files = make([][]byte, len(e.Attachments))
			}
			files[i], a.Data = a.Data, nil
		}
	}
	return files
}

// addFiles stores the files of an occurrence, and drops those of older ones.
func addFiles(tx *sqlitedb.Tx, issue, occurrence int64, files [][]byte) error {
	for n, data := range files {
		if data == nil {
			continue
		}
		if _, err := tx.Exec("INSERT INTO attachments (occurrence_id, n, data) VALUES (?, ?, ?)", occurrence, n, data); err != nil {
			return err
		}
	}
	_, err := tx.Exec(`DELETE FROM attachments WHERE occurrence_id IN (SELECT id FROM occurrences o WHERE o.issue_id = ? AND o.first = 0
		AND EXISTS (SELECT 1 FROM attachments a WHERE a.occurrence_id = o.id) ORDER BY id DESC LIMIT -1 OFFSET ?)`, issue, keepFiles)
	return err
}

// Attachment implements tracker.Store.
func (s *Store) Attachment(ctx context.Context, issueID, occurrence int64, n int) (a event.Attachment, err error) {
	err = s.snapshot(ctx, func(tx *sql.Tx) error {
		o, err := s.oneOccurrence(ctx, tx, issueID, "WHERE o.issue_id = ? AND o.id = ?", issueID, occurrence)
		if err != nil {
			return err
		}
		gone := errs.New(errs.NotFound, "event %d has no file %d any more", occurrence, n)
		if n < 0 || n >= len(o.Event.Attachments) {
			return gone
		}
		a = o.Event.Attachments[n]
		err = tx.QueryRowContext(ctx, "SELECT data FROM attachments WHERE occurrence_id = ? AND n = ?", occurrence, n).Scan(&a.Data)
		if errors.Is(err, sql.ErrNoRows) {
			return gone
		}
		return err
	})
	return a, readError("read attachment", err)
}

// Files implements tracker.Store.
func (s *Store) Files(ctx context.Context, occurrence int64) ([]int, error) {
	rows, err := s.db.Read().QueryContext(ctx, "SELECT n FROM attachments WHERE occurrence_id = ? ORDER BY n", occurrence)
	kept, err := scanAll(rows, err, func(rows *sql.Rows) (n int, err error) { return n, rows.Scan(&n) })
	return kept, readError("list attachments", err)
}
