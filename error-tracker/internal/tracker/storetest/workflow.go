package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
)

// clock hands out times, each a minute after the last one.
type clock struct{ at time.Time }

func newClock() *clock { return &clock{start} }

func (c *clock) next() time.Time {
	c.at = c.at.Add(time.Minute)
	return c.at
}

// of records an event of the error n from a release and an environment.
func (c *clock) of(t *testing.T, s tracker.Store, n int, release, environment, user string) tracker.Outcome {
	t.Helper()
	r := newReport(n, c.next())
	r.Release, r.Environment, r.User.ID = release, environment, user
	return record(t, s, r)
}

// activities are the kinds of what was done about an issue, oldest first.
func activities(t *testing.T, s tracker.Store, id int64) (kinds []tracker.ActivityKind, all []tracker.Activity) {
	t.Helper()
	all, err := s.Activities(t.Context(), id, 0, 1000)
	noError(t, "Activities", err)
	slices.Reverse(all)
	for _, a := range all {
		kinds = append(kinds, a.Kind)
	}
	return kinds, all
}

func testResolvedInRelease(t *testing.T, open Opener) {
	const (
		stays = tracker.Incremented
		back  = tracker.Reopened
	)
	tests := map[string]struct {
		before  []string // releases of events before, the first of which are of another issue
		others  int
		fix     tracker.Fix
		want    tracker.Fix
		events  []string
		became  []tracker.Status
		release string // of the regression
	}{
		"anywhere":     {before: []string{"1.0"}, events: []string{"1.0"}, became: []tracker.Status{back}, release: "1.0"},
		"in this one":  {before: []string{"1.0", "1.1"}, fix: tracker.Fix{In: tracker.FixThis}, want: tracker.Fix{In: tracker.FixThis, Release: "1.1"}, events: []string{"1.0", "1.1", "1.0.9", "", "1.2"}, became: []tracker.Status{stays, stays, stays, stays, back}, release: "1.2"},
		"in the next":  {before: []string{"2.0", "1.0"}, others: 1, fix: tracker.Fix{In: tracker.FixNext}, want: tracker.Fix{In: tracker.FixNext, Release: "2.0"}, events: []string{"1.1", "2.0", "2.0.1"}, became: []tracker.Status{stays, stays, back}, release: "2.0.1"},
		"in a named":   {before: []string{"1.0"}, fix: tracker.Fix{In: tracker.FixThis, Release: "3.0"}, want: tracker.Fix{In: tracker.FixThis, Release: "3.0"}, events: []string{"2.0", "3.0", "3.0.1"}, became: []tracker.Status{stays, stays, back}, release: "3.0.1"},
		"by first use": {before: []string{"bbb", "aaa"}, fix: tracker.Fix{In: tracker.FixNext}, want: tracker.Fix{In: tracker.FixNext, Release: "aaa"}, events: []string{"bbb", "aaa", "000"}, became: []tracker.Status{stays, stays, back}, release: "000"},
		"without one":  {before: []string{""}, fix: tracker.Fix{In: tracker.FixNext}, events: []string{""}, became: []tracker.Status{back}},
		"this without": {before: []string{"1.0", ""}, others: 1, fix: tracker.Fix{In: tracker.FixThis}, events: []string{""}, became: []tracker.Status{back}},
	}
	for name, tt := range tests {
		s, c := openDefault(t, open), newClock()
		var id int64
		for i, r := range tt.before {
			n := 1
			if i < tt.others {
				n = 2
			}
			id = c.of(t, s, n, r, "prod", "").IssueID
		}
		resolvedAt := c.next()
		if ids, err := s.Resolve(t.Context(), []int64{id}, tt.fix, resolvedAt); err != nil || len(ids) != 1 {
			t.Fatalf("%s: Resolve = %v, %v", name, ids, err)
		}
		equal(t, name+": fix", issue(t, s, id).Fix, tt.want)
		alertKinds(t, s, id)
		count := issue(t, s, id).Count
		for i, r := range tt.events {
			out := c.of(t, s, 1, r, "prod", "")
			if count++; out.Status != tt.became[i] || out.Count != count {
				t.Errorf("%s: an event of %q = %+v, want %s and %d events", name, r, out, tt.became[i], count)
			}
			got := issue(t, s, id)
			if want := out.Status != back; got.Resolved != want || want && !got.ResolvedAt.Equal(resolvedAt) {
				t.Errorf("%s: after an event of %q it is resolved %v at %v, want %v", name, r, got.Resolved, got.ResolvedAt, want)
			}
			equal(t, name+": last seen", got.LastSeen, c.at)
		}
		equal(t, name+": alerts", alertKinds(t, s, id), []tracker.AlertKind{tracker.AlertRegressed})
		equal(t, name+": fix after it came back", issue(t, s, id).Fix, tracker.Fix{})
		kinds, all := activities(t, s, id)
		equal(t, name+": activity", kinds, []tracker.ActivityKind{tracker.ActResolved, tracker.ActRegressed})
		if len(all) == 2 && (all[0].Fix != tt.want || all[1].Release != tt.release || !all[0].At.Equal(resolvedAt) || !all[1].At.Equal(c.at)) {
			t.Errorf("%s: activity %+v", name, all)
		}
	}
}

