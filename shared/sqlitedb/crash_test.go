package sqlitedb_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/monlight/monlight/shared/sqlitedb"
)

// The tests in this file run the test binary again as a child and kill it. What
// the child is to do comes in these variables.
const (
	childJob  = "SQLITEDB_TEST_CHILD"
	childPath = "SQLITEDB_TEST_PATH"
	childFrom = "SQLITEDB_TEST_FROM"
)

func TestMain(m *testing.M) {
	jobs := map[string]func(path string) error{"write": childWrites, "migrate": childMigrates, "backup": childBacksUp}
	if job := jobs[os.Getenv(childJob)]; job != nil {
		if err := job(os.Getenv(childPath)); err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child starts the job in a process of its own. Its output can be read until
// the end, also after it was killed.
func child(t *testing.T, job, path string, env ...string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), append(env, childJob+"="+job, childPath+"="+path)...)
	cmd.Env = append(cmd.Env, "GORACE=atexit_sleep_ms=0") // else the race detector sleeps for a second at the end of a job
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out)
}

// childWrites writes numbers from several callers, and says each one after it
// was acknowledged.
func childWrites(path string) error {
	db, err := sqlitedb.Open(context.Background(), path, sqlitedb.Options{Migrations: rowsTable})
	if err != nil {
		return err
	}
	from, err := strconv.Atoi(os.Getenv(childFrom))
	if err != nil {
		return err
	}
	fmt.Println("open")
	var wg sync.WaitGroup
	for caller := range 8 {
		wg.Go(func() {
			for n := from + caller; ; n += 8 {
				err := db.Write(context.Background(), func(tx *sqlitedb.Tx) error {
					_, err := tx.Exec(insertRow, n, make([]byte, 500))
					return err
				})
				if err != nil {
					fmt.Fprintln(os.Stderr, "child:", err)
					os.Exit(1)
				}
				fmt.Println(n)
			}
		})
	}
	wg.Wait()
	return nil
}

