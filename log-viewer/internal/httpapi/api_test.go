package httpapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/monlight/monlight/log-viewer/internal/httpapi"
	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/log-viewer/internal/logs/logstest"
	"github.com/monlight/monlight/shared/problem"
	"github.com/monlight/monlight/shared/server"
)

var now = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

type api struct {
	http.Handler
	logs *logs.Service
}

func newAPI(t *testing.T, times httpapi.StreamTimes, o logs.Options) api {
	t.Helper()
	o.Now = func() time.Time { return now }
	s, err := logs.NewService(t.Context(), logstest.NewMemory(), o)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	edge := server.NewEdge("log-viewer", "1", server.Settings{MaxInflightBytes: 16 << 20}, log)
	r := chi.NewRouter()
	httpapi.Routes(r, httpapi.Options{
		Logs: s, Handle: func(f problem.HandlerFunc) http.HandlerFunc { return problem.Handler(log, f) }, Now: o.Now, Stream: times, Exports: 2,
		Lives: func() map[string]logs.Lifecycle {
			return map[string]logs.Lifecycle{"api": {
				Phase: logs.Restarting, StartedAt: now.Add(-time.Minute), ExitedAt: now.Add(-time.Second), ExitKnown: true, ExitCode: 137, OOMKilled: true, RestartCount: 9, Restarts: 7,
			}, "new": {Phase: logs.Created}}
		},
	}, edge.Body(httpapi.MaxBody), edge.Body(httpapi.MaxIngestBody, httpapi.Zstd()))
	return api{r, s}
}

func seeded(t *testing.T) api {
	t.Helper()
	a := newAPI(t, httpapi.DefaultStreamTimes, logs.Options{})
	a.add(t, now.Add(-2*time.Hour), "web", logs.Info, `GET /health "ok"`, "second line\nof two")
	a.add(t, now.Add(-time.Hour), "web", logs.Error, "error-42 at 127.0.0.1: timeout a:b")
	a.add(t, now.Add(-time.Minute), "api", logs.Warning, `{"msg":"slow","duration_ms":812,"trace_id":"5b8aa5a2d2c872e8321cf37308d69df2"}`)
	a.add(t, now.Add(-time.Second+123456789), "api", logs.Critical, "\x1b[31m<b>down</b>\x1b[0m")
	return a
}

