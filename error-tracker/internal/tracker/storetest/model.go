package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/release"
)

// model is a tracker.Store as one would write it without a thought of speed:
// it keeps every event and adds up what is asked for.
type model struct {
	keep   int
	hashes map[int]*modelHash
	issues map[int64]*modelIssue
	sent   map[event.ID]bool
	seen   []release.Release // in the order in which they came
}

// modelComment is a comment, and the hash that brought it in a merge, or -1.
type modelComment struct {
	text string
	hash int
}

type modelHash struct {
	number int
	issue  int64
	events []modelEvent
}

type modelEvent struct {
	id           event.ID
	at           time.Time
	env, release string
	user         string
	browser      bool
	dropped      bool // may have been pushed out of the kept ones
}

type modelIssue struct {
	primary     int
	resolved    bool
	resolvedAt  time.Time
	fix         tracker.Fix
	comments    []modelComment
	regressedAt time.Time
	wasResolved time.Time
	muted       bool
}

// hashesOf are the hashes of an issue, oldest first.
func (m *model) hashesOf(id int64) []*modelHash {
	var all []*modelHash
	for _, h := range m.hashes {
		if h.issue == id {
			all = append(all, h)
		}
	}
	slices.SortFunc(all, func(a, b *modelHash) int { return a.events[0].at.Compare(b.events[0].at) })
	return all
}

// eventsOf are the events of an issue, newest first.
func (m *model) eventsOf(id int64) []*modelEvent {
	var all []*modelEvent
	for _, h := range m.hashesOf(id) {
		for i := range h.events {
			all = append(all, &h.events[i])
		}
	}
	slices.SortFunc(all, func(a, b *modelEvent) int { return b.at.Compare(a.at) })
	return all
}

func (m *model) isFirst(e *modelEvent) bool {
	for _, h := range m.hashes {
		if h.events[0].id == e.id {
			return true
		}
	}
	return false
}

func (m *model) record(n int, e modelEvent) tracker.Status {
	if m.sent[e.id] {
		return tracker.Duplicate
	}
	m.sent[e.id] = true
	of := m.release(e.release, e.at)
	h := m.hashes[n]
	if h == nil {
		return tracker.Created // the caller learns the ID and adds it
	}
	h.events = append(h.events, e)
	kept := 0
	for _, old := range m.eventsOf(h.issue) {
		// Those that were to be dropped count, too: the store drops step by step,
		// so that after a merge they may push out older ones.
		if m.isFirst(old) {
			continue
		}
		if kept++; kept > m.keep {
			old.dropped = true
		}
	}
	i := m.issues[h.issue]
	if i.resolved && i.fix.Reopens(m.release(i.fix.Release, e.at), of) {
		i.fix = tracker.Fix{}
		i.resolved, i.wasResolved, i.resolvedAt, i.regressedAt = false, i.resolvedAt, time.Time{}, e.at
		return tracker.Reopened
	}
	return tracker.Incremented
}

// release is one by its name, which may be the first time.
func (m *model) release(name string, at time.Time) release.Release {
	i := slices.IndexFunc(m.seen, func(r release.Release) bool { return r.Name == name })
	if i < 0 && name != "" {
		i = len(m.seen)
		m.seen = append(m.seen, release.Release{Name: name, Seen: at})
	}
	if i < 0 {
		return release.Release{}
	}
	return m.seen[i]
}

// fixed is the fix that f becomes for an issue.
func (m *model) fixed(f tracker.Fix, id int64) tracker.Fix {
	among := m.seen
	switch f.In {
	case tracker.FixAnywhere:
		return f
	case tracker.FixThis:
		among = nil
		for _, e := range m.eventsOf(id) {
			if e.release != "" {
				among = append(among, m.release(e.release, e.at))
			}
		}
	}
	newest, ok := release.Newest(among)
	if !ok {
		return tracker.Fix{}
	}
	f.Release = newest.Name
	return f
}

// want is what the store should say about an issue.
func (m *model) want(id int64) tracker.Issue {
	i := m.issues[id]
	w := tracker.Issue{ID: id, Project: "shop", Platform: "python", Level: "error", Type: "ValueError", Source: tracker.Server,
		Resolved: i.resolved, ResolvedAt: i.resolvedAt, Fix: i.fix, RegressedAt: i.regressedAt, WasResolved: i.wasResolved, Muted: i.muted,
		Fingerprint: hashOf(i.primary), Message: fmt.Sprintf("value %d", i.primary), Culprit: fmt.Sprintf("load%d in app/orders.py", i.primary),
		Environment: m.hashes[i.primary].events[0].env}
	events := m.eventsOf(id)
	users := map[string]bool{}
	for _, e := range events { // newest first
		w.Count++
		if e.user != "" {
			users[e.user] = true
		}
		if e.browser {
			w.Source = tracker.Browser
		}
		if w.LastRelease == "" {
			w.LastRelease = e.release
		}
	}
	w.Users = int64(len(users))
	w.LastSeen, w.FirstSeen = events[0].at, events[len(events)-1].at
	w.FirstRelease = events[len(events)-1].release
	return w
}

