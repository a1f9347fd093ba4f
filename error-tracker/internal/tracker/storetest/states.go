package storetest

import (
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/errs"
)

func testStates(t *testing.T, open Opener) {
	s := openDefault(t, open)
	a, b := record(t, s, newReport(1, start)).IssueID, record(t, s, newReport(2, start)).IssueID
	const unknown = 999_999
	ids := []int64{b, unknown, a}
	bulk := func(what string, got []int64, err error) {
		t.Helper()
		noError(t, what, err)
		equal(t, what, got, []int64{b, a})
	}
	got, err := s.Resolve(t.Context(), ids, tracker.Fix{}, start.Add(time.Hour))
	bulk("resolve", got, err)
	got, err = s.Resolve(t.Context(), ids, tracker.Fix{}, start.Add(2*time.Hour))
	bulk("resolve again", got, err)
	if i := issue(t, s, a); !i.Resolved || !i.ResolvedAt.Equal(start.Add(time.Hour)) {
		t.Errorf("resolved twice: %v at %v, want the first time", i.Resolved, i.ResolvedAt)
	}
	got, err = s.Unresolve(t.Context(), ids, start)
	bulk("unresolve", got, err)
	if i := issue(t, s, a); i.Resolved || !i.ResolvedAt.IsZero() || !i.RegressedAt.IsZero() {
		t.Errorf("unresolved: %v at %v, regressed at %v", i.Resolved, i.ResolvedAt, i.RegressedAt)
	}
	until := fixedNow().Add(time.Hour)
	got, err = s.Mute(t.Context(), ids, tracker.Mute{Until: until}, start)
	bulk("mute", got, err)
	if i := issue(t, s, a); !i.Muted || !i.MutedUntil.Equal(until) {
		t.Errorf("muted: %v until %v, want until %v", i.Muted, i.MutedUntil, until)
	}
	got, err = s.Mute(t.Context(), ids, tracker.Mute{}, start)
	bulk("mute for good", got, err)
	if i := issue(t, s, a); !i.Muted || !i.MutedUntil.IsZero() {
		t.Errorf("muted for good: %v until %v", i.Muted, i.MutedUntil)
	}
	got, err = s.Unmute(t.Context(), ids, "", start)
	bulk("unmute", got, err)
	if i := issue(t, s, a); i.Muted {
		t.Errorf("unmuted: still muted")
	}
	got, err = s.Resolve(t.Context(), nil, tracker.Fix{}, start)
	if err != nil || len(got) != 0 {
		t.Errorf("resolve nothing = %v, %v", got, err)
	}
}

func testMuteEnds(t *testing.T, open Opener) {
	now := start
	s := open(t, Options{KeepOccurrences: 5, Now: func() time.Time { return now }})
	id := record(t, s, newReport(1, start)).IssueID
	_, err := s.Mute(t.Context(), []int64{id}, tracker.Mute{Until: start.Add(time.Hour)}, start)
	noError(t, "Mute", err)
	check := func(want bool) {
		t.Helper()
		muted, active := int64(0), int64(1)
		if want {
			muted, active = 1, 0
		}
		if got := issue(t, s, id).Muted; got != want {
			t.Errorf("at %v: muted %v, want %v", now, got, want)
		}
		if got := list(t, s, tracker.IssueQuery{State: tracker.Muted}).Total; got != muted {
			t.Errorf("at %v: %d muted issues, want %d", now, got, muted)
		}
		if got := list(t, s, tracker.IssueQuery{State: tracker.Active}).Total; got != active {
			t.Errorf("at %v: %d active issues, want %d", now, got, active)
		}
	}
	check(true)
	now = start.Add(time.Hour - time.Millisecond)
	check(true)
	now = start.Add(time.Hour)
	check(false)
}

// alertKinds reads the pending alerts of an issue and drops all.
func alertKinds(t *testing.T, s tracker.Store, id int64) []tracker.AlertKind {
	t.Helper()
	alerts, err := s.PendingAlerts(t.Context(), 1000)
	noError(t, "PendingAlerts", err)
	kinds := []tracker.AlertKind{}
	var ids []int64
	for _, a := range alerts {
		ids = append(ids, a.ID)
		if a.IssueID == id {
			kinds = append(kinds, a.Kind)
		}
	}
	noError(t, "QueueMails", s.QueueMails(t.Context(), ids, nil))
	return kinds
}

