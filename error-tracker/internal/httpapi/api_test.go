package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/search"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/problem"
)

var (
	now  = time.Date(2026, 7, 27, 10, 0, 0, 0, time.UTC)
	seen = time.Date(2026, 7, 20, 8, 30, 59, 999e6, time.FixedZone("", 3600))
)

// answer is what the API said.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) member(t *testing.T, name string) any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(a.body), &m); err != nil {
		t.Fatalf("%s is not JSON: %v", a.body, err)
	}
	return m[name]
}

// ask sends one request to an API on f. body nil sends none.
func ask(t *testing.T, f *fakeTracker, method, target string, body io.Reader) answer {
	t.Helper()
	return askWith(t, f, func(*Options) {}, method, target, body)
}

func askWith(t *testing.T, f *fakeTracker, set func(*Options), method, target string, body io.Reader) answer {
	t.Helper()
	r := chi.NewRouter()
	r.NotFound(problem.NotFound) // as the service has them
	r.MethodNotAllowed(problem.MethodNotAllowed)
	o := Options{
		Tracker: f, Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler), Room: NewRoom(),
		Observe: func(tracker.Status, error) {}, Counter: counted(nil), PublicURL: func(*http.Request) string { return "https://shop.example/errors" }, Backlog: func() (int, int) { return 7, 1024 },
	}
	set(&o)
	Routes(r, o)
	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequest(method, target, body))
	return answer{w.Code, w.Header(), strings.TrimSpace(w.Body.String())}
}

func sampleIssue(id int64) tracker.Issue {
	handled := false
	return tracker.Issue{
		ID: id, Project: "shop", Type: "ValueError", Message: "bad", Culprit: "load in app/orders.py", Platform: "python", Level: "error",
		Environment: "prod", Source: tracker.Server, Count: 3, Users: 2, FirstSeen: seen, LastSeen: seen.Add(time.Hour),
		FirstRelease: "1.0", LastRelease: "1.1", Handled: &handled,
	}
}

func TestReportAnswersWithItsOutcome(t *testing.T) {
	id, _ := event.ParseID("0123456789abcdef0123456789abcdef")
	hash, _ := tracker.ParseHash("bfe948320647333075d782d84349909c")
	const eventID = `"event_id":"0123456789abcdef0123456789abcdef"`
	for status, want := range map[tracker.Status]struct {
		code int
		body string
	}{
		tracker.Unwanted:    {200, `{"status":"filtered","id":0,"reason":"localhost",` + eventID + `}`},
		tracker.Created:     {201, `{"status":"created","id":4,"fingerprint":"bfe948320647333075d782d84349909c",` + eventID + `}`},
		tracker.Reopened:    {201, `{"status":"reopened","id":4,"count":12,` + eventID + `}`},
		tracker.Incremented: {200, `{"status":"incremented","id":4,"count":12,` + eventID + `}`},
		tracker.Duplicate:   {200, `{"status":"duplicate","id":4,"count":12,` + eventID + `}`},
		tracker.Replaced:    {200, `{"status":"replaced","id":4,"count":12,` + eventID + `}`},
	} {
		f := &fakeTracker{outcome: tracker.Outcome{Status: status, IssueID: 4, Fingerprint: hash, Count: 12, EventID: id}}
		if status == tracker.Unwanted {
			f.outcome = tracker.Outcome{Status: status, EventID: id, Reason: "localhost"}
		}
		got := ask(t, f, "POST", "/api/errors", strings.NewReader(report("")))
		if got.status != want.code || got.body != want.body || got.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %s %s, want %d %s", status, got.status, got.header.Get("Content-Type"), got.body, want.code, want.body)
		}
	}
}

func TestReportIsPassedOnWhole(t *testing.T) {
	f := &fakeTracker{outcome: tracker.Outcome{Status: tracker.Created}}
	ask(t, f, "POST", "/api/errors?ignored=%zz", strings.NewReader(report(`"environment":"test","user_id":"u1","request_method":"BROWSER"`)))
	e := f.reported
	if e == nil || e.Project != "shop" || e.Environment != "test" || e.User.ID != "u1" || tracker.SourceOf(e) != tracker.Browser ||
		len(e.Exceptions) != 1 || e.Exceptions[0].Type != "ValueError" || e.Exceptions[0].Value != "bad" || e.Traceback != "no location here" {
		t.Errorf("reported %+v", e)
	}
}

func TestReportsThatReplaceAreCorrections(t *testing.T) {
	for member, want := range map[string]string{`"replace":true`: "correct", `"replace":false`: "", `"replace":"true"`: "", `"replace":1`: ""} {
		f := &fakeTracker{outcome: tracker.Outcome{Status: tracker.Replaced}}
		ask(t, f, "POST", "/api/errors", strings.NewReader(report(member)))
		if f.reported == nil || f.called != want {
			t.Errorf("%s: called %q, want %q", member, f.called, want)
		}
	}
}

