package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/search"
)

// searched is a search that a test knows to be right.
func searched(t *testing.T, text string) search.Query {
	t.Helper()
	q, err := search.Parse(text)
	noError(t, text, err)
	return q
}

// fact is an event as the tests of numbers remember it.
type fact struct {
	issue                     int64
	at                        time.Time
	env, release, user, shard string
}

// matches tells whether an event fits a search that has only terms of the kinds
// that testNumbers uses.
func (f *fact) matches(q search.Query, since time.Time) bool {
	for _, t := range q.Terms {
		name := t.Name
		if t.Kind == search.Has {
			name = t.Value.Text
		}
		value := map[string]string{"environment": f.env, "release": f.release, "user.id": f.user, "shard": f.shard}[name]
		ok := value != "" && t.Value.Match(value)
		if t.Kind == search.Has {
			ok = value != ""
		}
		if ok == t.Not {
			return false
		}
	}
	return !f.at.Before(since)
}

func fillFacts(t *testing.T, s tracker.Store, rng *rand.Rand, n int) []fact {
	t.Helper()
	pick := func(from ...string) string { return from[rng.IntN(len(from))] }
	var all []fact
	for i := range n {
		f := fact{at: start.Add(time.Duration(i) * 7 * time.Minute), env: pick("", "prod", "prod", "dev"), release: pick("", "1.4.1", "1.4.2", "1.5.0"),
			user: pick("", "ann", "bob", "cem"), shard: pick("", "eu-1", "eu-2", "us-1")}
		r := newReport(rng.IntN(8), f.at)
		r.Environment, r.Release, r.User.ID = f.env, f.release, f.user
		if f.shard != "" {
			r.Tags = []event.Tag{{Name: "shard", Value: f.shard}}
		}
		f.issue = record(t, s, r).IssueID
		all = append(all, f)
	}
	return all
}

// agrees checks a number of a list against the true one.
func agrees(t *testing.T, what string, got, want int64, is tracker.Bound, about int64) {
	t.Helper()
	ok := got == want
	switch is {
	case tracker.AtMost:
		ok = got >= want
	case tracker.AtLeast:
		ok = got <= want
	case tracker.About:
		ok = about < 0 || got-want <= about && want-got <= about
	case tracker.Exact:
	}
	if !ok {
		t.Errorf("%s is %v%d, but it is %d", what, is, got, want)
	}
}

// testNumbers compares the numbers of lists with those of the events that match.
func testNumbers(t *testing.T, open Opener) {
	s := openDefault(t, open)
	rng := rand.New(rand.NewPCG(8, 9))
	facts := fillFacts(t, s, rng, 250)
	check := func(stage string) {
		for _, text := range []string{
			"", "environment:prod", "-environment:prod", "has:environment", "-has:release", "release:1.4.*", "-release:1.4.*", "release:1.5.0 environment:dev",
			"shard:eu-1", "shard:eu-*", "has:shard", "-shard:eu-1", "-has:shard", "user.id:ann", "user:bob env:prod", "shard:eu-1 release:1.4.2",
			"shard:eu-1 user:ann", "has:shard -user:ann", "environment:none", "shard:none", `release:"1.4.*"`,
		} {
			for _, since := range []time.Time{{}, start.Add(20*time.Hour + 30*time.Minute), start.Add(30*time.Hour + 11*time.Minute)} {
				for _, sort := range []tracker.Sort{tracker.ByLastSeen, tracker.ByCount, tracker.ByUsers, tracker.ByFirstSeen, tracker.ByTrend} {
					q := tracker.IssueQuery{Filter: searched(t, text), Since: since, Sort: sort, State: tracker.AnyState}
					compareNumbers(t, s, fmt.Sprintf("%s: %q since %v by %s", stage, text, since, sort), facts, q)
					if t.Failed() {
						return
					}
				}
			}
		}
	}
	check("recorded")
	var ids []int64
	for _, f := range facts {
		if !slices.Contains(ids, f.issue) {
			ids = append(ids, f.issue)
		}
	}
	hashes := map[int64]tracker.Hash{}
	for _, id := range ids {
		hashes[id] = issue(t, s, id).Fingerprint
	}
	noError(t, "Merge", s.Merge(t.Context(), ids[0], ids[1:3], start))
	apart := slices.Clone(facts)
	for i := range facts {
		if slices.Contains(ids[1:3], facts[i].issue) {
			facts[i].issue = ids[0]
		}
	}
	check("merged")
	for _, id := range ids[1:3] {
		got, err := s.Unmerge(t.Context(), ids[0], hashes[id], start)
		noError(t, "Unmerge", err)
		for i := range facts {
			if apart[i].issue == id {
				facts[i].issue = got.ID
			}
		}
	}
	check("taken apart")
}

