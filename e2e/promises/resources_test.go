package promises

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// A10: who reads a download slowly keeps the write-ahead log from being emptied
// for a while only. It has a bound, and is emptied afterwards.
func TestSlowReadersDoNotKeepTheLogGrowing(t *testing.T) {
	const bound = 64 << 20
	m := models(t)[1]
	s := m.start(t)
	send := func(n int) {
		var lines []string
		for i := range 2000 {
			lines = append(lines, fmt.Sprintf(`{"container":"c","message":"%d-%d %s"}`, n, i, harness.RandomText(300)))
		}
		if r := s.Post("/api/logs", strings.Join(lines, "\n")); r.Status != http.StatusAccepted && r.Status != http.StatusTooManyRequests {
			t.Errorf("send: %d %.200s", r.Status, r.Body)
		}
	}
	for n := range 10 {
		send(n)
	}
	for range 3 {
		c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		if _, err := fmt.Fprintf(c, "GET /api/logs/export HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\n\r\n", harness.Key); err != nil {
			t.Fatal(err)
		}
		if _, err := bufio.NewReader(c).ReadString('\n'); err != nil { // it has begun, and nothing more is read
			t.Fatal(err)
		}
	}
	largest := int64(0)
	for n := range 40 {
		send(100 + n)
		if info, err := os.Stat(s.Database() + "-wal"); err == nil {
			largest = max(largest, info.Size())
		}
	}
	if largest > bound {
		t.Errorf("the write-ahead log had %d MB, the bound is %d", largest>>20, bound>>20)
	}
	harness.Note(t, "A10", m.name, "3 downloads that nobody reads beside 80,000 lines of 300 bytes: write-ahead log at most %.1f MB", float64(largest)/1e6)
}

// A12: a flood of names that are never the same again, and what it costs others.
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
		harness.Note(t, "A12", m.name, "%d points with a label that is always new: %d series, all points counted; %.1f MB on disk; others' writes beside it p50 %v, p99 %v", sent, answer.Series, float64(s.DiskBytes())/1e6,
			harness.Percentile(beside, 50).Round(time.Millisecond), harness.Percentile(beside, 99).Round(time.Millisecond))
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
		harness.Note(t, "A12", m.name, "%d reports with new project, tags, release, user and fingerprint each: %d projects; %.1f MB on disk; others' writes beside it p50 %v, p99 %v", n, len(projects.Projects), float64(s.DiskBytes())/1e6,
			harness.Percentile(beside, 50).Round(time.Millisecond), harness.Percentile(beside, 99).Round(time.Millisecond))
	})
}

// flood sends from one client for a while, and returns how long the items of another took meanwhile.
func flood(t *testing.T, m *model, s *harness.Service, next func() harness.Request, allowed ...int) (beside []time.Duration) {
	t.Helper()
	length := time.Duration(soakNumber(t, "SOAK_FLOOD_MS", 1500)) * time.Millisecond
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
