package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
	"github.com/monlight/monlight/metrics-collector/internal/metrics/chunk"
	"github.com/monlight/monlight/shared/sqlitedb"
)

const (
	insertBatch = `INSERT INTO batch (generation, points, from_ms, to_ms, data) VALUES (?, ?, ?, ?, ?)`
	insertKey   = `INSERT INTO batch_key (key, body, at, points, limited) VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING`
	selectKey   = `SELECT body, points, limited FROM batch_key WHERE key = ?`
)

// Append implements metrics.Store.
func (s *Store) Append(ctx context.Context, a *metrics.Append) (done metrics.Appended, err error) {
	err = s.db.Write(ctx, func(tx *sqlitedb.Tx) error {
		if a.Key != nil {
			first, err := claimKey(tx, a, &done)
			if err != nil || !first {
				return err
			}
		}
		if err := insertSeries(tx, a.Series); err != nil {
			return err
		}
		_, err := tx.Exec(insertBatch, a.Generation, a.Points, a.FromMS, a.ToMS, a.Data)
		return err
	})
	return done, err
}

// claimKey tells whether a's key is new. If it is not, done says of what it is.
func claimKey(tx *sqlitedb.Tx, a *metrics.Append, done *metrics.Appended) (first bool, err error) {
	var body []byte
	switch err := tx.QueryRow(selectKey, a.Key).Scan(&body, &done.Points, &done.Limited); {
	case errors.Is(err, sql.ErrNoRows):
		_, err := tx.Exec(insertKey, a.Key, a.BodySum, a.NowMS, a.Points, a.Limited)
		return true, err
	case err != nil:
		return false, err
	}
	done.Duplicate, done.OtherBody = true, !bytes.Equal(body, a.BodySum)
	return false, nil
}

const (
	insertOneSeries = `INSERT INTO series (id, project, name, type, labels, first_seen, last_seen) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`
	seriesAtOnce    = 8
	insertSomeRows  = `INSERT INTO series (id, project, name, type, labels, first_seen, last_seen) VALUES ` +
		`(?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?), ` +
		`(?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`
)

