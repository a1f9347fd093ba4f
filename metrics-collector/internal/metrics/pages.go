package metrics

import (
	"github.com/monlight/monlight/metrics-collector/internal/metrics/chunk"
	"github.com/monlight/monlight/metrics-collector/internal/metrics/sketch"
	"github.com/monlight/monlight/shared/errs"
)

// completeness is what groups say about the pages that they contain.
type completeness struct {
	all     bool           // remember it of every group
	spans   map[int64]bool // else of those of these
	through map[spanGroupKey]int64
}

type spanGroupKey struct {
	span  int64
	group uint32
}

func (c *completeness) note(span int64, g GroupRow) {
	if c.all || c.spans[span] {
		c.through[spanGroupKey{span, g.Group}] = g.Through
	}
}

// has tells whether a page's cell of a series is in its group.
func (c *completeness) has(span int64, series uint32, page int64) bool {
	return page <= c.through[spanGroupKey{span, series / chunk.GroupSize}]
}

// readPages adds the cells of pages, of the spans that begin in [from, to), that
// no group contains yet. Cells of the minute tier may be read into a segment of
// hours.
func (p *plan) readPages(view View, seg *Segment, t Tier, from, to int64, c *completeness, w *wanted) error {
	lo, hi := w.bounds()
	return view.Pages(t, from, to, lo, hi, func(span, id int64, data []byte) error {
		r, err := chunk.OpenPage(data, span)
		if err != nil {
			return err
		}
		r.Between(lo, hi, func(series uint32) bool { return w.of(series) >= 0 && !c.has(span, series, id) })
		for r.Next() {
			ms := span + int64(r.Bucket)*t.BucketMS()
			if ms < seg.FromMS || ms >= seg.ToMS {
				continue
			}
			bins := p.bins[:0]
			if p.q.Need&chunk.Sketches != 0 {
				if bins, err = r.Bins(bins); err != nil {
					return err
				}
				p.bins = bins
			}
			p.merge(p.in(seg, w.of(r.Series), ms), &r.Cell, bins)
		}
		if err := r.Err(); err != nil {
			return err
		}
		return p.tooLarge()
	})
}

// readUnmerged adds those minutes to a segment of hours that are not in the
// hour tier yet.
func (p *plan) readUnmerged(view View, seg *Segment) error {
	w := newWanted(p.stored)
	if len(w.list) == 0 {
		return nil
	}
	paged, err := view.Spans(MinuteTier, seg.FromMS, seg.ToMS)
	if err != nil || len(paged) == 0 {
		return err
	}
	c := completeness{all: true, through: make(map[spanGroupKey]int64)}
	spans := make([]int64, len(paged))
	for i, s := range paged {
		spans[i] = s.SpanMS
	}
	err = view.Groups(MinuteTier, NoBlobs, spans, w.groups, func(span int64, g GroupRow) error {
		c.note(span, g)
		return nil
	})
	if err != nil {
		return err
	}
	return p.readPages(view, seg, MinuteTier, spans[0], spans[len(spans)-1]+1, &c, w)
}

// readRaw adds points, which are in batches and in pages.
func (p *plan) readRaw(view View, seg *Segment) error {
	w := newWanted(p.live)
	lo, hi := w.bounds()
	var samples []chunk.Sample
	var one sketch.Sketch
	read := 0
	count := func() error {
		// A bound on the work, as rows have no other.
		const maxSamples = 50_000_000
		if read += len(samples); read > maxSamples {
			return errs.New(errs.Invalid, "the range has more than %d raw points: ask for a shorter range or a step of a minute", maxSamples)
		}
		for i := range samples {
			s := &samples[i]
			group := w.of(s.Series)
			if group < 0 || s.MS < seg.FromMS || s.MS >= seg.ToMS {
				continue
			}
			a := p.in(seg, group, s.MS)
			a.Add(s.Value, s.MS)
			if p.typ == Histogram {
				one.Reset()
				one.Add(s.Value)
				p.mergeBins(a, one.All())
			}
		}
		return p.tooLarge()
	}
	return view.Raw(seg.FromMS, seg.ToMS, lo, hi,
		func(data []byte) error {
			var err error
			if samples, err = chunk.DecodeBatch(samples[:0], data); err != nil {
				return err
			}
			return count()
		},
		func(data []byte) error {
			var err error
			if samples, err = chunk.DecodeSamples(samples[:0], data, func(id uint32) bool { return w.of(id) >= 0 }); err != nil {
				return err
			}
			return count()
		})
}
