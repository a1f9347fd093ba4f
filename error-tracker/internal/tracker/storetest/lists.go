package storetest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
)

// listed is what an issue of testLists is expected to be found by.
type listed struct {
	id                 int64
	project            string
	envs               []string
	browser            bool
	resolved           bool
	muted, mutedBefore bool // mutedBefore: until a time that is over
	events             []listedEvent
	culprit            string
	sessions           []string
	release, title     string
}

// listedEvent is an event of one, each of another person.
type listedEvent struct {
	env  string
	at   time.Time
	user bool
}

// fillIssues makes issues of every kind, with many ties in what lists sort by.
func fillIssues(t *testing.T, s tracker.Store, rng *rand.Rand, n int) []listed {
	t.Helper()
	pick := func(from ...string) string { return from[rng.IntN(len(from))] }
	var all []listed
	for i := range n {
		l := listed{project: pick("shop", "blog", "api"), browser: rng.IntN(3) == 0,
			culprit: fmt.Sprintf("f%d in app/%s.py", i, pick("orders", "users")), release: pick("1.0", "2.0"), title: pick("KeyError", "ValueError")}
		at := start.Add(time.Duration(rng.IntN(4)) * time.Hour)
		for person := range 1 + rng.IntN(4) {
			r := newReport(1000+i, at)
			r.Project, r.Environment, r.Release = l.project, pick("prod", "dev", "qa"), l.release
			r.key.Culprit, r.key.Title, r.key.Message = l.culprit, l.title, ""
			if l.browser {
				r.Request.Method = tracker.BrowserMethod
			}
			if rng.IntN(2) == 0 {
				session := fmt.Sprintf("session-%d", rng.IntN(5))
				r.Extra = []byte(`{"session_id":"` + session + `"}`)
				l.sessions = append(l.sessions, session)
			}
			if !slices.Contains(l.envs, r.Environment) {
				l.envs = append(l.envs, r.Environment)
			}
			if rng.IntN(2) == 0 {
				r.User.ID = fmt.Sprint(person)
			}
			l.id = record(t, s, r).IssueID
			l.events = append(l.events, listedEvent{r.Environment, at, r.User.ID != ""})
			at = at.Add(time.Duration(rng.IntN(2)) * time.Hour)
		}
		switch rng.IntN(5) {
		case 0:
			l.resolved = true
		case 1:
			l.muted = true
		case 2:
			l.mutedBefore = true
		}
		all = append(all, l)
	}
	var resolve, mute, mutedBefore []int64
	for _, l := range all {
		if l.resolved {
			resolve = append(resolve, l.id)
		}
		if l.muted {
			mute = append(mute, l.id)
		}
		if l.mutedBefore {
			mutedBefore = append(mutedBefore, l.id)
		}
	}
	_, err := s.Resolve(t.Context(), resolve, tracker.Fix{}, start.Add(20*time.Hour))
	noError(t, "Resolve", err)
	_, err = s.Mute(t.Context(), mute, tracker.Mute{}, start)
	noError(t, "Mute", err)
	_, err = s.Mute(t.Context(), mutedBefore, tracker.Mute{Until: fixedNow().Add(-time.Second)}, start)
	noError(t, "Mute", err)
	return all
}

// value is what l is sorted by in a list of q.
func (l *listed) value(q tracker.IssueQuery) int64 {
	var first, last, count, users int64
	for _, e := range l.events { // oldest first
		if q.Environment != "" && e.env != q.Environment {
			continue
		}
		if e.user {
			users++ // of all time, which is the best that is known
		}
		if e.at.Before(q.Since) {
			continue
		}
		if count++; count == 1 {
			first = e.at.UnixMilli()
		}
		last = e.at.UnixMilli()
	}
	switch q.Sort {
	case tracker.ByFirstSeen:
		return first
	case tracker.ByCount:
		return count
	case tracker.ByUsers:
		return users
	}
	return last
}

// last is when l was last seen in a list of q.
func (l *listed) last(q tracker.IssueQuery) time.Time {
	q.Sort = tracker.ByLastSeen
	return time.UnixMilli(l.value(q))
}

