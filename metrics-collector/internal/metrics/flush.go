package metrics

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/monlight/monlight/metrics-collector/internal/metrics/chunk"
	"github.com/monlight/monlight/metrics-collector/internal/metrics/sketch"
)

// Flush writes everything that was accumulated, for every minute, as cells
// that merge with what is there, together with the number of the generation,
// in one transaction. There is no state of minutes: none can be lost or
// counted twice, whenever the process ends.
func (s *Service) Flush(ctx context.Context) error {
	s.flushMu.Lock()
	defer s.flushMu.Unlock()
	start := time.Now()
	g := s.freeze()
	if g == nil {
		return nil
	}
	g.pending.Wait()
	if g.n == 0 {
		s.viewMu.Lock()
		s.frozen = nil
		s.viewMu.Unlock()
		s.spare = g
		return nil
	}
	f := s.encode(g)
	f.Received = s.takeReceived()
	if err := s.store.Settle(ctx); err != nil {
		s.log.WarnContext(ctx, "a flush takes longer than it should", "err", err)
	}
	commit := time.Now()
	s.viewMu.Lock()
	err := s.store.Flush(ctx, f)
	if err == nil {
		s.frozen = nil
	}
	s.viewMu.Unlock()
	took := time.Since(commit)
	if err != nil {
		s.giveBackReceived(f.Received)
		s.stats.flushErrors.Add(1)
		return fmt.Errorf("flush %d points: %w", g.points, err)
	}
	s.index.saved(f.LastSeen)
	s.lastBucket.Store(max(s.lastBucket.Load(), f.LastBucketMS))
	s.stats.flushes.Add(1)
	s.stats.flushTime.Add(int64(time.Since(start)))
	s.stats.lastFlush.Store(int64(time.Since(start)))
	s.stats.longestCommit.Store(max(s.stats.longestCommit.Load(), int64(took)))
	s.log.DebugContext(ctx, "flushed", "points", g.points, "cells", g.n, "pages", len(f.Pages),
		"duration_ms", milliseconds(time.Since(start)), "commit_ms", milliseconds(took))
	s.spare = g
	return nil
}

// freeze is the generation to be flushed: one that could not be, or the
// current one, for which a new one is put in place. It is nil when there is
// nothing to flush.
func (s *Service) freeze() *generation {
	s.viewMu.RLock()
	waiting := s.frozen
	s.viewMu.RUnlock()
	if waiting != nil {
		return waiting
	}
	s.viewMu.Lock()
	defer s.viewMu.Unlock()
	s.genMu.Lock()
	defer s.genMu.Unlock()
	g := s.current
	s.current = s.spare.reset(g.id + 1)
	s.spare = nil
	s.frozen = g
	return g
}

// encode makes pages of a generation. Minutes whose tier is over go into hours.
func (s *Service) encode(g *generation) *Flush {
	f := &Flush{Generation: g.id, SteadyMS: s.clock.now()}
	g.mu.Lock() // against queries' reads only: nothing changes any more
	cells := g.sorted()
	g.mu.Unlock()
	floor := s.minuteFloor(f.SteadyMS)
	newest := cells[0].minute
	for _, c := range cells {
		newest = max(newest, c.minute)
	}
	f.LastBucketMS = int64(newest) * minuteMS
	rollups := s.index.rollupsOf(cells)
	old := hourCells{}
	for len(cells) > 0 {
		// Cells of the same hour, and so of the same span, one after the other.
		n, hour := 1, int64(cells[0].minute)/60
		for n < len(cells) && int64(cells[n].minute)/60 == hour {
			n++
		}
		if hour*hourMS < floor {
			old.add(g, cells[:n], rollups)
		} else {
			f.Pages = append(f.Pages, minutePages(g, hour*hourMS, cells[:n], rollups)...)
		}
		cells = cells[n:]
	}
	f.Pages = append(f.Pages, old.pages()...)
	f.LastSeen = s.index.seen(g, rollups)
	return f
}

