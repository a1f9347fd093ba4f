package sqlitedb_test

import (
	"database/sql"
	"os"
	"testing"
	"time"

	"github.com/monlight/monlight/shared/sqlitedb"
	"github.com/monlight/monlight/shared/sqlitedb/dbtest"
)

func TestCheckpointMovesTheLogIntoTheFileBesideAWrite(t *testing.T) {
	db := dbtest.Open(t, rowsTable)
	body := make([]byte, 300<<10) // fewer pages than SQLite waits for
	insert := func() error {
		return db.Write(t.Context(), func(tx *sqlitedb.Tx) error {
			_, err := tx.Exec(insertRow, 1, body)
			return err
		})
	}
	if err := insert(); err != nil {
		t.Fatal(err)
	}
	before := db.Stats().DatabaseBytes
	if before > 100<<10 {
		t.Fatalf("the file has %d bytes already: the test shows nothing", before)
	}
	// A write that is in the middle of its transaction holds nothing up.
	err := db.Write(t.Context(), func(*sqlitedb.Tx) error { return db.Checkpoint(t.Context()) })
	if err != nil {
		t.Fatal(err)
	}
	if after := db.Stats().DatabaseBytes; after < before+int64(len(body)) {
		t.Errorf("the file has %d bytes after the checkpoint, %d before", after, before)
	}
	if err := insert(); err != nil {
		t.Fatal(err)
	}
	// What was moved is whole without the log.
	copied := t.TempDir() + "/copy.db"
	b, err := os.ReadFile(db.Path())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(copied, b, 0o600); err != nil {
		t.Fatal(err)
	}
	plain, err := sql.Open("sqlite", copied)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	var verdict string
	if err := plain.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity check: %q, %v", verdict, err)
	}
}

// TestNoCommitWaitsForACheckpoint has all connections that a checkpoint can be
// done with in use.
func TestNoCommitWaitsForACheckpoint(t *testing.T) {
	db := mustOpen(t, dbPath(t), sqlitedb.Options{Readers: 1, MaxWALBytes: 1 << 30})
	reader, err := db.Read().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	const rounds, size = 3, 5 << 20 // more pages than SQLite leaves in the log
	before := db.Stats().DatabaseBytes
	for range rounds {
		if err := insert(t, db, 1, make([]byte, size)); err != nil {
			t.Fatal(err)
		}
	}
	if s := db.Stats(); s.DatabaseBytes != before || s.WALBytes < rounds*size {
		t.Errorf("the file had %d bytes and has %d, and the log %d: a commit has moved it", before, s.DatabaseBytes, s.WALBytes)
	}
	// When there is a connection the log is moved, though nobody writes.
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	moved := func() bool { return db.Stats().DatabaseBytes >= before+rounds*size }
	for began := time.Now(); !moved(); time.Sleep(time.Millisecond) {
		if time.Since(began) > time.Minute {
			t.Fatalf("the log is not moved: %+v", db.Stats())
		}
	}
}

// TestTheLogDoesNotGrowWithTheWritesBesideCheckpoints writes without a pause.
func TestTheLogDoesNotGrowWithTheWritesBesideCheckpoints(t *testing.T) {
	db := mustOpen(t, dbPath(t), sqlitedb.Options{MaxWALBytes: 1 << 30})
	const written, size, most = 96 << 20, 64 << 10, 48 << 20
	body := make([]byte, size)
	for range written / size {
		if err := insert(t, db, 1, body); err != nil {
			t.Fatal(err)
		}
	}
	if n := db.Stats().WALBytes; n > most {
		t.Errorf("%d MB were written, and the log has %d MB", written>>20, n>>20)
	}
}
