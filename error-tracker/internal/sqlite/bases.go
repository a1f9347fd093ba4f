package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
)

// baseWait is how long a report waits for the first event of its hash. Readers
// can all be busy with long searches; reports must not queue up behind them.
const baseWait = 20 * time.Millisecond

// maxBases bounds the memory of the first events that are at hand, in bytes.
const maxBases = 4 << 20

// bases holds the stored forms of the first events of hashes, from which later
// ones are told apart. Unlike memory it is for everybody. What it says can be
// out of date, but not wrong: a hash that was deleted never gets its number
// back, and the writer compares numbers.
type bases struct {
	mu    sync.Mutex
	byKey map[baseKey]base
	bytes int
}

type baseKey struct {
	project string
	hash    tracker.Hash
}

// base is the first event of the hash with the number.
type base struct {
	hash  int64
	plain []byte // nil for an event that is too large to compare with
}

func newBases() *bases { return &bases{byKey: make(map[baseKey]base)} }

func (c *bases) get(k baseKey) (base, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b, ok := c.byKey[k]
	return b, ok
}

func (c *bases) put(k baseKey, b base) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(k)
	c.byKey[k] = b
	c.bytes += b.size()
	for any := range c.byKey { // the order of maps is random enough
		if c.bytes <= maxBases {
			break
		}
		if any != k {
			c.remove(any)
		}
	}
}

func (c *bases) drop(k baseKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(k)
}

// size counts the entry as well.
func (b base) size() int { return len(b.plain) + 128 }

func (c *bases) remove(k baseKey) {
	if b, ok := c.byKey[k]; ok {
		c.bytes -= b.size()
		delete(c.byKey, k)
	}
}

const sqlBase = `SELECT h.id, o.payload FROM projects p JOIN hashes h ON h.project_id = p.id
	JOIN occurrences o ON o.hash_id = h.id AND o.first = 1 WHERE p.name = ? AND h.hash = ?`

// base returns the first event of a hash; without one, ok is false. It is an
// economy, so an error is no base.
func (s *Store) base(ctx context.Context, k baseKey) (b base, ok bool) {
	if b, ok = s.bases.get(k); ok {
		return b, b.plain != nil
	}
	ctx, cancel := context.WithTimeout(ctx, baseWait)
	defer cancel()
	var payload []byte
	err := s.db.Read().QueryRowContext(ctx, sqlBase, k.project, k.hash[:]).Scan(&b.hash, &payload)
	if err != nil {
		return base{}, false
	}
	if b.plain, err = s.payloads.unpackPlain(payload, nil); err != nil {
		return base{}, false
	}
	if len(b.plain) > maxDeltaBase {
		b.plain = nil
	}
	s.bases.put(k, b)
	return b, b.plain != nil
}

// basePlain reads the first event of a hash for one that needs it.
func (s *Store) basePlain(ctx context.Context, tx *sql.Tx, hash int64) ([]byte, error) {
	var payload []byte
	err := tx.QueryRowContext(ctx, "SELECT payload FROM occurrences WHERE hash_id = ? AND first = 1", hash).Scan(&payload)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, errors.New("the first event of its hash is missing")
	}
	if err != nil {
		return nil, err
	}
	return s.payloads.unpackPlain(payload, nil)
}
