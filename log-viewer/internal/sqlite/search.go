package sqlite

import (
	"cmp"
	"container/heap"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// lightUnits is how many blocks a query may look into before it counts as
// heavy; of those only one runs at a time.
const lightUnits = 24

// maxWave bounds the blocks that are searched before the next look at whether
// that was enough.
const maxWave = 64

// Search implements logs.Store.
func (s *Store) Search(ctx context.Context, q logs.Query) (logs.Page, error) {
	if err := q.Validate(); err != nil {
		return logs.Page{}, err
	}
	limited, cancel := withDeadline(ctx, q.Deadline)
	defer cancel()
	f := s.newFilter(limited, q.Filter)
	v := s.view()
	run := &search{filter: f, keep: q.Offset + q.Limit + 1, after: q.After, countAll: q.CountAll}
	run.run(v.units(f))
	if err := ctx.Err(); err != nil {
		return logs.Page{}, sqlitedb.Classify(err)
	}
	page := logs.Page{Total: run.total.Load(), Exact: run.exact && !run.partial, Partial: run.partial}
	if f.plan == nil && !page.Exact {
		n, exact := s.count(f, v)
		page.Total, page.Exact = max(n, page.Total), exact
	}
	hits := run.sorted()
	hits = hits[min(q.Offset, len(hits)):]
	more := len(hits) > q.Limit
	hits = hits[:min(q.Limit, len(hits))]
	var used int
	var complete bool
	page.Entries, used, complete = s.entries(ctx, f, hits, s.sizes.page)
	if used < len(hits) {
		more, complete = true, false
	}
	page.Partial = page.Partial || !complete
	if more {
		last := hits[used-1]
		page.Next = &logs.Position{Time: last.at, ID: last.id}
	}
	return page, sqlitedb.Classify(ctx.Err())
}

func withDeadline(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d <= 0 {
		d = logs.DefaultDeadline
	}
	return context.WithTimeout(ctx, d)
}

// hit is a row that was found.
type hit struct {
	row
	unit unit
}

// search looks for the entries that come first in the order.
type search struct {
	filter   *filter
	keep     int            // entries
	after    *logs.Position // only those behind it
	oldest   bool           // oldest first
	countAll bool

	mu      sync.Mutex
	best    hits // at most keep, the one that goes first at the top
	worst   atomic.Int64
	full    atomic.Bool
	total   atomic.Int64
	partial bool
	exact   bool // all units were looked through
}

// before tells whether a comes before b in the order.
func (s *search) before(a, b row) bool {
	if s.oldest {
		a, b = b, a
	}
	return a.at > b.at || a.at == b.at && a.id > b.id
}

// hits is a heap of rows whose top is the last one in the order.
type hits struct {
	list   []hit
	before func(a, b row) bool
}

func (h *hits) Len() int           { return len(h.list) }
func (h *hits) Less(i, j int) bool { return h.before(h.list[j].row, h.list[i].row) }
func (h *hits) Swap(i, j int)      { h.list[i], h.list[j] = h.list[j], h.list[i] }
func (h *hits) Push(x any)         { h.list = append(h.list, x.(hit)) } //nolint:forcetypeassert // ours
func (h *hits) Pop() any {
	x := h.list[len(h.list)-1]
	h.list = h.list[:len(h.list)-1]
	return x
}

func (s *search) offer(h hit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.best.list) < s.keep {
		heap.Push(&s.best, h)
	} else if s.before(h.row, s.best.list[0].row) {
		s.best.list[0] = h
		heap.Fix(&s.best, 0)
	}
	if len(s.best.list) == s.keep {
		s.worst.Store(s.best.list[0].at)
		s.full.Store(true)
	}
}

// wanted tells whether the unit may have entries that belong into the answer.
func (s *search) wanted(u unit) bool {
	if s.after != nil && (!s.oldest && u.min > s.after.Time || s.oldest && u.max < s.after.Time) {
		return false
	}
	if !s.full.Load() {
		return true
	}
	if s.oldest {
		return u.min <= s.worst.Load()
	}
	return u.max >= s.worst.Load()
}