func TestReportRefusals(t *testing.T) {
	body := func(n int) string {
		b := report(`"x":""`)
		return strings.Replace(b, `""}`, `"`+strings.Repeat("a", n-len(b))+`"}`, 1)
	}
	for name, test := range map[string]struct {
		body   string
		err    error
		status int
		detail string
	}{
		"bad JSON":           {body: `{"project":`, status: 400, detail: "Invalid JSON"},
		"no body":            {body: ``, status: 400, detail: "Invalid JSON"},
		"missing":            {body: `{"project":"p"}`, status: 400, detail: "Missing required field: exception_type"},
		"project too long":   {body: strings.Replace(report(""), "shop", strings.Repeat("ä", 51), 1), status: 400, detail: "project is 102 bytes long, the limit is 100"},
		"type too long":      {body: strings.Replace(report(""), "ValueError", strings.Repeat("E", 201), 1), status: 400, detail: "exception_type is 201 bytes long, the limit is 200"},
		"project goes first": {body: strings.NewReplacer("ValueError", strings.Repeat("E", 201), "shop", strings.Repeat("p", 101)).Replace(report("")), status: 400, detail: "project is 101 bytes long, the limit is 100"},
		"one byte too many":  {body: body(MaxBody + 1), status: 413, detail: "Request body exceeds maximum size"},
		"exactly the limit":  {body: body(MaxBody), status: 201},
		"longest names":      {body: strings.NewReplacer("ValueError", strings.Repeat("E", 200), "shop", strings.Repeat("p", 100)).Replace(report("")), status: 201},
		"disk full":          {body: report(""), err: errs.New(errs.Unavailable, "disk is full"), status: 503, detail: "disk is full"},
		"our fault":          {body: report(""), err: io.ErrClosedPipe, status: 500, detail: "Internal server error"},
	} {
		for _, chunked := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/chunked=%v", name, chunked), func(t *testing.T) {
				f := &fakeTracker{outcome: tracker.Outcome{Status: tracker.Created}, err: test.err}
				var sent io.Reader = strings.NewReader(test.body)
				if chunked {
					sent = io.MultiReader(sent) // hides its length
				}
				var observed error
				got := askWith(t, f, func(o *Options) { o.Observe = func(_ tracker.Status, err error) { observed = err } }, "POST", "/api/errors", sent)
				if got.status != test.status || test.detail != "" && got.member(t, "detail") != test.detail {
					t.Errorf("%d %s, want %d %s", got.status, got.body, test.status, test.detail)
				}
				if (observed != nil) != (test.status >= 400) {
					t.Errorf("observed %v", observed)
				}
				if test.status == 503 && got.header.Get("Retry-After") == "" {
					t.Error("503 without Retry-After")
				}
			})
		}
	}
}

func TestListQuery(t *testing.T) {
	base := tracker.IssueQuery{Sort: tracker.ByLastSeen, Limit: 50}
	with := func(set func(*tracker.IssueQuery)) tracker.IssueQuery {
		q := base
		set(&q)
		return q
	}
	at := func(s string) time.Time {
		t, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			panic(err)
		}
		return t
	}
	sinceIs := func(s string) tracker.IssueQuery {
		return with(func(q *tracker.IssueQuery) { q.Since = at(s) })
	}
	state := func(s tracker.State) tracker.IssueQuery {
		return with(func(q *tracker.IssueQuery) { q.State = s })
	}
	for query, want := range map[string]tracker.IssueQuery{
		"":                                  base,
		"project=my+shop%20%26%20caf%C3%A9": with(func(q *tracker.IssueQuery) { q.Project = "my shop & café" }),
		"environment=test&session_id=s%2F1": with(func(q *tracker.IssueQuery) { q.Environment, q.SessionID = "test", "s/1" }),
		"source=browser":                    with(func(q *tracker.IssueQuery) { q.Source = tracker.Browser }),
		"source=server":                     with(func(q *tracker.IssueQuery) { q.Source = tracker.Server }),
		"source=mobile":                     base,
		"resolved=true":                     state(tracker.Resolved),
		"resolved=1":                        state(tracker.Resolved),
		"resolved=false":                    base,
		"resolved=yes":                      base,
		"resolved=all":                      state(tracker.AnyState),
		"state=unresolved&resolved=1":       base,
		"state=resolved":                    state(tracker.Resolved),
		"state=muted":                       state(tracker.Muted),
		"state=active":                      state(tracker.Active),
		"state=all":                         state(tracker.AnyState),
		"q=a+env:prod":                      with(func(q *tracker.IssueQuery) { q.Filter = searched("a env:prod") }),
		"q=is:regressed":                    with(func(q *tracker.IssueQuery) { q.Filter = searched("is:regressed") }),
		"q=is:resolved": with(func(q *tracker.IssueQuery) {
			q.Filter, q.State = searched("is:resolved"), tracker.AnyState
		}),
		"q=is:resolved&state=muted": with(func(q *tracker.IssueQuery) {
			q.Filter, q.State = searched("is:resolved"), tracker.Muted
		}),
		"sort=trend":      with(func(q *tracker.IssueQuery) { q.Sort = tracker.ByTrend }),
		"search=env:prod": with(func(q *tracker.IssueQuery) { q.Search = "env:prod" }),
		// An age counts from when the first page was read.
		"since=1h&cursor=" + cursorText(tracker.ByCount, tracker.Cursor{Value: 3, ID: 4, At: at("2026-07-20T10:00:00Z").UnixMilli()}): with(func(q *tracker.IssueQuery) {
			q.Since, q.Sort = at("2026-07-20T09:00:00Z"), tracker.ByCount
			q.After = tracker.Cursor{Value: 3, ID: 4, At: at("2026-07-20T10:00:00Z").UnixMilli()}
		}),
		"search=%22x+y%22":                    with(func(q *tracker.IssueQuery) { q.Search = `"x y"` }),
		"limit=10&offset=30":                  with(func(q *tracker.IssueQuery) { q.Limit, q.Offset = 10, 30 }),
		"limit=200":                           with(func(q *tracker.IssueQuery) { q.Limit = 200 }),
		"limit=201":                           with(func(q *tracker.IssueQuery) { q.Limit = 200 }),
		"limit=99999999999999999999":          with(func(q *tracker.IssueQuery) { q.Limit = 200 }),
		"limit=0":                             base,
		"limit=-5&offset=-5":                  base,
		"limit=abc&offset=abc":                base,
		"offset=99999999999999999999":         with(func(q *tracker.IssueQuery) { q.Offset = 1<<31 - 1 }),
		"sort=count":                          with(func(q *tracker.IssueQuery) { q.Sort = tracker.ByCount }),
		"since=2026-07-01T00:00:00Z":          sinceIs("2026-07-01T00:00:00Z"),
		"since=2026-07-01T10%3A30%3A00Z":      sinceIs("2026-07-01T10:30:00Z"),
		"since=2026-07-01T12:00:00.5%2B02:00": sinceIs("2026-07-01T10:00:00.5Z"),
		"since=2026-07-01T12:00:00+02:00":     sinceIs("2026-07-01T10:00:00Z"),
		"since=2026-07-01T12:00:00":           sinceIs("2026-07-01T12:00:00Z"),
		"since=2026-07-01T12:00":              sinceIs("2026-07-01T12:00:00Z"),
		"since=2026-07-01+12:00:00":           sinceIs("2026-07-01T12:00:00Z"),
		"since=2026-07-01":                    sinceIs("2026-07-01T00:00:00Z"),
		"since=2026":                          sinceIs("2026-01-01T00:00:00Z"),
		"since=24h":                           sinceIs("2026-07-26T10:00:00Z"),
		"since=7d":                            sinceIs("2026-07-20T10:00:00Z"),
		"since=&project=&sort=&q=":            base,
	} {
		f := &fakeTracker{}
		got := ask(t, f, "GET", "/api/errors?"+query, nil)
		if got.status != 200 {
			t.Errorf("%s: %d %s", query, got.status, got.body)
			continue
		}
		if diff := cmp.Diff(want, f.query); diff != "" {
			t.Errorf("%s: -want +got\n%s", query, diff)
		}
	}
}

