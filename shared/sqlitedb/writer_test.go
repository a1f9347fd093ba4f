package sqlitedb_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/sqlitedb"
)

func asError(err error) *errs.Error {
	e, _ := errors.AsType[*errs.Error](err)
	return e
}

// held is a write that keeps the writer busy until it is released.
type held struct {
	release chan struct{}
	done    chan error
}

// hold returns after the writer has begun with the write.
func hold(t *testing.T, db *sqlitedb.DB, f func(tx *sqlitedb.Tx) error) *held {
	t.Helper()
	h := &held{make(chan struct{}), make(chan error, 1)}
	began := make(chan struct{})
	go func() {
		h.done <- db.Write(context.Background(), func(tx *sqlitedb.Tx) error {
			close(began)
			<-h.release
			return f(tx)
		})
	}()
	<-began
	return h
}

// queued waits until n writes wait.
func queued(t *testing.T, db *sqlitedb.DB, n int) {
	t.Helper()
	for range 5000 {
		if db.Stats().QueueDepth == n {
			return
		}
		time.Sleep(time.Millisecond) // there is no event for it
	}
	t.Fatalf("%d writes wait, want %d", db.Stats().QueueDepth, n)
}

func addWho(who int) func(tx *sqlitedb.Tx) error {
	return func(tx *sqlitedb.Tx) error {
		_, err := tx.Exec(insertRow, who, nil)
		return err
	}
}

var errOwn = errors.New("own error")

