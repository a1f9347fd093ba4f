package promises

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// What the full stack may come to, at the small limits it is run with.
const (
	soakGrowth      = 1.3 // memory at the end, to that in the middle
	soakSlack       = 6 << 20
	soakDescriptors = 25
	soakDisk        = 96 << 20 // of each service, with its backups
)

// TestStackUnderMixedLoad runs the four services together under writes, reads,
// live streams, rotations, backups and retention. In the first half one service
// after the other is killed or stopped; in the second they run on, and nothing
// may grow. In the end everything was counted once. SOAK_DURATION is how long.
func TestStackUnderMixedLoad(t *testing.T) {
	length := 8 * time.Second
	if text := os.Getenv("SOAK_DURATION"); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil || length < time.Second {
			t.Fatalf("SOAK_DURATION = %q, want a time such as 1h", text)
		}
	}
	s := newSoak(t, length)
	s.run()
	s.judge()
}

// soak is a running stack with its load.
type soak struct {
	t        *testing.T
	length   time.Duration
	services []*harness.Service // tracker, collector, logs, relay
	dsn      string
	log      *harness.DockerLog

	stop     chan struct{}
	load     sync.WaitGroup
	events   atomic.Int64 // acknowledged
	points   atomic.Int64
	lines    atomic.Int64
	refused  atomic.Int64 // answered with 429 or 503, or not at all; sent again
	restarts int

	mu     sync.Mutex
	writes []time.Duration // since the last row
	reads  []time.Duration
	rows   []soakRow
}

type soakRow struct {
	at       time.Duration
	resident [4]int64
	files    [4]int
	disk     [4]int64
	write    [2]time.Duration // p50, p99
	read     [2]time.Duration
	requests int
}

func newSoak(t *testing.T, length time.Duration) *soak {
	t.Helper()
	every := max(time.Minute, length/12)
	backups := func() []string {
		return []string{"RATE_LIMIT=1000000", "BACKUP_DIR=" + t.TempDir(), fmt.Sprintf("BACKUP_EVERY=%ds", int(every.Seconds())), "BACKUP_KEEP=2"}
	}
	s := &soak{t: t, length: length, stop: make(chan struct{})}
	tracker := harness.Start(t, "error-tracker", append(backups(), "KEEP_OCCURRENCES=20")...)
	collector := harness.Start(t, "metrics-collector", append(backups(), "RETENTION_RAW=1h", "RETENTION_MINUTE=2h", "RETENTION_HOURLY=2d", "AGGREGATION_INTERVAL=10s")...)
	folder := t.TempDir()
	logs := harness.Start(t, "log-viewer", append(backups(), "LOG_SOURCES="+folder, "POLL_INTERVAL=100ms", "TAIL_BUFFER=1GB", "MAX_ENTRIES=20000", "MAX_BYTES=16MB")...)
	relay := harness.Start(t, "browser-relay", append(backups(), "ADMIN_API_KEY="+harness.Key, "KEY_RATE_LIMIT=1000000", "SPOOL_MAX_BYTES=16MB",
		"ERROR_TRACKER_URL="+tracker.URL, "ERROR_TRACKER_API_KEY="+harness.Key, "METRICS_COLLECTOR_URL="+collector.URL, "METRICS_COLLECTOR_API_KEY="+harness.Key)...)
	s.services = []*harness.Service{tracker, collector, logs, relay}
	s.log = harness.NewDockerLog(t, folder, "soak")
	s.dsn = newDSN(t, relay)
	return s
}

func newDSN(t testing.TB, relay *harness.Service) string {
	t.Helper()
	var key struct {
		PublicKey string `json:"public_key"`
	}
	if err := relay.Post("/api/dsn-keys", map[string]string{"project": "web"}).JSON(&key); err != nil || key.PublicKey == "" {
		t.Fatalf("a DSN key: %v", err)
	}
	return key.PublicKey
}

// every calls f at a rate until the end, late calls are left out.
func (s *soak) every(d time.Duration, f func(n int)) {
	s.load.Go(func() {
		tick := time.NewTicker(d)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-s.stop:
				return
			case <-tick.C:
				f(n)
			}
		}
	})
}

