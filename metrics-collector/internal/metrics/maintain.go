package metrics

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/monlight/monlight/metrics-collector/internal/metrics/chunk"
	"github.com/monlight/monlight/metrics-collector/internal/metrics/sketch"
)

const (
	// mergeDelay is how long after its end a span is merged: clients send what
	// they have gathered some seconds late.
	mergeDelay = 5 * time.Minute
	// mergeAgain is the time after which a span with new late points is merged
	// again, unless mergePages have come together before.
	mergeAgain = 5 * time.Minute
	mergePages = 64
	// mergeGroups is the number of groups that are merged at a time: it bounds
	// the memory, and how long the writer is busy.
	mergeGroups = 16
	forgetEvery = time.Hour
	shrinkEvery = 30 * time.Minute
)

type mergeKey struct {
	tier   Tier
	spanMS int64
}

// Maintain does what is due: merging pages into groups, packing raw points,
// retention, and forgetting series that are idle longer than the retention. It
// goes by what is stored, not by what was done: it may be called at any time,
// and an error or the end of the process loses nothing.
func (s *Service) Maintain(ctx context.Context) error {
	s.maintainMu.Lock()
	defer s.maintainMu.Unlock()
	now := s.clock.now()
	return errors.Join(
		s.merge(ctx, MinuteTier),
		s.merge(ctx, HourTier),
		s.packRaw(ctx),
		s.retain(ctx, now),
		s.forget(ctx, now),
		s.shrink(ctx),
		s.store.SaveSteady(ctx, now),
	)
}

// merge merges the pages of spans that are over.
func (s *Service) merge(ctx context.Context, t Tier) error {
	spans, err := s.store.Spans(ctx, t)
	if err != nil {
		return fmt.Errorf("look for pages: %w", err)
	}
	wall := s.opts.Now().UnixMilli()
	open := make(map[mergeKey]bool, len(spans))
	for _, span := range spans {
		key := mergeKey{t, span.SpanMS}
		open[key] = true
		if span.SpanMS+t.SpanMS()+mergeDelay.Milliseconds() > wall {
			continue
		}
		if last, ok := s.lastMerge[key]; ok && s.opts.Elapsed()-last < mergeAgain && span.Pages < mergePages {
			continue
		}
		if err := s.mergeSpan(ctx, t, span); err != nil {
			return fmt.Errorf("merge the %s tier of %s: %w", t, time.UnixMilli(span.SpanMS).UTC().Format(time.RFC3339), err)
		}
		s.lastMerge[key] = s.opts.Elapsed()
		s.stats.merges.Add(1)
	}
	for key := range s.lastMerge {
		if key.tier == t && !open[key] {
			delete(s.lastMerge, key)
		}
	}
	return nil
}

// mergeSpan merges the pages of a span into its groups, some groups at a time.
// Each step is one transaction that also says up to which page a group is
// complete, so between the steps, and after a crash, nothing is missing or
// counted twice.
func (s *Service) mergeSpan(ctx context.Context, t Tier, span PagedSpan) error {
	groups, err := s.groupsWithPages(ctx, t, span)
	if err != nil {
		return err
	}
	m := merger{tier: t, span: span}
	for part := range slices.Chunk(groups, mergeGroups) {
		if err := m.read(ctx, s.store, part); err != nil {
			return s.noteDamage(err)
		}
		if err := s.store.Merge(ctx, t, span.SpanMS, m.groups(part), m.hourPages()); err != nil {
			return err
		}
	}
	return s.store.DropPages(ctx, t, span.SpanMS, span.Through)
}

// groupsWithPages are the groups of which the span's pages have cells.
func (s *Service) groupsWithPages(ctx context.Context, t Tier, span PagedSpan) ([]uint32, error) {
	view, err := s.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	seen := make(map[uint32]bool)
	err = view.Pages(t, span.SpanMS, span.SpanMS+1, 0, 1<<32-1, func(_, id int64, data []byte) error {
		if id > span.Through {
			return nil
		}
		p, err := chunk.OpenPage(data, span.SpanMS)
		if err != nil {
			return err
		}
		for p.Next() {
			seen[p.Series/chunk.GroupSize] = true
		}
		return p.Err()
	})
	groups := make([]uint32, 0, len(seen))
	for g := range seen {
		groups = append(groups, g)
	}
	slices.Sort(groups)
	return groups, s.noteDamage(err)
}