func TestWritesThatArriveTogetherShareACommit(t *testing.T) {
	path := dbPath(t)
	synctest.Test(t, func(t *testing.T) { // in which they take no time
		db := mustOpen(t, path, sqlitedb.Options{})
		before := db.Stats()
		h := hold(t, db, addWho(0))
		var wg sync.WaitGroup
		for who := range 100 {
			wg.Go(func() {
				if err := db.Write(t.Context(), addWho(1+who)); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		close(h.release)
		wg.Wait()
		after := db.Stats()
		if commits, writes := after.Commits-before.Commits, after.Writes-before.Writes; commits != 1 || writes != 101 {
			t.Errorf("%d writes in %d commits, want 101 in 1", writes, commits)
		}
		if got := people(t, db); len(got) != 101 {
			t.Errorf("%d rows, want 101", len(got))
		}
		if after.BatchSizes[6] != before.BatchSizes[6]+1 { // 64 to 127
			t.Errorf("batch sizes are %v", after.BatchSizes)
		}
	})
}

// TestNoTransactionGoesOnForLong has the clock stand still but for what the
// writes take.
func TestNoTransactionGoesOnForLong(t *testing.T) {
	const (
		one    = 5 * time.Millisecond
		most   = 20 * time.Millisecond
		writes = 20
	)
	path := dbPath(t)
	synctest.Test(t, func(t *testing.T) {
		db := mustOpen(t, path, sqlitedb.Options{})
		before := db.Stats()
		h := hold(t, db, addWho(0))
		var wg sync.WaitGroup
		for who := range writes {
			wg.Go(func() {
				err := db.Write(t.Context(), func(tx *sqlitedb.Tx) error {
					time.Sleep(one)
					return addWho(1 + who)(tx)
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		close(h.release)
		wg.Wait()
		after := db.Stats()
		if longest := after.LongestCommit; longest <= most || longest > most+one {
			t.Errorf("the longest transaction took %v, want over %v and at most one write more", longest, most)
		}
		if commits := after.Commits - before.Commits; commits != 4 {
			t.Errorf("%d writes of %v in %d commits, want 4", writes, one, commits)
		}
		if got := people(t, db); len(got) != writes+1 {
			t.Errorf("%d rows, want %d", len(got), writes+1)
		}
	})
}

func TestAWriteIsVisibleWhenItReturns(t *testing.T) {
	db := mustOpen(t, dbPath(t), sqlitedb.Options{})
	for who := range 20 {
		if err := db.Write(t.Context(), addWho(who)); err != nil {
			t.Fatal(err)
		}
		if got := people(t, db); len(got) != who+1 {
			t.Fatalf("after write %d: %d rows", who, len(got))
		}
	}
}

func TestAFailingWriteTakesBackItsOwnChangesOnly(t *testing.T) {
	fail := func(who int) func(tx *sqlitedb.Tx) error {
		return func(tx *sqlitedb.Tx) error { return errors.Join(addWho(who)(tx), errOwn) }
	}
	blowUp := func(tx *sqlitedb.Tx) error { _ = addWho(666)(tx); panic("boom") }
	badSQL := func(tx *sqlitedb.Tx) error {
		_ = addWho(667)(tx)
		_, err := tx.Exec("INSERT INTO nowhere VALUES (1)")
		return err
	}
	openRows := func(tx *sqlitedb.Tx) error { // and leave them open
		rows, err := tx.Query("SELECT id FROM rows")
		if err == nil {
			rows.Next()
		}
		return errors.Join(err, addWho(668)(tx), errOwn)
	}
	tests := map[string]struct {
		writes []func(tx *sqlitedb.Tx) error
		want   []int
	}{
		"in the middle":      {[]func(*sqlitedb.Tx) error{addWho(1), fail(2), addWho(3)}, []int{1, 3}},
		"at the beginning":   {[]func(*sqlitedb.Tx) error{fail(1), addWho(2), addWho(3)}, []int{2, 3}},
		"several in a row":   {[]func(*sqlitedb.Tx) error{fail(1), fail(2), addWho(3), fail(4), fail(5), addWho(6)}, []int{3, 6}},
		"at the end":         {[]func(*sqlitedb.Tx) error{addWho(1), addWho(2), fail(3)}, []int{1, 2}},
		"alone":              {[]func(*sqlitedb.Tx) error{fail(1)}, nil},
		"a panic":            {[]func(*sqlitedb.Tx) error{addWho(1), blowUp, addWho(3)}, []int{1, 3}},
		"a panic alone":      {[]func(*sqlitedb.Tx) error{blowUp}, nil},
		"a wrong statement":  {[]func(*sqlitedb.Tx) error{addWho(1), badSQL, addWho(3)}, []int{1, 3}},
		"rows are left open": {[]func(*sqlitedb.Tx) error{addWho(1), openRows, addWho(3)}, []int{1, 3}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			db := mustOpen(t, dbPath(t), sqlitedb.Options{})
			nothing := func(*sqlitedb.Tx) error { return errOwn } // so that the first below begins the transaction
			h := hold(t, db, nothing)
			errors := make([]error, len(tt.writes))
			var undone atomic.Int64
			var wg sync.WaitGroup
			for i, f := range tt.writes {
				wg.Go(func() {
					errors[i] = db.Write(t.Context(), func(tx *sqlitedb.Tx) error {
						tx.OnRollback(func() { undone.Add(1) })
						return f(tx)
					})
				})
				queued(t, db, i+1) // one after the other
			}
			close(h.release)
			wg.Wait()
			failed := 0
			for _, err := range errors {
				if err != nil {
					failed++
				}
			}
			if d := cmp.Diff(tt.want, people(t, db)); d != "" {
				t.Errorf("rows (-want +got):\n%s", d)
			}
			if want := len(tt.writes) - len(tt.want); failed != want || int(undone.Load()) != want {
				t.Errorf("%d errors %v and %d OnRollback calls, want %d", failed, errors, undone.Load(), want)
			}
			if err := db.Write(t.Context(), addWho(9)); err != nil {
				t.Errorf("a write afterwards: %v", err)
			}
		})
	}
}

func TestAPanicIsAnInternalErrorWithItsStack(t *testing.T) {
	db := mustOpen(t, dbPath(t), sqlitedb.Options{})
	err := db.Write(t.Context(), func(*sqlitedb.Tx) error { panic("boom") })
	if errs.KindOf(err) != errs.Internal || !strings.Contains(err.Error(), "boom") || !strings.Contains(err.Error(), "writer_test.go") {
		t.Errorf("error is %v, want an internal one with the panic and where it was", err)
	}
}

func TestAnErrorAtCommitIsGivenToTheWholeBatch(t *testing.T) {
	schema := fstest.MapFS{"0001_start.sql": {Data: []byte(`
		CREATE TABLE rows (id INTEGER PRIMARY KEY, who INTEGER NOT NULL, body BLOB) STRICT;
		CREATE TABLE child (parent INTEGER REFERENCES rows (id) DEFERRABLE INITIALLY DEFERRED) STRICT;`)}}
	db := mustOpen(t, dbPath(t), sqlitedb.Options{Migrations: schema})
	h := hold(t, db, addWho(1))
	results := make([]error, 3)
	var undone atomic.Int64
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() {
			results[i] = db.Write(t.Context(), func(tx *sqlitedb.Tx) error {
				tx.OnRollback(func() { undone.Add(1) })
				if i == 1 { // found out about at COMMIT
					_, err := tx.Exec("INSERT INTO child (parent) VALUES (77)")
					return err
				}
				return addWho(10 + i)(tx)
			})
		})
	}
	queued(t, db, 3)
	close(h.release)
	wg.Wait()
	for i, err := range append(results, <-h.done) {
		if !sqlitedb.IsConstraint(err) {
			t.Errorf("write %d: error is %v, want that of the commit", i, err)
		}
	}
	if undone.Load() != 3 {
		t.Errorf("%d OnRollback calls, want 3", undone.Load())
	}
	if got := people(t, db); len(got) != 0 {
		t.Errorf("rows are %v, want none", got)
	}
	if err := db.Write(t.Context(), addWho(2)); err != nil {
		t.Errorf("a write afterwards: %v", err)
	}
}

func TestAWriteThatIsCancelledBeforeItRanDoesNotRun(t *testing.T) {
	db := mustOpen(t, dbPath(t), sqlitedb.Options{})
	h := hold(t, db, addWho(1))
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- db.Write(ctx, addWho(2)) }()
	queued(t, db, 1)
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want that of the context", err)
	}
	close(h.release)
	if err := <-h.done; err != nil {
		t.Error(err)
	}
	if err := db.Write(ctx, addWho(3)); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want that of the context", err)
	}
	if d := cmp.Diff([]int{1}, people(t, db)); d != "" {
		t.Errorf("rows (-want +got):\n%s", d)
	}
}

func TestAWriteThatRunsIsNotCancelled(t *testing.T) {
	db := mustOpen(t, dbPath(t), sqlitedb.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	err := db.Write(ctx, func(tx *sqlitedb.Tx) error {
		cancel()
		return addWho(1)(tx)
	})
	if err != nil {
		t.Errorf("error is %v: what is on disk must be acknowledged", err)
	}
	if d := cmp.Diff([]int{1}, people(t, db)); d != "" {
		t.Errorf("rows (-want +got):\n%s", d)
	}
}

func TestAFullQueueRefusesAtOnce(t *testing.T) {
	db := mustOpen(t, dbPath(t), sqlitedb.Options{QueueSize: 2})
	h := hold(t, db, addWho(1))
	results := make(chan error, 2)
	for who := range 2 {
		go func() { results <- db.Write(context.Background(), addWho(10+who)) }()
	}
	queued(t, db, 2)
	wantUnavailable(t, "third", db.Write(t.Context(), addWho(3)))
	close(h.release)
	for range 2 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if got := db.Stats().RefusedQueue; got != 1 {
		t.Errorf("%d refused, want 1", got)
	}
}

func TestCloseFinishesWhatIsQueued(t *testing.T) {
	path := dbPath(t)
	db := mustOpen(t, path, sqlitedb.Options{})
	h := hold(t, db, addWho(0))
	results := make(chan error, 10)
	for who := range 10 {
		go func() { results <- db.Write(context.Background(), addWho(1+who)) }()
	}
	queued(t, db, 10)
	closed := make(chan error, 1)
	go func() { closed <- db.Close() }()
	for { // until Close has shut the door; before that, it would wait behind the others
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		err := db.Write(ctx, func(*sqlitedb.Tx) error { return nil })
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			wantUnavailable(t, "write while closing", err)
			break
		}
	}
	close(h.release)
	for range 10 {
		if err := <-results; err != nil {
			t.Errorf("queued write: %v", err)
		}
	}
	if err := <-closed; err != nil {
		t.Errorf("Close = %v", err)
	}
	wantUnavailable(t, "write after close", db.Write(t.Context(), addWho(99)))
	if err := db.Close(); err != nil {
		t.Errorf("second Close = %v", err)
	}
	if got := people(t, mustOpen(t, path, sqlitedb.Options{})); len(got) < 11 {
		t.Errorf("%d rows after opening again, want at least 11", len(got))
	}
}

func TestTx(t *testing.T) {
	db := mustOpen(t, dbPath(t), sqlitedb.Options{})
	var leaked *sqlitedb.Tx
	err := db.Write(t.Context(), func(tx *sqlitedb.Tx) error {
		leaked = tx
		for _, arg := range []any{int64(1), 2, true, int32(3), uint8(4)} {
			if _, err := tx.Exec(insertRow, arg, []byte("x")); err != nil {
				return fmt.Errorf("%T: %w", arg, err)
			}
		}
		if _, err := tx.Exec(insertRow, 5, nil); err != nil {
			return err
		}
		if _, err := tx.Exec(insertRow, time.Now(), nil); err == nil || !strings.Contains(err.Error(), "time.Time") {
			t.Errorf("a time was stored: %v", err)
		}
		// A query may be running twice, and be left open.
		const query = "SELECT who, body FROM rows ORDER BY id"
		outer, err := tx.Query(query)
		if err != nil {
			return err
		}
		var got []int
		for outer.Next() {
			var who int
			var body []byte
			if err := outer.Scan(&who, &body); err != nil {
				return err
			}
			inner, err := tx.Query(query)
			if err != nil {
				return err
			}
			for inner.Next() {
				var first int64
				var any any
				if err := inner.Scan(&first, &any); err != nil {
					return err
				}
				got = append(got, who*10+int(first))
				break
			}
		}
		if d := cmp.Diff([]int{11, 21, 11, 31, 41, 51}, got); d != "" {
			t.Errorf("nested queries (-want +got):\n%s", d)
		}
		var n int
		if err := tx.QueryRow("SELECT count(*) FROM rows WHERE who = ?", 4711).Scan(&n); err != nil || n != 0 {
			t.Errorf("count = %d, %v", n, err)
		}
		var text string
		if err := tx.QueryRow("SELECT count(*) FROM rows").Scan(&text); err == nil {
			t.Errorf("an integer was scanned into a string: %q", text)
		}
		for i := range 600 { // more statements than are kept
			if _, err := tx.Exec(fmt.Sprintf("UPDATE rows SET who = %d WHERE who = %d", i, -i-1)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := leaked.Exec(insertRow, 1, nil); err == nil {
		t.Error("a Tx works after its function returned")
	}
	if got := people(t, db); !slices.Equal(got, []int{1, 2, 1, 3, 4, 5}) {
		t.Errorf("rows are %v", got)
	}
	// A query that was left open would keep the log from being emptied.
	if compact(t, db); db.Stats().WALBytes != 0 {
		t.Errorf("the log has %d bytes after Compact, want none", db.Stats().WALBytes)
	}
}

func TestSettings(t *testing.T) {
	db := mustOpen(t, dbPath(t), sqlitedb.Options{})
	settings := map[string]any{
		"PRAGMA synchronous":  int64(2), // FULL: without it a power cut loses acknowledged writes
		"PRAGMA journal_mode": "wal",
		"PRAGMA foreign_keys": int64(1),
		"PRAGMA auto_vacuum":  int64(2), // incremental
	}
	err := db.Write(t.Context(), func(tx *sqlitedb.Tx) error {
		for query, want := range settings {
			var got any
			if err := tx.QueryRow(query).Scan(&got); err != nil {
				return err
			}
			if got != want {
				t.Errorf("%s is %v, want %v", query, got, want)
			}
		}
		if _, err := tx.Exec(`SELECT "no such column" FROM rows`); err == nil {
			t.Error("a misspelt column is taken for a string")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestRelaxedDoesNotWaitForTheDisk(t *testing.T) {
	db := mustOpen(t, dbPath(t), sqlitedb.Options{Relaxed: true})
	err := db.Write(t.Context(), func(tx *sqlitedb.Tx) error {
		var level int
		if err := tx.QueryRow("PRAGMA synchronous").Scan(&level); err != nil {
			return err
		}
		if level != 1 {
			t.Errorf("synchronous = %d, want 1 (NORMAL)", level)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestALogAtRestIsEmptied has a reader in the way the first time.
func TestALogAtRestIsEmptied(t *testing.T) {
	path := dbPath(t)
	synctest.Test(t, func(t *testing.T) {
		db := mustOpen(t, path, sqlitedb.Options{})
		if err := insert(t, db, 1, []byte("x")); err != nil {
			t.Fatal(err)
		}
		snapshot, err := db.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := insert(t, db, 2, []byte("y")); err != nil {
			t.Fatal(err)
		}
		const rest = 11 * time.Second
		time.Sleep(rest)
		synctest.Wait()
		if db.Stats().WALBytes == 0 {
			t.Error("the log is empty while a reader needs it")
		}
		snapshot.Close()
		time.Sleep(rest)
		synctest.Wait()
		if n := db.Stats().WALBytes; n != 0 {
			t.Errorf("the log has %d bytes after a rest, want 0", n)
		}
		if got := people(t, db); !slices.Equal(got, []int{1, 2}) {
			t.Errorf("rows of %v, want 1 and 2", got)
		}
	})
}
