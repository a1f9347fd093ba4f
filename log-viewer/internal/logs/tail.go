package logs

import (
	"context"
	"slices"
	"sync"
)

// Limits of a tail.
const (
	// MaxReplay is the most entries that a tail repeats from the store.
	MaxReplay = 10_000

	maxOffered   = 8 << 20 // bytes of entries that wait to be filtered
	maxReady     = 4 << 20 // bytes of entries that wait for the reader
	replayPage   = 1000
	maxTailBatch = 500 // entries that Next returns at once
)

// Tail is a reader of the live stream. Its methods are for one goroutine.
type Tail struct {
	service *Service
	filter  Filter
	wake    chan struct{} // has an element when there is something to do

	mu      sync.Mutex
	offered [][]Entry // batches as they came
	bytes   int       // of them
	skipped int64     // entries of batches that found no room
	turns   []Turn    // as they came, at most maxTurns

	ready      []Entry // entries that passed the filter
	readyBytes int
	lost       int64 // entries after those that found no room
	unfiltered int64 // of them, those that were not compared with the filter
	from       int64 // entries with a smaller ID are not for this tail
	replay     int64 // the ID after which the store is read; 0 when that is done
	replayed   int
	closed     bool
}

// TailBatch is the next part of a stream.
type TailBatch struct {
	// Gap tells that older entries were left out before Entries, because more
	// than MaxReplay have come since the one that the reader had last.
	Gap     bool
	Entries []Entry // in the order of their IDs
	// Dropped is the number of entries that were left out after Entries because
	// the reader was too slow. Unfiltered of them were not even compared with
	// the filter.
	Dropped, Unfiltered int64
	// Turns are changes in the lives of containers, after Entries.
	Turns []Turn
}

// Tail begins a live stream of entries that pass f, from now on or, when after
// is not 0, after the entry with that ID: those since then are read from the
// store first, without gap and without repetition. There are at most
// Options.MaxTails; the next one gets Unavailable. Call Close at the end.
func (s *Service) Tail(ctx context.Context, f Filter, after int64) (*Tail, error) {
	if !s.tails.TryAcquire() {
		s.live.tailRefused.Add(1)
		return nil, errTooManyTails
	}
	t := &Tail{service: s, filter: f, wake: make(chan struct{}, 1)}
	if after > 0 {
		st, err := s.store.Stats(ctx)
		if err != nil {
			s.tails.Release()
			return nil, err
		}
		if after <= st.LastID { // else it is of another database: begin now
			t.replay = after
		}
	}
	if t.replay == 0 {
		t.from = s.hub.add(t)
	}
	return t, nil
}

// Close ends the stream and makes room for another one.
func (t *Tail) Close() {
	if t.closed {
		return
	}
	t.closed = true
	t.service.hub.remove(t)
	t.service.tails.Release()
}

// offer gives t a batch of about size bytes, which it must not change. It does
// not block.
func (t *Tail) offer(entries []Entry, size int) {
	t.mu.Lock()
	if t.skipped > 0 || (t.bytes > 0 && t.bytes+size > maxOffered) {
		t.skipped += int64(len(entries))
	} else {
		t.offered = append(t.offered, entries)
		t.bytes += size
	}
	t.mu.Unlock()
	t.awake()
}

func (t *Tail) awake() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// Next waits for entries and returns them, or what was dropped. It returns
// ctx's error when ctx ends first.
//
// What comes while the reader does not call Next waits for it, up to
// Options.TailQueue entries that pass the filter.
func (t *Tail) Next(ctx context.Context) (TailBatch, error) {
	if t.replay > 0 {
		if b, err := t.readStore(ctx); err != nil || len(b.Entries) > 0 || b.Gap {
			return b, err
		}
	}
	for {
		if b := t.take(); len(b.Entries) > 0 || b.Dropped > 0 || len(b.Turns) > 0 {
			return b, nil
		}
		select {
		case <-ctx.Done():
			return TailBatch{}, ctx.Err()
		case <-t.wake:
		}
	}
}

// take filters what was offered and returns the first of what passed.
func (t *Tail) take() TailBatch {
	t.mu.Lock()
	offered, skipped := t.offered, t.skipped
	t.offered, t.bytes, t.skipped = nil, 0, 0
	t.mu.Unlock()
	for _, batch := range offered {
		for i := range batch {
			if batch[i].ID >= t.from && t.filter.Match(batch[i], t.service.composeService) {
				t.keep(batch[i])
			}
		}
	}
	t.lost += skipped
	t.unfiltered += skipped

	n := min(len(t.ready), maxTailBatch)
	b := TailBatch{Entries: slices.Clone(t.ready[:n])}
	for i := range b.Entries {
		t.readyBytes -= entryCost + len(b.Entries[i].Message)
	}
	rest := copy(t.ready, t.ready[n:])
	clear(t.ready[rest:])
	if t.ready = t.ready[:rest]; rest == 0 {
		b.Dropped, b.Unfiltered = t.lost, t.unfiltered
		t.service.live.tailDropped.Add(t.lost)
		t.lost, t.unfiltered = 0, 0
		t.mu.Lock()
		b.Turns, t.turns = t.turns, nil
		t.mu.Unlock()
	}
	return b
}

// keep has e wait for the reader, if there is room. Once there was none, all that
// follow are dropped until the reader has been told, so that what it gets has one
// hole at one place.
func (t *Tail) keep(e Entry) {
	size := entryCost + len(e.Message)
	if t.lost > 0 || len(t.ready) >= t.service.opts.TailQueue || (t.readyBytes > 0 && t.readyBytes+size > maxReady) {
		t.lost++
		return
	}
	t.ready = append(t.ready, e)
	t.readyBytes += size
}

// readStore returns the next entries of the replay. When they are all read, the
// tail takes part in the live stream from the entry on that comes next.
func (t *Tail) readStore(ctx context.Context) (TailBatch, error) {
	for t.replay > 0 {
		entries, last, err := t.service.store.Since(ctx, t.replay, t.filter, replayPage)
		if err != nil {
			return TailBatch{}, err
		}
		t.replayed += len(entries)
		caughtUp := last <= t.replay || (t.from > 0 && last >= t.from-1)
		t.replay = max(t.replay, last)
		switch {
		case t.replayed > MaxReplay:
			if t.from == 0 {
				t.from = t.service.hub.add(t)
			}
			t.replay = 0
			return TailBatch{Gap: true}, nil
		case t.from > 0 && caughtUp:
			// Up to here from the store, from here on from the hub.
			t.from = max(t.from, t.replay+1)
			t.replay = 0
		case caughtUp || len(entries) < replayPage:
			// Near the end: listen, and read once more what came meanwhile.
			t.from = t.service.hub.add(t)
			if t.from <= t.replay+1 {
				t.from = t.replay + 1
				t.replay = 0
			}
		}
		if len(entries) > 0 {
			return TailBatch{Entries: entries}, nil
		}
	}
	return TailBatch{}, nil
}
