package backup_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/monlight/monlight/shared/backup"
)

// names lists the folder.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func write(_ context.Context, dst string) error { return os.WriteFile(dst, []byte("copy"), 0o600) }

func TestCopiesAreMadeOnTimeAndTheOldestForgotten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "backups")
	synctest.Test(t, func(t *testing.T) {
		s := backup.New("notes", backup.Settings{Dir: dir, Every: 6 * time.Hour, Keep: 2}, write, time.Now, slog.New(slog.DiscardHandler))
		ctx, stop := context.WithCancel(t.Context())
		go func() { _ = s.Run(ctx) }()
		time.Sleep(13 * time.Hour) // synctest begins at 2000-01-01 00:00 UTC
		synctest.Wait()
		if d := cmp.Diff([]string{"notes_2000-01-01_060000.db", "notes_2000-01-01_120000.db"}, names(t, dir)); d != "" {
			t.Errorf("after 13 hours (-want +got):\n%s", d)
		}
		stop()
		synctest.Wait()

		// A restart goes on where the schedule was, and touches no other file.
		for _, other := range []string{"notes_by-hand.db", "others_2000-01-01_000000.db", "notes_2000-01-01_000000.db.part"} {
			if err := write(ctx, filepath.Join(dir, other)); err != nil {
				t.Fatal(err)
			}
		}
		ctx, stop = context.WithCancel(t.Context())
		defer stop()
		go func() {
			_ = backup.New("notes", backup.Settings{Dir: dir, Every: 6 * time.Hour, Keep: 2}, write, time.Now, slog.New(slog.DiscardHandler)).Run(ctx)
		}()
		time.Sleep(4 * time.Hour)
		synctest.Wait()
		want := []string{"notes_2000-01-01_000000.db.part", "notes_2000-01-01_060000.db", "notes_2000-01-01_120000.db", "notes_by-hand.db", "others_2000-01-01_000000.db"}
		if d := cmp.Diff(want, names(t, dir)); d != "" {
			t.Errorf("an hour before the next copy (-want +got):\n%s", d)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		want[1], want[2] = "notes_2000-01-01_120000.db", "notes_2000-01-01_180000.db"
		if d := cmp.Diff(want, names(t, dir)); d != "" {
			t.Errorf("after the next copy (-want +got):\n%s", d)
		}
	})
}

func TestACopyThatFailsIsTriedAgainSoon(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		s := backup.New("notes", backup.Settings{Dir: dir, Every: 24 * time.Hour, Keep: 2}, func(ctx context.Context, dst string) error {
			if tries++; tries < 3 {
				return errors.New("disk full")
			}
			return write(ctx, dst)
		}, time.Now, slog.New(slog.DiscardHandler))
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go func() { _ = s.Run(ctx) }()
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := names(t, dir); tries != 3 || len(got) != 1 {
			t.Errorf("%d tries and %v after an hour, want 3 tries and one copy", tries, got)
		}
	})
}
