package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

func TestAFullDiskRefusesReportsAndRecoversByItself(t *testing.T) {
	if !harness.NeedRoot(t, "mount a small disk") {
		return
	}
	disk := harness.Disk(t, "16m")
	s := harness.StartIn(t, disk, "error-tracker", "RATE_LIMIT=1000000", "KEEP_OCCURRENCES=1000")
	first := report(t, s, smokeReport, 201)

	// Somebody else fills the disk, while reports come in.
	filler := filepath.Join(disk, "filler")
	harness.Fill(t, filler)

	var refused harness.Response
	for n := range 2000 {
		r := harness.PythonReport(fmt.Sprintf("step_%c", 'a'+n%20), n)
		r["extra"] = strings.Repeat("x", 4000)
		refused = s.Post("/api/errors", r)
		if refused.Status != 200 && refused.Status != 201 {
			break
		}
	}
	if refused.Status != 503 || refused.Header.Get("Retry-After") == "" {
		t.Fatalf("a report on a full disk = %d %s, Retry-After %q, want 503 with a time", refused.Status, refused.Body, refused.Header.Get("Retry-After"))
	}
	for range 20 {
		if got := s.Post("/api/errors", harness.PythonReport("while_full", 1)); got.Status != 503 && got.Status != 200 && got.Status != 201 {
			t.Errorf("a report on a full disk = %d %s", got.Status, got.Body)
		}
	}

	// Reads go on.
	if got := s.Get(fmt.Sprintf("/api/errors/%d", first.ID)); got.Status != 200 {
		t.Errorf("detail on a full disk = %d %s", got.Status, got.Body)
	}
	if got := s.Get("/api/errors"); got.Status != 200 {
		t.Errorf("list on a full disk = %d %s", got.Status, got.Body)
	}

	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	for {
		if got := s.Post("/api/errors", smokeReport); got.Status == 200 {
			break
		}
		if time.Since(start) > 10*time.Second {
			t.Fatal("no report was taken within 10 s after there was space again")
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Logf("space back to the first 2xx: %v", time.Since(start).Round(time.Millisecond))
	if !s.Running() {
		t.Error("the service had to be started again")
	}
}

func TestIssuesCanBeDeletedWhenReportsAreRefused(t *testing.T) {
	if !harness.NeedRoot(t, "mount a small disk") {
		return
	}
	disk := harness.Disk(t, "16m")
	s := harness.StartIn(t, disk, "error-tracker", "RATE_LIMIT=1000000", "KEEP_OCCURRENCES=1000")
	refused := false
	for n := range 20000 {
		r := harness.PythonReport(fmt.Sprintf("step_%c", 'a'+n%20), n)
		r["extra"] = harness.NewEventID() + harness.RandomText(20000)
		if got := s.Post("/api/errors", r); got.Status == 503 {
			refused = true
			break
		}
	}
	if !refused {
		t.Fatal("a 16 MB disk took 20,000 reports of 20 KB")
	}
	var ids []int64
	for _, e := range list(t, s, "?limit=200").Errors {
		ids = append(ids, e.ID)
	}
	if got := s.Post("/api/errors/bulk", map[string]any{"action": "delete", "ids": ids}); got.Status != 200 {
		t.Fatalf("delete on a disk that is full by our own data = %d %s", got.Status, got.Body)
	}
	start := time.Now()
	for s.Post("/api/errors", smokeReport).Status != 201 {
		if time.Since(start) > 60*time.Second {
			t.Fatal("no report was taken within a minute after everything was deleted")
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Logf("deleted to the first 2xx: %v", time.Since(start).Round(time.Millisecond))
}
