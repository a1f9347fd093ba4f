package logs

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// gapWait is how long the hub waits for a batch that was written before the
	// ones that it has, and is still on its way from the store. After that it
	// reads from the store what is missing: the batch's writer may have failed
	// after the commit.
	gapWait = 250 * time.Millisecond
	// maxEarly bounds the batches that wait for an earlier one.
	maxEarly = 1024
	// entryCost is what an entry takes beside its message.
	entryCost = 96
	// gapPage is the number of entries read at once to fill a gap.
	gapPage = 1000
)

// hub passes new entries on to the tails, each once and in the order of their
// IDs, although batches come back from the store in any order.
type hub struct {
	store Store
	log   *slog.Logger

	mu    sync.Mutex
	next  int64 // the ID of the entry that is passed on next
	early map[int64][]Entry
	tails map[*Tail]struct{}
	timer *time.Timer // runs while early has any
}

func newHub(store Store, next int64, log *slog.Logger) *hub {
	return &hub{store: store, log: log, next: next, early: map[int64][]Entry{}, tails: map[*Tail]struct{}{}}
}

// publish passes on what has just been written: entries with the IDs from first
// on. It does not wait for anybody, and keeps no reference to the slice.
func (h *hub) publish(first int64, entries []Entry) {
	n := int64(len(entries))
	if first == 0 || n == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.tails) == 0 {
		// Nobody listens. What is still on its way is in the store already, so
		// whoever comes now and asks for older entries finds it there.
		h.next = max(h.next, first+n)
		h.forgetEarly()
		return
	}
	own := make([]Entry, n)
	copy(own, entries)
	for i := range own {
		own[i].ID = first + int64(i)
	}
	switch {
	case first == h.next:
		h.pass(own)
		h.passEarly()
	case first > h.next:
		if h.early[first] = own; len(h.early) > maxEarly {
			h.skipGap()
		}
	default:
		// It was read from the store already.
	}
	h.waitForGap(gapWait)
}

// waitForGap sees to it that batches which came early do not wait for ever.
func (h *hub) waitForGap(d time.Duration) {
	if len(h.early) > 0 && h.timer == nil {
		h.timer = time.AfterFunc(d, h.fillGap)
	}
}

// pass hands a batch to every tail.
func (h *hub) pass(entries []Entry) {
	h.next = entries[len(entries)-1].ID + 1
	size := 0
	for i := range entries {
		size += entryCost + len(entries[i].Message)
	}
	for t := range h.tails {
		t.offer(entries, size)
	}
}

func (h *hub) passEarly() {
	for {
		entries, ok := h.early[h.next]
		if !ok {
			break
		}
		delete(h.early, h.next)
		h.pass(entries)
	}
	if len(h.early) == 0 {
		h.forgetEarly()
	}
}

func (h *hub) forgetEarly() {
	clear(h.early)
	if h.timer != nil {
		h.timer.Stop()
		h.timer = nil
	}
}

// fillGap reads from the store what did not come.
func (h *hub) fillGap() {
	h.mu.Lock()
	h.timer = nil
	after, until := h.next-1, h.firstEarly()-1
	h.mu.Unlock()
	if until <= after {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*gapWait)
	defer cancel()
	missing, last, err := h.store.Since(ctx, after, Filter{}, gapPage)

	h.mu.Lock()
	defer h.mu.Unlock()
	if h.next != after+1 || len(h.early) == 0 {
		h.waitForGap(gapWait) // it came meanwhile, or nobody listens any more
		return
	}
	for len(missing) > 0 && missing[len(missing)-1].ID > until {
		missing = missing[:len(missing)-1]
	}
	switch {
	case err != nil:
		h.log.Warn("live entries skipped", "err", err)
		h.skipGap()
		h.waitForGap(gapWait)
		return
	case len(missing) > 0:
		h.pass(missing)
	}
	if h.next = max(h.next, min(last, until)+1); h.next <= after+1 {
		h.skipGap() // there is nothing: the IDs were never given
		h.waitForGap(gapWait)
		return
	}
	h.passEarly()
	h.waitForGap(0)
}

// skipGap goes on with the first batch that is there.
func (h *hub) skipGap() {
	if first := h.firstEarly(); first > 0 {
		h.next = first
	}
	h.passEarly()
}

func (h *hub) firstEarly() int64 {
	first := int64(0)
	for id := range h.early {
		if first == 0 || id < first {
			first = id
		}
	}
	return first
}

// add lets t take part. It gets every entry with an ID of at least start.
func (h *hub) add(t *Tail) (start int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tails[t] = struct{}{}
	return h.next
}

func (h *hub) remove(t *Tail) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.tails, t)
	if len(h.tails) == 0 {
		for id, entries := range h.early { // nobody waits for them now
			h.next = max(h.next, id+int64(len(entries)))
		}
		h.forgetEarly()
	}
}
