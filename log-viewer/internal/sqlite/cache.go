package sqlite

import (
	"sync"

	"github.com/monlight/monlight/log-viewer/internal/block"
)

// cache keeps open blocks for the next query. A block is taken out while it is
// used, because it serves one goroutine at a time.
type cache struct {
	mu    sync.Mutex
	limit int
	bytes int
	order []int64 // least recently used first
	used  bool    // since the last clearUnused
	open  map[int64]*block.Block
	sizes map[int64]int // bytes of open, as they were added to bytes
}

func newCache(limit int) *cache {
	return &cache{limit: limit, open: make(map[int64]*block.Block), sizes: make(map[int64]int)}
}

func (c *cache) take(id int64) *block.Block {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.used = true
	b := c.open[id]
	if b != nil {
		c.remove(id)
	}
	return b
}

func (c *cache) remove(id int64) {
	c.bytes -= c.sizes[id]
	delete(c.open, id)
	delete(c.sizes, id)
	for i, o := range c.order {
		if o == id {
			c.order = append(c.order[:i], c.order[i+1:]...)
			return
		}
	}
}

func (c *cache) put(id int64, b *block.Block) {
	c.mu.Lock()
	defer c.mu.Unlock()
	size := b.Bytes()
	if c.open[id] != nil || size > c.limit {
		b.Free()
		return
	}
	c.open[id], c.sizes[id] = b, size
	c.order = append(c.order, id)
	c.bytes += size
	for c.bytes > c.limit {
		old := c.order[0]
		b := c.open[old]
		c.remove(old)
		b.Free()
	}
}

// clearUnused gives everything back if nobody used it since the last call, and
// tells whether there was anything.
func (c *cache) clearUnused() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.used || len(c.open) == 0 {
		c.used = false
		return false
	}
	clear(c.open)
	clear(c.sizes)
	c.order, c.bytes = nil, 0
	return true
}
