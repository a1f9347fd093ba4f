package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/errs"
)

func testRetention(t *testing.T, open Opener) {
	const keep = 5
	s := open(t, Options{KeepOccurrences: keep, Now: fixedNow})
	var ids []event.ID
	var issueID int64
	for n := range 4 * keep {
		r := newReport(1, start.Add(time.Duration(n)*time.Second))
		ids = append(ids, r.ID)
		issueID = record(t, s, r).IssueID
		// Everything up to the limit, then the newest and the first.
		var want []event.ID
		for i := n; i >= 0; i-- {
			if i == 0 || n-i < keep {
				want = append(want, ids[i])
			}
		}
		equal(t, "kept", eventIDs(t, s, issueID), want)
	}
	first, err := s.FirstOccurrence(t.Context(), issueID)
	noError(t, "FirstOccurrence", err)
	if first.Event.ID != ids[0] || !first.First {
		t.Errorf("first occurrence is %s (first %v), want %s", first.Event.ID, first.First, ids[0])
	}
	if got := issue(t, s, issueID).Count; got != 4*keep {
		t.Errorf("count = %d, want %d", got, 4*keep)
	}
}

// eventIDs are the IDs of the kept events of an issue, newest first.
func eventIDs(t *testing.T, s tracker.Store, issueID int64) []event.ID {
	t.Helper()
	var ids []event.ID
	before := int64(0)
	for {
		page, err := s.Occurrences(t.Context(), issueID, before, 7)
		noError(t, "Occurrences", err)
		for _, o := range page {
			ids = append(ids, o.Event.ID)
			before = o.ID
		}
		if len(page) < 7 {
			return ids
		}
	}
}

func testOccurrencePaging(t *testing.T, open Opener) {
	s := openDefault(t, open)
	var issueID int64
	for n := range 12 {
		issueID = record(t, s, newReport(1, start.Add(time.Duration(n)*time.Second))).IssueID
		record(t, s, newReport(2, start.Add(time.Duration(n)*time.Second))) // in between
	}
	all, err := s.Occurrences(t.Context(), issueID, 0, 100)
	noError(t, "Occurrences", err)
	if len(all) != 12 {
		t.Fatalf("%d occurrences, want 12", len(all))
	}
	page, err := s.Occurrences(t.Context(), issueID, all[3].ID, 2)
	noError(t, "Occurrences", err)
	equal(t, "page after the fourth", []int64{page[0].ID, page[1].ID}, []int64{all[4].ID, all[5].ID})
	if few, err := s.Occurrences(t.Context(), issueID, 0, 0); err != nil || len(few) != tracker.DefaultOccurrences {
		t.Errorf("Occurrences with limit 0: %d, %v, want %d", len(few), err, tracker.DefaultOccurrences)
	}
	for i, o := range all {
		var older, newer int64
		if i > 0 {
			newer = all[i-1].ID
		}
		if i+1 < len(all) {
			older = all[i+1].ID
		}
		got, gotOlder, gotNewer, err := s.Occurrence(t.Context(), issueID, o.ID)
		noError(t, "Occurrence", err)
		equal(t, "occurrence", got, o)
		equal(t, "neighbours", []int64{gotOlder, gotNewer}, []int64{older, newer})
	}
	newest, _, newer, err := s.Occurrence(t.Context(), issueID, 0)
	noError(t, "newest occurrence", err)
	equal(t, "newest", newest, all[0])
	equal(t, "newer than the newest", newer, int64(0))
}

func testEventPages(t *testing.T, open Opener) {
	s := open(t, Options{KeepOccurrences: 10, Now: fixedNow})
	var id int64
	for n := range 20 {
		id = record(t, s, newReport(1, start.Add(time.Duration(n)*time.Second))).IssueID
		record(t, s, newReport(2, start.Add(time.Duration(n)*time.Second))) // in between
	}
	all, err := s.Occurrences(t.Context(), id, 0, 100)
	noError(t, "Occurrences", err)
	if len(all) != 11 {
		t.Fatalf("%d events are kept, want the newest 10 and the first", len(all))
	}
	place := func(newer, read int64) tracker.EventPage {
		return tracker.EventPage{Kept: 11, Newer: newer, Read: read}
	}
	for what, tt := range map[string]struct {
		q    tracker.EventQuery
		want tracker.EventPage
	}{
		"the newest":                    {tracker.EventQuery{Limit: 4}, place(0, 4)},
		"older ones":                    {tracker.EventQuery{Before: all[3].ID, Limit: 4}, place(4, 4)},
		"the oldest":                    {tracker.EventQuery{Before: all[7].ID, Limit: 4}, place(8, 3)},
		"older than the oldest":         {tracker.EventQuery{Before: all[10].ID, Limit: 4}, place(11, 0)},
		"newer ones, next to the place": {tracker.EventQuery{After: all[8].ID, Limit: 4}, place(4, 4)},
		"newer ones, up to the newest":  {tracker.EventQuery{After: all[4].ID, Limit: 4}, place(0, 4)},
		"fewer newer ones than a page":  {tracker.EventQuery{After: all[2].ID, Limit: 4}, place(0, 4)},
		"newer than the newest":         {tracker.EventQuery{After: all[0].ID, Limit: 4}, place(0, 4)},
		"at an event that left":         {tracker.EventQuery{Before: all[9].ID - 1, Limit: 4}, place(10, 1)},
		"all":                           {tracker.EventQuery{Limit: 100}, place(0, 11)},
	} {
		tt.q.Issue = id
		var got []tracker.Occurrence
		page, err := s.EventPage(t.Context(), tt.q, func(o tracker.Occurrence) { got = append(got, o) })
		noError(t, what, err)
		equal(t, what, page, tt.want)
		equal(t, what, page.Older(), 11-tt.want.Newer-tt.want.Read)
		equal(t, what, got, append([]tracker.Occurrence(nil), all[tt.want.Newer:tt.want.Newer+tt.want.Read]...))
	}
	_, err = s.EventPage(t.Context(), tracker.EventQuery{Issue: 999_999, Limit: 4}, func(tracker.Occurrence) { t.Error("an event of no issue") })
	wantKind(t, "of no issue", err, errs.NotFound)
}

