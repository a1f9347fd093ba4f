package storetest

import (
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
)

func testOutbox(t *testing.T, open Opener) {
	s := openDefault(t, open)
	ctx := t.Context()
	a := record(t, s, newReport(1, start)).IssueID
	b := record(t, s, newReport(2, start.Add(time.Second))).IssueID
	noError(t, "QueueTestAlert", s.QueueTestAlert(ctx, start.Add(2*time.Second)))

	alerts, err := s.PendingAlerts(ctx, 10)
	noError(t, "PendingAlerts", err)
	var ids []int64
	for i := range alerts {
		ids = append(ids, alerts[i].ID)
		alerts[i].ID = 0
	}
	equal(t, "alerts", alerts, []tracker.Alert{
		{Kind: tracker.AlertCreated, IssueID: a, At: start},
		{Kind: tracker.AlertCreated, IssueID: b, At: start.Add(time.Second)},
		{Kind: tracker.AlertTest, At: start.Add(2 * time.Second)},
	})
	if some, err := s.PendingAlerts(ctx, 2); err != nil || len(some) != 2 {
		t.Errorf("PendingAlerts with limit 2 = %v, %v", some, err)
	}
	if next, err := s.NextMail(ctx); err != nil || !next.IsZero() {
		t.Errorf("NextMail of an empty outbox = %v, %v", next, err)
	}

	one := tracker.Mail{MessageID: "1@x", Kind: "created", IssueID: a, Recipient: "a@example.com", Subject: "Ü", Text: "t", HTML: "<p>", CreatedAt: start.Add(time.Minute), NextAttempt: start.Add(time.Minute)}
	two := tracker.Mail{MessageID: "2@x", Kind: "digest", Recipient: "b@example.com", Subject: "s", Text: "t", HTML: "h", CreatedAt: start.Add(2 * time.Minute)}
	noError(t, "QueueMails", s.QueueMails(ctx, ids[:2], []tracker.Mail{one, two}))
	n, err := s.CountPendingAlerts(ctx)
	noError(t, "CountPendingAlerts", err)
	equal(t, "alerts left", n, int64(1))

	due := func(at time.Time, want ...string) []tracker.Mail {
		t.Helper()
		mails, err := s.DueMails(ctx, at, 10)
		noError(t, "DueMails", err)
		got := []string{}
		for _, m := range mails {
			got = append(got, m.MessageID)
		}
		if want == nil {
			want = []string{}
		}
		equal(t, "due at "+at.String(), got, want)
		return mails
	}
	due(start)
	due(start.Add(time.Minute), "1@x")
	mails := due(start.Add(time.Hour), "1@x", "2@x")
	first, second := mails[0].ID, mails[1].ID
	one.ID, two.ID, two.NextAttempt = first, second, two.CreatedAt // nothing said: at once
	equal(t, "mails", mails, []tracker.Mail{one, two})
	if next, err := s.NextMail(ctx); err != nil || !next.Equal(start.Add(time.Minute)) {
		t.Errorf("NextMail = %v, %v, want the first", next, err)
	}
	if at, err := s.LastMailed(ctx, a, "created"); err != nil || !at.Equal(one.CreatedAt) {
		t.Errorf("LastMailed = %v, %v, want %v", at, err, one.CreatedAt)
	}
	if at, err := s.LastMailed(ctx, a, "regressed"); err != nil || !at.IsZero() {
		t.Errorf("LastMailed of another kind = %v, %v, want never", at, err)
	}

	noError(t, "MailFailed", s.MailFailed(ctx, first, start.Add(time.Hour), "no route", start.Add(2*time.Hour), false))
	due(start.Add(time.Hour), "2@x")
	noError(t, "MailSent", s.MailSent(ctx, second, start.Add(time.Hour)))
	due(start.Add(time.Hour))
	due(start.Add(2*time.Hour), "1@x")
	noError(t, "MailFailed", s.MailFailed(ctx, first, start.Add(2*time.Hour), "refused", start.Add(3*time.Hour), true))
	due(start.Add(100 * time.Hour))
	if next, err := s.NextMail(ctx); err != nil || !next.IsZero() {
		t.Errorf("NextMail after all = %v, %v, want none", next, err)
	}
	recent, err := s.RecentMails(ctx, a, 10)
	noError(t, "RecentMails", err)
	one.Attempts, one.LastError, one.FailedAt, one.NextAttempt = 2, "refused", start.Add(2*time.Hour), start.Add(3*time.Hour)
	equal(t, "given up", recent, []tracker.Mail{one})
	noError(t, "RetryMail", s.RetryMail(ctx, first, start.Add(5*time.Hour)))
	due(start.Add(5*time.Hour), "1@x")
	noError(t, "MailSent", s.MailSent(ctx, first, start.Add(5*time.Hour)))
	recent, err = s.RecentMails(ctx, 0, 10)
	noError(t, "RecentMails", err)
	if len(recent) != 2 || recent[0].ID != second || recent[1].ID != first || recent[1].SentAt.IsZero() || !recent[1].FailedAt.IsZero() || recent[1].LastError != "" {
		t.Errorf("at the end: %+v", recent)
	}
	noError(t, "QueueMails without mails", s.QueueMails(ctx, ids[2:], nil))
	n, err = s.CountPendingAlerts(ctx)
	noError(t, "CountPendingAlerts", err)
	equal(t, "alerts at the end", n, int64(0))
	noError(t, "MailSent of a mail that is gone", s.MailSent(ctx, 999_999, start))
}
