package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/monlight/monlight/log-viewer/internal/block"
	"github.com/monlight/monlight/log-viewer/internal/logs"
)

// load reads the state of the store from the database.
func (s *Store) load(ctx context.Context) error {
	if err := s.loadSources(ctx); err != nil {
		return fmt.Errorf("read sources: %w", err)
	}
	if err := s.loadBlocks(ctx); err != nil {
		return fmt.Errorf("read blocks: %w", err)
	}
	for _, b := range s.blocks {
		s.lastID = max(s.lastID, b.LastID)
	}
	var last int64
	err := s.db.Read().QueryRowContext(ctx, "SELECT value FROM meta WHERE key = ?", metaLastID).Scan(&last)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	s.lastID = max(s.lastID, last)
	if err := s.loadHot(ctx); err != nil {
		return fmt.Errorf("read entries: %w", err)
	}
	s.nextID = s.lastID + 1
	if err := s.findReplaced(ctx); err != nil {
		return fmt.Errorf("read blocks: %w", err)
	}
	return s.loadIDs(ctx)
}

func (s *Store) loadSources(ctx context.Context) error {
	s.sources = sources{byName: make(map[string]uint32), names: &sourceNames{list: make([]logs.Source, 1)}} // numbers begin with 1
	rows, err := s.db.Read().QueryContext(ctx, "SELECT id, name, labels FROM sources ORDER BY id")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var src logs.Source
		var labels string
		if err := rows.Scan(&id, &src.Name, &labels); err != nil {
			return err
		}
		if id < 1 || id > MaxSources {
			return fmt.Errorf("source %q has the number %d, the limit is %d", src.Name, id, MaxSources)
		}
		if err := json.Unmarshal([]byte(labels), &src.Labels); err != nil {
			s.log.WarnContext(ctx, "labels of a source are damaged", "source", src.Name, "err", err)
		}
		list := &s.sources.names.list
		for int64(len(*list)) <= id {
			*list = append(*list, logs.Source{})
		}
		(*list)[id] = src
		s.sources.byName[src.Name] = uint32(id) //nolint:gosec // just checked
	}
	return rows.Err()
}

func (s *Store) loadBlocks(ctx context.Context) error {
	const query = `SELECT id, first_id, last_id, min_ns, max_ns, n, text_bytes, data_bytes, flags, sealed_ms, marks, cube, hist FROM blocks WHERE id > ? ORDER BY id LIMIT 2000`
	for after := int64(0); ; {
		rows, err := s.db.Read().QueryContext(ctx, query, after) //nolint:sqlclosecheck // readBlocks closes them
		if err != nil {
			return err
		}
		n, err := s.readBlocks(rows, &after)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
	}
	slices.SortFunc(s.blocks, byFirstID)
	return nil
}

func byFirstID(a, b *sealed) int {
	return cmp.Or(cmp.Compare(a.FirstID, b.FirstID), cmp.Compare(a.id, b.id))
}

// Marks of a block in the table blocks.
const (
	markOverflow = 1
	markAnyID    = 2
	markGrouped  = 4
)

func (s *Store) readBlocks(rows *sql.Rows, last *int64) (n int, err error) {
	defer rows.Close()
	for ; rows.Next(); n++ {
		b := &sealed{}
		var marks int
		if err := rows.Scan(&b.id, &b.FirstID, &b.LastID, &b.MinTime, &b.MaxTime, &b.N, &b.TextBytes, &b.bytes, &b.Flags, &b.sealedMS, &marks, &b.Cube, &b.Hist); err != nil {
			return n, err
		}
		*last = b.id
		b.overflow = marks&markOverflow != 0
		switch {
		case marks&markAnyID != 0:
			b.where = nowhere
		case marks&markGrouped != 0:
			b.where = inGroup
		}
		if err := b.sum(); err != nil { // only retention sees it from now on
			s.skip(b, err)
			b.N, b.Cube, b.Hist = 0, nil, nil
			clear(b.levels[:])
		}
		s.blocks = append(s.blocks, b)
	}
	return n, rows.Err()
}

// sum adds up the counts of the block's sources.
func (b *sealed) sum() error {
	clear(b.levels[:])
	total := 0
	err := b.EachSource(func(c *block.SourceSummary) {
		for f, n := range c.Flags {
			b.levels[f] += uint16(n) //nolint:gosec // of fewer than MaxRows
		}
		total += c.N
	})
	if err == nil && (total != b.N || b.N < 1 || b.N >= block.MaxRows || b.FirstID > b.LastID || b.MinTime > b.MaxTime) {
		err = fmt.Errorf("%w: it says %d entries and counts %d", block.ErrDamaged, b.N, total)
	}
	return err
}

func (s *Store) loadHot(ctx context.Context) error {
	now := s.now()
	for after := int64(0); ; {
		rows, err := s.db.Read().QueryContext(ctx, "SELECT id, data FROM hot WHERE id > ? ORDER BY id LIMIT 500", after) //nolint:sqlclosecheck // readHot closes them
		if err != nil {
			return err
		}
		n, err := s.readHot(rows, &after, func(id int64, r *block.Rows) {
			s.addPart(r, 0, r.Len(), id, now)
			s.lastID = max(s.lastID, id+int64(r.Len())-1)
		})
		if err != nil || n == 0 {
			return err
		}
	}
}

func (s *Store) readHot(rows *sql.Rows, last *int64, add func(id int64, r *block.Rows)) (n int, err error) {
	defer rows.Close()
	for ; rows.Next(); n++ {
		var data sql.RawBytes
		if err := rows.Scan(last, &data); err != nil {
			return n, err
		}
		var r block.Rows
		if err := r.AddBatch(data); err != nil {
			s.lostBatches.Add(1)
			s.log.Error("entries on disk are damaged and left out", "first_id", *last, "err", err)
			s.lastID = max(s.lastID, *last+block.MaxRows) // how many IDs it had is not known
			continue
		}
		add(*last, &r)
	}
	return n, rows.Err()
}

// skip counts and logs a block that cannot be read, once.
func (s *Store) skip(b *sealed, err error) {
	if !b.damaged.Swap(true) {
		s.damagedBlocks.Add(1)
		s.log.Error("a block is damaged, its entries are left out", "block", b.id, "entries", b.N, "err", err)
	}
}
