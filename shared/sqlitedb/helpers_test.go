package sqlitedb_test

import (
	"database/sql"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/sqlitedb"
	_ "modernc.org/sqlite"
)

// rowsTable is the schema of most tests here.
var rowsTable = fstest.MapFS{
	"0001_start.sql": {Data: []byte(`CREATE TABLE rows (id INTEGER PRIMARY KEY, who INTEGER NOT NULL, body BLOB) STRICT;`)},
}

const insertRow = "INSERT INTO rows (who, body) VALUES (?, ?)"

// openPlain opens a file by database/sql alone, with the settings of the writer.
func openPlain(tb testing.TB, path string) *sql.DB {
	tb.Helper()
	pool, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { pool.Close() })
	if _, err := pool.ExecContext(tb.Context(), "CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, who INTEGER NOT NULL, body BLOB) STRICT"); err != nil {
		tb.Fatal(err)
	}
	return pool
}

func dbPath(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(tb.TempDir(), "data.db")
}

func mustOpen(tb testing.TB, path string, o sqlitedb.Options) *sqlitedb.DB {
	tb.Helper()
	if o.Migrations == nil {
		o.Migrations = rowsTable
	}
	db, err := sqlitedb.Open(tb.Context(), path, o)
	if err != nil {
		tb.Fatalf("Open(%s) = %v", path, err)
	}
	tb.Cleanup(func() { db.Close() })
	return db
}

// insert adds a row as who.
func insert(tb testing.TB, db *sqlitedb.DB, who int, body []byte) error {
	tb.Helper()
	return db.Write(tb.Context(), func(tx *sqlitedb.Tx) error {
		_, err := tx.Exec(insertRow, who, body)
		return err
	})
}

// people reads who is in the rows, in the order of arrival.
func people(tb testing.TB, db *sqlitedb.DB) []int {
	tb.Helper()
	rows, err := db.Read().QueryContext(tb.Context(), "SELECT who FROM rows ORDER BY id")
	if err != nil {
		tb.Fatal(err)
	}
	defer rows.Close()
	var all []int
	for rows.Next() {
		var who int
		if err := rows.Scan(&who); err != nil {
			tb.Fatal(err)
		}
		all = append(all, who)
	}
	if err := rows.Err(); err != nil {
		tb.Fatal(err)
	}
	return all
}

func wantUnavailable(tb testing.TB, what string, err error) {
	tb.Helper()
	var e *errs.Error
	if errs.KindOf(err) != errs.Unavailable {
		tb.Errorf("%s: error is %v, want an Unavailable one", what, err)
	} else if e = asError(err); e.RetryAfter <= 0 {
		tb.Errorf("%s: no time to wait in %+v", what, e)
	}
}