func testResolveOverAgain(t *testing.T, open Opener) {
	s, c := openDefault(t, open), newClock()
	id := c.of(t, s, 1, "1.0", "prod", "").IssueID
	first := c.next()
	for _, f := range []tracker.Fix{{}, {In: tracker.FixNext}, {In: tracker.FixNext}, {In: tracker.FixThis}} {
		_, err := s.Resolve(t.Context(), []int64{id}, f, first)
		noError(t, "Resolve", err)
	}
	i := issue(t, s, id)
	if !i.ResolvedAt.Equal(first) || i.Fix != (tracker.Fix{In: tracker.FixThis, Release: "1.0"}) {
		t.Errorf("resolved at %v, %+v, want the first time and the last choice", i.ResolvedAt, i.Fix)
	}
	kinds, _ := activities(t, s, id)
	equal(t, "activity", kinds, []tracker.ActivityKind{tracker.ActResolved, tracker.ActResolved, tracker.ActResolved})
	for range 2 {
		_, err := s.Unresolve(t.Context(), []int64{id}, c.next())
		noError(t, "Unresolve", err)
	}
	equal(t, "fix", issue(t, s, id).Fix, tracker.Fix{})
	kinds, _ = activities(t, s, id)
	equal(t, "activity", kinds[3:], []tracker.ActivityKind{tracker.ActUnresolved})
	_, err := s.Resolve(t.Context(), []int64{id}, tracker.Fix{}, c.next())
	noError(t, "Resolve", err)
	if out := c.of(t, s, 1, "0.9", "prod", ""); out.Status != tracker.Reopened {
		t.Errorf("an old fix is still in force: %+v", out)
	}
}

func testMuteCounts(t *testing.T, open Opener) {
	tests := map[string]struct {
		mute  tracker.Mute
		users []string // one event each; the issue was met by "a" before
		last  int      // the event that ends the mute, from 1; 0: none does
	}{
		"three events":          {tracker.Mute{Events: 3}, []string{"a", "a", "", "b"}, 3},
		"one event":             {tracker.Mute{Events: 1}, []string{"a", "a"}, 1},
		"two people":            {tracker.Mute{Users: 2}, []string{"a", "b", "", "b", "c", "d"}, 5},
		"whatever comes first":  {tracker.Mute{Users: 1, Events: 3}, []string{"a", "b", "c"}, 2},
		"time comes first":      {tracker.Mute{Events: 3, Until: start.Add(4 * time.Minute)}, []string{"a", "a", "a", "a"}, 0},
		"there":                 {tracker.Mute{Events: 2, Environment: "prod"}, []string{"a", "a", "a"}, 2},
		"people there":          {tracker.Mute{Users: 1, Environment: "prod"}, []string{"a", "b", "c"}, 2},
		"other environment":     {tracker.Mute{Events: 1, Environment: "dev"}, []string{"a", "a"}, 0},
		"that has ended there":  {tracker.Mute{Events: 1, Environment: "prod", Until: start.Add(4 * time.Minute)}, []string{"a", "a"}, 0},
		"no end":                {tracker.Mute{}, []string{"a", "b", "c"}, 0},
		"no end in environment": {tracker.Mute{Environment: "prod"}, []string{"a", "b", "c"}, 0},
	}
	for name, tt := range tests {
		c := newClock()
		s := open(t, Options{KeepOccurrences: 5, Now: func() time.Time { return c.at }})
		c.of(t, s, 1, "", "dev", "a")
		id := c.of(t, s, 1, "", "prod", "a").IssueID
		_, err := s.Mute(t.Context(), []int64{id}, tt.mute, c.next())
		noError(t, name, err)
		alertKinds(t, s, id)
		if tt.mute.Until.Before(c.at.Add(2*time.Minute)) && !tt.mute.Until.IsZero() {
			c.next()
		}
		for n, user := range tt.users {
			out := c.of(t, s, 1, "", "prod", user)
			want := []tracker.AlertKind{}
			if n+1 == tt.last {
				want = []tracker.AlertKind{tracker.AlertUnmuted}
			}
			equal(t, fmt.Sprintf("%s: alerts of event %d", name, n+1), alertKinds(t, s, id), want)
			if ended := n+1 == tt.last; out.Unmuted != ended || out.Status != tracker.Incremented {
				t.Errorf("%s: event %d is %+v, want unmuted %v", name, n+1, out, ended)
			}
			i := issue(t, s, id)
			over := tt.last != 0 && n+1 >= tt.last || tt.mute.Ended(c.at)
			if everywhere := tt.mute.Environment == ""; i.Muted != (everywhere && !over) || (len(i.MutedIn) == 1) != (!everywhere && !over) {
				t.Errorf("%s: after event %d muted %v, in %+v", name, n+1, i.Muted, i.MutedIn)
			}
		}
		if kinds, all := activities(t, s, id); tt.last != 0 {
			equal(t, name+": activity", kinds, []tracker.ActivityKind{tracker.ActMuted, tracker.ActMuteEnded})
			if all[0].Mute != tt.mute || all[1].Mute.Environment != tt.mute.Environment {
				t.Errorf("%s: activity %+v", name, all)
			}
		} else {
			equal(t, name+": activity", kinds, []tracker.ActivityKind{tracker.ActMuted})
		}
	}
}

