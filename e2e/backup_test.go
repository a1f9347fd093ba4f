package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

func TestABackupUnderLoadHoldsWhatWasAcknowledgedBefore(t *testing.T) {
	s := harness.Start(t, "error-tracker", "RATE_LIMIT=1000000")
	load := harness.NewLoad(s, 4)
	load.Start()
	time.Sleep(500 * time.Millisecond)
	before := load.Acknowledged()
	restored := t.TempDir()
	copied := filepath.Join(restored, "error-tracker.db")
	out, code := s.Run("--backup", copied)
	during := load.Acknowledged() - before
	load.Stop()
	if code != 0 {
		t.Fatalf("--backup exits %d: %s", code, out)
	}
	if before == 0 {
		t.Fatal("nothing was acknowledged before the backup")
	}
	if info, err := os.Stat(copied); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("backup: %v, %v, want mode 0600", info, err)
	}
	r := harness.StartIn(t, restored, "error-tracker")
	var counted int64
	for _, e := range list(t, r, "?limit=200").Errors {
		counted += e.Count
	}
	if code, _ := r.Stop(); code != 0 {
		t.Errorf("the service on the restored copy exits %d", code)
	}
	if counted < before {
		t.Errorf("the restored copy counts %d events, %d were acknowledged before the backup began", counted, before)
	}
	t.Logf("%d acknowledged before, %d more during the backup, %d in the copy", before, during, counted)
	harness.CheckDatabase(t, copied)

	// A backup never replaces the database itself, under whatever name.
	if err := os.Link(s.Database(), filepath.Join(s.Dir, "other-name.db")); err != nil {
		t.Fatal(err)
	}
	if out, code := s.Run("--backup", filepath.Join(s.Dir, "other-name.db")); code == 0 || !strings.Contains(out, "itself") {
		t.Errorf("--backup over the database exits %d: %s", code, out)
	}
}

func TestADamagedDatabaseIsRefusedAndKept(t *testing.T) {
	s := harness.Start(t, "error-tracker")
	report(t, s, smokeReport, 201)
	if code, _ := s.Stop(); code != 0 {
		t.Fatal("stop failed")
	}
	text := []byte(strings.Repeat("this is not a database\n", 1000))
	if err := os.WriteFile(s.Database(), text, 0o600); err != nil {
		t.Fatal(err)
	}
	out, code := s.Run()
	if code != 1 || !strings.Contains(out, s.Database()) {
		t.Errorf("start on a damaged file exits %d: %s, want 1 and the path", code, out)
	}
	if now, err := os.ReadFile(s.Database()); err != nil || string(now) != string(text) {
		t.Errorf("the damaged file was changed (%v)", err)
	}
}
