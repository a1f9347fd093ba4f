package storetest

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/grouping"
)

func testRecord(t *testing.T, open Opener) {
	s := openDefault(t, open)
	first := newReport(1, start)
	out := record(t, s, first)
	id := out.IssueID
	equal(t, "first", out, tracker.Outcome{Status: tracker.Created, IssueID: id, Fingerprint: first.key.Hash, Count: 1, EventID: first.ID, ProjectID: 1})

	second := newReport(1, start.Add(time.Second))
	equal(t, "second", record(t, s, second),
		tracker.Outcome{Status: tracker.Incremented, IssueID: id, Fingerprint: first.key.Hash, Count: 2, EventID: second.ID, ProjectID: 1})
	equal(t, "second again", record(t, s, second),
		tracker.Outcome{Status: tracker.Duplicate, IssueID: id, Fingerprint: first.key.Hash, Count: 2, EventID: second.ID, ProjectID: 1})
	again := *first
	again.ReceivedAt = start.Add(time.Minute)
	equal(t, "first again, later", record(t, s, &again).Status, tracker.Duplicate)
	if got := issue(t, s, id); got.Count != 2 || !got.LastSeen.Equal(start.Add(time.Second)) {
		t.Errorf("after duplicates: count %d, last seen %v, want 2 and the time of the second event", got.Count, got.LastSeen)
	}

	if ids, err := s.Resolve(t.Context(), []int64{id}, tracker.Fix{}, start.Add(time.Hour)); err != nil || len(ids) != 1 {
		t.Fatalf("Resolve = %v, %v", ids, err)
	}
	// A repeat is not a regression: nothing happened after it was resolved.
	equal(t, "repeat of a resolved issue's event", record(t, s, second).Status, tracker.Duplicate)
	if !issue(t, s, id).Resolved {
		t.Errorf("a repeated event reopened its issue")
	}
	third := newReport(1, start.Add(2*time.Hour))
	equal(t, "after resolve", record(t, s, third),
		tracker.Outcome{Status: tracker.Reopened, IssueID: id, Fingerprint: first.key.Hash, Count: 3, EventID: third.ID, ProjectID: 1})
	got := issue(t, s, id)
	if got.Resolved || !got.ResolvedAt.IsZero() || !got.RegressedAt.Equal(third.ReceivedAt) {
		t.Errorf("reopened: resolved %v at %v, regressed at %v, want false, zero and %v", got.Resolved, got.ResolvedAt, got.RegressedAt, third.ReceivedAt)
	}
	fourth := newReport(1, start.Add(2*time.Hour)) // in the same instant
	equal(t, "after reopening", record(t, s, fourth).Status, tracker.Incremented)
}

// fullEvent has every field set.
func fullEvent() event.Event {
	yes, no, one, two := true, false, 1, 0
	frame := event.Frame{
		Function: "load", RawFunction: "Orders.load", Module: "app.orders", Filename: "app/orders.py", AbsPath: "/srv/app/orders.py",
		Line: 42, Column: 7, InApp: &yes, ContextLine: "  raise ValueError(x)", PreContext: []string{"def load(x):", ""}, PostContext: []string{"", "# end"},
		Vars:    []event.Var{{Name: "x", Value: json.RawMessage(`{"a":[1,null,"ü"]}`)}, {Name: "y", Value: json.RawMessage(`null`)}},
		Package: "app", Platform: "native", DebugID: "d-1", Address: "0x10", SourceMap: "app.js.map",
	}
	return event.Event{
		ID: event.NewID(), Project: "shop", ReceivedAt: start.Add(123456789), OccurredAt: start.Add(-time.Hour),
		Platform: "python", Level: "fatal", Logger: "app", Transaction: "/orders/{id}", ServerName: "web-1", Environment: "staging",
		Release: "1.2.3", Dist: "7",
		Message: event.Message{Template: "pay %s", Formatted: "pay 42", Params: json.RawMessage(`[42]`)},
		Exceptions: []event.Exception{
			{Type: "KeyError", Value: "'a'", Module: "builtins", Mechanism: event.Mechanism{Type: "chained", Handled: &yes, Synthetic: true, IsGroup: true, ExceptionID: &one, ParentID: &two, Source: "__cause__", Data: `{"a":1}`}, Frames: []event.Frame{{Function: "main"}, frame}},
			{Type: "ValueError", Value: "<b>x</b>", Mechanism: event.Mechanism{Handled: &no}, Frames: []event.Frame{frame, {}}},
		},
		Threads:     []event.Thread{{ID: "1", Name: "main", Crashed: true, Current: true, Frames: []event.Frame{frame}}},
		Traceback:   "Traceback (most recent call last):\n  …\nValueError: <b>x</b>",
		Breadcrumbs: []event.Breadcrumb{{At: start.Add(-time.Minute), Type: "http", Category: "xhr", Level: "info", Message: "GET /", Data: json.RawMessage(`{"status":200}`)}, {Message: "no time"}},
		User:        event.User{ID: "7", Email: "a@example.com", Username: "a", IP: "192.0.2.1", Data: json.RawMessage(`{"plan":"pro"}`)},
		Tags:        []event.Tag{{Name: "region", Value: "eu"}, {Name: "empty"}},
		Contexts:    []event.Context{{Name: "runtime", Data: json.RawMessage(`{"name":"CPython"}`)}},
		Request: event.Request{Method: "POST", URL: "https://example.com/a?b", Query: "b=c", Headers: json.RawMessage(`{"Host":"x"}`),
			Cookies: json.RawMessage(`{"c":"1"}`), Body: json.RawMessage(`"raw"`), Env: json.RawMessage(`{"E":"1"}`)},
		Extra:       json.RawMessage(`{"session_id":"s-1","n":1}`),
		Modules:     []event.Tag{{Name: "django", Value: "5.1"}},
		SDK:         event.SDK{Name: "sentry.python", Version: "2.68.0", Integrations: []string{"flask"}, Packages: []event.Tag{{Name: "pypi:sentry-sdk", Value: "2.68.0"}}},
		Attachments: []event.Attachment{{Name: "log.txt", ContentType: "text/plain", Kind: "event.attachment", Size: 5}},
		Marks:       []event.Mark{{Path: "extra.token", Note: "removed: token"}},
		DebugImages: []event.DebugImage{{Type: "sourcemap", CodeFile: "app.js", DebugID: "d-1"}},
		Fingerprint: []string{"{{ default }}", "", "x"},
	}
}

