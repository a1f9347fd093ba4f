package sqlitedb_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/monlight/monlight/shared/sqlitedb"
)

func TestOpenMakesAFileThatIsItsOwnersAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "we?ird #1 %41", "data.db")
	db := mustOpen(t, path, sqlitedb.Options{})
	if err := insert(t, db, 1, nil); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{
		path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600, filepath.Dir(path): 0o700, filepath.Dir(filepath.Dir(path)): 0o700,
	} {
		fi, err := os.Stat(name)
		if err != nil {
			t.Error(err)
		} else if fi.Mode().Perm() != want {
			t.Errorf("%s has mode %o, want %o", name, fi.Mode().Perm(), want)
		}
	}
}

func TestAFileThatIsOpenElsewhereIsRefused(t *testing.T) {
	path := dbPath(t)
	db := mustOpen(t, path, sqlitedb.Options{})
	if _, err := sqlitedb.Open(t.Context(), path, sqlitedb.Options{Migrations: rowsTable, LockTime: -1}); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "another process") {
		t.Errorf("second Open = %v, want an error that says why", err)
	}
	if err := insert(t, db, 1, nil); err != nil {
		t.Errorf("the first one: %v", err)
	}
	db.Close()
	mustOpen(t, path, sqlitedb.Options{})
}

func TestOpenRefusesAPathThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, filepath.Join(file, "data.db")} {
		if _, err := sqlitedb.Open(t.Context(), path, sqlitedb.Options{Migrations: rowsTable}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("Open(%s) = %v, want an error with the path", path, err)
		}
	}
}

// withRows makes a database of some hundred pages and leaves it closed.
func withRows(t *testing.T, o sqlitedb.Options) string {
	t.Helper()
	path := dbPath(t)
	db := mustOpen(t, path, o)
	for who := range 300 {
		if err := insert(t, db, who, bytes.Repeat([]byte{byte(who)}, 2000)); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestADamagedFileIsRefusedAndLeftAlone(t *testing.T) {
	overwrite := func(at int64, with ...byte) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.WriteAt(with, at); err != nil {
				t.Fatal(err)
			}
		}
	}
	replace := func(content string) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	cut := func(size int64) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			if err := os.Truncate(path, size); err != nil {
				t.Fatal(err)
			}
		}
	}
	both := func(a, b func(t *testing.T, path string)) func(t *testing.T, path string) {
		return func(t *testing.T, path string) { a(t, path); b(t, path) }
	}
	wal := func(t *testing.T, path string) {
		if err := os.WriteFile(path+"-wal", bytes.Repeat([]byte("log"), 5000), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var ff [200]byte
	for i := range ff {
		ff[i] = 0xff
	}
	tests := map[string]struct {
		damage  func(t *testing.T, path string)
		finding string
	}{
		"text":                          {replace("these are not the bytes you are looking for\n" + strings.Repeat("x", 10_000)), "not a SQLite database"},
		"a few bytes of text":           {replace("hello"), "fewer than the header"},
		"header magic":                  {overwrite(3, 'X'), "not a SQLite database"},
		"page size":                     {overwrite(16, 0, 7), "page size"},
		"schema page":                   {overwrite(100, ff[:]...), "malformed"},
		"b-tree page":                   {overwrite(4096*9, ff[:]...), "malformed"},
		"page type":                     {overwrite(4096*40, 0x77), "malformed"},
		"cell pointers":                 {overwrite(4096*40+8, ff[:20]...), "page"},
		"half of the file":              {cut(4096 * 70), "the end is missing"},
		"the last page cut":             {cut(4096*70 + 17), "the end is missing"},
		"header only":                   {cut(100), "the end is missing"},
		"zeros":                         {replace(string(make([]byte, 20_000))), "not a SQLite database"},
		"empty with a log":              {both(cut(0), wal), "is empty, but"},
		"gone, but for the log":         {both(func(t *testing.T, path string) { os.Remove(path) }, wal), "is missing, but"},
		"truncated with a log of waste": {both(cut(4096*70), wal), ""},
		"free list":                     {overwrite(32, 0, 0, 0x7f, 0, 0, 0, 0, 9), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := withRows(t, sqlitedb.Options{})
			tt.damage(t, path)
			before := readFiles(t, path)
			db, err := sqlitedb.Open(t.Context(), path, sqlitedb.Options{Migrations: rowsTable})
			if err == nil {
				db.Close()
				t.Fatal("it was opened")
			}
			damage, ok := errors.AsType[*sqlitedb.DamageError](err)
			if !ok {
				t.Fatalf("error is %v, want a DamageError", err)
			}
			if damage.Path != path || !strings.Contains(err.Error(), path) || !strings.Contains(damage.Finding, tt.finding) || !strings.Contains(err.Error(), "backup") {
				t.Errorf("error is %q, want the path, %q and how to go back to a backup", err, tt.finding)
			}
			if after := readFiles(t, path); before != after {
				t.Error("the files were changed")
			}
		})
	}
}

