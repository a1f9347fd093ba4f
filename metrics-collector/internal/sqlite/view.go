package sqlite

import (
	"context"
	"database/sql"
	"slices"
	"strconv"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// View implements metrics.Store.
func (s *Store) View(ctx context.Context) (metrics.View, error) {
	tx, err := s.db.Read().BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, sqlitedb.Classify(err)
	}
	// SQLite chooses the state of a transaction at its first read.
	var one int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM meta").Scan(&one); err != nil {
		tx.Rollback() //nolint:errcheck // nothing was written
		return nil, sqlitedb.Classify(err)
	}
	return &view{tx}, nil
}

type view struct{ tx *sql.Tx }

// Close implements metrics.View.
func (v *view) Close() error { return v.tx.Rollback() }

// query calls f for each row.
func (v *view) query(ctx context.Context, f func(rows *sql.Rows) error, query string, args ...any) error {
	rows, err := v.tx.QueryContext(ctx, query, args...)
	if err != nil {
		return sqlitedb.Classify(err)
	}
	_, err = each(rows, func() error { return f(rows) })
	return err
}

// Spans implements metrics.Store.
func (s *Store) Spans(ctx context.Context, t metrics.Tier) ([]metrics.PagedSpan, error) {
	v, err := s.View(ctx)
	if err != nil {
		return nil, err
	}
	defer v.Close() //nolint:errcheck // nothing was written
	return v.Spans(ctx, t, 0, 1<<60)
}

// Spans implements metrics.View.
func (v *view) Spans(ctx context.Context, t metrics.Tier, fromMS, toMS int64) ([]metrics.PagedSpan, error) {
	query := `SELECT span, count(*), max(id) FROM minute_page WHERE span >= ? AND span < ? GROUP BY span ORDER BY span`
	if t == metrics.HourTier {
		query = `SELECT span, count(*), max(id) FROM hour_page WHERE span >= ? AND span < ? GROUP BY span ORDER BY span`
	}
	var spans []metrics.PagedSpan
	up := t.SpanMS() - 1
	err := v.query(ctx, func(rows *sql.Rows) error {
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
func (v *view) Pages(ctx context.Context, t metrics.Tier, spanMS int64, lo, hi uint32, f func(id int64, data []byte) error) error {
	query := `SELECT id, data FROM minute_page WHERE span = ? AND lo <= ? AND hi >= ?`
	if t == metrics.HourTier {
		query = `SELECT id, data FROM hour_page WHERE span = ? AND lo <= ? AND hi >= ?`
	}
	var id int64
	var data sql.RawBytes
	return v.query(ctx, func(rows *sql.Rows) error {
		if err := rows.Scan(&id, &data); err != nil {
			return err
		}
		return f(id, data)
	}, query, span(t, spanMS), int64(hi), int64(lo))
}

// Groups implements metrics.View.
func (v *view) Groups(ctx context.Context, t metrics.Tier, spansMS []int64, wanted []uint32, f func(int64, metrics.GroupRow) error) error {
	return v.groups(ctx, t, "g.data", spansMS, wanted, f)
}

// Throughs implements metrics.View.
func (v *view) Throughs(ctx context.Context, t metrics.Tier, spansMS []int64, wanted []uint32, f func(int64, metrics.GroupRow) error) error {
	return v.groups(ctx, t, "NULL", spansMS, wanted, f)
}

const (
	// A range of groups is read as a whole when it has fewer than this many for
	// each one that is wanted.
	sparse = 4
	// listedAtOnce is the number of ids in one query.
	listedAtOnce = 2000
)

// groups reads wanted groups by their ids when they are few of their range,
// and the range of each span otherwise.
func (v *view) groups(ctx context.Context, t metrics.Tier, data string, spansMS []int64, wanted []uint32, f func(int64, metrics.GroupRow) error) error {
	if len(wanted) == 0 || len(spansMS) == 0 {
		return nil
	}
	table := "minute_group"
	if t == metrics.HourTier {
		table = "hour_group"
	}
	first, last := wanted[0], wanted[len(wanted)-1]
	if len(wanted) > 8 && int64(last-first) < sparse*int64(len(wanted)) {
		query := `SELECT g.id, g.through, ` + data + ` FROM ` + table + ` g WHERE g.id BETWEEN ? AND ?`
		for _, spanMS := range spansMS {
			if err := v.query(ctx, groupRow(t, wanted, f), query, groupID(t, spanMS, first), groupID(t, spanMS, last)); err != nil {
				return err
			}
		}
		return nil
	}
	query := `SELECT g.id, g.through, ` + data + ` FROM json_each(?) j CROSS JOIN ` + table + ` g ON g.id = j.value`
	for part := range slices.Chunk(spansMS, max(1, listedAtOnce/len(wanted))) {
		if err := v.query(ctx, groupRow(t, nil, f), query, idList(t, part, wanted)); err != nil {
			return err
		}
	}
	return nil
}

// groupRow reads a row and gives it to f, if it is wanted. A nil wanted wants
// all; otherwise the rows are of one span, in order.
func groupRow(t metrics.Tier, wanted []uint32, f func(int64, metrics.GroupRow) error) func(rows *sql.Rows) error {
	var id int64
	var raw sql.RawBytes
	next := 0
	return func(rows *sql.Rows) error {
		var g metrics.GroupRow
		if err := rows.Scan(&id, &g.Through, &raw); err != nil {
			return err
		}
		g.Group, g.Data = uint32(id), raw
		if wanted != nil {
			for next < len(wanted) && wanted[next] < g.Group {
				next++
			}
			if next == len(wanted) || wanted[next] != g.Group {
				return nil
			}
		}
		return f((id>>32)*t.SpanMS(), g)
	}
}

// idList is the ids of groups as a JSON array.
func idList(t metrics.Tier, spansMS []int64, wanted []uint32) string {
	b := make([]byte, 0, 20*len(wanted)*len(spansMS)+2)
	b = append(b, '[')
	for _, spanMS := range spansMS {
		for _, g := range wanted {
			if len(b) > 1 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(b, groupID(t, spanMS, g), 10)
		}
	}
	return string(append(b, ']'))
}

// Raw implements metrics.View.
func (v *view) Raw(ctx context.Context, fromMS, toMS int64, lo, hi uint32, batch, page func(data []byte) error) error {
	read := func(f func([]byte) error) func(rows *sql.Rows) error {
		var data sql.RawBytes
		return func(rows *sql.Rows) error {
			if err := rows.Scan(&data); err != nil {
				return err
			}
			return f(data)
		}
	}
	err := v.query(ctx, read(page), `SELECT data FROM sample_page WHERE to_ms >= ? AND from_ms < ? AND lo <= ? AND hi >= ?`,
		fromMS, toMS, int64(hi), int64(lo))
	if err != nil {
		return err
	}
	return v.query(ctx, read(batch), `SELECT data FROM batch WHERE to_ms >= ? AND from_ms < ?`, fromMS, toMS)
}
