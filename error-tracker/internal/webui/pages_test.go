package webui

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/google/go-cmp/cmp"
	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/search"
	"github.com/monlight/monlight/shared/auth"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/webui"
)

// openGuard lets everyone in.
type openGuard struct{}

func (openGuard) Page(next http.Handler) http.Handler { return next }
func (openGuard) SignIn() http.Handler                { return http.NotFoundHandler() }
func (openGuard) SignOut() http.Handler               { return http.NotFoundHandler() }

// site is the pages over a fake tracker, and a browser that keeps cookies.
type site struct {
	t       *testing.T
	handler http.Handler
	pages   *Pages
	cookies map[string]*http.Cookie
}

func newSite(t *testing.T, f *fakeTracker, change ...func(*Options)) *site {
	t.Helper()
	o := Options{
		Tracker: f, Version: "1.2.3", Now: func() time.Time { return noon },
		Mail:     MailSettings{Configured: true, Via: "SMTP mail.example.com:587", Recipients: []string{"ann@example.com"}},
		Services: webui.Services("https://errors.example.com", "https://logs.example.com", "", ""),
	}
	for _, c := range change {
		c(&o)
	}
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	r := chi.NewRouter()
	p.Mount(r, openGuard{})
	r.NotFound(p.NotFound)
	return &site{t: t, handler: strip(o.BasePath, r), pages: p, cookies: map[string]*http.Cookie{}}
}

// strip does what the server does in front of the pages.
func strip(base string, next http.Handler) http.Handler {
	base = strings.TrimRight(base, "/")
	stripped := http.StripPrefix(base, next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, base+"/") {
			stripped.ServeHTTP(w, r)
		} else {
			next.ServeHTTP(w, r)
		}
	})
}

func (s *site) do(method, target string, form url.Values, header ...string) *http.Response {
	s.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	for _, c := range s.cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(s.cookies, c.Name)
		} else {
			s.cookies[c.Name] = c
		}
	}
	return w.Result()
}

// get returns the body of a page that must have the status.
func (s *site) get(target string, status int, header ...string) string {
	s.t.Helper()
	res := s.do(http.MethodGet, target, nil, header...)
	b, _ := io.ReadAll(res.Body)
	if res.StatusCode != status {
		s.t.Fatalf("GET %s = %d, want %d: %s", target, res.StatusCode, status, mainPart(string(b)))
	}
	return string(b)
}

// post sends a form and returns the page it leads to.
func (s *site) post(target string, form url.Values) (location, body string) {
	s.t.Helper()
	res := s.do(http.MethodPost, target, form)
	if res.StatusCode != http.StatusSeeOther {
		b, _ := io.ReadAll(res.Body)
		s.t.Fatalf("POST %s = %d, want 303: %s", target, res.StatusCode, mainPart(string(b)))
	}
	location = res.Header.Get("Location")
	return location, s.get(location, http.StatusOK)
}

func wants(t *testing.T, page string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(page, p) {
			t.Errorf("page lacks %q", p)
		}
	}
}

func lacks(t *testing.T, page string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if strings.Contains(page, p) {
			t.Errorf("page has %q", p)
		}
	}
}

func TestListShowsIssuesAndPages(t *testing.T) {
	s := newSite(t, sample(120))
	page := s.get("/?state=all", 200)
	wants(t, page, "Showing 1–50 of 120", `href="/errors/120"`, "cannot ship order 42", `rel="next"`, `href="https://logs.example.com"`, "Status of error-tracker 1.2.3", "45.1 MiB on disk")
	lacks(t, page, `rel="prev"`, ">Metrics<", ">Browser</a>")

	next := regexp.MustCompile(`rel="next" href="([^"]+)"`).FindStringSubmatch(page)
	if next == nil {
		t.Fatal("no link to the next page")
	}
	page = s.get(strings.ReplaceAll(next[1], "&amp;", "&"), 200)
	wants(t, page, "Showing 51–100 of 120", `href="/errors/70"`, `rel="prev"`)
	lacks(t, page, `href="/errors/71"`)

	// A bookmark of the first releases.
	wants(t, s.get("/?resolved=true", 200), "Resolved", "Showing 1–")
	wants(t, s.get("/index.html?state=all&offset=100", 200), "Showing 101–120 of 120")
}

