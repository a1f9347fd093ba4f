package storetest

import (
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/grouping"
	"github.com/monlight/monlight/shared/errs"
)

func testMerge(t *testing.T, open Opener) {
	s := openDefault(t, open)
	send := func(n int, minute int, user, env, release string) (int64, event.ID) {
		r := newReport(n, start.Add(time.Duration(minute)*time.Minute))
		r.User.ID, r.Environment, r.Release = user, env, release
		return record(t, s, r).IssueID, r.ID
	}
	b, b1 := send(2, 0, "1", "dev", "0.9") // older than a
	a, a1 := send(1, 1, "1", "prod", "1.0")
	_, a2 := send(1, 2, "2", "prod", "1.1")
	_, b2 := send(2, 3, "3", "dev", "1.0")
	beforeA, beforeB := issue(t, s, a), issue(t, s, b)

	noError(t, "Merge", s.Merge(t.Context(), a, []int64{b, a, b}, start))
	_, err := s.Issue(t.Context(), b)
	wantKind(t, "merged issue", err, errs.NotFound)
	want := beforeA
	want.Count, want.Users = 4, 3
	want.FirstSeen, want.LastSeen, want.FirstRelease, want.LastRelease = start, start.Add(3*time.Minute), "0.9", "1.0"
	equal(t, "target", issue(t, s, a), want)
	equal(t, "events", eventIDs(t, s, a), []event.ID{b2, a2, a1, b1})
	groups, err := s.Groups(t.Context(), a)
	noError(t, "Groups", err)
	if len(groups) != 2 || groups[0].Hash != hashOf(1) || !groups[0].Primary || groups[0].Count != 2 ||
		groups[1].Hash != hashOf(2) || groups[1].Primary || groups[1].Count != 2 {
		t.Errorf("groups are %+v, want both hashes with two events each, the first one primary", groups)
	}
	first, err := s.FirstOccurrence(t.Context(), a)
	noError(t, "FirstOccurrence", err)
	equal(t, "first event", first.Event.ID, a1)
	if page := list(t, s, tracker.IssueQuery{Environment: "dev"}); page.Total != 1 || page.Issues[0].ID != a {
		t.Errorf("issues in dev: %v, want the target", idsOf(page.Issues))
	}
	// New events of both hashes come to the target, and a known user counts once.
	if id, _ := send(2, 4, "2", "dev", "1.2"); id != a {
		t.Errorf("an event of the merged hash came to issue %d, want %d", id, a)
	}
	if got := issue(t, s, a); got.Count != 5 || got.Users != 3 {
		t.Errorf("after one more: count %d, users %d, want 5 and 3", got.Count, got.Users)
	}

	back, err := s.Unmerge(t.Context(), a, hashOf(2), start.Add(time.Hour))
	noError(t, "Unmerge", err)
	if back.ID == b || back.ID == a {
		t.Errorf("the new issue has the used number %d", back.ID)
	}
	wantB := beforeB
	wantB.ID, wantB.Count, wantB.Users, wantB.LastSeen, wantB.LastRelease = back.ID, 3, 3, start.Add(4*time.Minute), "1.2"
	equal(t, "unmerged", back, wantB)
	equal(t, "rest", issue(t, s, a), beforeA)
	equal(t, "its events", eventIDs(t, s, a), []event.ID{a2, a1})
	first, err = s.FirstOccurrence(t.Context(), back.ID)
	noError(t, "FirstOccurrence", err)
	equal(t, "first event of the unmerged", first.Event.ID, b1)
	if page := list(t, s, tracker.IssueQuery{Environment: "dev"}); page.Total != 1 || page.Issues[0].ID != back.ID {
		t.Errorf("issues in dev: %v, want only %d", idsOf(page.Issues), back.ID)
	}
	if id, _ := send(2, 5, "1", "dev", ""); id != back.ID {
		t.Errorf("an event of the hash came to issue %d, want %d", id, back.ID)
	}
}

// mergedInto checks where issues went; 0 is that nobody knows.
func mergedInto(t *testing.T, s tracker.Store, what string, want map[int64]int64) {
	t.Helper()
	for id, into := range want {
		got, err := s.MergedInto(t.Context(), id)
		if got != into || (into == 0) != (errs.KindOf(err) == errs.NotFound) {
			t.Errorf("%s: issue %d went into %d (%v), want %d", what, id, got, err, into)
		}
	}
}

