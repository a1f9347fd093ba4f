// Package sqlite keeps metrics in a SQLite file.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
	"github.com/monlight/monlight/shared/sqlitedb"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are the schema, one file for each version.
func Migrations() fs.FS { return migrations }

// ApplicationID marks our files.
const ApplicationID = 0x4d4c4d43 // "MLMC"

// Store implements metrics.Store.
type Store struct {
	db    *sqlitedb.DB
	cache *cache
}

// NewStore returns a store in db, which the caller closes.
func NewStore(db *sqlitedb.DB) *Store { return &Store{db: db, cache: newCache()} }

// Keys of the table meta.
const (
	keyFlushed    = "flushed_generation"
	keySteady     = "steady_ms"
	keyLastBucket = "last_bucket_ms"
)

const setMeta = `INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`

// State implements metrics.Store.
func (s *Store) State(ctx context.Context) (metrics.State, error) {
	st := metrics.State{Received: make(map[int64]int64)}
	for key, dest := range map[string]*int64{keyFlushed: &st.Flushed, keySteady: &st.SteadyMS, keyLastBucket: &st.LastBucketMS} {
		err := s.db.Read().QueryRowContext(ctx, "SELECT value FROM meta WHERE key = ?", key).Scan(dest)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return st, sqlitedb.Classify(err)
		}
	}
	err := s.db.Read().QueryRowContext(ctx, "SELECT coalesce(max(generation), 0) FROM batch").Scan(&st.LastGeneration)
	if err != nil {
		return st, sqlitedb.Classify(err)
	}
	rows, err := s.db.Read().QueryContext(ctx, "SELECT hour, points FROM received ORDER BY hour DESC LIMIT 48")
	if err != nil {
		return st, sqlitedb.Classify(err)
	}
	defer rows.Close()
	for rows.Next() {
		var hour, points int64
		if err := rows.Scan(&hour, &points); err != nil {
			return st, err
		}
		st.Received[hour] = points
	}
	return st, sqlitedb.Classify(rows.Err())
}

// readAtOnce is the number of rows that a scan over everything reads in one
// query: a query has a limit on its time.
const readAtOnce = 5000

// EachSeries implements metrics.Store.
func (s *Store) EachSeries(ctx context.Context, f func(metrics.SeriesRow) error) error {
	const query = `SELECT id, project, name, type, coalesce(labels, ''), first_seen, last_seen FROM series WHERE id > ? ORDER BY id LIMIT ?`
	last := uint32(0)
	for {
		rows, err := s.db.Read().QueryContext(ctx, query, last, readAtOnce) //nolint:sqlclosecheck // each closes them
		if err != nil {
			return sqlitedb.Classify(err)
		}
		n, err := each(rows, func() error {
			var row metrics.SeriesRow
			if err := rows.Scan(&row.ID, &row.Project, &row.Name, &row.Type, &row.Labels, &row.FirstSeen, &row.LastSeen); err != nil {
				return err
			}
			last = row.ID
			return f(row)
		})
		if err != nil || n < readAtOnce {
			return err
		}
	}
}

// EachBatch implements metrics.Store.
func (s *Store) EachBatch(ctx context.Context, after int64, f func(data []byte) error) error {
	const query = `SELECT seq, generation, data FROM batch WHERE seq > ? ORDER BY seq LIMIT ?`
	last := int64(0)
	for {
		rows, err := s.db.Read().QueryContext(ctx, query, last, readAtOnce) //nolint:sqlclosecheck // each closes them
		if err != nil {
			return sqlitedb.Classify(err)
		}
		n, err := each(rows, func() error {
			var generation int64
			var data sql.RawBytes
			if err := rows.Scan(&last, &generation, &data); err != nil {
				return err
			}
			if generation <= after {
				return nil
			}
			if err := f(data); err != nil {
				return fmt.Errorf("batch %d: %w", last, err)
			}
			return nil
		})
		if err != nil || n < readAtOnce {
			return err
		}
	}
}

// each calls f for each row and closes rows.
func each(rows *sql.Rows, f func() error) (n int, err error) {
	defer rows.Close()
	for ; rows.Next(); n++ {
		if err := f(); err != nil {
			return n, err
		}
	}
	return n, sqlitedb.Classify(rows.Err())
}