func TestListAsksForWhatTheAddressSays(t *testing.T) {
	tests := map[string]struct {
		query string
		want  tracker.IssueQuery
	}{
		"nothing":                 {"", tracker.IssueQuery{State: tracker.Active, Sort: tracker.ByLastSeen}},
		"old bookmark":            {"session_id=s-1&project=shop&source=browser&resolved=true&time=1h&refresh=30&offset=50", tracker.IssueQuery{SessionID: "s-1", Project: "shop", Source: tracker.Browser, State: tracker.Resolved, Since: noon.Add(-time.Hour), Offset: 50, Sort: tracker.ByLastSeen}},
		"all of ours":             {"search=a+%22b+c%22&environment=prod&state=muted&sort=users&time=now-7d", tracker.IssueQuery{Filter: searched(`a "b c"`), Environment: "prod", State: tracker.Muted, Sort: tracker.ByUsers, Since: noon.Add(-7 * 24 * time.Hour)}},
		"a cursor":                {"state=all&sort=count&after=17.42&offset=50", tracker.IssueQuery{State: tracker.AnyState, Sort: tracker.ByCount, After: tracker.Cursor{Value: 17, ID: 42}}},
		"an absolute time":        {"time=2026-07-01T00:00:00Z", tracker.IssueQuery{State: tracker.Active, Sort: tracker.ByLastSeen, Since: time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)}},
		"a cursor of a time":      {"sort=trend&time=1h&after=17.42&at=1000000", tracker.IssueQuery{State: tracker.Active, Sort: tracker.ByTrend, Since: time.UnixMilli(1000000).Add(-time.Hour), After: tracker.Cursor{Value: 17, ID: 42, At: 1000000}}},
		"a state in the search":   {"search=is:resolved", tracker.IssueQuery{Filter: searched("is:resolved"), State: tracker.AnyState, Sort: tracker.ByLastSeen}},
		"a search with a mistake": {"search=is:lost", tracker.IssueQuery{State: tracker.Active, Sort: tracker.ByLastSeen}},
		"nonsense is left out":    {"source=x&state=x&sort=x&time=soon&offset=-1&after=x&refresh=x&stats=x", tracker.IssueQuery{State: tracker.Active, Sort: tracker.ByLastSeen}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := sample(3)
			newSite(t, f).get("/?"+tt.query, 200)
			tt.want.Limit = tracker.DefaultPage
			if d := cmp.Diff(tt.want, f.query); d != "" {
				t.Errorf("asked for (-want +got):\n%s", d)
			}
		})
	}
}

func searched(text string) search.Query {
	q, err := search.Parse(text)
	if err != nil {
		panic(err)
	}
	return q
}

func TestListSaysWhereASearchIsWrong(t *testing.T) {
	page := newSite(t, sample(3)).get("/?search=env:prod+is:%3Cb%3E", 200)
	wants(t, page, "search, at character 13: is:&lt;b&gt; is not known", `value="env:prod is:&lt;b&gt;"`, "The search is left out.")
}

func TestListMarksNumbersThatAreNotExact(t *testing.T) {
	f := sample(1)
	f.issues[0].Count, f.issues[0].CountIs, f.issues[0].Users, f.issues[0].UsersIs, f.issues[0].FirstIs = 12, tracker.AtMost, 3, tracker.AtLeast, tracker.About
	wants(t, newSite(t, f).get("/?state=all", 200), ">≤12<", ">≥3<", "~<time")
}

