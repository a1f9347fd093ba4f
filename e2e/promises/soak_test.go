package promises

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math"
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

// level is by how much the median of the last third may be above that of the
// middle third: as a ratio, and by so much besides; in runs of some length, since
// caches have to be full before memory can be level.
type level struct {
	ratio, more float64
	from        time.Duration
}

// The medians of some hundred measurements hardly move. Bounds of times are wide, for
// machines with other work.
var (
	levelOwn         = level{1.1, 1.5e6, 45 * time.Minute} // bytes
	levelResident    = level{1.15, 5e6, 45 * time.Minute}  // bytes; files of ours come and go in the memory of the system
	levelDescriptors = level{1, 4, 9 * time.Minute}
	levelDisk        = level{1.1, 1.5e6, 9 * time.Minute} // bytes, beside what is kept of each item for longer than an hour
	levelTime        = level{4, 0.25, 9 * time.Minute}    // seconds, p99
)

// soakDisk is too much on disk, in bytes, in runs of any length.
const soakDisk = 96 << 20

// What log-viewer keeps, and how many lines come at once.
const (
	soakEntries = 20_000
	soakBatch   = 1000
)

// kept is how many bytes of an item stay in the database of each service for longer
// than the test runs: the ids of events (7 days) and the keys of requests (6 hours
// to 7 days), with their indexes, by which what is sent again is known.
var kept = [4]float64{40, 220, 120, 220}

// TestStackUnderMixedLoad runs the four services together under writes, reads,
// live streams, rotations, backups and retention at small limits. In the first third
// one service after the other is killed and stopped. Then they run on, and the
// last third may not be above the middle one in memory, descriptors, bytes on disk and
// times. In the end everything was counted once. SOAK_DURATION is how long.
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
	refused  atomic.Int64    // answered with 429 or 503, or not at all; sent again
	kept     [4]atomic.Int64 // items of which an id or a key is kept
	restarts int

	begin   time.Time
	mu      sync.Mutex
	answers []soakAnswer
	states  []soakState
	shown   time.Duration // until when the table has rows
}

// soakAnswer is how long a request took that was answered at a time since the begin.
type soakAnswer struct {
	at, took time.Duration
	service  int
	write    bool
}

// soakState is what the services take at a time since the begin.
type soakState struct {
	at                         time.Duration
	own, resident, files, disk [4]float64 // disk without the copies
}

