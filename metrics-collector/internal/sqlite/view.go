package sqlite

import (
	"context"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// View implements metrics.Store.
func (s *Store) View(ctx context.Context) (metrics.View, error) {
	before := s.cache.versions.Load()
	snapshot, err := s.db.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	v := &view{Snapshot: snapshot, cache: s.cache}
	if s.cache.versions.Load() == before {
		v.versions = *before
	}
	return v, nil
}

type view struct {
	*sqlitedb.Snapshot
	cache    *cache
	versions spanVersions // those of the snapshot; nil when they changed while it was made
}

// Spans implements metrics.Store.
func (s *Store) Spans(ctx context.Context, t metrics.Tier) ([]metrics.PagedSpan, error) {
	v, err := s.View(ctx)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	return v.Spans(t, 0, 1<<60)
}

// Spans implements metrics.View.
func (v *view) Spans(t metrics.Tier, fromMS, toMS int64) ([]metrics.PagedSpan, error) {
	query := `SELECT span, count(*), max(id) FROM minute_page WHERE span >= ? AND span < ? GROUP BY span ORDER BY span`
	if t == metrics.HourTier {
		query = `SELECT span, count(*), max(id) FROM hour_page WHERE span >= ? AND span < ? GROUP BY span ORDER BY span`
	}
	var spans []metrics.PagedSpan
	up := t.SpanMS() - 1
	err := v.Each(func(rows *sqlitedb.Rows) error {
		var p metrics.PagedSpan
		if err := rows.Scan(&p.SpanMS, &p.Pages, &p.Through); err != nil {
			return err
		}
		p.SpanMS *= t.SpanMS()
		spans = append(spans, p)
		return nil
	}, query, span(t, fromMS+up), span(t, toMS+up))
	return spans, err
}

// Pages implements metrics.View.
func (v *view) Pages(t metrics.Tier, fromMS, toMS int64, lo, hi uint32, f func(spanMS, id int64, data []byte) error) error {
	query := `SELECT span, id, data FROM minute_page WHERE span >= ? AND span < ? AND lo <= ? AND hi >= ?`
	if t == metrics.HourTier {
		query = `SELECT span, id, data FROM hour_page WHERE span >= ? AND span < ? AND lo <= ? AND hi >= ?`
	}
	var number, id int64
	var data []byte
	up := t.SpanMS() - 1
	return v.Each(func(rows *sqlitedb.Rows) error {
		if err := rows.Scan(&number, &id, &data); err != nil {
			return err
		}
		return f(number*t.SpanMS(), id, data)
	}, query, span(t, fromMS+up), span(t, toMS+up), int64(hi), int64(lo))
}

// Raw implements metrics.View.
func (v *view) Raw(fromMS, toMS int64, lo, hi uint32, batch, page func(data []byte) error) error {
	read := func(f func([]byte) error) func(rows *sqlitedb.Rows) error {
		var data []byte
		return func(rows *sqlitedb.Rows) error {
			if err := rows.Scan(&data); err != nil {
				return err
			}
			return f(data)
		}
	}
	err := v.Each(read(page), `SELECT data FROM sample_page WHERE to_ms >= ? AND from_ms < ? AND lo <= ? AND hi >= ?`,
		fromMS, toMS, int64(hi), int64(lo))
	if err != nil {
		return err
	}
	return v.Each(read(batch), `SELECT data FROM batch WHERE to_ms >= ? AND from_ms < ?`, fromMS, toMS)
}
