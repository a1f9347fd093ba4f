package metrics

import (
	"cmp"
	"slices"
	"sync"

	"github.com/monlight/monlight/metrics-collector/internal/metrics/chunk"
	"github.com/monlight/monlight/metrics-collector/internal/metrics/sketch"
)

// observation is a point whose series is known.
type observation struct {
	series    uint32
	histogram bool
	ms        int64
	value     float64
}

// generation accumulates points, in a cell for each series and minute, until
// it is flushed as a whole. Every batch is stored with the number of the
// generation that counts it, so that after a crash exactly the batches of
// generations that were not flushed are counted again.
type generation struct {
	id int64
	// pending are the batches that are being stored. When no further batch can
	// join and all are done, the generation has all that it will ever have.
	pending sync.WaitGroup

	mu     sync.Mutex
	heads  []uint32 // by series: the number of the cell made last, plus one
	slabs  [][]liveCell
	n      int
	others map[uint64]uint32 // series and minute -> number, of series with several cells
	// sketches are apart from the cells, so that the cells have no pointers and
	// the garbage collector need not look at them.
	sketches []sketch.Sketch
	points   int64
	bins     int
}

// liveCell is the cell of a series and minute. Cells of a series are linked.
type liveCell struct {
	chunk.Numbers
	series uint32
	minute int32
	next   uint32 // number of the series' cell made before, plus one
	sketch uint32 // number of its sketch, plus one
}

// slabCells is the number of cells that are allocated at a time.
const slabCells = 512

func newGeneration(id int64) *generation { return &generation{id: id} }

func (g *generation) cell(n uint32) *liveCell { return &g.slabs[n/slabCells][n%slabCells] }

// apply counts points.
func (g *generation) apply(obs []observation) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range obs {
		o := &obs[i]
		c := g.find(o.series, int32(o.ms/minuteMS))
		c.Add(o.value, o.ms)
		if o.histogram && g.sketchFor(c).Add(o.value) {
			g.bins++
		}
	}
	g.points += int64(len(obs))
}

// find is the cell of a series and minute, which is made if it is not there.
// Nearly all points are for the minute that their series had last.
func (g *generation) find(id uint32, minute int32) *liveCell {
	if int(id) >= len(g.heads) {
		g.heads = slices.Grow(g.heads, int(id)+1-len(g.heads))
		g.heads = g.heads[:cap(g.heads)]
	}
	head := g.heads[id]
	if head != 0 {
		newest := g.cell(head - 1)
		if newest.minute == minute {
			return newest
		}
		if newest.next != 0 {
			if n, ok := g.others[cellKey(id, minute)]; ok {
				return g.cell(n)
			}
		} else {
			if g.others == nil {
				g.others = make(map[uint64]uint32)
			}
			g.others[cellKey(id, newest.minute)] = head - 1
		}
	}
	n := uint32(g.n)
	if g.n++; int(n/slabCells) == len(g.slabs) {
		g.slabs = append(g.slabs, make([]liveCell, slabCells))
	}
	c := g.cell(n)
	*c = liveCell{series: id, minute: minute, next: head}
	g.heads[id] = n + 1
	if head != 0 {
		g.others[cellKey(id, minute)] = n
	}
	return c
}

// sketchFor is the sketch of a cell, which is made if it is not there.
func (g *generation) sketchFor(c *liveCell) *sketch.Sketch {
	if c.sketch == 0 {
		if n := len(g.sketches); n < cap(g.sketches) {
			// The memory of one of the generation before.
			g.sketches = g.sketches[:n+1]
			g.sketches[n].Reset()
		} else {
			g.sketches = append(g.sketches, sketch.Sketch{})
		}
		c.sketch = uint32(len(g.sketches))
	}
	return &g.sketches[c.sketch-1]
}

// sketchOf is the sketch of a cell, nil if it has none.
func (g *generation) sketchOf(c *liveCell) *sketch.Sketch {
	if c.sketch == 0 {
		return nil
	}
	return &g.sketches[c.sketch-1]
}

func cellKey(id uint32, minute int32) uint64 { return uint64(id)<<32 | uint64(uint32(minute)) }

// each calls f with the cells of a series.
func (g *generation) each(id uint32, f func(c *liveCell)) {
	if int(id) >= len(g.heads) {
		return
	}
	for n := g.heads[id]; n != 0; {
		c := g.cell(n - 1)
		f(c)
		n = c.next
	}
}

// sorted is all cells in the order of hour, series and minute.
func (g *generation) sorted() []*liveCell {
	cells := make([]*liveCell, g.n)
	for i := range cells {
		cells[i] = g.cell(uint32(i))
	}
	slices.SortFunc(cells, func(a, b *liveCell) int {
		if x, y := a.minute/60, b.minute/60; x != y {
			return cmp.Compare(x, y)
		}
		if a.series != b.series {
			return cmp.Compare(a.series, b.series)
		}
		return cmp.Compare(a.minute, b.minute)
	})
	return cells
}

// reset makes an empty generation of the memory, unless it is large.
func (g *generation) reset(id int64) *generation {
	const keepCells, keepBins = 32 << 10, 256 << 10
	if g == nil || g.n > keepCells || g.bins > keepBins {
		return newGeneration(id)
	}
	clear(g.heads)
	g.others = nil
	g.id, g.n, g.points, g.bins, g.sketches = id, 0, 0, 0, g.sketches[:0]
	return g
}
