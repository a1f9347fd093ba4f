package e2e

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// startLogs starts a log viewer that reads containers from a folder of its own.
func startLogs(t *testing.T, settings ...string) (s *harness.Service, folder string) {
	t.Helper()
	folder = t.TempDir()
	return harness.Start(t, "log-viewer", append([]string{"LOG_SOURCES=" + folder, "RATE_LIMIT=1000000", "POLL_INTERVAL=100ms"}, settings...)...), folder
}

// container is a container as Docker leaves it on disk.
type container struct {
	t   *testing.T
	log string
}

func newContainer(t *testing.T, folder, id, name string) container {
	t.Helper()
	id = strings.Repeat(id, 64)[:64]
	dir := filepath.Join(folder, id)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf(`{"ID":%q,"Name":"/%s","Config":{"Image":"shop/%s:1","Labels":{"com.docker.compose.service":%q,"com.docker.compose.project":"shop"}},"LogPath":%q}`,
		id, name, name, name, filepath.Join(dir, id+"-json.log"))
	if err := os.WriteFile(filepath.Join(dir, "config.v2.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return container{t, filepath.Join(dir, id+"-json.log")}
}

func (c container) write(stream string, lines ...string) {
	c.t.Helper()
	f, err := os.OpenFile(c.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		c.t.Fatal(err)
	}
	defer f.Close()
	for _, l := range lines {
		b, _ := json.Marshal(map[string]string{"log": l + "\n", "stream": stream, "time": time.Now().UTC().Format(time.RFC3339Nano)})
		if _, err := f.Write(append(b, '\n')); err != nil {
			c.t.Fatal(err)
		}
	}
}

type logPage struct {
	Logs []struct {
		ID                                           int64
		Timestamp, Container, Stream, Level, Message string
	}
	Total int
	Next  *string
}

func searchLogs(t *testing.T, s *harness.Service, query string) (p logPage) {
	t.Helper()
	r := s.Get("/api/logs?" + query)
	if r.Status != http.StatusOK {
		t.Fatalf("%s: %d %s", query, r.Status, r.Body)
	}
	if err := r.JSON(&p); err != nil {
		t.Fatal(err)
	}
	return p
}

// eventually waits up to 10 s.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < 10*time.Second; time.Sleep(20 * time.Millisecond) {
		if f() {
			return
		}
	}
	t.Fatalf("%s did not happen", what)
}

func TestLinesOfContainersAreThereWithinSeconds(t *testing.T) {
	s, folder := startLogs(t)
	c := newContainer(t, folder, "a1", "shop-web-1")
	begin := time.Now()
	c.write("stdout", "INFO started on :8000", `{"level":"warning","msg":"slow query","duration_ms":1200}`)
	c.write("stderr", "Traceback (most recent call last):", `  File "/app/x.py", line 1, in <module>`, "    ship()", "ValueError: no address")
	// An entry that may have further lines is held back for a while.
	eventually(t, "all lines", func() bool { return searchLogs(t, s, "container=shop-web-1").Total == 3 })
	t.Logf("all lines were found %s after they were written", time.Since(begin).Round(time.Millisecond))
	if p := searchLogs(t, s, "level=ERROR"); p.Total != 1 || strings.Count(p.Logs[0].Message, "\n") != 3 || p.Logs[0].Stream != "stderr" {
		t.Errorf("the traceback is %+v", p)
	}
	if p := searchLogs(t, s, "search=duration_ms:>1000&service=shop-web-1"); p.Total != 1 || p.Logs[0].Level != "WARNING" {
		t.Errorf("the slow query is %+v", p)
	}
	r := s.Get("/api/containers")
	if !strings.Contains(r.Body, `"name":"shop-web-1","log_count":3,"error_count":1`) || !strings.Contains(r.Body, `"kind":"docker","image":"shop/shop-web-1:1","service":"shop-web-1","project":"shop"`) {
		t.Errorf("containers: %s", r.Body)
	}
}

