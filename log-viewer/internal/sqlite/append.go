package sqlite

import (
	"context"
	"sync"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/block"
	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/sqlitedb"
)

const (
	// keyTime is how long the keys of batches are remembered.
	keyTime = 6 * time.Hour
	// roomTime is how long Append waits for entries to be sealed. It is longer
	// than a block takes on a slow machine.
	roomTime = 10 * time.Second
)

// pending is a batch on its way to disk.
type pending struct {
	rows  *block.Rows
	first int64
}

// Append implements logs.Store. While more entries wait to be sealed than there
// is room for, it waits, and then returns RateLimited.
func (s *Store) Append(ctx context.Context, b logs.Batch) (first int64, err error) {
	known, err := s.learn(ctx, b)
	if err != nil {
		return 0, sqlitedb.Classify(err)
	}
	p := &pending{rows: &block.Rows{}}
	size := 0
	for i := range b.Entries {
		size += len(b.Entries[i].Message)
	}
	p.rows.Grow(len(b.Entries), size)
	last, source := "", uint32(0)
	for i := range b.Entries {
		e := &b.Entries[i]
		if e.Source != last || i == 0 {
			last, source = e.Source, known.byName[e.Source]
		}
		p.rows.Append(e.Time, source, flagsOf(*e), e.Message)
	}
	if err := s.awaitRoom(ctx); err != nil {
		return 0, err
	}
	buffer, _ := buffers.Get().(*[]byte)
	parts := s.parts(p.rows, buffer)
	defer func() {
		if cap(*buffer) <= maxBuffer {
			buffers.Put(buffer)
		}
	}()
	repeated := false
	err = s.db.Write(ctx, func(tx *sqlitedb.Tx) error {
		if b.Key != "" {
			const remember = `INSERT INTO batch_keys (key, at) VALUES (?, ?) ON CONFLICT (key) DO NOTHING`
			res, err := tx.Exec(remember, b.Key, s.now().UnixMilli())
			if err != nil {
				return err
			}
			if n, err := res.RowsAffected(); err != nil || n == 0 {
				repeated = true
				return err
			}
		}
		if err := putCursors(tx, b.Cursors); err != nil {
			return err
		}
		if p.rows.Len() == 0 {
			return nil
		}
		s.reserve(p)
		tx.OnRollback(func() { s.forget(p) })
		for _, part := range parts {
			if _, err := tx.Exec("INSERT INTO hot (id, data) VALUES (?, ?)", p.first+int64(part.from), part.data); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || repeated || p.rows.Len() == 0 {
		return 0, sqlitedb.Classify(err)
	}
	s.publish(p)
	return p.first, nil
}

func putCursors(tx *sqlitedb.Tx, cursors []logs.Cursor) error {
	const (
		put    = `INSERT INTO cursors (key, state) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET state = excluded.state`
		forget = `DELETE FROM cursors WHERE key = ?`
	)
	for _, c := range cursors {
		var err error
		if len(c.State) == 0 {
			_, err = tx.Exec(forget, c.Key)
		} else {
			_, err = tx.Exec(put, c.Key, c.State)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// part is the rows of a batch that go into one row of the table hot: not more
// than one block has.
type part struct {
	from int
	data []byte
}

// buffers hold the data of parts until they are written.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

const maxBuffer = 4 << 20 // larger ones are not kept

// parts makes the parts of r, which share the memory of the buffer.
func (s *Store) parts(r *block.Rows, buffer *[]byte) (out []part) {
	data := (*buffer)[:0]
	start, from := uint32(0), 0
	for i := range r.Len() {
		if i+1 == r.Len() || i+1-from >= s.sizes.rows || int(r.End[i]-start) >= s.sizes.text {
			at := len(data)
			data = r.AppendBatch(data, from, i+1)
			out = append(out, part{from, data[at:len(data):len(data)]})
			start, from = r.End[i], i+1
		}
	}
	*buffer = data
	return out
}

// awaitRoom waits until the entries that are not sealed yet leave room for more.
func (s *Store) awaitRoom(ctx context.Context) error {
	var timeout <-chan time.Time
	for {
		s.mu.RLock()
		full, room := s.hot > s.sizes.hot, s.room
		s.mu.RUnlock()
		if !full {
			return nil
		}
		s.wakeSealer()
		if timeout == nil {
			t := time.NewTimer(s.roomTime)
			defer t.Stop()
			timeout = t.C
		}
		select {
		case <-room:
		case <-timeout:
			return errs.RetryIn(errs.RateLimited, time.Second, "entries arrive faster than they can be stored")
		case <-ctx.Done():
			return ctx.Err()
		case <-s.stop:
			return errs.RetryIn(errs.Unavailable, time.Second, "the service is stopping")
		}
	}
}

// reserve gives p its IDs. It runs on the writer's goroutine.
func (s *Store) reserve(p *pending) {
	s.pendMu.Lock()
	p.first = s.nextID
	s.nextID += int64(p.rows.Len())
	s.pending = append(s.pending, p)
	s.pendMu.Unlock()
}

// forget takes p out again. Its IDs stay unused: a commit that failed may
// still have reached the disk.
func (s *Store) forget(p *pending) {
	s.pendMu.Lock()
	defer s.pendMu.Unlock()
	for i, o := range s.pending {
		if o == p {
			s.pending = append(s.pending[:i:i], s.pending[i+1:]...)
			return
		}
	}
}

// publish makes p visible, and first all batches with smaller IDs: they are on
// disk as well, because a transaction is committed as a whole and after those
// before it, and one that was taken back is not in the list any more.
func (s *Store) publish(p *pending) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pendMu.Lock()
	n := 0
	for n < len(s.pending) && s.pending[n].first <= p.first {
		n++
	}
	ready := s.pending[:n:n]
	s.pending = s.pending[n:]
	s.pendMu.Unlock()
	now := s.now()
	for _, r := range ready {
		s.addHot(r.rows, r.first, now)
		s.countArrivals(r.rows, now)
		s.spare -= int64(r.rows.Len())
	}
	if s.spare < 0 {
		s.spare = s.margin // should it not be possible to remove any, then it is tried after as many more
		select {
		case s.over <- struct{}{}:
		default: // it knows
		}
	}
}

// addHot puts rows into the open chunk, or into new ones. Rows that are one row
// of the table hot stay together.
func (s *Store) addHot(r *block.Rows, first int64, now time.Time) {
	start, from := uint32(0), 0
	for i := range r.Len() {
		if i+1 < r.Len() && i+1-from < s.sizes.rows && int(r.End[i]-start) < s.sizes.text {
			continue
		}
		s.addPart(r, from, i+1, first+int64(from), now)
		start, from = r.End[i], i+1
	}
	s.lastID = first + int64(r.Len()) - 1
}

func (s *Store) addPart(r *block.Rows, from, to int, first int64, now time.Time) {
	var c *chunk
	if len(s.chunks) > 0 {
		c = s.chunks[len(s.chunks)-1]
	}
	if c != nil && !c.closed && (c.First+int64(c.Len()) != first || c.Len()+to-from > s.sizes.rows*3/2 || len(c.Text) > s.sizes.text) {
		c.closed = true
	}
	if c == nil || c.closed {
		c = &chunk{born: now}
		c.First = first
		c.Grow(s.likely.rows, s.likely.text)
		s.hot += int64(c.Bytes())
		s.chunks = append(s.chunks, c)
	}
	s.hot -= int64(c.Bytes())
	c.AppendRows(r, from, to)
	s.hot += int64(c.Bytes())
	if c.Len() >= s.sizes.rows || len(c.Text) >= s.sizes.text {
		c.closed = true
		s.likely.rows, s.likely.text = c.Len(), len(c.Text)
		s.wakeSealer()
	}
}

func (s *Store) wakeSealer() {
	select {
	case s.wake <- struct{}{}:
	default: // it is awake
	}
}

// Cursors implements logs.Store.
func (s *Store) Cursors(ctx context.Context, prefix string) ([]logs.Cursor, error) {
	rows, err := s.db.Read().QueryContext(ctx, "SELECT key, state FROM cursors WHERE substr(key, 1, length(?1)) = ?1 ORDER BY key", prefix)
	if err != nil {
		return nil, sqlitedb.Classify(err)
	}
	defer rows.Close()
	var out []logs.Cursor
	for rows.Next() {
		var c logs.Cursor
		if err := rows.Scan(&c.Key, &c.State); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, sqlitedb.Classify(rows.Err())
}
