package harness

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // the driver
)

// CheckDatabase copies the files of a database that nobody writes to, opens
// the copy as a program would after a crash, and fails the test if SQLite finds
// anything wrong with it.
func CheckDatabase(t testing.TB, path string) {
	t.Helper()
	dir := t.TempDir()
	for _, suffix := range []string{"", "-wal"} { // the third file, -shm, is made anew
		text, err := os.ReadFile(path + suffix)
		if os.IsNotExist(err) && suffix != "" {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "copy.db"+suffix), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, "copy.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for _, pragma := range []string{"integrity_check", "foreign_key_check"} {
		if findings := findings(t, db, pragma); len(findings) > 0 {
			t.Errorf("%s of %s: %s", pragma, filepath.Base(path), strings.Join(findings, "; "))
		}
	}
}

// findings are the rows of a PRAGMA that are not "ok".
func findings(t testing.TB, db *sql.DB, pragma string) (all []string) {
	t.Helper()
	rows, err := db.Query("PRAGMA " + pragma) //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var finding sql.NullString
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		into := []any{&finding}
		for range columns[1:] {
			into = append(into, new(any))
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		if finding.String != "ok" {
			all = append(all, finding.String)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// Count is the number that a query of one value has in a database which a service
// may be writing to.
func Count(t testing.TB, path, query string) (n int64) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro&_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}