func compareNumbers(t *testing.T, s tracker.Store, what string, facts []fact, q tracker.IssueQuery) {
	t.Helper()
	type truth struct {
		n           int64
		first, last time.Time
		users       map[string]bool
	}
	want := map[int64]*truth{}
	for i := range facts {
		f := &facts[i]
		if !f.matches(q.Filter, q.Since) {
			continue
		}
		w := want[f.issue]
		if w == nil {
			w = &truth{first: f.at, users: map[string]bool{}}
			want[f.issue] = w
		}
		w.n, w.last = w.n+1, f.at
		if f.user != "" {
			w.users[f.user] = true
		}
	}
	page := list(t, s, q)
	several := strings.Count(q.Filter.String(), "shard") + strings.Count(q.Filter.String(), "user.id")
	vague := several > 1 || several > 0 && !q.Since.IsZero()
	if !vague && (int(page.Total) != len(want) || len(page.Issues) != len(want)) {
		t.Errorf("%s: %d issues, want %d", what, page.Total, len(want))
	}
	for _, i := range page.Issues {
		w := want[i.ID]
		if w == nil {
			if !vague {
				t.Errorf("%s: issue %d should not be there", what, i.ID)
			}
			continue
		}
		name := fmt.Sprintf("%s: issue %d: ", what, i.ID)
		agrees(t, name+"count", i.Count, w.n, i.CountIs, -1)
		agrees(t, name+"users", i.Users, int64(len(w.users)), i.UsersIs, -1)
		hour := time.Hour.Milliseconds()
		if vague || several > 0 {
			hour = -1
		}
		agrees(t, name+"first seen", i.FirstSeen.UnixMilli(), w.first.UnixMilli(), i.FirstIs, hour)
		agrees(t, name+"last seen", i.LastSeen.UnixMilli(), w.last.UnixMilli(), i.LastIs, hour)
		if !vague && q.Since.IsZero() && several == 0 && i.CountIs != tracker.Exact {
			t.Errorf("%s: the count is not exact", name)
		}
		delete(want, i.ID)
	}
	if len(want) > 0 {
		t.Errorf("%s: %d issues are missing", what, len(want))
	}
}

// testTrend: the last hours count against those before.
func testTrend(t *testing.T, open Opener) {
	s := openDefault(t, open) // now is a day after start
	now := fixedNow()
	var ids []int64
	for n, ages := range [][]time.Duration{{0, 1, 2}, {0, 25}, {26, 27, 30}, {100}} {
		slices.Reverse(ages)
		var id int64
		for _, age := range ages {
			id = record(t, s, newReport(n, now.Add(-age*time.Hour))).IssueID
		}
		ids = append(ids, id)
	}
	page := list(t, s, tracker.IssueQuery{Sort: tracker.ByTrend})
	equal(t, "order", idsOf(page.Issues), []int64{ids[0], ids[3], ids[1], ids[2]})
	var trends []int64
	for _, i := range page.Issues {
		trends = append(trends, i.Trend)
	}
	equal(t, "trends", trends, []int64{3, 0, 0, -3})
}