func testRegression(t *testing.T, open Opener) {
	s := openDefault(t, open)
	id := record(t, s, newReport(1, start)).IssueID
	equal(t, "created", alertKinds(t, s, id), []tracker.AlertKind{tracker.AlertCreated})
	record(t, s, newReport(1, start))
	equal(t, "incremented", alertKinds(t, s, id), []tracker.AlertKind{})
	tests := []struct {
		name  string
		mute  bool
		until time.Time
		want  []tracker.AlertKind
	}{
		{name: "not muted", want: []tracker.AlertKind{tracker.AlertRegressed}},
		{name: "muted", mute: true, want: []tracker.AlertKind{}},
		{name: "muted until later", mute: true, until: start.Add(48 * time.Hour), want: []tracker.AlertKind{}},
		{name: "muted until before", mute: true, until: start.Add(time.Minute), want: []tracker.AlertKind{tracker.AlertRegressed}},
	}
	for n, tt := range tests {
		at := start.Add(time.Duration(n+1) * time.Hour)
		_, err := s.Unmute(t.Context(), []int64{id}, "", start)
		noError(t, "Unmute", err)
		if tt.mute {
			_, err = s.Mute(t.Context(), []int64{id}, tracker.Mute{Until: tt.until}, start)
			noError(t, "Mute", err)
		}
		_, err = s.Resolve(t.Context(), []int64{id}, tracker.Fix{}, at)
		noError(t, "Resolve", err)
		if out := record(t, s, newReport(1, at.Add(time.Minute))); out.Status != tracker.Reopened {
			t.Errorf("%s: status %s, want %s", tt.name, out.Status, tracker.Reopened)
		}
		record(t, s, newReport(1, at.Add(time.Minute))) // no second alert
		equal(t, tt.name, alertKinds(t, s, id), tt.want)
		if got := issue(t, s, id).RegressedAt; !got.Equal(at.Add(time.Minute)) {
			t.Errorf("%s: regressed at %v, want %v", tt.name, got, at.Add(time.Minute))
		}
	}
}

func testDelete(t *testing.T, open Opener) {
	s := openDefault(t, open)
	var id int64
	for n := range 120 {
		r := newReport(1, start.Add(time.Duration(n)*time.Hour))
		r.User.ID = event.NewID().String()
		r.Extra = []byte(`{"session_id":"a"}`)
		id = record(t, s, r).IssueID
	}
	other := record(t, s, newReport(2, start)).IssueID
	before, err := s.Totals(t.Context())
	noError(t, "Totals", err)
	if before.Events != 121 || before.Occurrences != 52 {
		t.Errorf("before: %+v, want 121 events and 52 occurrences", before)
	}
	got, err := s.Delete(t.Context(), []int64{id, 999_999})
	noError(t, "Delete", err)
	equal(t, "deleted", got, []int64{id})
	after, err := s.Totals(t.Context())
	noError(t, "Totals", err)
	if after.Issues != 1 || after.Events != 1 || after.Occurrences != 1 || after.Unresolved != 1 {
		t.Errorf("after: %+v, want one of each", after)
	}
	for _, q := range []tracker.IssueQuery{{}, {State: tracker.AnyState}, {SessionID: "a"}, {Environment: "prod"}, {Search: "value"}} {
		page := list(t, s, q)
		for _, i := range page.Issues {
			if i.ID != other {
				t.Errorf("%+v lists deleted issue %d", q, i.ID)
			}
		}
	}
	alerts, err := s.PendingAlerts(t.Context(), 10)
	noError(t, "PendingAlerts", err)
	if len(alerts) != 1 || alerts[0].IssueID != other {
		t.Errorf("alerts are %+v, want only that of issue %d", alerts, other)
	}
	// The same error again is a new issue, with a number never used before.
	out := record(t, s, newReport(1, start.Add(500*time.Hour)))
	if out.Status != tracker.Created || out.IssueID <= other || out.Count != 1 {
		t.Errorf("after delete: %+v, want a new issue", out)
	}
}

func testDeletedDuplicate(t *testing.T, open Opener) {
	s := openDefault(t, open)
	r := newReport(1, start)
	id := record(t, s, r).IssueID
	_, err := s.Delete(t.Context(), []int64{id})
	noError(t, "Delete", err)
	equal(t, "repeat", record(t, s, r), tracker.Outcome{Status: tracker.Duplicate, EventID: r.ID, ProjectID: 1})
	equal(t, "issues", list(t, s, tracker.IssueQuery{State: tracker.AnyState}).Total, int64(0))
}

func testDeleteResolved(t *testing.T, open Opener) {
	s := openDefault(t, open)
	var ids []int64
	for n := range 10 {
		ids = append(ids, record(t, s, newReport(n, start)).IssueID)
	}
	for n, id := range ids[:8] {
		_, err := s.Resolve(t.Context(), []int64{id}, tracker.Fix{}, start.Add(time.Duration(n)*time.Hour))
		noError(t, "Resolve", err)
	}
	record(t, s, newReport(0, start.Add(time.Hour))) // reopened: not to be deleted
	before := start.Add(5 * time.Hour)               // 1 to 4 were resolved before
	n, err := s.DeleteResolvedBefore(t.Context(), before, 3)
	noError(t, "DeleteResolvedBefore", err)
	equal(t, "deleted at first", n, 3)
	n, err = s.DeleteResolvedBefore(t.Context(), before, 3)
	noError(t, "DeleteResolvedBefore", err)
	equal(t, "deleted then", n, 1)
	n, err = s.DeleteResolvedBefore(t.Context(), before, 3)
	noError(t, "DeleteResolvedBefore", err)
	equal(t, "deleted at last", n, 0)
	for i, id := range ids {
		_, err := s.Issue(t.Context(), id)
		if gone := i >= 1 && i <= 4; gone {
			wantKind(t, "deleted issue", err, errs.NotFound)
		} else if err != nil {
			t.Errorf("issue %d: %v, want it to be there", i, err)
		}
	}
}

