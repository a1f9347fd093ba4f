package storetest

import (
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
)

// The frequency of issues is told by what reports count anyway.
func testPulses(t *testing.T, open Opener) {
	s := openDefault(t, open)
	ctx := t.Context()
	out := record(t, s, newReport(1, start))
	for i := range 60 { // more than are kept
		record(t, s, newReport(1, start.Add(time.Duration(i)*time.Second)))
	}
	quiet := record(t, s, newReport(2, start.Add(-time.Hour)))
	project := out.ProjectID

	rules, err := s.Frequencies(ctx)
	noError(t, "Frequencies", err)
	equal(t, "no rules", rules, map[int64]tracker.Frequency{})
	rule := tracker.Frequency{Events: 50, Minutes: 5}
	noError(t, "SaveSettings", s.SaveSettings(ctx, project, &tracker.Settings{Alerts: tracker.AlertRules{Frequency: rule}}))
	rules, err = s.Frequencies(ctx)
	noError(t, "Frequencies", err)
	equal(t, "rules", rules, map[int64]tracker.Frequency{project: rule})

	now := start.Add(2 * time.Minute)
	look := func(limit int) []tracker.Pulse {
		t.Helper()
		pulses, err := s.Pulses(ctx, project, start.Add(-time.Minute), start.Add(-time.Minute), now, limit)
		noError(t, "Pulses", err)
		return pulses
	}
	pulses := look(10)
	equal(t, "first look", pulses, []tracker.Pulse{{IssueID: out.IssueID, ProjectID: project, Count: 61, Recent: 61}})
	far, err := s.Pulses(ctx, project, start.Add(-2*time.Hour), start.Add(-2*time.Hour), now, 1)
	noError(t, "Pulses", err)
	if len(far) != 1 || far[0].IssueID != out.IssueID {
		t.Errorf("with limit 1: %+v, want the newest", far)
	}
	if since, err := s.Pulses(ctx, project, start.Add(-2*time.Hour), start.Add(30*time.Second), now, 10); err != nil || len(since) != 2 || since[0].Recent != 30 || since[1].IssueID != quiet.IssueID || since[1].Recent != 0 {
		t.Errorf("by those that are kept: %+v, %v, want 30 and none", since, err)
	}

	p := &pulses[0]
	if !p.Beat(rule, time.Hour, now) {
		t.Fatal("no alert")
	}
	pending := func() (n int) {
		alerts, err := s.PendingAlerts(ctx, 100)
		noError(t, "PendingAlerts", err)
		for _, a := range alerts {
			if a.Kind == tracker.AlertFrequent {
				equal(t, "alert", tracker.Alert{Kind: a.Kind, IssueID: a.IssueID, ProjectID: a.ProjectID, At: a.At}, tracker.Alert{Kind: tracker.AlertFrequent, IssueID: out.IssueID, ProjectID: project, At: now})
				n++
			}
		}
		return n
	}
	noError(t, "SavePulses", s.SavePulses(ctx, pulses, []int64{p.IssueID}, now))
	equal(t, "alerts", pending(), 1)
	if again := look(10); len(again) != 0 {
		t.Errorf("nothing came since: %+v", again)
	}
	record(t, s, newReport(1, start.Add(time.Minute)))
	again := look(10)
	want := *p
	want.Count++
	equal(t, "second look", again, []tracker.Pulse{want})

	// A look that was before the window does not tell when the events came.
	later := now.Add(10 * time.Minute)
	late, err := s.Pulses(ctx, project, start, later.Add(-5*time.Minute), later, 10)
	noError(t, "Pulses", err)
	want.Late = true
	equal(t, "a look long after the second one", late, []tracker.Pulse{want})

	_, err = s.Mute(ctx, []int64{out.IssueID}, tracker.Mute{}, now)
	noError(t, "Mute", err)
	if muted := look(10); len(muted) != 1 || !muted[0].Muted {
		t.Errorf("muted: %+v", muted)
	}
	// What was merged is counted anew: old events that came to an issue are no burst.
	noError(t, "Merge", s.Merge(ctx, out.IssueID, []int64{quiet.IssueID}, now))
	if merged := look(10); len(merged) != 1 || merged[0].Known || merged[0].Count != 63 {
		t.Errorf("merged: %+v", merged)
	}
	_, err = s.Resolve(ctx, []int64{out.IssueID}, tracker.Fix{}, now)
	noError(t, "Resolve", err)
	if resolved := look(10); len(resolved) != 0 {
		t.Errorf("resolved: %+v", resolved)
	}
	noError(t, "SavePulses", s.SavePulses(ctx, pulses, nil, now))
	n, err := s.ForgetPulses(ctx, now, 10)
	noError(t, "ForgetPulses", err)
	equal(t, "forgotten too early", n, 0)
	n, err = s.ForgetPulses(ctx, now.Add(time.Second), 10)
	noError(t, "ForgetPulses", err)
	equal(t, "forgotten", n, 1)
	noError(t, "SavePulses of an issue that is gone", s.SavePulses(ctx, []tracker.Pulse{{IssueID: 999_999}}, []int64{999_999}, now))
	equal(t, "alerts at the end", pending(), 1)
}
