// Package logstest has a store in memory for tests: simple enough to be seen to
// be right, so that the real one can be compared with it.
package logstest

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/shared/errs"
)

// Memory implements logs.Store by looking at every entry.
type Memory struct {
	mu      sync.RWMutex
	entries []logs.Entry // in the order of their IDs
	lastID  int64
	sources map[string]logs.Source
	cursors map[string][]byte
	keys    map[string]bool
	now     func() time.Time
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{sources: make(map[string]logs.Source), cursors: make(map[string][]byte), keys: make(map[string]bool), now: time.Now}
}

// Remove takes out the entries for which gone returns true.
func (m *Memory) Remove(gone func(logs.Entry) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries = slices.DeleteFunc(m.entries, gone)
}

// Append implements logs.Store.
func (m *Memory) Append(_ context.Context, b logs.Batch) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if b.Key != "" {
		if m.keys[b.Key] {
			return 0, nil
		}
		m.keys[b.Key] = true
	}
	for _, s := range b.Sources {
		m.sources[s.Name] = s
	}
	for _, c := range b.Cursors {
		if len(c.State) == 0 {
			delete(m.cursors, c.Key)
		} else {
			m.cursors[c.Key] = bytes.Clone(c.State)
		}
	}
	if len(b.Entries) == 0 {
		return 0, nil
	}
	first := m.lastID + 1
	for _, e := range b.Entries {
		m.lastID++
		e.ID = m.lastID
		if _, ok := m.sources[e.Source]; !ok {
			m.sources[e.Source] = logs.Source{Name: e.Source}
		}
		m.entries = append(m.entries, e)
	}
	return first, nil
}

// Cursors implements logs.Store.
func (m *Memory) Cursors(_ context.Context, prefix string) ([]logs.Cursor, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var out []logs.Cursor
	for _, k := range slices.Sorted(maps.Keys(m.cursors)) {
		if strings.HasPrefix(k, prefix) {
			out = append(out, logs.Cursor{Key: k, State: bytes.Clone(m.cursors[k])})
		}
	}
	return out, nil
}

func (m *Memory) pass(f logs.Filter, e logs.Entry) bool {
	return (len(f.Sources) == 0 || slices.Contains(f.Sources, e.Source)) &&
		(len(f.Services) == 0 || slices.Contains(f.Services, m.sources[e.Source].Labels.Service)) &&
		f.Levels.Has(e.Level) &&
		(len(f.Streams) == 0 || slices.Contains(f.Streams, e.Stream)) &&
		(f.Since.IsZero() || e.Time >= f.Since.UnixNano()) &&
		(f.Until.IsZero() || e.Time <= f.Until.UnixNano()) &&
		f.Search.Match(e)
}

// matching returns the entries that pass, in the order of their IDs.
func (m *Memory) matching(f logs.Filter) []logs.Entry {
	var out []logs.Entry
	for _, e := range m.entries {
		if m.pass(f, e) {
			out = append(out, e)
		}
	}
	return out
}

// newestFirst is the order of a search.
func newestFirst(a, b logs.Entry) int {
	return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(b.ID, a.ID))
}

// Search implements logs.Store. It ignores the deadline.
func (m *Memory) Search(_ context.Context, q logs.Query) (logs.Page, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if err := q.Validate(); err != nil {
		return logs.Page{}, err
	}
	all := m.matching(q.Filter)
	slices.SortFunc(all, newestFirst)
	page := logs.Page{Total: int64(len(all)), Exact: true}
	if q.After != nil {
		after := logs.Entry{Time: q.After.Time, ID: q.After.ID}
		all = slices.DeleteFunc(all, func(e logs.Entry) bool { return newestFirst(after, e) >= 0 })
	}
	all = all[min(q.Offset, len(all)):]
	page.Entries = all[:min(q.Limit, len(all))]
	if len(all) > q.Limit {
		last := page.Entries[q.Limit-1]
		page.Next = &logs.Position{Time: last.Time, ID: last.ID}
	}
	return page, nil
}

// Entry implements logs.Store.
func (m *Memory) Entry(_ context.Context, id int64) (logs.Entry, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.entry(id)
}

