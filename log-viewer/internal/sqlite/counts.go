package sqlite

import (
	"context"
	"math"

	"github.com/monlight/monlight/log-viewer/internal/block"
	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// whole tells whether all rows of the block are in the time of the filter.
func (q *filter) whole(b *sealed) bool { return b.MinTime >= q.since && b.MaxTime <= q.until }

// count is the number of entries that pass a filter without text: from what is
// known of the blocks, or by looking at the rows of those that reach beyond its
// time. exact is false when time ran out.
func (s *Store) count(q *filter, v view) (total int64, exact bool) {
	r := &reader{store: s, ctx: q.ctx}
	defer r.release()
	for _, u := range v.units(q) {
		if u.sealed == nil || !q.whole(u.sealed) {
			if q.late() || !r.each(q, u, func(row) bool { total++; return true }) {
				return total, false
			}
			continue
		}
		q.eachCount(u.sealed, func(_ *block.SourceSummary, flags uint8, n uint32) {
			if q.flags[flags] {
				total += int64(n)
			}
		})
	}
	return total, true
}

// eachCount calls f with the counts of a block by source, of those that pass,
// and by flags, of all.
func (q *filter) eachCount(b *sealed, f func(c *block.SourceSummary, flags uint8, n uint32)) {
	_ = b.EachSource(func(c *block.SourceSummary) { // it was checked when it was read
		if q.sources != nil && !q.sources[c.Source] {
			return
		}
		for flags, n := range c.Flags {
			if n > 0 {
				f(c, uint8(flags), n) //nolint:gosec // below NFlags
			}
		}
	})
}

// Histogram implements logs.Store. Without text it mostly answers from what is
// known of the blocks.
func (s *Store) Histogram(ctx context.Context, f logs.Filter, b logs.Buckets) (logs.Histogram, error) {
	h := logs.Histogram{Buckets: b}
	if err := b.Validate(); err != nil {
		return h, err
	}
	h.Counts = logs.NewCounts(b.N)
	limited, cancel := withDeadline(ctx, 0)
	defer cancel()
	q := s.newFilter(limited, f)
	start, step := nanoseconds(b.Start), int64(b.Step)
	end := int64(math.MaxInt64)
	if most := (math.MaxInt64 - max(start, 0)) / step; int64(b.N) <= most {
		end = start + int64(b.N)*step
	}
	q.since, q.until = max(q.since, start), min(q.until, end-1)
	add := func(at int64, flags uint8, n int64) {
		if level := flags & 7; int(level) < len(h.Counts[0]) {
			h.Counts[(at-start)/step][level] += n
		}
	}
	heavy := s.newHeavy(q)
	defer heavy.done()
	r := &reader{store: s, ctx: limited}
	defer r.release()
	for _, u := range s.view().units(q) {
		if u.sealed != nil && q.plan == nil && q.whole(u.sealed) && s.slots(q, u.sealed, start, step, add) {
			continue
		}
		if u.sealed != nil && !q.hasText(u.sealed, true) {
			continue
		}
		if q.late() || !heavy.next() || !r.each(q, u, func(w row) bool { add(w.at, w.flags, 1); return true }) {
			h.Partial = true
			break
		}
	}
	return h, sqlitedb.Classify(ctx.Err())
}

// slots adds the counts of a block without reading it, if its counts are fine
// enough for the buckets.
func (s *Store) slots(q *filter, b *sealed, start, step int64, add func(at int64, flags uint8, n int64)) bool {
	if (b.MinTime-start)/step == (b.MaxTime-start)/step {
		q.eachCount(b, func(_ *block.SourceSummary, flags uint8, n uint32) {
			if q.flags[flags] {
				add(b.MinTime, flags, int64(n))
			}
		})
		return true
	}
	slot := b.Slot()
	if slot == 0 || q.sources != nil || step%slot != 0 || start%slot != 0 {
		return false
	}
	_ = b.EachSlot(func(at int64, flags uint8, n uint32) { // a damaged one only miscounts
		if q.flags[flags] && at >= start {
			add(at, flags, int64(n))
		}
	})
	return true
}

// heavy lets one query at a time look through many blocks.
type heavy struct {
	q       *filter
	looked  int
	holding bool
}

func (s *Store) newHeavy(q *filter) *heavy { return &heavy{q: q} }

// next is to be called before each block. It returns false when time ran out.
func (h *heavy) next() bool {
	if h.looked++; h.looked <= lightUnits || h.holding {
		return true
	}
	select {
	case h.q.store.heavy <- struct{}{}:
		h.holding = true
		return true
	case <-h.q.ctx.Done():
		return false
	}
}

func (h *heavy) done() {
	if h.holding {
		<-h.q.store.heavy
	}
}

// Facets implements logs.Store.
func (s *Store) Facets(ctx context.Context, f logs.Filter) (logs.Facets, error) {
	limited, cancel := withDeadline(ctx, 0)
	defer cancel()
	// Rows are found by time and text; the parts of the filter that a facet
	// goes without are judged one by one.
	q := s.newFilter(limited, logs.Filter{Since: f.Since, Until: f.Until, Search: f.Search})
	t := newTally(q, f)
	var out logs.Facets
	heavy := s.newHeavy(q)
	defer heavy.done()
	r := &reader{store: s, ctx: limited}
	defer r.release()
	for _, u := range s.view().units(q) {
		if u.sealed != nil && q.plan == nil && q.whole(u.sealed) {
			q.eachCount(u.sealed, func(c *block.SourceSummary, flags uint8, n uint32) { t.add(c.Source, flags, int64(n)) })
			continue
		}
		if u.sealed != nil && !q.hasText(u.sealed, true) {
			continue
		}
		if q.late() || !heavy.next() || !r.each(q, u, func(w row) bool { t.add(w.source, w.flags, 1); return true }) {
			out.Partial = true
			break
		}
	}
	t.facets(&out)
	return out, sqlitedb.Classify(ctx.Err())
}

// tally counts entries by facet, each without its own part of the filter.
type tally struct {
	names   *sourceNames
	levels  [block.NFlags]bool
	streams [block.NFlags]bool
	chosen  map[string]bool // sources; nil is all
	service map[string]bool // services; nil is all

	bySource, byService map[uint32]int64
	byFlags             [2][block.NFlags]int64 // without the levels, without the streams
}

func newTally(q *filter, f logs.Filter) *tally {
	t := &tally{names: q.names, chosen: setOf(f.Sources), service: setOf(f.Services), bySource: make(map[uint32]int64), byService: make(map[uint32]int64)}
	for flags := range uint8(block.NFlags) {
		t.levels[flags] = f.Levels.Has(logs.Level(flags & 7))
		t.streams[flags] = len(f.Streams) == 0
		for _, s := range f.Streams {
			t.streams[flags] = t.streams[flags] || uint8(s) == flags>>3
		}
	}
	return t
}

func setOf(list []string) map[string]bool {
	if len(list) == 0 {
		return nil
	}
	out := make(map[string]bool, len(list))
	for _, s := range list {
		out[s] = true
	}
	return out
}

func (t *tally) add(source uint32, flags uint8, n int64) {
	level, stream := t.levels[flags], t.streams[flags]
	src := t.chosen == nil || t.chosen[t.names.of(source)]
	service := t.service == nil || t.service[t.names.labels(source).Service]
	if level && stream && service {
		t.bySource[source] += n
	}
	if level && stream && src {
		t.byService[source] += n
	}
	if src && service && stream {
		t.byFlags[0][flags] += n
	}
	if src && service && level {
		t.byFlags[1][flags] += n
	}
}

func (t *tally) facets(out *logs.Facets) {
	sources, services := make(map[string]int64), make(map[string]int64)
	for id, n := range t.bySource {
		sources[t.names.of(id)] += n
	}
	for id, n := range t.byService {
		if name := t.names.labels(id).Service; name != "" {
			services[name] += n
		}
	}
	out.Sources, out.Services = logs.Counts(sources), logs.Counts(services)
	for flags := range block.NFlags {
		if level := flags & 7; level < len(out.Levels) {
			out.Levels[level] += t.byFlags[0][flags]
		}
		out.Streams[flags>>3] += t.byFlags[1][flags]
	}
}