// send sends until it is accepted, as every client of ours does.
func (s *soak) send(service *harness.Service, r harness.Request, accepted ...int) {
	for {
		begin := time.Now()
		got, err := service.Try(r)
		switch {
		case err == nil && slices.Contains(accepted, got.Status):
			s.mu.Lock()
			s.writes = append(s.writes, time.Since(begin))
			s.mu.Unlock()
			return
		case err == nil && got.Status != http.StatusServiceUnavailable && got.Status != http.StatusTooManyRequests:
			s.t.Errorf("%s %s: %d %.300s", r.Method, r.Path, got.Status, got.Body)
			return
		}
		s.refused.Add(1)
		time.Sleep(50 * time.Millisecond)
	}
}

func (s *soak) startLoad() {
	tracker, collector, logs, relay := s.services[0], s.services[1], s.services[2], s.services[3]
	s.every(50*time.Millisecond, func(n int) {
		r := harness.PythonReport(fmt.Sprintf("step_%c", 'a'+n%20), n)
		r["event_id"], r["user_id"], r["environment"] = harness.NewEventID(), fmt.Sprint(n%500), []string{"prod", "staging"}[n%2]
		s.send(tracker, harness.Request{Method: http.MethodPost, Path: "/api/errors", Body: r}, 200, 201)
		s.events.Add(1)
	})
	s.every(100*time.Millisecond, func(n int) {
		var points []map[string]any
		for i := range 20 {
			points = append(points, map[string]any{"name": "soak_total", "type": "counter", "value": 1, "project": "shop", "labels": map[string]string{"n": fmt.Sprint((n + i) % 200)}})
		}
		s.send(collector, idempotent("/api/metrics", points), 202)
		s.points.Add(20)
	})
	s.every(500*time.Millisecond, func(int) { // hours that retention deletes while this runs
		at := time.Now().Add(-46*time.Hour - rand.N(119*time.Minute))
		s.send(collector, idempotent("/api/metrics", []map[string]any{{"name": "soak_old", "type": "histogram", "value": rand.Float64(), "timestamp": at.UTC().Format(time.RFC3339)}}), 202)
	})
	s.every(100*time.Millisecond, func(n int) {
		var lines []map[string]any
		for i := range 20 {
			lines = append(lines, map[string]any{"container": fmt.Sprintf("cron-%d", n%5), "message": fmt.Sprintf(`{"level":"info","msg":"job done","n":%d,"ms":%d,"user":"%x"}`, n*20+i, rand.IntN(900), rand.Uint32())})
		}
		s.send(logs, idempotent("/api/logs", lines), 202)
		s.lines.Add(20)
	})
	s.every(20*time.Millisecond, func(n int) {
		s.log.Write([]string{"stdout", "stderr"}[n%2], fmt.Sprintf("2026-11-20 12:00:00 INFO request %d took %d ms for user %x", n, rand.IntN(500), rand.Uint32()))
		if n%10 == 0 {
			s.log.Flush()
		}
		if n%5000 == 4999 {
			s.log.Rotate(n%2 == 0)
		}
		if s.log.Files() > 5 {
			s.log.DropFiles()
		}
	})
	s.every(200*time.Millisecond, func(n int) {
		body := fmt.Sprintf(`{"v":1,"batch_id":%q,"session_id":"s%d","page":"/r","errors":[{"event_id":%q,"type":"E%d","message":"m %d","stack":"E: m\n    at f (https://h/a.js:1:2)"}],
			"metrics":[{"name":"page_total","type":"counter","value":1}]}`, harness.NewEventID(), n%50, harness.NewEventID(), n%5, n)
		s.send(relay, harness.Request{Method: http.MethodPost, Path: "/api/browser/batch?key=" + s.dsn, Body: body, NoKey: true}, 202)
		s.events.Add(1)
		s.points.Add(1)
	})
	reads := []struct {
		service *harness.Service
		path    string
	}{
		{tracker, "/api/errors?limit=50"}, {tracker, "/"}, {tracker, "/errors/1"}, {tracker, "/api/errors/1/occurrences"}, {tracker, "/api/errors?q=order"},
		{collector, "/api/metrics?name=soak_total&period=1h&step=1m&agg=rate"}, {collector, "/api/metrics?name=soak_total&period=6h&by=n&agg=sum&limit=200"}, {collector, "/"}, {collector, "/metrics"},
		{logs, "/api/logs?limit=50"}, {logs, "/api/logs?search=request+%22took%22&since=10m"}, {logs, "/api/logs?search=ms:%3E800&limit=20"}, {logs, "/api/logs/histogram?since=1h"}, {logs, "/api/logs/facets"}, {logs, "/"},
		{relay, "/"}, {relay, "/api/traffic"}, {relay, "/api/dsn-keys"},
	}
	s.every(50*time.Millisecond, func(n int) {
		r := reads[n%len(reads)]
		begin := time.Now()
		got, err := r.service.Try(harness.Request{Path: r.path, Header: map[string]string{"Accept": "text/html, application/json"}})
		if err != nil || got.Status == http.StatusServiceUnavailable {
			s.refused.Add(1)
			return
		}
		if got.Status >= 500 {
			s.t.Errorf("GET %s: %d %.300s", r.path, got.Status, got.Body)
		}
		s.mu.Lock()
		s.reads = append(s.reads, time.Since(begin))
		s.mu.Unlock()
	})
	for range 3 { // live streams that come and go
		s.every(time.Second, func(int) { readTail(logs, harness.Random(time.Second, 10*time.Second), s.stop) })
	}
}