func testRoundTrip(t *testing.T, open Opener) {
	s := openDefault(t, open)
	r := newReport(1, start)
	r.Event = fullEvent()
	id := record(t, s, r).IssueID
	o, err := s.FirstOccurrence(t.Context(), id)
	noError(t, "FirstOccurrence", err)
	equal(t, "event", o.Event, r.Event)
	if o.IssueID != id || o.Hash != r.key.Hash || !o.First {
		t.Errorf("occurrence of issue %d, hash %s, first %v, want %d, %s and true", o.IssueID, o.Hash, o.First, id, r.key.Hash)
	}
	// And one with next to nothing in it.
	bare := &report{Event: event.Event{ReceivedAt: start}, key: grouping.Key{Hash: hashOf(2)}}
	id = record(t, s, bare).IssueID
	o, err = s.FirstOccurrence(t.Context(), id)
	noError(t, "FirstOccurrence of the bare event", err)
	equal(t, "bare event", o.Event, bare.Event)
}

func testFields(t *testing.T, open Opener) {
	s := openDefault(t, open)
	handled := false
	r := newReport(1, start)
	r.Release, r.Platform, r.Level, r.Environment = "1.0", "node", "fatal", "staging"
	r.Exceptions[0].Mechanism.Handled = &handled
	r.key.Minified = true
	id := record(t, s, r).IssueID

	later := newReport(1, start.Add(time.Hour))
	later.Release, later.Platform, later.Level, later.Environment = "1.1", "python", "error", "prod"
	later.key.Message = "another text"
	later.Request.Method = event.Request{Method: tracker.BrowserMethod}.Method
	record(t, s, later)
	none := newReport(1, start.Add(2*time.Hour))
	record(t, s, none)

	equal(t, "issue", issue(t, s, id), tracker.Issue{
		ID: id, Project: "shop", Fingerprint: r.key.Hash, Type: "ValueError", Message: "value 1", Culprit: "load1 in app/orders.py",
		Platform: "node", Level: "fatal", Environment: "staging", Source: tracker.Browser, Count: 3,
		FirstSeen: start, LastSeen: start.Add(2 * time.Hour), FirstRelease: "1.0", LastRelease: "1.1",
		Handled: &handled, Minified: true,
	})
	groups, err := s.Groups(t.Context(), id)
	noError(t, "Groups", err)
	equal(t, "groups", groups, []tracker.Group{{
		Hash: r.key.Hash, Count: 3, CreatedAt: start, LastSeen: start.Add(2 * time.Hour), Title: "ValueError: value 1",
		Why: r.key.Reasons, Primary: true,
	}})
}

