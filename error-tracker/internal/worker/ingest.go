package worker

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
)

// How often counters are stored, and how many different ones wait for that.
const (
	ingestInterval  = 10 * time.Second
	ingestFlushTime = 5 * time.Second
	maxIngestCounts = 10_000
)

// IngestStore is what the counters of ingest are kept in.
type IngestStore interface {
	CountIngest(ctx context.Context, counts []tracker.IngestCount) error
	KeysUsed(ctx context.Context, used map[int64]time.Time) error
}

// Ingest counts what becomes of what clients send. It counts in memory and
// stores the counts every ten seconds and at the end, so that events cost one
// write each; a crash loses the counts, never the events, of ten seconds.
type Ingest struct {
	store IngestStore
	now   func() time.Time
	log   *slog.Logger

	mu     sync.Mutex
	counts map[tracker.IngestCount]int64 // with a count of 0 in the key
	used   map[int64]time.Time
}

// NewIngest returns the counters; Run stores them.
func NewIngest(store IngestStore, now func() time.Time, log *slog.Logger) *Ingest {
	return &Ingest{store: store, now: now, log: log, counts: make(map[tracker.IngestCount]int64), used: make(map[int64]time.Time)}
}

// Count adds n. When too many different things are counted at once, this one is
// counted as something else.
func (i *Ingest) Count(project int64, kind tracker.IngestKind, what string, n int64) {
	k := tracker.IngestCount{Project: project, Hour: i.now().UTC().Truncate(time.Hour), Kind: kind, What: what}
	i.mu.Lock()
	defer i.mu.Unlock()
	if _, known := i.counts[k]; !known && len(i.counts) >= maxIngestCounts {
		k.What = tracker.OtherWhat
	}
	i.counts[k] += n
}

// Used notes that a project's key was used now.
func (i *Ingest) Used(key int64) {
	now := i.now()
	i.mu.Lock()
	defer i.mu.Unlock()
	i.used[key] = now
}

// Settle stores what was counted, for somebody who is about to look at it. When
// that fails they see what is stored, and Run tries again.
func (i *Ingest) Settle(ctx context.Context) {
	flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), ingestFlushTime)
	defer cancel()
	if err := i.Flush(flush); err != nil {
		i.log.WarnContext(ctx, "counters of ingest not stored", "err", err)
	}
}

// Run stores what was counted until ctx ends, and then once more.
func (i *Ingest) Run(ctx context.Context) {
	for ctx.Err() == nil {
		sleep(ctx, ingestInterval, nil)
		i.Settle(ctx)
	}
}

// Flush stores what was counted. What could not be stored is kept for the next
// time.
func (i *Ingest) Flush(ctx context.Context) error {
	i.mu.Lock()
	counts, used := i.counts, i.used
	i.counts, i.used = make(map[tracker.IngestCount]int64), make(map[int64]time.Time)
	i.mu.Unlock()
	if len(used) > 0 {
		if err := i.store.KeysUsed(ctx, used); err != nil {
			i.restore(counts)
			return err
		}
	}
	if len(counts) == 0 {
		return nil
	}
	list := make([]tracker.IngestCount, 0, len(counts))
	for k, n := range counts {
		k.Count = n
		list = append(list, k)
	}
	if err := i.store.CountIngest(ctx, list); err != nil {
		i.restore(counts)
		return err
	}
	return nil
}

// restore puts counts back that could not be stored.
func (i *Ingest) restore(counts map[tracker.IngestCount]int64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for k, n := range counts {
		if _, known := i.counts[k]; known || len(i.counts) < maxIngestCounts {
			i.counts[k] += n
		}
	}
}
