package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/sqlitedb"
)

const (
	maxMailList  = 1000
	maxLastError = 1 << 10
)

// PendingAlerts implements tracker.Outbox.
func (s *Store) PendingAlerts(ctx context.Context, limit int) ([]tracker.Alert, error) {
	rows, err := s.db.Read().QueryContext(ctx, "SELECT id, kind, issue_id, at FROM alerts ORDER BY id LIMIT ?", limit)
	alerts, err := scanAll(rows, err, func(rows *sql.Rows) (a tracker.Alert, err error) {
		var at int64
		err = rows.Scan(&a.ID, &a.Kind, &a.IssueID, &at)
		a.At = timeOf(at)
		return a, err
	})
	return alerts, readError("list alerts", err)
}

// CountPendingAlerts implements tracker.Outbox.
func (s *Store) CountPendingAlerts(ctx context.Context) (n int64, err error) {
	err = s.db.Read().QueryRowContext(ctx, "SELECT count(*) FROM alerts").Scan(&n)
	return n, readError("count alerts", err)
}

// QueueTestAlert implements tracker.Outbox.
func (s *Store) QueueTestAlert(ctx context.Context, at time.Time) error {
	return s.outbox(ctx, "queue test alert", func(tx *sqlitedb.Tx) error {
		return queueAlert(tx, tracker.AlertTest, 0, at.UnixMilli())
	})
}

// outbox runs a small change. Mail goes on while the disk is too full for
// reports: that is when people want to be told.
func (s *Store) outbox(ctx context.Context, what string, f func(*sqlitedb.Tx) error) error {
	if err := s.db.Maintain(ctx, f); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// QueueMails implements tracker.Outbox.
func (s *Store) QueueMails(ctx context.Context, alertIDs []int64, mails []tracker.Mail) error {
	return s.outbox(ctx, "queue mails", func(tx *sqlitedb.Tx) error {
		for _, id := range alertIDs {
			if _, err := tx.Exec("DELETE FROM alerts WHERE id = ?", id); err != nil {
				return err
			}
		}
		for i := range mails {
			if err := addMail(tx, &mails[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func addMail(tx *sqlitedb.Tx, m *tracker.Mail) error {
	next := m.NextAttempt
	if next.IsZero() {
		next = m.CreatedAt
	}
	_, err := tx.Exec(`INSERT INTO mails (message_id, kind, issue_id, recipient, subject, text, html, created_at, attempts,
		next_attempt, sent_at, failed_at, last_error) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		m.MessageID, m.Kind, m.IssueID, m.Recipient, m.Subject, m.Text, m.HTML, millis(m.CreatedAt), m.Attempts,
		millis(next), millis(m.SentAt), millis(m.FailedAt), stored(m.LastError, maxLastError))
	return err
}

// LastMailed implements tracker.Outbox.
func (s *Store) LastMailed(ctx context.Context, issueID int64, kind string) (time.Time, error) {
	return s.mailTime(ctx, "SELECT coalesce(max(created_at), 0) FROM mails WHERE issue_id = ? AND kind = ?", issueID, kind)
}

// NextMail implements tracker.Outbox.
func (s *Store) NextMail(ctx context.Context) (time.Time, error) {
	return s.mailTime(ctx, "SELECT coalesce(min(next_attempt), 0) FROM mails WHERE sent_at = 0 AND failed_at = 0")
}

func (s *Store) mailTime(ctx context.Context, query string, args ...any) (time.Time, error) {
	var ms int64
	err := s.db.Read().QueryRowContext(ctx, query, args...).Scan(&ms)
	return timeOf(ms), readError("look for mails", err)
}

// DueMails implements tracker.Outbox.
func (s *Store) DueMails(ctx context.Context, now time.Time, limit int) ([]tracker.Mail, error) {
	return s.mails(ctx, "WHERE sent_at = 0 AND failed_at = 0 AND next_attempt <= ? ORDER BY next_attempt, id LIMIT ?", now.UnixMilli(), limit)
}

// RecentMails implements tracker.Outbox.
func (s *Store) RecentMails(ctx context.Context, issueID int64, limit int) ([]tracker.Mail, error) {
	limit = min(limit, maxMailList)
	if issueID == 0 {
		return s.mails(ctx, "ORDER BY id DESC LIMIT ?", limit)
	}
	return s.mails(ctx, "WHERE issue_id = ? ORDER BY id DESC LIMIT ?", issueID, limit)
}

func (s *Store) mails(ctx context.Context, where string, args ...any) ([]tracker.Mail, error) {
	rows, err := s.db.Read().QueryContext(ctx, `SELECT id, message_id, kind, issue_id, recipient, subject, text, html, created_at, attempts,
		next_attempt, sent_at, failed_at, last_error FROM mails `+where, args...)
	mails, err := scanAll(rows, err, func(rows *sql.Rows) (m tracker.Mail, err error) {
		var created, next, sent, failed int64
		err = rows.Scan(&m.ID, &m.MessageID, &m.Kind, &m.IssueID, &m.Recipient, &m.Subject, &m.Text, &m.HTML, &created, &m.Attempts,
			&next, &sent, &failed, &m.LastError)
		m.CreatedAt, m.NextAttempt, m.SentAt, m.FailedAt = timeOf(created), timeOf(next), timeOf(sent), timeOf(failed)
		return m, err
	})
	return mails, readError("list mails", err)
}

// MailSent implements tracker.Outbox. A mail that is gone, because its issue
// was deleted meanwhile, is no error, here and in MailFailed.
func (s *Store) MailSent(ctx context.Context, id int64, at time.Time) error {
	return s.outbox(ctx, "mark mail as sent", func(tx *sqlitedb.Tx) error {
		_, err := tx.Exec("UPDATE mails SET sent_at = ?, failed_at = 0, last_error = '', attempts = attempts + 1 WHERE id = ?", at.UnixMilli(), id)
		return err
	})
}

// MailFailed implements tracker.Outbox.
func (s *Store) MailFailed(ctx context.Context, id int64, at time.Time, reason string, next time.Time, giveUp bool) error {
	failed := int64(0)
	if giveUp {
		failed = at.UnixMilli()
	}
	return s.outbox(ctx, "mark mail as failed", func(tx *sqlitedb.Tx) error {
		_, err := tx.Exec("UPDATE mails SET attempts = attempts + 1, last_error = ?, next_attempt = ?, failed_at = ? WHERE id = ? AND sent_at = 0",
			stored(reason, maxLastError), millis(next), failed, id)
		return err
	})
}

// RetryMail implements tracker.Outbox. The attempts are counted anew.
func (s *Store) RetryMail(ctx context.Context, id int64, now time.Time) error {
	return s.outbox(ctx, "retry mail", func(tx *sqlitedb.Tx) error {
		res, err := tx.Exec("UPDATE mails SET failed_at = 0, attempts = 0, next_attempt = ? WHERE id = ? AND sent_at = 0", now.UnixMilli(), id)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); n == 1 || err != nil {
			return err
		}
		return errs.New(errs.NotFound, "mail %d not found among those that are not sent", id)
	})
}