func TestAContainerThatCrashesAgainAndAgainIsFound(t *testing.T) {
	s, folder := startLogs(t)
	web, payments := harness.NewDockerLog(t, folder, "web"), harness.NewDockerLog(t, folder, "payments")
	web.Start()
	web.Write("stdout", "ready")
	web.Flush()
	says := func(name, want string) {
		t.Helper()
		body := ""
		eventually(t, name+" with "+want, func() bool {
			body = s.Get("/api/containers").Body
			_, one, _ := strings.Cut(body, `{"name":"`+name+`"`)
			one, _, _ = strings.Cut(one, "}")
			return strings.Contains(one, want)
		})
	}
	says("web", `"state":"running","crash_loop":false,"restarts_10m":0`)
	payments.Write("stderr", "FATAL: no token")
	payments.Flush()
	payments.Start()
	says("payments", `"state":"running"`)
	for range 4 {
		payments.Crash(1, false)
		says("payments", `"state":"restarting"`)
		payments.Start()
		says("payments", `"state":"running"`)
	}
	says("payments", `"crash_loop":true,"restarts_10m":4,"restart_count":4`)
	says("payments", `"exit_code":1,"oom_killed":false`)
	says("web", `"crash_loop":false`)
	if r := s.Get("/metrics"); !strings.Contains(r.Body, "\nlog_viewer_containers_crash_loop 1\n") {
		t.Errorf("metrics: %d, no container in a crash loop", r.Status)
	}
}

// Every status and detail of the contract, by the real program.
func TestContractOfTheLogViewer(t *testing.T) {
	s, _ := startLogs(t, "MAX_TAILS=2")
	if r := s.Do(harness.Request{Path: "/health", NoKey: true}); r.Status != 200 || r.Body != `{"last_ingest":null,"logs_indexed":0,"status":"ok"}` {
		t.Errorf("health: %d %s", r.Status, r.Body)
	}
	for _, path := range []string{"/api/logs", "/api/logs/tail", "/api/containers", "/api/stats", "/api/nothing", "/nothing"} {
		for _, header := range []map[string]string{nil, {"X-API-Key": "wrong"}} {
			if r := s.Do(harness.Request{Path: path, NoKey: true, Header: header}); r.Status != 401 || r.Detail() != "Invalid API key" {
				t.Errorf("%s with %v: %d %s", path, header, r.Status, r.Body)
			}
		}
	}
	if r := s.Get("/api/nothing"); r.Status != 404 || r.Detail() != "Not found" {
		t.Errorf("unknown path: %d %s", r.Status, r.Body)
	}
	r := s.Get("/api/logs")
	if r.Status != 200 || !strings.HasPrefix(r.Body, `{"logs":[],"total":0,"limit":100,"offset":0`) || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("empty list: %d %s", r.Status, r.Body)
	}
	if r := s.Get("/api/stats"); !strings.HasPrefix(r.Body, `{"total_logs":0,"oldest_log":null,"newest_log":null,"by_level":{},"by_container":{}`) {
		t.Errorf("empty stats: %s", r.Body)
	}
	for _, level := range []string{"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"} {
		if r := s.Post("/api/logs", []map[string]any{{"container": "web", "level": level, "message": level + " error-42 at 127.0.0.1 a:b", "timestamp": "2026-11-20T10:00:00Z"}}); r.Status/100 != 2 {
			t.Fatalf("send: %d %s", r.Status, r.Body)
		}
	}
	for query, want := range map[string]int{
		"": 5, "container=web": 5, "container=we": 0, "level=ERROR": 1, "level=%3E%3DWARNING": 3, "level=>=warn": 3, "level=>%3Dfatal": 1, "level=NONSENSE": 0,
		"search=error-42": 5, "q=error-42": 5, "search=127.0.0.1": 5, "search=%22a:b%22": 5, "search=CRITICAL+NOT+x": 1, "search=crit*": 1,
		"since=2026-11-20T10:00:00Z&until=2026-11-20T10:00:00Z": 5, "since=2026-11-20T12:00:00%2B02:00": 5, "since=2026-11-20T10:00:01Z": 0,
	} {
		if p := searchLogs(t, s, query); p.Total != want {
			t.Errorf("%s: %d entries, want %d", query, p.Total, want)
		}
	}
	p := searchLogs(t, s, "limit=2&offset=1")
	if len(p.Logs) != 2 || p.Logs[0].ID <= p.Logs[1].ID || p.Logs[0].Timestamp != "2026-11-20T10:00:00Z" {
		t.Errorf("page %+v: want the newest ids first among equal times", p)
	}
	for query, want := range map[string]string{"search=%22open": "search, character 1", "search=%2F%5B%2F": "search, character", "limit=x": "limit is", "since=soon": "since is"} {
		if r := s.Get("/api/logs?" + query); r.Status != 400 || !strings.Contains(r.Detail(), want) {
			t.Errorf("%s: %d %s", query, r.Status, r.Body)
		}
	}
	if r := s.Get("/api/stats"); !strings.HasPrefix(r.Body, `{"total_logs":5,"oldest_log":"2026-11-20T10:00:00Z","newest_log":"2026-11-20T10:00:00Z","by_level":{"CRITICAL":1,"DEBUG":1,"ERROR":1,"INFO":1,"WARNING":1},"by_container":{"web":5}`) {
		t.Errorf("stats: %s", r.Body)
	}
	if r := s.Do(harness.Request{Path: "/health", NoKey: true}); r.Body != `{"last_ingest":"2026-11-20T10:00:00Z","logs_indexed":5,"status":"ok"}` {
		t.Errorf("health: %s", r.Body)
	}
	if r := s.Do(harness.Request{Path: "/api/stats", Body: strings.Repeat("x", 64<<10+1)}); r.Status != 413 || r.Detail() != "Request body exceeds maximum size" {
		t.Errorf("large body: %d %s", r.Status, r.Body)
	}
	for range 2 {
		openTail(t, s, "")
	}
	if r := s.Get("/api/logs/tail"); r.Status != 503 || r.Detail() != "Too many SSE connections" {
		t.Errorf("a stream too many: %d %s", r.Status, r.Body)
	}
	for _, path := range []string{"/", "/index.html", "/live", "/containers"} {
		if r := s.Do(harness.Request{Path: path, NoKey: true}); r.Status != 200 || !strings.Contains(r.Body, "<html") || !strings.Contains(r.Body, "class=") {
			t.Errorf("%s without a key: %d", path, r.Status)
		}
	}
	if out, code := s.Run("--healthcheck"); code != 0 {
		t.Errorf("--healthcheck exits %d: %s", code, out)
	}
	if code, took := s.Stop(); code != 0 || took > 10*time.Second {
		t.Errorf("SIGTERM with open streams: code %d after %s", code, took)
	}
}

