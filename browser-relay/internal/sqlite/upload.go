package sqlite

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/monlight/monlight/browser-relay/internal/artifacts"
	"github.com/monlight/monlight/browser-relay/internal/sourcemap"
	"github.com/monlight/monlight/browser-relay/internal/symbolicate"
	"github.com/monlight/monlight/shared/sqlitedb"
)

const (
	// putAtOnce is how many bytes of blocks are collected for one transaction.
	putAtOnce = 128 << 10
	// deleteAtOnce is how many blocks are deleted in one transaction.
	deleteAtOnce = 200
)

// uploads are the blocks that running uploads count on. They must not be deleted,
// though no map has them yet.
type uploads struct {
	mu     sync.Mutex
	blocks map[sourcemap.Hash]int // how many uploads put it
}

func (u *uploads) add(h sourcemap.Hash, n int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.blocks == nil {
		u.blocks = map[sourcemap.Hash]int{}
	}
	if u.blocks[h] += n; u.blocks[h] <= 0 {
		delete(u.blocks, h)
	}
}

func (u *uploads) has(h sourcemap.Hash) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.blocks[h] > 0
}

// mapWriter implements artifacts.MapWriter.
type mapWriter struct {
	store   *Store
	put     []sourcemap.Hash
	pending []block
	data    []byte // of the pending blocks, one after the other
}

type block struct {
	hash sourcemap.Hash
	end  int // in the data
}

// BeginMap implements artifacts.Store.
func (s *Store) BeginMap(context.Context) (artifacts.MapWriter, error) {
	return &mapWriter{store: s}, nil
}

// PutBlock implements sourcemap.BlockSink.
func (w *mapWriter) PutBlock(ctx context.Context, name sourcemap.Hash, data []byte) error {
	w.put = append(w.put, name)
	w.store.uploads.add(name, 1)
	if w.data == nil {
		w.data = make([]byte, 0, putAtOnce+sourcemap.MaxBlock)
	}
	w.data = append(w.data, data...)
	w.pending = append(w.pending, block{name, len(w.data)})
	if len(w.data) < putAtOnce {
		return nil
	}
	return w.flush(ctx)
}

func (w *mapWriter) flush(ctx context.Context) error {
	if len(w.pending) == 0 {
		return nil
	}
	err := w.store.db.Write(ctx, func(tx *sqlitedb.Tx) error {
		from := 0
		for i := range w.pending {
			b := &w.pending[i]
			if _, err := tx.Exec(`INSERT INTO block (hash, data) VALUES (?, ?) ON CONFLICT DO NOTHING`, b.hash[:], w.data[from:b.end]); err != nil {
				return err
			}
			from = b.end
		}
		return nil
	})
	w.pending, w.data = w.pending[:0], w.data[:0]
	return err
}