func testMuteInEnvironment(t *testing.T, open Opener) {
	c := newClock()
	s := open(t, Options{KeepOccurrences: 5, Now: func() time.Time { return c.at }})
	c.of(t, s, 1, "", "dev", "")
	id := c.of(t, s, 1, "", "prod", "").IssueID
	mute := func(m tracker.Mute) {
		t.Helper()
		ids, err := s.Mute(t.Context(), []int64{id, 999_999}, m, c.next())
		noError(t, "Mute", err)
		equal(t, "muted", ids, []int64{id})
	}
	mute(tracker.Mute{Environment: "dev"})
	mute(tracker.Mute{Environment: "prod", Until: c.at.Add(time.Hour)})
	equal(t, "mutes", issue(t, s, id).MutedIn, []tracker.Mute{{Environment: "dev"}, {Environment: "prod", Until: c.at.Add(59 * time.Minute)}})
	mute(tracker.Mute{Environment: "prod", Events: 9})
	equal(t, "mutes", issue(t, s, id).MutedIn, []tracker.Mute{{Environment: "dev"}, {Environment: "prod", Events: 9}})
	if i := issue(t, s, id); i.Muted || list(t, s, tracker.IssueQuery{State: tracker.Active}).Total != 1 {
		t.Errorf("an issue that is muted in environments is muted: %v", i.Muted)
	}
	unmuted, err := s.Unmute(t.Context(), []int64{id}, "prod", c.next())
	noError(t, "Unmute", err)
	equal(t, "unmuted", unmuted, []int64{id})
	equal(t, "mutes", issue(t, s, id).MutedIn, []tracker.Mute{{Environment: "dev"}})

	_, err = s.Resolve(t.Context(), []int64{id}, tracker.Fix{}, c.next())
	noError(t, "Resolve", err)
	alertKinds(t, s, id)
	if out := c.of(t, s, 1, "", "dev", ""); out.Status != tracker.Incremented || !issue(t, s, id).Resolved {
		t.Errorf("an event where it is muted: %+v, want it to stay resolved", out)
	}
	if out := c.of(t, s, 1, "", "prod", ""); out.Status != tracker.Reopened {
		t.Errorf("an event elsewhere: %+v, want it to come back", out)
	}
	equal(t, "alerts", alertKinds(t, s, id), []tracker.AlertKind{tracker.AlertRegressed})

	_, err = s.Mute(t.Context(), []int64{id}, tracker.Mute{Environment: "moon"}, c.next())
	wantKind(t, "mute in an unknown environment", err, errs.Invalid)
	mute(tracker.Mute{})
	_, err = s.Unmute(t.Context(), []int64{id}, "", c.next())
	noError(t, "Unmute", err)
	if i := issue(t, s, id); i.Muted || i.MutedIn != nil {
		t.Errorf("after all mutes ended: muted %v, in %+v", i.Muted, i.MutedIn)
	}
	before, _ := activities(t, s, id)
	_, err = s.Unmute(t.Context(), []int64{id}, "", c.next())
	noError(t, "Unmute", err)
	after, _ := activities(t, s, id)
	equal(t, "activity of no change", after, before)
}

