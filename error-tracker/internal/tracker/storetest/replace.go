package storetest

import (
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
)

// corrected is the report r as it is when more is known: it belongs to the error
// number n, and arrives later.
func corrected(r *report, n int) *report {
	c := newReport(n, r.ReceivedAt.Add(time.Hour))
	c.ID, c.Environment, c.Release, c.User = r.ID, r.Environment, r.Release, r.User
	return c
}

func replace(t *testing.T, s tracker.Store, r *report) tracker.Outcome {
	t.Helper()
	out, err := s.Replace(t.Context(), &r.Event, r.key)
	noError(t, "Replace", err)
	return out
}

func gone(t *testing.T, s tracker.Store, id int64) {
	t.Helper()
	if _, err := s.Issue(t.Context(), id); errs.KindOf(err) != errs.NotFound {
		t.Errorf("issue %d after its last event left: %v, want NotFound", id, err)
	}
}

func eventTotals(t *testing.T, s tracker.Store) (errors, events, occurrences int64) {
	t.Helper()
	totals, err := s.Totals(t.Context())
	noError(t, "Totals", err)
	return totals.Issues, totals.Events, totals.Occurrences
}

func testReplace(t *testing.T, open Opener) {
	s := openDefault(t, open)
	r := newReport(1, start)
	r.User.ID, r.Release = "ann", "1.0"
	old := record(t, s, r).IssueID
	out := replace(t, s, corrected(r, 2))
	equal(t, "outcome", out, tracker.Outcome{Status: tracker.Replaced, IssueID: out.IssueID, Fingerprint: hashOf(2), Count: 1, EventID: r.ID, ProjectID: 1})
	gone(t, s, old)
	got := issue(t, s, out.IssueID)
	if got.Count != 1 || got.Users != 1 || !got.FirstSeen.Equal(start) || !got.LastSeen.Equal(start) || got.FirstRelease != "1.0" || got.Message != "value 2" {
		t.Errorf("issue = %+v, want one event of one user, seen when it came first", got)
	}
	o, err := s.FirstOccurrence(t.Context(), out.IssueID)
	noError(t, "FirstOccurrence", err)
	if o.Event.ID != r.ID || !o.Event.ReceivedAt.Equal(start) || o.Event.Exceptions[0].Value != "value 2" {
		t.Errorf("occurrence = %s at %v with %q, want the corrected event at its old time", o.Event.ID, o.Event.ReceivedAt, o.Event.Exceptions[0].Value)
	}
	// Sent again in either form it changes nothing.
	equal(t, "sent again", record(t, s, r).Status, tracker.Duplicate)
	equal(t, "replaced again", replace(t, s, corrected(r, 2)), out)
	if issues, events, occurrences := eventTotals(t, s); issues != 1 || events != 1 || occurrences != 1 {
		t.Errorf("totals: %d issues, %d events, %d occurrences, want 1 each", issues, events, occurrences)
	}
	// And back.
	back := replace(t, s, corrected(r, 1))
	gone(t, s, out.IssueID)
	equal(t, "count", issue(t, s, back.IssueID).Count, int64(1))
	equal(t, "past alerts", pastAlerts(t, s, "", tracker.TimeRange{}, 10), []tracker.Alert{{Kind: tracker.AlertCreated, IssueID: back.IssueID}})
}

func testReplaceSome(t *testing.T, open Opener) {
	s := openDefault(t, open)
	reports := []*report{newReport(1, start), newReport(1, start), newReport(1, start.Add(time.Minute)), newReport(1, start.Add(2*time.Hour))}
	var old int64
	for _, r := range reports {
		old = record(t, s, r).IssueID
	}
	known := record(t, s, newReport(3, start.Add(time.Minute))).IssueID

	fresh := replace(t, s, corrected(reports[0], 2)).IssueID // the first of its group
	equal(t, "to a known issue", replace(t, s, corrected(reports[1], 3)).IssueID, known)
	got := issue(t, s, old)
	if got.Count != 2 || !got.LastSeen.Equal(start.Add(2*time.Hour)) {
		t.Errorf("old issue: count %d, last seen %v, want 2 and the time of its last event", got.Count, got.LastSeen)
	}
	equal(t, "fresh issue", issue(t, s, fresh).Count, int64(1))
	if k := issue(t, s, known); k.Count != 2 || !k.FirstSeen.Equal(start) {
		t.Errorf("known issue: count %d, first seen %v, want 2 and the time of the older event", k.Count, k.FirstSeen)
	}
	// Those that are told by their difference from the first one can still be read.
	list, err := s.Occurrences(t.Context(), old, 0, 10)
	noError(t, "Occurrences", err)
	if len(list) != 3 {
		t.Errorf("%d occurrences of the old issue, want its two and the first one", len(list))
	}
	for _, r := range reports[2:] {
		equal(t, "the others follow", replace(t, s, corrected(r, 2)).IssueID, fresh)
	}
	gone(t, s, old)
	equal(t, "all three", issue(t, s, fresh).Count, int64(3))
	list, err = s.Occurrences(t.Context(), fresh, 0, 10)
	noError(t, "Occurrences", err)
	equal(t, "occurrences", len(list), 3)
	counts, err := s.Counts(t.Context(), []int64{fresh}, tracker.Scope{}, start.Truncate(time.Hour), time.Hour, 3)
	noError(t, "Counts", err)
	equal(t, "hours", counts[fresh], []int64{2, 0, 1})
}