func testMergedInto(t *testing.T, open Opener) {
	s := openDefault(t, open)
	send := func(n int) int64 { return record(t, s, newReport(n, start)).IssueID }
	merge := func(target int64, sources ...int64) {
		t.Helper()
		noError(t, "Merge", s.Merge(t.Context(), target, sources, start))
	}
	a, b, c, d := send(1), send(2), send(3), send(4)
	mergedInto(t, s, "none was merged", map[int64]int64{a: 0, b: 0, 999_999: 0})
	merge(b, c)
	merge(a, b)
	mergedInto(t, s, "a chain", map[int64]int64{c: a, b: a, a: 0, d: 0})
	split, err := s.Unmerge(t.Context(), a, hashOf(3), start)
	noError(t, "Unmerge", err)
	mergedInto(t, s, "what c had was split off", map[int64]int64{c: split.ID, b: a})
	merge(d, split.ID)
	mergedInto(t, s, "and merged again", map[int64]int64{c: d, split.ID: d, b: a})
	_, err = s.Delete(t.Context(), []int64{d})
	noError(t, "Delete", err)
	mergedInto(t, s, "and deleted", map[int64]int64{c: 0, split.ID: 0, b: a})
}

// An issue whose last event moved to another one, as when a source map came, has
// become part of that.
func testReplacedInto(t *testing.T, open Opener) {
	s := openDefault(t, open)
	a, b := newReport(1, start), newReport(2, start)
	from, source := record(t, s, a).IssueID, record(t, s, b).IssueID
	noError(t, "Merge", s.Merge(t.Context(), from, []int64{source}, start))
	other := replace(t, s, corrected(b, 3)).IssueID // the hash goes, its issue stays
	mergedInto(t, s, "the event of the merged issue moved", map[int64]int64{source: other, from: 0})
	next := replace(t, s, corrected(a, 4)).IssueID // the issue goes
	mergedInto(t, s, "the last event moved", map[int64]int64{from: next, source: other})
	equal(t, "and back", replace(t, s, corrected(b, 4)).IssueID, next)
	mergedInto(t, s, "all moved on", map[int64]int64{from: next, source: next, other: next})
}

func testMergeRefusals(t *testing.T, open Opener) {
	s := openDefault(t, open)
	a := record(t, s, newReport(1, start)).IssueID
	r := newReport(2, start)
	r.Project = "blog"
	b := record(t, s, r).IssueID
	wantKind(t, "merge across projects", s.Merge(t.Context(), a, []int64{b}, start), errs.Invalid)
	c := record(t, s, newReport(3, start)).IssueID
	wantKind(t, "merge with one unknown", s.Merge(t.Context(), a, []int64{c, 999_999}, start), errs.NotFound)
	if got := issue(t, s, c); got.Count != 1 {
		t.Errorf("a merge that was refused moved something: %+v", got)
	}
	_, err := s.Unmerge(t.Context(), a, hashOf(1), start)
	wantKind(t, "unmerge the only hash", err, errs.Conflict)
	noError(t, "merge into itself", s.Merge(t.Context(), a, []int64{a}, start))
	noError(t, "merge nothing", s.Merge(t.Context(), a, nil, start))
	equal(t, "after all that", issue(t, s, a).Count, int64(1))

	// The primary hash may leave: the issue goes on under the oldest of the rest.
	noError(t, "Merge", s.Merge(t.Context(), a, []int64{c}, start))
	_, err = s.Resolve(t.Context(), []int64{a}, tracker.Fix{}, start.Add(time.Hour))
	noError(t, "Resolve", err)
	left, err := s.Unmerge(t.Context(), a, hashOf(1), start.Add(2*time.Hour))
	noError(t, "Unmerge", err)
	if i := issue(t, s, a); i.Fingerprint != hashOf(3) || i.Message != "value 3" || !i.Resolved {
		t.Errorf("rest is %+v, want hash and texts of the other", i)
	}
	if left.Fingerprint != hashOf(1) || !left.Resolved || !left.ResolvedAt.Equal(start.Add(2*time.Hour)) {
		t.Errorf("unmerged from a resolved issue: %+v, want it resolved from then on", left)
	}
}

func testSimilar(t *testing.T, open Opener) {
	s := openDefault(t, open)
	add := func(n int, project string, similar byte, minute int) int64 {
		r := newReport(n, start.Add(time.Duration(minute)*time.Minute))
		r.Project = project
		if similar != 0 {
			r.key.Similar = grouping.Hash{similar}
		}
		return record(t, s, r).IssueID
	}
	a := add(1, "shop", 1, 0)
	b := add(2, "shop", 1, 5)
	c := add(3, "shop", 1, 3)
	add(4, "shop", 2, 1)
	add(5, "blog", 1, 1)
	none := add(6, "shop", 0, 1)
	add(7, "shop", 0, 1)
	for id, want := range map[int64][]int64{a: {b, c}, b: {c, a}, none: {}} {
		got, err := s.Similar(t.Context(), id, 10)
		noError(t, "Similar", err)
		equal(t, "similar", idsOf(got), want)
	}
	got, err := s.Similar(t.Context(), a, 1)
	noError(t, "Similar", err)
	equal(t, "at most one", idsOf(got), []int64{b})
}