// merger holds the cells of some groups of a span.
type merger struct {
	tier Tier
	span PagedSpan

	cells   map[uint32][]chunk.Cell // by series
	hours   map[uint32]*chunk.Cell  // of the minute tier: what is new for the hour tier
	through map[uint32]int64        // by group
	scratch []sketch.Bin
	reader  chunk.GroupReader
}

func (m *merger) read(ctx context.Context, store Store, part []uint32) error {
	m.cells, m.hours, m.through = make(map[uint32][]chunk.Cell), make(map[uint32]*chunk.Cell), make(map[uint32]int64)
	view, err := store.View(ctx)
	if err != nil {
		return err
	}
	defer view.Close()
	if err := view.Groups(m.tier, AllBlobs, []int64{m.span.SpanMS}, part, m.readGroup); err != nil {
		return err
	}
	wanted := make(map[uint32]bool, len(part))
	for _, g := range part {
		wanted[g] = true
	}
	lo, hi := part[0]*chunk.GroupSize, part[len(part)-1]*chunk.GroupSize+chunk.GroupSize-1
	return view.Pages(m.tier, m.span.SpanMS, m.span.SpanMS+1, lo, hi, func(_, id int64, data []byte) error {
		if id > m.span.Through {
			return nil
		}
		p, err := chunk.OpenPage(data, m.span.SpanMS)
		if err != nil {
			return err
		}
		for p.Next() {
			group := p.Series / chunk.GroupSize
			if !wanted[group] || id <= m.through[group] {
				continue
			}
			if p.Bucket >= m.tier.Buckets() {
				return chunk.ErrDamaged
			}
			if m.scratch, err = p.Bins(m.scratch[:0]); err != nil {
				return err
			}
			cells := m.of(p.Series)
			cells[p.Bucket].MergeNumbers(&p.Cell)
			cells[p.Bucket].Sketch.MergeBins(m.scratch)
			if m.tier == MinuteTier {
				h := m.hours[p.Series]
				if h == nil {
					h = new(chunk.Cell)
					m.hours[p.Series] = h
				}
				h.MergeNumbers(&p.Cell)
				h.Sketch.MergeBins(m.scratch)
			}
		}
		return p.Err()
	})
}

func (m *merger) readGroup(_ int64, g GroupRow) error {
	m.through[g.Group] = g.Through
	if err := m.reader.Open(g.Sums, g.Rest, m.span.SpanMS, m.tier.BucketMS()); err != nil {
		return err
	}
	for offset := range chunk.GroupSize {
		if !m.reader.Has(offset) {
			continue
		}
		if err := m.reader.Read(offset, chunk.AllColumns); err != nil {
			return err
		}
		var err error
		if m.scratch, err = m.reader.MergeInto(m.of(g.Group*chunk.GroupSize+uint32(offset)), m.scratch); err != nil {
			return err
		}
	}
	return nil
}

func (m *merger) of(series uint32) []chunk.Cell {
	cells := m.cells[series]
	if cells == nil {
		cells = make([]chunk.Cell, m.tier.Buckets())
		m.cells[series] = cells
	}
	return cells
}

func (m *merger) groups(part []uint32) []GroupRow {
	var w chunk.GroupWriter
	rows := make([]GroupRow, 0, len(part))
	for _, g := range part {
		w.Reset(m.span.SpanMS, m.tier.BucketMS())
		for offset := range chunk.GroupSize {
			if cells := m.cells[g*chunk.GroupSize+uint32(offset)]; cells != nil {
				w.Add(offset, cells)
			}
		}
		if w.Len() > 0 {
			row := GroupRow{Group: g, Through: m.span.Through}
			row.Sums, row.Rest = w.Bytes()
			rows = append(rows, row)
		}
	}
	return rows
}

