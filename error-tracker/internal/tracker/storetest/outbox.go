package storetest

import (
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
)

func testOutbox(t *testing.T, open Opener) {
	s := openDefault(t, open)
	ctx := t.Context()
	out := record(t, s, newReport(1, start))
	a, project := out.IssueID, out.ProjectID
	b := record(t, s, newReport(2, start.Add(time.Second))).IssueID
	noError(t, "QueueTestAlert", s.QueueTestAlert(ctx, 0, start.Add(2*time.Second)))

	alerts, err := s.PendingAlerts(ctx, 10)
	noError(t, "PendingAlerts", err)
	var ids []int64
	for i := range alerts {
		ids = append(ids, alerts[i].ID)
		alerts[i].ID = 0
	}
	equal(t, "alerts", alerts, []tracker.Alert{
		{Kind: tracker.AlertCreated, IssueID: a, ProjectID: project, At: start},
		{Kind: tracker.AlertCreated, IssueID: b, ProjectID: project, At: start.Add(time.Second)},
		{Kind: tracker.AlertTest, At: start.Add(2 * time.Second)},
	})
	if some, err := s.PendingAlerts(ctx, 2); err != nil || len(some) != 2 {
		t.Errorf("PendingAlerts with limit 2 = %v, %v", some, err)
	}
	if next, err := s.NextMail(ctx); err != nil || !next.IsZero() {
		t.Errorf("NextMail of an empty outbox = %v, %v", next, err)
	}

	one := tracker.Mail{Channel: tracker.ByMail, MessageID: "1@x", Kind: "created", IssueID: a, Recipient: "a@example.com", Subject: "Ü", Text: "t", HTML: "<p>", CreatedAt: start.Add(time.Minute), NextAttempt: start.Add(time.Minute)}
	two := tracker.Mail{Channel: tracker.ByMail, MessageID: "2@x", Kind: "digest", Recipient: "b@example.com", Subject: "s", Text: "t", HTML: "h", CreatedAt: start.Add(2 * time.Minute)}
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

// Each channel has each alert, and what one does with it is nothing to the others.
func testChannels(t *testing.T, open Opener) {
	s := openDefault(t, open)
	ctx := t.Context()
	out := record(t, s, newReport(1, start))
	hooks := s.OutboxOf(tracker.ByWebhook)
	noError(t, "QueueTestAlert", hooks.QueueTestAlert(ctx, out.ProjectID, start.Add(time.Second)))
	pending := func(o tracker.Outbox, want ...tracker.AlertKind) (ids []int64) {
		t.Helper()
		alerts, err := o.PendingAlerts(ctx, 10)
		noError(t, "PendingAlerts", err)
		got := []tracker.AlertKind{}
		for _, a := range alerts {
			got, ids = append(got, a.Kind), append(ids, a.ID)
			equal(t, "project of an alert", a.ProjectID, out.ProjectID)
		}
		equal(t, "pending", got, append([]tracker.AlertKind{}, want...))
		n, err := o.CountPendingAlerts(ctx)
		noError(t, "CountPendingAlerts", err)
		equal(t, "pending by count", n, int64(len(want)))
		return ids
	}
	pending(s, tracker.AlertCreated)
	ids := pending(hooks, tracker.AlertCreated, tracker.AlertTest)
	post := tracker.Mail{MessageID: "1", Kind: "created", IssueID: out.IssueID, ProjectID: out.ProjectID, Recipient: "https://chat.example/…", CreatedAt: start, NextAttempt: start}
	noError(t, "QueueMails", hooks.QueueMails(ctx, ids, []tracker.Mail{post}))
	pending(hooks)
	mails := pending(s, tracker.AlertCreated)
	noError(t, "QueueMails", s.QueueMails(ctx, mails, []tracker.Mail{{MessageID: "2", Kind: "created", IssueID: out.IssueID, CreatedAt: start.Add(time.Hour)}}))
	pending(s)

	due, err := hooks.DueMails(ctx, start.Add(time.Hour), 10)
	noError(t, "DueMails", err)
	post.Channel = tracker.ByWebhook
	for i := range due {
		post.ID = due[i].ID
	}
	equal(t, "due by webhook", due, []tracker.Mail{post})
	if at, err := hooks.LastMailed(ctx, out.IssueID, "created"); err != nil || !at.Equal(start) {
		t.Errorf("LastMailed by webhook = %v, %v, want %v", at, err, start)
	}
	noError(t, "MailFailed", hooks.MailFailed(ctx, post.ID, start, "away", start.Add(3*time.Hour), false))
	if next, err := s.NextMail(ctx); err != nil || !next.Equal(start.Add(time.Hour)) {
		t.Errorf("NextMail = %v, %v, want the mail's own", next, err)
	}
	if next, err := hooks.NextMail(ctx); err != nil || !next.Equal(start.Add(3*time.Hour)) {
		t.Errorf("NextMail by webhook = %v, %v", next, err)
	}
	for q, want := range map[tracker.DeliveryQuery][]string{
		{}:                           {"2", "1"},
		{IssueID: out.IssueID}:       {"2", "1"},
		{Channel: tracker.ByWebhook}: {"1"},
		{Channel: tracker.ByMail, IssueID: out.IssueID}: {"2"},
		{ProjectID: out.ProjectID}:                      {"1"},
		{ProjectID: out.ProjectID + 1}:                  {},
	} {
		all, err := s.Deliveries(ctx, q, 10)
		noError(t, "Deliveries", err)
		got := []string{}
		for _, m := range all {
			got = append(got, m.MessageID)
		}
		equal(t, "deliveries", got, want)
	}
}