func testForget(t *testing.T, open Opener) {
	s := openDefault(t, open)
	old, recent := newReport(1, start), newReport(1, start.Add(48*time.Hour))
	record(t, s, old)
	record(t, s, recent)
	mail := func(at time.Time) tracker.Mail {
		return tracker.Mail{MessageID: "m", Kind: "created", Recipient: "a@example.com", CreatedAt: at}
	}
	noError(t, "QueueMails", s.QueueMails(t.Context(), nil, []tracker.Mail{mail(start), mail(start), mail(start), mail(start.Add(48 * time.Hour))}))
	mails, err := s.RecentMails(t.Context(), 0, 10)
	noError(t, "RecentMails", err)
	sentRecent, pending, failed, sent := mails[0], mails[1], mails[2], mails[3]
	noError(t, "MailSent", s.MailSent(t.Context(), sent.ID, start))
	noError(t, "MailSent", s.MailSent(t.Context(), sentRecent.ID, start))
	noError(t, "MailFailed", s.MailFailed(t.Context(), failed.ID, start, "no", start, true))

	n, err := s.Forget(t.Context(), start.Add(24*time.Hour), 100)
	noError(t, "Forget", err)
	equal(t, "forgotten", n, 3) // an event ID, a sent mail and one that was given up
	mails, err = s.RecentMails(t.Context(), 0, 10)
	noError(t, "RecentMails", err)
	if len(mails) != 2 || mails[0].ID != sentRecent.ID || mails[1].ID != pending.ID {
		t.Errorf("mails left: %+v, want the recent one and the pending one", mails)
	}
	equal(t, "recent event again", record(t, s, recent).Status, tracker.Duplicate)
	equal(t, "old event again", record(t, s, old).Status, tracker.Incremented)
	n, err = s.Forget(t.Context(), start, 100)
	noError(t, "Forget", err)
	equal(t, "nothing left", n, 0)
	for range 10 {
		if done, err := s.Compact(t.Context()); err != nil {
			t.Fatal(err)
		} else if done {
			return
		}
	}
	t.Error("Compact never ends")
}

func testTotals(t *testing.T, open Opener) {
	s := openDefault(t, open)
	got, err := s.Totals(t.Context())
	noError(t, "Totals", err)
	if got.Issues != 0 || got.Events != 0 || !got.OldestEvent.IsZero() {
		t.Errorf("of an empty store: %+v", got)
	}
	a := record(t, s, newReport(1, start)).IssueID
	for range 3 {
		record(t, s, newReport(2, start.Add(time.Hour)))
	}
	_, err = s.Resolve(t.Context(), []int64{a}, tracker.Fix{}, start)
	noError(t, "Resolve", err)
	got, err = s.Totals(t.Context())
	noError(t, "Totals", err)
	if got.DatabaseBytes <= 0 {
		t.Errorf("%d bytes", got.DatabaseBytes)
	}
	got.DatabaseBytes = 0
	equal(t, "totals", got, tracker.Totals{Issues: 2, Unresolved: 1, Occurrences: 4, Events: 4, OldestEvent: start})
}

func testNotFound(t *testing.T, open Opener) {
	s := openDefault(t, open)
	ctx := t.Context()
	id := record(t, s, newReport(1, start)).IssueID
	const none = 999_999
	calls := map[string]func() error{
		"Issue":              func() error { _, err := s.Issue(ctx, none); return err },
		"Occurrences":        func() error { _, err := s.Occurrences(ctx, none, 0, 5); return err },
		"Occurrence":         func() error { _, _, _, err := s.Occurrence(ctx, none, 0); return err },
		"Occurrence of it":   func() error { _, _, _, err := s.Occurrence(ctx, id, none); return err },
		"FirstOccurrence":    func() error { _, err := s.FirstOccurrence(ctx, none); return err },
		"Groups":             func() error { _, err := s.Groups(ctx, none); return err },
		"Similar":            func() error { _, err := s.Similar(ctx, none, 5); return err },
		"IssueEnvironments":  func() error { _, err := s.IssueEnvironments(ctx, none); return err },
		"IssueReleases":      func() error { _, err := s.IssueReleases(ctx, none); return err },
		"Merge into it":      func() error { return s.Merge(ctx, none, []int64{id}, start) },
		"Merge of it":        func() error { return s.Merge(ctx, id, []int64{none}, start) },
		"Unmerge":            func() error { _, err := s.Unmerge(ctx, none, hashOf(1), start); return err },
		"Unmerge other hash": func() error { _, err := s.Unmerge(ctx, id, hashOf(9), start); return err },
		"RetryMail":          func() error { return s.RetryMail(ctx, none, start) },
	}
	for name, call := range calls {
		wantKind(t, name, call(), errs.NotFound)
	}
}