func testShares(t *testing.T, open Opener) {
	s := openDefault(t, open)
	var id int64
	for i, v := range [][2]string{{"prod", "1.0"}, {"prod", "1.0"}, {"dev", "1.1"}, {"prod", ""}, {"", "1.1"}, {"beta", "1.1"}} {
		r := newReport(1, start.Add(time.Duration(i)*2*time.Hour))
		r.Environment, r.Release = v[0], v[1]
		id = record(t, s, r).IssueID
	}
	envs, err := s.IssueEnvironments(t.Context(), id)
	noError(t, "IssueEnvironments", err)
	equal(t, "environments", envs, []tracker.Share{{Value: "prod", Count: 3}, {Value: "beta", Count: 1}, {Value: "dev", Count: 1}})
	releases, err := s.IssueReleases(t.Context(), id)
	noError(t, "IssueReleases", err)
	equal(t, "releases", releases, []tracker.Share{{Value: "1.1", Count: 3}, {Value: "1.0", Count: 2}})
}

func testTagShares(t *testing.T, open Opener) {
	s := openDefault(t, open)
	var id, other int64
	for i, plan := range []string{"free", "business", "free", "", "free", "team"} {
		r := newReport(i%2, start.Add(time.Duration(i)*time.Minute))
		r.Level, r.Environment, r.Release = "error", []string{"prod", "dev"}[i/2%2], fmt.Sprint(i)
		if plan != "" {
			r.Tags = []event.Tag{{Name: "plan", Value: plan}, {Name: "area", Value: "eu-1"}}
		}
		if out := record(t, s, r); i%2 == 0 {
			id = out.IssueID
		} else {
			other = out.IssueID
		}
	}
	noError(t, "Merge", s.Merge(t.Context(), id, []int64{other}, start))
	tags, whole, err := s.IssueTags(t.Context(), id)
	noError(t, "IssueTags", err)
	equal(t, "whole", whole, true)
	equal(t, "tags", tags, []tracker.TagShares{
		{Name: "level", Events: 6, Values: []tracker.Share{{Value: "error", Count: 6}}},
		{Name: "area", Events: 5, Values: []tracker.Share{{Value: "eu-1", Count: 5}}},
		{Name: "plan", Events: 5, Values: []tracker.Share{{Value: "free", Count: 3}, {Value: "business", Count: 1}, {Value: "team", Count: 1}}},
	})
	_, _, err = s.IssueTags(t.Context(), other)
	wantKind(t, "tags of an issue that was merged", err, errs.NotFound)
}

func testCounts(t *testing.T, open Opener) {
	s := openDefault(t, open)
	hour := start.Truncate(time.Hour)
	add := func(n int, at time.Time, env string) int64 {
		r := newReport(n, at)
		r.Environment = env
		return record(t, s, r).IssueID
	}
	a := add(1, hour, "prod")
	add(1, hour.Add(59*time.Minute+59*time.Second), "dev")
	add(1, hour.Add(time.Hour), "prod")
	add(1, hour.Add(5*time.Hour), "prod")
	b := add(2, hour.Add(2*time.Hour), "dev")
	c := add(3, hour.Add(-time.Hour), "prod")
	tests := map[string]struct {
		env  string
		from time.Time
		step time.Duration
		n    int
		want map[int64][]int64
	}{
		"hours":            {"", hour, time.Hour, 6, map[int64][]int64{a: {2, 1, 0, 0, 0, 1}, b: {0, 0, 1, 0, 0, 0}, c: nil}},
		"of 3 hours":       {"", hour, 3 * time.Hour, 2, map[int64][]int64{a: {3, 1}, b: {1, 0}, c: nil}},
		"range ends":       {"", hour.Add(-time.Hour), time.Hour, 3, map[int64][]int64{a: {0, 2, 1}, b: nil, c: {1, 0, 0}}},
		"one environment":  {"dev", hour, time.Hour, 3, map[int64][]int64{a: {1, 0, 0}, b: {0, 0, 1}, c: nil}},
		"no such one":      {"x", hour, time.Hour, 3, map[int64][]int64{a: nil, b: nil, c: nil}},
		"before all times": {"", hour.Add(-1000 * time.Hour), time.Hour, 3, map[int64][]int64{a: nil, b: nil, c: nil}},
	}
	for name, tt := range tests {
		got, err := s.Counts(t.Context(), []int64{a, b, c}, tracker.Scope{Environment: tt.env}, tt.from, tt.step, tt.n)
		noError(t, name, err)
		for id, want := range tt.want {
			if len(got[id]) == 0 && len(want) == 0 {
				continue
			}
			equal(t, name, got[id], want)
		}
	}
	if got, err := s.Counts(t.Context(), nil, tracker.Scope{}, hour, time.Hour, 3); err != nil || len(got) != 0 {
		t.Errorf("Counts of no issues = %v, %v, want nothing", got, err)
	}
}
