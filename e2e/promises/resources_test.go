package promises

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// A10: who does not read a download or a live stream keeps the write-ahead log from
// being emptied for a while only. It has a bound, and no reader of the database is old.
// SOAK_READERS_MS is for how long.
func TestSlowReadersDoNotKeepTheLogGrowing(t *testing.T) {
	const (
		bound   = 64 << 20
		oldest  = 15 * time.Second // a query ends after 5 s
		batches = 40
	)
	length := time.Duration(soakNumber(t, "SOAK_READERS_MS", 1500)) * time.Millisecond
	m := models(t)[1]
	s := m.start(t, "MAX_BYTES=256MB")
	sent := 0
	send := func() {
		var lines []string
		for i := range 2000 {
			lines = append(lines, fmt.Sprintf(`{"container":"c","message":"%d-%d %s"}`, sent, i, harness.RandomText(300)))
		}
		switch r := s.Post("/api/logs", strings.Join(lines, "\n")); r.Status {
		case http.StatusAccepted:
			sent += len(lines)
		case http.StatusTooManyRequests: // it seals
		default:
			t.Errorf("send: %d %.200s", r.Status, r.Body)
		}
	}
	for range 10 {
		send()
	}
	stop := make(chan struct{})
	var beside sync.WaitGroup
	for _, path := range []string{"/api/logs/export", "/api/logs/export", "/api/logs/tail", "/api/logs/tail", "/api/logs/tail"} {
		beside.Go(func() { readNothing(t, s, path, stop) })
	}
	var log walWatch
	beside.Go(func() { log.watch(t, s, stop) })
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for begin, n := time.Now(), 0; n < batches || time.Since(begin) < length; n++ {
		if n >= batches {
			<-tick.C
		}
		send()
	}
	close(stop)
	beside.Wait()
	if log.largest > bound {
		t.Errorf("the write-ahead log had %d MB, the bound is %d", log.largest>>20, bound>>20)
	}
	if log.oldest > oldest {
		t.Errorf("a place in the write-ahead log was held by readers for %v", log.oldest)
	}
	harness.Note(t, "A10", m.name, "%v of 2 downloads and 3 live streams that nobody reads beside %d lines of 300 bytes: write-ahead log at most %.1f MB; a reader at most %v old; %.1f MB on disk",
		max(length, time.Second).Round(time.Second), sent, float64(log.largest)/1e6, log.oldest.Round(time.Millisecond), float64(s.DiskBytes())/1e6)
}

// readNothing asks for something long and reads its first line only, again and
// again: the service may end it.
func readNothing(t *testing.T, s *harness.Service, path string, stop <-chan struct{}) {
	const patience, pause = 30 * time.Second, 100 * time.Millisecond
	for {
		c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
		if err != nil {
			t.Error(err)
			return
		}
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetReadBuffer(4096) // or the system takes megabytes for us
		}
		if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\n\r\n", path, harness.Key); err != nil {
			t.Error(err)
		}
		wait := patience
		switch line, err := bufio.NewReaderSize(c, 16).ReadString('\n'); {
		case err == nil && strings.Contains(line, " 503 "): // the place of the one before is not free yet
			wait = pause
		case err != nil || !strings.Contains(line, " 200 "):
			t.Errorf("GET %s: %q %v", path, line, err)
		}
		ended := false
		select {
		case <-stop:
			ended = true
		case <-time.After(wait):
		}
		_ = c.Close()
		if ended {
			return
		}
	}
}

// walWatch is what can be seen of a write-ahead log from outside.
type walWatch struct {
	largest int64         // bytes
	oldest  time.Duration // no reader was older
}

