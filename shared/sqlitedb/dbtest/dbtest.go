// Package dbtest makes databases for tests.
package dbtest

import (
	"context"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/monlight/monlight/shared/sqlitedb"
)

// Open returns a new database in a temporary folder. When the test ends, the
// database is checked and closed.
func Open(tb testing.TB, migrations fs.FS) *sqlitedb.DB {
	tb.Helper()
	return OpenWith(tb, filepath.Join(tb.TempDir(), "test.db"), sqlitedb.Options{Migrations: migrations})
}

// OpenWith is Open for a file and options of the test's own. The file may exist.
func OpenWith(tb testing.TB, path string, o sqlitedb.Options) *sqlitedb.DB {
	tb.Helper()
	db, err := sqlitedb.Open(tb.Context(), path, o)
	if err != nil {
		tb.Fatalf("open %s: %v", path, err)
	}
	tb.Cleanup(func() {
		ctx := context.WithoutCancel(tb.Context()) // which has ended by now
		if err := db.Check(ctx); err != nil {
			tb.Errorf("after the test: %v", err)
		}
		if err := db.Close(); err != nil {
			tb.Errorf("close %s: %v", path, err)
		}
	})
	return db
}
