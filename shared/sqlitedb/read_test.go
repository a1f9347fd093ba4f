package sqlitedb_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/sqlitedb"
)

const endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n"

// endlessRows gives a row at a time, for ever.
const endlessRows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"

func TestReadersCannotWrite(t *testing.T) {
	db := mustOpen(t, dbPath(t), sqlitedb.Options{})
	for _, q := range []string{"INSERT INTO rows (who) VALUES (1)", "DELETE FROM rows", "DROP TABLE rows"} {
		if _, err := db.Read().ExecContext(t.Context(), q); err == nil {
			t.Errorf("%s went through", q)
		}
		if rows, err := db.Read().QueryContext(t.Context(), q); err == nil {
			rows.Next()
			if rows.Err() == nil {
				t.Errorf("%s went through as a query", q)
			}
			rows.Close()
		}
	}
}

func TestReadsEndAtTheirLimit(t *testing.T) {
	const limit = 100 * time.Millisecond
	db := mustOpen(t, dbPath(t), sqlitedb.Options{ReadTimeout: limit})
	readAll := func(query string) func(ctx context.Context) error {
		return func(ctx context.Context) error {
			rows, err := db.Read().QueryContext(ctx, query)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
			}
			return rows.Err()
		}
	}
	tests := map[string]func(ctx context.Context) error{
		"one long step": readAll(endless),
		"many rows":     readAll(endlessRows),
		"QueryRow": func(ctx context.Context) error {
			var n int64
			return db.Read().QueryRowContext(ctx, endless).Scan(&n)
		},
		"transaction": func(ctx context.Context) error {
			tx, err := db.Read().BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
			if err != nil {
				return err
			}
			defer tx.Rollback()
			for { // each query is short
				var n int64
				if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM rows").Scan(&n); err != nil {
					return err
				}
			}
		},
	}
	for name, read := range tests {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			err := read(t.Context())
			took := time.Since(start)
			if errs.KindOf(sqlitedb.Classify(err)) != errs.Unavailable {
				t.Errorf("error is %v, want one that Classify calls Unavailable", err)
			}
			if took > 20*limit {
				t.Errorf("it took %v, the limit is %v", took, limit)
			}
			if err := readAll("SELECT 1")(t.Context()); err != nil {
				t.Errorf("a read afterwards: %v", err)
			}
		})
	}
	t.Run("the caller's own limit", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), limit/5)
		defer cancel()
		if err := readAll(endless)(ctx); !errors.Is(err, context.DeadlineExceeded) || errs.KindOf(sqlitedb.Classify(err)) != errs.Internal {
			t.Errorf("error is %v, want the context's", err)
		}
	})
}

func TestTheLogIsEmptiedAfterALongRead(t *testing.T) {
	const most = 1 << 20
	path := dbPath(t)
	db := mustOpen(t, path, sqlitedb.Options{MaxWALBytes: most, ReadTimeout: time.Minute})
	tx, err := db.Read().BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := tx.QueryRowContext(t.Context(), "SELECT count(*) FROM rows").Scan(&n); err != nil { // now it has a snapshot
		t.Fatal(err)
	}
	body := make([]byte, 100_000)
	for range 100 {
		if err := insert(t, db, 1, body); err != nil {
			t.Fatal(err)
		}
	}
	if size := db.Stats().WALBytes; size < 8*most {
		t.Errorf("with a reader in the way the log has %d bytes: the test does not test", size)
	}
	tx.Rollback()
	for range 300 {
		if err := insert(t, db, 1, nil); err != nil {
			t.Fatal(err)
		}
		if db.Stats().WALBytes <= most {
			return
		}
		time.Sleep(10 * time.Millisecond) // it looks at the size once a second
	}
	t.Errorf("the log still has %d bytes, want at most %d", db.Stats().WALBytes, most)
}

func TestCompactGivesSpaceBack(t *testing.T) {
	db := mustOpen(t, dbPath(t), sqlitedb.Options{})
	for range 50 {
		if err := insert(t, db, 1, []byte(strings.Repeat("secret", 20_000))); err != nil {
			t.Fatal(err)
		}
	}
	full := compact(t, db)
	err := db.Maintain(t.Context(), func(tx *sqlitedb.Tx) error {
		_, err := tx.Exec("DELETE FROM rows WHERE id > 1")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if after := compact(t, db); after > full/5 {
		t.Errorf("%d bytes after deleting 98 %% of %d", after, full)
	}
	if wal := db.Stats().WALBytes; wal != 0 {
		t.Errorf("the log has %d bytes, want none", wal)
	}
	if err := db.Maintain(t.Context(), func(tx *sqlitedb.Tx) error { _, err := tx.Exec("DELETE FROM rows"); return err }); err != nil {
		t.Fatal(err)
	}
	compact(t, db)
	// What is deleted is gone, also for somebody who reads the file.
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(db.Path() + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), "secret") {
			t.Errorf("deleted content is still in %s%s", db.Path(), suffix)
		}
	}
}

func compact(t *testing.T, db *sqlitedb.DB) int64 {
	t.Helper()
	for range 1000 {
		done, err := db.Compact(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if done {
			return db.Stats().DatabaseBytes
		}
	}
	t.Fatal("Compact never ends")
	return 0
}