// insertSeries adds rows that are not there yet, some at a time: that is
// faster than one by one.
func insertSeries(tx *sqlitedb.Tx, rows []metrics.SeriesRow) error {
	var args []any
	for len(rows) > 0 {
		n, query := 1, insertOneSeries
		if len(rows) >= seriesAtOnce {
			n, query = seriesAtOnce, insertSomeRows
		}
		args = args[:0]
		for i := range rows[:n] {
			r := &rows[i]
			var labels any
			if r.Labels != "" {
				labels = r.Labels
			}
			args = append(args, int64(r.ID), r.Project, r.Name, int64(r.Type), labels, r.FirstSeen, r.LastSeen)
		}
		if _, err := tx.Exec(query, args...); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// tables of a tier.
type tables struct{ insertPage, replaceGroup string }

var tierTables = [...]tables{
	metrics.MinuteTier: {
		`INSERT INTO minute_page (span, lo, hi, data) VALUES (?, ?, ?, ?)`,
		`INSERT INTO minute_group (id, through, sums, rest) VALUES (?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET through = excluded.through, sums = excluded.sums, rest = excluded.rest`,
	},
	metrics.HourTier: {
		`INSERT INTO hour_page (span, lo, hi, data) VALUES (?, ?, ?, ?)`,
		`INSERT INTO hour_group (id, through, sums, rest) VALUES (?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET through = excluded.through, sums = excluded.sums, rest = excluded.rest`,
	},
}

// span is the number of a span that begins at ms.
func span(t metrics.Tier, ms int64) int64 { return ms / t.SpanMS() }

func insertPages(tx *sqlitedb.Tx, pages []metrics.TierPage) error {
	for i := range pages {
		p := &pages[i]
		if _, err := tx.Exec(tierTables[p.Tier].insertPage, span(p.Tier, p.SpanMS), int64(p.Lo), int64(p.Hi), p.Data); err != nil {
			return err
		}
	}
	return nil
}

// Settle implements metrics.Store.
func (s *Store) Settle(ctx context.Context) error { return s.db.Checkpoint(ctx) }

// Flush implements metrics.Store.
func (s *Store) Flush(ctx context.Context, f *metrics.Flush) error {
	const addReceived = `INSERT INTO received (hour, points) VALUES (?, ?) ON CONFLICT (hour) DO UPDATE SET points = points + excluded.points`
	return s.db.Write(ctx, func(tx *sqlitedb.Tx) error {
		if err := insertPages(tx, f.Pages); err != nil {
			return err
		}
		for i := range f.LastSeen {
			if _, err := tx.Exec(`UPDATE series SET last_seen = ? WHERE id = ?`, f.LastSeen[i].LastSeen, int64(f.LastSeen[i].ID)); err != nil {
				return err
			}
		}
		newest := int64(0)
		for hour, points := range f.Received {
			if _, err := tx.Exec(addReceived, hour, points); err != nil {
				return err
			}
			newest = max(newest, hour)
		}
		if _, err := tx.Exec(`DELETE FROM received WHERE hour < ?`, newest-48); err != nil {
			return err
		}
		if _, err := tx.Exec(`INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = max(value, excluded.value)`,
			keyLastBucket, f.LastBucketMS); err != nil {
			return err
		}
		if _, err := tx.Exec(setMeta, keySteady, f.SteadyMS); err != nil {
			return err
		}
		_, err := tx.Exec(setMeta, keyFlushed, f.Generation)
		return err
	})
}

// Merge implements metrics.Store.
func (s *Store) Merge(ctx context.Context, t metrics.Tier, spanMS int64, groups []metrics.GroupRow, pages []metrics.TierPage) error {
	return s.cache.change(spanKey{t, span(t, spanMS)}, func() error {
		return s.db.Maintain(ctx, func(tx *sqlitedb.Tx) error {
			for i := range groups {
				g := &groups[i]
				if _, err := tx.Exec(tierTables[t].replaceGroup, groupID(t, spanMS, g.Group), g.Through, g.Sums, g.Rest); err != nil {
					return err
				}
			}
			return insertPages(tx, pages)
		})
	})
}

func groupID(t metrics.Tier, spanMS int64, group uint32) int64 {
	return span(t, spanMS)<<32 | int64(group)
}

// deleteAtOnce is the number of rows of a deletion's transaction: their pages
// are freed one by one, and writers wait meanwhile.
const deleteAtOnce = 200

// deleteSome runs a DELETE whose last parameter is a LIMIT until nothing is left.
func (s *Store) deleteSome(ctx context.Context, query string, args ...any) (rows int64, err error) {
	args = append(args, deleteAtOnce)
	for {
		var n int64
		err := s.db.Maintain(ctx, func(tx *sqlitedb.Tx) error {
			res, err := tx.Exec(query, args...)
			if err != nil {
				return err
			}
			n, err = res.RowsAffected()
			return err
		})
		rows += n
		if err != nil || n < deleteAtOnce {
			return rows, err
		}
	}
}

// DropPages implements metrics.Store.
func (s *Store) DropPages(ctx context.Context, t metrics.Tier, spanMS, through int64) error {
	query := `DELETE FROM minute_page WHERE id IN (SELECT id FROM minute_page WHERE span = ? AND id <= ? LIMIT ?)`
	if t == metrics.HourTier {
		query = `DELETE FROM hour_page WHERE id IN (SELECT id FROM hour_page WHERE span = ? AND id <= ? LIMIT ?)`
	}
	_, err := s.deleteSome(ctx, query, span(t, spanMS), through)
	return err
}

// DropBefore implements metrics.Store.
func (s *Store) DropBefore(ctx context.Context, t metrics.Tier, beforeMS int64) (rows int64, err error) {
	before := span(t, beforeMS)
	s.cache.forget(t, before)
	if t == metrics.MinuteTier {
		// A group must outlive its span's pages: it says which of them are in
		// the hour tier already.
		return s.deleteSome(ctx, `DELETE FROM minute_group WHERE id IN (SELECT id FROM minute_group
			WHERE id < ? AND NOT EXISTS (SELECT 1 FROM minute_page WHERE span = minute_group.id >> 32) LIMIT ?)`, before<<32)
	}
	pages, err := s.deleteSome(ctx, `DELETE FROM hour_page WHERE id IN (SELECT id FROM hour_page WHERE span < ? LIMIT ?)`, before)
	if err != nil {
		return pages, err
	}
	groups, err := s.deleteSome(ctx, `DELETE FROM hour_group WHERE id IN (SELECT id FROM hour_group WHERE id < ? LIMIT ?)`, before<<32)
	return pages + groups, err
}

// Bounds of one step of PackRaw.
const (
	packBatches = 512
	packPoints  = 256_000
)

// PackRaw implements metrics.Store.
func (s *Store) PackRaw(ctx context.Context, pack func(batches [][]byte) ([]chunk.Page, error)) (done bool, err error) {
	const query = `SELECT seq, points, from_ms, to_ms, data FROM batch
		WHERE generation <= (SELECT value FROM meta WHERE key = ?) ORDER BY seq LIMIT ?`
	rows, err := s.db.Read().QueryContext(ctx, query, keyFlushed, packBatches) //nolint:sqlclosecheck // each closes them
	if err != nil {
		return false, sqlitedb.Classify(err)
	}
	var batches [][]byte
	var seqs []int64
	from, to, total := int64(1<<62), int64(0), 0
	errEnough := errors.New("enough")
	_, err = each(rows, func() error {
		if total >= packPoints {
			return errEnough
		}
		var seq, first, last int64
		var points int
		var data []byte
		if err := rows.Scan(&seq, &points, &first, &last, &data); err != nil {
			return err
		}
		batches, seqs = append(batches, data), append(seqs, seq)
		from, to, total = min(from, first), max(to, last), total+points
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) || len(batches) == 0 {
		return err == nil, err
	}
	pages, err := pack(batches)
	if err != nil {
		return false, err
	}
	err = s.db.Maintain(ctx, func(tx *sqlitedb.Tx) error {
		for i := range pages {
			p := &pages[i]
			if _, err := tx.Exec(`INSERT INTO sample_page (from_ms, to_ms, lo, hi, data) VALUES (?, ?, ?, ?, ?)`,
				from, to, int64(p.Lo), int64(p.Hi), p.Data); err != nil {
				return err
			}
		}
		for _, seq := range seqs {
			if _, err := tx.Exec(`DELETE FROM batch WHERE seq = ?`, seq); err != nil {
				return err
			}
		}
		return nil
	})
	return false, err
}

// DropRawBefore implements metrics.Store.
func (s *Store) DropRawBefore(ctx context.Context, beforeMS, keysMS int64) (rows int64, err error) {
	for _, d := range []struct {
		query string
		args  []any
	}{
		{`DELETE FROM sample_page WHERE id IN (SELECT id FROM sample_page WHERE to_ms < ? LIMIT ?)`, []any{beforeMS}},
		{`DELETE FROM batch WHERE seq IN (SELECT seq FROM batch WHERE to_ms < ?
			AND generation <= (SELECT value FROM meta WHERE key = 'flushed_generation') LIMIT ?)`, []any{beforeMS}},
		{`DELETE FROM batch_key WHERE key IN (SELECT key FROM batch_key WHERE at < ? LIMIT ?)`, []any{keysMS}},
	} {
		n, err := s.deleteSome(ctx, d.query, d.args...)
		rows += n
		if err != nil {
			return rows, err
		}
	}
	return rows, nil
}

// ForgetSeries implements metrics.Store.
func (s *Store) ForgetSeries(ctx context.Context, ids []uint32) error {
	for len(ids) > 0 {
		n := min(len(ids), deleteAtOnce)
		err := s.db.Maintain(ctx, func(tx *sqlitedb.Tx) error {
			for _, id := range ids[:n] {
				if _, err := tx.Exec(`DELETE FROM series WHERE id = ?`, int64(id)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

// SaveSteady implements metrics.Store.
func (s *Store) SaveSteady(ctx context.Context, unixMS int64) error {
	return s.db.Maintain(ctx, func(tx *sqlitedb.Tx) error {
		_, err := tx.Exec(setMeta, keySteady, unixMS)
		return err
	})
}

// Shrink implements metrics.Store.
func (s *Store) Shrink(ctx context.Context) (done bool, err error) { return s.db.Compact(ctx) }