func (a api) add(t *testing.T, at time.Time, source string, level logs.Level, messages ...string) {
	t.Helper()
	b := logs.Batch{Sources: []logs.Source{{Name: source, Labels: logs.Labels{Kind: "docker", Image: source + ":1", Service: source}}}}
	for _, m := range messages {
		e := logs.Entry{Source: source, Level: level, Message: m, Time: at.UnixNano()}
		if level >= logs.Error {
			e.Stream = logs.Stderr
		}
		b.Entries = append(b.Entries, e)
	}
	if _, err := a.logs.Append(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

func (a api) get(t *testing.T, target string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	a.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
	b, _ := io.ReadAll(w.Result().Body)
	return w.Code, string(b)
}

type page struct {
	Logs []struct {
		ID                                           int64
		Timestamp, Container, Stream, Level, Message string
	}
	Total, Limit, Offset int
	TotalExact           bool `json:"total_exact"`
	Partial              bool
	Next                 *string
}

func (a api) page(t *testing.T, query string) page {
	t.Helper()
	status, body := a.get(t, "/api/logs?"+query)
	var p page
	if err := json.Unmarshal([]byte(body), &p); err != nil || status != http.StatusOK {
		t.Fatalf("%s: %d %s %v", query, status, body, err)
	}
	return p
}

func ids(p page) []int64 {
	out := []int64{}
	for _, e := range p.Logs {
		out = append(out, e.ID)
	}
	return out
}

func TestListAnswersAsTheContractSays(t *testing.T) {
	a := seeded(t)
	_, body := a.get(t, "/api/logs?container=api&level=CRITICAL")
	want := `{"logs":[{"id":5,"timestamp":"2026-11-20T11:59:59.123456789Z","container":"api","stream":"stderr","level":"CRITICAL","message":"\u001b[31m\u003cb\u003edown\u003c/b\u003e\u001b[0m"}],` +
		`"total":1,"limit":100,"offset":0,"total_exact":true,"partial":false,"next":null}`
	if body != want {
		t.Errorf("got  %s\nwant %s", body, want)
	}
	for query, want := range map[string][]int64{
		"":                                  {5, 4, 3, 2, 1},
		"container=web":                     {3, 2, 1},
		"container=web&container=api":       {5, 4, 3, 2, 1},
		"container=we":                      {},
		"service=api":                       {5, 4},
		"level=ERROR":                       {3},
		"level=error":                       {3},
		"level=>%3DWARN":                    {5, 4, 3},
		"level=%3E%3DCRITICAL":              {5},
		"level=LOUD":                        {},
		"level=INFO,ERROR":                  {3, 2, 1},
		"stream=stderr":                     {5, 3},
		"search=timeout":                    {3},
		"q=timeout":                         {3},
		"search=error-42":                   {3},
		"search=%22127.0.0.1%22":            {3},
		"search=a:b":                        {3},
		"search=%22a:b%22":                  {3},
		"search=duration_ms:%3E800":         {4},
		"search=%2Ferror-%5Cd%2B%2F":        {3},
		"search=health+OR+slow":             {4, 1},
		"since=1h":                          {5, 4, 3},
		"until=now-30m":                     {3, 2, 1},
		"since=2026-11-20T11:00:00Z":        {5, 4, 3},
		"since=2026-11-20T13:59:00%2B02:00": {5, 4},
		"since=2026-11-20T13:59:00+02:00":   {5, 4},
		"until=2026-11-20T11:59:59Z":        {5, 4, 3, 2, 1},
		"limit=2":                           {5, 4},
		"limit=2&offset=1":                  {4, 3},
		"limit=0":                           {5, 4, 3, 2, 1},
		"offset=9":                          {},
	} {
		if got := ids(a.page(t, query)); !cmp.Equal(got, want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	if p := a.page(t, "limit=100000"); p.Limit != 500 {
		t.Errorf("limit %d, want 500", p.Limit)
	}
	if p := a.page(t, "limit=100000&cursor="); p.Limit != logs.MaxLimit {
		t.Errorf("limit with a cursor %d, want %d", p.Limit, logs.MaxLimit)
	}
}

func TestFieldsMayStandBesideEachEntry(t *testing.T) {
	a := seeded(t)
	_, body := a.get(t, "/api/logs?container=api&column=duration_ms&column=MSG&column=&column=duration_ms")
	for _, want := range []string{`down\u003c/b\u003e\u001b[0m","columns":[null,null]}`, `d69df2\"}","columns":["812","slow"]}`} {
		if !strings.Contains(body, want) {
			t.Errorf("%s lacks %s", body, want)
		}
	}
	srv := httptest.NewServer(a)
	defer srv.Close()
	s := a.stream(t, srv, "column=code&after=5")
	a.add(t, now, "api", logs.Info, "code=7 x")
	if event, _, data := s.next(); event != "log" || !strings.HasSuffix(data, `"message":"code=7 x","columns":["7"]}`) {
		t.Errorf("%s %s", event, data)
	}
	s.res.Body.Close()
}

func TestMistakesAreNamed(t *testing.T) {
	a := seeded(t)
	for target, want := range map[string]string{
		"/api/logs?limit=many":                         `limit is \"many\", want 0 to`,
		"/api/logs?limit=-1":                           `limit is \"-1\"`,
		"/api/logs?offset=-1":                          `offset is \"-1\", want 0 to 100000`,
		"/api/logs?offset=100001":                      `want 0 to 100000`,
		"/api/logs?since=soon":                         `since is \"soon\", want a time such as`,
		"/api/logs?since=1h&until=2h":                  "is before since",
		"/api/logs?stream=both":                        `stream is \"both\", want stdout or stderr`,
		"/api/logs?cursor=x":                           `cursor is \"x\", want the next of an earlier answer`,
		"/api/logs?count=maybe":                        `count is \"maybe\"`,
		"/api/logs?search=%22open":                     "search, character 1: ",
		"/api/logs?search=%2F(%2F":                     "search, character 1: ",
		"/api/logs?column=" + strings.Repeat("x", 300): "want the name of a field",
		"/api/logs/tail?column=%ff":                    "want the name of a field",
		"/api/logs?column=a&column=b&column=c&column=d&column=e&column=f&column=g": "column has more than 6 values",
		"/api/logs/histogram?buckets=0":                                            `buckets is \"0\", want 1 to`,
		"/api/logs/histogram?step=1x":                                              `step is \"1x\", want a number with`,
		"/api/logs/histogram?step=1s&since=30d":                                    "buckets, want 1 to",
		"/api/logs/1/context?before=1001":                                          `before is \"1001\", want 0 to 1000`,
		"/api/logs/export?format=pdf":                                              `format is \"pdf\", want ndjson or txt`,
		"/api/logs/export?search=%22open":                                          "search, character",
		"/api/logs/tail?after=x":                                                   `after is \"x\", want the id of a log entry`,
		"/api/logs/tail?search=%22open":                                            "search, character",
		"/api/logs?container=" + strings.Repeat("x", 300):                          "want text of at most 200 bytes",
	} {
		status, body := a.get(t, target)
		if status != http.StatusBadRequest || !strings.Contains(body, want) || !strings.Contains(body, `"detail":"`) {
			t.Errorf("%.80s: %d %s, want %s", target, status, body, want)
		}
	}
	for _, target := range []string{"/api/logs/99", "/api/logs/0", "/api/logs/99/context", "/api/logs/99999999999999999999"} {
		if status, body := a.get(t, target); status != http.StatusNotFound || !strings.Contains(body, "not found") {
			t.Errorf("%s: %d %s", target, status, body)
		}
	}
}

func TestPagesByCursorNeitherSkipNorRepeat(t *testing.T) {
	a := newAPI(t, httpapi.DefaultStreamTimes, logs.Options{})
	for i := range 200 { // many with the same time
		a.add(t, now.Add(-time.Duration(i/7)*time.Second), "web", logs.Info, fmt.Sprint(i))
	}
	seen := map[int64]bool{}
	cursor := ""
	for n := 0; n < 30; n++ {
		p := a.page(t, "limit=17&cursor="+cursor)
		for _, e := range p.Logs {
			if seen[e.ID] {
				t.Fatalf("entry %d came twice", e.ID)
			}
			seen[e.ID] = true
		}
		a.add(t, now, "web", logs.Info, "new") // comes in meanwhile
		if p.Next == nil {
			break
		}
		cursor = url.QueryEscape(*p.Next)
	}
	if len(seen) != 200 {
		t.Errorf("%d entries came, want 200", len(seen))
	}
}

func TestOneEntryHasItsFields(t *testing.T) {
	a := seeded(t)
	if _, body := a.get(t, "/api/logs/4"); !strings.Contains(body, `,"trace_id":"5b8aa5a2d2c872e8321cf37308d69df2","fields":[{"name":"msg","value":"slow"},{"name":"duration_ms","value":"812"},{"name":"trace_id","value":"5b8a`) {
		t.Error(body)
	}
	if _, body := a.get(t, "/api/logs/5"); !strings.Contains(body, `"id":5,`) || !strings.HasSuffix(body, `"fields":[]}`) {
		t.Error(body)
	}
	var c struct {
		Logs []struct{ ID int64 }
		ID   int64
	}
	_, body := a.get(t, "/api/logs/2/context?before=1&after=5")
	if err := json.Unmarshal([]byte(body), &c); err != nil || c.ID != 2 || len(c.Logs) != 3 || c.Logs[0].ID != 1 {
		t.Errorf("context %s, %v", body, err)
	}
	_, body = a.get(t, "/api/logs/2/context?container=web&container=api")
	if err := json.Unmarshal([]byte(body), &c); err != nil || len(c.Logs) != 5 {
		t.Errorf("context with another container %s, %v", body, err)
	}
}

func TestCounts(t *testing.T) {
	a := seeded(t)
	for target, want := range map[string]string{
		"/api/containers": `{"containers":[{"name":"api","log_count":2,"error_count":1,"bytes":`,
		"/api/stats":      `{"total_logs":5,"oldest_log":"2026-11-20T10:00:00Z","newest_log":"2026-11-20T11:59:59.123456789Z","by_level":{"CRITICAL":1,"ERROR":1,"INFO":2,"WARNING":1},"by_container":{"api":2,"web":3},`,
		"/api/logs/histogram?step=1h&since=2026-11-20T10:00:00Z&until=2026-11-20T11:59:59Z":            `{"start":"2026-11-20T10:00:00Z","step_seconds":3600,"levels":["TRACE","DEBUG","INFO","WARNING","ERROR","CRITICAL"],"counts":[[0,0,2,0,0,0],[0,0,0,1,1,1]],"partial":false}`,
		"/api/logs/histogram?level=LOUD&step=1h&since=2026-11-20T11:00:00Z&until=2026-11-20T11:59:00Z": `"counts":[[0,0,0,0,0,0]]`,
		"/api/logs/facets?container=web": `{"containers":[{"name":"web","count":3},{"name":"api","count":2}],"levels":{"ERROR":1,"INFO":2},"partial":false,"services":[{"name":"web","count":3}],"streams":{"stderr":1,"stdout":2}}`,
	} {
		if status, body := a.get(t, target); status != http.StatusOK || !strings.HasPrefix(body, want) && !strings.Contains(body, want) {
			t.Errorf("%s: %d\n%s, want\n%s", target, status, body, want)
		}
	}
	// What is known of their life; nothing is said where nothing is.
	life := `"state":"restarting","crash_loop":true,"restarts_10m":7,"restart_count":9,"started_at":"2026-11-20T11:59:00Z","exited_at":"2026-11-20T11:59:59Z","exit_code":137,"oom_killed":true}`
	_, body := a.get(t, "/api/containers")
	if i := strings.Index(body, `{"name":"web"`); i < 0 || !strings.Contains(body[:i], life) || strings.Contains(body[i:], "state") || strings.Contains(body, `"new"`) {
		t.Errorf("containers: %s, want %s for the first alone", body, life)
	}
	for _, pair := range [][2]string{{"/api/containers", "/api/logs/containers"}, {"/api/stats", "/api/logs/stats"}} {
		_, one := a.get(t, pair[0])
		if _, other := a.get(t, pair[1]); one != other || one == "" {
			t.Errorf("%s and %s differ", pair[0], pair[1])
		}
	}
	empty := newAPI(t, httpapi.DefaultStreamTimes, logs.Options{})
	if _, body := empty.get(t, "/api/stats"); !strings.HasPrefix(body, `{"total_logs":0,"oldest_log":null,"newest_log":null,"by_level":{},"by_container":{}`) {
		t.Error(body)
	}
	if _, body := empty.get(t, "/api/containers"); body != `{"containers":[]}` {
		t.Error(body)
	}
}

func TestExport(t *testing.T) {
	a := seeded(t)
	w := httptest.NewRecorder()
	a.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/logs/export?format=txt&level=>%3DWARNING", nil))
	// A recorder has no write deadlines, which a download needs.
	if w.Code != http.StatusInternalServerError {
		t.Errorf("without deadlines: %d", w.Code)
	}
	srv := httptest.NewServer(a)
	defer srv.Close()
	get := func(query string) (string, http.Header) {
		res, err := http.Get(srv.URL + "/api/logs/export?" + query)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		return string(b), res.Header
	}
	text, h := get("format=txt&level=>%3DWARNING")
	if want := "2026-11-20T11:59:59.123456789Z api CRITICAL <b>down</b>\n2026-11-20T11:59:00Z api WARNING {\"msg\":\"slow\""; !strings.HasPrefix(text, want) || h.Get("Content-Disposition") != `attachment; filename="logs-20261120-120000.txt"` {
		t.Errorf("%s %v", text, h)
	}
	for range 5000 {
		a.add(t, now, "many", logs.Info, strings.Repeat("x", 100))
	}
	text, _ = get("container=many")
	if n := strings.Count(text, "\n"); n != 5000 {
		t.Errorf("%d lines, want 5000", n)
	}
	for line := range strings.Lines(text) {
		if !json.Valid([]byte(line)) {
			t.Fatalf("not JSON: %s", line)
		}
	}
	if text, _ = get("container=many&limit=2500"); strings.Count(text, "\n") != 2500 {
		t.Error("limit does not count")
	}
}

// partWriter notes the most bytes that were written with one deadline.
type partWriter struct {
	http.ResponseWriter
	part, most int
}

func (w *partWriter) SetWriteDeadline(time.Time) error { w.part = 0; return nil }

func (w *partWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *partWriter) Write(b []byte) (int, error) {
	w.part += len(b)
	w.most = max(w.most, w.part)
	return w.ResponseWriter.Write(b)
}

// A client on a slow line takes something all the time, which is enough.
func TestADownloadOnASlowLineIsNotCut(t *testing.T) {
	a := newAPI(t, httpapi.DefaultStreamTimes, logs.Options{})
	const lines, length = 300, 10_000
	for range lines {
		a.add(t, now, "large", logs.Info, strings.Repeat("x", length))
	}
	for _, format := range []string{"txt", "ndjson"} {
		body := httptest.NewRecorder()
		w := &partWriter{ResponseWriter: body}
		a.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/logs/export?format="+format, nil))
		if n := strings.Count(body.Body.String(), strings.Repeat("x", length)); n != lines || body.Code != 200 {
			t.Errorf("%s: %d with %d lines, want %d", format, body.Code, n, lines)
		}
		if w.most > 64<<10 {
			t.Errorf("%s: %d bytes have to be taken within one deadline, want at most 64 KiB", format, w.most)
		}
	}
}

// stream is a client of the event stream.
type stream struct {
	t    *testing.T
	res  *http.Response
	scan *bufio.Scanner
}

func (a api) stream(t *testing.T, srv *httptest.Server, query string, header ...string) *stream {
	t.Helper()
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+"/api/logs/tail?"+query, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	s := &stream{t, res, bufio.NewScanner(res.Body)}
	s.scan.Buffer(nil, 4<<20)
	return s
}

// next is the next event: its name, id and data.
func (s *stream) next() (event, id, data string) {
	s.t.Helper()
	for s.scan.Scan() {
		name, value, _ := strings.Cut(s.scan.Text(), ": ")
		switch name {
		case "event":
			event = value
		case "id":
			id = value
		case "data":
			data = value
		case "":
			if event != "" {
				return event, id, data
			}
		}
	}
	return "end", "", ""
}

func TestStreamSendsReplaysAndCloses(t *testing.T) {
	a := newAPI(t, httpapi.StreamTimes{Heartbeat: 40 * time.Millisecond, Life: 400 * time.Millisecond, Write: time.Second}, logs.Options{})
	srv := httptest.NewServer(a)
	defer srv.Close()
	a.add(t, now, "web", logs.Info, "before")
	s := a.stream(t, srv, "container=web&search=line")
	h := s.res.Header
	if s.res.StatusCode != http.StatusOK || h.Get("Content-Type") != "text/event-stream" || h.Get("Cache-Control") != "no-cache" || h.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("%d %v", s.res.StatusCode, h)
	}
	a.add(t, now, "api", logs.Info, "line of another")
	a.add(t, now, "web", logs.Info, "line\nof two", "no")
	var got []string
	for len(got) == 0 || got[len(got)-1] != "end" {
		event, id, data := s.next()
		if event == "heartbeat" && len(got) > 0 && got[len(got)-1] == "heartbeat  {}" {
			continue
		}
		got = append(got, strings.TrimRight(event+" "+id+" "+data, " "))
	}
	want := []string{`log 3 {"id":3,"timestamp":"2026-11-20T12:00:00Z","container":"web","stream":"stdout","level":"INFO","message":"line\nof two"}`, "heartbeat  {}", `close  {"reason":"max_duration"}`, "end"}
	if !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	for _, s := range []*stream{a.stream(t, srv, "after=2"), a.stream(t, srv, "", "Last-Event-ID", "2"), a.stream(t, srv, "after=1", "Last-Event-ID", "2")} {
		if event, id, _ := s.next(); event != "log" || id != "3" {
			t.Errorf("after 2 came %s %s", event, id)
		}
	}
	if s := a.stream(t, srv, "level=LOUD&after=1"); s.res.StatusCode != http.StatusOK {
		t.Errorf("unknown level: %d", s.res.StatusCode)
	} else if event, _, _ := s.next(); event != "heartbeat" {
		t.Errorf("with an unknown level came %s", event)
	}
}

func TestStreamsAreLimitedAndTheirPlacesComeBack(t *testing.T) {
	a := newAPI(t, httpapi.DefaultStreamTimes, logs.Options{MaxTails: 3})
	srv := httptest.NewServer(a)
	defer srv.Close()
	open := []*stream{a.stream(t, srv, ""), a.stream(t, srv, ""), a.stream(t, srv, "")}
	s := a.stream(t, srv, "")
	b, _ := io.ReadAll(s.res.Body)
	if s.res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(b), `"detail":"Too many SSE connections"`) || s.res.Header.Get("Retry-After") == "" {
		t.Errorf("the fourth of three: %d %s", s.res.StatusCode, b)
	}
	for _, s := range open {
		s.res.Body.Close()
	}
	wait := func(n int64) {
		t.Helper()
		for range 500 {
			if a.logs.Live().Tails == n {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatalf("%d places are taken, want %d", a.logs.Live().Tails, n)
	}
	wait(0)
	for range 1000 { // clients that come and go at once
		ctx, cancel := context.WithCancel(t.Context())
		r, _ := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+"/api/logs/tail", nil)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusServiceUnavailable {
			t.Fatalf("status %d", res.StatusCode)
		}
		cancel()
		res.Body.Close()
	}
	wait(0)
}

// A client that does not read is cut, and holds neither memory nor a place.
func TestClientsThatDoNotReadAreCut(t *testing.T) {
	a := newAPI(t, httpapi.StreamTimes{Heartbeat: time.Hour, Life: time.Hour, Write: 100 * time.Millisecond}, logs.Options{TailQueue: 20000})
	srv := httptest.NewServer(a)
	defer srv.Close()
	c, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET /api/logs/tail HTTP/1.1\r\nHost: x\r\n\r\n")
	for range 500 {
		if a.logs.Live().Tails == 1 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	text := strings.Repeat("x", 100_000)
	for n := 0; a.logs.Live().Tails == 1; n++ {
		if n > 20_000 {
			t.Fatal("the client is still there")
		}
		a.add(t, now, "web", logs.Info, text)
		time.Sleep(time.Millisecond)
	}
}

func TestStreamTellsOfContainersThatStopAndStart(t *testing.T) {
	a := newAPI(t, httpapi.StreamTimes{Heartbeat: time.Hour, Life: time.Hour, Write: time.Second}, logs.Options{})
	srv := httptest.NewServer(a)
	t.Cleanup(srv.Close) // after that of the stream
	s := a.stream(t, srv, "container=web")
	for _, turn := range []logs.Turn{
		{Container: "api", At: now},
		{Container: "web", At: now, ExitKnown: true, ExitCode: 137, OOMKilled: true, RestartCount: 2},
		{Container: "web", At: now, RestartCount: 2},
		{Container: "web", Started: true, At: time.Date(9999, 1, 1, 0, 0, 0, 1, time.UTC), RestartCount: 3},
	} {
		a.logs.Turned(turn)
	}
	for _, want := range []string{
		`{"container":"web","event":"stopped","timestamp":"2026-11-20T12:00:00Z","exit_code":137,"oom_killed":true,"restart_count":2}`,
		`{"container":"web","event":"stopped","timestamp":"2026-11-20T12:00:00Z","exit_code":null,"oom_killed":false,"restart_count":2}`,
		`{"container":"web","event":"started","timestamp":"9999-01-01T00:00:00.000000001Z","restart_count":3}`,
	} {
		if event, id, data := s.next(); event != "container" || id != "" || data != want {
			t.Errorf("event %q, id %q, data %s, want %s", event, id, data, want)
		}
	}
}
