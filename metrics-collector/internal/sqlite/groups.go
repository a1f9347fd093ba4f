package sqlite

import (
	"slices"
	"strconv"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
	"github.com/monlight/monlight/shared/sqlitedb"
)

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

// Groups implements metrics.View. Those that are in the cache are from there.
func (v *view) Groups(t metrics.Tier, blobs metrics.Blobs, spansMS []int64, wanted []uint32, f func(int64, metrics.GroupRow) error) error {
	if blobs != metrics.SumsOnly || v.versions == nil || len(spansMS)*len(wanted) > cacheableGroups {
		return v.readGroups(t, blobs, spansMS, wanted, f)
	}
	var rows []metrics.GroupRow
	missed := 0 // spans before this one that are not read yet
	for i, spanMS := range spansMS {
		key := spanKey{t, span(t, spanMS)}
		var ok bool
		if rows, ok = v.cache.get(rows[:0], key, v.versions[key], wanted); !ok {
			missed++
			continue
		}
		if err := v.readAndKeep(t, spansMS[i-missed:i], wanted, f); err != nil {
			return err
		}
		missed = 0
		for _, row := range rows {
			if err := f(spanMS, row); err != nil {
				return err
			}
		}
	}
	return v.readAndKeep(t, spansMS[len(spansMS)-missed:], wanted, f)
}

// readAndKeep reads groups and puts them, and those that are not there, into the cache.
func (v *view) readAndKeep(t metrics.Tier, spansMS []int64, wanted []uint32, f func(int64, metrics.GroupRow) error) error {
	at := 0 // number, in order of the answer, of the group to come
	keep := func(row metrics.GroupRow) {
		key := spanKey{t, span(t, spansMS[at/len(wanted)])}
		if version := v.versions[key]; version != merging {
			v.cache.put(key, version, row)
		}
		at++
	}
	absentBefore := func(n int) {
		for at < n {
			keep(metrics.GroupRow{Group: wanted[at%len(wanted)]})
		}
	}
	err := v.readGroups(t, metrics.SumsOnly, spansMS, wanted, func(spanMS int64, g metrics.GroupRow) error {
		i, _ := slices.BinarySearch(spansMS, spanMS)
		j, _ := slices.BinarySearch(wanted, g.Group)
		absentBefore(i*len(wanted) + j)
		keep(g)
		return f(spanMS, g)
	})
	if err != nil {
		return err
	}
	absentBefore(len(spansMS) * len(wanted))
	return nil
}

// readGroups reads wanted groups by their ids when they are few of their range,
// and the range of each span otherwise, in order.
func (v *view) readGroups(t metrics.Tier, blobs metrics.Blobs, spansMS []int64, wanted []uint32, f func(int64, metrics.GroupRow) error) error {
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
