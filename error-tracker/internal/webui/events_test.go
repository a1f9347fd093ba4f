package webui

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/webui"
)

// many gives the issue n kept events, which have the numbers from 1000 on.
func many(f *fakeTracker, issue int64, n int, change func(k int, e *event.Event)) {
	f.events[issue] = nil
	for k := range n {
		e := event.Event{
			ReceivedAt: noon.Add(-time.Duration(n-k) * time.Minute), Environment: "production", Release: "shop@4.12.1", ServerName: "web-1", Level: "error",
			Exceptions: []event.Exception{{Type: "IntegrityError", Value: f.find(issue).Message}},
			Request:    event.Request{Method: "POST", URL: "https://shop.example/orders"},
		}
		if change != nil {
			change(k, &e)
		}
		f.events[issue] = append(f.events[issue], tracker.Occurrence{ID: int64(1000 + k), IssueID: issue, First: k == 0, Event: e})
	}
}

// eventRows are the addresses that the rows of a page lead to, without what they share.
func eventRows(page string) (ids []string) {
	for _, m := range regexp.MustCompile(`<tr data-row><td class="when"><a class="open" href="/errors/\d+\?event=(\d+)"`).FindAllStringSubmatch(page, -1) {
		ids = append(ids, m[1])
	}
	return ids
}

func TestEventsOfAnIssue(t *testing.T) {
	f := sample(4)
	s := newSite(t, f)
	wants(t, s.get("/errors/4", 200), `href="/errors/4/events">All 12 events</a>`)
	// The sample's events differ in nothing that is shown but the time.
	page := s.get("/errors/4/events", 200)
	wants(t, page, `href="/errors/4" data-key="u"`, "12 of 3 events kept", "Events 1–12 of 12 kept", "KEEP_OCCURRENCES", "RETENTION_DAYS", `href="/errors/4/tags">Tags</a>`)
	if got := eventRows(page); len(got) != 12 || got[0] != "111" || got[11] != "100" {
		t.Errorf("the rows lead to the events %v, want 111 down to 100", got)
	}
	if n := strings.Count(page, ">First<"); n != 1 || strings.Index(page, ">First<") < strings.Index(page, "event=100") {
		t.Errorf("%d events are marked as the first one, want the oldest", n)
	}
	lacks(t, page, "Newer", "Older", "<form method=\"post\" action=\"/errors")

	many(f, 4, 3, nil)
	page = s.get("/errors/4/events", 200)
	wants(t, page, "The same in all of these", `<li><span>Request</span><b dir="auto">POST https://shop.example/orders</b></li>`, `<li><span>Release</span><b dir="auto">shop@4.12.1</b></li>`,
		`<li><span>Server</span><b dir="auto">web-1</b></li>`, `<li><span>Level</span><b dir="auto">error</b></li>`)
	lacks(t, page, `<th scope="col" class="name">`, `<th scope="col">Request`, `<li><span>User</span>`)

	many(f, 4, 3, func(k int, e *event.Event) {
		e.Release = fmt.Sprintf("<b>%d", k)
		e.User = event.User{Email: []string{"", "ann@example.com", "bob@example.com"}[k]}
		e.Level = []string{"error", "error", "fatal"}[k]
		e.Request = event.Request{}
		e.Transaction = "sync " + itoa(int64(k))
		if k == 2 {
			e.Exceptions[0].Value = "another <message>"
		}
	})
	page = s.get("/errors/4/events", 200)
	wants(t, page, `<th scope="col" class="who">User</th><th scope="col" class="name">Release</th><th scope="col" class="level">Level</th>`,
		`<td class="name" data-label="Release" dir="auto">&lt;b&gt;2</td>`, `<td class="who" data-label="User" dir="auto">bob@example.com</td>`, `data-label="Level" dir="auto">fatal</td>`,
		`<span dir="auto">sync 2</span><span class="says" dir="auto">another &lt;message&gt;</span>`, `<span dir="auto">sync 1</span></td>`, `<li><span>Environment</span><b dir="auto">production</b></li>`)
	lacks(t, page, "<b>2", `class="name">Environment`)
	// Of a single event everything is in its row.
	many(f, 4, 1, nil)
	page = s.get("/errors/4/events", 200)
	wants(t, page, `class="name">Environment</th>`, "https://shop.example/orders</span>", "1 of 3 events kept", "Events 1–1 of 1 kept")
	lacks(t, page, "The same in all", ">User</th>")
	f.events[4] = nil
	page = s.get("/errors/4/events", 200)
	wants(t, page, "No event is kept", "past their time", "0 of 3 events kept")
	lacks(t, page, "<table", "Newest")
}