// openTail opens a stream, which the end of the test closes.
func openTail(t *testing.T, s *harness.Service, query string) *bufio.Scanner {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/api/logs/tail?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-API-Key", harness.Key)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("tail: %d %v", res.StatusCode, res.Header)
	}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 4<<20)
	return lines
}

// nextLog returns the id and message of the next entry of a stream.
func nextLog(t *testing.T, lines *bufio.Scanner) (id int64, message string) {
	t.Helper()
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: {\"id\":")
		if !ok {
			continue
		}
		var e struct {
			ID      int64
			Message string
		}
		if err := json.Unmarshal([]byte("{\"id\":"+data), &e); err != nil {
			t.Fatal(err)
		}
		return e.ID, e.Message
	}
	t.Fatalf("the stream ended: %v", lines.Err())
	return 0, ""
}

// A client that comes back after the service was killed gets what it has not
// seen, once.
func TestTailGoesOnAfterARestart(t *testing.T) {
	s, _ := startLogs(t)
	send := func(from, to int) {
		var lines []map[string]any
		for i := from; i < to; i++ {
			lines = append(lines, map[string]any{"container": "web", "message": fmt.Sprint("line ", i)})
		}
		if r := s.Post("/api/logs", lines); r.Status/100 != 2 {
			t.Fatalf("send: %d %s", r.Status, r.Body)
		}
	}
	tail := openTail(t, s, "container=web")
	send(0, 50)
	last := int64(0)
	for i := range 30 {
		id, message := nextLog(t, tail)
		if message != fmt.Sprint("line ", i) {
			t.Fatalf("entry %d is %q", i, message)
		}
		last = id
	}
	s.Kill()
	s.Restart()
	send(50, 80)
	tail = openTail(t, s, fmt.Sprintf("container=web&after=%d", last))
	send(80, 100)
	for i := 30; i < 100; i++ {
		if _, message := nextLog(t, tail); message != fmt.Sprint("line ", i) {
			t.Fatalf("after the restart came %q, want line %d", message, i)
		}
	}
}

func TestLinesAreTakenCompressedAndOnce(t *testing.T) {
	s, _ := startLogs(t)
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	fmt.Fprint(w, `{"container":"z","message":"one"}`+"\n"+`{"container":"z","message":"two"}`+"\n")
	w.Close()
	for i := range 3 {
		r := s.Do(harness.Request{Method: http.MethodPost, Path: "/api/logs", Body: b.Bytes(), Header: map[string]string{"Content-Encoding": "gzip", "Content-Type": "application/x-ndjson", "Idempotency-Key": "k-1"}})
		if r.Status/100 != 2 || (i > 0) != strings.Contains(r.Body, `"duplicate":true`) {
			t.Errorf("try %d: %d %s", i, r.Status, r.Body)
		}
	}
	if p := searchLogs(t, s, "container=z"); p.Total != 2 {
		t.Errorf("%d entries of two that were sent three times", p.Total)
	}
}