// hourPages is what merged minutes add to the hour tier.
func (m *merger) hourPages() []TierPage {
	if len(m.hours) == 0 {
		return nil
	}
	day := floorTo(m.span.SpanMS, dayMS)
	cells := make([]pageCell, 0, len(m.hours))
	for series, c := range m.hours {
		cells = append(cells, pageCell{series, int((m.span.SpanMS - day) / hourMS), &c.Numbers, &c.Sketch})
	}
	return packPages(HourTier, day, cells)
}

// packRaw sorts the points of flushed batches by series.
func (s *Service) packRaw(ctx context.Context) error {
	for {
		done, err := s.store.PackRaw(ctx, packSamples)
		if err != nil {
			return fmt.Errorf("pack raw points: %w", s.noteDamage(err))
		}
		if done {
			return nil
		}
	}
}

// packSamples makes sorted pages of batches. The sort is by counting: it keeps
// the order of a series' points, which is nearly that of time.
func packSamples(batches [][]byte) ([]chunk.Page, error) {
	var all []chunk.Sample
	var err error
	for _, data := range batches {
		if all, err = chunk.DecodeBatch(all, data); err != nil {
			return nil, err
		}
	}
	highest := uint32(0)
	for i := range all {
		highest = max(highest, all[i].Series)
	}
	place := make([]uint32, highest+2)
	for i := range all {
		place[all[i].Series+1]++
	}
	for i := 1; i < len(place); i++ {
		place[i] += place[i-1]
	}
	sorted := make([]chunk.Sample, len(all))
	for i := range all {
		sorted[place[all[i].Series]] = all[i]
		place[all[i].Series]++
	}
	return chunk.SamplePages(sorted), nil
}

// retain deletes what is older than the retention of its tier.
func (s *Service) retain(ctx context.Context, now int64) error {
	minutes, err1 := s.store.DropBefore(ctx, MinuteTier, s.minuteFloor(now))
	hours, err2 := s.store.DropBefore(ctx, HourTier, s.hourFloor(now))
	raw, err3 := s.store.DropRawBefore(ctx, now-s.opts.RetentionRaw.Milliseconds(), now-keyLife.Milliseconds())
	if minutes+hours+raw > 0 {
		s.log.DebugContext(ctx, "deleted expired data", "minute_rows", minutes, "hour_rows", hours, "raw_rows", raw)
	}
	return errors.Join(err1, err2, err3)
}

// forget drops series without a point in any tier. LastSeen is up to a day
// behind, and so is the end of the last span.
func (s *Service) forget(ctx context.Context, now int64) error {
	if e := s.opts.Elapsed(); s.lastForget != 0 && e-s.lastForget < forgetEvery {
		return nil
	}
	s.lastForget = s.opts.Elapsed()
	// Not while batches hold ids of series that they found.
	s.flushMu.Lock()
	defer s.flushMu.Unlock()
	s.viewMu.RLock()
	frozen := s.frozen
	s.viewMu.RUnlock()
	if frozen != nil {
		return nil
	}
	s.genMu.Lock()
	defer s.genMu.Unlock()
	s.current.pending.Wait()
	s.index.seen(s.current, s.index.rollupsOf(s.current.sorted()))
	ids := s.index.forget(int32((s.hourFloor(now) - 2*dayMS) / minuteMS))
	if len(ids) == 0 {
		return nil
	}
	s.log.InfoContext(ctx, "forgot idle series", "series", len(ids))
	return s.store.ForgetSeries(ctx, ids)
}

// shrink gives free space back while there is time. It is not done each time:
// the space of packed batches is used again by the next ones.
func (s *Service) shrink(ctx context.Context) error {
	const steps = 50
	if e := s.opts.Elapsed(); s.lastShrink != 0 && e-s.lastShrink < shrinkEvery {
		return nil
	}
	s.lastShrink = max(s.opts.Elapsed(), 1)
	for range steps {
		done, err := s.store.Shrink(ctx)
		if err != nil || done {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// noteDamage counts damaged blobs.
func (s *Service) noteDamage(err error) error {
	if errors.Is(err, chunk.ErrDamaged) || errors.Is(err, sketch.ErrDamaged) {
		s.stats.damaged.Add(1)
	}
	return err
}
