package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/monlight/monlight/log-viewer/internal/block"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// mixedBlock is a block of which some sources stay.
type mixedBlock struct {
	*sealed
	stay map[uint32]bool
	gone int64
}

// mergeAtOnce is how many small blocks in a row are packed into one.
const mergeAtOnce = 8

// small returns blocks that lie side by side and are so small that a search is
// better off with fewer: the first blocks of a service that has little to say,
// and what stays of mixed ones.
func (s *Store) small() (all []mixedBlock) {
	var run []mixedBlock
	end := func() {
		if len(run) >= mergeAtOnce {
			all = append(all, run...)
		}
		run = nil
	}
	for _, b := range s.view().blocks {
		if b.damaged.Load() || 4*b.N > s.sizes.rows || 4*b.TextBytes > int64(s.sizes.text) {
			end()
			continue
		}
		m := mixedBlock{sealed: b, stay: make(map[uint32]bool)}
		_ = b.EachSource(func(c *block.SourceSummary) { m.stay[c.Source] = true }) // it was checked when it was read
		run = append(run, m)
	}
	end()
	return all
}

// repack packs what stays of mixed blocks into new blocks.
func (s *Store) repack(ctx context.Context, mixed []mixedBlock, out *Removed) error {
	if len(mixed) == 0 {
		return nil
	}
	enc, err := block.NewEncoder(s.sizes.frugal)
	if err != nil {
		return err
	}
	defer func() { _ = enc.Close() }()
	p := packer{store: s, reader: reader{store: s, ctx: ctx}, enc: enc}
	defer p.reader.release()
	for _, m := range mixed {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := p.add(m); err != nil {
			return err
		}
		out.Entries += m.gone
		out.Packed++
		if len(p.rows) >= s.sizes.rows/2 || p.text >= s.sizes.text/2 {
			if err := p.flush(ctx); err != nil {
				return err
			}
		}
	}
	if err := p.flush(ctx); err != nil {
		return err
	}
	return s.dropIndexes(ctx)
}

// packer collects entries that stay, and the blocks they are from.
type packer struct {
	store  *Store
	reader reader
	enc    *block.Encoder
	rows   []savedRow
	text   int
	from   []*sealed
}

type savedRow struct {
	row
	message string
}

func (p *packer) add(m mixedBlock) error {
	b := p.reader.open(m.sealed)
	if b == nil {
		return p.reader.ctx.Err() // gone or damaged: it stays as it is
	}
	var rows []savedRow
	text := 0
	for i, source := range b.Source {
		if !m.stay[source] {
			continue
		}
		message, err := b.Message(i)
		if err != nil {
			p.store.skip(m.sealed, err)
			return nil
		}
		rows = append(rows, savedRow{row{b.Time[i], b.IDOf(i), source, b.Flags[i], i}, message})
		text += len(message)
	}
	p.rows, p.text = append(p.rows, rows...), p.text+text
	p.from = append(p.from, m.sealed)
	return nil
}

// flush writes the collected entries as one block in the place of those they are from.
func (p *packer) flush(ctx context.Context) error {
	if len(p.rows) == 0 {
		return nil
	}
	slices.SortFunc(p.rows, func(a, b savedRow) int { return cmp.Compare(a.id, b.id) })
	var r block.Rows
	for _, w := range p.rows {
		r.Append(w.at, w.source, w.flags, w.message)
		r.ID = append(r.ID, w.id)
	}
	r.First = r.ID[0]
	packed, err := p.enc.Encode(&r)
	if err != nil {
		return err
	}
	var fresh *sealed
	sealedMS := int64(0)
	for _, b := range p.from {
		sealedMS = max(sealedMS, b.sealedMS)
	}
	p.store.sealMu.Lock()
	defer p.store.sealMu.Unlock()
	err = p.store.db.Maintain(ctx, func(tx *sqlitedb.Tx) error {
		if fresh, err = putBlock(tx, packed, sealedMS); err != nil {
			return err
		}
		return p.store.forgetBlocks(tx, p.from)
	})
	if err != nil {
		return err
	}
	p.store.remove(p.from, []*sealed{fresh})
	for _, b := range p.from {
		p.store.fresh = append(p.store.fresh, replacedBlock{b.id, b.bytes})
	}
	p.rows, p.from, p.text = nil, nil, 0
	return nil
}

// replacedBlock is a block that was packed anew, of which only the lines are left.
type replacedBlock struct{ id, bytes int64 }

// replacedBytes is about what the lines of such blocks take in the file.
func (s *Store) replacedBytes() (n int64) {
	for _, blocks := range [][]replacedBlock{s.replaced, s.fresh} {
		for _, b := range blocks {
			n += b.bytes + pageSize/2 // the last page of each is full by half, mostly
		}
	}
	return n
}

// dropReplaced deletes the lines of blocks that were packed anew before Retain ran
// for the last time: queries that began with the blocks of then have ended by now.
func (s *Store) dropReplaced(ctx context.Context) error {
	for part := range slices.Chunk(s.replaced, deleteAtOnce) {
		err := s.db.Maintain(ctx, func(tx *sqlitedb.Tx) error {
			for _, b := range part {
				if err := deletePayload(tx, b.id); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("delete blocks that were packed anew: %w", err)
		}
	}
	s.replaced, s.fresh = s.fresh, nil
	return nil
}

// findReplaced finds those whose deletion an end of the program came before.
func (s *Store) findReplaced(ctx context.Context) error {
	rows, err := s.db.Read().QueryContext(ctx, "SELECT id, length(data) FROM payload WHERE id NOT IN (SELECT id FROM blocks)")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var b replacedBlock
		if err := rows.Scan(&b.id, &b.bytes); err != nil {
			return err
		}
		s.replaced = append(s.replaced, b)
	}
	return rows.Err()
}