func TestListStates(t *testing.T) {
	page := newSite(t, sample(0)).get("/", 200)
	wants(t, page, "Waiting for the first error", "curl -X POST 'http://example.com/api/errors'", "YOUR_API_KEY", `every="3"`)
	page = newSite(t, sample(0), func(o *Options) {
		o.BaseURL, o.BasePath = &url.URL{Scheme: "https", Host: "mon.example.com", Path: "/errors/"}, "/errors/"
	}).get("/errors/", 200)
	wants(t, page, "https://mon.example.com/errors/api/errors", `href="/errors/assets/list-all.`, `action="/errors/sign-out"`)

	s := newSite(t, sample(5))
	wants(t, s.get("/?search=zebra&sort=count", 200), "No issue matches", "5 issues are stored", `href="/?sort=count"`, "Search in all states")
	wants(t, s.get("/?state=resolved", 200), "Nothing here")
	wants(t, s.get("/?time=soon", 200), "is no time", `aria-invalid="true"`, "ValueError")
	wants(t, s.get("/?session_id=s-9", 200), "of the session, trace or request", "s-9", "Show all</a>")
	wants(t, s.get("/?state=all&offset=500", 200), "This page is empty")
	wants(t, s.get("/?refresh=30s", 200), `<meta http-equiv="refresh" content="30">`, `every="30"`)

	f := sample(1)
	f.issues[0].Resolved = true
	wants(t, newSite(t, f).get("/", 200), "All clear", "1 issue is resolved or muted")

	f = sample(3)
	f.err = errs.New(errs.Unavailable, "the store is stopping")
	wants(t, newSite(t, f).get("/", 503), "Not available at the moment", "The store is stopping.", "Try again")
	f.err = io.ErrUnexpectedEOF
	page = newSite(t, f).get("/", 500)
	wants(t, page, "Something went wrong")
	lacks(t, page, "unexpected EOF")
	wants(t, s.get("/nothing/here", 404), "Page not found")
	if res := s.do(http.MethodHead, "/", nil); res.StatusCode != http.StatusOK {
		t.Errorf("HEAD / = %d, want 200", res.StatusCode)
	}
}

func TestFragmentIsThePartAlone(t *testing.T) {
	s := newSite(t, sample(3))
	res := s.do(http.MethodGet, "/", nil, webui.FragmentHeader, "issues")
	b, _ := io.ReadAll(res.Body)
	if got := res.Header.Get(webui.FragmentHeader); got != "issues" || !strings.HasPrefix(string(b), "<ml-live") {
		t.Errorf("fragment %q: %.80s", got, b)
	}
	// A fragment does not use up the message that the next page shows.
	s.do(http.MethodPost, "/errors/3/resolve", url.Values{})
	s.do(http.MethodGet, "/", nil, webui.FragmentHeader, "issues")
	wants(t, s.get("/", 200), "1 issue resolved.")
	lacks(t, s.get("/", 200), "1 issue resolved.")
	if res := s.do(http.MethodGet, "/", nil, webui.FragmentHeader, "layout"); res.Header.Get(webui.FragmentHeader) != "" {
		t.Error("an unknown fragment was answered as one")
	}
}

