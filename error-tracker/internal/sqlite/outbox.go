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

// channelBits are how channels are stored. A bit never changes its meaning.
var channelBits = map[tracker.Channel]int64{tracker.ByMail: 1, tracker.ByWebhook: 2}

// allChannels are the bits of an alert that no channel has told of.
const allChannels = 1 | 2

func channelOf(bit int64) tracker.Channel {
	for c, b := range channelBits {
		if b == bit {
			return c
		}
	}
	return ""
}

// outbox is the tracker.Outbox of one channel.
type outbox struct {
	db  *sqlitedb.DB
	bit int64
}

// OutboxOf implements tracker.AlertStore.
func (s *Store) OutboxOf(c tracker.Channel) tracker.Outbox { return outbox{s.db, channelBits[c]} }

// PendingAlerts implements tracker.Outbox.
func (s outbox) PendingAlerts(ctx context.Context, limit int) ([]tracker.Alert, error) {
	rows, err := s.db.Read().QueryContext(ctx, "SELECT id, kind, issue_id, project_id, at, '', '' FROM alerts WHERE channels & ? ORDER BY id LIMIT ?", s.bit, limit)
	alerts, err := scanAll(rows, err, scanAlert)
	return alerts, readError("list alerts", err)
}

func scanAlert(rows *sql.Rows) (a tracker.Alert, err error) {
	var at int64
	err = rows.Scan(&a.ID, &a.Kind, &a.IssueID, &a.ProjectID, &at, &a.Project, &a.Title)
	a.At = timeOf(at)
	return a, err
}

// CountPendingAlerts implements tracker.Outbox.
func (s outbox) CountPendingAlerts(ctx context.Context) (n int64, err error) {
	err = s.db.Read().QueryRowContext(ctx, "SELECT count(*) FROM alerts WHERE channels & ?", s.bit).Scan(&n)
	return n, readError("count alerts", err)
}

// QueueTestAlert implements tracker.Outbox.
func (s outbox) QueueTestAlert(ctx context.Context, project int64, at time.Time) error {
	return s.change(ctx, "queue test alert", func(tx *sqlitedb.Tx) error {
		_, err := tx.Exec("INSERT INTO alerts (kind, issue_id, project_id, at, channels) VALUES (?, 0, ?, ?, ?)", string(tracker.AlertTest), project, at.UnixMilli(), s.bit)
		return err
	})
}