func newSoak(t *testing.T, length time.Duration) *soak {
	t.Helper()
	every := max(time.Minute, length/12)
	s := &soak{t: t, length: length, stop: make(chan struct{})}
	backups := func() []string {
		return []string{"RATE_LIMIT=1000000", "BACKUP_DIR=" + t.TempDir(), fmt.Sprintf("BACKUP_EVERY=%ds", int(every.Seconds())), "BACKUP_KEEP=2"}
	}
	tracker := harness.Start(t, "error-tracker", append(backups(), "KEEP_OCCURRENCES=20")...)
	collector := harness.Start(t, "metrics-collector", append(backups(), "RETENTION_RAW=10m", "RETENTION_MINUTE=2h", "RETENTION_HOURLY=2d", "AGGREGATION_INTERVAL=10s")...)
	folder := t.TempDir()
	logs := harness.Start(t, "log-viewer", append(backups(), "LOG_SOURCES="+folder, "POLL_INTERVAL=100ms", "TAIL_BUFFER=1GB", fmt.Sprintf("MAX_ENTRIES=%d", soakEntries), "MAX_BYTES=16MB")...)
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

func (s *soak) took(service int, begin time.Time, write bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = append(s.answers, soakAnswer{time.Since(s.begin), time.Since(begin), service, write})
}

// send sends until it is accepted, as every client of ours does.
func (s *soak) send(service int, r harness.Request, accepted ...int) {
	for {
		begin := time.Now()
		got, err := s.services[service].Try(r)
		switch {
		case err == nil && slices.Contains(accepted, got.Status):
			s.took(service, begin, true)
			s.kept[service].Add(1)
			return
		case err == nil && got.Status != http.StatusServiceUnavailable && got.Status != http.StatusTooManyRequests:
			s.t.Errorf("%s %s: %d %.300s", r.Method, r.Path, got.Status, got.Body)
			return
		}
		s.refused.Add(1)
		time.Sleep(50 * time.Millisecond)
	}
}

const (
	soakTracker = iota
	soakCollector
	soakLogs
	soakRelay
)

func (s *soak) startLoad() {
	s.every(50*time.Millisecond, func(n int) {
		r := harness.PythonReport(fmt.Sprintf("step_%c", 'a'+n%20), n)
		r["event_id"], r["user_id"], r["environment"] = harness.NewEventID(), fmt.Sprint(n%500), []string{"prod", "staging"}[n%2]
		s.send(soakTracker, harness.Request{Method: http.MethodPost, Path: "/api/errors", Body: r}, 200, 201)
		s.events.Add(1)
	})
	s.every(250*time.Millisecond, func(n int) {
		var points []map[string]any
		for i := range 50 {
			points = append(points, map[string]any{"name": "soak_total", "type": "counter", "value": 1, "project": "shop", "labels": map[string]string{"n": fmt.Sprint((n*50 + i) % 200)}})
		}
		s.send(soakCollector, idempotent("/api/metrics", points), 202)
		s.points.Add(50)
	})
	s.every(2*time.Second, func(int) { // hours that retention deletes while this runs
		at := time.Now().Add(-46*time.Hour - rand.N(119*time.Minute))
		s.send(soakCollector, idempotent("/api/metrics", []map[string]any{{"name": "soak_old", "type": "histogram", "value": rand.Float64(), "timestamp": at.UTC().Format(time.RFC3339)}}), 202)
	})
	s.every(250*time.Millisecond, func(n int) {
		var lines []map[string]any
		for i := range 50 {
			lines = append(lines, map[string]any{"container": fmt.Sprintf("cron-%d", n%5), "message": fmt.Sprintf(`{"level":"info","msg":"job done","n":%d,"ms":%d,"user":"%x"}`, n*50+i, rand.IntN(900), rand.Uint32())})
		}
		s.send(soakLogs, idempotent("/api/logs", lines), 202)
		s.lines.Add(50)
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
		s.send(soakRelay, harness.Request{Method: http.MethodPost, Path: "/api/browser/batch?key=" + s.dsn, Body: body, NoKey: true}, 202)
		s.events.Add(1)
		s.points.Add(1)
		s.kept[soakTracker].Add(1) // it delivers to both
		s.kept[soakCollector].Add(1)
	})
	reads := []struct {
		service int
		path    string
	}{
		{soakTracker, "/api/errors?limit=50"}, {soakTracker, "/"}, {soakTracker, "/errors/1"}, {soakTracker, "/api/errors/1/occurrences"}, {soakTracker, "/api/errors?q=order"},
		{soakCollector, "/api/metrics?name=soak_total&period=1h&step=1m&agg=rate"}, {soakCollector, "/api/metrics?name=soak_total&period=6h&by=n&agg=sum&limit=200"}, {soakCollector, "/"}, {soakCollector, "/metrics"},
		{soakLogs, "/api/logs?limit=50"}, {soakLogs, "/api/logs?search=request+%22took%22&since=10m"}, {soakLogs, "/api/logs?search=ms:%3E800&limit=20"}, {soakLogs, "/api/logs/histogram?since=1h"}, {soakLogs, "/api/logs/facets"}, {soakLogs, "/"},
		{soakRelay, "/"}, {soakRelay, "/api/traffic"}, {soakRelay, "/api/dsn-keys"},
	}
	s.every(50*time.Millisecond, func(n int) {
		r := reads[n%len(reads)]
		begin := time.Now()
		got, err := s.services[r.service].Try(harness.Request{Path: r.path, Header: map[string]string{"Accept": "text/html, application/json"}})
		if err != nil || got.Status == http.StatusServiceUnavailable {
			s.refused.Add(1)
			return
		}
		if got.Status >= 500 {
			s.t.Errorf("GET %s: %d %.300s", r.path, got.Status, got.Body)
		}
		s.took(r.service, begin, false)
	})
	for range 3 { // live streams that come and go
		s.every(time.Second, func(int) { readTail(s.services[soakLogs], harness.Random(time.Second, 10*time.Second), s.stop) })
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
	s.begin = time.Now()
	s.startLoad()
	rows := max(4, int(s.length/(5*time.Minute)))
	const restarts = 8 // each service is killed once and stopped once
	nextRow, nextRestart := s.length/time.Duration(rows), s.length/3/(restarts+1)
	step := min(max(s.length/360, 100*time.Millisecond), 10*time.Second)
	for at := time.Duration(0); at < s.length && !s.t.Failed(); at = time.Since(s.begin) {
		time.Sleep(min(step, s.length-at))
		if s.restarts < restarts && at > nextRestart {
			victim := s.services[s.restarts%len(s.services)]
			if s.restarts < restarts/2 {
				victim.Kill()
			} else if code, took := victim.Stop(); code != 0 {
				s.t.Errorf("exit code %d after SIGTERM (%v)", code, took)
			}
			victim.Restart()
			s.restarts++
			nextRestart += s.length / 3 / (restarts + 1)
		}
		s.look()
		if at >= nextRow {
			s.show()
			nextRow += s.length / time.Duration(rows)
		}
	}
	s.show()
	close(s.stop)
	s.load.Wait()
}

// look measures what the services take now.
func (s *soak) look() {
	state := soakState{at: time.Since(s.begin)}
	for i, service := range s.services {
		m, err := harness.MemoryOf(service.PID())
		if err != nil {
			s.t.Fatal(err)
		}
		state.own[i], state.resident[i] = float64(m.Anonymous), float64(m.Resident)
		state.files[i], state.disk[i] = float64(service.Descriptors()), float64(service.DiskBytes())
	}
	s.states = append(s.states, state)
}

// show prints the medians since the last row.
func (s *soak) show() {
	if s.shown == 0 {
		_, _ = fmt.Printf("\nown memory, all resident memory, descriptors and files on disk of error-tracker, metrics-collector, log-viewer and browser-relay: medians\n\n| minute | MB own | MB resident | descriptors | MB on disk | write p50, p99 | read p50, p99 | requests |\n|--:|--|--|--|--|--|--|--:|\n")
	}
	from, to := s.shown, time.Since(s.begin)
	s.shown = to
	m := s.medians(from, to)
	writes, reads := s.times(from, to, -1, true), s.times(from, to, -1, false)
	_, _ = fmt.Printf("| %.1f | %s | %s | %s | %s | %s | %s | %d |\n", to.Minutes(), megabytes(m.own), megabytes(m.resident), strings.Trim(fmt.Sprint(m.files), "[]"), megabytes(m.disk),
		milliseconds(writes), milliseconds(reads), len(writes)+len(reads))
}

// medians are those of what was measured in a part of the run.
func (s *soak) medians(from, to time.Duration) (m soakState) {
	for i := range s.services {
		for _, f := range []func(*soakState) *[4]float64{
			func(s *soakState) *[4]float64 { return &s.own }, func(s *soakState) *[4]float64 { return &s.resident },
			func(s *soakState) *[4]float64 { return &s.files }, func(s *soakState) *[4]float64 { return &s.disk },
		} {
			var all []float64
			for k := range s.states {
				if at := s.states[k].at; at > from && at <= to {
					all = append(all, f(&s.states[k])[i])
				}
			}
			if len(all) > 0 {
				slices.Sort(all)
				f(&m)[i] = all[len(all)/2]
			}
		}
	}
	return m
}

// times are how long the requests to a service took in a part of the run; -1 is all services.
func (s *soak) times(from, to time.Duration, service int, write bool) (all []time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.answers {
		if a.at > from && a.at <= to && a.write == write && (service < 0 || service == a.service) {
			all = append(all, a.took)
		}
	}
	return all
}

func megabytes(all [4]float64) string {
	var texts []string
	for _, n := range all {
		texts = append(texts, fmt.Sprintf("%.1f", n/1e6))
	}
	return strings.Join(texts, " ")
}

func milliseconds(all []time.Duration) string {
	return fmt.Sprintf("%.1f, %.1f ms", float64(harness.Percentile(all, 50).Microseconds())/1e3, float64(harness.Percentile(all, 99).Microseconds())/1e3)
}

var soakNames = [4]string{"error-tracker", "metrics-collector", "log-viewer", "browser-relay"}

// compare wants the last third to be level with the middle one, and prints both.
func (s *soak) compare() {
	third := s.length / 3
	middle, last := s.medians(third, 2*third), s.medians(2*third, s.length+time.Minute)
	_, _ = fmt.Printf("\n| medians of the middle third → of the last | %s |\n|---|--|--|--|--|\n", strings.Join(soakNames[:], " | "))
	var grown []string
	line := func(what string, bound level, unit float64, before, after [4]float64) {
		row := "| " + what + " |"
		for i, name := range soakNames {
			row += fmt.Sprintf(" %.1f → %.1f |", before[i]/unit, after[i]/unit)
			if most := before[i]*bound.ratio + bound.more; s.length >= bound.from && after[i] > most {
				grown = append(grown, fmt.Sprintf("%s: %s grew from %.1f to %.1f, the bound is %.1f", name, what, before[i]/unit, after[i]/unit, most/unit))
			}
		}
		_, _ = fmt.Println(row)
	}
	line("MB own memory", levelOwn, 1e6, middle.own, last.own)
	line("MB resident", levelResident, 1e6, middle.resident, last.resident)
	line("descriptors", levelDescriptors, 1, middle.files, last.files)
	line("MB on disk", level{math.Inf(1), 0, 0}, 1e6, middle.disk, last.disk)
	items := middle.disk
	for i := range items {
		items[i] += float64(s.kept[i].Load()) / 3 * kept[i] // load is even
	}
	line("MB on disk, the middle with what is kept longer of the items between the two", levelDisk, 1e6, items, last.disk)
	for _, write := range []bool{true, false} {
		what := map[bool]string{true: "p99 of writes, ms", false: "p99 of reads, ms"}[write]
		var before, after [4]float64
		for i := range soakNames {
			before[i] = harness.Percentile(s.times(third, 2*third, i, write), 99).Seconds()
			after[i] = harness.Percentile(s.times(2*third, s.length+time.Minute, i, write), 99).Seconds()
		}
		line(what, levelTime, 1e-3, before, after)
	}
	for _, text := range grown {
		s.t.Error(text)
	}
	for i, name := range soakNames {
		if last.disk[i] > soakDisk {
			s.t.Errorf("%s: %.1f MB on disk", name, last.disk[i]/1e6)
		}
	}
}

// judge compares the end with the middle, and what is stored with what was acknowledged.
func (s *soak) judge() {
	t := s.t
	s.compare()
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
	if most := int64(soakEntries * 21 / 20); logs.Total > most+soakBatch {
		t.Errorf("%d log lines are kept, the bound is %d", logs.Total, most)
	}
	for i, service := range soakNames {
		if code, _ := s.services[i].Stop(); code != 0 {
			t.Errorf("%s: exit code %d", service, code)
		}
		harness.CheckDatabase(t, s.services[i].Database())
	}
	harness.Note(t, "soak", "", "%v, %d restarts, %d events and %d points acknowledged: lost 0, doubled 0; %d requests sent again; %d log lines kept of %d sent and those of a container",
		s.length, s.restarts, s.events.Load(), s.points.Load(), s.refused.Load(), logs.Total, s.lines.Load())
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
