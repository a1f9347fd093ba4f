package webui_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/log-viewer/internal/logs/logstest"
	"github.com/monlight/monlight/log-viewer/internal/webui"
)

var now = time.Date(2026, 11, 20, 12, 0, 30, 0, time.UTC)

// openGuard lets everybody in: the guard has tests of its own.
type openGuard struct{}

func (openGuard) Page(next http.Handler) http.Handler { return next }
func (openGuard) SignIn() http.Handler                { return http.NotFoundHandler() }
func (openGuard) SignOut() http.Handler               { return http.NotFoundHandler() }

func newPages(t *testing.T) (http.Handler, *logs.Service) {
	t.Helper()
	return pagesReading(t, func() webui.Reading {
		return webui.Reading{Paused: "the disk is full", Sources: []webui.SourceState{
			{Name: "web", State: "following", Life: &logs.Lifecycle{Phase: logs.Running, StartedAt: now.Add(-time.Hour)}}, {Name: "broken", State: "cannot be read", Problem: true},
			{Name: "worker", State: "following", Life: &logs.Lifecycle{Phase: logs.Restarting, StartedAt: now.Add(-time.Minute), ExitedAt: now.Add(-time.Second), Restarts: 7, ExitKnown: true, ExitCode: 1}},
			{Name: "job", State: "following", Life: &logs.Lifecycle{Phase: logs.Exited, ExitKnown: true, ExitCode: 2}},
		}}
	})
}

