// Package sqlite keeps the keys, the spool, the counts and the source maps of
// the browser relay in a SQLite file.
package sqlite

import (
	"database/sql"
	"embed"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/shared/sqlitedb"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are the schema, one file for each version.
func Migrations() fs.FS { return migrations }

// ApplicationID marks our files.
const ApplicationID = 0x4d4c4252 // "MLBR"

// Store implements the stores of package relay. It is safe for concurrent use.
type Store struct {
	db *sqlitedb.DB
	// open are the parcels that metrics are still added to. Only functions on
	// the writer's goroutine use it.
	open map[relay.Queue]*openParcel

	uploads uploads
	changes atomic.Uint64 // of which maps there are

	usedMu sync.Mutex
	used   map[int64]time.Time // maps whose use is not stored yet
}

// NewStore returns a store in db, which the caller closes.
func NewStore(db *sqlitedb.DB) *Store { return &Store{db: db, open: map[relay.Queue]*openParcel{}} }

// millis is a time as it is stored; the zero time is 0.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// fromMillis is the opposite of millis.
func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// each calls f for each row and closes rows.
func each(rows *sql.Rows, f func() error) error {
	defer rows.Close()
	for rows.Next() {
		if err := f(); err != nil {
			return err
		}
	}
	return sqlitedb.Classify(rows.Err())
}