// watch looks at the log and at the locks of its readers. SQLite's index of the
// log has 5 places for readers, each of which is locked while a reader stands there.
// For how long a lock was seen is more than how old a reader was: one may have
// followed the other.
func (w *walWatch) watch(t *testing.T, s *harness.Service, stop <-chan struct{}) {
	const first, places = 123, 5
	info, err := os.Stat(s.Database() + "-shm")
	if err != nil {
		t.Error(err)
		return
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		t.Error("no inode")
		return
	}
	pid, inode := strconv.Itoa(s.PID()), fmt.Sprintf(":%d", stat.Ino)
	var since [places]time.Time
	seen := 0
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			if seen == 0 {
				t.Error("no reader was seen")
			}
			return
		case <-tick.C:
		}
		if info, err := os.Stat(s.Database() + "-wal"); err == nil {
			w.largest = max(w.largest, info.Size())
		}
		locks, err := os.ReadFile("/proc/locks")
		if err != nil {
			t.Error(err)
			return
		}
		var held [places]bool
		for line := range strings.Lines(string(locks)) {
			f := strings.Fields(line) // 1: POSIX ADVISORY READ 71 fe:00:1234 123 123
			if len(f) < 8 || f[4] != pid || !strings.HasSuffix(f[5], inode) {
				continue
			}
			from, err1 := strconv.Atoi(f[6])
			to, err2 := strconv.Atoi(f[7])
			if err1 != nil || err2 != nil {
				continue
			}
			for i := range places {
				held[i] = held[i] || from <= first+i && first+i <= to
			}
		}
		for i, now := 0, time.Now(); i < places; i++ {
			switch {
			case !held[i]:
				since[i] = time.Time{}
			case since[i].IsZero():
				since[i] = now
				seen++
			default:
				w.oldest = max(w.oldest, now.Sub(since[i]))
			}
		}
	}
}

// A12: a flood of names that are never the same again, and what it costs others.
// SOAK_FLOOD_MS is for how long.
func TestFloodsOfNamesAreBounded(t *testing.T) {
	t.Run("metrics-collector", func(t *testing.T) {
		m := models(t)[2]
		s := m.start(t, "MAX_SERIES=2000", "MAX_SERIES_PER_PROJECT=2000", "MAX_SERIES_PER_METRIC=1000")
		sent := 0
		beside := flood(t, m, s, func() harness.Request {
			var points []map[string]any
			for range 500 {
				sent++
				points = append(points, map[string]any{"name": "flood", "type": "counter", "value": 1, "project": "p", "labels": map[string]string{"id": harness.NewEventID()}})
			}
			return idempotent("/api/metrics", points)
		})
		var answer struct{ Series int }
		if err := s.Get("/api/cardinality").JSON(&answer); err != nil {
			t.Fatal(err)
		}
		if answer.Series > 2200 {
			t.Errorf("%d series, the limit is 2,000", answer.Series)
		}
		if got := counted(t, s, "flood"); got != int64(sent) {
			t.Errorf("%d points are counted of %d", got, sent)
		}
		harness.Note(t, "A12", m.name, "%v: %d points with a label that is always new: %d series, all points counted; %s", floodTime(t), sent, answer.Series, costs(t, s, beside))
	})
	t.Run("error-tracker", func(t *testing.T) {
		m := models(t)[0]
		s := m.start(t, "KEEP_OCCURRENCES=50")
		n := 0
		beside := flood(t, m, s, func() harness.Request {
			tags := map[string]string{}
			for i := range 100 {
				tags[fmt.Sprintf("t%d-%s", i, harness.RandomText(6))] = harness.NewEventID()
			}
			n++
			return harness.Request{Method: http.MethodPost, Path: "/api/errors", Body: map[string]any{"project": fmt.Sprintf("p%d", n), "exception_type": harness.RandomText(20), "message": harness.NewEventID(),
				"traceback": "", "tags": tags, "environment": harness.NewEventID(), "release": harness.NewEventID(), "fingerprint": []string{harness.NewEventID()}, "user_id": harness.NewEventID()}}
		}, 200, 201, 400)
		var projects struct{ Projects []json.RawMessage }
		if err := s.Get("/api/projects").JSON(&projects); err != nil {
			t.Fatal(err)
		}
		if len(projects.Projects) > 1000 {
			t.Errorf("%d projects, the limit is 1,000", len(projects.Projects))
		}
		harness.Note(t, "A12", m.name, "%v: %d reports with new project, tags, release, user and fingerprint each: %d projects; %s", floodTime(t), n, len(projects.Projects), costs(t, s, beside))
	})
}