// readFiles is the content of a database's files.
func readFiles(t *testing.T, path string) (content [2]string) {
	t.Helper()
	for i, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(path + suffix)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		content[i] = string(b)
	}
	return content
}

func TestAnEmptyFileIsANewDatabase(t *testing.T) {
	path := dbPath(t)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := insert(t, mustOpen(t, path, sqlitedb.Options{}), 1, nil); err != nil {
		t.Error(err)
	}
}

func TestOthersDatabasesAreRefused(t *testing.T) {
	t.Run("without our versions", func(t *testing.T) {
		path := dbPath(t)
		openPlain(t, path).Close()
		before := readFiles(t, path)
		_, err := sqlitedb.Open(t.Context(), path, sqlitedb.Options{Migrations: rowsTable})
		if err == nil || !strings.Contains(err.Error(), "another program") {
			t.Errorf("Open = %v, want a refusal", err)
		}
		if readFiles(t, path) != before {
			t.Error("the file was changed")
		}
	})
	t.Run("with another application's mark", func(t *testing.T) {
		path := withRows(t, sqlitedb.Options{ApplicationID: 1})
		if _, err := sqlitedb.Open(t.Context(), path, sqlitedb.Options{Migrations: rowsTable, ApplicationID: 2}); err == nil || !strings.Contains(err.Error(), "another program") {
			t.Errorf("Open = %v, want a refusal", err)
		}
		mustOpen(t, path, sqlitedb.Options{ApplicationID: 1})
	})
}

// versions are schemas that build on each other.
func versions(n int) fstest.MapFS {
	all := fstest.MapFS{
		"migrations/0001_start.sql":  rowsTable["0001_start.sql"],
		"migrations/0002_more.sql":   {Data: []byte("-- a comment\nALTER TABLE rows ADD COLUMN more TEXT; UPDATE rows SET more = 'x' || who;")},
		"migrations/0003_table.sql":  {Data: []byte("CREATE TABLE other (id INTEGER PRIMARY KEY) STRICT; CREATE INDEX i ON rows (who);")},
		"migrations/0004_broken.sql": {Data: []byte("CREATE TABLE fourth (id INTEGER) STRICT; INSERT INTO fourth VALUES (1); INSERT INTO nowhere VALUES (1);")},
	}
	fsys := fstest.MapFS{}
	for name, f := range all {
		if int(name[len("migrations/000")]-'0') <= n {
			fsys[name] = f
		}
	}
	return fsys
}

func TestMigrationsRunOnceAndInOrder(t *testing.T) {
	path := dbPath(t)
	db := mustOpen(t, path, sqlitedb.Options{Migrations: versions(1)})
	if err := insert(t, db, 7, nil); err != nil {
		t.Fatal(err)
	}
	db.Close()
	for range 2 {
		db = mustOpen(t, path, sqlitedb.Options{Migrations: versions(3)})
		var more string
		if err := db.Read().QueryRowContext(t.Context(), "SELECT more FROM rows").Scan(&more); err != nil || more != "x7" || db.Version() != 3 {
			t.Errorf("row has %q (%v), version %d, want x7 and 3", more, err, db.Version())
		}
		db.Close()
	}
}

