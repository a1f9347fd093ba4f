package storetest

import (
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
)

// pastAlerts are the kinds of the past alerts of a project, newest first, each with its issue.
func pastAlerts(t *testing.T, s tracker.Store, project string, in tracker.TimeRange, limit int) []tracker.Alert {
	t.Helper()
	all := []tracker.Alert{}
	past, err := s.PastAlerts(t.Context(), project, in, limit)
	noError(t, "PastAlerts", err)
	for _, a := range past {
		all = append(all, tracker.Alert{Kind: a.Kind, IssueID: a.IssueID})
	}
	return all
}

// What people were told stays when it was sent, or had nowhere to go, and goes
// where its issue goes.
func testPastAlerts(t *testing.T, open Opener) {
	s := openDefault(t, open)
	ctx := t.Context()
	all := tracker.TimeRange{}
	at := func(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }
	out := record(t, s, newReport(1, at(0)))
	a := out.IssueID
	b := record(t, s, newReport(2, at(1))).IssueID
	elsewhere := newReport(1, at(2))
	elsewhere.Project = "web"
	c := record(t, s, elsewhere).IssueID

	pending, err := s.PendingAlerts(ctx, 10)
	noError(t, "PendingAlerts", err)
	var ids []int64
	for _, p := range pending {
		ids = append(ids, p.ID)
	}
	for _, channel := range tracker.Channels {
		noError(t, "QueueMails", s.OutboxOf(channel).QueueMails(ctx, ids, nil))
	}
	noError(t, "QueueTestAlert", s.QueueTestAlert(ctx, out.ProjectID, at(3)))
	past, err := s.PastAlerts(ctx, "shop", all, 10)
	noError(t, "PastAlerts", err)
	for i := range past {
		past[i].ID = 0
	}
	equal(t, "past alerts", past, []tracker.Alert{
		{Kind: tracker.AlertCreated, IssueID: b, ProjectID: out.ProjectID, At: at(1), Project: "shop", Title: "ValueError: value 2"},
		{Kind: tracker.AlertCreated, IssueID: a, ProjectID: out.ProjectID, At: at(0), Project: "shop", Title: "ValueError: value 1"},
	})
	created := func(issue int64) tracker.Alert {
		return tracker.Alert{Kind: tracker.AlertCreated, IssueID: issue}
	}
	equal(t, "of all projects", pastAlerts(t, s, "", all, 10), []tracker.Alert{created(c), created(b), created(a)})
	equal(t, "the newest", pastAlerts(t, s, "", all, 1), []tracker.Alert{created(c)})
	equal(t, "both ends", pastAlerts(t, s, "", tracker.TimeRange{From: at(0), To: at(1)}, 10), []tracker.Alert{created(b), created(a)})
	equal(t, "from an end", pastAlerts(t, s, "shop", tracker.TimeRange{From: at(1)}, 10), []tracker.Alert{created(b)})
	equal(t, "of no project", pastAlerts(t, s, "none", all, 10), []tracker.Alert{})

	// One that is back is told, one that is muted is not.
	_, err = s.Resolve(ctx, []int64{a, b}, tracker.Fix{}, at(4))
	noError(t, "Resolve", err)
	_, err = s.Mute(ctx, []int64{b}, tracker.Mute{}, at(4))
	noError(t, "Mute", err)
	record(t, s, newReport(1, at(5)))
	record(t, s, newReport(2, at(6)))
	noError(t, "SavePulses", s.SavePulses(ctx, nil, []int64{a, 999_999}, at(7)))
	frequent, regressed := tracker.Alert{Kind: tracker.AlertFrequent, IssueID: a}, tracker.Alert{Kind: tracker.AlertRegressed, IssueID: a}
	equal(t, "with a muted issue", pastAlerts(t, s, "shop", all, 10), []tracker.Alert{frequent, regressed, created(b), created(a)})

	// A kind that a project wants nobody to be told of is none.
	noError(t, "SaveSettings", s.SaveSettings(ctx, out.ProjectID, &tracker.Settings{Alerts: tracker.AlertRules{NotCreated: true}}))
	d := record(t, s, newReport(3, at(8))).IssueID
	_, err = s.Resolve(ctx, []int64{d}, tracker.Fix{}, at(8))
	noError(t, "Resolve", err)
	record(t, s, newReport(3, at(9)))
	back := tracker.Alert{Kind: tracker.AlertRegressed, IssueID: d}
	equal(t, "without new issues", pastAlerts(t, s, "shop", all, 2), []tracker.Alert{back, frequent})
	noError(t, "SaveSettings", s.SaveSettings(ctx, out.ProjectID, &tracker.Settings{Version: 1, Alerts: tracker.AlertRules{NotRegressed: true}}))
	_, err = s.Resolve(ctx, []int64{d}, tracker.Fix{}, at(10))
	noError(t, "Resolve", err)
	record(t, s, newReport(3, at(11)))
	equal(t, "without those that are back", pastAlerts(t, s, "shop", all, 1), []tracker.Alert{back})

	noError(t, "Merge", s.Merge(ctx, d, []int64{a}, at(12)))
	frequent.IssueID, regressed.IssueID = d, d
	equal(t, "merged", pastAlerts(t, s, "shop", all, 10), []tracker.Alert{back, frequent, regressed, created(b), created(d)})
	_, err = s.Delete(ctx, []int64{d})
	noError(t, "Delete", err)
	equal(t, "deleted", pastAlerts(t, s, "", all, 10), []tracker.Alert{created(c), created(b)})
}

// Past alerts of unresolved issues leave after 90 days.
func testPastAlertsEnd(t *testing.T, open Opener) {
	now := start
	s := open(t, Options{Now: func() time.Time { return now }})
	record(t, s, newReport(1, start))
	newer := record(t, s, newReport(2, start.Add(time.Hour))).IssueID
	for _, tt := range []struct {
		after time.Duration
		want  int
	}{{90 * 24 * time.Hour, 2}, {90*24*time.Hour + 30*time.Minute, 1}} {
		now = start.Add(tt.after)
		_, err := s.Forget(t.Context(), start, 10)
		noError(t, "Forget", err)
		if past := pastAlerts(t, s, "", tracker.TimeRange{}, 10); len(past) != tt.want || past[0].IssueID != newer {
			t.Errorf("after %s: %+v, want %d", tt.after, past, tt.want)
		}
	}
}