func idempotent(path string, body any) harness.Request {
	return harness.Request{Method: http.MethodPost, Path: path, Body: body, Header: map[string]string{"Idempotency-Key": harness.NewEventID()}}
}

// readTail reads a live stream for a while.
func readTail(logs *harness.Service, length time.Duration, stop <-chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), length)
	defer cancel()
	go func() {
		select {
		case <-stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, logs.URL+"/api/logs/tail", nil)
	if err != nil {
		panic(err) // the address is ours
	}
	r.Header.Set("X-Api-Key", harness.Key)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return // it is being started again
	}
	defer func() { _ = res.Body.Close() }()
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		continue
	}
}

func (s *soak) run() {
	begin := time.Now()
	s.startLoad()
	rows := max(4, int(s.length/(5*time.Minute)))
	const restarts = 8 // in the first half: each service is killed once and stopped once
	nextRow, nextRestart := s.length/time.Duration(rows), s.length/2/(restarts+1)
	for at := time.Duration(0); at < s.length && !s.t.Failed(); at = time.Since(begin) {
		time.Sleep(min(100*time.Millisecond, s.length/100))
		if s.restarts < restarts && at > nextRestart {
			victim := s.services[s.restarts%len(s.services)]
			if s.restarts < restarts/2 {
				victim.Kill()
			} else if code, took := victim.Stop(); code != 0 {
				s.t.Errorf("exit code %d after SIGTERM (%v)", code, took)
			}
			victim.Restart()
			s.restarts++
			nextRestart += s.length / 2 / (restarts + 1)
		}
		if at >= nextRow {
			s.row(at)
			nextRow += s.length / time.Duration(rows)
		}
	}
	s.row(time.Since(begin))
	close(s.stop)
	s.load.Wait()
}

// row measures.
func (s *soak) row(at time.Duration) {
	r := soakRow{at: at}
	for i, service := range s.services {
		r.resident[i], _ = service.Memory()
		r.files[i], r.disk[i] = service.Descriptors(), service.DiskBytes()
	}
	s.mu.Lock()
	r.requests = len(s.writes) + len(s.reads)
	r.write = [2]time.Duration{harness.Percentile(s.writes, 50), harness.Percentile(s.writes, 99)}
	r.read = [2]time.Duration{harness.Percentile(s.reads, 50), harness.Percentile(s.reads, 99)}
	s.writes, s.reads = nil, nil
	s.mu.Unlock()
	s.rows = append(s.rows, r)
	if len(s.rows) == 1 {
		_, _ = fmt.Printf("\nresident, descriptors and files on disk of error-tracker, metrics-collector, log-viewer and browser-relay\n\n| minute | MB resident | descriptors | MB on disk | write p50, p99 | read p50, p99 | requests |\n|--:|--|--|--|--|--|--:|\n")
	}
	_, _ = fmt.Printf("| %.1f | %s | %s | %s | %s | %s | %d |\n", at.Minutes(), megabytes(r.resident), strings.Trim(fmt.Sprint(r.files), "[]"), megabytes(r.disk),
		milliseconds(r.write), milliseconds(r.read), r.requests)
}

