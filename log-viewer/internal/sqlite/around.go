package sqlite

import (
	"cmp"
	"context"
	"slices"

	"github.com/monlight/monlight/log-viewer/internal/block"
	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// Entry implements logs.Store.
func (s *Store) Entry(ctx context.Context, id int64) (logs.Entry, error) {
	q := s.newFilter(ctx, logs.Filter{})
	r := &reader{store: s, ctx: ctx}
	defer r.release()
	v := s.view()
	for i := range v.chunks {
		c := &v.chunks[i]
		if at := id - c.First; at >= 0 && at < int64(c.Len()) {
			return s.entryAt(r, q, hit{row{c.Time[at], id, c.Source[at], c.Flags[at], int(at)}, unit{rows: c}})
		}
	}
	for _, b := range v.blocks {
		if id < b.FirstID || id > b.LastID || b.damaged.Load() {
			continue
		}
		open := r.open(b)
		if open == nil {
			continue
		}
		if at, ok := rowOf(open, id); ok {
			return s.entryAt(r, q, hit{row{open.Time[at], id, open.Source[at], open.Flags[at], at}, unit{sealed: b}})
		}
	}
	if err := ctx.Err(); err != nil {
		return logs.Entry{}, err
	}
	return logs.Entry{}, errs.New(errs.NotFound, "log entry %d not found", id)
}

// rowOf is the row of an open block with the ID.
func rowOf(b *block.Block, id int64) (int, bool) {
	low, high := 0, b.Len()
	for low < high {
		mid := (low + high) / 2
		if b.IDOf(mid) < id {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low, low < b.Len() && b.IDOf(low) == id
}

func (s *Store) entryAt(r *reader, q *filter, h hit) (logs.Entry, error) {
	e := s.entry(h.id, h.at, h.source, h.flags, q.names)
	m, ok := r.message(h.unit, h.index)
	if !ok {
		return logs.Entry{}, errs.New(errs.NotFound, "log entry %d not found", h.id)
	}
	e.Message = m
	return e, nil
}

// Around implements logs.Store.
func (s *Store) Around(ctx context.Context, id int64, f logs.Filter, before, after int) ([]logs.Entry, error) {
	if before < 0 || after < 0 || before > logs.MaxAround || after > logs.MaxAround {
		return nil, errs.New(errs.Invalid, "entries around another: %d before and %d after, want 0 to %d of each", before, after, logs.MaxAround)
	}
	e, err := s.Entry(ctx, id)
	if err != nil {
		return nil, err
	}
	near := logs.Filter{Sources: f.Sources, Services: f.Services, Streams: f.Streams}
	if len(f.Sources)+len(f.Services) == 0 {
		near.Sources = []string{e.Source}
	}
	limited, cancel := withDeadline(ctx, 0)
	defer cancel()
	older := s.neighbours(limited, near, e, before, false)
	newer := s.neighbours(limited, near, e, after, true)
	slices.Reverse(older)
	return append(append(older, e), newer...), sqlitedb.Classify(ctx.Err())
}

// neighbours are the n entries next to e, from e outwards.
func (s *Store) neighbours(ctx context.Context, f logs.Filter, e logs.Entry, n int, newer bool) []logs.Entry {
	if n == 0 {
		return nil
	}
	q := s.newFilter(ctx, f)
	if newer {
		q.since = e.Time
	} else {
		q.until = e.Time
	}
	run := &search{filter: q, keep: n, after: &logs.Position{Time: e.Time, ID: e.ID}, oldest: newer}
	run.run(s.view().units(q))
	out, _, _ := s.entries(ctx, q, run.sorted(), s.sizes.page/2)
	return out
}

// Since implements logs.Store.
func (s *Store) Since(ctx context.Context, after int64, f logs.Filter, limit int) (entries []logs.Entry, last int64, err error) {
	if limit < 1 {
		return nil, after, errs.New(errs.Invalid, "limit is %d, want 1 or more", limit)
	}
	limited, cancel := withDeadline(ctx, 0)
	defer cancel()
	q := s.newFilter(limited, f)
	v := s.view()
	var found []hit
	units := v.after(q, after)
	r := &reader{store: s, ctx: limited}
	defer r.release()
	last = max(after, v.lastID)
	for _, u := range units {
		if len(found) >= limit && found[limit-1].id < u.firstID() {
			break
		}
		if u.sealed != nil && !q.hasText(u.sealed, true) {
			continue
		}
		if q.late() || !r.each(q, u, func(w row) bool {
			if w.id > after {
				found = append(found, hit{w, u})
			}
			return w.id > after || u.rows == nil // rows of a chunk come from the newest on
		}) {
			last = max(after, u.firstID()-1)
			found = slices.DeleteFunc(found, func(h hit) bool { return h.id > last })
			break
		}
		slices.SortFunc(found, func(a, b hit) int { return cmp.Compare(a.id, b.id) })
	}
	slices.SortFunc(found, func(a, b hit) int { return cmp.Compare(a.id, b.id) })
	if len(found) >= limit {
		found = found[:limit]
		last = found[limit-1].id
	}
	entries, used, _ := s.entries(ctx, q, found, s.sizes.page)
	if used < len(found) {
		last = found[used-1].id
	}
	return entries, last, sqlitedb.Classify(ctx.Err())
}

func (u unit) firstID() int64 {
	if u.rows != nil {
		return u.rows.First
	}
	return u.sealed.FirstID
}

// after are the units that can have entries with a greater ID, by their first one.
func (v view) after(q *filter, id int64) []unit {
	all := slices.DeleteFunc(v.units(q), func(u unit) bool {
		if u.rows != nil {
			return u.rows.IDOf(u.rows.Len()-1) <= id
		}
		return u.sealed.LastID <= id
	})
	slices.SortFunc(all, func(a, b unit) int { return cmp.Compare(a.firstID(), b.firstID()) })
	return all
}