func TestBulkChanges(t *testing.T) {
	f := sample(10)
	s := newSite(t, f)
	ids := url.Values{"id": {"10", "8", "8", "77"}, "back": {"/?project=shop"}}
	with := func(kv ...string) url.Values {
		v := url.Values{}
		for k, all := range ids {
			v[k] = all
		}
		for i := 0; i < len(kv); i += 2 {
			v.Set(kv[i], kv[i+1])
		}
		return v
	}
	to, page := s.post("/issues", with("action", "resolve"))
	if to != "/?project=shop" || !f.find(10).Resolved || !f.find(8).Resolved || f.find(9).Resolved {
		t.Errorf("resolve led to %q", to)
	}
	wants(t, page, "2 issues resolved. 1 was no longer there.", ">Undo<", `name="action" value="unresolve"`, `name="id" value="8"`)
	s.post("/issues", with("action", "unresolve"))
	if f.find(10).Resolved {
		t.Error("unresolve did nothing")
	}
	s.post("/issues", with("action", "mute"))
	if i := f.find(8); !i.Muted || !i.MutedUntil.IsZero() {
		t.Errorf("mute = %v until %v", i.Muted, i.MutedUntil)
	}
	s.post("/issues", with("action", "unmute"))

	// Deleting asks first, without scripts.
	res := s.do(http.MethodPost, "/issues", with("action", "delete"))
	b, _ := io.ReadAll(res.Body)
	wants(t, string(b), "Delete these 2 issues?", `name="confirm" value="yes"`, `name="id" value="10"`)
	if f.find(10) == nil {
		t.Fatal("deleted without asking")
	}
	s.post("/issues", with("action", "delete", "confirm", "yes"))
	if f.find(10) != nil || f.find(8) != nil {
		t.Error("not deleted")
	}

	_, page = s.post("/issues", url.Values{"action": {"resolve"}})
	wants(t, page, "Select at least one issue first.")
	for _, bad := range []url.Values{{"action": {"burn"}, "id": {"1"}}, {"action": {"resolve"}, "id": {"x"}}, {"action": {"mute"}, "for": {"ever"}, "id": {"1"}}, {"action": {"resolve"}, "id": make([]string, 201)}} {
		if res := s.do(http.MethodPost, "/issues", bad); res.StatusCode != http.StatusBadRequest {
			t.Errorf("POST /issues %.60v = %d, want 400", bad, res.StatusCode)
		}
	}
	if res := s.do(http.MethodPost, "/issues", url.Values{"back": {strings.Repeat("x", 70<<10)}}); res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a form of 70 KiB = %d, want 413", res.StatusCode)
	}
}

func TestBackLeadsNowhereElse(t *testing.T) {
	s := newSite(t, sample(2))
	for _, back := range []string{"https://evil.example/", "//evil.example/", `/\evil.example`, "/\t/evil.example", "javascript:alert(1)", "evil", ""} {
		res := s.do(http.MethodPost, "/errors/2/resolve", url.Values{"back": {back}})
		if to := res.Header.Get("Location"); to != "/errors/2" {
			t.Errorf("back = %q leads to %q", back, to)
		}
	}
}

func TestIssuePage(t *testing.T) {
	f := sample(8)
	s := newSite(t, f)
	page := s.get("/errors/8", 200)
	wants(t, page,
		"<title>ValueError: cannot ship order 42: no address (#8) · Monlight Errors</title>",
		"Last 24 hours", "Show as a table", "shop@4.11.0",
		`class="hit" data-n="214"`, "raise ValueError(", "6 library frames", "fastapi, starlette", "3 local variables",
		"raised while handling", "KeyError", "Raw traceback", "Unhandled",
		"customer 7 has no address", "https://shop.example.com/orders/42/ship", `rel="noopener noreferrer nofollow"`,
		"please ring twice", "CPython", "coupon", "30 installed packages", `href="/?session_id=s-1&amp;state=all"`,
		"country", "business", "Split off", "statement", "Merge into this", "connection refused", "a…@example.com",
		"Older", `href="/errors/8?event=110"`, `href="/errors/8?event=100"`, "Copy as Markdown", "For 1 week",
	)
	lacks(t, page, `rel="next"`)

	page = s.get("/errors/8?event=104", 200)
	wants(t, page, `href="/errors/8?event=105"`, `href="/errors/8?event=103"`, `<a href="/errors/8?event=104" title="The address of this event">`)
	if strings.Contains(page, "not kept any more") {
		t.Error("an event that is kept is said not to be")
	}
	wants(t, s.get("/errors/8?event=999999", 200), `href="/errors/8?event=110"`, "The event of this address is not kept any more")
	wants(t, s.get("/errors/8?event=104&stats=14d", 200), "Last 14 days", `href="/errors/8?event=104"`)
	wants(t, s.get("/errors/7", 200), "No event is kept")
	wants(t, s.get("/errors/4711", 404), "Issue not found", "#4711")
	s.get("/errors/99999999999999999999", 404)
}