func testModel(t *testing.T, open Opener) {
	const steps, errorsKnown = 1500, 12
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	m := &model{keep: 4, hashes: map[int]*modelHash{}, issues: map[int64]*modelIssue{}, sent: map[event.ID]bool{}}
	s := open(t, Options{KeepOccurrences: m.keep, Now: fixedNow})
	now := start
	var recent []*report
	someIssue := func() int64 {
		var ids []int64
		for id := range m.issues {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		if len(ids) == 0 {
			return 0
		}
		return ids[rng.IntN(len(ids))]
	}
	pick := func(from ...string) string { return from[rng.IntN(len(from))] }
	for step := range steps {
		now = now.Add(time.Duration(1+rng.IntN(40)) * time.Minute)
		id := someIssue()
		switch op := rng.IntN(20); {
		case op < 12 || id == 0:
			n := rng.IntN(errorsKnown)
			r := newReport(n, now)
			r.Environment, r.Release, r.User.ID = pick("prod", "dev", ""), pick("1.0", "1.1", "1.2", "nightly", ""), pick("", "a", "b", "c")
			if rng.IntN(6) == 0 {
				r.Request.Method = tracker.BrowserMethod
			}
			if len(recent) > 0 && rng.IntN(10) == 0 {
				r = recent[rng.IntN(len(recent))]
				n = int(r.key.Hash[15])
			}
			recent = append(recent, r)
			e := modelEvent{id: r.ID, at: r.ReceivedAt, env: r.Environment, release: r.Release, user: r.User.ID, browser: r.Request.Method != ""}
			want := m.record(n, e)
			out := record(t, s, r)
			if out.Status != want {
				t.Fatalf("step %d: record %d = %+v, want %s", step, n, out, want)
			}
			if want == tracker.Created {
				m.hashes[n] = &modelHash{number: n, issue: out.IssueID, events: []modelEvent{e}}
				m.issues[out.IssueID] = &modelIssue{primary: n}
			}
			if h := m.hashes[n]; want != tracker.Duplicate && (out.IssueID != h.issue || out.Count != m.want(h.issue).Count) {
				t.Fatalf("step %d: record %d = %+v, want issue %d with %d events", step, n, out, h.issue, m.want(h.issue).Count)
			}
		case op == 12:
			f := tracker.Fix{In: tracker.FixIn(pick("", "this", "next"))}
			_, err := s.Resolve(t.Context(), []int64{id}, f, now)
			noError(t, "Resolve", err)
			if i := m.issues[id]; !i.resolved {
				i.resolved, i.resolvedAt = true, now
			}
			m.issues[id].fix = m.fixed(f, id)
		case op == 13:
			_, err := s.Unresolve(t.Context(), []int64{id}, start)
			noError(t, "Unresolve", err)
			m.issues[id].resolved, m.issues[id].resolvedAt, m.issues[id].fix = false, time.Time{}, tracker.Fix{}
		case op == 14:
			m.issues[id].muted = !m.issues[id].muted
			var err error
			if m.issues[id].muted {
				_, err = s.Mute(t.Context(), []int64{id}, tracker.Mute{}, start)
			} else {
				_, err = s.Unmute(t.Context(), []int64{id}, "", start)
			}
			noError(t, "Mute", err)
		case op == 15 && rng.IntN(2) == 0:
			text := fmt.Sprint("comment ", step)
			_, err := s.AddComment(t.Context(), id, "", text, now)
			noError(t, "AddComment", err)
			m.issues[id].comments = append(m.issues[id].comments, modelComment{text, -1})
		case op == 15 && rng.IntN(2) == 0:
			_, err := s.Delete(t.Context(), []int64{id})
			noError(t, "Delete", err)
			for n, h := range m.hashes {
				if h.issue == id {
					delete(m.hashes, n)
				}
			}
			delete(m.issues, id)
		case op <= 17:
			sources := []int64{someIssue(), someIssue()}
			noError(t, "Merge", s.Merge(t.Context(), id, sources, start))
			for _, source := range sources {
				if source == id {
					continue
				}
				for _, h := range m.hashes {
					if h.issue == source {
						h.issue = id
					}
				}
				if from := m.issues[source]; from != nil {
					for _, c := range from.comments {
						if c.hash < 0 {
							c.hash = from.primary
						}
						m.issues[id].comments = append(m.issues[id].comments, c)
					}
				}
				delete(m.issues, source)
			}
		default:
			hashes := m.hashesOf(id)
			h := hashes[rng.IntN(len(hashes))]
			got, err := s.Unmerge(t.Context(), id, hashOf(h.number), now)
			if len(hashes) == 1 {
				if err == nil {
					t.Fatalf("step %d: the last hash left", step)
				}
				break
			}
			noError(t, "Unmerge", err)
			old := m.issues[id]
			m.issues[got.ID] = &modelIssue{primary: h.number, resolved: old.resolved, fix: old.fix, muted: old.muted}
			old.comments = slices.DeleteFunc(old.comments, func(c modelComment) bool {
				leaves := c.hash == h.number
				if leaves {
					m.issues[got.ID].comments = append(m.issues[got.ID].comments, modelComment{c.text, -1})
				}
				return leaves
			})
			if old.resolved {
				m.issues[got.ID].resolvedAt = now
			}
			h.issue = got.ID
			if old.primary == h.number {
				old.primary = m.hashesOf(id)[0].number
			}
		}
		if step%10 == 0 || step == steps-1 {
			m.compare(t, s, step)
		}
		if t.Failed() {
			t.Fatalf("after step %d", step)
		}
	}
}

func (m *model) compare(t *testing.T, s tracker.Store, step int) {
	t.Helper()
	page := list(t, s, tracker.IssueQuery{State: tracker.AnyState, Limit: tracker.MaxPage})
	if len(page.Issues) != len(m.issues) {
		t.Errorf("step %d: %d issues, want %d", step, len(page.Issues), len(m.issues))
		return
	}
	var totals tracker.Totals
	for _, got := range page.Issues {
		if m.issues[got.ID] == nil {
			t.Errorf("step %d: issue %d should not be there", step, got.ID)
			return
		}
		equal(t, "issue", got, m.want(got.ID))
		m.compareEvents(t, s, got.ID)
		m.compareCounters(t, s, got.ID)
		m.compareComments(t, s, got.ID)
		totals.Events += got.Count
	}
	got, err := s.Totals(t.Context())
	noError(t, "Totals", err)
	if got.Events != totals.Events || got.Issues != int64(len(m.issues)) {
		t.Errorf("step %d: totals %+v, want %d events", step, got, totals.Events)
	}
}

// compareEvents checks that nothing is missing among the kept events, and that
// nothing is there that never was. A store may keep more than it must.
func (m *model) compareEvents(t *testing.T, s tracker.Store, id int64) {
	t.Helper()
	events := m.eventsOf(id)
	var at int
	for _, got := range eventIDs(t, s, id) {
		for at < len(events) && events[at].id != got {
			if !events[at].dropped {
				t.Errorf("issue %d: event of %v is missing", id, events[at].at)
			}
			at++
		}
		if at == len(events) {
			t.Errorf("issue %d: kept event %s is not one of its, or out of order", id, got)
			return
		}
		at++
	}
	for ; at < len(events); at++ {
		if !events[at].dropped {
			t.Errorf("issue %d: event of %v is missing", id, events[at].at)
		}
	}
	first, err := s.FirstOccurrence(t.Context(), id)
	noError(t, "FirstOccurrence", err)
	equal(t, "first event", first.Event.ID, m.hashes[m.issues[id].primary].events[0].id)
}

func (m *model) compareCounters(t *testing.T, s tracker.Store, id int64) {
	t.Helper()
	groups, err := s.Groups(t.Context(), id)
	noError(t, "Groups", err)
	hashes := m.hashesOf(id)
	if len(groups) != len(hashes) {
		t.Errorf("issue %d: %d groups, want %d", id, len(groups), len(hashes))
	}
	for i, g := range groups {
		h := m.hashes[int(g.Hash[15])]
		if h.issue != id || g.Count != int64(len(h.events)) || !g.CreatedAt.Equal(h.events[0].at) || !g.LastSeen.Equal(h.events[len(h.events)-1].at) || g.Primary != (i == 0) {
			t.Errorf("issue %d: group %+v, want %d events", id, g, len(h.events))
		}
	}
	envs, buckets := map[string]int64{}, map[int64]int64{}
	for _, e := range m.eventsOf(id) {
		if e.env != "" {
			envs[e.env]++
		}
		buckets[int64(e.at.Sub(start.Truncate(time.Hour))/(24*time.Hour))]++
	}
	shares, err := s.IssueEnvironments(t.Context(), id)
	noError(t, "IssueEnvironments", err)
	got := map[string]int64{}
	for _, v := range shares {
		got[v.Value] = v.Count
	}
	equal(t, "environments", got, envs)
	const days = 60
	counts, err := s.Counts(t.Context(), []int64{id}, tracker.Scope{}, start.Truncate(time.Hour), 24*time.Hour, days)
	noError(t, "Counts", err)
	for day := range int64(days) {
		if counts[id][day] != buckets[day] {
			t.Errorf("issue %d: %d events on day %d, want %d", id, counts[id][day], day, buckets[day])
		}
	}
	for env := range envs {
		if page := list(t, s, tracker.IssueQuery{Environment: env, State: tracker.AnyState, Limit: tracker.MaxPage}); !slices.Contains(idsOf(page.Issues), id) {
			t.Errorf("issue %d is not listed in %s", id, env)
		}
	}
}

func (m *model) compareComments(t *testing.T, s tracker.Store, id int64) {
	t.Helper()
	all, err := s.Activities(t.Context(), id, 0, 1000)
	noError(t, "Activities", err)
	var got, want []string
	for _, a := range all {
		if a.Kind == tracker.ActComment {
			got = append(got, a.Text)
		}
	}
	for _, c := range m.issues[id].comments {
		want = append(want, c.text)
	}
	slices.Sort(got)
	slices.Sort(want)
	equal(t, "comments", got, want)
}