func TestANewerDatabaseIsRefused(t *testing.T) {
	path := dbPath(t)
	mustOpen(t, path, sqlitedb.Options{Migrations: versions(3)}).Close()
	before := readFiles(t, path)
	_, err := sqlitedb.Open(t.Context(), path, sqlitedb.Options{Migrations: versions(1)})
	newer, ok := errors.AsType[*sqlitedb.NewerError](err)
	if !ok || newer.Version != 3 || newer.Supported != 1 || !strings.Contains(err.Error(), "version 3") || !strings.Contains(err.Error(), "up to 1") {
		t.Errorf("Open = %v, want a refusal that names both versions", err)
	}
	if readFiles(t, path) != before {
		t.Error("the file was changed")
	}
}

func TestAMigrationThatFailsLeavesTheVersionBefore(t *testing.T) {
	path := dbPath(t)
	_, err := sqlitedb.Open(t.Context(), path, sqlitedb.Options{Migrations: versions(4)})
	if err == nil || !strings.Contains(err.Error(), "0004_broken.sql") || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("Open = %v, want an error that names the migration", err)
	}
	db := mustOpen(t, path, sqlitedb.Options{Migrations: versions(3)})
	var n int
	if err := db.Read().QueryRowContext(t.Context(), "SELECT count(*) FROM sqlite_schema WHERE name = 'fourth'").Scan(&n); err != nil || n != 0 {
		t.Errorf("the failed migration left %d tables (%v)", n, err)
	}
}

func TestMigrationFilesAreChecked(t *testing.T) {
	tests := map[string]fstest.MapFS{
		"none":              {},
		"a gap":             {"0001_a.sql": {}, "0003_b.sql": {}},
		"a double":          {"0001_a.sql": {}, "0001_b.sql": {}},
		"not from one":      {"0002_a.sql": {}},
		"no number":         {"start.sql": {}},
		"ends transactions": {"0001_a.sql": {Data: []byte("CREATE TABLE a (b); COMMIT;")}},
	}
	for name, fsys := range tests {
		if db, err := sqlitedb.Open(t.Context(), dbPath(t), sqlitedb.Options{Migrations: fsys}); err == nil {
			db.Close()
			t.Errorf("%s: it was opened", name)
		}
	}
	if _, err := sqlitedb.Open(t.Context(), dbPath(t), sqlitedb.Options{}); err == nil {
		t.Error("no migrations at all: it was opened")
	}
}

func TestALargeFileOpensWithinTheCheckTime(t *testing.T) {
	path := dbPath(t)
	db := mustOpen(t, path, sqlitedb.Options{})
	err := db.Write(t.Context(), func(tx *sqlitedb.Tx) error {
		_, err := tx.Exec("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500000) INSERT INTO rows (who, body) SELECT i, randomblob(20) FROM n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	start := time.Now()
	mustOpen(t, path, sqlitedb.Options{CheckTime: time.Millisecond}).Close()
	limited := time.Since(start)
	start = time.Now()
	mustOpen(t, path, sqlitedb.Options{CheckTime: time.Minute}).Close()
	whole := time.Since(start)
	t.Logf("opened in %v with the shortest check, in %v with all of it", limited, whole)
	if limited > whole {
		t.Errorf("the bounded check took longer (%v) than the whole one (%v)", limited, whole)
	}
}

func TestTheHeaderIsReadAsItIsWritten(t *testing.T) {
	path := withRows(t, sqlitedb.Options{})
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if pages := binary.BigEndian.Uint32(b[28:]); int(pages)*4096 != len(b) {
		t.Errorf("%d bytes, the header says %d pages of 4096: the check for missing ends is not right", len(b), pages)
	}
}

func TestPageSizeIsThatOfTheOptions(t *testing.T) {
	db := mustOpen(t, filepath.Join(t.TempDir(), "pages.db"), sqlitedb.Options{PageSize: 8192})
	var size, vacuum int
	if err := db.Read().QueryRow("SELECT (SELECT page_size FROM pragma_page_size), (SELECT auto_vacuum FROM pragma_auto_vacuum)").Scan(&size, &vacuum); err != nil {
		t.Fatal(err)
	}
	if size != 8192 || vacuum != 2 {
		t.Errorf("page size %d and auto_vacuum %d, want 8192 and 2", size, vacuum)
	}
}