func testProjectsApart(t *testing.T, open Opener) {
	s := openDefault(t, open)
	a, b := newReport(1, start), newReport(1, start)
	b.Project = "blog"
	b.ID = a.ID // another project's event may have any ID
	outA, outB := record(t, s, a), record(t, s, b)
	if outA.IssueID == outB.IssueID || outB.Status != tracker.Created {
		t.Errorf("the same hash and event ID in another project: %+v after %+v, want an issue of its own", outB, outA)
	}
	empty := newReport(1, start)
	empty.Project = ""
	record(t, s, empty)
	names, err := s.Projects(t.Context())
	noError(t, "Projects", err)
	equal(t, "projects", names, []string{"", "blog", "shop"})
	envs := newReport(2, start)
	envs.Environment = "alpha"
	record(t, s, envs)
	b2 := newReport(2, start)
	b2.Project, b2.Environment = "blog", "beta"
	record(t, s, b2)
	for project, want := range map[string][]string{"": {"alpha", "beta", "prod"}, "shop": {"alpha", "prod"}, "blog": {"beta", "prod"}} {
		got, err := s.Environments(t.Context(), project)
		noError(t, "Environments", err)
		equal(t, fmt.Sprintf("environments of %q", project), got, want)
	}
	if got, err := s.Environments(t.Context(), "nobody's"); err != nil || len(got) != 0 {
		t.Errorf("Environments of an unknown project = %v, %v, want none", got, err)
	}
}

func testConcurrentRecord(t *testing.T, open Opener) {
	s := openDefault(t, open)
	const callers, each, errors = 8, 25, 3
	var mu sync.Mutex
	statuses := map[tracker.Status]int{}
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for n := range each {
				r := newReport(n%errors, start)
				r.User.ID = fmt.Sprint(c)
				out, err := s.Record(t.Context(), &r.Event, r.key)
				if err != nil {
					t.Errorf("caller %d: %v", c, err)
					return
				}
				mu.Lock()
				statuses[out.Status]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	equal(t, "statuses", statuses, map[tracker.Status]int{tracker.Created: errors, tracker.Incremented: callers*each - errors})
	page := list(t, s, tracker.IssueQuery{})
	var events int64
	for _, i := range page.Issues {
		events += i.Count
		if i.Users != callers {
			t.Errorf("issue %d has %d users, want %d", i.ID, i.Users, callers)
		}
	}
	if page.Total != errors || events != callers*each {
		t.Errorf("%d issues with %d events, want %d and %d", page.Total, events, errors, callers*each)
	}
}

func testConcurrentDuplicates(t *testing.T, open Opener) {
	s := openDefault(t, open)
	r := newReport(1, start)
	var mu sync.Mutex
	statuses := map[tracker.Status]int{}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			e := r.Event
			out, err := s.Record(t.Context(), &e, r.key)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			statuses[out.Status]++
			mu.Unlock()
		})
	}
	wg.Wait()
	equal(t, "statuses", statuses, map[tracker.Status]int{tracker.Created: 1, tracker.Duplicate: 15})
}

func testUsers(t *testing.T, open Opener) {
	s := openDefault(t, open)
	people := []event.User{{ID: "1"}, {ID: "1", Email: "x@example.com"}, {Email: "1"}, {IP: "192.0.2.1"}, {}, {}, {ID: "2"}, {ID: "1"}}
	var id int64
	for i, u := range people {
		r := newReport(1, start.Add(time.Duration(i)*time.Second))
		r.User = u
		id = record(t, s, r).IssueID
	}
	if got := issue(t, s, id).Users; got != 4 {
		t.Errorf("users of %v = %d, want 4", people, got)
	}
}

func testHostileTexts(t *testing.T, open Opener) {
	s := openDefault(t, open)
	texts := map[string]string{
		"nul":          "a\x00b",
		"invalid utf8": "a\xff\xfeb\xc3",
		"surrogates":   "\xed\xa0\x80",
		"quotes":       `'; DROP TABLE issues; -- "`,
		"long":         strings.Repeat("ä", 40_000),
		"markup":       "<script>alert(1)</script>",
		"bidi":         "\u202egnp.exe",
	}
	n := 0
	for name, text := range texts {
		n++
		r := newReport(n, start.Add(time.Duration(n)*time.Second))
		r.Project = "p" + fmt.Sprint(n)
		r.Environment, r.Release, r.Platform, r.Level, r.Transaction = text, text, text, text, text
		r.User.ID, r.Request.URL, r.Traceback = text, text, text
		r.Exceptions[0].Value = text
		r.key.Message, r.key.Culprit, r.key.Title = text, text, text
		r.key.Reasons = []grouping.Reason{{Kind: text, Value: text}}
		id := record(t, s, r).IssueID
		o, err := s.FirstOccurrence(t.Context(), id)
		noError(t, name, err)
		equal(t, name+": event", o.Event, r.Event) // the event itself is never changed
		i := issue(t, s, id)
		if i.Count != 1 || i.Message == "" {
			t.Errorf("%s: issue is %+v", name, i)
		}
		if _, err := s.Groups(t.Context(), id); err != nil {
			t.Errorf("%s: Groups = %v", name, err)
		}
		if got := list(t, s, tracker.IssueQuery{Project: r.Project, Environment: text}); got.Total != 1 {
			t.Errorf("%s: %d issues in the environment, want 1", name, got.Total)
		}
		shares, err := s.IssueReleases(t.Context(), id)
		if err != nil || len(shares) != 1 {
			t.Errorf("%s: releases = %v, %v, want one", name, shares, err)
		}
	}
}
