package metrics

import (
	"github.com/monlight/monlight/metrics-collector/internal/metrics/chunk"
	"github.com/monlight/monlight/metrics-collector/internal/metrics/sketch"
)

// wanted finds the group of a series among those that are asked for.
type wanted struct {
	list   []selected
	groups []uint32 // of chunks, ascending
	byID   []int32  // group of the answer plus one, from the first id on
	first  uint32
}

func newWanted(list []selected) *wanted {
	w := &wanted{list: list}
	if len(list) == 0 {
		return w
	}
	w.first = list[0].id
	w.byID = make([]int32, list[len(list)-1].id-w.first+1)
	for _, s := range list {
		w.byID[s.id-w.first] = s.group + 1
		g := s.id / chunk.GroupSize
		if n := len(w.groups); n == 0 || w.groups[n-1] != g {
			w.groups = append(w.groups, g)
		}
	}
	return w
}

// of is the group of the answer of a series, -1 if it is not wanted.
func (w *wanted) of(id uint32) int32 {
	if id < w.first || int(id-w.first) >= len(w.byID) {
		return -1
	}
	return w.byID[id-w.first] - 1
}

func (w *wanted) bounds() (lo, hi uint32) { return w.list[0].id, w.list[len(w.list)-1].id }

// readTier adds the groups and pages of a tier.
func (p *plan) readTier(view View, seg *Segment, t Tier) error {
	w := newWanted(p.stored)
	if len(w.list) == 0 {
		return nil
	}
	first := floorTo(seg.FromMS, t.SpanMS())
	var spans []int64
	for span := first; span < seg.ToMS; span += t.SpanMS() {
		spans = append(spans, span)
	}
	c := completeness{through: make(map[spanGroupKey]int64)}
	// It takes longer to ask which spans have pages than to remember a few groups.
	c.all = len(spans)*len(w.groups) <= fewGroups
	if !c.all {
		paged, err := view.Spans(t, first, seg.ToMS)
		if err != nil {
			return err
		}
		c.spans = make(map[int64]bool, len(paged))
		for _, s := range paged {
			c.spans[s.SpanMS] = true
		}
	}
	err := p.eachGroup(view, t, spans, w.groups, c.note, func(span int64, g GroupRow) error { return p.readGroup(seg, t, span, g, w) })
	if err != nil || !c.all && len(c.spans) == 0 {
		return err
	}
	return p.readPages(view, seg, t, first, seg.ToMS, &c, w)
}

func (p *plan) blobs() Blobs {
	if p.q.Need.NeedRest() {
		return AllBlobs
	}
	return SumsOnly
}

func (p *plan) readGroup(seg *Segment, t Tier, span int64, g GroupRow, w *wanted) error {
	if err := p.group.Open(g.Sums, g.Rest, span, t.BucketMS()); err != nil {
		return err
	}
	p.place.set(seg, t, span)
	first := g.Group * chunk.GroupSize
	for offset := range chunk.GroupSize {
		group := w.of(first + uint32(offset))
		if group < 0 || !p.group.Has(offset) {
			continue
		}
		if err := p.group.Read(offset, p.q.Need); err != nil {
			return err
		}
		if err := p.readSeries(p.rowsOf(group)); err != nil {
			return err
		}
	}
	return p.tooLarge()
}

// places are the numbers, in the answer, of the buckets of a span; -1 is none.
// They are the same for all series.
type places struct {
	seg  *Segment
	tier Tier
	span int64
	of   [64]int32
}

func (l *places) set(seg *Segment, t Tier, span int64) {
	if l.seg == seg && l.tier == t && l.span == span {
		return
	}
	l.seg, l.tier, l.span = seg, t, span
	for i := range l.of {
		ms := span + int64(i)*t.BucketMS()
		if ms < seg.FromMS || ms >= seg.ToMS {
			l.of[i] = -1
			continue
		}
		l.of[i] = int32(seg.first) + int32((ms-seg.FromMS)/seg.WidthMS)
	}
}

// readSeries adds the decoded chunk of a series.
func (p *plan) readSeries(rows []accumulator) error {
	c, need := &p.group.Chunk, p.q.Need
	if !need.NeedRest() {
		p.readSums(rows)
		return nil
	}
	for i, bucket := range c.Buckets {
		at := p.place.of[bucket&63]
		if at < 0 {
			continue
		}
		a := &rows[at]
		fresh := a.Count == 0
		a.Count += uint64(c.Count[i])
		if need&chunk.Sum != 0 {
			a.Sum = chunk.Add(a.Sum, c.Sum[i])
		}
		if need&chunk.Min != 0 && (fresh || c.Min[i] < a.Min) {
			a.Min = c.Min[i]
		}
		if need&chunk.Max != 0 && (fresh || c.Max[i] > a.Max) {
			a.Max = c.Max[i]
		}
		if need&chunk.Last != 0 && (fresh || c.LastMS[i] >= a.LastMS) {
			a.Last, a.LastMS = c.Last[i], c.LastMS[i]
		}
	}
	if need&chunk.Sketches == 0 || !c.HasSketches() {
		return nil
	}
	var err error
	p.bins, err = c.EachSketch(p.bins, func(i int, bins []sketch.Bin) {
		if at := p.place.of[c.Buckets[i]&63]; at >= 0 {
			p.mergeBins(&rows[at], bins)
		}
	})
	return err
}

// readSums is readSeries for what most queries need.
func (p *plan) readSums(rows []accumulator) {
	c := &p.group.Chunk
	count, sum := c.Count[:len(c.Buckets)], c.Sum
	if p.q.Need&chunk.Sum == 0 {
		for i, bucket := range c.Buckets {
			if at := p.place.of[bucket&63]; at >= 0 {
				rows[at].Count += uint64(count[i])
			}
		}
		return
	}
	sum = sum[:len(c.Buckets)]
	for i, bucket := range c.Buckets {
		if at := p.place.of[bucket&63]; at >= 0 {
			a := &rows[at]
			a.Count += uint64(count[i])
			a.Sum = chunk.Add(a.Sum, sum[i])
		}
	}
}
