package sqlite

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// The tests in this file run the test binary again as a child and kill it.
const (
	childPath = "LOGS_TEST_CHILD"
	childMost = "LOGS_TEST_MOST"

	childWriters = 3
	quietWriter  = 0 // writes single entries now and then, the others many
)

var killRounds = flag.Int("kills", 5, "how often a store is killed while it writes")

func TestMain(m *testing.M) {
	if path := os.Getenv(childPath); path != "" {
		if err := childWrites(path); err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// childStore opens a store of small blocks, so that it is always about to seal one.
func childStore(ctx context.Context, path string, most int64) (*Store, *sqlitedb.DB, error) {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	db, err := sqlitedb.Open(ctx, path, DatabaseOptions(log))
	if err != nil {
		return nil, nil, err
	}
	s, err := Open(ctx, db, Options{Log: log, BlockRows: 40, MaxEntries: most, RetainEvery: 5 * time.Millisecond})
	return s, db, err
}

// childWrites appends numbered batches and reports each one that was
// acknowledged, until it is killed. A cursor says how far a writer has come, and
// the next child goes on from there.
func childWrites(path string) error {
	ctx := context.Background()
	most, err := strconv.ParseInt(os.Getenv(childMost), 10, 64)
	if err != nil {
		return err
	}
	s, _, err := childStore(ctx, path, most)
	if err != nil {
		return err
	}
	done, err := written(ctx, s)
	if err != nil {
		return err
	}
	var out sync.Mutex
	failed := make(chan error)
	for w := range childWriters {
		go func() {
			for n := done[w]; ; n++ {
				if _, err := s.Append(ctx, numbered(w, n)); err != nil {
					failed <- err
					return
				}
				out.Lock()
				fmt.Println(w, n)
				out.Unlock()
				if w == quietWriter {
					time.Sleep(5 * time.Millisecond)
				}
			}
		}()
	}
	return <-failed
}

func writerName(w int) string { return "writer-" + strconv.Itoa(w) }

// numbered is batch n of a writer, with a cursor that says that it is written.
func numbered(w, n int) logs.Batch {
	b := logs.Batch{Cursors: []logs.Cursor{{Key: writerName(w), State: []byte(strconv.Itoa(n + 1))}}}
	for line := range linesOf(w, n) {
		b.Entries = append(b.Entries, logs.Entry{Time: int64(n)*1e6 + int64(line), Source: writerName(w), Message: fmt.Sprintf("batch %d line %d", n, line)})
	}
	return b
}

func linesOf(w, n int) int {
	if w == quietWriter {
		return 1
	}
	return 1 + n%30
}

// written is how many batches of each writer are in the store, by the cursors.
func written(ctx context.Context, s *Store) (n [childWriters]int, err error) {
	cursors, err := s.Cursors(ctx, "writer-")
	if err != nil {
		return n, err
	}
	for _, c := range cursors {
		w, err1 := strconv.Atoi(c.Key[len("writer-"):])
		done, err2 := strconv.Atoi(string(c.State))
		if err1 != nil || err2 != nil {
			return n, fmt.Errorf("cursor %q is %q", c.Key, c.State)
		}
		n[w] = done
	}
	return n, nil
}

func TestKillsLoseAndDoubleNothing(t *testing.T) {
	for name, most := range map[string]int64{"while blocks are sealed": 1 << 40, "while old entries are removed around those of a quiet source": 6000} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			killAndCheck(t, most)
		})
	}
}

func killAndCheck(t *testing.T, most int64) {
	path := filepath.Join(t.TempDir(), "logs.db")
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1)) //nolint:gosec // when a process is killed is chance anyway
	for round := range *killRounds {
		acknowledged := killedChild(t, path, most, time.Duration(50+r.IntN(250))*time.Millisecond)
		s, db, err := childStore(t.Context(), path, 1<<40)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		checkWritten(t, s, acknowledged, most)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := db.Check(t.Context()); err != nil {
			t.Errorf("round %d: %v", round, err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

// killedChild runs a child until some time after its first acknowledgement, and
// returns how many batches of each writer it acknowledged last.
func killedChild(t *testing.T, path string, most int64, after time.Duration) (acknowledged [childWriters]int) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), childPath+"="+path, childMost+"="+strconv.FormatInt(most, 10))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	for first := true; ; first = false {
		line, err := lines.ReadString('\n')
		if err != nil { // what comes after the last newline was cut off
			if err != io.EOF {
				t.Fatal(err)
			}
			break
		}
		if first {
			time.AfterFunc(after, func() { cmd.Process.Kill() }) //nolint:errcheck // it may be gone
		}
		var w, n int
		if _, err := fmt.Sscan(line, &w, &n); err != nil {
			t.Fatalf("the child says %q: %v", line, err)
		}
		acknowledged[w] = n + 1
	}
	cmd.Wait() //nolint:errcheck // it was killed
	return acknowledged
}

// checkWritten looks for each line of each batch up to the cursors: all that was
// acknowledged, and nothing twice.
func checkWritten(t *testing.T, s *Store, acknowledged [childWriters]int, most int64) {
	t.Helper()
	done, err := written(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]int)
	ids := make(map[int64]bool)
	for from := int64(0); ; {
		entries, last, err := s.Since(t.Context(), from, logs.Filter{}, 5000)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			seen[e.Source+" "+e.Message]++
			if ids[e.ID] {
				t.Errorf("the ID %d is there twice", e.ID)
			}
			ids[e.ID] = true
		}
		if len(entries) == 0 {
			break
		}
		from = last
	}
	lost, doubled, lines := 0, 0, 0
	for w := range childWriters {
		if done[w] < acknowledged[w] {
			t.Errorf("%s: %d batches were acknowledged, the cursor says %d", writerName(w), acknowledged[w], done[w])
		}
		for n := range done[w] {
			for line := range linesOf(w, n) {
				count := seen[fmt.Sprintf("%s batch %d line %d", writerName(w), n, line)]
				lines++
				if count == 0 && (most > 1<<30 || w == quietWriter && n > done[w]-int(most)/2/childWriters) {
					lost++
				}
				if count > 1 {
					doubled++
				}
			}
		}
	}
	if lost+doubled > 0 {
		t.Errorf("of %d lines %d are lost and %d there twice", lines, lost, doubled)
	}
	t.Logf("%d lines acknowledged or nearly so, %d entries in %d blocks", lines, len(ids), len(s.view().blocks))
	if most > 1<<30 && lines != len(ids) {
		t.Errorf("%d entries, want %d", len(ids), lines)
	}
	if most < 1<<30 && lines > 4*int(most) && len(ids) > 3*int(most) {
		t.Errorf("%d entries of %d are left, want about %d", len(ids), lines, most)
	}
}
