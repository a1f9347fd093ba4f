package e2e

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

func TestAFullDiskPausesTheReadingOfContainers(t *testing.T) {
	if !harness.NeedRoot(t, "mount a small disk") {
		return
	}
	folder, disk := t.TempDir(), harness.Disk(t, "24m")
	s := harness.StartIn(t, disk, "log-viewer", "LOG_SOURCES="+folder, "RATE_LIMIT=1000000", "POLL_INTERVAL=100ms", "TAIL_BUFFER=1GB", "MAX_ENTRIES=10000000")
	g := &generator{t: t, s: s, log: harness.NewDockerLog(t, folder, "generator"), r: rand.New(rand.NewPCG(1, 2)), keeps: true}
	g.write(1)
	g.caughtUp() // as in logTruth
	g.write(5000)
	g.caughtUp()

	harness.Fill(t, filepath.Join(disk, "filler"))
	begin := time.Now()
	for !paused(s) {
		if time.Since(begin) > 20*time.Second {
			t.Fatal("the disk is full, and the reading goes on")
		}
		g.write(1000)
		time.Sleep(50 * time.Millisecond)
	}
	g.write(20_000) // through rotations
	if r := s.Get("/health"); r.Status != 200 || !strings.Contains(r.Body, `"disk_low":true`) {
		t.Errorf("health on a full disk: %d %s", r.Status, r.Body)
	}
	if r := s.Get("/api/logs?limit=1"); r.Status != 200 || !strings.Contains(r.Body, `"message"`) {
		t.Errorf("search on a full disk: %d %s", r.Status, r.Body)
	}
	if r := s.Get("/containers"); r.Status != 200 || !strings.Contains(r.Body, "disk") {
		t.Errorf("the page of containers does not speak of the disk: %d", r.Status)
	}
	if r := s.Post("/api/logs", map[string]string{"container": "other", "message": "x"}); r.Status != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("sending on a full disk: %d %s, Retry-After %q", r.Status, r.Body, r.Header.Get("Retry-After"))
	}
	if err := os.Remove(filepath.Join(disk, "filler")); err != nil {
		t.Fatal(err)
	}
	begin = time.Now()
	g.caughtUp()
	t.Logf("space back to the last of the lines that waited: %v", time.Since(begin).Round(time.Millisecond))

	// Once more, with a crash while the disk is full.
	harness.Fill(t, filepath.Join(disk, "filler"))
	g.write(10_000)
	s.Kill()
	if err := os.Remove(filepath.Join(disk, "filler")); err != nil {
		t.Fatal(err)
	}
	s.Restart()
	g.caughtUp()
	missing, doubled := g.compare()
	if missing > 0 || doubled > 0 || paused(s) {
		t.Errorf("missing %d, doubled %d, paused %v", missing, doubled, paused(s))
	}
	t.Logf("%d lines, %s: missing %d, doubled %d", g.next, g.summary(), missing, doubled)
	if log := s.Log(); !strings.Contains(log, "log entries cannot be written, reading waits") {
		t.Error("the log does not say that the reading waited")
	}
}

func paused(s *harness.Service) bool {
	return strings.Contains(s.Get("/metrics").Body, "\nlog_viewer_source_paused 1\n")
}

// fill makes a file that takes all the room there is.
