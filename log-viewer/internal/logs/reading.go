package logs

import (
	"context"
	"time"

	"github.com/monlight/monlight/shared/errs"
)

// Search returns the page that q asks for, as Store.Search does.
func (s *Service) Search(ctx context.Context, q Query) (Page, error) {
	if err := q.Validate(); err != nil {
		return Page{}, err
	}
	if err := q.check(); err != nil {
		return Page{}, err
	}
	return s.store.Search(ctx, q)
}

// Entry returns one entry, or NotFound.
func (s *Service) Entry(ctx context.Context, id int64) (Entry, error) {
	if id <= 0 {
		return Entry{}, errs.New(errs.NotFound, "log entry %d not found", id)
	}
	return s.store.Entry(ctx, id)
}

// Around returns what stands around an entry, as Store.Around does.
func (s *Service) Around(ctx context.Context, id int64, f Filter, before, after int) ([]Entry, error) {
	if before < 0 || before > MaxAround || after < 0 || after > MaxAround {
		return nil, errs.New(errs.Invalid, "before is %d and after is %d, want 0 to %d", before, after, MaxAround)
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	if id <= 0 {
		return nil, errs.New(errs.NotFound, "log entry %d not found", id)
	}
	return s.store.Around(ctx, id, f, before, after)
}

// Histogram counts what passes f by level over time.
func (s *Service) Histogram(ctx context.Context, f Filter, b Buckets) (Histogram, error) {
	if err := b.Validate(); err != nil {
		return Histogram{}, err
	}
	if err := f.check(); err != nil {
		return Histogram{}, err
	}
	return s.store.Histogram(ctx, f, b)
}

// Facets counts what passes f by value.
func (s *Service) Facets(ctx context.Context, f Filter) (Facets, error) {
	if err := f.check(); err != nil {
		return Facets{}, err
	}
	return s.store.Facets(ctx, f)
}

// Sources lists what has entries, by name.
func (s *Service) Sources(ctx context.Context) ([]SourceStats, error) { return s.store.Sources(ctx) }

// Stats sums up the store.
func (s *Service) Stats(ctx context.Context) (Stats, error) { return s.store.Stats(ctx) }

func (f *Filter) check() error {
	for name, n := range map[string]int{"container": len(f.Sources), "service": len(f.Services)} {
		if n > maxFilterValues {
			return errs.New(errs.Invalid, "%s has %d values, the limit is %d", name, n, maxFilterValues)
		}
	}
	if !f.Since.IsZero() && !f.Until.IsZero() && f.Until.Before(f.Since) {
		return errs.New(errs.Invalid, "until %s is before since %s", f.Until.UTC().Format(time.RFC3339), f.Since.UTC().Format(time.RFC3339))
	}
	return nil
}

// Live is what a service has seen since it was started.
type Live struct {
	Batches, Repeated, Entries, Bytes int64
	Refused, Failed                   int64 // batches that were invalid, that could not be written
	LastTime                          int64 // Unix nanoseconds, the time of the newest entry; 0 if there is none
	Tails, MaxTails                   int64
	TailDropped, TailRefused          int64 // entries, streams
}

// Live returns the figures of a service.
func (s *Service) Live() Live {
	c := &s.live
	return Live{
		Batches: c.batches.Load(), Repeated: c.repeated.Load(), Entries: c.entries.Load(), Bytes: c.bytes.Load(),
		Refused: c.refused.Load(), Failed: c.failed.Load(), LastTime: c.lastIngest.Load(),
		Tails: s.tails.n.Load(), MaxTails: s.tails.limit,
		TailDropped: c.tailDropped.Load(), TailRefused: c.tailRefused.Load(),
	}
}