func testMuteStandsStill(t *testing.T, open Opener) {
	s, c := openDefault(t, open), newClock()
	id := c.of(t, s, 1, "1.0", "prod", "").IssueID
	_, err := s.Mute(t.Context(), []int64{id}, tracker.Mute{Events: 2}, c.next())
	noError(t, "Mute", err)
	_, err = s.Resolve(t.Context(), []int64{id}, tracker.Fix{In: tracker.FixNext}, c.next())
	noError(t, "Resolve", err)
	alertKinds(t, s, id)
	for range 3 {
		c.of(t, s, 1, "1.0", "prod", "")
	}
	if i := issue(t, s, id); !i.Muted || i.MutedEvents != 2 {
		t.Errorf("while it was resolved: muted %v, %d events left, want 2", i.Muted, i.MutedEvents)
	}
	if out := c.of(t, s, 1, "1.1", "prod", ""); out.Status != tracker.Reopened || out.Unmuted {
		t.Errorf("a newer release: %+v, want it to come back, still muted", out)
	}
	equal(t, "alerts", alertKinds(t, s, id), []tracker.AlertKind{})
	if out := c.of(t, s, 1, "1.1", "prod", ""); !out.Unmuted {
		t.Errorf("the second event: %+v, want it to end the mute", out)
	}
	equal(t, "alerts", alertKinds(t, s, id), []tracker.AlertKind{tracker.AlertUnmuted})
}

func testComments(t *testing.T, open Opener) {
	s, c := openDefault(t, open), newClock()
	id, other := c.of(t, s, 1, "", "prod", "").IssueID, c.of(t, s, 2, "", "prod", "").IssueID
	a, err := s.AddComment(t.Context(), id, "Ann", "<b>first</b>\n", c.next())
	noError(t, "AddComment", err)
	b, err := s.AddComment(t.Context(), id, "", "second", c.next())
	noError(t, "AddComment", err)
	equal(t, "comment", a, tracker.Activity{ID: a.ID, At: c.at.Add(-time.Minute), Kind: tracker.ActComment, Author: "Ann", Text: "<b>first</b>\n"})
	page, err := s.Activities(t.Context(), id, 0, 1)
	noError(t, "Activities", err)
	equal(t, "newest", page, []tracker.Activity{b})
	page, err = s.Activities(t.Context(), id, b.ID, 10)
	noError(t, "Activities", err)
	equal(t, "before", page, []tracker.Activity{a})
	wantKind(t, "delete of another issue", s.DeleteComment(t.Context(), other, a.ID), errs.NotFound)
	noError(t, "DeleteComment", s.DeleteComment(t.Context(), id, a.ID))
	wantKind(t, "delete again", s.DeleteComment(t.Context(), id, a.ID), errs.NotFound)
	ids, err := s.SetAssignee(t.Context(), []int64{other, 999_999, id}, "bob", c.next())
	noError(t, "SetAssignee", err)
	equal(t, "assigned", ids, []int64{other, id})
	equal(t, "assignee", issue(t, s, id).Assignee, "bob")
	page, err = s.Activities(t.Context(), id, 0, 1)
	noError(t, "Activities", err)
	if page[0].Kind != tracker.ActAssigned || page[0].Text != "bob" {
		t.Errorf("activity %+v", page[0])
	}
	wantKind(t, "delete what is no comment", s.DeleteComment(t.Context(), id, page[0].ID), errs.NotFound)
	_, err = s.AddComment(t.Context(), 999_999, "", "x", c.next())
	wantKind(t, "comment on nothing", err, errs.NotFound)
	_, err = s.Activities(t.Context(), 999_999, 0, 5)
	wantKind(t, "activities of nothing", err, errs.NotFound)

	for range tracker.MaxComments - 1 {
		_, err := s.AddComment(t.Context(), id, "", "x", c.next())
		noError(t, "AddComment", err)
	}
	_, err = s.AddComment(t.Context(), id, "", "x", c.next())
	wantKind(t, "one comment too many", err, errs.Conflict)
	for n := range tracker.MaxActivities + 10 {
		_, err := s.SetAssignee(t.Context(), []int64{id}, fmt.Sprint(n), c.next())
		noError(t, "SetAssignee", err)
	}
	kinds, all := activities(t, s, id)
	slices.Sort(kinds)
	if n := len(kinds); n != tracker.MaxComments+tracker.MaxActivities || kinds[tracker.MaxActivities-1] != tracker.ActAssigned || kinds[tracker.MaxActivities] != tracker.ActComment {
		t.Errorf("%d activities are kept, want %d comments and %d others", n, tracker.MaxComments, tracker.MaxActivities)
	}
	if last := all[len(all)-1]; last.Text != fmt.Sprint(tracker.MaxActivities+9) {
		t.Errorf("the newest is %+v", last)
	}
	_, err = s.Delete(t.Context(), []int64{id})
	noError(t, "Delete", err)
	_, err = s.Activities(t.Context(), id, 0, 5)
	wantKind(t, "activities of a deleted issue", err, errs.NotFound)
}

