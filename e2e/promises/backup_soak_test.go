//go:build soak

package promises

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// A7 at the size of a database that has been filled for long: what copies cost
// those who write, and how long it takes to copy, to check and to restore a GB.
func TestCopiesAndRestoresOfLargeDatabases(t *testing.T) {
	each(t, func(t *testing.T, m *model) {
		megabytes := soakNumber(t, "SOAK_BACKUP_MB", 400)
		if m.name == "metrics-collector" { // of series, which are in memory as well
			megabytes /= 4
		}
		if m.shelf != nil { // what is delivered is in no database, and SPOOL_MAX_BYTES is a limit
			m.shelf.Close(true)
			m.settings = append(m.settings, "SPOOL_MAX_BYTES=2GB")
		}
		s := m.start(t, "MAX_SERIES_PER_PROJECT=100000")
		begin := time.Now()
		fill(t, m, s, int64(megabytes)*1e6)
		t.Logf("filled in %v", time.Since(begin).Round(time.Second))
		var b besideCopies
		copied := b.measure(t, m, s, soakNumber(t, "SOAK_BACKUP_ROUNDS", 6), 2)
		if ratio := float64(harness.Percentile(b.with, 99)) / float64(harness.Percentile(b.without, 99)); ratio > 20 {
			t.Errorf("p99 of writes is %.1f times as long while a copy is made", ratio)
		}
		info, err := os.Stat(copied)
		if err != nil {
			t.Fatal(err)
		}
		gigabytes := float64(info.Size()) / 1e9
		perGB := func(args ...string) float64 {
			begin := time.Now()
			if out, code := s.Run(args...); code != 0 {
				t.Errorf("%v exits %d: %s", args, code, out)
			}
			return time.Since(begin).Seconds() / gigabytes
		}
		copy := perGB("--backup", filepath.Join(t.TempDir(), "alone.db"))
		verify := perGB("--verify-backup", copied)
		if code, _ := s.Stop(); code != 0 {
			t.Errorf("exit code %d after SIGTERM", code)
		}
		restore := perGB("--restore", copied)
		pool(t, s.Database(), func(db *sql.DB) {
			var pages, size int64
			if err := db.QueryRow("SELECT page_count, page_size FROM pragma_page_count, pragma_page_size").Scan(&pages, &size); err != nil || pages*size != info.Size() { //nolint:noctx // a test
				t.Errorf("what was restored has %d bytes, the copy %d: %v", pages*size, info.Size(), err)
			}
		})
		begin = time.Now()
		s.Restart()
		start := time.Since(begin)
		harness.Note(t, "A7", m.name, "%.0f MB, %v", 1000*gigabytes, &b)
		harness.Note(t, "A7", m.name, "seconds for a GB, with nobody writing: copy %.1f, check %.1f, restore %.1f; start on it after %v", copy, verify, restore, start.Round(time.Millisecond))
	})
}
