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
	open  map[int64]*block.Block
}

func newCache(limit int) *cache { return &cache{limit: limit, open: make(map[int64]*block.Block)} }

func (c *cache) take(id int64) *block.Block {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.open[id]
	if b != nil {
		c.remove(id)
	}
	return b
}

func (c *cache) remove(id int64) {
	c.bytes -= c.open[id].Bytes()
	delete(c.open, id)
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
	if c.open[id] != nil || b.Bytes() > c.limit {
		return
	}
	c.open[id] = b
	c.order = append(c.order, id)
	c.bytes += b.Bytes()
	for c.bytes > c.limit {
		c.remove(c.order[0])
	}
}

// clear gives everything back.
func (c *cache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.open)
	c.order, c.bytes = nil, 0
}