func testReplaceInPlace(t *testing.T, open Opener) {
	s := openDefault(t, open)
	first, second := newReport(1, start), newReport(1, start.Add(time.Minute))
	id := record(t, s, first).IssueID
	record(t, s, second)
	better := corrected(second, 1)
	better.Exceptions[0].Value = "with source lines"
	equal(t, "outcome", replace(t, s, better), tracker.Outcome{Status: tracker.Replaced, IssueID: id, Fingerprint: hashOf(1), Count: 2, EventID: second.ID, ProjectID: 1})
	o, _, _, err := s.Occurrence(t.Context(), id, 0)
	noError(t, "Occurrence", err)
	if o.Event.ID != second.ID || o.Event.Exceptions[0].Value != "with source lines" || !o.Event.ReceivedAt.Equal(second.ReceivedAt) {
		t.Errorf("newest = %s at %v with %q, want the corrected event", o.Event.ID, o.Event.ReceivedAt, o.Event.Exceptions[0].Value)
	}
	// The first one is what others are told by: it stays as it is.
	replace(t, s, corrected(first, 1))
	if o, err = s.FirstOccurrence(t.Context(), id); err != nil || o.Event.ID != first.ID {
		t.Errorf("first = %s, %v, want %s", o.Event.ID, err, first.ID)
	}
	equal(t, "count", issue(t, s, id).Count, int64(2))
}

func testReplaceState(t *testing.T, open Opener) {
	s := openDefault(t, open)
	a, b := newReport(1, start), newReport(1, start.Add(time.Minute))
	old := record(t, s, a).IssueID
	record(t, s, b)
	other := record(t, s, newReport(3, start)).IssueID
	if _, err := s.Resolve(t.Context(), []int64{old, other}, tracker.Fix{}, start.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Mute(t.Context(), []int64{old}, tracker.Mute{}, start); err != nil {
		t.Fatal(err)
	}
	pending, err := s.CountPendingAlerts(t.Context())
	noError(t, "CountPendingAlerts", err)
	fresh := issue(t, s, replace(t, s, corrected(a, 2)).IssueID)
	if !fresh.Resolved || !fresh.Muted {
		t.Errorf("new issue: resolved %v, muted %v, want both, as the one it left", fresh.Resolved, fresh.Muted)
	}
	replace(t, s, corrected(b, 3))
	if got := issue(t, s, other); !got.Resolved || got.Count != 2 {
		t.Errorf("known issue: resolved %v, count %d, want it resolved still: the event is an old one", got.Resolved, got.Count)
	}
	after, err := s.CountPendingAlerts(t.Context())
	noError(t, "CountPendingAlerts", err)
	equal(t, "alerts", after, pending)
	// What comes afterwards is news.
	equal(t, "a new event", record(t, s, newReport(2, start.Add(3*time.Hour))).Status, tracker.Reopened)
}

func testReplaceMerged(t *testing.T, open Opener) {
	s := openDefault(t, open)
	a, b := newReport(1, start), newReport(2, start.Add(time.Minute))
	target := record(t, s, a).IssueID
	source := record(t, s, b).IssueID
	noError(t, "Merge", s.Merge(t.Context(), target, []int64{source}, start))
	fresh := replace(t, s, corrected(a, 3)).IssueID
	got := issue(t, s, target)
	if got.Count != 1 || got.Fingerprint != hashOf(2) {
		t.Errorf("merged issue: count %d by %s, want 1 by the other fingerprint", got.Count, got.Fingerprint)
	}
	groups, err := s.Groups(t.Context(), target)
	noError(t, "Groups", err)
	equal(t, "groups", len(groups), 1)
	equal(t, "into the merged issue", replace(t, s, corrected(a, 2)).IssueID, target)
	gone(t, s, fresh)
	equal(t, "count", issue(t, s, target).Count, int64(2))
}

func testReplaceUnknown(t *testing.T, open Opener) {
	s := openDefault(t, open)
	r := newReport(1, start)
	equal(t, "unknown ID", replace(t, s, r).Status, tracker.Created)
	id := record(t, s, newReport(1, start)).IssueID
	if _, err := s.Delete(t.Context(), []int64{id}); err != nil {
		t.Fatal(err)
	}
	out := replace(t, s, corrected(r, 2))
	equal(t, "of a deleted issue", out, tracker.Outcome{Status: tracker.Duplicate, EventID: r.ID, ProjectID: 1})
}

func testReplaceMany(t *testing.T, open Opener) {
	s := open(t, Options{KeepOccurrences: 5, Now: fixedNow})
	var reports []*report
	for i := range 20 {
		r := newReport(1, start.Add(time.Duration(i)*time.Second))
		record(t, s, r)
		reports = append(reports, r)
	}
	for i, r := range reports {
		replace(t, s, corrected(r, 2+i%2))
	}
	for _, n := range []int{2, 3} {
		r := newReport(n, start.Add(time.Hour))
		id := record(t, s, r).IssueID
		got := issue(t, s, id)
		list, err := s.Occurrences(t.Context(), id, 0, 100)
		noError(t, "Occurrences", err)
		if got.Count != 11 || len(list) > 6 {
			t.Errorf("error %d: count %d and %d occurrences, want 11 and at most 5 beside the first", n, got.Count, len(list))
		}
	}
	if issues, events, _ := eventTotals(t, s); issues != 2 || events != 22 {
		t.Errorf("totals: %d issues, %d events, want 2 and 22", issues, events)
	}
}
