package tracker

import (
	"context"
	"time"
)

// Channel is a way to tell people of alerts.
type Channel string

// Channels of alerts. Each has an Outbox of its own: one that does not get
// through holds up no other.
const (
	ByMail    Channel = "mail"
	ByWebhook Channel = "webhook"
)

// Channels are all channels, in the order in which people are shown them.
var Channels = []Channel{ByMail, ByWebhook}

// AlertKind is the reason for an alert.
type AlertKind string

const (
	AlertCreated   AlertKind = "created"
	AlertRegressed AlertKind = "regressed"
	AlertUnmuted   AlertKind = "unmuted"  // as many events or people met it as its mute allowed
	AlertFrequent  AlertKind = "frequent" // it happened as often as the Frequency of its project says
	AlertTest      AlertKind = "test"
)

// Alert is something worth telling people. Record queues alerts for all channels;
// the worker of each channel turns them into mails, one for each recipient, or
// many of them into one digest.
type Alert struct {
	ID        int64
	Kind      AlertKind
	IssueID   int64 // 0 for a test
	ProjectID int64 // 0 for a test that is of no project
	At        time.Time

	Project, Title string // of past alerts alone: its name, and what the issue is about, cut
}

// MaxPastAlerts is how many past alerts of a project are kept, and the most that
// are listed at once.
const MaxPastAlerts = 1000

// Mail is one message to one recipient by any channel, on its way or done.
type Mail struct {
	ID          int64
	Channel     Channel // as what it is stored; that of the Outbox it is queued in
	MessageID   string  // of a mail an RFC 5322 Message-ID without angle brackets; the same at every attempt
	Kind        string  // "created", "regressed", "unmuted", "frequent", "digest" or "test"
	IssueID     int64   // 0 for a digest or a test
	ProjectID   int64   // 0 when it is about several, or a test of none
	Recipient   string  // an address, or the masked URL of a webhook
	Subject     string
	Text        string // of a webhook the body
	HTML        string
	CreatedAt   time.Time
	Attempts    int
	NextAttempt time.Time
	SentAt      time.Time // zero until it was accepted by the server
	FailedAt    time.Time // zero unless it was given up
	LastError   string
}

// MailState is how far a mail is.
type MailState string

// States of a mail.
const (
	MailQueued  MailState = "queued"  // not tried yet
	MailWaiting MailState = "waiting" // tried, and to be tried again
	MailSent    MailState = "sent"
	MailGivenUp MailState = "given_up"
)

// State tells how far m is.
func (m *Mail) State() MailState {
	switch {
	case !m.SentAt.IsZero():
		return MailSent
	case !m.FailedAt.IsZero():
		return MailGivenUp
	case m.Attempts > 0:
		return MailWaiting
	}
	return MailQueued
}

// DeliveryQuery says which mails are meant; zero members mean all.
type DeliveryQuery struct {
	Channel   Channel
	ProjectID int64
	IssueID   int64
}

// Outbox is the part of the store that remembers what one channel is still to send. A
// mail is marked as sent after the mail server took it, so a crash in between
// sends it again, with the same Message-ID: at least once, never silently not.
type Outbox interface {
	// PendingAlerts lists alerts that no mail was made for, oldest first.
	PendingAlerts(ctx context.Context, limit int) ([]Alert, error)
	// CountPendingAlerts counts them.
	CountPendingAlerts(ctx context.Context) (int64, error)
	// QueueTestAlert queues an alert of kind AlertTest for this channel; project
	// may be 0.
	QueueTestAlert(ctx context.Context, project int64, at time.Time) error
	// QueueMails stores the mails and removes the alerts they were made for from
	// this channel, in one transaction. mails may be empty: the alerts are dropped.
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

// AlertStore is the part of the store that keeps alerts and what became of them.
// It is the Outbox of mail itself.
type AlertStore interface {
	Outbox
	// OutboxOf is the Outbox of a channel.
	OutboxOf(c Channel) Outbox
	// Deliveries lists mails of any state, newest first.
	Deliveries(ctx context.Context, q DeliveryQuery, limit int) ([]Mail, error)
	// PastAlerts lists the alerts that were due in a stretch of time, both ends
	// included, whether or not a channel told of them; kinds that the project wants
	// nobody to be told of are none. Newest first: of one project, or of all for "".
	// The newest MaxPastAlerts of a project are kept for 90 days, unless their issue
	// is deleted, and ten times as many of all.
	PastAlerts(ctx context.Context, project string, in TimeRange, limit int) ([]Alert, error)
}