// testPaging turns pages while events arrive: no issue comes twice, and none is
// left out that stayed as it was.
func testPaging(t *testing.T, open Opener) {
	for _, sort := range []tracker.Sort{tracker.ByLastSeen, tracker.ByFirstSeen, tracker.ByCount, tracker.ByUsers, tracker.ByTrend} {
		for _, text := range []string{"", "environment:prod shard:eu-*"} {
			now := start.Add(50 * time.Hour)
			s := open(t, Options{KeepOccurrences: 2, Now: func() time.Time { return now }})
			rng := rand.New(rand.NewPCG(10, 11))
			report := func(n int) int64 {
				r := newReport(n, now)
				r.Environment, r.User.ID = []string{"prod", "dev"}[rng.IntN(2)], fmt.Sprint(rng.IntN(9))
				r.Tags = []event.Tag{{Name: "shard", Value: []string{"eu-1", "us-1"}[rng.IntN(2)]}}
				return record(t, s, r).IssueID
			}
			now = start
			for range 90 {
				now = now.Add(30 * time.Minute)
				report(rng.IntN(30))
			}
			q := tracker.IssueQuery{Sort: sort, Filter: searched(t, text), Limit: 5}
			whole := q
			whole.Limit = tracker.MaxPage
			before := idsOf(list(t, s, whole).Issues)
			touched, seen := map[int64]bool{}, map[int64]bool{}
			for {
				page := list(t, s, q)
				for _, i := range page.Issues {
					if seen[i.ID] {
						t.Fatalf("%q by %s: issue %d comes twice", text, sort, i.ID)
					}
					seen[i.ID] = true
				}
				if !page.More {
					break
				}
				q.After = page.Next(sort)
				for range 2 {
					now = now.Add(13 * time.Minute)
					touched[report(rng.IntN(35))] = true
				}
			}
			for _, id := range before {
				if !seen[id] && !touched[id] {
					t.Errorf("%q by %s: issue %d was left out", text, sort, id)
				}
			}
		}
	}
}

// testTerms finds issues by what they are and by what was done about them.
func testTerms(t *testing.T, open Opener) {
	s := openDefault(t, open)
	var ids []int64
	for n := range 5 {
		r := newReport(n, start)
		caught := n == 1
		r.Exceptions[0].Mechanism.Handled = &caught
		r.key.Title = []string{"KeyError", "ValueError", "TypeError"}[n%3]
		if n == 2 {
			r.Request.Method = tracker.BrowserMethod
		}
		r.ReceivedAt = start.Add(time.Duration(n) * time.Hour)
		ids = append(ids, record(t, s, r).IssueID)
	}
	_, err := s.Resolve(t.Context(), ids[:2], tracker.Fix{}, start.Add(5*time.Hour))
	noError(t, "Resolve", err)
	_, err = s.Mute(t.Context(), ids[2:3], tracker.Mute{}, start)
	noError(t, "Mute", err)
	_, err = s.SetAssignee(t.Context(), ids[3:4], "ann", start)
	noError(t, "SetAssignee", err)
	record(t, s, newReport(1, start.Add(6*time.Hour))) // comes back
	for text, want := range map[string][]int{
		"is:unresolved": {1, 2, 3, 4}, "is:resolved": {0}, "-is:resolved": {1, 2, 3, 4}, "is:muted": {2}, "is:active": {1, 3, 4}, "is:regressed": {1},
		"is:assigned": {3}, "is:unassigned -is:muted": {0, 1, 4}, "assigned:ann": {3}, "assigned:a*": {3}, "-assigned:ann is:active": {1, 4},
		"is:handled": {1}, "is:unhandled": {0, 2, 3, 4}, "is:minified": {}, "type:KeyError": {0, 3}, "type:*Error -type:Key*": {1, 2, 4},
		"source:browser": {2}, "-source:browser is:active": {1, 3, 4}, "project:shop is:muted": {2}, "-project:shop": {}, "platform:python load3": {3},
		`culprit:"load4 in app/orders.py"`: {4}, "culprit:load[4]*": {}, "-load1 -load2": {0, 3, 4}, `message:"value 0"`: {0}, "is:new": {1, 2, 3, 4}, "level:ERROR load0": {0},
	} {
		var got []int
		for _, i := range list(t, s, tracker.IssueQuery{State: tracker.AnyState, Filter: searched(t, text)}).Issues {
			got = append(got, slices.Index(ids, i.ID))
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s finds %v, want %v", text, got, want)
		}
	}
}