// change runs a small change. Mail goes on while the disk is too full for
// reports: that is when people want to be told.
func (s outbox) change(ctx context.Context, what string, f func(*sqlitedb.Tx) error) error {
	if err := s.db.Maintain(ctx, f); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// QueueMails implements tracker.Outbox.
func (s outbox) QueueMails(ctx context.Context, alertIDs []int64, mails []tracker.Mail) error {
	return s.change(ctx, "queue mails", func(tx *sqlitedb.Tx) error {
		for _, id := range alertIDs {
			if _, err := tx.Exec("UPDATE alerts SET channels = channels & ~? WHERE id = ?", s.bit, id); err != nil {
				return err
			}
			if _, err := tx.Exec("DELETE FROM alerts WHERE id = ? AND channels = 0", id); err != nil {
				return err
			}
		}
		for i := range mails {
			if err := s.addMail(tx, &mails[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s outbox) addMail(tx *sqlitedb.Tx, m *tracker.Mail) error {
	next := m.NextAttempt
	if next.IsZero() {
		next = m.CreatedAt
	}
	_, err := tx.Exec(`INSERT INTO mails (message_id, kind, issue_id, recipient, subject, text, html, created_at, attempts,
		next_attempt, sent_at, failed_at, last_error, channel, project_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		m.MessageID, m.Kind, m.IssueID, m.Recipient, m.Subject, m.Text, m.HTML, millis(m.CreatedAt), m.Attempts,
		millis(next), millis(m.SentAt), millis(m.FailedAt), stored(m.LastError, maxLastError), s.bit, m.ProjectID)
	return err
}

// LastMailed implements tracker.Outbox.
func (s outbox) LastMailed(ctx context.Context, issueID int64, kind string) (time.Time, error) {
	return s.mailTime(ctx, "SELECT coalesce(max(created_at), 0) FROM mails WHERE issue_id = ? AND kind = ? AND channel = ?", issueID, kind, s.bit)
}

// NextMail implements tracker.Outbox.
func (s outbox) NextMail(ctx context.Context) (time.Time, error) {
	return s.mailTime(ctx, "SELECT coalesce(min(next_attempt), 0) FROM mails WHERE channel = ? AND sent_at = 0 AND failed_at = 0", s.bit)
}

func (s outbox) mailTime(ctx context.Context, query string, args ...any) (time.Time, error) {
	var ms int64
	err := s.db.Read().QueryRowContext(ctx, query, args...).Scan(&ms)
	return timeOf(ms), readError("look for mails", err)
}

// DueMails implements tracker.Outbox.
func (s outbox) DueMails(ctx context.Context, now time.Time, limit int) ([]tracker.Mail, error) {
	return mails(ctx, s.db, "WHERE channel = ? AND sent_at = 0 AND failed_at = 0 AND next_attempt <= ? ORDER BY next_attempt, id LIMIT ?", s.bit, now.UnixMilli(), limit)
}

// RecentMails implements tracker.Outbox.
func (s outbox) RecentMails(ctx context.Context, issueID int64, limit int) ([]tracker.Mail, error) {
	return deliveries(ctx, s.db, s.bit, 0, issueID, limit)
}

// Deliveries implements tracker.AlertStore.
func (s *Store) Deliveries(ctx context.Context, q tracker.DeliveryQuery, limit int) ([]tracker.Mail, error) {
	return deliveries(ctx, s.db, channelBits[q.Channel], q.ProjectID, q.IssueID, limit)
}

// deliveries lists mails; 0 stands for any channel, project or issue.
func deliveries(ctx context.Context, db *sqlitedb.DB, bit, project, issue int64, limit int) ([]tracker.Mail, error) {
	where := "WHERE true"
	var args []any
	for _, c := range []struct {
		name string
		want int64
	}{{"channel", bit}, {"project_id", project}, {"issue_id", issue}} {
		if c.want != 0 {
			where += " AND " + c.name + " = ?"
			args = append(args, c.want)
		}
	}
	return mails(ctx, db, where+" ORDER BY id DESC LIMIT ?", append(args, min(limit, maxMailList))...)
}

func mails(ctx context.Context, db *sqlitedb.DB, where string, args ...any) ([]tracker.Mail, error) {
	rows, err := db.Read().QueryContext(ctx, `SELECT id, channel, project_id, message_id, kind, issue_id, recipient, subject, text, html, created_at, attempts,
		next_attempt, sent_at, failed_at, last_error FROM mails `+where, args...)
	all, err := scanAll(rows, err, func(rows *sql.Rows) (m tracker.Mail, err error) {
		var bit, created, next, sent, failed int64
		err = rows.Scan(&m.ID, &bit, &m.ProjectID, &m.MessageID, &m.Kind, &m.IssueID, &m.Recipient, &m.Subject, &m.Text, &m.HTML, &created, &m.Attempts,
			&next, &sent, &failed, &m.LastError)
		m.Channel = channelOf(bit)
		m.CreatedAt, m.NextAttempt, m.SentAt, m.FailedAt = timeOf(created), timeOf(next), timeOf(sent), timeOf(failed)
		return m, err
	})
	return all, readError("list mails", err)
}

// MailSent implements tracker.Outbox. A mail that is gone, because its issue
// was deleted meanwhile, is no error, here and in MailFailed.
func (s outbox) MailSent(ctx context.Context, id int64, at time.Time) error {
	return s.change(ctx, "mark mail as sent", func(tx *sqlitedb.Tx) error {
		_, err := tx.Exec("UPDATE mails SET sent_at = ?, failed_at = 0, last_error = '', attempts = attempts + 1 WHERE id = ?", at.UnixMilli(), id)
		return err
	})
}

// MailFailed implements tracker.Outbox.
func (s outbox) MailFailed(ctx context.Context, id int64, at time.Time, reason string, next time.Time, giveUp bool) error {
	failed := int64(0)
	if giveUp {
		failed = at.UnixMilli()
	}
	return s.change(ctx, "mark mail as failed", func(tx *sqlitedb.Tx) error {
		_, err := tx.Exec("UPDATE mails SET attempts = attempts + 1, last_error = ?, next_attempt = ?, failed_at = ? WHERE id = ? AND sent_at = 0",
			stored(reason, maxLastError), millis(next), failed, id)
		return err
	})
}

// RetryMail implements tracker.Outbox. The attempts are counted anew.
func (s outbox) RetryMail(ctx context.Context, id int64, now time.Time) error {
	return s.change(ctx, "retry mail", func(tx *sqlitedb.Tx) error {
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