func TestWhatWasAcknowledgedSurvivesAKill(t *testing.T) {
	const rounds = 30
	path := dbPath(t)
	acknowledged := map[int]bool{}
	for round := range rounds {
		from := round * 1_000_000
		cmd, out := child(t, "write", path, childFrom+"="+strconv.Itoa(from))
		if !out.Scan() || out.Text() != "open" {
			t.Fatalf("round %d: the child did not open the database: %q", round, out.Text())
		}
		timer := time.AfterFunc(time.Duration(rand.IntN(60_000))*time.Microsecond, func() { cmd.Process.Kill() })
		for out.Scan() {
			n, err := strconv.Atoi(out.Text())
			if err != nil {
				continue // a line that was cut by the kill was not heard by anyone
			}
			acknowledged[n] = true
		}
		timer.Stop()
		cmd.Wait()
	}
	db := mustOpen(t, path, sqlitedb.Options{})
	there := map[int]bool{}
	for _, who := range people(t, db) {
		if there[who] {
			t.Errorf("%d is there twice", who)
		}
		there[who] = true
	}
	lost := 0
	for n := range acknowledged {
		if !there[n] {
			lost++
		}
	}
	t.Logf("%d kills, %d writes acknowledged, %d found, %d lost", rounds, len(acknowledged), len(there), lost)
	if lost > 0 || len(acknowledged) < rounds {
		t.Errorf("%d of %d acknowledged writes are lost", lost, len(acknowledged))
	}
	if err := db.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// slowMigration takes long enough to be killed in the middle.
var slowMigration = fstest.MapFS{
	"0001_start.sql": rowsTable["0001_start.sql"],
	"0002_fill.sql": {Data: []byte(`CREATE TABLE filled (i INTEGER PRIMARY KEY, body BLOB) STRICT;
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO filled SELECT i, zeroblob(50) FROM n;
		CREATE INDEX filled_body ON filled (body, i);`)},
}

func childMigrates(path string) error {
	fmt.Println("start")
	db, err := sqlitedb.Open(context.Background(), path, sqlitedb.Options{Migrations: slowMigration})
	if err != nil {
		return err
	}
	fmt.Println("done")
	return db.Close()
}

// kill runs a job and kills it after a time; 0 is never. It returns how long
// the job took from its first line of output on.
func kill(t *testing.T, job, path string, after time.Duration) time.Duration {
	t.Helper()
	cmd, out := child(t, job, path)
	out.Scan()
	start := time.Now()
	if after > 0 {
		timer := time.AfterFunc(after, func() { cmd.Process.Kill() })
		defer timer.Stop()
	}
	for out.Scan() {
	}
	err := cmd.Wait()
	if after == 0 && err != nil {
		t.Fatalf("%s without a kill: %v", job, err)
	}
	return time.Since(start)
}

func TestAKillInAMigrationLeavesTheOldOrTheNew(t *testing.T) {
	fresh := func() string {
		path := dbPath(t)
		db := mustOpen(t, path, sqlitedb.Options{})
		if err := insert(t, db, 1, nil); err != nil {
			t.Fatal(err)
		}
		db.Close()
		return path
	}
	whole := kill(t, "migrate", fresh(), 0)
	const kills = 12
	path, old := fresh(), 0
	for n := range kills + 1 {
		if n < kills {
			kill(t, "migrate", path, whole*time.Duration(n+1)/kills)
		} else {
			kill(t, "migrate", path, 0)
		}
		pool := openPlain(t, path)
		var version, tables, rows int
		if err := pool.QueryRowContext(t.Context(), "PRAGMA user_version").Scan(&version); err != nil {
			t.Fatal(err)
		}
		if err := pool.QueryRowContext(t.Context(), "SELECT count(*) FROM sqlite_schema WHERE tbl_name = 'filled'").Scan(&tables); err != nil {
			t.Fatal(err)
		}
		if tables > 0 {
			if err := pool.QueryRowContext(t.Context(), "SELECT count(*) FROM filled").Scan(&rows); err != nil {
				t.Fatal(err)
			}
		}
		pool.Close()
		switch {
		case version == 1 && tables == 0 && n < kills:
			old++
		case version == 2 && tables == 2 && rows == 20000:
		default:
			t.Fatalf("after kill %d: version %d with %d tables and %d rows", n, version, tables, rows)
		}
	}
	t.Logf("%d of %d kills in %v left the old schema", old, kills, whole)
	if old == 0 {
		t.Error("no kill came in the middle: the test does not test")
	}
}

func childBacksUp(path string) error {
	fmt.Println("start")
	return sqlitedb.Copy(context.Background(), path, path+".backup")
}

func TestAKillInABackupLeavesTheBackupBefore(t *testing.T) {
	path := withRows(t, sqlitedb.Options{})
	db := mustOpen(t, path, sqlitedb.Options{})
	dst := path + ".backup"
	if err := db.Backup(t.Context(), dst); err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(dst)
	if err != nil {
		t.Fatal(err)
	}
	for range 60 {
		if err := insert(t, db, 1, make([]byte, 100_000)); err != nil {
			t.Fatal(err)
		}
	}
	whole := kill(t, "backup", path, 0)
	if err := os.WriteFile(dst, first, 0o600); err != nil {
		t.Fatal(err)
	}
	const kills = 12
	same := 0
	for n := range kills {
		kill(t, "backup", path, whole*time.Duration(n+1)/kills)
		now, err := os.ReadFile(dst)
		if err != nil {
			t.Fatal(err)
		}
		if string(now) == string(first) {
			same++
		}
	}
	kill(t, "backup", path, 0)
	t.Logf("%d of %d kills in %v left the backup as it was", same, kills, whole)
	if same == 0 {
		t.Error("no kill came in the middle: the test does not test")
	}
	restored := mustOpen(t, dst, sqlitedb.Options{})
	if got := people(t, restored); len(got) != 360 {
		t.Errorf("%d rows in the backup, want 360", len(got))
	}
	if _, err := os.Stat(dst + ".part"); err == nil {
		t.Errorf("a part is left behind")
	}
}

func TestBackupUnderLoad(t *testing.T) {
	path := dbPath(t)
	db := mustOpen(t, path, sqlitedb.Options{})
	ctx, stop := context.WithCancel(t.Context())
	var mu sync.Mutex
	acknowledged := []int{}
	var wg sync.WaitGroup
	for caller := range 4 {
		wg.Go(func() {
			for n := caller; ctx.Err() == nil; n += 4 {
				if insert(t, db, n, make([]byte, 1000)) == nil {
					mu.Lock()
					acknowledged = append(acknowledged, n)
					mu.Unlock()
				}
			}
		})
	}
	during := 0
	for round := range 5 {
		time.Sleep(50 * time.Millisecond) // some load
		mu.Lock()
		before := len(acknowledged)
		want := append([]int(nil), acknowledged...)
		mu.Unlock()
		dst := fmt.Sprintf("%s.%d", path, round)
		if err := db.Backup(ctx, dst); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		during += len(acknowledged) - before
		mu.Unlock()
		fi, err := os.Stat(dst)
		if err != nil || fi.Mode().Perm() != 0o600 {
			t.Errorf("backup has mode %v (%v), want 0600", fi.Mode(), err)
		}
		restored := mustOpen(t, dst, sqlitedb.Options{})
		there := map[int]bool{}
		for _, who := range people(t, restored) {
			there[who] = true
		}
		for _, n := range want {
			if !there[n] {
				t.Fatalf("round %d: write %d was acknowledged before the backup and is not in it", round, n)
			}
		}
		if restored.Version() != 1 {
			t.Errorf("version is %d", restored.Version())
		}
		restored.Close()
	}
	stop()
	wg.Wait()
	if during == 0 {
		t.Error("no write went through during the backups")
	}
}

func TestBackupRefusals(t *testing.T) {
	path := withRows(t, sqlitedb.Options{})
	db := mustOpen(t, path, sqlitedb.Options{})
	for name, dst := range map[string]string{"onto itself": path, "into no folder": path + "/x/y.db", "onto a folder": t.TempDir()} {
		if err := db.Backup(t.Context(), dst); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := sqlitedb.Copy(t.Context(), path+".none", path+".copy"); err == nil {
		t.Error("a copy of no file: no error")
	}
	if _, err := os.Stat(path + ".none"); err == nil {
		t.Error("copying made the source")
	}
	if got := people(t, db); len(got) != 300 {
		t.Errorf("%d rows afterwards", len(got))
	}
	left, err := os.ReadDir(strings.TrimSuffix(path, "/data.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range left {
		if strings.HasSuffix(f.Name(), ".part") {
			t.Errorf("%s is left behind", f.Name())
		}
	}
}

func TestACopyThatIsNotGoodReplacesNothing(t *testing.T) {
	path := dbPath(t)
	pool := openPlain(t, path)
	for _, q := range []string{
		"CREATE TABLE holes (n INTEGER)",
		"INSERT INTO holes VALUES (NULL)",
		// Copying goes on without a word about what the schema forbids by now.
		"PRAGMA writable_schema = 1; UPDATE sqlite_schema SET sql = 'CREATE TABLE holes (n INTEGER NOT NULL)' WHERE name = 'holes'",
	} {
		if _, err := pool.ExecContext(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	pool.Close()
	dst := path + ".backup"
	if err := os.WriteFile(dst, []byte("the backup before"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := sqlitedb.Copy(t.Context(), path, dst); err == nil || !strings.Contains(err.Error(), "NULL value in holes.n") {
		t.Errorf("Copy = %v, want an error that says what is wrong with the copy", err)
	}
	if b, err := os.ReadFile(dst); err != nil || string(b) != "the backup before" {
		t.Errorf("the backup before is %q, %v", b, err)
	}
}