func TestListRefusesWhatItDoesNotKnow(t *testing.T) {
	for query, want := range map[string]string{
		"sort=size":                      `sort = "size", want last_seen, first_seen, count, users or trend`,
		"state=open":                     `state = "open", want unresolved, resolved, muted, active or all`,
		"since=yesterday":                `since = "yesterday", want a time such as 2026-01-31T08:00:00Z or an age such as 24h or 7d`,
		"project=%zz":                    `query string: invalid URL escape "%zz"`,
		"project=a;b":                    "query string: invalid semicolon separator in query",
		"q=" + strings.Repeat("a", 1001): `"q" is 1001 bytes long, the limit is 1000`,
		"q=a+is:lost":                    "search, at character 6: is:lost is not known, want one of unresolved, resolved, muted, active, regressed, new, handled, unhandled, assigned, unassigned, minified",
		"q=a+%22b":                       "search, at character 3: this quote is not closed",
		"cursor=abc":                     "cursor is not one that this list gave",
		"sort=count&cursor=" + cursorText(tracker.ByUsers, tracker.Cursor{Value: 1, ID: 1}): "cursor is from a list with sort=users, not sort=count",
	} {
		if got := ask(t, &fakeTracker{}, "GET", "/api/errors?"+query, nil); got.status != 400 || got.member(t, "detail") != want {
			t.Errorf("%s: %d %s, want %s", query, got.status, got.body, want)
		}
	}
}

func searched(text string) search.Query {
	q, err := search.Parse(text)
	if err != nil {
		panic(err)
	}
	return q
}

func TestListSaysWhichNumbersAreNotExact(t *testing.T) {
	issue := sampleIssue(3)
	issue.CountIs, issue.UsersIs, issue.FirstIs, issue.Trend = tracker.AtMost, tracker.AtLeast, tracker.About, -7
	got := ask(t, &fakeTracker{issues: []tracker.Issue{issue}}, "GET", "/api/errors?sort=trend", nil)
	if want := `"approximate":{"count":"at most","first_seen":"about","users":"at least"},"trend":-7`; got.status != 200 || !strings.Contains(got.body, want) {
		t.Errorf("%d %s\nwant %s", got.status, got.body, want)
	}
}

func TestListAnswer(t *testing.T) {
	issue := sampleIssue(3)
	issue.Fingerprint, _ = tracker.ParseHash("bfe948320647333075d782d84349909c")
	got := ask(t, &fakeTracker{issues: []tracker.Issue{issue}}, "GET", "/api/errors?limit=7&offset=2", nil)
	want := `{"errors":[{"id":3,"fingerprint":"bfe948320647333075d782d84349909c","project":"shop","environment":"prod","exception_type":"ValueError","message":"bad",` +
		`"count":3,"first_seen":"2026-07-20T07:30:59Z","last_seen":"2026-07-20T08:30:59Z","resolved":false,"resolved_at":null,"source":"server",` +
		`"users":2,"culprit":"load in app/orders.py","platform":"python","level":"error","handled":false,"first_release":"1.0","last_release":"1.1",` +
		`"regressed_at":null,"muted":false,"muted_until":null,"minified":false,"flood":false,"resolved_in":null,"muted_events":0,"muted_users":0,"muted_in":[],"assignee":null}],"total":321,"limit":7,"offset":2}`
	if got.status != 200 || got.body != want {
		t.Errorf("%d %s\nwant %s", got.status, got.body, want)
	}
	if got := ask(t, &fakeTracker{}, "GET", "/api/errors", nil); got.body != `{"errors":[],"total":321,"limit":50,"offset":0}` {
		t.Errorf("empty list: %s", got.body)
	}
}

