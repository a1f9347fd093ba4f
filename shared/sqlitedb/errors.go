package sqlitedb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/monlight/monlight/shared/errs"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// How long a caller is asked to wait.
const (
	retryQueueFull = time.Second
	retryBusy      = 5 * time.Second
	retryDisk      = 30 * time.Second
)

// DamageError says that a database file is not usable as it is. Nothing was
// changed.
type DamageError struct {
	Path    string
	Finding string // what is wrong, in words
}

// Error names the file, the finding and the way out.
func (e *DamageError) Error() string {
	return fmt.Sprintf("%s is damaged: %s. Nothing was changed. To go back to a backup: stop the service, move %s, %s-wal and %s-shm away, copy the backup to %s and start again",
		e.Path, e.Finding, e.Path, e.Path, e.Path, e.Path)
}

// NewerError says that the file was written by a newer version of the program.
type NewerError struct {
	Path      string
	Version   int // of the file
	Supported int // by this program
}

// Error names both versions.
func (e *NewerError) Error() string {
	return fmt.Sprintf("%s has schema version %d, this program knows versions up to %d: start the newer program, or restore a backup made before the upgrade",
		e.Path, e.Version, e.Supported)
}

// Classify gives an error of SQLite its kind: a full or failing disk and a
// locked database are Unavailable, as is a read that was ended for taking too
// long. Errors that have a kind keep it, and all others stay as they are.
func Classify(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*errs.Error](err); ok {
		return err
	}
	if errors.Is(err, errReadTime) {
		return unavailable(err, retryBusy, "the query took too long")
	}
	switch code(err) & 0xff {
	case sqlite3.SQLITE_FULL:
		return unavailable(err, retryDisk, "the disk is full")
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY:
		return unavailable(err, retryDisk, "the disk does not work")
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return unavailable(err, retryBusy, "the database is locked")
	case sqlite3.SQLITE_NOMEM:
		return unavailable(err, retryBusy, "out of memory")
	}
	return err
}

func unavailable(cause error, after time.Duration, text string) error {
	return &errs.Error{Kind: errs.Unavailable, Text: text, Cause: cause, RetryAfter: after}
}

// code is SQLite's extended result code in err, or 0.
func code(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code()
	}
	return 0
}

// IsConstraint tells whether err says that a statement broke a rule of the
// schema: a duplicate key, a missing parent, a CHECK.
func IsConstraint(err error) bool {
	return code(err)&0xff == sqlite3.SQLITE_CONSTRAINT
}

func isDamage(err error) bool {
	switch code(err) & 0xff {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return true
	}
	return false
}

func isInterrupt(err error) bool {
	return code(err)&0xff == sqlite3.SQLITE_INTERRUPT || errors.Is(err, context.DeadlineExceeded)
}

var errReadTime = errors.New("read limit reached")