func TestEventsHavePages(t *testing.T) {
	f := sample(4)
	s := newSite(t, f)
	n := 2*shownEvents + 10
	many(f, 4, n, nil)
	link := func(page, label string) string {
		m := regexp.MustCompile(`href="([^"]+)"[^>]*>(?:<svg[^>]*><path[^>]*/></svg>)?` + label + `<`).FindStringSubmatch(page)
		if m == nil {
			return ""
		}
		return strings.ReplaceAll(m[1], "&amp;", "&")
	}
	var seen, places []string
	at := "/errors/4/events"
	for range 3 {
		page := s.get(at, 200)
		seen, places = append(seen, eventRows(page)...), append(places, at)
		at = link(page, "Older")
		if (at == "") != (len(places) == 3) {
			t.Errorf("page %d has the older page %q", len(places), at)
		}
	}
	if len(seen) != n || !slices.IsSortedFunc(seen, func(a, b string) int { return strings.Compare(b, a) }) || len(slices.Compact(slices.Clone(seen))) != n {
		t.Errorf("%d events on three pages, want each of the %d once, newest first", len(seen), n)
	}
	last := s.get(places[2], 200)
	wants(t, last, fmt.Sprintf("Events %d–%d of %d kept", 2*shownEvents+1, n, n))
	// And back, by the address that the page has.
	if got := link(last, "Newest"); got != places[0] {
		t.Errorf("the last page leads to %q as the newest", got)
	}
	middle := s.get(link(last, "Newer"), 200)
	if got := eventRows(middle); !slices.Equal(got, seen[shownEvents:2*shownEvents]) {
		t.Errorf("newer than the last page are %v, want those of the second page", got)
	}
	if got := link(middle, "Newer"); got != places[0] {
		t.Errorf("newer than the second page is %q, want the list itself", got)
	}
	lacks(t, s.get(places[0], 200), `data-key="n"`)
	wants(t, s.get("/errors/4/events?before=1000", 200), "No older events", `href="/errors/4/events">Newest events`)
	for query, want := range map[string]string{
		"before=x": "before = &#34;x&#34;, want the number of an event", "before=0": "Before = &#34;0&#34;", "after=-1": "After = &#34;-1&#34;",
		"before=99999999999999999999": "Before = &#34;99999999999999999999&#34;", "before=7&after=7": "Before and after are both given", "after=%3Cb%3E": "After = &#34;&lt;b&gt;&#34;",
	} {
		page := s.get("/errors/4/events?"+query, 400)
		if !strings.Contains(strings.ToLower(page), strings.ToLower(want)) {
			t.Errorf("%s: the page does not say %q", query, want)
		}
	}
	f.err = errs.New(errs.Unavailable, "the disk is gone")
	s.get("/errors/4/events", 503)
}