func TestListCursorLeadsToTheNextPage(t *testing.T) {
	for _, sort := range []tracker.Sort{tracker.ByLastSeen, tracker.ByFirstSeen, tracker.ByCount, tracker.ByUsers} {
		f := &fakeTracker{issues: []tracker.Issue{sampleIssue(9), sampleIssue(3)}, more: true}
		cursor, _ := ask(t, f, "GET", "/api/errors?sort="+string(sort), nil).member(t, "next_cursor").(string)
		f.more = false
		if next := ask(t, f, "GET", "/api/errors?offset=5&cursor="+cursor, nil); next.member(t, "next_cursor") != nil {
			t.Errorf("%s: the last page has a cursor: %s", sort, next.body)
		}
		want := tracker.IssueQuery{Sort: sort, Limit: 50, After: tracker.CursorAt(sampleIssue(3), sort)}
		if diff := cmp.Diff(want, f.query); diff != "" {
			t.Errorf("%s: -want +got\n%s", sort, diff)
		}
	}
}

func TestListCutsLongMessages(t *testing.T) {
	issue := sampleIssue(1)
	issue.Message = strings.Repeat("x", 5000)
	got := ask(t, &fakeTracker{issues: []tracker.Issue{issue}}, "GET", "/api/errors", nil)
	if !strings.Contains(got.body, "x… [cut, 5000 bytes]") || len(got.body) > 2000 {
		t.Errorf("%d bytes: %.300s", len(got.body), got.body)
	}
}

func sampleOccurrence(id int64) tracker.Occurrence {
	return tracker.Occurrence{ID: id, IssueID: 3, Event: event.Event{
		Project: "shop", ReceivedAt: seen, Environment: "prod", Level: "error", Traceback: "text",
		Exceptions: []event.Exception{{Type: "ValueError", Value: "bad"}},
		Request:    event.Request{URL: "https://x/", Method: "GET", Headers: json.RawMessage(`{"a":"<b>"}`)},
		User:       event.User{ID: "u1"}, Extra: json.RawMessage(`{"session_id":"s"}`),
	}}
}

