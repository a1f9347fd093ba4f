// Package backup copies a service's database on a schedule and forgets the
// oldest copies.
package backup

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/monlight/monlight/shared/config"
)

// Settings say when and where.
type Settings struct {
	Dir   string        // "" is no schedule
	Every time.Duration // from one copy to the next
	Keep  int           // copies
}

// Load reads the settings from env.
func Load(env *config.Env) Settings {
	return Settings{
		Dir:   env.String("BACKUP_DIR", "", "folder for scheduled copies of the database; unset makes none"),
		Every: env.Duration("BACKUP_EVERY", 24*time.Hour, time.Minute, 90*24*time.Hour, "time from one scheduled copy to the next"),
		Keep:  env.Int("BACKUP_KEEP", 7, 1, 10_000, "scheduled copies kept; the oldest are deleted"),
	}
}

// retry is the pause after a copy that failed.
const retry = 5 * time.Minute

// stamp is the time in the name of a copy.
const stamp = "2006-01-02_150405"

// Schedule makes the copies. It is safe for concurrent use.
type Schedule struct {
	name string
	s    Settings
	copy func(ctx context.Context, dst string) error
	now  func() time.Time
	log  *slog.Logger

	last   atomic.Int64 // Unix seconds of the newest copy, 0 if there is none
	failed atomic.Int64
}

// New returns the schedule of the service called name. copy writes a checked
// copy of its database to a path, in one step, as sqlitedb.DB.Backup does.
func New(name string, s Settings, copy func(ctx context.Context, dst string) error, now func() time.Time, log *slog.Logger) *Schedule {
	return &Schedule{name: name, s: s, copy: copy, now: now, log: log}
}

// Run makes copies until ctx is done: the first as soon as the newest one in
// the folder is old enough, whoever made that and whenever the service started.
func (s *Schedule) Run(ctx context.Context) error {
	for {
		wait := s.due()
		if wait <= 0 {
			wait = s.make(ctx)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// due is the time until the next copy.
func (s *Schedule) due() time.Duration {
	copies := s.copies()
	if len(copies) == 0 {
		return 0
	}
	newest, ok := s.madeAt(copies[len(copies)-1])
	if !ok {
		return 0
	}
	s.last.Store(newest.Unix())
	// A clock that was set back must not end the copies.
	return min(newest.Add(s.s.Every).Sub(s.now()), s.s.Every)
}

// make makes one copy and returns the time until the next.
func (s *Schedule) make(ctx context.Context) time.Duration {
	began := s.now()
	path := filepath.Join(s.s.Dir, s.name+"_"+began.UTC().Format(stamp)+".db")
	err := os.MkdirAll(s.s.Dir, 0o700)
	if err == nil {
		err = s.copy(ctx, path)
	}
	if err != nil {
		if ctx.Err() == nil {
			s.failed.Add(1)
			s.log.ErrorContext(ctx, "backup failed", "path", path, "err", err)
		}
		return min(retry, s.s.Every)
	}
	s.last.Store(began.Unix())
	s.log.InfoContext(ctx, "backup made", "path", path, "duration_ms", s.now().Sub(began).Milliseconds())
	if err := s.forget(); err != nil {
		s.log.ErrorContext(ctx, "old backup not deleted", "err", err)
	}
	return s.s.Every
}

// forget deletes the oldest copies over the number to keep.
func (s *Schedule) forget() error {
	copies := s.copies()
	for len(copies) > s.s.Keep {
		if err := os.Remove(copies[0]); err != nil {
			return fmt.Errorf("delete %s: %w", copies[0], err)
		}
		copies = copies[1:]
	}
	return nil
}

// copies are the paths of the copies in the folder, oldest first.
func (s *Schedule) copies() []string {
	found, err := filepath.Glob(filepath.Join(s.s.Dir, s.name+"_*.db"))
	if err != nil {
		return nil // a folder whose name is a broken pattern; the copy itself will say so
	}
	found = slices.DeleteFunc(found, func(path string) bool { _, ok := s.madeAt(path); return !ok })
	slices.Sort(found)
	return found
}

// madeAt reads the time in the name of a copy.
func (s *Schedule) madeAt(path string) (time.Time, bool) {
	name := filepath.Base(path)
	if len(name) != len(s.name)+len("_")+len(stamp)+len(".db") {
		return time.Time{}, false
	}
	t, err := time.Parse(stamp, name[len(s.name)+1:len(name)-len(".db")])
	return t, err == nil
}
