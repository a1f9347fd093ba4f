package metrics

import (
	"sync/atomic"
	"time"
)

type counters struct {
	batches, accepted, limited, rejected, invalid, duplicates atomic.Int64
	flushes, flushErrors                                      atomic.Int64
	flushTime, lastFlush, longestCommit                       atomic.Int64 // nanoseconds
	merges, queries, refusedQueries, damaged                  atomic.Int64
}

// Stats is what the service has done since it was started, and how it is now.
type Stats struct {
	Batches    int64 // stored
	Accepted   int64 // points stored
	Limited    int64 // of them, those counted in an overflow series
	Rejected   int64 // points refused from batches that were stored in part
	Invalid    int64 // batches refused as a whole
	Duplicates int64 // batches that were stored before, by their key

	Series   int // live ones
	Limits   Limits
	Unsaved  int64 // points in memory, which are on disk as batches
	LiveCell int   // cells in memory

	Flushes, FlushErrors int64
	FlushTime            time.Duration // in all
	LastFlush            time.Duration // of the last flush, from begin to end
	LongestCommit        time.Duration // of a flush: how long batches waited for it
	Merges               int64         // spans
	Queries              int64
	RefusedQueries       int64
	Damaged              int64 // blobs that were found damaged
}

// Stats reads the counters.
func (s *Service) Stats() Stats {
	c := &s.stats
	st := Stats{
		Batches: c.batches.Load(), Accepted: c.accepted.Load(), Limited: c.limited.Load(), Rejected: c.rejected.Load(),
		Invalid: c.invalid.Load(), Duplicates: c.duplicates.Load(),
		Flushes: c.flushes.Load(), FlushErrors: c.flushErrors.Load(), FlushTime: time.Duration(c.flushTime.Load()),
		LastFlush: time.Duration(c.lastFlush.Load()), LongestCommit: time.Duration(c.longestCommit.Load()),
		Merges: c.merges.Load(), Queries: c.queries.Load(), RefusedQueries: c.refusedQueries.Load(), Damaged: c.damaged.Load(),
		Limits: s.opts.Limits,
	}
	s.index.mu.RLock()
	st.Series = s.index.count
	s.index.mu.RUnlock()
	s.genMu.RLock()
	g := s.current
	s.genMu.RUnlock()
	g.mu.Lock()
	st.Unsaved, st.LiveCell = g.points, g.n
	g.mu.Unlock()
	return st
}

// Series is the number of series.
func (s *Service) Series() int { return int(s.index.live.Load()) }

// Health is the public state.
type Health struct {
	Received24h int64 // points accepted in the last 24 hours
	// LastBucketMS is the newest minute with aggregates on disk, 0 for none.
	LastBucketMS int64
}

// Health needs no query.
func (s *Service) Health() Health {
	h := Health{LastBucketMS: s.lastBucket.Load()}
	hour := s.opts.Now().UnixMilli() / hourMS
	s.receivedMu.Lock()
	defer s.receivedMu.Unlock()
	for at, n := range s.received {
		if at > hour-24 && at <= hour {
			h.Received24h += n
		}
	}
	return h
}