func TestDetail(t *testing.T) {
	bare := sampleOccurrence(5)
	bare.Event.Request, bare.Event.User, bare.Event.Extra = event.Request{}, event.User{}, nil
	issue := sampleIssue(3)
	issue.Resolved, issue.ResolvedAt = true, seen
	f := &fakeTracker{issues: []tracker.Issue{issue}, kept: []tracker.Occurrence{sampleOccurrence(6), bare}}
	got := ask(t, f, "GET", "/api/errors/3", nil)
	var d struct {
		ID           int
		Resolved     bool
		ResolvedAt   string `json:"resolved_at"`
		Traceback    string
		Environments []map[string]any
		Releases     []map[string]any
		Occurrences  []map[string]any
	}
	if err := json.Unmarshal([]byte(got.body), &d); err != nil || got.status != 200 {
		t.Fatalf("%d %s: %v", got.status, got.body, err)
	}
	if d.ID != 3 || !d.Resolved || d.ResolvedAt != "2026-07-20T07:30:59Z" || d.Traceback != "text" || len(d.Occurrences) != 2 || d.Releases == nil || len(d.Environments) != 1 {
		t.Errorf("detail = %+v", d)
	}
	for name, want := range map[string]any{
		"id": 6.0, "timestamp": "2026-07-20T07:30:59Z", "request_url": "https://x/", "request_method": "GET",
		"request_headers": map[string]any{"a": "<b>"}, "user_id": "u1", "extra": map[string]any{"session_id": "s"}, "traceback": "text",
	} {
		if diff := cmp.Diff(want, d.Occurrences[0][name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for _, name := range []string{"request_url", "request_method", "request_headers", "user_id", "extra"} {
		if v, there := d.Occurrences[1][name]; v != nil || !there {
			t.Errorf("%s = %v, %v; want null", name, v, there)
		}
	}
}

func TestDetailHasTheWholeMessage(t *testing.T) {
	long := strings.Repeat("x", 40_000)
	issue, o := sampleIssue(3), sampleOccurrence(5)
	issue.Message, o.Event.Exceptions[0].Value = long[:16<<10], long
	got := ask(t, &fakeTracker{issues: []tracker.Issue{issue}, kept: []tracker.Occurrence{o}}, "GET", "/api/errors/3", nil)
	if got.member(t, "message") != long {
		t.Errorf("message has %d bytes, want %d", len(fmt.Sprint(got.member(t, "message"))), len(long))
	}
}

func TestDetailHasAsManyOccurrencesAsAsked(t *testing.T) {
	f := &fakeTracker{issues: []tracker.Issue{sampleIssue(3)}}
	for id := int64(150); id > 0; id-- {
		f.kept = append(f.kept, sampleOccurrence(id))
	}
	for query, want := range map[string]int{"": 5, "?occurrences=20": 20, "?occurrences=x": 5, "?occurrences=1000": 100, "?occurrences=0": 5} {
		list, _ := ask(t, f, "GET", "/api/errors/3"+query, nil).member(t, "occurrences").([]any)
		if len(list) != want {
			t.Errorf("%q: %d occurrences, want %d", query, len(list), want)
		}
	}
}

func TestOccurrencePages(t *testing.T) {
	f := &fakeTracker{issues: []tracker.Issue{sampleIssue(3)}}
	for id := int64(7); id > 0; id-- {
		f.kept = append(f.kept, sampleOccurrence(id))
	}
	var ids []float64
	query := "?limit=3"
	for page := 0; page < 5 && query != ""; page++ {
		got := ask(t, f, "GET", "/api/errors/3/occurrences"+query, nil)
		for _, o := range got.member(t, "occurrences").([]any) {
			ids = append(ids, o.(map[string]any)["id"].(float64))
		}
		query = ""
		if c, ok := got.member(t, "next_cursor").(string); ok {
			query = "?limit=3&cursor=" + c
		}
	}
	if diff := cmp.Diff([]float64{7, 6, 5, 4, 3, 2, 1}, ids); diff != "" {
		t.Error(diff)
	}
	f.kept = f.kept[:3]
	if got := ask(t, f, "GET", "/api/errors/3/occurrences?limit=3", nil); got.member(t, "next_cursor") != nil {
		t.Errorf("a full last page has a cursor: %s", got.body)
	}
	if got := ask(t, f, "GET", "/api/errors/3/occurrences?cursor=x", nil); got.status != 400 {
		t.Errorf("bad cursor: %d", got.status)
	}
}

func TestOccurrence(t *testing.T) {
	f := &fakeTracker{issues: []tracker.Issue{sampleIssue(3)}, kept: []tracker.Occurrence{sampleOccurrence(6), sampleOccurrence(5), sampleOccurrence(4)}}
	for path, want := range map[string][3]any{
		"5": {5.0, 4.0, 6.0}, "latest": {6.0, 5.0, nil}, "first": {4.0, nil, 5.0},
	} {
		got := ask(t, f, "GET", "/api/errors/3/occurrences/"+path, nil)
		if ids := [3]any{got.member(t, "id"), got.member(t, "older_id"), got.member(t, "newer_id")}; ids != want || got.status != 200 {
			t.Errorf("%s: %d %v, want %v", path, got.status, ids, want)
		}
	}
}

// TestOccurrenceCanBeSentAgain checks that the event that comes out has every
// fact of the report that went in, under the same names.
func TestOccurrenceCanBeSentAgain(t *testing.T) {
	body := report(`"event_id":"0123456789abcdef0123456789abcdef","platform":"python","level":"fatal","release":"1","dist":"2","server_name":"w","logger":"l",
		"transaction":"t","environment":"test","request_url":"https://x/","request_method":"GET","request_headers":{"a":"b"},"extra":[1],
		"user":{"id":"7","email":"e","username":"n","ip_address":"i","x":{"y":1}},"tags":[["a","1"],["a","2"]],"modules":{"m":"1"},"contexts":{"os":{"name":"linux"}},
		"breadcrumbs":[{"timestamp":"2026-07-27T10:03:11.250Z","type":"a","category":"b","level":"c","message":"d","data":{"x":1}}],"sdk":{"name":"s","version":"1"},
		"exceptions":[{"type":"A","value":"a","module":"m","mechanism":{"type":"t","handled":false,"synthetic":true,"source":"s","exception_id":1,"parent_id":0,"is_exception_group":true},
		"frames":[{"filename":"f","abs_path":"/f","function":"fn","raw_function":"rf","module":"mo","package":"p","platform":"pl","lineno":3,"colno":4,"in_app":false,"context_line":"c","pre_context":["b"],"post_context":["d"],"vars":{"v":[1]}}]},
		{"type":"ValueError","value":"bad"}]`)
	first, err := decoded(t, body).Event()
	if err != nil {
		t.Fatal(err)
	}
	o := sampleOccurrence(5)
	o.Event = *first
	got := ask(t, &fakeTracker{kept: []tracker.Occurrence{o}}, "GET", "/api/errors/3/occurrences/5", nil)
	again, err := decoded(t, got.body).Event()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("-sent +sent again\n%s", diff)
	}
}

func TestChanges(t *testing.T) {
	until := func(d time.Duration) tracker.Mute { return tracker.Mute{Until: now.Add(d)} }
	for name, test := range map[string]struct {
		method, path, body string
		called             string
		fix                tracker.Fix
		mute               tracker.Mute
		text               string
		want               string
	}{
		"resolve":             {"POST", "/resolve", "", "resolve", tracker.Fix{}, tracker.Mute{}, "", `{"status":"resolved","id":3}`},
		"resolve with body":   {"POST", "/resolve", "anything", "resolve", tracker.Fix{}, tracker.Mute{}, "", `{"status":"resolved","id":3}`},
		"resolve in next":     {"POST", "/resolve", `{"in":"next"}`, "resolve", tracker.Fix{In: tracker.FixNext}, tracker.Mute{}, "", `{"status":"resolved","id":3,"resolved_in":{"in":"next","release":"1.1"}}`},
		"resolve in this":     {"POST", "/resolve?in=this", "", "resolve", tracker.Fix{In: tracker.FixThis}, tracker.Mute{}, "", `{"status":"resolved","id":3,"resolved_in":{"in":"next","release":"1.1"}}`},
		"resolve in a named":  {"POST", "/resolve", `{"release":"2.0"}`, "resolve", tracker.Fix{In: tracker.FixThis, Release: "2.0"}, tracker.Mute{}, "", `{"status":"resolved","id":3,"resolved_in":{"in":"next","release":"1.1"}}`},
		"unresolve":           {"POST", "/unresolve", "anything", "unresolve", tracker.Fix{}, tracker.Mute{}, "", `{"status":"unresolved","id":3}`},
		"unmute":              {"POST", "/unmute", "anything", "unmute", tracker.Fix{}, tracker.Mute{}, "", `{"status":"unmuted","id":3}`},
		"unmute there":        {"POST", "/unmute?environment=dev", "", "unmute", tracker.Fix{}, tracker.Mute{}, "dev", `{"status":"unmuted","id":3,"environment":"dev"}`},
		"delete":              {"DELETE", "", "", "delete", tracker.Fix{}, tracker.Mute{}, "", `{"status":"deleted","id":3}`},
		"mute":                {"POST", "/mute", "", "mute", tracker.Fix{}, tracker.Mute{}, "", `{"status":"muted","id":3,"muted_until":null}`},
		"mute, empty body":    {"POST", "/mute", "{}", "mute", tracker.Fix{}, tracker.Mute{}, "", `{"status":"muted","id":3,"muted_until":null}`},
		"mute, nulls":         {"POST", "/mute", `{"until":null,"for":null,"events":null,"users":null,"environment":null}`, "mute", tracker.Fix{}, tracker.Mute{}, "", `{"status":"muted","id":3,"muted_until":null}`},
		"mute for":            {"POST", "/mute", `{"for":"24h"}`, "mute", tracker.Fix{}, until(24 * time.Hour), "", `{"status":"muted","id":3,"muted_until":"2026-07-28T10:00:00Z"}`},
		"mute for, query":     {"POST", "/mute?for=7d", "", "mute", tracker.Fix{}, until(7 * 24 * time.Hour), "", `{"status":"muted","id":3,"muted_until":"2026-08-03T10:00:00Z"}`},
		"mute until":          {"POST", "/mute", `{"until":"2026-08-01T00:00:00Z"}`, "mute", tracker.Fix{}, until(5*24*time.Hour - 10*time.Hour), "", `{"status":"muted","id":3,"muted_until":"2026-08-01T00:00:00Z"}`},
		"mute until events":   {"POST", "/mute", `{"events":100,"users":7}`, "mute", tracker.Fix{}, tracker.Mute{Events: 100, Users: 7}, "", `{"status":"muted","id":3,"muted_until":null,"events":100,"users":7}`},
		"mute there":          {"POST", "/mute?environment=dev&users=5", "", "mute", tracker.Fix{}, tracker.Mute{Users: 5, Environment: "dev"}, "", `{"status":"muted","id":3,"muted_until":null,"users":5,"environment":"dev"}`},
		"assign":              {"POST", "/assign", `{"assignee":"ann"}`, "assign", tracker.Fix{}, tracker.Mute{}, "ann", `{"status":"assigned","id":3,"assignee":"ann"}`},
		"assign to nobody":    {"POST", "/assign", `{"assignee":null}`, "assign", tracker.Fix{}, tracker.Mute{}, "", `{"status":"assigned","id":3,"assignee":null}`},
		"assign by the query": {"POST", "/assign?assignee=bob", "", "assign", tracker.Fix{}, tracker.Mute{}, "bob", `{"status":"assigned","id":3,"assignee":"bob"}`},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeTracker{issues: []tracker.Issue{{ID: 3, Fix: tracker.Fix{In: tracker.FixNext, Release: "1.1"}}}}
			var body io.Reader
			if test.body != "" {
				body = strings.NewReader(test.body)
			}
			got := ask(t, f, test.method, "/api/errors/3"+test.path, body)
			if got.status != 200 || got.body != test.want || f.called != test.called || len(f.ids) != 1 || f.ids[0] != 3 {
				t.Errorf("%d %s, called %s %v; want %s", got.status, got.body, f.called, f.ids, test.want)
			}
			if f.fix != test.fix || f.mute != test.mute || f.text != test.text {
				t.Errorf("asked for %+v, %+v, %q", f.fix, f.mute, f.text)
			}
			if got := ask(t, f, test.method, "/api/errors/10"+test.path, nil); got.status != 404 || got.member(t, "detail") != "Error not found" {
				t.Errorf("unknown id: %d %s", got.status, got.body)
			}
		})
	}
}

