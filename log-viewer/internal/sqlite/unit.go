package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/monlight/monlight/log-viewer/internal/block"
	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// unit is a part of the store that is searched at a time: a block, or entries
// that are in none yet.
type unit struct {
	sealed   *sealed     // nil for entries that are in no block yet
	rows     *block.Rows // those
	min, max int64       // time
}

// units are those that can have entries that pass, in no order.
func (v view) units(q *filter) []unit {
	out := make([]unit, 0, len(v.chunks)+len(v.blocks))
	for i := range v.chunks {
		r := &v.chunks[i]
		u := unit{rows: r, min: slices.Min(r.Time), max: r.Top[r.Len()-1]}
		if u.max >= q.since && u.min <= q.until {
			out = append(out, u)
		}
	}
	for _, b := range v.blocks {
		if q.may(b) {
			out = append(out, unit{sealed: b, min: b.MinTime, max: b.MaxTime})
		}
	}
	return out
}

// newestFirst orders units by their newest entry, oldestFirst by their oldest.
func newestFirst(a, b unit) int { return cmp.Compare(b.max, a.max) }
func oldestFirst(a, b unit) int { return cmp.Compare(a.min, b.min) }

// reader reads the rows of units. It keeps the block that it has opened last.
type reader struct {
	store  *Store
	ctx    context.Context //nolint:containedctx // that of the query
	id     int64
	block  *block.Block
	failed bool // a block could not be read for now
}

// open returns the block, nil if it is gone, damaged, or cannot be read now.
func (r *reader) open(b *sealed) *block.Block {
	if r.block != nil && r.id == b.id {
		return r.block
	}
	r.release()
	if r.block = r.store.cache.take(b.id); r.block != nil {
		r.id = b.id
		return r.block
	}
	open, err := r.store.readBlock(r.ctx, b)
	if err != nil {
		switch {
		case errors.Is(err, sql.ErrNoRows): // retention has removed it in the meantime
		case r.ctx.Err() != nil: // the time is over, which the caller sees by itself
		case errs.KindOf(sqlitedb.Classify(err)) == errs.Unavailable:
			r.failed = true
			r.store.log.WarnContext(r.ctx, "a block cannot be read now, an answer goes without", "block", b.id, "err", err)
		default:
			r.store.skip(b, err)
		}
		return nil
	}
	r.id, r.block = b.id, open
	return open
}

func (r *reader) release() {
	if r.block != nil {
		r.store.cache.put(r.id, r.block)
		r.block = nil
	}
}

func (s *Store) readBlock(ctx context.Context, b *sealed) (*block.Block, error) {
	rows, err := s.db.Read().QueryContext(ctx, "SELECT data FROM payload WHERE id = ?", b.id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	if !rows.Next() {
		return nil, cmp.Or(rows.Err(), sql.ErrNoRows)
	}
	var data sql.RawBytes
	if err := rows.Scan(&data); err != nil {
		return nil, err
	}
	open, err := s.dec.Open(data)
	if err != nil {
		return nil, err
	}
	if open.Len() != b.N {
		return nil, fmt.Errorf("%w: it has %d entries, want %d", block.ErrDamaged, open.Len(), b.N)
	}
	// Not rows.Err: while RawBytes are held it waits for ever for a context that ends at this moment.
	return open, rows.Close()
}

// row is what is known of an entry without its message.
type row struct {
	at     int64
	id     int64
	source uint32
	flags  uint8
	index  int // in its unit
}

// each calls hit for the rows of u that pass q, newest last arrived first for
// rows in no block, in no order for blocks. hit returns false when it needs no
// more. complete is false when time ran out.
func (r *reader) each(q *filter, u unit, hit func(row) bool) (complete bool) {
	if u.rows != nil {
		return r.eachHot(q, u.rows, hit)
	}
	b := r.open(u.sealed)
	if b == nil {
		return r.ctx.Err() == nil && !r.failed
	}
	more := true
	scan := block.Scan{
		Plan: q.plan, Name: q.names.of, Stop: q.late,
		Pass: func(i int) bool { return more && q.pass(b.Time[i], b.Source[i], b.Flags[i]) },
	}
	complete, err := b.Run(&scan, func(i int) {
		if more {
			more = hit(row{b.Time[i], b.IDOf(i), b.Source[i], b.Flags[i], i})
		}
	})
	if err != nil {
		r.store.skip(u.sealed, err)
	}
	return complete
}

func (r *reader) eachHot(q *filter, rows *block.Rows, hit func(row) bool) (complete bool) {
	cost := 0
	for i := rows.Len() - 1; i >= 0; i-- {
		if !q.pass(rows.Time[i], rows.Source[i], rows.Flags[i]) {
			continue
		}
		if q.expr != nil {
			if cost += 100 + len(rows.Message(i)); cost > 32<<10 { // a look at the clock now and then
				if cost = 0; q.late() {
					return false
				}
			}
			e := logs.Entry{Source: q.names.of(rows.Source[i]), Level: logs.Level(rows.Flags[i] & 7), Stream: logs.Stream(rows.Flags[i] >> 3), Message: rows.Message(i)}
			if !q.expr.Match(e) {
				continue
			}
		}
		if !hit(row{rows.Time[i], rows.IDOf(i), rows.Source[i], rows.Flags[i], i}) {
			break
		}
	}
	return true
}

// message returns the message of a row of u; ok is false if it is gone.
func (r *reader) message(u unit, index int) (m string, ok bool) {
	if u.rows != nil {
		return strings.Clone(u.rows.Message(index)), true
	}
	b := r.open(u.sealed)
	if b == nil {
		return "", false
	}
	m, err := b.Message(index)
	if err != nil {
		r.store.skip(u.sealed, err)
		return "", false
	}
	return m, true
}
