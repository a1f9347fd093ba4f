package relay

import (
	"hash/maphash"
	"slices"
	"sync"
	"time"
)

// Limits of the series that the pages of a key can make, within seriesWindow.
const (
	MaxNames  = 200  // names of metrics
	MaxSeries = 2000 // names with labels

	seriesWindow = 24 * time.Hour
	otherPage    = "(other)"
)

// seriesGuard bounds the series of each key. A page that makes up names or
// labels uses up the bounds of its own key only.
type seriesGuard struct {
	now  func() time.Time
	seed maphash.Seed
	mu   sync.Mutex
	keys map[int64]*keySeries
}

// keySeries are the hashes of what was seen, of this window and the one before.
type keySeries struct {
	since         time.Time
	names, series [2]map[uint64]struct{}
}

func newSeriesGuard(now func() time.Time) *seriesGuard {
	return &seriesGuard{now: now, seed: maphash.MakeSeed(), keys: map[int64]*keySeries{}}
}

// admit tells whether m may be passed on. When its series is one too many it is
// counted under a common page instead, if it has one.
func (g *seriesGuard) admit(key int64, m *Metric) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	k := g.of(key)
	if !k.add(&k.names, maphash.String(g.seed, m.Name), MaxNames) {
		return false
	}
	if k.add(&k.series, g.hash(m), MaxSeries) {
		return true
	}
	if m.Label("page") == "" {
		return false
	}
	m.set("page", otherPage)
	// The common page has room of its own: it must be there when the rest is used up.
	return k.add(&k.series, g.hash(m), MaxSeries+MaxNames)
}

// of returns the series of a key; when a window is over, what was not seen in it
// is forgotten.
func (g *seriesGuard) of(key int64) *keySeries {
	now := g.now()
	k := g.keys[key]
	if k == nil {
		k = &keySeries{since: now, names: newSets(), series: newSets()}
		g.keys[key] = k
	}
	if now.Sub(k.since) >= seriesWindow {
		k.since = now
		k.names = [2]map[uint64]struct{}{{}, k.names[0]}
		k.series = [2]map[uint64]struct{}{{}, k.series[0]}
	}
	return k
}

func newSets() [2]map[uint64]struct{} { return [2]map[uint64]struct{}{{}, {}} }

// add notes h and tells whether it was known or there was room.
func (*keySeries) add(sets *[2]map[uint64]struct{}, h uint64, limit int) bool {
	if _, ok := sets[0][h]; ok {
		return true
	}
	if _, ok := sets[1][h]; ok {
		delete(sets[1], h)
		sets[0][h] = struct{}{}
		return true
	}
	if len(sets[0])+len(sets[1]) >= limit {
		return false
	}
	sets[0][h] = struct{}{}
	return true
}

func (g *seriesGuard) hash(m *Metric) uint64 {
	labels := slices.SortedFunc(slices.Values(m.Labels), func(a, b Label) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	var h maphash.Hash
	h.SetSeed(g.seed)
	write := func(s string) {
		_, _ = h.WriteString(s)
		_ = h.WriteByte(0)
	}
	write(m.Name)
	write(m.Type)
	for _, l := range labels {
		write(l.Name)
		write(l.Value)
	}
	return h.Sum64()
}