const insertMap = `INSERT INTO source_map (project, release, file_url, path, base, debug_id, uploaded_by, uploaded,
	bytes, segments, sources, with_content, names, index_data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

// Commit implements artifacts.MapWriter.
func (w *mapWriter) Commit(ctx context.Context, m artifacts.Map) (id int64, err error) {
	if err := w.flush(ctx); err != nil {
		return 0, err
	}
	if m.DebugID == "" && m.Result != nil {
		m.DebugID = m.Result.DebugID
	}
	var replaced []int64
	err = w.store.db.Write(ctx, func(tx *sqlitedb.Tx) error {
		replaced = nil
		old, err := replacedBy(tx, &m)
		if err != nil {
			return err
		}
		res, err := tx.Exec(insertMap, m.Project, m.Release, m.FileURL, m.Path, symbolicate.BasePath(m.Path), m.DebugID, m.By, time.Now().UnixMilli(),
			m.Bytes, m.Segments, m.Sources, m.WithContent, m.Names, m.Index)
		if err != nil {
			return err
		}
		if id, err = res.LastInsertId(); err != nil {
			return err
		}
		for _, h := range m.Blocks {
			if _, err := tx.Exec(`INSERT INTO map_block (map_id, hash) VALUES (?, ?) ON CONFLICT DO NOTHING`, id, h[:]); err != nil {
				return err
			}
		}
		replaced = old
		return nil
	})
	if err != nil {
		return 0, err
	}
	w.store.changes.Add(1)
	w.Discard()
	for _, old := range replaced {
		if err := w.store.deleteMap(ctx, old); err != nil {
			return id, err
		}
	}
	return id, nil
}

// replacedBy returns the maps that m takes the place of.
func replacedBy(tx *sqlitedb.Tx, m *artifacts.Map) (ids []int64, err error) {
	query, args := `SELECT id FROM source_map WHERE project = ? AND release = ? AND base = ? AND path = ?`,
		[]any{m.Project, m.Release, symbolicate.BasePath(m.Path), m.Path}
	if m.Release == "" {
		query, args = `SELECT id FROM source_map WHERE project = ? AND debug_id = ? AND debug_id <> '' AND release = ''`, []any{m.Project, m.DebugID}
	}
	rows, err := tx.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// Discard implements artifacts.MapWriter. What was put and no map needs is
// deleted by DeleteOrphans.
func (w *mapWriter) Discard() {
	for _, h := range w.put {
		w.store.uploads.add(h, -1)
	}
	w.put, w.pending, w.data = nil, nil, nil
}

// deleteMap deletes a map, if it is there, and the blocks that no other needs.
func (s *Store) deleteMap(ctx context.Context, id int64) error {
	var hashes []sourcemap.Hash
	err := s.db.Maintain(ctx, func(tx *sqlitedb.Tx) error {
		hashes = hashes[:0]
		rows, err := tx.Query(`SELECT hash FROM map_block WHERE map_id = ?`, id)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var h []byte
			if err := rows.Scan(&h); err != nil {
				return err
			}
			if len(h) == len(sourcemap.Hash{}) {
				hashes = append(hashes, sourcemap.Hash(h))
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
		_, err = tx.Exec(`DELETE FROM source_map WHERE id = ?`, id)
		return err
	})
	if err != nil {
		return err
	}
	s.changes.Add(1)
	return s.deleteBlocks(ctx, hashes)
}

// deleteBlocks deletes those blocks that neither a map nor an upload needs.
func (s *Store) deleteBlocks(ctx context.Context, hashes []sourcemap.Hash) error {
	for len(hashes) > 0 {
		n := min(len(hashes), deleteAtOnce)
		part := hashes[:n]
		hashes = hashes[n:]
		err := s.db.Maintain(ctx, func(tx *sqlitedb.Tx) error {
			for _, h := range part {
				// An upload adds its blocks here before they are written, and this runs
				// where they are written: none can slip in between.
				if s.uploads.has(h) {
					continue
				}
				if _, err := tx.Exec(`DELETE FROM block WHERE hash = ?1 AND NOT EXISTS (SELECT 1 FROM map_block WHERE hash = ?1)`, h[:]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// DeleteOrphans deletes the blocks of uploads that were given up.
func (s *Store) DeleteOrphans(ctx context.Context) error {
	rows, err := s.db.Read().QueryContext(ctx, `SELECT hash FROM block WHERE NOT EXISTS (SELECT 1 FROM map_block m WHERE m.hash = block.hash) LIMIT 20000`) //nolint:sqlclosecheck // each closes them
	if err != nil {
		return sqlitedb.Classify(err)
	}
	var hashes []sourcemap.Hash
	err = each(rows, func() error {
		var h []byte
		if err := rows.Scan(&h); err != nil {
			return err
		}
		if len(h) != len(sourcemap.Hash{}) {
			return errors.New("a block has a name that is no hash")
		}
		hashes = append(hashes, sourcemap.Hash(h))
		return nil
	})
	if err != nil {
		return err
	}
	return s.deleteBlocks(ctx, hashes)
}