func TestAMergedIssueLeadsToWhereItWent(t *testing.T) {
	f := sample(4)
	s := newSite(t, f)
	f.merged = map[int64]int64{44: 4}
	const notice = "Issue #44 became part of #4."
	leads := func(method, path, want string, header ...string) {
		t.Helper()
		res := s.do(method, path, nil, header...)
		if got := res.Header.Get("Location"); res.StatusCode != http.StatusFound || got != want {
			t.Errorf("%s %s: %d to %q, want 302 to %q", method, path, res.StatusCode, got, want)
		}
	}
	for path, want := range map[string]string{
		"/errors/44": "/errors/4", "/errors/44?event=105&stats=14d": "/errors/4?event=105&stats=14d", "/errors/044/tags": "/errors/4/tags",
		"/errors/44/events?before=7": "/errors/4/events?before=7",
		// The question whether to delete another issue than the one that was named is not asked.
		"/errors/44/delete": "/errors/4",
	} {
		leads(http.MethodGet, path, want)
		wants(t, s.get("/errors/4", 200), notice)
		lacks(t, s.get("/errors/4", 200), "became part of")
	}
	// What shows no page leaves nothing to be said on the next one.
	file := "/errors/4/events/" + itoa(f.events[4][0].ID) + "/files/0"
	f.events[4][0].Event.Attachments = []event.Attachment{{Name: "a.txt", ContentType: "text/plain", Data: []byte("hello")}}
	leads(http.MethodGet, "/errors/44.md", "/errors/4.md")
	leads(http.MethodGet, strings.Replace(file, "/4/", "/44/", 1), file)
	leads(http.MethodHead, "/errors/44", "/errors/4")
	leads(http.MethodGet, "/errors/44", "/errors/4", webui.FragmentHeader, "x")
	lacks(t, s.get("/errors/4", 200), "became part of")
	if got := s.get(file, 200); got != "hello" {
		t.Errorf("the file of the issue that has it now is %q", got)
	}
	// And what is to be said already is said.
	s.do(http.MethodPost, "/errors/4/resolve", url.Values{})
	leads(http.MethodGet, "/errors/44", "/errors/4")
	page := s.get("/errors/4", 200)
	wants(t, page, "1 issue resolved.")
	lacks(t, page, "became part of")
	// What is unknown, or was deleted since, is not found, on whichever page.
	for _, path := range []string{"/errors/45", "/errors/45/tags", "/errors/45/events", "/errors/45.md", "/errors/45/delete"} {
		wants(t, s.get(path, 404), "Issue not found", "There is no issue #45", `role="search"`)
	}
	// A part that is missing is no missing issue.
	lacks(t, s.get("/errors/4/events/1/files/9", 404), "There is no issue")
	if status, page := refused(s, "/errors/4/merge", url.Values{"source": {"45"}}); status != 404 || strings.Contains(page, "There is no issue #4.") {
		t.Errorf("merging what is not there: %d\n%s", status, mainPart(page))
	}
	f.lost = errs.New(errs.Unavailable, "the disk is gone")
	s.get("/errors/44", 503)

	based := newSite(t, f, func(o *Options) { o.BasePath = "/tracker" })
	f.lost = nil
	if got := based.do(http.MethodGet, "/tracker/errors/44/tags", nil).Header.Get("Location"); got != "/tracker/errors/4/tags" {
		t.Errorf("below a base path it leads to %q", got)
	}
}

// Nothing is done about another issue than the one that was named, and what was
// written is not lost.
func TestAFormOfAMergedIssueSaysWhereThatWent(t *testing.T) {
	f := sample(4)
	s := newSite(t, f, func(o *Options) { o.BasePath = "/tracker" })
	f.merged = map[int64]int64{44: 4}
	for action, form := range map[string]url.Values{
		"comment": {"author": {"Ann"}, "text": {"\n<b>it</b> is the cache"}}, "uncomment": {"comment": {"1"}}, "resolve": nil, "mute": {"text": {"none"}}, "assign": {"assignee": {"Ann"}},
		"merge": {"source": {"3"}}, "delete": nil,
	} {
		status, page := refused(s, "/tracker/errors/44/"+action, form)
		if status != 404 {
			t.Errorf("%s: %d, want 404", action, status)
		}
		wants(t, page, `<h1>Issue #44 became part of <a href="/tracker/errors/4">#4</a></h1>`)
		if action == "comment" {
			wants(t, page, "readonly", ">\n\n&lt;b&gt;it&lt;/b&gt; is the cache</textarea>", "/form.")
		} else {
			lacks(t, page, "<textarea", "/form.")
		}
	}
	if i := f.find(4); len(f.done) != 0 || i.Resolved || i.Muted || i.Assignee != "" || f.find(3) == nil {
		t.Errorf("something was done about another issue: %+v, %+v", i, f.done)
	}
}
