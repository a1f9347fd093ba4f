package sqlitedb

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Snapshot is one state of the database, to be read by one goroutine. Its
// statements are prepared once per connection and kept, so it is the way to
// read for what runs often and has many or short queries; their text should
// be constant. Everything acknowledged before Snapshot was called is in it.
//
// The caller's context and Options.ReadTimeout, counted from the beginning,
// are looked at before each query and between rows, not within a step of
// SQLite's: it is for queries that find their rows by a key. It must be closed
// soon, for it keeps the write-ahead log from being emptied.
type Snapshot struct {
	pool *snapshots
	conn *conn
	tx   Tx
	end  time.Time
	ctx  context.Context //nolint:containedctx // a Snapshot lives within one call
	rows int
}

// Snapshot begins to read. It waits while as many as Options.Readers are open.
func (db *DB) Snapshot(ctx context.Context) (*Snapshot, error) {
	c, err := db.snapshots.take(ctx, db.path, db.opts.readerPragmas())
	if err != nil {
		return nil, err
	}
	s := &Snapshot{pool: &db.snapshots, conn: c, tx: Tx{conn: c}, end: time.Now().Add(db.opts.ReadTimeout), ctx: ctx}
	// SQLite chooses the state at the first read, not at BEGIN.
	if err = c.exec("BEGIN"); err == nil {
		if err = c.exec("SELECT 1 FROM sqlite_schema LIMIT 1"); err == nil {
			return s, nil
		}
	}
	s.Close()
	return nil, Classify(err)
}

// Each calls f with each row of a query. The row is valid during the call. An
// error of f ends the query and is returned as it is; others are classified.
func (s *Snapshot) Each(f func(r *Rows) error, query string, args ...any) error {
	if err := s.check(); err != nil {
		return err
	}
	rows, err := s.tx.Query(query, args...)
	if err != nil {
		return Classify(err)
	}
	defer rows.Close()
	for rows.Next() {
		if s.rows++; s.rows%32 == 0 {
			if err := s.check(); err != nil {
				return err
			}
		}
		if err := f(rows); err != nil {
			return err
		}
	}
	return Classify(rows.Err())
}

func (s *Snapshot) check() error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	if time.Now().After(s.end) {
		return Classify(fmt.Errorf("reading a snapshot: %w", errReadTime))
	}
	return nil
}

// Close ends the Snapshot. Closing twice is harmless.
func (s *Snapshot) Close() {
	if s.conn == nil {
		return
	}
	s.tx.end()
	s.pool.give(s.conn, s.conn.exec("ROLLBACK") == nil)
	s.conn = nil
}

// snapshots are the connections of Snapshots. Those that are not used for a
// while are closed, for the sake of their memory.
type snapshots struct {
	slots chan struct{} // one for each connection that may be in use

	mu     sync.Mutex
	idle   []idleConn // the one used last at the end
	timer  *time.Timer
	closed bool
}

type idleConn struct {
	*conn
	since time.Time
}

func (p *snapshots) take(ctx context.Context, path string, pragmas []string) (*conn, error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		c := p.idle[n-1].conn
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return c, nil
	}
	p.mu.Unlock()
	c, err := openConn(path, pragmas...)
	if err != nil {
		<-p.slots
		return nil, Classify(err)
	}
	return c, nil
}

// give takes a connection back, and closes it if it is not usable any more.
func (p *snapshots) give(c *conn, usable bool) {
	defer func() { <-p.slots }()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !usable || p.closed {
		_ = c.close()
		return
	}
	p.idle = append(p.idle, idleConn{c, time.Now()})
	if p.timer == nil {
		p.timer = time.AfterFunc(idleReaderTime, p.expire)
	}
}

// expire closes what was not used for a while.
func (p *snapshots) expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer = nil
	n := 0
	for n < len(p.idle) && time.Since(p.idle[n].since) >= idleReaderTime {
		_ = p.idle[n].close()
		n++
	}
	p.idle = append(p.idle[:0], p.idle[n:]...)
	if len(p.idle) > 0 && !p.closed {
		p.timer = time.AfterFunc(time.Until(p.idle[0].since.Add(idleReaderTime)), p.expire)
	}
}

// close waits for the Snapshots that are open and closes all connections.
func (p *snapshots) close() {
	for range cap(p.slots) {
		p.slots <- struct{}{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.timer != nil {
		p.timer.Stop()
	}
	for _, c := range p.idle {
		_ = c.close()
	}
	p.idle = nil
}
