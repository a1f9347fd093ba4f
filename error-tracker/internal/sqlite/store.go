// Package sqlite keeps issues and events in a SQLite file: it implements
// tracker.Store.
package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/sqlitedb"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are the steps of the schema, for sqlitedb.Open.
func Migrations() fs.FS { return migrations }

// ApplicationID marks the files of the error tracker: "MLer".
const ApplicationID = 0x4d4c6572

// Limits of what is kept. They are the only places where these numbers stand.
const (
	// DefaultKeepOccurrences is how many of the newest events of an issue are
	// kept in full, beside the first one.
	DefaultKeepOccurrences = 50
	// MaxUsers is how many people are told apart for each hash. Later ones are
	// not counted, so an issue that shows MaxUsers has that many or more.
	MaxUsers = tracker.MaxUsers
	// MaxProjects bounds the projects; events of further ones are refused.
	MaxProjects = 1000
	// New names of environments and releases in a day and project. Events with
	// further ones are counted under "(other)", and keep their own name.
	maxNewEnvironments = 50
	maxNewReleases     = 500
	otherName          = "(other)"
	// Texts of an issue are cut at these bytes; the events keep all of it.
	maxMessage    = 16 << 10
	maxShortText  = 1 << 10
	maxSearchText = 4 << 10
	// Past alerts of all projects. Whether there are more, of all or of any project,
	// is looked at after so many, so there may be as many more.
	maxPastAlerts   = 10_000
	trimAlertsEvery = 64
	// Most issues that are changed in one transaction.
	bulkSize = 100
)

// Options says how much is kept.
type Options struct {
	KeepOccurrences int              // newest events of each issue kept in full; 0 is DefaultKeepOccurrences
	Now             func() time.Time // nil is time.Now; decides whether a mute has ended
}

// Store is a tracker.Store in a SQLite file.
type Store struct {
	outbox   // of mail
	db       *sqlitedb.DB
	now      func() time.Time
	keep     int
	payloads *payloads
	bases    *bases
	mem      *memory
	totals   totalsCache
	windows  windowCache
	keys     *keyCache
	settings settingsCache
	rolled   atomic.Int64 // the hash up to which counters were summed up
}

var _ tracker.Store = (*Store)(nil)

// NewStore returns a store in db, which was opened with Migrations, and which
// the caller closes.
func NewStore(db *sqlitedb.DB, o Options) (*Store, error) {
	if o.KeepOccurrences <= 0 {
		o.KeepOccurrences = DefaultKeepOccurrences
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	p, err := newPayloads()
	if err != nil {
		return nil, err
	}
	keys := new(keyCache)
	return &Store{outbox: outbox{db, channelBits[tracker.ByMail]}, db: db, now: o.Now, keep: o.KeepOccurrences, payloads: p, bases: newBases(), mem: newMemory(keys), keys: keys}, nil
}

// digest64 condenses parts to 64 bits, as a key that nobody can aim at.
func digest64(parts ...[]byte) int64 {
	h := sha256.New()
	for _, p := range parts {
		var n [4]byte
		binary.BigEndian.PutUint32(n[:], uint32(len(p))) //nolint:gosec // parts are far shorter
		h.Write(n[:])
		h.Write(p)
	}
	var sum [sha256.Size]byte
	return int64(binary.BigEndian.Uint64(h.Sum(sum[:0]))) //nolint:gosec // bits, not a number
}

// timeOf reads a column of Unix milliseconds, where 0 is no time.
func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// millis is the inverse of timeOf.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func notFound(id int64) error {
	return errs.New(errs.NotFound, "error %d not found", id)
}

// readError names what was being read and classifies SQLite's errors.
func readError(what string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	return sqlitedb.Classify(fmt.Errorf("%s: %w", what, err))
}

// scanAll reads all rows of a query with scan, which reads one.
func scanAll[T any](rows *sql.Rows, err error, scan func(*sql.Rows) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}
