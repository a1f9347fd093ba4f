package sqlitedb_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/monlight/monlight/shared/sqlitedb"
)

var notes = fstest.MapFS{"0001_start.sql": {Data: []byte(`CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT) STRICT;
	CREATE TABLE "odd ""name" (id INTEGER PRIMARY KEY) STRICT;`)}}

// backedUp returns the path of a backup with rows rows in the table notes.
func backedUp(t *testing.T, rows int) string {
	t.Helper()
	dir := t.TempDir()
	db, err := sqlitedb.Open(t.Context(), filepath.Join(dir, "notes.db"), sqlitedb.Options{Migrations: notes, ApplicationID: 7, MinFreeBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Write(t.Context(), func(tx *sqlitedb.Tx) error {
		for range rows {
			if _, err := tx.Exec("INSERT INTO notes (body) VALUES (hex(randomblob(500)))"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, "copy.db")
	if err := db.Backup(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	return copied
}

func TestVerifyCountsWhatIsInABackup(t *testing.T) {
	got, err := sqlitedb.Verify(t.Context(), backedUp(t, 123), sqlitedb.Options{Migrations: notes, ApplicationID: 7})
	if err != nil {
		t.Fatal(err)
	}
	want := sqlitedb.Contents{Version: 1, Tables: []sqlitedb.TableRows{{Table: "notes", Rows: 123}, {Table: `odd "name`, Rows: 0}}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("contents (-want +got):\n%s", d)
	}
}

func TestVerifyRefusesWhatIsNotAWholeBackupOfTheService(t *testing.T) {
	good := backedUp(t, 200)
	whole, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	file := func(content []byte) string {
		path := filepath.Join(t.TempDir(), "x.db")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	torn := append([]byte(nil), whole...)
	copy(torn[len(torn)/2:], make([]byte, 8192)) // two pages of zeros
	damaged := map[string]string{
		"cut":            file(whole[:len(whole)/2]),
		"zeros inside":   file(torn),
		"not a database": file([]byte("Traceback (most recent call last)\n")),
	}
	for name, path := range damaged {
		_, err := sqlitedb.Verify(t.Context(), path, sqlitedb.Options{Migrations: notes, ApplicationID: 7})
		if _, ok := errors.AsType[*sqlitedb.DamageError](err); !ok {
			t.Errorf("%s: %v, want a DamageError", name, err)
		}
	}
	if _, err := sqlitedb.Verify(t.Context(), good, sqlitedb.Options{Migrations: notes, ApplicationID: 8}); err == nil {
		t.Error("a backup of another service passed")
	}
	if _, err := sqlitedb.Verify(t.Context(), filepath.Join(t.TempDir(), "none.db"), sqlitedb.Options{Migrations: notes}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// rowsAt counts the notes of the database at path by opening it.
func rowsAt(t *testing.T, path string) (n int64) {
	t.Helper()
	db, err := sqlitedb.Open(t.Context(), path, sqlitedb.Options{Migrations: notes, ApplicationID: 7, MinFreeBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Read().QueryRowContext(t.Context(), "SELECT count(*) FROM notes").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRestoreReplacesADatabaseWithItsLog(t *testing.T) {
	backup, err := os.ReadFile(backedUp(t, 40))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "notes.db")
	o := sqlitedb.Options{Migrations: notes, ApplicationID: 7, MinFreeBytes: -1, LockTime: -1}
	db, err := sqlitedb.Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Write(t.Context(), func(tx *sqlitedb.Tx) error { _, err := tx.Exec("INSERT INTO notes (body) VALUES ('old')"); return err }); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlitedb.Restore(t.Context(), bytes.NewReader(backup), path, o); err == nil {
		t.Error("a database that is in use was replaced")
	}
	wal, err := os.ReadFile(path + "-wal")
	if err != nil || len(wal) == 0 {
		t.Fatalf("no log to be replaced: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+"-wal", wal, 0o600); err != nil { // as a kill leaves it
		t.Fatal(err)
	}
	if _, err := sqlitedb.Restore(t.Context(), bytes.NewReader(backup[:len(backup)/2]), path, o); err == nil {
		t.Error("half a backup was restored")
	}
	if n := rowsAt(t, path); n != 1 {
		t.Errorf("after a refused backup: %d notes, want the 1 from before", n)
	}
	found, err := sqlitedb.Restore(t.Context(), bytes.NewReader(backup), path, o)
	if n := rowsAt(t, path); err != nil || n != 40 || found.Tables[0].Rows != 40 {
		t.Errorf("restored %d notes, %v, %v, want 40", n, found, err)
	}
	if left, _ := filepath.Glob(path + ".restored*"); left != nil {
		t.Errorf("left behind: %v", left)
	}
}
