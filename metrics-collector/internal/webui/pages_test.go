package webui_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
	"github.com/monlight/monlight/metrics-collector/internal/sqlite"
	"github.com/monlight/monlight/metrics-collector/internal/webui"
	"github.com/monlight/monlight/shared/sqlitedb"
	"github.com/monlight/monlight/shared/sqlitedb/dbtest"
	pages "github.com/monlight/monlight/shared/webui"
)

var now = time.Date(2026, 11, 20, 12, 0, 30, 0, time.UTC)

// openGuard lets everybody in: the guard has tests of its own.
type openGuard struct{}

func (openGuard) Page(next http.Handler) http.Handler { return next }
func (openGuard) SignIn() http.Handler                { return http.NotFoundHandler() }
func (openGuard) SignOut() http.Handler               { return http.NotFoundHandler() }

func newPages(t *testing.T) (http.Handler, *metrics.Service) {
	t.Helper()
	return newPagesWith(t, webui.Options{})
}

// newPagesWith makes pages with further options.
func newPagesWith(t *testing.T, o webui.Options) (http.Handler, *metrics.Service) {
	t.Helper()
	db := dbtest.OpenWith(t, filepath.Join(t.TempDir(), "m.db"), sqlitedb.Options{Migrations: sqlite.Migrations(), MinFreeBytes: -1})
	store := sqlite.NewStore(db)
	s, err := metrics.New(t.Context(), store, metrics.Options{RetentionRaw: time.Hour, RetentionMinute: 24 * time.Hour, RetentionHour: 30 * 24 * time.Hour,
		Limits: metrics.Limits{Series: 1000, SeriesPerProject: 500, SeriesPerMetric: 100}, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	o.Collector, o.Dashboards, o.Database, o.PublicURL, o.Now = s, store, db.Path(), "http://example.org", func() time.Time { return now }
	p, err := webui.New(o)
	if err != nil {
		t.Fatal(err)
	}
	r := chi.NewRouter()
	p.Mount(r, openGuard{}, func(next http.Handler) http.Handler { return next })
	return r, s
}

func send(t *testing.T, s *metrics.Service, points ...map[string]any) {
	t.Helper()
	b, err := json.Marshal(points)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Ingest(t.Context(), metrics.Request{Body: b}); err != nil {
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

func post(t *testing.T, h http.Handler, target string, v url.Values) (int, string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(v.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Header().Get("Location")
}

func request(status string, seconds float64) []map[string]any {
	at := now.Add(-10 * time.Minute).Format(time.RFC3339)
	labels := map[string]any{"endpoint": "/a", "method": "GET", "status": status}
	return []map[string]any{
		{"name": "http_requests_total", "type": "counter", "value": 1, "labels": labels, "timestamp": at},
		{"name": "http_request_duration_seconds", "type": "histogram", "value": seconds, "labels": labels, "timestamp": at},
		{"name": "web_vitals_lcp", "type": "histogram", "value": 4100, "labels": map[string]any{"source": "browser", "page": "/p"}, "timestamp": at},
	}
}

func TestFirstRunShowsHowToSend(t *testing.T) {
	h, s := newPages(t)
	_, page := get(t, h, "/")
	if !strings.Contains(page, "curl -X POST http://example.org/api/metrics") || !strings.Contains(page, "Waiting for the first point") {
		t.Error("no snippet on the first page")
	}
	send(t, s, request("200", 0.1)...)
	if _, page = get(t, h, "/"); strings.Contains(page, "Waiting for") {
		t.Error("still waiting after a point")
	}
}

// marks are some releases and alerts, and the questions for them.
type marks struct {
	metrics.Marks
	asked []string
}

func (m *marks) In(_ context.Context, project string, p metrics.Period) metrics.Marks {
	m.asked = append(m.asked, project+" "+time.Duration((p.ToMS-p.FromMS)*1e6).String())
	return m.Marks
}

func TestChartsComeWithTheReleasesOfTheirTime(t *testing.T) {
	known := &marks{Marks: metrics.Marks{Releases: []metrics.Mark{
		{ID: 7, Project: "shop", Name: "2.4.1", Detail: "prod", At: now.Add(-5 * time.Minute)}, {Project: "web", Name: "web@9", At: now.Add(-4 * time.Minute)},
		{ID: 8, Project: `"><script>`, Name: "<b>\x1b", Detail: "a\u202eb", At: now},
	}}}
	services := pages.Services("https://mon.example/errors", "", "/", "")
	h, s := newPagesWith(t, webui.Options{Marks: known, Services: services})
	for _, point := range request("200", 0.1) {
		point["project"] = "shop"
		send(t, s, point)
	}
	if status, to := post(t, h, "/dashboards", url.Values{"title": {"d"}, "metric": {"http_requests_total"}}); status != http.StatusSeeOther {
		t.Fatalf("no dashboard: %d %s", status, to)
	}
	for _, target := range []string{"/?period=1h&project=shop", "/explore?period=1h&project=shop", "/dashboards/d?period=1h&project=shop"} {
		_, page := get(t, h, target)
		text := strip(page)
		for _, want := range []string{"Releases in this time", "shop@2.4.1 at", "( prod )", "web@9 at"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q: %s", target, want, text)
			}
		}
		if n := strings.Count(page, `<a href="https://mon.example/errors/releases/`); n != 2 || !strings.Contains(page, `/errors/releases/7" dir="auto">shop@2.4.1</a>`) || !strings.Contains(page, `datetime="2026-11-20T11:55:30Z"`) {
			t.Errorf("%s has %d links to releases", target, n)
		}
		if strings.Contains(page, "<script>") || strings.Contains(page, "<b>\x1b") || strings.Contains(page, "\u202e") {
			t.Errorf("%s has a name as it came", target)
		}
	}
	if got := strings.Join(known.asked, ", "); got != "shop 1h0m0s, shop 1h0m0s, shop 1h0m0s" {
		t.Errorf("asked %q", got)
	}
	// Without the error tracker's address there is the text alone, and without
	// releases nothing.
	h, s = newPagesWith(t, webui.Options{Marks: known})
	send(t, s, request("200", 0.1)...)
	if _, page := get(t, h, "/explore"); !strings.Contains(strip(page), "shop@2.4.1 at") || strings.Contains(page, "/releases/") {
		t.Errorf("without an address: %s", strip(page))
	}
	for name, none := range map[string]webui.Marks{"none": &marks{}, "nobody to ask": nil} {
		h, s = newPagesWith(t, webui.Options{Marks: none, Services: services})
		send(t, s, request("200", 0.1)...)
		if _, page := get(t, h, "/"); strings.Contains(page, "Releases in this time") || strings.Contains(page, `class="marks"`) {
			t.Errorf("with %s there is a list", name)
		}
	}
}

func TestChartsComeWithTheAlertsOfTheirTime(t *testing.T) {
	known := &marks{Marks: metrics.Marks{Alerts: []metrics.Mark{
		{ID: 42, Project: "shop", Detail: "created", Name: "ValueError: no such order", At: now.Add(-5 * time.Minute)},
		{ID: 43, Project: `"><script>`, Detail: "regressed", Name: "<script>pwned()</script>\u202e" + strings.Repeat("x", 1000), At: now.Add(-4 * time.Minute)},
		{ID: 44, Project: "web", Detail: "frequent", At: now}, {ID: 45, Project: "web", Detail: "<b>", Name: "z", At: now},
	}}}
	services := pages.Services("https://mon.example/errors", "", "/", "")
	h, s := newPagesWith(t, webui.Options{Marks: known, Services: services})
	send(t, s, request("200", 0.1)...)
	if status, to := post(t, h, "/dashboards", url.Values{"title": {"d"}, "metric": {"http_requests_total"}}); status != http.StatusSeeOther {
		t.Fatalf("no dashboard: %d %s", status, to)
	}
	for _, target := range []string{"/?period=1h", "/explore?period=1h", "/dashboards/d?period=1h"} {
		_, page := get(t, h, target)
		text := strip(page)
		for _, want := range []string{"Alerts in this time", "ValueError: no such order — new, in shop , at", "— back, in", "(no text) — frequent, in web , at", "z — alert, in web , at"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q: %s", target, want, text)
			}
		}
		if !strings.Contains(page, `<a href="https://mon.example/errors/errors/42" dir="auto">ValueError`) || !strings.Contains(page, `datetime="2026-11-20T11:55:30Z"`) || strings.Contains(page, "Releases in this time") {
			t.Errorf("%s has no way to the issue, or releases: %s", target, page)
		}
		if strings.Contains(page, "<script>pwned") || strings.Contains(page, "\u202e") || strings.Contains(page, strings.Repeat("x", 130)) {
			t.Errorf("%s has a title as it came", target)
		}
	}
	known.Releases, known.MoreReleases, known.MoreAlerts = known.Alerts[:2], true, true
	if _, page := get(t, h, "/explore"); !strings.Contains(page, "The latest 4 alerts in this time") || !strings.Contains(page, "The latest 2 releases in this time") {
		t.Error("it does not say that there may be more")
	}
	known.Releases = nil
	h, s = newPagesWith(t, webui.Options{Marks: known})
	send(t, s, request("200", 0.1)...)
	if _, page := get(t, h, "/explore"); !strings.Contains(page, `<b dir="auto">ValueError`) || strings.Contains(page, "/errors/42") {
		t.Errorf("without an address: %s", strip(page))
	}
	h, s = newPagesWith(t, webui.Options{Marks: &marks{}, Services: services})
	send(t, s, request("200", 0.1)...)
	if _, page := get(t, h, "/explore"); strings.Contains(page, "in this time</h2>") || strings.Contains(page, `class="marks`) {
		t.Errorf("without alerts: %s", strip(page))
	}
}

func TestOverviewSaysHowTheServiceDoes(t *testing.T) {
	h, s := newPages(t)
	for range 3 {
		send(t, s, request("200", 0.1)...)
	}
	send(t, s, request("500", 0.9)...)
	_, page := get(t, h, "/?period=1h")
	text := strip(page)
	for _, want := range []string{"Requests 4", "Errors 25 %", "1 with status 500", "p50 100 ms, p99 900 ms", "Top routes", "/a", "Largest contentful paint 4.1 s", "Poor",
		"fewer than 100 say little", "Show as a table", "12 points of 3 metrics"} {
		if !strings.Contains(text, want) {
			t.Errorf("the overview lacks %q", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

var tag = regexp.MustCompile(`<[^>]*>`)

func strip(page string) string {
	_, page, _ = strings.Cut(page, "<main")
	return strings.Join(strings.Fields(tag.ReplaceAllString(page, " ")), " ")
}

func TestExplorerHasATableAndACSVForItsChart(t *testing.T) {
	h, s := newPages(t)
	send(t, s, request("200", 0.1)...)
	send(t, s, request("500", 0.9)...)
	target := "?metric=http_request_duration_seconds&agg=p99&by=status&period=1h"
	_, page := get(t, h, "/explore"+target)
	for _, want := range []string{`<ml-chart class="chart" data-unit="s"`, `data-v="9" data-e="-1"`, "Show as a table", "explore.csv?", "group by"} {
		if !strings.Contains(page, want) {
			t.Errorf("the explorer lacks %q", want)
		}
	}
	_, file := get(t, h, "/explore.csv"+target)
	if want := "time,200,500\n2026-11-20T11:50:00Z,0.1,0.9\n"; file != want {
		t.Errorf("CSV %q, want %q", file, want)
	}
	if status, page := get(t, h, "/explore?metric=http_requests_total&match="+url.QueryEscape(`status=~"("`)); status != 400 || !strings.Contains(strip(page), "is not valid") {
		t.Errorf("bad expression: %d", status)
	}
	if _, page := get(t, h, "/explore?metric=http_requests_total&agg=p95"); !strings.Contains(page, "Percentiles are kept for histograms") {
		t.Error("the explorer does not say why there are no percentiles")
	}
}

func TestMetricsAreFoundByAPartOfTheirName(t *testing.T) {
	h, s := newPages(t)
	for _, name := range []string{"orders_total", "orders", "Queue_depth", "queue_age", "api_requests_total", "http_requests_total", "requests_total"} {
		send(t, s, map[string]any{"name": name, "type": "gauge", "value": 1, "project": "shop"})
	}
	send(t, s, map[string]any{"name": "queue_depth_of_jobs", "type": "gauge", "value": 1, "project": "jobs", "labels": map[string]string{"worker": "1"}})
	for search, want := range map[string]string{
		"orders_t": "/explore?metric=orders_total", "AGE": "/explore?metric=queue_age",
		"requests_total": "/explore?metric=requests_total",                               // called so, after two that it is a part of
		"orders":         "/explore?metric=orders", "order": "/cardinality?search=order", // called so, and a part of two
		"depth": "/cardinality?search=depth", "depth&project=shop": "/explore?metric=Queue_depth&project=shop",
		"nothing%20%3Cb%3E": "/cardinality?search=nothing+%3Cb%3E", "orders_t&period=7d": "/explore?metric=orders_total&period=7d",
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/explore?search="+search, nil))
		if got := w.Header().Get("Location"); w.Code != http.StatusSeeOther || got != want {
			t.Errorf("%s: %d %s, want %s", search, w.Code, got, want)
		}
	}
	status, page := get(t, h, "/cardinality?search=dePTH")
	if status != 200 || !strings.Contains(page, "Queue_depth</a>") || !strings.Contains(page, `href="/explore?metric=queue_depth_of_jobs&amp;project=jobs"`) || strings.Contains(page, "queue_age") {
		t.Errorf("%d %s", status, page)
	}
	for _, path := range []string{"/cardinality?search=%3Cb%3E", "/cardinality?project=nobody"} {
		if _, page := get(t, h, path); !strings.Contains(page, "Clear filters") || strings.Contains(page, "<b>") {
			t.Errorf("%s: %s", path, page)
		}
	}
	status, page = get(t, h, "/explore?metric=%3Cb%3E")
	if status != http.StatusNotFound || strings.Contains(page, "<b>") || !strings.Contains(page, `action="/explore" role="search"`) {
		t.Errorf("an unknown metric: %d %s", status, page)
	}
	if status, _ := get(t, h, "/explore?metric=orders&project=jobs"); status != http.StatusOK {
		t.Errorf("a metric of another project: %d", status)
	}
	if status, _ := get(t, h, "/explore?search="+strings.Repeat("x", 3000)); status != http.StatusBadRequest {
		t.Errorf("a long search: %d", status)
	}
	// As many characters as its field takes, each of three bytes.
	if status, page := get(t, h, "/cardinality?search="+url.QueryEscape(strings.Repeat("界", 1000))); status != http.StatusOK || !strings.Contains(page, "Clear filters") {
		t.Errorf("a search of 1,000 characters: %d", status)
	}
}

func TestDashboardsAreMadeAndChangedWithForms(t *testing.T) {
	h, s := newPages(t)
	send(t, s, request("200", 0.1)...)
	status, to := post(t, h, "/dashboards", url.Values{"title": {"Web & shop"}, "metric": {"http_requests_total"}, "agg": {"rate"}, "by": {"status"}})
	if status != http.StatusSeeOther || to != "/dashboards/web-shop" {
		t.Fatalf("create: %d %s", status, to)
	}
	post(t, h, "/dashboards", url.Values{"slug": {"web-shop"}, "metric": {"web_vitals_lcp"}, "agg": {"p75"}})
	_, page := get(t, h, to)
	if n := strings.Count(page, "<ml-chart"); n != 2 || !strings.Contains(page, "Web &amp; shop") {
		t.Errorf("%d charts: %s", n, strip(page))
	}
	if status, _ := post(t, h, "/dashboards", url.Values{"title": {"Web shop"}}); status != http.StatusConflict {
		t.Errorf("same slug: %d", status)
	}
	_, file := get(t, h, to+"/export")
	post(t, h, to, url.Values{"action": {"remove"}, "panel": {"0"}})
	if _, page = get(t, h, to); strings.Count(page, "<ml-chart") != 1 {
		t.Error("the panel was not removed")
	}
	if status, _ := post(t, h, "/dashboards", url.Values{"file": {file}}); status != http.StatusSeeOther {
		t.Errorf("import of what was exported: %d", status)
	}
	if _, page = get(t, h, to); strings.Count(page, "<ml-chart") != 2 {
		t.Error("the import did not bring the panel back")
	}
	if status, _ := post(t, h, to, url.Values{"action": {"delete"}}); status != http.StatusOK {
		t.Errorf("delete does not ask: %d", status)
	}
	if status, _ := get(t, h, to); status != http.StatusOK {
		t.Errorf("after the question: %d", status)
	}
	post(t, h, to, url.Values{"action": {"delete"}, "confirm": {"yes"}})
	if status, _ := get(t, h, to); status != http.StatusNotFound {
		t.Errorf("after delete: %d", status)
	}
}

// Texts from outside are text, wherever they are shown.
func TestHostileTextsAreOnlyText(t *testing.T) {
	h, s := newPages(t)
	for _, evil := range []string{`<script>pwned()</script>`, `"><img src=x onerror=pwned()>`, `{{.Secret}}`, `javascript:pwned()`, `'-pwned()-'`, "a\u202eb", `</table><svg onload=pwned()>`} {
		send(t, s, map[string]any{"name": evil, "type": "counter", "value": 1, "project": evil, "labels": map[string]any{evil: evil, "endpoint": evil, "page": evil, "source": "browser"}},
			map[string]any{"name": "http_requests_total", "type": "counter", "value": 1, "labels": map[string]any{"endpoint": evil, "status": evil}},
			map[string]any{"name": "web_vitals_lcp", "type": "histogram", "value": 1, "labels": map[string]any{"source": "browser", "page": evil}})
		post(t, h, "/dashboards", url.Values{"title": {evil + " x"}, "metric": {evil}, "by": {evil}})
		q := url.QueryEscape(evil)
		for _, target := range []string{"/", "/?project=" + q, "/?period=" + q + "&from=" + q, "/explore?metric=" + q + "&by=" + q, "/explore?metric=" + q + "&match=" + q + "&agg=" + q + "&step=" + q,
			"/dashboards", "/cardinality", "/cardinality?project=" + q, "/explore?metric=http_requests_total&by=endpoint"} {
			status, page := get(t, h, target)
			if status >= 500 {
				t.Errorf("GET %s: %d", target, status)
			}
			if strings.Contains(page, "<script>pwned") || strings.Contains(page, "<img src=x") || strings.Contains(page, "<svg onload") || strings.Contains(page, `href="javascript:`) {
				t.Errorf("GET %s has markup of a label", target)
			}
		}
	}
	if _, file := get(t, h, "/explore.csv?metric=http_requests_total&by=endpoint"); strings.Contains(file, "\n=") || strings.Contains(file, ",=") {
		t.Errorf("CSV with a formula: %s", file)
	}
}

// Scripts are made smaller before they are served, by leaving out spaces. The
// library is small already: what is left out must be those in its first
// comment and one in "l-- >0", and none in a string.
func TestChartLibraryIsServedAsItIs(t *testing.T) {
	h, _ := newPages(t)
	_, page := get(t, h, "/explore")
	name := regexp.MustCompile(`/assets/uplot\.[0-9a-f]+\.js`).FindString(page)
	_, got := get(t, h, name)
	want, err := os.ReadFile("static/uplot.js")
	if err != nil {
		t.Fatal(err)
	}
	_, library, _ := strings.Cut(string(want), "*/")
	library = strings.Replace(strings.TrimSpace(library), "l-- >0", "l-->0", 1)
	if _, served, _ := strings.Cut(got, "*/"); strings.TrimSpace(served) != library {
		t.Errorf("%s differs from the file", name)
	}
	licence, err := os.ReadFile("uplot-LICENSE.txt")
	if err != nil || !bytes.Contains(licence, []byte("MIT")) {
		t.Errorf("the licence of uPlot is not beside it: %v", err)
	}
}

func TestValuesAreShort(t *testing.T) {
	for want, got := range map[string]string{
		"250 ms": webui.Value(0.25, "s"), "1.5 s": webui.Value(1500, "ms"), "12 µs": webui.Value(0.000012, "s"), "1.23k": webui.Value(1234, ""), "3.4/s": webui.Value(3.4, "/s"),
		"2 MiB": webui.Value(2<<20, "B"), "0.086": webui.Value(0.086, ""), "0": webui.Value(0, ""), "99.5 %": webui.Value(99.5, "%"), "-1.5k": webui.Value(-1500, "")} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
