package metrics

import (
	"cmp"
	"slices"

	"github.com/monlight/monlight/metrics-collector/internal/metrics/chunk"
	"github.com/monlight/monlight/metrics-collector/internal/metrics/sketch"
)

// pageCell is a cell on its way into a page.
type pageCell struct {
	series uint32
	bucket int
	*chunk.Numbers
	sketch *sketch.Sketch // or nil
}

// packPages sorts and packs cells of one span.
func packPages(t Tier, spanMS int64, cells []pageCell) []TierPage {
	slices.SortFunc(cells, func(a, b pageCell) int {
		if a.series != b.series {
			return cmp.Compare(a.series, b.series)
		}
		return cmp.Compare(a.bucket, b.bucket)
	})
	w := chunk.NewPageWriter(spanMS)
	for i := range cells {
		w.Add(cells[i].series, cells[i].bucket, cells[i].Numbers, cells[i].sketch)
	}
	packed := w.Pages()
	pages := make([]TierPage, len(packed))
	for i, p := range packed {
		pages[i] = TierPage{Tier: t, SpanMS: spanMS, Page: p}
	}
	return pages
}

// rollupsOf maps series, by id, to the rollups of their metrics. 0 is none.
func (x *index) rollupsOf(cells []*liveCell) []uint32 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	rollups := make([]uint32, len(x.all))
	for _, c := range cells {
		if m := x.all[c.series].metric; m != nil {
			rollups[c.series] = m.rollup
		}
	}
	return rollups
}

// mostLate is how many series get a new time in one flush, whose transaction
// others wait for. The rest comes with the next ones.
const mostLate = 2000

// seen notes the newest minute of the series of a generation. It returns the
// rows of those whose stored time is a day behind, at most mostLate.
func (x *index) seen(g *generation, rollups []uint32) (late []SeriesRow) {
	x.mu.Lock()
	defer x.mu.Unlock()
	listed := make(map[uint32]bool)
	note := func(id uint32, minute int32) {
		s := &x.all[id]
		if id == 0 || s.metric == nil {
			return
		}
		s.last = max(s.last, minute)
		if s.stored && s.last-s.saved >= dayMS/minuteMS && len(listed) < mostLate {
			listed[id] = true
		}
	}
	for n := range g.n {
		c := g.cell(uint32(n))
		note(c.series, c.minute)
		note(rollups[c.series], c.minute)
	}
	for id := range listed {
		late = append(late, SeriesRow{ID: id, LastSeen: int64(x.all[id].last) * minuteMS})
	}
	return late
}

// saved notes that the times of rows are stored.
func (x *index) saved(rows []SeriesRow) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range rows {
		x.all[rows[i].ID].saved = int32(rows[i].LastSeen / minuteMS)
	}
}