// run looks through the units in waves that grow, until what is left cannot
// have anything that belongs into the answer.
func (s *search) run(units []unit) {
	s.best.before = s.before
	order := newestFirst
	if s.oldest {
		order = oldestFirst
	}
	slices.SortStableFunc(units, order)
	s.exact = true
	store := s.filter.store
	workers := max(1, store.sizes.workers)
	looked, holding := 0, false
	defer func() {
		if holding {
			<-store.heavy
		}
	}()
	for wave := 1; len(units) > 0; wave = min(2*wave, maxWave) {
		var batch []unit
		for len(units) > 0 && len(batch) < wave {
			u := units[0]
			if !s.wanted(u) {
				if !s.countAll {
					// Those behind it are no better; only entries that come before After are in between.
					s.exact = false
					if s.full.Load() && s.beyond(u) {
						units = nil
						break
					}
					units = units[1:]
					continue
				}
			}
			units = units[1:]
			// Words that are searched for are mostly in the newest block, which
			// tells as quickly as the list of words does.
			if u.sealed != nil && !s.filter.hasText(u.sealed, looked+len(batch) > 0) {
				continue
			}
			batch = append(batch, u)
		}
		if looked += len(batch); looked > lightUnits && !holding {
			select {
			case store.heavy <- struct{}{}:
				holding = true
			case <-s.filter.ctx.Done():
				s.partial, s.exact = true, false
				return
			}
		}
		if !s.wave(batch, workers) {
			s.partial, s.exact = true, false
			return
		}
	}
}

// beyond tells whether u and all units behind it come after the answer.
func (s *search) beyond(u unit) bool {
	if s.oldest {
		return u.min > s.worst.Load()
	}
	return u.max < s.worst.Load()
}

// wave looks through the units on several goroutines. It returns false when
// time ran out.
func (s *search) wave(units []unit, workers int) bool {
	var next atomic.Int64
	var late atomic.Bool
	work := func() {
		r := &reader{store: s.filter.store, ctx: s.filter.ctx}
		defer r.release()
		for !late.Load() {
			i := int(next.Add(1)) - 1
			if i >= len(units) {
				return
			}
			if s.filter.late() || !s.look(r, units[i]) {
				late.Store(true)
			}
		}
	}
	var group sync.WaitGroup
	for range min(workers, len(units)) - 1 {
		group.Go(work)
	}
	work()
	group.Wait()
	return !late.Load()
}

// look looks through one unit. It returns false when time ran out.
func (s *search) look(r *reader, u unit) bool {
	found := int64(0)
	behind := row{}
	if s.after != nil {
		behind = row{at: s.after.Time, id: s.after.ID}
	}
	complete := r.each(s.filter, u, func(w row) bool {
		found++
		if s.after != nil && !s.before(behind, w) {
			return true
		}
		if !s.full.Load() || !s.oldest && w.at >= s.worst.Load() || s.oldest && w.at <= s.worst.Load() {
			s.offer(hit{w, u})
		}
		if u.rows != nil && !s.oldest && !s.countAll && s.after == nil && s.full.Load() && u.rows.Top[w.index] < s.worst.Load() {
			s.mu.Lock()
			s.exact = false // the rest of these came before and is older
			s.mu.Unlock()
			return false
		}
		return true
	})
	s.total.Add(found)
	return complete
}

// sorted is what was found, in order.
func (s *search) sorted() []hit {
	slices.SortFunc(s.best.list, func(a, b hit) int {
		c := cmp.Or(cmp.Compare(b.at, a.at), cmp.Compare(b.id, a.id))
		if s.oldest {
			return -c
		}
		return c
	})
	return s.best.list
}

// entries reads the messages of the first of the hits, at least of one, as many
// as have not more than the given size together. An entry that is gone by now
// is left out; complete is false if others could not be read.
func (s *Store) entries(ctx context.Context, q *filter, found []hit, size int) (out []logs.Entry, used int, complete bool) {
	r := &reader{store: s, ctx: ctx}
	defer r.release()
	// Block by block, so that each is opened once.
	order := make([]int, len(found))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(unitID(found[a].unit), unitID(found[b].unit)) })
	messages, have := make([]string, len(found)), make([]bool, len(found))
	total, end := 0, len(found)
	for _, i := range order {
		if i >= end {
			continue
		}
		m, ok := r.message(found[i].unit, found[i].index)
		messages[i], have[i] = m, ok
		if total += len(m); total > size && len(found) > 1 {
			end = s.cut(messages, size)
			total = 0
			for _, m := range messages[:end] {
				total += len(m)
			}
			clear(messages[end:])
		}
	}
	out = make([]logs.Entry, 0, end)
	for i, h := range found[:end] {
		e := s.entry(h.id, h.at, h.source, h.flags, q.names)
		if e.Message = messages[i]; have[i] {
			out = append(out, e)
		}
	}
	return out, end, !r.failed
}

func unitID(u unit) int64 {
	if u.sealed == nil {
		return 0
	}
	return u.sealed.id
}

// cut is how many of the messages, at least one, have not more than the size.
func (s *Store) cut(messages []string, size int) int {
	total := 0
	for i, m := range messages {
		if total += len(m); total > size && i > 0 {
			return i
		}
	}
	return len(messages)
}