// flood sends events of n errors that look alike, at a rate.
func flood(t *testing.T, s tracker.Store, from, n int, at time.Time, gap time.Duration) []tracker.Outcome {
	t.Helper()
	var outs []tracker.Outcome
	for i := range n {
		r := newReport(from+i, at.Add(time.Duration(i)*gap))
		r.key.Similar = grouping.Hash{9}
		outs = append(outs, record(t, s, r))
	}
	return outs
}

// What the explosion guard allows; see grouping in the documents.
const floodLimit, floodWindow = 20, 10 * time.Minute

func testFlood(t *testing.T, open Opener) {
	s := openDefault(t, open)
	outs := flood(t, s, 0, 200, start, time.Second)
	issues := map[int64]int{}
	for _, o := range outs {
		issues[o.IssueID]++
	}
	if len(issues) != floodLimit+1 {
		t.Fatalf("200 lookalikes made %d issues, want %d", len(issues), floodLimit+1)
	}
	id := outs[199].IssueID
	i := issue(t, s, id)
	if !i.Flood || i.Count != 200-floodLimit {
		t.Errorf("the last one came to %+v, want a flood of %d", i, 200-floodLimit)
	}
	if issue(t, s, outs[0].IssueID).Flood {
		t.Errorf("the first issue is called a flood")
	}
	groups, err := s.Groups(t.Context(), id)
	noError(t, "Groups", err)
	if len(groups) != 1 || len(groups[0].Why) == 0 || groups[0].Why[0].Kind != "flood" {
		t.Errorf("groups of the flood are %+v, want one whose first reason says so", groups)
	}
	n, err := s.CountPendingAlerts(t.Context())
	noError(t, "CountPendingAlerts", err)
	equal(t, "alerts", n, int64(floodLimit+1))
	// Who has an issue keeps it, another project and other errors are not concerned.
	r := newReport(3, start.Add(201*time.Second))
	r.key.Similar = grouping.Hash{9}
	equal(t, "known hash", record(t, s, r).IssueID, outs[3].IssueID)
	r = newReport(5000, start.Add(201*time.Second))
	r.key.Similar, r.Project = grouping.Hash{9}, "blog"
	equal(t, "other project", record(t, s, r).Status, tracker.Created)
	r = newReport(5001, start.Add(201*time.Second))
	r.key.Similar = grouping.Hash{8}
	equal(t, "other coarse hash", record(t, s, r).Status, tracker.Created)
	r = newReport(5002, start.Add(201*time.Second))
	equal(t, "no coarse hash", record(t, s, r).Status, tracker.Created)
	// A repeat of an event of the flood is a repeat.
	again := newReport(100, start.Add(202*time.Second))
	again.key.Similar, again.ID = grouping.Hash{9}, outs[100].EventID
	out := record(t, s, again)
	if out.Status != tracker.Duplicate || out.IssueID != id {
		t.Errorf("repeat = %+v, want a duplicate in issue %d", out, id)
	}
}

func testFloodEnds(t *testing.T, open Opener) {
	s := openDefault(t, open)
	outs := flood(t, s, 0, 30, start, time.Second)
	id := outs[29].IssueID
	// As long as it goes on fast, it stays one issue, also after the window of its beginning.
	outs = flood(t, s, 100, 60, start.Add(30*time.Second), floodWindow/30)
	for n, o := range outs {
		if o.IssueID != id {
			t.Fatalf("event %d of the flood came to issue %d, want %d", n, o.IssueID, id)
		}
	}
	// Slower than the limit, they open issues again.
	outs = flood(t, s, 200, 3*floodLimit, start.Add(2*time.Hour), floodWindow/floodLimit)
	for n, o := range outs {
		if o.Status != tracker.Created {
			t.Errorf("event %d after the flood: %+v, want a new issue", n, o)
		}
	}
	// One window with exactly the limit is no flood.
	outs = flood(t, s, 300, floodLimit, start.Add(10*time.Hour), time.Second)
	for n, o := range outs {
		if o.Status != tracker.Created {
			t.Errorf("event %d of %d: %+v, want a new issue", n, floodLimit, o)
		}
	}
	// The next flood comes back to the issue of the last one.
	outs = flood(t, s, 400, 1, start.Add(10*time.Hour+time.Minute), time.Second)
	equal(t, "next flood", outs[0].IssueID, id)
}
