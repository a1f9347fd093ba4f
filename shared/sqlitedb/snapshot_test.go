package sqlitedb_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/sqlitedb"
)

func countRows(t *testing.T, s *sqlitedb.Snapshot) (n int) {
	t.Helper()
	if err := s.Each(func(r *sqlitedb.Rows) error { return r.Scan(&n) }, "SELECT count(*) FROM rows"); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSnapshotStaysAsItWasAtItsBeginning(t *testing.T) {
	db := mustOpen(t, dbPath(t), sqlitedb.Options{})
	for range 3 { // the second one finds the connection of the first
		if err := insert(t, db, 1, nil); err != nil {
			t.Fatal(err)
		}
		before, err := db.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := insert(t, db, 1, nil); err != nil {
			t.Fatal(err)
		}
		after, err := db.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if a, b := countRows(t, before), countRows(t, after); b != a+1 {
			t.Errorf("%d rows in a snapshot from before a write and %d in one from after it, want one more", a, b)
		}
		before.Close()
		after.Close()
		after.Close() // harmless
	}
}

func TestAllReadersHaveTheSameBoundOfMemory(t *testing.T) {
	db := mustOpen(t, dbPath(t), sqlitedb.Options{ReaderCacheKiB: 300})
	const want, query = -300, "PRAGMA cache_size"
	var size int
	if err := db.Read().QueryRowContext(t.Context(), query).Scan(&size); err != nil || size != want {
		t.Errorf("%s of the pool of readers: %d, %v, want %d", query, size, err, want)
	}
	s, err := db.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Each(func(r *sqlitedb.Rows) error { return r.Scan(&size) }, query); err != nil || size != want {
		t.Errorf("%s of a snapshot: %d, %v, want %d", query, size, err, want)
	}
}

func TestSnapshotCannotWrite(t *testing.T) {
	db := mustOpen(t, dbPath(t), sqlitedb.Options{})
	s, err := db.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, q := range []string{"INSERT INTO rows (who) VALUES (1)", "DELETE FROM rows", "DROP TABLE rows"} {
		if err := s.Each(func(*sqlitedb.Rows) error { return nil }, q); err == nil {
			t.Errorf("%s went through", q)
		}
	}
}

func TestSnapshotEndsAtItsLimits(t *testing.T) {
	db := mustOpen(t, dbPath(t), sqlitedb.Options{ReadTimeout: 100 * time.Millisecond, Readers: 1})
	read := func(ctx context.Context) error {
		s, err := db.Snapshot(ctx)
		if err != nil {
			return err
		}
		defer s.Close()
		return s.Each(func(*sqlitedb.Rows) error { return nil }, endlessRows)
	}
	if err := read(t.Context()); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("reading for ever: %v, want it unavailable after the limit", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s, err := db.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	err = s.Each(func(*sqlitedb.Rows) error {
		if n++; n == 100 {
			cancel()
		}
		return nil
	}, endlessRows)
	if !errors.Is(err, context.Canceled) || n > 200 {
		t.Errorf("after %d rows, 100 before the context was cancelled: %v", n, err)
	}
	// All connections are in use: one more waits, as long as it may.
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := db.Snapshot(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second snapshot of one: %v, want the context's error", err)
	}
	s.Close()
	if err := read(t.Context()); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("after all that: %v, want the limit again", err)
	}
}

func TestSnapshotStopsAtTheCallersError(t *testing.T) {
	db := mustOpen(t, dbPath(t), sqlitedb.Options{})
	s, err := db.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	mine := errors.New("enough")
	if err := s.Each(func(*sqlitedb.Rows) error { return mine }, endlessRows); !errors.Is(err, mine) {
		t.Errorf("error %v, want the one that the function returned", err)
	}
	countRows(t, s) // the statement is free again
}