func TestIssueChanges(t *testing.T) {
	f := sample(8)
	s := newSite(t, f)
	_, page := s.post("/errors/8/resolve", url.Values{"back": {"/errors/8?event=104"}})
	wants(t, page, "1 issue resolved.", "Undo", ">Unresolve<", "Resolved")
	_, page = s.post("/errors/8/unresolve", url.Values{})
	wants(t, page, ">Resolve<")
	for span, until := range map[string]time.Time{"1h": noon.Add(time.Hour), "1d": noon.Add(24 * time.Hour), "1w": noon.Add(7 * 24 * time.Hour), "forever": {}} {
		_, page = s.post("/errors/8/mute", url.Values{"for": {span}})
		wants(t, page, ">Unmute<")
		if i := f.find(8); !i.MutedUntil.Equal(until) {
			t.Errorf("mute for %s lasts until %v, want %v", span, i.MutedUntil, until)
		}
	}
	s.post("/errors/8/unmute", url.Values{})
	if f.find(8).Muted {
		t.Error("unmute did nothing")
	}

	other := int64(7)
	f.find(other).Project = "shop"
	_, page = s.post("/errors/8/merge", url.Values{"source": {itoa(other)}})
	wants(t, page, "is now part of this one")
	if f.find(other) != nil {
		t.Error("merged issue is still there")
	}
	hash := f.groups[8][1].Hash.String()
	_, page = s.post("/errors/8/unmerge", url.Values{"hash": {hash}})
	wants(t, page, "Split off as issue #")
	if res := s.do(http.MethodPost, "/errors/8/unmerge", url.Values{"hash": {"xyz"}}); res.StatusCode != http.StatusBadRequest {
		t.Errorf("a bad hash = %d, want 400", res.StatusCode)
	}
	if res := s.do(http.MethodPost, "/errors/8/merge", url.Values{"source": {"5"}}); res.StatusCode != http.StatusBadRequest {
		t.Errorf("a merge across projects = %d, want 400", res.StatusCode)
	}

	wants(t, s.get("/errors/8/delete", 200), "Delete this issue?")
	if res := s.do(http.MethodPost, "/errors/8/delete", url.Values{}); res.StatusCode != http.StatusOK {
		t.Errorf("delete without confirmation = %d, want the page that asks", res.StatusCode)
	}
	to, page := s.post("/errors/8/delete", url.Values{"confirm": {"yes"}})
	if to != "/" || f.find(8) != nil {
		t.Errorf("delete led to %q", to)
	}
	wants(t, page, "1 issue deleted.")
	for _, action := range []string{"resolve", "mute", "delete"} {
		if res := s.do(http.MethodPost, "/errors/8/"+action, url.Values{"confirm": {"yes"}}); action != "delete" && res.StatusCode != http.StatusNotFound {
			t.Errorf("%s of a deleted issue = %d, want 404", action, res.StatusCode)
		}
	}
	if res := s.do(http.MethodPost, "/errors/5/burn", url.Values{}); res.StatusCode != http.StatusNotFound {
		t.Errorf("unknown action = %d, want 404", res.StatusCode)
	}
	if res := s.do(http.MethodGet, "/errors/5/resolve", nil); res.Header.Get("Location") != "/errors/5" {
		t.Errorf("GET of a form's address = %d to %q", res.StatusCode, res.Header.Get("Location"))
	}
}