func megabytes(all [4]int64) string {
	var texts []string
	for _, n := range all {
		texts = append(texts, fmt.Sprintf("%.1f", float64(n)/1e6))
	}
	return strings.Join(texts, " ")
}

func milliseconds(all [2]time.Duration) string {
	return fmt.Sprintf("%.1f, %.1f ms", float64(all[0].Microseconds())/1e3, float64(all[1].Microseconds())/1e3)
}

// judge compares the end with the middle, and what is stored with what was acknowledged.
func (s *soak) judge() {
	t := s.t
	second := s.rows[len(s.rows)/2:]
	first, last := second[0], second[len(second)-1]
	for i, service := range []string{"error-tracker", "metrics-collector", "log-viewer", "browser-relay"} {
		if last.resident[i] > int64(soakGrowth*float64(first.resident[i]))+soakSlack {
			t.Errorf("%s: memory grew from %d to %d KB", service, first.resident[i]>>10, last.resident[i]>>10)
		}
		if last.files[i] > first.files[i]+soakDescriptors {
			t.Errorf("%s: descriptors grew from %d to %d", service, first.files[i], last.files[i])
		}
		if last.disk[i] > soakDisk {
			t.Errorf("%s: %d MB on disk", service, last.disk[i]>>20)
		}
	}
	tracker, collector, relay := s.services[0], s.services[1], s.services[3]
	deadline := time.Now().Add(90 * time.Second)
	for {
		var health struct{ Waiting int }
		if err := relay.Get("/health").JSON(&health); err != nil {
			t.Fatal(err)
		}
		if health.Waiting == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d parcels wait in the relay", health.Waiting)
		}
		time.Sleep(100 * time.Millisecond)
	}
	var stats struct{ Events int64 }
	if err := tracker.Get("/api/stats").JSON(&stats); err != nil {
		t.Fatal(err)
	}
	if want := s.events.Load(); stats.Events != want {
		t.Errorf("%d events are counted, want %d", stats.Events, want)
	}
	sum := int64(0)
	for _, name := range []string{"soak_total", "page_total"} {
		sum += counted(t, collector, name)
	}
	if want := s.points.Load(); sum != want {
		t.Errorf("%d points are counted, want %d", sum, want)
	}
	var logs struct {
		Total int64 `json:"total_logs"`
	}
	if err := s.services[2].Get("/api/stats").JSON(&logs); err != nil {
		t.Fatal(err)
	}
	for i, service := range []string{"error-tracker", "metrics-collector", "log-viewer", "browser-relay"} {
		if code, _ := s.services[i].Stop(); code != 0 {
			t.Errorf("%s: exit code %d", service, code)
		}
		harness.CheckDatabase(t, s.services[i].Database())
	}
	var writes, reads []string
	for _, r := range second {
		writes, reads = append(writes, fmt.Sprint(r.write[1].Round(time.Millisecond))), append(reads, fmt.Sprint(r.read[1].Round(time.Millisecond)))
	}
	harness.Note(t, "soak", "", "%v, %d restarts, %d events and %d points acknowledged: lost 0, doubled 0; %d requests sent again; MB resident %s → %s; descriptors %v → %v; MB on disk %s → %s; %d log lines kept of %d sent and those of a container; p99 of each part of the second half: writes %s, reads %s",
		s.length, s.restarts, s.events.Load(), s.points.Load(), s.refused.Load(), megabytes(first.resident), megabytes(last.resident), first.files, last.files, megabytes(first.disk), megabytes(last.disk),
		logs.Total, s.lines.Load(), strings.Join(writes, " "), strings.Join(reads, " "))
}

// counted is the sum of a counter.
func counted(t testing.TB, collector *harness.Service, name string) int64 {
	t.Helper()
	var answer struct{ Data []struct{ Value float64 } }
	r := collector.Get("/api/metrics?period=12h&step=1h&agg=sum&name=" + name)
	if err := json.Unmarshal([]byte(r.Body), &answer); err != nil || r.Status != http.StatusOK {
		t.Fatalf("%s: %d %s", name, r.Status, r.Body)
	}
	sum := 0.0
	for _, row := range answer.Data {
		sum += row.Value
	}
	return int64(sum)
}
