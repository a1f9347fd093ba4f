package sqlitedb_test

import (
	"bytes"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/shared/sqlitedb"
)

// TestSQLiteSaysFull needs no small disk: SQLite is told that the file may not grow.
func TestSQLiteSaysFull(t *testing.T) {
	db := mustOpen(t, dbPath(t), sqlitedb.Options{})
	limit := func(pages string) {
		t.Helper()
		err := db.Maintain(t.Context(), func(tx *sqlitedb.Tx) error {
			var n int64
			return tx.QueryRow("PRAGMA max_page_count=" + pages).Scan(&n)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	limit("30")
	body := make([]byte, 8000)
	stored := 0
	var err error
	for range 100 {
		if err = insert(t, db, 1, body); err != nil {
			break
		}
		stored++
	}
	wantUnavailable(t, "full", err)
	if got := len(people(t, db)); got != stored || stored == 0 {
		t.Errorf("%d rows, want the %d that were acknowledged", got, stored)
	}
	// The others of a batch in which one finds the disk full are told the truth.
	h := hold(t, db, func(*sqlitedb.Tx) error { return errOwn })
	results := make(chan error, 3)
	for who, size := range []int{10, 80_000, 20} {
		go func() { results <- insert(t, db, 100+who, make([]byte, size)) }()
		queued(t, db, who+1)
	}
	close(h.release)
	ok := 0
	for range 3 {
		if err := <-results; err == nil {
			ok++
		} else {
			wantUnavailable(t, "in a batch", err)
		}
	}
	if got := len(people(t, db)); got != stored+ok {
		t.Errorf("%d rows, want %d", got, stored+ok)
	}
	limit("1000000")
	if err := insert(t, db, 2, body); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if err := db.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// smallDisk mounts a disk of 8 MB. That takes root; it is what the build runs as.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Fatalf("cannot mount a small disk, which takes root: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return dir
}

func TestTheFloorKeepsRoomForRetention(t *testing.T) {
	dir := smallDisk(t)
	var log bytes.Buffer
	db := mustOpen(t, filepath.Join(dir, "data.db"), sqlitedb.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	body := bytes.Repeat([]byte("payload "), 500)
	refused, stored := 0, 0 // refused one after the other
	for range 5000 {
		if err := insert(t, db, stored, body); err != nil {
			wantUnavailable(t, "low disk", err)
			if refused++; refused > 20 {
				break
			}
			time.Sleep(20 * time.Millisecond) // the log is being emptied: that may make room once more
			continue
		}
		stored++
		refused = 0
	}
	st := db.Stats()
	if refused == 0 || !st.DiskLow || st.RefusedDisk == 0 || st.DiskFree <= 0 || st.MinFree != 1<<20 {
		t.Fatalf("%d of 5000 refused, stats are %+v: want refusals with an eighth of 8 MB left", refused, st)
	}
	if n := strings.Count(log.String(), "disk low"); n != 1 {
		t.Errorf("the log says so %d times, want once a minute:\n%s", n, log.String())
	}
	if got := len(people(t, db)); got != stored {
		t.Errorf("%d rows can be read, want %d", got, stored)
	}
	// Retention works, and makes room.
	deleted := 0
	for id := range stored * 3 / 4 {
		err := db.Maintain(t.Context(), func(tx *sqlitedb.Tx) error {
			_, err := tx.Exec("DELETE FROM rows WHERE id = ?", id+1)
			return err
		})
		if err != nil {
			t.Fatalf("delete number %d on the low disk: %v", id, err)
		}
		deleted++
	}
	compact(t, db)
	time.Sleep(150 * time.Millisecond) // it asks ten times a second
	if err := insert(t, db, 1, body); err != nil {
		t.Errorf("after %d of %d rows were deleted: %v (stats %+v)", deleted, stored, err, db.Stats())
	}
	if !strings.Contains(log.String(), "room again") {
		t.Errorf("the log does not say that it is over:\n%s", log.String())
	}
}

func TestAFullDiskIsLeftBehindWithoutARestart(t *testing.T) {
	dir := smallDisk(t)
	db := mustOpen(t, filepath.Join(dir, "data.db"), sqlitedb.Options{MinFreeBytes: -1}) // no floor: SQLite hits the end
	body := bytes.Repeat([]byte("payload "), 500)
	stored := 0
	var err error
	for range 5000 {
		if err = insert(t, db, stored, body); err != nil {
			break
		}
		stored++
	}
	wantUnavailable(t, "full disk", err)
	if got := len(people(t, db)); got != stored {
		t.Errorf("%d rows, want the %d that were acknowledged", got, stored)
	}
	if out, err := exec.CommandContext(t.Context(), "mount", "-o", "remount,size=16m", dir).CombinedOutput(); err != nil {
		t.Fatalf("remount: %v: %s", err, out)
	}
	for range 20 {
		if err := insert(t, db, stored, body); err != nil {
			t.Fatalf("with room again: %v", err)
		}
		stored++
	}
	if got := len(people(t, db)); got != stored {
		t.Errorf("%d rows, want %d", got, stored)
	}
	if err := db.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if err := db.Backup(t.Context(), filepath.Join(dir, "backup.db")); err == nil {
		t.Error("a backup fit where there is no room for it")
	}
	if _, err := os.Stat(filepath.Join(dir, "backup.db")); err == nil {
		t.Error("half a backup is left")
	}
}