func (l *listed) matches(q tracker.IssueQuery) bool {
	switch q.State {
	case tracker.Unresolved:
		if l.resolved {
			return false
		}
	case tracker.Resolved:
		if !l.resolved {
			return false
		}
	case tracker.Muted:
		if l.resolved || !l.muted {
			return false
		}
	case tracker.Active:
		if l.resolved || l.muted {
			return false
		}
	}
	text := strings.ToLower(l.title + "\n" + l.culprit + "\n" + l.release)
	for _, w := range strings.Fields(strings.ToLower(q.Search)) {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return (q.Project == "" || q.Project == l.project) &&
		(q.Environment == "" || slices.Contains(l.envs, q.Environment)) &&
		(q.Source == "" || (q.Source == tracker.Browser) == l.browser) &&
		(q.SessionID == "" || slices.Contains(l.sessions, q.SessionID)) &&
		(q.Since.IsZero() || !l.last(q).Before(q.Since))
}

func testLists(t *testing.T, open Opener) {
	s := openDefault(t, open)
	rng := rand.New(rand.NewPCG(3, 4))
	all := fillIssues(t, s, rng, 120)
	pick := func(from ...string) string { return from[rng.IntN(len(from))] }
	sorts := []tracker.Sort{"", tracker.ByLastSeen, tracker.ByFirstSeen, tracker.ByCount, tracker.ByUsers}
	states := []tracker.State{tracker.Unresolved, tracker.Resolved, tracker.Muted, tracker.Active, tracker.AnyState}
	for n := range 300 {
		q := tracker.IssueQuery{Sort: sorts[n%len(sorts)], State: states[n/len(sorts)%len(states)], Limit: 1 + rng.IntN(40)}
		if n >= len(sorts)*len(states) { // first every pair alone, then with filters
			q.Project = pick("", "", "shop", "blog", "nobody's")
			q.Environment = pick("", "", "prod", "dev", "none")
			q.Source = tracker.Source(pick("", "", string(tracker.Browser), string(tracker.Server)))
			q.SessionID = pick("", "", "", "", "session-1", "session-9")
			q.Search = pick("", "", "ORDERS", "key 2.0", "f1 users")
			if q.Sort != tracker.ByFirstSeen && rng.IntN(3) == 0 { // a first time since then is only known to the hour
				q.Since = start.Add(time.Duration(rng.IntN(6)) * time.Hour)
			}
		}
		var want []int64
		matching := slices.DeleteFunc(slices.Clone(all), func(l listed) bool { return !l.matches(q) })
		slices.SortFunc(matching, func(a, b listed) int {
			return cmp.Or(cmp.Compare(b.value(q), a.value(q)), cmp.Compare(b.id, a.id))
		})
		for _, l := range matching {
			want = append(want, l.id)
		}
		equal(t, fmt.Sprintf("%+v", q), allPages(t, s, q, len(want)), want)
		if t.Failed() {
			return // one difference says it all
		}
	}
}

// allPages follows the cursors to the end.
func allPages(t *testing.T, s tracker.Store, q tracker.IssueQuery, total int) []int64 {
	t.Helper()
	var ids []int64
	for {
		page := list(t, s, q)
		if q.After == (tracker.Cursor{}) && page.Total != int64(total) {
			t.Errorf("%+v: total %d, want %d", q, page.Total, total)
		}
		for _, i := range page.Issues {
			ids = append(ids, i.ID)
		}
		if len(page.Issues) > q.Limit || page.More && len(page.Issues) != q.Limit {
			t.Fatalf("%+v: a page of %d", q, len(page.Issues))
		}
		if !page.More {
			return ids
		}
		if len(ids) > total {
			t.Fatalf("%+v: more issues than there are: %v", q, ids)
		}
		q.After = page.Next(q.Sort)
	}
}

func testOffset(t *testing.T, open Opener) {
	s := openDefault(t, open)
	var want []int64
	for n := range 10 {
		want = append([]int64{record(t, s, newReport(n, start.Add(time.Duration(n)*time.Second))).IssueID}, want...)
	}
	var got []int64
	for offset := 0; offset < 14; offset += 3 {
		page := list(t, s, tracker.IssueQuery{Limit: 3, Offset: offset})
		got = append(got, idsOf(page.Issues)...)
		if page.Total != 10 || page.More != (offset+3 < 10) {
			t.Errorf("offset %d: total %d, more %v", offset, page.Total, page.More)
		}
	}
	equal(t, "pages", got, want)
	if n := len(list(t, s, tracker.IssueQuery{}).Issues); n != 10 {
		t.Errorf("no limit: %d issues, want 10", n)
	}
	_, err := s.Issues(t.Context(), tracker.IssueQuery{Offset: -1})
	wantKind(t, "negative offset", err, errs.Invalid)
	_, err = s.Issues(t.Context(), tracker.IssueQuery{Sort: "name; DROP TABLE issues"})
	wantKind(t, "unknown sort", err, errs.Invalid)
	_, err = s.Issues(t.Context(), tracker.IssueQuery{State: "x"})
	wantKind(t, "unknown state", err, errs.Invalid)
	_, err = s.Issues(t.Context(), tracker.IssueQuery{Source: "x"})
	wantKind(t, "unknown source", err, errs.Invalid)
}

func testSearch(t *testing.T, open Opener) {
	s := openDefault(t, open)
	r := newReport(1, start)
	r.key.Title, r.key.Message, r.key.Culprit = "ZeroDivisionError", "100% of Überweisung_7\nfailed  \"hard\" at C:\\temp", "charge in app/Größe/pay.py"
	r.Request.URL, r.Transaction, r.Release = "https://shop.example.com/Checkout?step=2", "/checkout/{step}", "shop@2.4.1+build"
	id := record(t, s, r).IssueID
	record(t, s, newReport(2, start))
	later := newReport(1, start.Add(time.Hour)) // only the first event is searched
	later.Request.URL = "https://elsewhere.example.com/"
	record(t, s, later)

	for search, found := range map[string]bool{
		"":                                   true,
		"   ":                                true,
		"zerodivision":                       true,
		"DIVISIONERROR":                      true,
		"error charge":                       true,
		"charge error":                       true,
		`"charge error"`:                     false,
		`"100% of"`:                          true,
		"100%":                               true,
		"%":                                  true,
		"1%0":                                false,
		"überweisung":                        true,
		"ÜBERWEISUNG_7":                      true,
		"überweisung-7":                      false,
		"berweisung_":                        true,
		"größe":                              true,
		"GRÖẞE":                              true,
		"\"_7 failed \"hard":                 true, // a quote that is not closed
		`"failed    "`:                       true,
		`c:\temp`:                            true,
		"checkout?step=2":                    true,
		"{step}":                             true,
		"2.4.1+build":                        true,
		"elsewhere":                          false,
		"zerodivision nothing":               false,
		"value 2":                            false,
		`"zerodivision`:                      true,
		"ſhop":                               true, // long s folds to s
		strings.Repeat("error ", 10_000):     true,
		strings.Repeat("x", 100_000):         false,
		`") OR 1=1 --`:                       false,
		"' OR ''='":                          false,
		"\x00":                               false,
		"\xff":                               false,
		"shop" + strings.Repeat(" shop", 90): true,
	} {
		page := list(t, s, tracker.IssueQuery{Search: search})
		got := slices.Contains(idsOf(page.Issues), id)
		if got != found {
			t.Errorf("search for %.60q: found %v, want %v", search, got, found)
		}
		if int64(len(page.Issues)) != page.Total {
			t.Errorf("search for %.60q: %d issues, total %d", search, len(page.Issues), page.Total)
		}
	}
}

func testHostileSearch(t *testing.T, open Opener) {
	s := openDefault(t, open)
	for n := range 30 {
		r := newReport(n, start)
		r.key.Message = strings.Repeat("aaaaaaaaab", 1000)
		record(t, s, r)
	}
	rng := rand.New(rand.NewPCG(5, 6))
	const alphabet = "a%_\\\"'*?[]^$(){}|.-+ \t\n\x00\xffÄ"
	for range 200 {
		b := make([]byte, rng.IntN(200))
		for i := range b {
			b[i] = alphabet[rng.IntN(len(alphabet))]
		}
		if _, err := s.Issues(t.Context(), tracker.IssueQuery{Search: string(b), SessionID: string(b[:len(b)/2])}); err != nil {
			t.Errorf("search for %q: %v", b, err)
		}
	}
}

func testSession(t *testing.T, open Opener) {
	s := openDefault(t, open)
	for i, extra := range []string{`{"session_id":"a"}`, `{"session_id":"b"}`, `{"session_id":7}`, `["a"]`, ``, `{"session_id":""}`, `{"trace_id":"t-1"}`} {
		r := newReport(i, start.Add(time.Duration(i)*time.Second))
		r.Extra = []byte(extra)
		if extra == "" {
			r.Extra = nil
		}
		record(t, s, r)
	}
	for session, want := range map[string]int64{"a": 1, "b": 1, "7": 0, "t-1": 1, "": 7, "c": 0, "a' OR 1=1": 0} {
		if got := list(t, s, tracker.IssueQuery{SessionID: session}).Total; got != want {
			t.Errorf("session %q: %d issues, want %d", session, got, want)
		}
	}
}