func floodTime(t testing.TB) time.Duration {
	return time.Duration(soakNumber(t, "SOAK_FLOOD_MS", 1500)) * time.Millisecond
}

// costs says what a flood took. Nobody may have waited for its transactions for long.
func costs(t *testing.T, s *harness.Service, beside []time.Duration) string {
	t.Helper()
	const most = 5 * time.Second // a disk that others keep busy
	hold := figure(t, s, "database_longest_commit_seconds")
	if hold > most.Seconds() {
		t.Errorf("a transaction took %.1f s", hold)
	}
	return fmt.Sprintf("%.1f MB on disk; longest transaction %.0f ms; others' writes beside it p50 %v, p99 %v", float64(s.DiskBytes())/1e6, hold*1e3,
		harness.Percentile(beside, 50).Round(time.Millisecond), harness.Percentile(beside, 99).Round(time.Millisecond))
}

// figure is a number of the service's own metrics.
func figure(t testing.TB, s *harness.Service, name string) float64 {
	t.Helper()
	text := s.Get("/metrics").Body
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			return n
		}
	}
	t.Fatalf("no %s in %.300s", name, text)
	return 0
}

// flood sends from one client for a while, and returns how long the items of another took meanwhile.
func flood(t *testing.T, m *model, s *harness.Service, next func() harness.Request, allowed ...int) (beside []time.Duration) {
	t.Helper()
	length := floodTime(t)
	latencies(t, m, s, 0, 1)
	stop := make(chan struct{})
	var client sync.WaitGroup
	client.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			r, err := s.Try(next())
			if err != nil || r.Status >= 500 || r.Status >= 400 && len(allowed) == 0 {
				t.Errorf("%d %.200s %v", r.Status, r.Body, err)
				return
			}
		}
	})
	for begin, n := time.Now(), 1; time.Since(begin) < length; n++ {
		beside = append(beside, latencies(t, m, s, n, 1)...)
	}
	close(stop)
	client.Wait()
	return beside
}

// B8: streams that end with a reset give their places, descriptors and memory back.
func TestStreamsThatAreResetGiveEverythingBack(t *testing.T) {
	m := models(t)[1]
	s := m.start(t)
	latencies(t, m, s, 0, 5)
	files := s.Descriptors()
	before, _ := s.Memory()
	const opened = 1000
	for range opened / 40 {
		var conns []net.Conn
		for range 40 {
			c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := fmt.Fprintf(c, "GET /api/logs/tail HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\n\r\n", harness.Key); err != nil {
				t.Fatal(err)
			}
			conns = append(conns, c)
		}
		for _, c := range conns {
			if _, err := bufio.NewReader(c).ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			if tcp, ok := c.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0) // a reset instead of a goodbye
			}
			_ = c.Close()
		}
	}
	begin := time.Now()
	for s.Descriptors() > files+2 {
		if time.Since(begin) > 20*time.Second {
			t.Fatalf("%d descriptors, %d before", s.Descriptors(), files)
		}
		time.Sleep(20 * time.Millisecond)
	}
	took := time.Since(begin)
	after, _ := s.Memory()
	if after > before+24<<20 {
		t.Errorf("memory grew from %d to %d MB", before>>20, after>>20)
	}
	harness.Note(t, "B8", m.name, "%d streams opened and reset: descriptors %d before, %d after %v; memory %.1f → %.1f MB", opened, files, s.Descriptors(), took.Round(10*time.Millisecond), float64(before)/1e6, float64(after)/1e6)
}