func (m *Memory) entry(id int64) (logs.Entry, error) {
	for _, e := range m.entries {
		if e.ID == id {
			return e, nil
		}
	}
	return logs.Entry{}, errs.New(errs.NotFound, "log entry %d not found", id)
}

// Around implements logs.Store.
func (m *Memory) Around(_ context.Context, id int64, f logs.Filter, before, after int) ([]logs.Entry, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	e, err := m.entry(id)
	if err != nil {
		return nil, err
	}
	near := logs.Filter{Sources: f.Sources, Services: f.Services, Streams: f.Streams}
	if len(f.Sources)+len(f.Services) == 0 {
		near.Sources = []string{e.Source}
	}
	all := slices.DeleteFunc(m.matching(near), func(o logs.Entry) bool { return o.ID == id })
	all = append(all, e)
	slices.SortFunc(all, func(a, b logs.Entry) int { return newestFirst(b, a) })
	at := slices.IndexFunc(all, func(o logs.Entry) bool { return o.ID == id })
	return all[max(0, at-before):min(len(all), at+after+1)], nil
}

// Since implements logs.Store.
func (m *Memory) Since(_ context.Context, after int64, f logs.Filter, limit int) ([]logs.Entry, int64, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var out []logs.Entry
	for _, e := range m.entries {
		if e.ID > after && m.pass(f, e) {
			if out = append(out, e); len(out) == limit {
				return out, e.ID, nil
			}
		}
	}
	return out, max(after, m.lastID), nil
}

// Histogram implements logs.Store.
func (m *Memory) Histogram(_ context.Context, f logs.Filter, b logs.Buckets) (logs.Histogram, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	h := logs.Histogram{Buckets: b}
	if err := b.Validate(); err != nil {
		return h, err
	}
	h.Counts = logs.NewCounts(b.N)
	for _, e := range m.matching(f) {
		if d := e.Time - b.Start.UnixNano(); d >= 0 && d/int64(b.Step) < int64(b.N) {
			h.Counts[d/int64(b.Step)][e.Level]++
		}
	}
	return h, nil
}

// Facets implements logs.Store.
func (m *Memory) Facets(_ context.Context, f logs.Filter) (logs.Facets, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var out logs.Facets
	sources, services := make(map[string]int64), make(map[string]int64)
	without := f
	without.Sources = nil
	for _, e := range m.matching(without) {
		sources[e.Source]++
	}
	without = f
	without.Services = nil
	for _, e := range m.matching(without) {
		if s := m.sources[e.Source].Labels.Service; s != "" {
			services[s]++
		}
	}
	without = f
	without.Levels = 0
	for _, e := range m.matching(without) {
		out.Levels[e.Level]++
	}
	without = f
	without.Streams = nil
	for _, e := range m.matching(without) {
		out.Streams[e.Stream]++
	}
	out.Sources, out.Services = logs.Counts(sources), logs.Counts(services)
	return out, nil
}

// rateTime is the time over which SourceStats.Rate is measured.
const rateTime = 5 * time.Minute

// Sources implements logs.Store.
func (m *Memory) Sources(context.Context) ([]logs.SourceStats, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	from := m.now().Add(-rateTime).UnixNano()
	by := make(map[string]*logs.SourceStats)
	for _, e := range m.entries {
		s := by[e.Source]
		if s == nil {
			s = &logs.SourceStats{Source: m.sources[e.Source], First: e.Time, Last: e.Time}
			by[e.Source] = s
		}
		s.Entries++
		s.Bytes += int64(len(e.Message))
		s.First, s.Last = min(s.First, e.Time), max(s.Last, e.Time)
		if e.Level >= logs.Error {
			s.Errors++
		}
		if e.Time > from {
			s.Rate += 1 / rateTime.Minutes()
		}
	}
	var out []logs.SourceStats
	for _, name := range slices.Sorted(maps.Keys(by)) {
		out = append(out, *by[name])
	}
	return out, nil
}

// Stats implements logs.Store.
func (m *Memory) Stats(context.Context) (logs.Stats, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	st := logs.Stats{LastID: m.lastID, Entries: int64(len(m.entries))}
	for i, e := range m.entries {
		if i == 0 {
			st.First, st.Last = e.Time, e.Time
		}
		st.First, st.Last = min(st.First, e.Time), max(st.Last, e.Time)
		st.Levels[e.Level]++
	}
	return st, nil
}