func testMergeActivity(t *testing.T, open Opener) {
	s, c := openDefault(t, open), newClock()
	var ids []int64
	for n := range 3 {
		id := c.of(t, s, n, "1.0", "prod", "").IssueID
		_, err := s.AddComment(t.Context(), id, "", fmt.Sprint("of ", n), c.next())
		noError(t, "AddComment", err)
		ids = append(ids, id)
	}
	a, b := ids[0], ids[1]
	_, err := s.SetAssignee(t.Context(), []int64{a}, "ann", c.next())
	noError(t, "SetAssignee", err)
	_, err = s.Resolve(t.Context(), []int64{a}, tracker.Fix{In: tracker.FixNext}, c.next())
	noError(t, "Resolve", err)
	_, err = s.Mute(t.Context(), []int64{a}, tracker.Mute{Environment: "prod", Events: 7}, c.next())
	noError(t, "Mute", err)
	texts := func(id int64) (texts []string) {
		t.Helper()
		_, all := activities(t, s, id)
		for _, e := range all {
			if e.Kind == tracker.ActComment {
				texts = append(texts, e.Text)
			}
		}
		return texts
	}
	noError(t, "Merge", s.Merge(t.Context(), b, ids[2:], c.next()))
	noError(t, "Merge", s.Merge(t.Context(), a, []int64{b}, c.next()))
	_, err = s.AddComment(t.Context(), a, "", "of all", c.next())
	noError(t, "AddComment", err)
	equal(t, "comments of all", texts(a), []string{"of 0", "of 1", "of 2", "of all"})
	_, all := activities(t, s, a)
	if last := all[len(all)-2]; last.Kind != tracker.ActMerged || last.Other != b {
		t.Errorf("the merge is %+v", last)
	}

	split := map[int]tracker.Issue{}
	for _, n := range []int{1, 2} {
		i, err := s.Unmerge(t.Context(), a, hashOf(n), c.next())
		noError(t, "Unmerge", err)
		split[n] = i
		equal(t, "its comments", texts(i.ID), []string{fmt.Sprint("of ", n)})
		if i.Assignee != "ann" || i.Fix != (tracker.Fix{In: tracker.FixNext, Release: "1.0"}) || !i.Resolved || !i.ResolvedAt.Equal(c.at) {
			t.Errorf("the new issue is %+v, want it assigned and resolved as the one it left", i)
		}
		equal(t, "its mutes", i.MutedIn, []tracker.Mute{{Environment: "prod", Events: 7}})
		_, all := activities(t, s, i.ID)
		if last := all[len(all)-1]; last.Kind != tracker.ActSplitFrom || last.Other != a {
			t.Errorf("the split is %+v", last)
		}
	}
	equal(t, "the others", texts(a), []string{"of 0", "of all"})
	_, all = activities(t, s, a)
	if last := all[len(all)-1]; last.Kind != tracker.ActSplit || last.Other != split[2].ID {
		t.Errorf("the split is %+v", last)
	}
	// What was merged once is not bound to its hash for ever.
	noError(t, "Merge", s.Merge(t.Context(), split[1].ID, []int64{split[2].ID}, c.next()))
	i, err := s.Unmerge(t.Context(), split[1].ID, hashOf(1), c.next())
	noError(t, "Unmerge", err)
	equal(t, "comments of the one that stays", texts(split[1].ID), []string{"of 1", "of 2"})
	equal(t, "comments of a primary hash that leaves", texts(i.ID), []string(nil))
}

