package sqlitedb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"time"
)

type migration struct {
	number int
	name   string
	script string
}

var migrationName = regexp.MustCompile(`^(\d{4})_[a-z0-9_]+\.sql$`)

// loadMigrations reads the files in the order of their numbers, which have to
// be 1, 2, 3, ….
func loadMigrations(fsys fs.FS) ([]migration, error) {
	if fsys == nil {
		return nil, errors.New("no migrations were given")
	}
	if sub, err := fs.Stat(fsys, "migrations"); err == nil && sub.IsDir() {
		if fsys, err = fs.Sub(fsys, "migrations"); err != nil {
			return nil, fmt.Errorf("read migrations: %w", err)
		}
	}
	files, err := fs.Glob(fsys, "*.sql")
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	slices.Sort(files)
	var all []migration
	for i, name := range files {
		m := migrationName.FindStringSubmatch(name)
		if m == nil {
			return nil, fmt.Errorf("migration %s: want a name like 0001_start.sql", name)
		}
		number, err := strconv.Atoi(m[1])
		if err != nil || number != i+1 {
			return nil, fmt.Errorf("migration %s: want number %04d, they count up from 0001 without gaps", name, i+1)
		}
		script, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("migration %s: %w", name, err)
		}
		all = append(all, migration{number, name, string(script)})
	}
	if len(all) == 0 {
		return nil, errors.New("no migrations were given")
	}
	return all, nil
}

// migrate applies what is missing, each in one transaction together with the
// new number in user_version, so that a kill leaves the one or the other.
func migrate(ctx context.Context, c *conn, all []migration, applicationID int32, log *slog.Logger) (version int, err error) {
	var v int64
	if err := c.ints(ctx, "PRAGMA user_version", &v); err != nil {
		return 0, err
	}
	for _, m := range all[min(int(v), len(all)):] {
		start := time.Now()
		if err := ctx.Err(); err != nil {
			return int(v), err
		}
		if err := applyMigration(c, m, applicationID); err != nil {
			return int(v), fmt.Errorf("migration %s: %w", m.name, err)
		}
		v = int64(m.number)
		log.InfoContext(ctx, "database migrated", "migration", m.name, "duration_ms", time.Since(start).Milliseconds())
	}
	return int(v), nil
}

func applyMigration(c *conn, m migration, applicationID int32) error {
	if err := c.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := func() error {
		// The driver runs scripts of several statements.
		if _, err := c.c.ExecContext(context.Background(), m.script, nil); err != nil {
			return err
		}
		if m.number == 1 && applicationID != 0 {
			if err := c.exec("PRAGMA application_id=" + strconv.Itoa(int(applicationID))); err != nil {
				return err
			}
		}
		if err := c.exec("PRAGMA user_version=" + strconv.Itoa(m.number)); err != nil {
			return err
		}
		return c.exec("COMMIT")
	}()
	if err != nil {
		// Without a transaction there is nothing to take back, and the first error says why.
		_ = c.exec("ROLLBACK")
	}
	return err
}

// Newest is the number of the newest migration, which a database has after Open.
func Newest(migrations fs.FS) (int, error) {
	all, err := loadMigrations(migrations)
	return len(all), err
}
