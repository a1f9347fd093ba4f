package sqlite

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/block"
	"github.com/monlight/monlight/shared/sqlitedb"
)

const (
	// deleteAtOnce is how many blocks one transaction removes.
	deleteAtOnce = 64
	metaLastID   = "last_id"
	// emptyEvery is how long what was removed may stay in pages that are free.
	emptyEvery = time.Hour
)

// Removed is what Retain took away.
type Removed struct {
	Entries int64 // that are gone
	Blocks  int   // that were removed as a whole
	Packed  int   // whose entries that stay were packed anew
}

// retaining keeps the store within its bounds until it is closed.
func (s *Store) retaining() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s.done.Go(func() {
		<-s.stop
		cancel()
	})
	tick := time.NewTicker(s.opts.RetainEvery)
	defer tick.Stop()
	var left bool // pages that are free have entries in them that were removed
	var emptied time.Time
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
			removed, err := s.Retain(ctx)
			s.report(ctx, removed, err)
			left = left || removed.Entries > 0
			if err == nil {
				all := left && s.now().Sub(emptied) >= emptyEvery
				done, err := s.giveBack(ctx, all)
				if all && done {
					left, emptied = false, s.now()
				}
				s.report(ctx, Removed{}, err)
			}
		case <-s.over:
			removed, err := s.trim(ctx)
			s.report(ctx, removed, err)
			left = left || removed.Entries > 0
		}
	}
}

func (s *Store) report(ctx context.Context, removed Removed, err error) {
	switch {
	case err != nil && ctx.Err() == nil:
		s.log.Error("retention failed", "err", err)
	case err == nil && removed.Entries > 0:
		s.log.Info("old entries removed", "entries", removed.Entries, "blocks", removed.Blocks, "packed", removed.Packed)
	}
}

// Retain removes what is too old or too much, in whole blocks, the oldest first.
//
// Too much never costs a quiet source its entries: half of what may be kept is
// shared out equally among the sources, and entries of a source that has not
// more than its share stay. When a block has some of them, they are packed
// anew, together with those of other such blocks. Only age removes them.
func (s *Store) Retain(ctx context.Context) (Removed, error) {
	s.retainMu.Lock()
	defer s.retainMu.Unlock()
	var out Removed
	if err := s.forgetKeys(ctx); err != nil {
		return out, err
	}
	if err := s.dropReplaced(ctx); err != nil {
		return out, err
	}
	if s.opts.MaxAge > 0 {
		limit := s.now().Add(-s.opts.MaxAge)
		var old []*sealed
		for _, b := range s.view().blocks {
			// An entry that says it is from the future does not keep the others for ever.
			if b.MaxTime < limit.UnixNano() || b.sealedMS < limit.UnixMilli() {
				old = append(old, b)
			}
		}
		if err := s.drop(ctx, old, &out); err != nil {
			return out, err
		}
	}
	if err := s.dropExcess(ctx, &out); err != nil {
		return out, err
	}
	return out, s.repack(ctx, s.small(), &out)
}

// trim removes what is too much, and leaves the rest of Retain's work to Retain.
func (s *Store) trim(ctx context.Context) (out Removed, err error) {
	s.retainMu.Lock()
	defer s.retainMu.Unlock()
	err = s.dropExcess(ctx, &out)
	return out, err
}

// dropExcess removes what is too much.
func (s *Store) dropExcess(ctx context.Context, out *Removed) error {
	most, err := s.most(ctx)
	if err != nil {
		return err
	}
	whole, mixed := s.excess(most)
	if err := s.drop(ctx, whole, out); err != nil {
		return err
	}
	if err := s.repack(ctx, mixed, out); err != nil {
		return err
	}
	s.spareFor(most)
	return nil
}

// spareFor sets how many entries may arrive before the next trim, when most are kept.
func (s *Store) spareFor(most int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := most
	for _, b := range s.blocks {
		left -= int64(b.N)
	}
	for _, c := range s.chunks {
		left -= int64(c.Len())
	}
	s.margin = most / 20
	s.spare = max(0, left) + min(s.margin, math.MaxInt64-max(0, left))
}

// mostEntries is how many entries may be kept by their number.
func (s *Store) mostEntries() int64 {
	if s.opts.MaxEntries > 0 {
		return s.opts.MaxEntries
	}
	return math.MaxInt64
}

// most is how many entries may be kept: by their number, or as many as fit into
// the bytes if they go on being as large as they are. What half of the bytes are
// used for tells that; less is mostly not entries. What only waits to be deleted
// says nothing about the size of those that are kept.
func (s *Store) most(ctx context.Context) (int64, error) {
	most := s.mostEntries()
	if s.opts.MaxBytes > 0 {
		used, _, err := s.pages(ctx)
		if err != nil {
			return 0, err
		}
		used -= s.replacedBytes()
		if used > s.opts.MaxBytes/2 {
			st, err := s.Stats(ctx)
			if err != nil {
				return 0, err
			}
			most = min(most, int64(float64(st.Entries)*float64(s.opts.MaxBytes)/float64(used)))
		}
	}
	return most, nil
}

