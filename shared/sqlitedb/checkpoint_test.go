package sqlitedb_test

import (
	"database/sql"
	"os"
	"testing"

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