func testReplaceActivity(t *testing.T, open Opener) {
	s, c := openDefault(t, open), newClock()
	r := newReport(1, c.next())
	id := record(t, s, r).IssueID
	_, err := s.AddComment(t.Context(), id, "", "hello", c.next())
	noError(t, "AddComment", err)
	_, err = s.SetAssignee(t.Context(), []int64{id}, "ann", c.next())
	noError(t, "SetAssignee", err)
	better := newReport(2, c.next())
	better.ID = r.ID
	out, err := s.Replace(t.Context(), &better.Event, better.key)
	noError(t, "Replace", err)
	if out.IssueID == id || issue(t, s, out.IssueID).Assignee != "ann" {
		t.Errorf("replaced: %+v, want a new issue that is assigned as the old one", out)
	}
	kinds, _ := activities(t, s, out.IssueID)
	equal(t, "activity", kinds, []tracker.ActivityKind{tracker.ActComment, tracker.ActAssigned})
}

func testResolveStale(t *testing.T, open Opener) {
	c := newClock()
	s := open(t, Options{KeepOccurrences: 5, Now: func() time.Time { return c.at }})
	const old, recent, muted, quiet, mutedBefore, done = 0, 1, 2, 3, 4, 5
	ids := map[int]int64{}
	for _, n := range []int{old, muted, quiet, mutedBefore, done} {
		ids[n] = c.of(t, s, n, "", "prod", "").IssueID
	}
	blog := newReport(9, c.next())
	blog.Project = "blog"
	other := record(t, s, blog).IssueID
	border := c.next()
	ids[recent] = c.of(t, s, recent, "", "prod", "").IssueID
	for n, m := range map[int]tracker.Mute{muted: {}, quiet: {Environment: "prod"}, mutedBefore: {Until: c.at.Add(time.Second)}} {
		_, err := s.Mute(t.Context(), []int64{ids[n]}, m, c.at)
		noError(t, "Mute", err)
	}
	_, err := s.Resolve(t.Context(), []int64{ids[done]}, tracker.Fix{In: tracker.FixNext}, c.next())
	noError(t, "Resolve", err)
	project, err := s.ProjectList(t.Context())
	noError(t, "ProjectList", err)
	shop := project[slices.IndexFunc(project, func(p tracker.Project) bool { return p.Name == "shop" })].ID
	at := c.next()
	for _, want := range []int{1, 1, 0} {
		n, err := s.ResolveStale(t.Context(), shop, border, at, 1)
		noError(t, "ResolveStale", err)
		equal(t, "resolved", n, want)
	}
	for n, id := range ids {
		i := issue(t, s, id)
		if want := n == old || n == mutedBefore || n == done; i.Resolved != want {
			t.Errorf("issue %d is resolved %v, want %v", n, i.Resolved, want)
		}
	}
	if issue(t, s, other).Resolved || !issue(t, s, ids[old]).ResolvedAt.Equal(at) {
		t.Error("an issue of another project was resolved, or at another time")
	}
	kinds, _ := activities(t, s, ids[old])
	equal(t, "activity", kinds, []tracker.ActivityKind{tracker.ActAutoResolved})
	if out := c.of(t, s, old, "", "prod", ""); out.Status != tracker.Reopened {
		t.Errorf("one more event: %+v, want it to come back", out)
	}

	noError(t, "SaveSettings", s.SaveSettings(t.Context(), shop, &tracker.Settings{AutoResolve: 14}))
	days, err := s.AutoResolving(t.Context())
	noError(t, "AutoResolving", err)
	equal(t, "projects", days, map[int64]int{shop: 14})
}

func testDeleteSeenLately(t *testing.T, open Opener) {
	s, c := openDefault(t, open), newClock()
	id := c.of(t, s, 1, "1.0", "prod", "").IssueID
	_, err := s.Resolve(t.Context(), []int64{id}, tracker.Fix{In: tracker.FixNext}, c.next())
	noError(t, "Resolve", err)
	border := c.next()
	c.of(t, s, 1, "1.0", "prod", "") // an old release still reports
	n, err := s.DeleteResolvedBefore(t.Context(), border, 10)
	noError(t, "DeleteResolvedBefore", err)
	equal(t, "deleted", n, 0)
	n, err = s.DeleteResolvedBefore(t.Context(), c.next(), 10)
	noError(t, "DeleteResolvedBefore", err)
	equal(t, "deleted later", n, 1)
}
