package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// maxParcelBytes bounds the body of a parcel of metrics below what the metrics
// collector takes.
const maxParcelBytes = 400 << 10

// maxDigests bounds the digests; the oldest make room.
const maxDigests = 200_000

// openParcel is a parcel that metrics are still added to.
type openParcel struct {
	name         string
	items, bytes int
}

// Append implements relay.SpoolStore.
func (s *Store) Append(ctx context.Context, entries []relay.Entry, d *relay.Digest, at time.Time) (known bool, err error) {
	err = s.db.Write(ctx, func(tx *sqlitedb.Tx) error {
		known = false
		if d != nil {
			res, err := tx.Exec(`INSERT INTO digest (digest, at) VALUES (?, ?) ON CONFLICT DO NOTHING`, d[:], millis(at))
			if err != nil {
				return err
			}
			n, err := res.RowsAffected()
			if known = n == 0; err != nil || known {
				return err
			}
		}
		// What was added to a parcel in vain leaves it too full, never too empty,
		// but its name may be one that nobody has seen: begin new ones.
		tx.OnRollback(func() { clear(s.open) })
		for i := range entries {
			e := &entries[i]
			parcel := e.Parcel
			if parcel == "" {
				parcel = s.parcel(e)
			}
			if _, err := tx.Exec(`INSERT INTO spool (target, key_id, at, items, parcel, body) VALUES (?, ?, ?, ?, ?, ?)`,
				int64(e.Queue.Target), e.Queue.KeyID, millis(e.At), e.Items, parcel, e.Body); err != nil {
				return err
			}
		}
		return nil
	})
	return known, err
}

// parcel chooses the parcel of a part: the open one of its queue, or a new one.
// It runs on the writer's goroutine.
func (s *Store) parcel(e *relay.Entry) string {
	p := s.open[e.Queue]
	if p == nil || p.items+e.Items > relay.MaxMetrics || p.bytes+len(e.Body) > maxParcelBytes {
		p = &openParcel{name: relay.NewEventID()}
		s.open[e.Queue] = p
	}
	p.items += e.Items
	p.bytes += len(e.Body) + 1
	return p.name
}

const nextEntries = `SELECT id, at, items, parcel, body FROM spool WHERE target = ? AND key_id = ? ORDER BY id LIMIT ?`

// Next implements relay.SpoolStore.
func (s *Store) Next(ctx context.Context, q relay.Queue, n int) ([]relay.Entry, error) {
	if q.Target == relay.ToMetrics {
		return s.nextParcel(ctx, q)
	}
	rows, err := s.db.Read().QueryContext(ctx, nextEntries, int64(q.Target), q.KeyID, n)
	if err != nil {
		return nil, sqlitedb.Classify(err)
	}
	return scanEntries(rows, q)
}

// nextParcel closes the first parcel of a queue, on the writer's goroutine, so
// that all that will ever be in it is there.
func (s *Store) nextParcel(ctx context.Context, q relay.Queue) ([]relay.Entry, error) {
	var name string
	err := s.db.Read().QueryRowContext(ctx, `SELECT parcel FROM spool WHERE target = ? AND key_id = ? ORDER BY id LIMIT 1`, int64(q.Target), q.KeyID).Scan(&name)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, sqlitedb.Classify(err)
	}
	err = s.db.Maintain(ctx, func(*sqlitedb.Tx) error {
		if p := s.open[q]; p != nil && p.name == name {
			delete(s.open, q)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	rows, err := s.db.Read().QueryContext(ctx, `SELECT id, at, items, parcel, body FROM spool WHERE target = 1 AND parcel = ? ORDER BY id`, name)
	if err != nil {
		return nil, sqlitedb.Classify(err)
	}
	return scanEntries(rows, q)
}

func scanEntries(rows *sql.Rows, q relay.Queue) (list []relay.Entry, err error) {
	err = each(rows, func() error {
		e := relay.Entry{Queue: q}
		var at int64
		if err := rows.Scan(&e.ID, &at, &e.Items, &e.Parcel, &e.Body); err != nil {
			return err
		}
		e.At = fromMillis(at)
		list = append(list, e)
		return nil
	})
	return list, err
}

// Remove implements relay.SpoolStore.
func (s *Store) Remove(ctx context.Context, ids []int64) error {
	return s.db.Maintain(ctx, func(tx *sqlitedb.Tx) error {
		for _, id := range ids {
			if _, err := tx.Exec(`DELETE FROM spool WHERE id = ?`, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// Expired implements relay.SpoolStore.
func (s *Store) Expired(ctx context.Context, before time.Time, n int) ([]relay.Entry, error) {
	// Entries are stored as they come, so the oldest have the lowest ids.
	rows, err := s.db.Read().QueryContext(ctx, `SELECT id, target, key_id, at, items, parcel, length(body) FROM spool ORDER BY id LIMIT ?`, n)
	if err != nil {
		return nil, sqlitedb.Classify(err)
	}
	var list []relay.Entry
	err = each(rows, func() error {
		var e relay.Entry
		var at int64
		var size int
		if err := rows.Scan(&e.ID, &e.Queue.Target, &e.Queue.KeyID, &at, &e.Items, &e.Parcel, &size); err != nil {
			return err
		}
		if e.At = fromMillis(at); e.At.Before(before) {
			e.Body = make([]byte, size) // its size is what counts
			list = append(list, e)
		}
		return nil
	})
	return list, err
}

// Backlogs implements relay.SpoolStore.
func (s *Store) Backlogs(ctx context.Context) ([]relay.Backlog, error) {
	rows, err := s.db.Read().QueryContext(ctx, `SELECT target, key_id, count(*), sum(length(body)), min(at) FROM spool GROUP BY target, key_id`)
	if err != nil {
		return nil, sqlitedb.Classify(err)
	}
	var list []relay.Backlog
	err = each(rows, func() error {
		var b relay.Backlog
		var oldest int64
		if err := rows.Scan(&b.Target, &b.KeyID, &b.Entries, &b.Bytes, &oldest); err != nil {
			return err
		}
		b.Oldest = fromMillis(oldest)
		list = append(list, b)
		return nil
	})
	return list, err
}

// ForgetDigests implements relay.SpoolStore.
func (s *Store) ForgetDigests(ctx context.Context, before time.Time) error {
	return s.db.Maintain(ctx, func(tx *sqlitedb.Tx) error {
		if _, err := tx.Exec(`DELETE FROM digest WHERE at < ?`, millis(before)); err != nil {
			return err
		}
		_, err := tx.Exec(`DELETE FROM digest WHERE at <= (SELECT at FROM digest ORDER BY at DESC LIMIT 1 OFFSET ?)`, maxDigests)
		return err
	})
}