// minutePages packs the cells of one hour, with those of the rollups.
func minutePages(g *generation, spanMS int64, cells []*liveCell, rollups []uint32) []TierPage {
	sums := make(map[uint64]*chunk.Cell)
	all := make([]pageCell, 0, len(cells))
	for _, c := range cells {
		bucket := int(int64(c.minute) - spanMS/minuteMS)
		distribution := g.sketchOf(c)
		all = append(all, pageCell{c.series, bucket, &c.Numbers, distribution})
		if r := rollups[c.series]; r != 0 {
			key := cellKey(r, c.minute)
			sum := sums[key]
			if sum == nil {
				sum = new(chunk.Cell)
				sums[key] = sum
				all = append(all, pageCell{r, bucket, &sum.Numbers, &sum.Sketch})
			}
			sum.MergeNumbers(&c.Numbers)
			if distribution != nil {
				sum.Sketch.Merge(distribution)
			}
		}
	}
	return packPages(MinuteTier, spanMS, all)
}

// hourCells gathers minutes into hours.
type hourCells map[hourKey]*chunk.Cell

type hourKey struct {
	hour   int64
	series uint32
}

func (h hourCells) add(g *generation, cells []*liveCell, rollups []uint32) {
	for _, c := range cells {
		hour := int64(c.minute) / 60
		h.merge(hourKey{hour, c.series}, &c.Numbers, g.sketchOf(c))
		if r := rollups[c.series]; r != 0 {
			h.merge(hourKey{hour, r}, &c.Numbers, g.sketchOf(c))
		}
	}
}

func (h hourCells) merge(key hourKey, c *chunk.Numbers, distribution *sketch.Sketch) {
	sum := h[key]
	if sum == nil {
		sum = new(chunk.Cell)
		h[key] = sum
	}
	sum.MergeNumbers(c)
	if distribution != nil {
		sum.Sketch.Merge(distribution)
	}
}

// pages packs the hours by day.
func (h hourCells) pages() []TierPage {
	days := make(map[int64][]pageCell)
	for key, c := range h {
		day := key.hour / 24
		days[day] = append(days[day], pageCell{key.series, int(key.hour % 24), &c.Numbers, &c.Sketch})
	}
	var pages []TierPage
	for day, cells := range days {
		pages = append(pages, packPages(HourTier, day*dayMS, cells)...)
	}
	return pages
}

func (s *Service) takeReceived() map[int64]int64 {
	s.receivedMu.Lock()
	defer s.receivedMu.Unlock()
	taken := s.unsaved
	s.unsaved = make(map[int64]int64)
	oldest := s.opts.Now().UnixMilli()/hourMS - 48
	for hour := range s.received {
		if hour < oldest {
			delete(s.received, hour)
		}
	}
	return taken
}

func (s *Service) giveBackReceived(taken map[int64]int64) {
	s.receivedMu.Lock()
	defer s.receivedMu.Unlock()
	for hour, n := range taken {
		s.unsaved[hour] += n
	}
}

// minuteFloor is the time from which on the minute tier is kept.
func (s *Service) minuteFloor(steadyMS int64) int64 {
	return floorTo(steadyMS-s.opts.RetentionMinute.Milliseconds(), hourMS)
}

// hourFloor is the time from which on the hour tier is kept.
func (s *Service) hourFloor(steadyMS int64) int64 {
	return floorTo(steadyMS-s.opts.RetentionHour.Milliseconds(), dayMS)
}

func floorTo(ms, step int64) int64 {
	r := ms % step
	if r < 0 {
		r += step
	}
	return ms - r
}

// Close flushes what is in memory. Batches are on disk already: when it fails,
// they are counted again at the next start.
func (s *Service) Close(ctx context.Context) error {
	// The first flush may be of a generation that could not be flushed before.
	return errors.Join(s.Flush(ctx), s.Flush(ctx))
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
