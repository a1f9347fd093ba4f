package sqlite

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/block"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/sqlitedb"
)

const (
	// partition is the number of blocks whose words share a table.
	partition = 1024
	// sealPause is the time after a block that could not be written.
	sealPause = 2 * time.Second
	// slowSeal is the time between two blocks from which on memory is given
	// back after each.
	slowSeal = 3 * time.Second
	// idleTime is how often the sealer looks for chunks that are old.
	idleTime = 15 * time.Second
)

func wordsTable(p int64) string { return fmt.Sprintf("words_%d", p) }

// sealing makes blocks of full chunks until the store is closed.
func (s *Store) sealing() {
	var enc *block.Encoder
	defer func() {
		if enc != nil {
			_ = enc.Close()
		}
	}()
	tick := time.NewTicker(idleTime)
	defer tick.Stop()
	busy := false // a block was made since the last tick
	var sealed time.Time
	for {
		select {
		case <-s.stop:
			return
		case <-s.wake:
		case <-tick.C:
			s.closeOld()
			cleared := s.cache.clearUnused()
			if enc != nil && !busy {
				_ = enc.Close()
				enc, cleared = nil, true
			}
			if cleared {
				// Nothing happens that would make the garbage collector run.
				debug.FreeOSMemory()
			}
			busy = false
		}
		for {
			c := s.oldestClosed()
			if c == nil {
				break
			}
			if enc == nil {
				var err error
				if enc, err = block.NewEncoder(s.sizes.frugal); err != nil {
					s.log.Error("cannot seal blocks", "err", err)
					break
				}
			}
			busy = true
			slow := time.Since(sealed) > slowSeal
			if err := s.seal(enc, c); err != nil {
				s.log.Error("cannot seal a block, entries wait", "first_id", c.First, "entries", c.Len(), "err", err)
				select {
				case <-s.stop:
					return
				case <-time.After(sealPause):
				}
			}
			select {
			case <-s.stop:
				return
			default:
			}
			s.groupIDs()
			if sealed = time.Now(); slow {
				// The next block is far: what making one takes is more than all the rest.
				_ = enc.Close()
				enc = nil
				debug.FreeOSMemory()
			}
		}
	}
}

// closeOld closes the open chunk if it has become old.
func (s *Store) closeOld() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.chunks {
		if s.now().Sub(c.born) >= s.opts.SealAfter && c.Len() > 0 {
			c.closed = true
		}
	}
}

func (s *Store) oldestClosed() *chunk {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.chunks) == 0 {
		return nil
	}
	c := s.chunks[0]
	if !c.closed && s.hot > s.sizes.hot { // writers wait for room
		c.closed = true
	}
	if !c.closed {
		return nil
	}
	return c
}

// Flush seals all entries that are not in a block yet.
func (s *Store) Flush(_ context.Context) error {
	enc, err := block.NewEncoder(s.sizes.frugal)
	if err != nil {
		return err
	}
	defer func() { _ = enc.Close() }()
	s.mu.Lock()
	for _, c := range s.chunks {
		c.closed = true
	}
	s.mu.Unlock()
	for {
		c := s.oldestClosed()
		if c == nil {
			s.groupIDs()
			return nil
		}
		if err := s.seal(enc, c); err != nil {
			return err
		}
	}
}

// seal makes a block of a closed chunk: it is packed outside of any
// transaction, then one transaction puts the block in the place of the entries.
func (s *Store) seal(enc *block.Encoder, c *chunk) error {
	s.sealMu.Lock()
	defer s.sealMu.Unlock()
	s.mu.RLock()
	still := slices.Contains(s.chunks, c)
	s.mu.RUnlock()
	if !still {
		return nil // somebody else did
	}
	packed, err := enc.Encode(&c.Rows)
	if err != nil {
		return err
	}
	b, err := s.replace(c, packed)
	if err != nil && errs.KindOf(sqlitedb.Classify(err)) != errs.Unavailable && packed.Words != "" {
		// A list of words that is damaged must not stop the rest: searches look into blocks that are not in it.
		s.log.Warn("a block cannot be written, now without its words", "first_id", c.First, "err", err)
		packed.Words = ""
		b, err = s.replace(c, packed)
	}
	if err != nil {
		return err
	}
	s.swap(func() {
		s.chunks = slices.DeleteFunc(slices.Clone(s.chunks), func(o *chunk) bool { return o == c })
		s.hot -= int64(c.Bytes())
		s.addBlock(b)
	})
	return nil
}

// replace writes the block in the place of the entries of c.
func (s *Store) replace(c *chunk, packed *block.Sealed) (b *sealed, err error) {
	err = s.db.Maintain(context.Background(), func(tx *sqlitedb.Tx) error { // the chunk is acknowledged: no caller's context ends this
		if b, err = putBlock(tx, packed, s.now().UnixMilli()); err != nil {
			return err
		}
		_, err := tx.Exec("DELETE FROM hot WHERE id BETWEEN ? AND ?", c.First, c.First+int64(c.Len())-1)
		return err
	})
	return b, err
}

// swap changes what there is, and wakes those who wait for room.
func (s *Store) swap(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	close(s.room)
	s.room = make(chan struct{})
}

// addBlock puts b in its place by ID. The slice that readers have stays as it is.
func (s *Store) addBlock(b *sealed) {
	at, _ := slices.BinarySearchFunc(s.blocks, b, byFirstID)
	if at == len(s.blocks) {
		s.blocks = append(s.blocks, b) // beyond what readers look at
	} else {
		s.blocks = slices.Insert(slices.Clone(s.blocks), at, b)
	}
}

// putBlock writes a block and its words, unless it has none. At the time in Unix milliseconds all of
// its entries had arrived.
func putBlock(tx *sqlitedb.Tx, p *block.Sealed, at int64) (*sealed, error) {
	const insert = `INSERT INTO blocks (first_id, last_id, min_ns, max_ns, n, text_bytes, data_bytes, flags, sealed_ms, marks, cube, hist, ids)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`
	marks := 0
	if p.Overflow {
		marks |= markOverflow
	}
	ids, hist := p.IDs, p.Hist
	if ids == nil {
		ids = []byte{}
	}
	if hist == nil {
		hist = []byte{}
	}
	b := &sealed{Summary: p.Summary, sealedMS: at, bytes: int64(len(p.Data)), overflow: p.Overflow}
	if p.AnyID {
		marks |= markAnyID
		b.where = nowhere
	} else if err := b.keepIDs(ids); err != nil {
		return nil, err
	}
	if err := b.sum(); err != nil {
		return nil, err
	}
	if err := tx.QueryRow(insert, p.FirstID, p.LastID, p.MinTime, p.MaxTime, p.N, p.TextBytes, len(p.Data), int64(p.Flags), at, marks, p.Cube, hist, ids).Scan(&b.id); err != nil {
		return nil, err
	}
	if _, err := tx.Exec("INSERT INTO payload (id, data) VALUES (?, ?)", b.id, p.Data); err != nil {
		return nil, err
	}
	if p.Words == "" {
		return b, nil
	}
	table := wordsTable(b.id / partition)
	const create = `CREATE VIRTUAL TABLE IF NOT EXISTS %s USING fts5(t, content='', columnsize=0, detail=none, tokenize="ascii tokenchars '_'")`
	if _, err := tx.Exec(fmt.Sprintf(create, table)); err != nil {
		return nil, err
	}
	_, err := tx.Exec("INSERT INTO "+table+" (rowid, t) VALUES (?, ?)", b.id, everyBlock+" "+p.Words)
	return b, err
}
