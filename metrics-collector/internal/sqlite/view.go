package sqlite

import (
	"context"
	"slices"
	"strconv"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// View implements metrics.Store.
func (s *Store) View(ctx context.Context) (metrics.View, error) {
	snapshot, err := s.db.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return &view{snapshot}, nil
}

type view struct{ *sqlitedb.Snapshot }

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
func (v *view) Pages(t metrics.Tier, spanMS int64, lo, hi uint32, f func(id int64, data []byte) error) error {
	query := `SELECT id, data FROM minute_page WHERE span = ? AND lo <= ? AND hi >= ?`
	if t == metrics.HourTier {
		query = `SELECT id, data FROM hour_page WHERE span = ? AND lo <= ? AND hi >= ?`
	}
	var id int64
	var data []byte
	return v.Each(func(rows *sqlitedb.Rows) error {
		if err := rows.Scan(&id, &data); err != nil {
			return err
		}
		return f(id, data)
	}, query, span(t, spanMS), int64(hi), int64(lo))
}

const (
	// A range of groups is read as a whole when it has fewer than this many for
	// each one that is wanted.
	sparse = 4
	// few groups are read one by one, which takes less than a list of them.
	few = 3
	// listedAtOnce is the number of ids in one query.
	listedAtOnce = 2000
)

// groupQueries read groups: of a range of ids, and of a list of them.
type groupQueries struct{ between, listed string }

// groupQueriesOf are the queries by tier and by blobs.
var groupQueriesOf = func() (all [2][3]groupQueries) {
	for t, table := range []string{metrics.MinuteTier: "minute_group", metrics.HourTier: "hour_group"} {
		for blobs, columns := range []string{metrics.NoBlobs: "NULL, NULL", metrics.SumsOnly: "g.sums, NULL", metrics.AllBlobs: "g.sums, g.rest"} {
			all[t][blobs] = groupQueries{
				`SELECT g.id, g.through, ` + columns + ` FROM ` + table + ` g WHERE g.id BETWEEN ? AND ?`,
				`SELECT g.id, g.through, ` + columns + ` FROM json_each(?) j CROSS JOIN ` + table + ` g ON g.id = j.value`,
			}
		}
	}
	return all
}()

// Groups implements metrics.View. It reads wanted groups by their ids when they
// are few of their range, and the range of each span otherwise.
func (v *view) Groups(t metrics.Tier, blobs metrics.Blobs, spansMS []int64, wanted []uint32, f func(int64, metrics.GroupRow) error) error {
	if len(wanted) == 0 || len(spansMS) == 0 {
		return nil
	}
	queries := &groupQueriesOf[t][blobs]
	first, last := wanted[0], wanted[len(wanted)-1]
	if len(wanted) > 8 && int64(last-first) < sparse*int64(len(wanted)) {
		for _, spanMS := range spansMS {
			if err := v.Each(groupRow(t, wanted, f), queries.between, groupID(t, spanMS, first), groupID(t, spanMS, last)); err != nil {
				return err
			}
		}
		return nil
	}
	if len(wanted)*len(spansMS) <= few {
		for _, spanMS := range spansMS {
			for _, g := range wanted {
				id := groupID(t, spanMS, g)
				if err := v.Each(groupRow(t, nil, f), queries.between, id, id); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for part := range slices.Chunk(spansMS, max(1, listedAtOnce/len(wanted))) {
		if err := v.Each(groupRow(t, nil, f), queries.listed, idList(t, part, wanted)); err != nil {
			return err
		}
	}
	return nil
}

// groupRow reads a row and gives it to f, if it is wanted. A nil wanted wants
// all; otherwise the rows are of one span, in order.
func groupRow(t metrics.Tier, wanted []uint32, f func(int64, metrics.GroupRow) error) func(rows *sqlitedb.Rows) error {
	var id int64
	var sums, rest []byte
	next := 0
	return func(rows *sqlitedb.Rows) error {
		var g metrics.GroupRow
		if err := rows.Scan(&id, &g.Through, &sums, &rest); err != nil {
			return err
		}
		g.Group, g.Sums, g.Rest = uint32(id), sums, rest
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
