package sqlite

import (
	"cmp"
	"context"
	"slices"

	"github.com/monlight/monlight/log-viewer/internal/block"
	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// Sources implements logs.Store.
func (s *Store) Sources(context.Context) ([]logs.SourceStats, error) {
	names, v := s.names(), s.view()
	by := make(map[uint32]*logs.SourceStats)
	add := func(source uint32, n, errors, bytes, first, last int64) {
		st := by[source]
		if st == nil {
			st = &logs.SourceStats{First: first, Last: last}
			by[source] = st
		}
		st.Entries += n
		st.Errors += errors
		st.Bytes += bytes
		st.First, st.Last = min(st.First, first), max(st.Last, last)
	}
	for _, b := range v.blocks {
		if b.damaged.Load() {
			continue
		}
		_ = b.EachSource(func(c *block.SourceSummary) { // it was checked when it was read
			errors := int64(0)
			for f, n := range c.Flags {
				if logs.Level(f&7) >= logs.Error { //nolint:gosec // below NFlags
					errors += int64(n)
				}
			}
			add(c.Source, int64(c.N), errors, c.Bytes, c.Min, c.Max)
		})
	}
	for i := range v.chunks {
		c := &v.chunks[i]
		for k, at := range c.Time {
			errors := int64(0)
			if logs.Level(c.Flags[k]&7) >= logs.Error {
				errors = 1
			}
			add(c.Source[k], 1, errors, int64(len(c.Message(k))), at, at)
		}
	}
	out := make([]logs.SourceStats, 0, len(by))
	s.mu.Lock()
	now := s.now()
	for id, st := range by {
		st.Source = logs.Source{Name: names.of(id), Labels: names.labels(id)}
		if r := s.rates[id]; r != nil {
			st.Rate = r.perMinute(now)
		}
		out = append(out, *st)
	}
	s.mu.Unlock()
	slices.SortFunc(out, func(a, b logs.SourceStats) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

// Stats implements logs.Store.
func (s *Store) Stats(ctx context.Context) (logs.Stats, error) {
	v := s.view()
	st := logs.Stats{LastID: v.lastID}
	span := func(first, last int64) {
		if st.Entries == 0 {
			st.First, st.Last = first, last
		}
		st.First, st.Last = min(st.First, first), max(st.Last, last)
	}
	level := func(flags int, n int64) {
		if l := flags & 7; l < len(st.Levels) {
			st.Levels[l] += n
		}
	}
	for _, b := range v.blocks {
		if b.damaged.Load() {
			continue
		}
		span(b.MinTime, b.MaxTime)
		st.Entries += int64(b.N)
		for f, n := range b.levels {
			level(f, int64(n))
		}
	}
	for i := range v.chunks {
		c := &v.chunks[i]
		span(slices.Min(c.Time), c.Top[c.Len()-1])
		st.Entries += int64(c.Len())
		for _, f := range c.Flags {
			level(int(f), 1)
		}
	}
	used, _, err := s.pages(ctx)
	st.DiskBytes = used + s.db.Stats().WALBytes
	return st, err
}

// pages are the bytes of the main file that are used, and those that are free.
func (s *Store) pages(ctx context.Context) (used, free int64, err error) {
	var count, unused, size int64
	const query = `SELECT (SELECT page_count FROM pragma_page_count), (SELECT freelist_count FROM pragma_freelist_count), (SELECT page_size FROM pragma_page_size)`
	if err := s.db.Read().QueryRowContext(ctx, query).Scan(&count, &unused, &size); err != nil {
		return 0, 0, sqlitedb.Classify(err)
	}
	return (count - unused) * size, unused * size, nil
}