func TestAlertsPage(t *testing.T) {
	f := sample(8)
	f.pending = 3
	s := newSite(t, f)
	page := s.get("/alerts", 200)
	wants(t, page, "Configured", "SMTP mail.example.com:587", "a…@example.com", "3 alerts", "Sent", "Failed", "Trying again", "connection refused", "Retry", "8 attempts")
	lacks(t, page, "ann@example.com")
	_, page = s.post("/alerts/2/retry", url.Values{})
	wants(t, page, "tried again")
	_, page = s.post("/alerts/test", url.Values{})
	wants(t, page, "A test is on its way")
	if len(f.retried) != 1 || f.retried[0] != 2 || f.tests != 1 {
		t.Errorf("retried %v, tests %d", f.retried, f.tests)
	}

	s = newSite(t, sample(0), func(o *Options) { o.Mail = MailSettings{Missing: []string{"SMTP_HOST", "ALERT_EMAILS"}} })
	page = s.get("/alerts", 200)
	wants(t, page, "Not configured", "SMTP_HOST", "Nothing was sent yet")
	lacks(t, page, "Send test mail")
	if res := s.do(http.MethodPost, "/alerts/test", url.Values{}); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("test mail without mail = %d, want 503", res.StatusCode)
	}
}

func TestMarkdown(t *testing.T) {
	f := sample(8)
	f.issues[0].Message = "a ``` b <script>alert(1)</script> [x](javascript:alert(1)) @all"
	f.events[8][11].Event.Traceback = "line\n````\n# not a title"
	s := newSite(t, f)
	res := s.do(http.MethodGet, "/errors/8.md", nil)
	b, _ := io.ReadAll(res.Body)
	if got := res.Header.Get("Content-Type"); got != "text/markdown; charset=utf-8" {
		t.Errorf("content type %q", got)
	}
	wants(t, string(b), "# ValueError: a \\`\\`\\` b \\<script\\>", `\[x\]\(javascript`, `\@all`, "- Issue: <http://example.com/errors/8>", "`````\nline\n````\n# not a title\n`````", "- Release: `shop@4.12.1`", "## Breadcrumbs")
	s.get("/errors/4711.md", 404)
}

func TestEverythingBelowABasePath(t *testing.T) {
	s := newSite(t, sample(60), func(o *Options) { o.BasePath = "/errors" })
	for _, target := range []string{"/errors/?state=all", "/?state=all"} { // whether the proxy takes the prefix away or not
		page := s.get(target, 200)
		for _, m := range regexp.MustCompile(`(?:href|src|action|data-copy-url|data-copy-href)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
			if a := m[1]; !strings.HasPrefix(a, "/errors/") && !strings.HasPrefix(a, "https://") && !strings.HasPrefix(a, "#") {
				t.Errorf("%s: %s leaves the base path", target, m[0])
			}
		}
	}
	page := s.get("/errors/errors/60", 200)
	wants(t, page, `action="/errors/errors/60/resolve"`, `href="/errors/errors/60?event=110"`)
	to, _ := s.post("/errors/errors/60/resolve", url.Values{"back": {"/errors/errors/60"}})
	if to != "/errors/errors/60" {
		t.Errorf("led to %q", to)
	}
	if to, _ := s.post("/errors/errors/60/unresolve", url.Values{"back": {"/elsewhere"}}); to != "/errors/errors/60" {
		t.Errorf("a path outside led to %q", to)
	}
}

func TestSignInPage(t *testing.T) {
	s := newSite(t, sample(0))
	for _, p := range []auth.SignInPage{{Status: 401, WrongKey: true}, {Status: 429, RetryAfter: 90 * time.Second}, {Status: 200}} {
		p.Action, p.Return = "/sign-in", `/?search="><script>`
		w := httptest.NewRecorder()
		s.pages.SignInPage(w, httptest.NewRequest(http.MethodGet, "/", nil), p)
		if w.Code != p.Status {
			t.Errorf("status %d, want %d", w.Code, p.Status)
		}
		wants(t, w.Body.String(), `action="/sign-in"`, `name="key"`, `type="password"`, "/?search=&#34;&gt;&lt;script&gt;")
		if p.RetryAfter > 0 {
			wants(t, w.Body.String(), "90 seconds")
		}
	}
}

// TestPageWeight keeps the promise of a light product: everything that a first
// visit of the list loads, compressed.
func TestPageWeight(t *testing.T) {
	s := newSite(t, sample(60))
	page := s.get("/?state=all", 200)
	total := 0
	load := func(target string) int {
		res := s.do(http.MethodGet, target, nil, "Accept-Encoding", "gzip")
		b, _ := io.ReadAll(res.Body)
		if res.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%s came uncompressed", target)
		} else if z, err := gzip.NewReader(strings.NewReader(string(b))); err != nil {
			t.Errorf("%s: %v", target, err)
		} else if _, err := io.Copy(io.Discard, z); err != nil {
			t.Errorf("%s: %v", target, err)
		}
		total += len(b)
		t.Logf("%-40s %6d bytes", target, len(b))
		return len(b)
	}
	load("/?state=all")
	for _, m := range regexp.MustCompile(`(?:href|src)="(/assets/[^"]+)"`).FindAllStringSubmatch(page, -1) {
		res := s.do(http.MethodGet, m[1], nil)
		if got := res.Header.Get("Cache-Control"); !strings.Contains(got, "immutable") {
			t.Errorf("%s: Cache-Control %q", m[1], got)
		}
		load(m[1])
	}
	t.Logf("list of 50 rows, all: %d bytes", total)
	if total > 15<<10 {
		t.Errorf("the list weighs %d bytes, the limit is %d", total, 15<<10)
	}
	before := total
	load("/errors/60")
	if n := total - before; n > 8<<10 {
		t.Errorf("the issue page weighs %d bytes beside the assets, the limit is %d", n, 8<<10)
	}
	if res := s.do(http.MethodGet, "/", nil); res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("pages are sent with Cache-Control %q", res.Header.Get("Cache-Control"))
	}
}