func TestBulk(t *testing.T) {
	f := &fakeTracker{}
	got := ask(t, f, "POST", "/api/errors/bulk", strings.NewReader(`{"action":"resolve","ids":[30,2,1,2,20]}`))
	if want := `{"status":"resolved","changed":2,"ids":[1,2],"not_found":[20,30]}`; got.status != 200 || got.body != want || f.called != "resolve" {
		t.Errorf("%d %s, want %s", got.status, got.body, want)
	}
	got = ask(t, f, "POST", "/api/errors/bulk", strings.NewReader(`{"action":"mute","ids":[1],"for":"1h"}`))
	if got.status != 200 || !f.mute.Until.Equal(now.Add(time.Hour)) {
		t.Errorf("%d %s until %v", got.status, got.body, f.mute)
	}
	got = ask(t, f, "POST", "/api/errors/bulk", strings.NewReader(`{"action":"assign","ids":[1,2],"assignee":"ann"}`))
	if want := `{"status":"assigned","changed":2,"ids":[1,2],"not_found":[]}`; got.status != 200 || got.body != want || f.text != "ann" {
		t.Errorf("%d %s to %q, want %s", got.status, got.body, f.text, want)
	}
	got = ask(t, f, "POST", "/api/errors/bulk", strings.NewReader(`{"action":"resolve","ids":[1],"in":"next"}`))
	if got.status != 200 || f.fix != (tracker.Fix{In: tracker.FixNext}) {
		t.Errorf("%d %s, %+v", got.status, got.body, f.fix)
	}
}