// excess chooses what has to go, so that most entries are left.
func (s *Store) excess(most int64) (whole []*sealed, mixed []mixedBlock) {
	v := s.view()
	left := make(map[uint32]int64)
	total := int64(0)
	for _, b := range v.blocks {
		_ = b.EachSource(func(c *block.SourceSummary) { left[c.Source] += int64(c.N) }) // it was checked when it was read
		total += int64(b.N)
	}
	for i := range v.chunks {
		for _, source := range v.chunks[i].Source {
			left[source]++
		}
		total += int64(v.chunks[i].Len())
	}
	if total <= most {
		return nil, nil
	}
	share := most / 2 / int64(max(1, len(left)))
	quiet := make(map[uint32]bool) // sources that stay in all blocks from here on, so that older entries go before newer ones
	for _, b := range v.blocks {
		if total <= most {
			break
		}
		if b.damaged.Load() {
			continue // what has to stay of it cannot be read; age removes it
		}
		m := mixedBlock{sealed: b, stay: make(map[uint32]bool)}
		_ = b.EachSource(func(c *block.SourceSummary) {
			if quiet[c.Source] || left[c.Source]-int64(c.N) < share {
				m.stay[c.Source], quiet[c.Source] = true, true
				return
			}
			left[c.Source] -= int64(c.N)
			m.gone += int64(c.N)
		})
		switch {
		case m.gone == 0:
			continue
		case len(m.stay) == 0:
			whole = append(whole, b)
		default:
			mixed = append(mixed, m)
		}
		total -= m.gone
	}
	return whole, mixed
}

// drop removes blocks.
func (s *Store) drop(ctx context.Context, blocks []*sealed, out *Removed) error {
	for part := range slices.Chunk(blocks, deleteAtOnce) {
		if err := s.db.Maintain(ctx, func(tx *sqlitedb.Tx) error { return s.deleteBlocks(tx, part) }); err != nil {
			return err
		}
		s.remove(part, nil)
		for _, b := range part {
			out.Entries += int64(b.N)
		}
		out.Blocks += len(part)
	}
	if len(blocks) == 0 {
		return nil
	}
	return s.dropIndexes(ctx)
}

// dropIndexes removes the words and ids of blocks that are all gone.
func (s *Store) dropIndexes(ctx context.Context) error {
	if err := s.dropWords(ctx); err != nil {
		return err
	}
	return s.dropGroups(ctx)
}

func (s *Store) deleteBlocks(tx *sqlitedb.Tx, blocks []*sealed) error {
	for _, b := range blocks {
		if err := deletePayload(tx, b.id); err != nil {
			return err
		}
	}
	return s.forgetBlocks(tx, blocks)
}

func deletePayload(tx *sqlitedb.Tx, id int64) error {
	_, err := tx.Exec("DELETE FROM payload WHERE id = ?", id)
	return err
}

// forgetBlocks deletes what is known of blocks, without their lines.
func (s *Store) forgetBlocks(tx *sqlitedb.Tx, blocks []*sealed) error {
	for _, b := range blocks {
		if _, err := tx.Exec("DELETE FROM blocks WHERE id = ?", b.id); err != nil {
			return err
		}
	}
	// The last ID must not be given again when the entry that had it is gone.
	s.pendMu.Lock()
	last := s.nextID - 1
	s.pendMu.Unlock()
	_, err := tx.Exec("INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", metaLastID, last)
	return err
}

// remove takes blocks out of memory and puts fresh ones in.
func (s *Store) remove(blocks []*sealed, fresh []*sealed) {
	gone := make(map[int64]bool, len(blocks))
	for _, b := range blocks {
		gone[b.id] = true
	}
	s.swap(func() {
		s.blocks = slices.DeleteFunc(slices.Clone(s.blocks), func(b *sealed) bool { return gone[b.id] })
		for _, b := range fresh {
			s.addBlock(b)
		}
	})
}

// dropWords removes the lists of words of which all blocks are gone.
func (s *Store) dropWords(ctx context.Context) error {
	used := make(map[int64]bool)
	newest := int64(-1)
	for _, b := range s.view().blocks {
		used[b.id/partition] = true
		newest = max(newest, b.id/partition)
	}
	rows, err := s.db.Read().QueryContext(ctx, `SELECT CAST(substr(name, 7) AS INTEGER) FROM sqlite_schema WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE words_%'`)
	if err != nil {
		return sqlitedb.Classify(err)
	}
	defer rows.Close()
	var unused []int64
	for rows.Next() {
		var p int64
		if err := rows.Scan(&p); err != nil {
			return err
		}
		if !used[p] && p < newest {
			unused = append(unused, p)
		}
	}
	if err := rows.Err(); err != nil {
		return sqlitedb.Classify(err)
	}
	rows.Close()
	for _, p := range unused {
		err := s.db.Maintain(ctx, func(tx *sqlitedb.Tx) error {
			_, err := tx.Exec("DROP TABLE IF EXISTS " + wordsTable(p))
			return err
		})
		if err != nil {
			return fmt.Errorf("drop the words of blocks that are gone: %w", err)
		}
	}
	return nil
}

// forgetKeys removes keys of batches that are old.
func (s *Store) forgetKeys(ctx context.Context) error {
	before := s.now().Add(-keyTime).UnixMilli()
	for {
		var n int64
		err := s.db.Maintain(ctx, func(tx *sqlitedb.Tx) error {
			res, err := tx.Exec("DELETE FROM batch_keys WHERE key IN (SELECT key FROM batch_keys WHERE at < ? LIMIT 1000)", before)
			if err != nil {
				return err
			}
			n, err = res.RowsAffected()
			return err
		})
		if err != nil || n < 1000 {
			return err
		}
	}
}

// giveBack returns free pages to the file system when there are more than new
// blocks need soon, or all of them, with what is still in them. done is false when
// there is more to do.
func (s *Store) giveBack(ctx context.Context, all bool) (done bool, err error) {
	used, free, err := s.pages(ctx)
	if err != nil || !all && free <= max(s.sizes.pagesToFree, used/4) {
		return err == nil, err
	}
	for range 100 { // a second or two of work, then the next time
		done, err := s.db.Compact(ctx)
		if err != nil || done {
			return done, err
		}
		select {
		case <-ctx.Done():
			return false, nil
		case <-time.After(20 * time.Millisecond):
		}
	}
	return false, nil
}
