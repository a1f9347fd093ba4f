package promises

import (
	"bytes"
	"compress/gzip"
	"database/sql"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// goldenItems is how many items each golden database has.
const goldenItems = 20

// A8: a database of every schema there has been is taken over, with all its
// items, also when the service is killed at any write of the migration.
//
// A golden database is written by the binaries of its time, when the schema
// changes: E2E_BIN=… GOLDEN=write go test ./promises -run Golden
func TestGoldenDatabasesAreTakenOver(t *testing.T) {
	each(t, func(t *testing.T, m *model) {
		if os.Getenv("GOLDEN") == "write" {
			writeGolden(t, m)
			return
		}
		golden, err := filepath.Glob(filepath.Join("testdata", "golden", m.name+"-*.db.gz"))
		if err != nil || len(golden) == 0 {
			t.Fatalf("no golden database of %s: %v", m.name, err)
		}
		newest := schemaOf(t, m.start(t))
		kills := 0
		for i, file := range golden {
			if i == len(golden)-1 && !strings.HasSuffix(file, fmt.Sprintf("-%04d.db.gz", newest)) {
				t.Logf("the schema is %d, and %s is the newest golden database: write one before it is released", newest, file)
			}
			most := min(soakNumber(t, "SOAK_SYSCALLS", 4), 24) / 2
			for k := 0; k <= most; k++ {
				dir := t.TempDir()
				database := filepath.Join(dir, m.name+".db")
				unpack(t, file, database)
				if m.anew != "" {
					pool(t, database, func(db *sql.DB) {
						if _, err := db.Exec(m.anew, time.Now().UnixMilli()); err != nil { //nolint:noctx // a test
							t.Fatal(err)
						}
					})
				}
				if m.shelf != nil {
					m.shelf.Forget()
				}
				s := m.attachedIn(t, dir, m.forever...)
				if k > 0 && !s.RestartUnder(tracer(t, "-o", "/dev/null", "-e", "trace=pwrite64", "-e", inject("pwrite64", "signal=SIGKILL", k))...) {
					kills++
				}
				s.Kill()
				s.Restart()
				var all []int
				for n := range goldenItems {
					all = append(all, n)
				}
				l := newLoad(m, s)
				l.next = goldenItems
				l.one()
				compare(t, filepath.Base(file), append(l.acknowledged, all...), m.found(t, s))
				if got := schemaOf(t, s); got != newest {
					t.Errorf("%s, killed at write %d: the schema is %d, want %d", file, k, got, newest)
				}
				s.Kill()
				harness.CheckDatabase(t, s.Database())
			}
		}
		if kills == 0 {
			t.Error("no start was killed: the test saw too little")
		}
		harness.Note(t, "A8", m.name, "%d schemas, %d kills at a write of the start on them: all %d items there each time, damaged 0", len(golden), kills, goldenItems)
	})
}

// A database of a newer release is refused and left as it is.
func TestNewerDatabasesAreRefused(t *testing.T) {
	each(t, func(t *testing.T, m *model) {
		s := m.start(t)
		newLoad(m, s).one()
		if code, _ := s.Stop(); code != 0 {
			t.Fatalf("exit code %d", code)
		}
		newer := schemaOf(t, s) + 1
		pool(t, s.Database(), func(db *sql.DB) {
			if _, err := db.Exec(fmt.Sprintf("PRAGMA user_version = %d", newer)); err != nil { //nolint:noctx // a test
				t.Fatal(err)
			}
		})
		before := contents(t, s.Dir)
		if s.TryRestart() {
			t.Fatal("it started on a newer database")
		}
		if log := s.Log(); !strings.Contains(log, s.Database()) || !strings.Contains(log, "newer") {
			t.Errorf("it did not say why: %s", log[max(0, len(log)-500):])
		}
		if contents(t, s.Dir) != before {
			t.Error("the newer database was changed")
		}
		harness.Note(t, "A8", m.name, "a database of schema %d is refused by schema %d and left as it is", newer, newer-1)
	})
}

func writeGolden(t *testing.T, m *model) {
	t.Helper()
	s := m.start(t)
	if m.shelf != nil {
		m.shelf.Close(true)
	}
	l := newLoad(m, s)
	for l.next < goldenItems {
		if !l.one() {
			t.Fatalf("an item was refused: %v", l.odd)
		}
	}
	s.Kill() // with its log not yet in the database
	s.Restart()
	if code, _ := s.Stop(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	text, err := os.ReadFile(s.Database())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "golden", fmt.Sprintf("%s-%04d.db.gz", m.name, schemaOf(t, s)))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func unpack(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	r, err := gzip.NewReader(in)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// pool opens a database that nobody else has open for writing.
func pool(t testing.TB, path string, f func(*sql.DB)) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	f(db)
}

func schemaOf(t testing.TB, s *harness.Service) (version int) {
	t.Helper()
	pool(t, s.Database(), func(db *sql.DB) {
		if err := db.QueryRow("PRAGMA user_version").Scan(&version); err != nil { //nolint:noctx // a test
			t.Fatal(err)
		}
	})
	return version
}

// contents are the files of a folder, without those that hold nothing of their own.
func contents(t testing.TB, dir string) string {
	t.Helper()
	var all strings.Builder
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() || strings.HasSuffix(e.Name(), "-shm") || strings.HasSuffix(e.Name(), ".lock") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if len(text) > 0 {
			fmt.Fprintf(&all, "%s %d\n%s\n", e.Name(), len(text), text)
		}
	}
	return all.String()
}
