package sqlite

import (
	"context"
	"fmt"
	"strings"

	"github.com/monlight/monlight/log-viewer/internal/block"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// The list of ids of a new block is kept in memory. When the blocks of a group,
// GroupBlocks numbers in a row, are complete, their lists are merged into rows of
// the table ids, of which a search reads one for each id and group. So neither
// memory nor the time of a search grows much with the number of blocks.

// place is where the ids of a block are.
type place uint8

const (
	inMemory place = iota
	inGroup        // in the rows of its group
	nowhere        // any id may be in the block
)

const (
	// putAtOnce is how many rows of a group one transaction writes.
	putAtOnce = 256
	// lookAtOnce is how many groups one query reads.
	lookAtOnce = 64
)

func groupOf(id int64) int64 { return id / block.GroupBlocks }

func groupRow(group int64, row int) int64 { return group*block.GroupRows + int64(row) }

// keepIDs keeps the list of ids of a block.
func (b *sealed) keepIDs(list []byte) (err error) {
	b.ids, err = block.OpenIDList(list)
	return err
}

// loadIDs reads the lists of blocks that are in no group yet.
func (s *Store) loadIDs(ctx context.Context) error {
	for _, b := range s.blocks {
		if b.where != inMemory {
			continue
		}
		var list []byte
		if err := s.db.Read().QueryRowContext(ctx, "SELECT ids FROM blocks WHERE id = ?", b.id).Scan(&list); err != nil {
			return fmt.Errorf("read ids: %w", err)
		}
		if err := b.keepIDs(list); err != nil {
			b.where = nowhere
			s.log.WarnContext(ctx, "a list of ids is damaged, its block is searched without it", "block", b.id, "err", err)
		}
	}
	return nil
}

// groupIDs merges the lists of ids of groups that are complete. What fails is
// tried again when the next block was made.
func (s *Store) groupIDs() {
	ctx := context.Background()
	for {
		group, blocks := s.completeGroup()
		if len(blocks) == 0 {
			return
		}
		if err := s.mergeIDs(ctx, group, blocks); err != nil {
			if errs.KindOf(err) != errs.Unavailable {
				s.log.ErrorContext(ctx, "cannot merge lists of ids", "err", err)
			}
			return
		}
	}
}

// completeGroup returns the blocks, by their place, of a group that gets no more of
// them and whose lists are in memory.
func (s *Store) completeGroup() (group int64, blocks []*sealed) {
	s.sealMu.Lock() // so that all blocks are known that were written
	defer s.sealMu.Unlock()
	all := s.view().blocks
	newest, group := int64(0), int64(-1)
	for _, b := range all {
		newest = max(newest, b.id)
		if b.where == inMemory && (group < 0 || groupOf(b.id) < group) {
			group = groupOf(b.id)
		}
	}
	if group < 0 || group >= groupOf(newest) {
		return 0, nil
	}
	for _, b := range all {
		if b.where == inMemory && groupOf(b.id) == group {
			blocks = append(blocks, b)
		}
	}
	return group, blocks
}

// mergeIDs writes the rows of a group, and then that they are what tells about its
// blocks.
func (s *Store) mergeIDs(ctx context.Context, group int64, blocks []*sealed) error {
	lists := make(map[int]*block.IDList, len(blocks))
	for _, b := range blocks {
		lists[int(b.id%block.GroupBlocks)] = b.ids
	}
	merge := block.NewIDGroup(lists)
	rows := make([][]byte, putAtOnce)
	for from := 0; from < block.GroupRows; from += len(rows) {
		for i := range rows {
			rows[i] = merge.Next(rows[i][:0])
		}
		err := s.db.Write(ctx, func(tx *sqlitedb.Tx) error {
			for i, row := range rows {
				if _, err := tx.Exec("INSERT INTO ids (id, data) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET data = excluded.data", groupRow(group, from+i), row); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	err := s.db.Write(ctx, func(tx *sqlitedb.Tx) error {
		for _, b := range blocks {
			if _, err := tx.Exec("UPDATE blocks SET ids = x'', marks = marks | ? WHERE id = ?", markGrouped, b.id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	merged := make(map[*sealed]bool, len(blocks))
	for _, b := range blocks {
		merged[b] = true
	}
	s.swap(func() {
		s.blocks = append([]*sealed(nil), s.blocks...)
		for i, b := range s.blocks {
			if merged[b] {
				s.blocks[i] = b.grouped()
			}
		}
	})
	return nil
}

// grouped is the block after its list was merged.
func (b *sealed) grouped() *sealed {
	c := &sealed{Summary: b.Summary, id: b.id, bytes: b.bytes, sealedMS: b.sealedMS, where: inGroup, overflow: b.overflow, levels: b.levels}
	c.damaged.Store(b.damaged.Load())
	return c
}

// hasID tells whether a block may have an id with the hash.
func (q *filter) hasID(b *sealed, hash uint64) bool {
	switch b.where {
	case inMemory:
		return b.ids.Has(hash)
	case inGroup:
		q.mu.Lock()
		defer q.mu.Unlock()
		looks := q.ids[hash]
		if looks == nil {
			looks = &idLooks{groups: make(map[int64]uint64)}
			q.ids[hash] = looks
		}
		return looks.in(q, groupOf(b.id), hash)>>(b.id%block.GroupBlocks)&1 == 1
	}
	return true
}

// idLooks is what was found of one id.
type idLooks struct {
	groups map[int64]uint64 // the blocks of each that may have it, as bits
	last   int64            // that was asked for
	ahead  int64            // how many more to read
}

// in returns the blocks of the group that may have the id. Groups are asked for in
// a row, so each time it reads more of them ahead. q.mu is held.
func (l *idLooks) in(q *filter, group int64, hash uint64) uint64 {
	if set, ok := l.groups[group]; ok {
		return set
	}
	step := int64(-1)
	if l.ahead > 0 && group > l.last {
		step = 1
	}
	var list []any
	var marks strings.Builder
	for g := group; g >= 0 && len(list) <= int(l.ahead); g += step {
		list = append(list, groupRow(g, block.GroupRow(hash)))
		marks.WriteString(",?")
		l.groups[g] = ^uint64(0) // what cannot be read
	}
	l.last, l.ahead = group, min(2*l.ahead+1, lookAtOnce-1)
	if err := l.read(q, hash, "SELECT id, data FROM ids WHERE id IN ("+marks.String()[1:]+")", list); err != nil && q.ctx.Err() == nil {
		q.store.log.WarnContext(q.ctx, "ids cannot be read, blocks are searched without them", "group", group, "err", err)
	}
	return l.groups[group]
}

func (l *idLooks) read(q *filter, hash uint64, query string, args []any) error {
	rows, err := q.store.db.Read().QueryContext(q.ctx, query, args...)
	if err != nil {
		return sqlitedb.Classify(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var data []byte
		if err := rows.Scan(&id, &data); err != nil {
			return err
		}
		set, err := block.InGroupRow(data, hash)
		if err != nil {
			q.store.log.WarnContext(q.ctx, "ids are damaged, blocks are searched without them", "group", id/block.GroupRows, "err", err)
		}
		l.groups[id/block.GroupRows] = set
	}
	return rows.Err()
}

// dropGroups removes the ids of groups of which all blocks are gone.
func (s *Store) dropGroups(ctx context.Context) error {
	used := make(map[int64]bool)
	newest := int64(-1)
	for _, b := range s.view().blocks {
		used[groupOf(b.id)] = true
		newest = max(newest, groupOf(b.id))
	}
	for group := int64(0); ; group++ {
		var next *int64
		if err := s.db.Read().QueryRowContext(ctx, "SELECT min(id) FROM ids WHERE id >= ?", groupRow(group, 0)).Scan(&next); err != nil {
			return sqlitedb.Classify(err)
		}
		if next == nil || *next/block.GroupRows >= newest {
			return nil
		}
		if group = *next / block.GroupRows; used[group] {
			continue
		}
		err := s.db.Maintain(ctx, func(tx *sqlitedb.Tx) error {
			_, err := tx.Exec("DELETE FROM ids WHERE id BETWEEN ? AND ?", groupRow(group, 0), groupRow(group, block.GroupRows-1))
			return err
		})
		if err != nil {
			return fmt.Errorf("remove the ids of blocks that are gone: %w", err)
		}
	}
}