func TestMergeAndUnmerge(t *testing.T) {
	f := &fakeTracker{}
	got := ask(t, f, "POST", "/api/errors/3/merge", strings.NewReader(`{"ids":[5,4]}`))
	if got.status != 200 || f.target != 3 || !cmp.Equal(f.ids, []int64{4, 5}) {
		t.Errorf("%d %s, target %d, ids %v", got.status, got.body, f.target, f.ids)
	}
	got = ask(t, f, "POST", "/api/errors/3/unmerge", strings.NewReader(`{"fingerprint":"bfe948320647333075d782d84349909c"}`))
	if got.status != 201 || got.body != `{"status":"unmerged","id":77,"from":3}` || f.hash.String() != "bfe948320647333075d782d84349909c" {
		t.Errorf("%d %s, hash %s", got.status, got.body, f.hash)
	}
	f.err = errs.New(errs.Conflict, "the last group cannot leave")
	if got = ask(t, f, "POST", "/api/errors/3/unmerge", strings.NewReader(`{"fingerprint":"bfe948320647333075d782d84349909c"}`)); got.status != 409 {
		t.Errorf("%d %s, want 409", got.status, got.body)
	}
}

func long(n int) string { return strings.Repeat("x", n) }

func TestCommandsAreReadStrictly(t *testing.T) {
	many := "[" + strings.Repeat("1,", 1000) + "1]"
	for path, bodies := range map[string]map[string]string{
		"/bulk": {
			``:                                 `action = "", want resolve, unresolve, mute, unmute, assign or delete`,
			`{`:                                "Invalid JSON",
			`[]`:                               "Request body must be a JSON object",
			`{"action":"drop","ids":[1]}`:      `action = "drop", want resolve, unresolve, mute, unmute, assign or delete`,
			`{"action":5,"ids":[1]}`:           "action must be a string",
			`{"action":"resolve"}`:             "Missing required field: ids",
			`{"action":"resolve","ids":[]}`:    "Missing required field: ids",
			`{"action":"resolve","ids":1}`:     "ids must be an array of whole numbers",
			`{"action":"resolve","ids":["1"]}`: "ids must be an array of whole numbers",
			`{"action":"resolve","ids":[1.5]}`: "ids must be an array of whole numbers",
			`{"action":"resolve","ids":[0]}`:   "ids must be an array of whole numbers",
			`{"action":"resolve","ids":` + many + `}`:             "ids has 1001 entries, the limit is 1000",
			`{"action":"resolve","id":[1]}`:                       `unknown field: "id"`,
			`{"action":"mute","ids":[1],"for":"soon"}`:            `for = "soon", want a duration such as 30m, 24h or 7d`,
			`{"action":"mute","ids":[1],"for":"0h"}`:              `for = "0h", want a duration such as 30m, 24h or 7d`,
			`{"action":"mute","ids":[1],"for":"99999999999999d"}`: `for = "99999999999999d", want a duration such as 30m, 24h or 7d`,
		},
		"/3/resolve": {
			`{"in":"past"}`:                   `in = "past", want this or next`,
			`{"in":"next","release":"1"}`:     `release = "1" goes with in = "this" only`,
			`{"in":5}`:                        "in must be a string",
			`{"in":"next"`:                    "Invalid JSON",
			`{"events":5}`:                    "events goes with the action mute, not with resolve",
			`{"release":"` + long(201) + `"}`: "release has 201 bytes, the limit is 200",
		},
		"/3/resolve?in=now": {``: `in = "now", want this or next`},
		"/3/mute?events=x":  {``: `events = "x", want a whole number from 1`},
		"/3/mute": {
			`{"events":0}`:                                `events = "0", want a whole number from 1`,
			`{"events":1.5}`:                              `events = "1.5", want a whole number from 1`,
			`{"events":"5"}`:                              "events must be a whole number",
			`{"events":1000000001}`:                       "events = 1000000001, want 1 to 1000000000",
			`{"users":10001}`:                             "users = 10001, want 1 to 10000",
			`{"in":"next"}`:                               "in goes with the action resolve, not with mute",
			`{"environment":"` + long(201) + `"}`:         "environment has 201 bytes, the limit is 200",
			`{"until":"2026-07-27T09:00:00Z"}`:            `until = "2026-07-27T09:00:00Z" is in the past`,
			`{"until":"never"}`:                           `until = "never", want a time such as 2026-01-31T08:00:00Z`,
			`{"until":"2026-08-01T00:00:00Z","for":"1h"}`: "until and for are both set, want one of them",
		},
		"/3/merge":   {``: "Missing required field: ids", `{"ids":[2,3]}`: "ids has 3, the error to merge into"},
		"/3/unmerge": {``: `fingerprint = "", want 32 hex digits`, `{"fingerprint":"xyz"}`: `fingerprint = "xyz", want 32 hex digits`},
	} {
		for body, want := range bodies {
			f := &fakeTracker{}
			got := ask(t, f, "POST", "/api/errors"+path, strings.NewReader(body))
			if got.status != 400 || got.member(t, "detail") != want || f.called != "" {
				t.Errorf("%s %.80s: %d %s, called %q; want %s", path, body, got.status, got.body, f.called, want)
			}
		}
	}
	if got := ask(t, &fakeTracker{}, "POST", "/api/errors/bulk", bytes.NewReader(make([]byte, maxCommand+1))); got.status != 413 {
		t.Errorf("a command too large: %d", got.status)
	}
}