func pagesReading(t *testing.T, reading func() webui.Reading) (http.Handler, *logs.Service) {
	t.Helper()
	s, err := logs.NewService(t.Context(), logstest.NewMemory(), logs.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	p, err := webui.New(webui.Options{
		Logs: s, PublicURL: "http://example.org", Folder: "/var/lib/docker/containers", Retention: webui.Retention{Entries: 1000, Age: 30 * 24 * time.Hour},
		Reading: reading,
		Now:     func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	r := chi.NewRouter()
	p.Mount(r, openGuard{}, func(next http.Handler) http.Handler { return next })
	return r, s
}

func add(t *testing.T, s *logs.Service, source string, level logs.Level, at time.Time, messages ...string) {
	t.Helper()
	b := logs.Batch{Sources: []logs.Source{{Name: source, Labels: logs.Labels{Kind: "docker", Image: source + ":1.2"}}}}
	for _, m := range messages {
		b.Entries = append(b.Entries, logs.Entry{Source: source, Level: level, Message: m, Time: at.UnixNano()})
	}
	if _, err := s.Append(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, h http.Handler, target string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
	b, _ := io.ReadAll(w.Result().Body)
	return w.Code, string(b)
}

var tag = regexp.MustCompile(`<[^>]*>`)

func strip(page string) string {
	_, page, _ = strings.Cut(page, "<main")
	return strings.Join(strings.Fields(tag.ReplaceAllString(page, " ")), " ")
}

func contains(t *testing.T, page string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if t.Failed() {
		t.Log(strip(page))
	}
}

func TestFirstRunShowsHowToSend(t *testing.T) {
	h, s := newPages(t)
	_, page := get(t, h, "/")
	contains(t, page, "curl -X POST http://example.org/api/logs", "/var/lib/docker/containers", "Waiting for the first line")
	add(t, s, "web", logs.Info, now, "hello")
	if _, page = get(t, h, "/"); strings.Contains(page, "Waiting for") {
		t.Error("still waiting after a line")
	}
}

func TestFirstRunSaysThatTheFolderCannotBeRead(t *testing.T) {
	h, _ := pagesReading(t, func() webui.Reading {
		return webui.Reading{Error: "open /var/lib/docker/containers: no such file or directory"}
	})
	for _, path := range []string{"/", "/containers"} {
		_, page := get(t, h, path)
		contains(t, page, "The folder cannot be read: open /var/lib/docker/containers: no such file or directory.")
	}
	h, _ = newPages(t)
	if _, page := get(t, h, "/"); strings.Contains(page, "The folder cannot be read") {
		t.Error("said of a folder that can be read")
	}
}

func TestExplorerShowsListBarsAndFacets(t *testing.T) {
	h, s := newPages(t)
	for i := range 120 {
		add(t, s, "web", logs.Info, now.Add(-time.Duration(i)*time.Minute), fmt.Sprintf("request %d", i))
	}
	add(t, s, "worker", logs.Error, now.Add(-time.Minute), "Traceback\n  File\nValueError: x", "\x1b[31mred\x1b[0m")
	_, page := get(t, h, "/")
	text := strip(page)
	for _, want := range []string{"122 entries of 122 logs indexed", "ERROR 2", "INFO 120", "web 120", "worker 2", "stdout 122", "+2 lines", "100 entries, newest first", "a bar is 2 minutes", "request 5"} {
		if !strings.Contains(text, want) {
			t.Errorf("the explorer lacks %q", want)
		}
	}
	contains(t, page, `data-raw="`+"\x1b[31mred\x1b[0m", `<ml-logs data-api="/api/logs?" data-cursor="`, `class="lv-ERROR" d="M`, `href="/?container=web"`, `href="/?level=ERROR"`, `/api/logs/export?format=txt`)
	older := regexp.MustCompile(`rel="next" href="([^"]+)"`).FindStringSubmatch(page)
	if older == nil {
		t.Fatal("no link to older entries")
	}
	_, page = get(t, h, strings.ReplaceAll(older[1], "&amp;", "&"))
	if n := strings.Count(page, "<tr data-row"); n != 22 || strings.Contains(page, `rel="next"`) || !strings.Contains(page, `rel="prev"`) {
		t.Errorf("the second page has %d entries", n)
	}
	_, page = get(t, h, "/?level=%3E%3DERROR&container=worker&time=1h&search=valueerror")
	text = strip(page)
	for _, want := range []string{"1 entry of", "Traceback", "Clear filters"} {
		if !strings.Contains(text, want) {
			t.Errorf("the filtered explorer lacks %q: %s", want, text)
		}
	}
	contains(t, page, `value="&gt;=ERROR" selected`, `name="container" value="worker"`, `/api/logs/export?format=ndjson&amp;container=worker&amp;level=%3E%3DERROR&amp;search=valueerror&amp;since=2026-11-20T11%3A00%3A30Z`)
	if _, page = get(t, h, "/?search=zebra"); !strings.Contains(strip(page), "Nothing found") {
		t.Error("no words about an empty result")
	}
	if _, page = get(t, h, "/?level=LOUD"); !strings.Contains(strip(page), "Nothing found") {
		t.Error("no words about a level that does not exist")
	}
	for target, want := range map[string]string{"/?search=%22x": "search, character 1", "/?time=soon": "is no time", "/?since=x&until=y": "since is", "/?since=1h&until=2h": "is before since"} {
		if status, page := get(t, h, target); status != http.StatusBadRequest || !strings.Contains(strip(page), want) || !strings.Contains(page, `role="alert"`) {
			t.Errorf("%s: %d %s", target, status, strip(page))
		}
	}
}

func TestOneEntryHasFieldsTreeAndContext(t *testing.T) {
	h, s := newPages(t)
	for i := range 200 {
		add(t, s, "web", logs.Info, now.Add(time.Duration(i)*time.Second), fmt.Sprintf("line %d", i))
	}
	add(t, s, "web", logs.Warning, now.Add(100*time.Second+1), `{"msg":"slow","trace_id":"5b8aa5a2d2c872e8321cf37308d69df2","user":{"id":7}}`)
	around := func(target, first, last string) (page string) {
		t.Helper()
		_, page = get(t, h, target)
		text := strip(page)
		for _, want := range []string{"WARNING web", "entry 201", "msg slow", "user.id", "This trace", "As a tree", "line " + first + " ", "line " + last + " "} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q", target, want)
			}
		}
		if n, _ := strconv.Atoi(first); strings.Contains(text, fmt.Sprintf("line %d ", n-1)) {
			t.Errorf("%s has more entries before", target)
		}
		if n, _ := strconv.Atoi(last); strings.Contains(text, fmt.Sprintf("line %d ", n+1)) {
			t.Errorf("%s has more entries after", target)
		}
		return page
	}
	contains(t, around("/logs/201?around=50", "51", "150"), `href="/logs/201#here">10 lines before`)
	page := around("/logs/201", "91", "110")
	contains(t, page, `href="/logs/201?around=50#here">50 lines before`)
	if status, page := get(t, h, "/logs/201?around=5000"); status != http.StatusBadRequest || !strings.Contains(strip(page), "Around is") {
		t.Errorf("%d %s", status, strip(page))
	}
	contains(t, page, `href="/?search=msg%3A%22slow%22"`, `href="/?search=-msg%3A%22slow%22"`, `id="here" aria-current="true"`)
	for _, target := range []string{"/logs/999", "/logs/0", "/logs/99999999999999999999"} {
		if status, page := get(t, h, target); status != http.StatusNotFound || !strings.Contains(page, "Not found") {
			t.Errorf("%s: %d", target, status)
		}
	}
}

func TestLiveBeginsWhereThePageEnds(t *testing.T) {
	h, s := newPages(t)
	add(t, s, "web", logs.Info, now, "one", "two")
	add(t, s, "api", logs.Error, now, "three")
	_, page := get(t, h, "/live?container=web&time=1h")
	contains(t, page, `data-live="/api/logs/tail?container=web"`, `data-after="3"`, `http-equiv="refresh" content="5"`)
	if i, j := strings.Index(page, ">one<"), strings.Index(page, ">two<"); i < 0 || j < i || strings.Contains(page, ">three<") {
		t.Error("the live page does not end with the newest of the container")
	}
	if status, _ := get(t, h, "/live?search=%22x"); status != http.StatusBadRequest {
		t.Errorf("bad search: %d", status)
	}
}

func TestContainersSayHowTheyDo(t *testing.T) {
	h, s := newPages(t)
	add(t, s, "web", logs.Info, now, "a", "b", "c")
	add(t, s, "web", logs.Error, now.Add(-time.Minute), "d")
	add(t, s, "gone", logs.Info, now.Add(-49*time.Hour), "x")
	_, page := get(t, h, "/containers")
	text := strip(page)
	for _, want := range []string{"Entries kept 5", "1 % of the 1 000", "kept for 30 days", "web running web:1.2 following", "25.0 %", "broken unknown cannot be read no lines yet", "gone – gone:1.2 gone 2d ago", "of 50 (MAX_TAILS)", "Reading waits, and will go on where it stopped: the disk is full"} {
		if !strings.Contains(strings.ReplaceAll(text, "\u202f", " "), want) {
			t.Errorf("the page lacks %q: %s", want, text)
		}
	}
}

func TestContainersThatCrashComeFirst(t *testing.T) {
	h, s := newPages(t)
	add(t, s, "web", logs.Info, now, "a")
	add(t, s, "worker", logs.Error, now.Add(-2*time.Second), "FATAL")
	names := regexp.MustCompile(`<tr data-row><th scope="row" class="name"><a [^>]*>([^<]*)`)
	rows := func(page string) string {
		var out []string
		for _, m := range names.FindAllStringSubmatch(page, -1) {
			out = append(out, m[1])
		}
		return strings.Join(out, " ")
	}
	for target, want := range map[string]string{
		"/containers":                  "worker job web broken",
		"/containers?state=crash-loop": "worker",
		"/containers?state=running":    "worker web",
		"/containers?state=stopped":    "job",
		"/containers?state=nonsense":   "worker job web broken",
	} {
		_, page := get(t, h, target)
		if got := rows(page); got != want {
			t.Errorf("%s has %q, want %q", target, got, want)
		}
		text := strip(page)
		if want := "All 4 Crash loop 1 Running 2 Not running 1"; !strings.Contains(text, want) {
			t.Errorf("%s lacks the choice %q: %s", target, want, text)
		}
		if n := strings.Count(page, `aria-current="true">`); n != 1 {
			t.Errorf("%s has %d choices made", target, n)
		}
	}
	_, page := get(t, h, "/containers?state=crash-loop&refresh=30s")
	contains(t, page, `<span class="badge red"`, `crash loop: 7 restarts in 10 min, last exit 1`,
		`href="/?container=worker&amp;since=2026-11-20T11%3A59%3A59Z&amp;until=2026-11-20T12%3A00%3A34Z"`,
		`<input type="hidden" name="state" value="crash-loop">`, `href="/containers?refresh=30s&amp;state=stopped"`)
}

// Texts from outside are text, wherever they are shown.
func TestHostileTextsAreOnlyText(t *testing.T) {
	h, s := newPages(t)
	for _, evil := range []string{`<script>pwned()</script>`, `"><img src=x onerror=pwned()>`, `{{.Secret}}`, `javascript:pwned()`, `'-pwned()-'`, "a\u202eb", `</table><svg onload=pwned()>`, "\x1b]8;;javascript:pwned()\x07x", `{"<script>pwned()</script>":"</pre><script>pwned()</script>"}`} {
		add(t, s, evil, logs.Error, now, evil, evil+"\n"+evil)
		q := url.QueryEscape(evil)
		for _, target := range []string{"/", "/?search=" + q, "/?container=" + q, "/?level=" + q + "&stream=stdout", "/?time=" + q, "/live?container=" + q + "&search=" + q, "/containers", "/logs/1", "/logs/2"} {
			status, page := get(t, h, target)
			if status >= 500 {
				t.Errorf("GET %s: %d", target, status)
			}
			if strings.Contains(page, "<script>pwned") || strings.Contains(page, "<img src=x") || strings.Contains(page, "<svg onload") || strings.Contains(page, `href="javascript:`) || strings.Contains(strip(page), "\u202e") {
				t.Errorf("GET %s has markup of a line", target)
			}
		}
	}
	long := strings.Repeat("x", 5000)
	for _, target := range []string{"/?search=" + long, "/?container=" + long, "/?" + long} {
		if status, _ := get(t, h, target); status >= 500 {
			t.Errorf("a long parameter: %d", status)
		}
	}
}

// Text gets into the pages by textContent alone.
func TestScriptsHaveNoWayForMarkup(t *testing.T) {
	bad := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|setAttribute\('(style|on)|https?://|createContextualFragment|srcdoc|cssText`)
	names, err := filepath.Glob("static/*.js")
	if err != nil || len(names) < 4 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if at := bad.FindIndex(b); at != nil {
			t.Errorf("%s holds %q", name, b[at[0]:at[1]])
		}
	}
	inTemplates := regexp.MustCompile(`(?i)\sstyle=|\son[a-z]+=|<style|<script|javascript:`)
	names, _ = filepath.Glob("templates/*.html")
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if at := inTemplates.FindIndex(b); at != nil {
			t.Errorf("%s holds %q", name, b[at[0]:at[1]])
		}
	}
}
