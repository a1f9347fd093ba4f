package tracker

import (
	"context"
	"time"
)

// AlertKind is the reason for a mail.
type AlertKind string

const (
	AlertCreated   AlertKind = "created"
	AlertRegressed AlertKind = "regressed"
	AlertUnmuted   AlertKind = "unmuted" // as many events or people met it as its mute allowed
	AlertTest      AlertKind = "test"
)

// Alert is something worth a mail. Record queues alerts; the alert worker
// turns them into mails, one for each recipient, or many of them into one
// digest.
type Alert struct {
	ID      int64
	Kind    AlertKind
	IssueID int64 // 0 for a test
	At      time.Time
}

// Mail is one message to one recipient, on its way or done.
type Mail struct {
	ID          int64
	MessageID   string // RFC 5322 Message-ID without angle brackets; the same at every attempt
	Kind        string // "created", "regressed", "unmuted", "digest" or "test"
	IssueID     int64  // 0 for a digest or a test
	Recipient   string
	Subject     string
	Text        string
	HTML        string
	CreatedAt   time.Time
	Attempts    int
	NextAttempt time.Time
	SentAt      time.Time // zero until it was accepted by the server
	FailedAt    time.Time // zero unless it was given up
	LastError   string
}

// Outbox is the part of the store that remembers what is still to be sent. A
// mail is marked as sent after the mail server took it, so a crash in between
// sends it again, with the same Message-ID: at least once, never silently not.
type Outbox interface {
	// PendingAlerts lists alerts that no mail was made for, oldest first.
	PendingAlerts(ctx context.Context, limit int) ([]Alert, error)
	// CountPendingAlerts counts them.
	CountPendingAlerts(ctx context.Context) (int64, error)
	// QueueTestAlert queues an alert of kind AlertTest.
	QueueTestAlert(ctx context.Context, at time.Time) error
	// QueueMails stores the mails and removes the alerts they were made for,
	// in one transaction. mails may be empty: the alerts are dropped.
	QueueMails(ctx context.Context, alertIDs []int64, mails []Mail) error
	// LastMailed tells when a mail of the kind was last queued for the issue; zero if never.
	LastMailed(ctx context.Context, issueID int64, kind string) (time.Time, error)
	// DueMails lists mails to be tried at or before now, oldest first.
	DueMails(ctx context.Context, now time.Time, limit int) ([]Mail, error)
	// NextMail is when the next unsent mail is due; zero if there is none.
	NextMail(ctx context.Context) (time.Time, error)
	MailSent(ctx context.Context, id int64, at time.Time) error
	// MailFailed records a failed attempt; giveUp ends the attempts.
	MailFailed(ctx context.Context, id int64, at time.Time, reason string, next time.Time, giveUp bool) error
	// RetryMail makes a mail that was given up due again.
	RetryMail(ctx context.Context, id int64, now time.Time) error
	// RecentMails lists mails of any state, newest first; of one issue if
	// issueID is not 0.
	RecentMails(ctx context.Context, issueID int64, limit int) ([]Mail, error)
}