func TestUnknownThingsAreNotFound(t *testing.T) {
	const noPath, noError, noOccurrence = "Not found", "Error not found", "Occurrence not found"
	for path, want := range map[string]string{
		"GET /api/errors/0": noPath, "GET /api/errors/-1": noPath, "GET /api/errors/+1": noPath, "GET /api/errors/1.0": noPath, "GET /api/errors/abc": noPath,
		"GET /api/errors/99999999999999999999": noPath, "GET /api/errors/%31x": noPath, "POST /api/errors/x/resolve": noPath, "DELETE /api/errors/0x1": noPath,
		"POST /api/errors/x/merge": noPath, "GET /api/errors/x/groups": noPath, "GET /api/errors/x/occurrences": noPath, "GET /api/errors/3/occurrences/x": noPath,
		"GET /api/errors/44": noError, "GET /api/errors/44/groups": noError, "GET /api/errors/44/occurrences": noError, "GET /api/errors/3/occurrences/first": noError,
		"GET /api/errors/3/occurrences/9": noOccurrence, "GET /api/errors/3/occurrences/latest": noOccurrence,
	} {
		method, target, _ := strings.Cut(path, " ")
		got := ask(t, &fakeTracker{}, method, target, nil)
		if got.status != 404 || got.member(t, "detail") != want {
			t.Errorf("%s: %d %s, want 404 %s", path, got.status, got.body, want)
		}
	}
}

func TestWhatStandsBesideErrorsIsNone(t *testing.T) {
	for _, path := range []string{"/api/errors/batch", "/api/errors/bulk"} {
		for _, method := range []string{"GET", "DELETE"} {
			if got := ask(t, &fakeTracker{}, method, path, nil); got.status != 405 {
				t.Errorf("%s %s: %d %s, want 405", method, path, got.status, got.body)
			}
		}
	}
}

func TestOverviews(t *testing.T) {
	f := &fakeTracker{issues: []tracker.Issue{sampleIssue(4)}}
	for path, want := range map[string]string{
		"/api/projects?x=1":               `{"projects":[]}`,
		"/api/environments":               `{"environments":["of "]}`,
		"/api/environments?project=a%20b": `{"environments":["of a b"]}`,
		"/api/errors/3/groups":            `{"groups":[{"fingerprint":"00000000000000000000000000000000","primary":true,"title":"ValueError: bad","count":3,"created_at":"2026-07-20T07:30:59Z","last_seen":"2026-07-20T07:30:59Z","why":[{"kind":"type","value":"ValueError"}]}]}`,
		"/api/stats":                      `{"errors":5,"unresolved":3,"events":70,"occurrences":40,"oldest_event":"2026-07-20T07:30:59Z","database_bytes":4096,"queue_length":7,"queue_capacity":1024,"pending_alerts":2}`,
	} {
		if got := ask(t, f, "GET", path, nil); got.status != 200 || got.body != want {
			t.Errorf("%s: %d %s, want %s", path, got.status, got.body, want)
		}
	}
	if got := ask(t, f, "GET", "/api/errors/3/similar", nil); got.status != 200 || !strings.HasPrefix(got.body, `{"errors":[{"id":4,`) {
		t.Errorf("similar: %d %s", got.status, got.body)
	}
}

func TestTestAlert(t *testing.T) {
	f := &fakeTracker{}
	got := ask(t, f, "POST", "/api/test-alert", nil)
	if got.status != 202 || got.member(t, "status") != "test alert dispatched" || !strings.Contains(fmt.Sprint(got.member(t, "detail")), "service log") || f.alerts != 1 {
		t.Errorf("%d %s, %d alerts", got.status, got.body, f.alerts)
	}
	got = askWith(t, f, func(o *Options) { o.AlertsOff = "SMTP not configured: SMTP_HOST is not set" }, "POST", "/api/test-alert", nil)
	if got.status != 503 || !strings.Contains(got.body, "SMTP not configured") || f.alerts != 1 {
		t.Errorf("%d %s, %d alerts", got.status, got.body, f.alerts)
	}
}

func TestEveryRouteHidesInternalErrors(t *testing.T) {
	f := &fakeTracker{err: fmt.Errorf("open /secret/path: %w", io.ErrClosedPipe), issues: []tracker.Issue{sampleIssue(3)}, kept: []tracker.Occurrence{sampleOccurrence(5)}}
	for path, body := range map[string]string{
		"POST /api/errors": report(""), "GET /api/errors": "", "GET /api/errors/3": "", "GET /api/errors/3/occurrences": "", "GET /api/errors/3/occurrences/5": "",
		"GET /api/errors/3/groups": "", "GET /api/errors/3/tags": "", "GET /api/errors/3/similar": "", "POST /api/errors/3/resolve": "", "POST /api/errors/3/mute": "", "DELETE /api/errors/3": "",
		"POST /api/errors/bulk": `{"action":"delete","ids":[1]}`, "POST /api/errors/3/merge": `{"ids":[1]}`, "POST /api/errors/3/unmerge": `{"fingerprint":"bfe948320647333075d782d84349909c"}`,
		"GET /api/projects": "", "GET /api/environments": "", "GET /api/stats": "", "POST /api/test-alert": "",
	} {
		method, target, _ := strings.Cut(path, " ")
		got := ask(t, f, method, target, strings.NewReader(body))
		if got.status != 500 || got.member(t, "detail") != "Internal server error" || strings.Contains(got.body, "secret") {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}