func BenchmarkPages(b *testing.B) {
	for name, target := range map[string]string{"list of 50 rows": "/?state=all", "issue with 20 frames": "/errors/60"} {
		b.Run(name, func(b *testing.B) {
			f := sample(60)
			e := &f.events[60][11].Event
			frames := e.Exceptions[1].Frames
			for len(frames) < 20 {
				frames = append(frames, frames[len(frames)-1])
			}
			e.Exceptions[1].Frames = frames
			p, err := New(Options{Tracker: f, Now: func() time.Time { return noon }})
			if err != nil {
				b.Fatal(err)
			}
			r := chi.NewRouter()
			p.Mount(r, openGuard{})
			b.ReportAllocs()
			for b.Loop() {
				w := httptest.NewRecorder()
				req := httptest.NewRequest(http.MethodGet, target, nil)
				req.Header.Set("Accept-Encoding", "gzip")
				r.ServeHTTP(w, req)
				if w.Code != 200 {
					b.Fatal(w.Code)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/page")
		})
	}
}

// mainPart is what a failure shows of a page.
func mainPart(page string) string {
	_, page, _ = strings.Cut(page, "<main")
	return webui.Cut(page, 1500)
}

func TestAnEventLeadsToItsLogsAndMetrics(t *testing.T) {
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	f := sample(1)
	for i := range f.events[1] {
		f.events[1][i].Event.Contexts = []event.Context{{Name: "trace", Data: []byte(`{"trace_id":"` + trace + `"}`)}}
	}
	s := newSite(t, f, func(o *Options) {
		o.Services = webui.Services("/", "https://logs.example.com", "https://metrics.example.com", "")
	})
	page := s.get("/errors/1", 200)
	wants(t, page, `href="https://logs.example.com/?search=%22`+trace+`%22&amp;since=`, "Logs around", "Metrics around", `href="https://metrics.example.com/?from=`)
	alone := newSite(t, f, func(o *Options) { o.Services = webui.Services("/", "", "", "") }).get("/errors/1", 200)
	if strings.Contains(alone, "Logs around") || strings.Contains(alone, "Metrics around") {
		t.Error("a service that is alone leads to others")
	}
}
