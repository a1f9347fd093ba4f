package sourcemap

import (
	"context"

	"github.com/monlight/monlight/browser-relay/internal/lru"
)

// Cache opens maps and keeps what was used last: their indexes and the plain
// content of their blocks. It is safe for concurrent use.
type Cache struct {
	source direct
	blocks *lru.Cache[Hash, []byte]
	maps   *lru.Cache[int64, *Map]
}

// NewCache returns a Cache of at most about size bytes.
func NewCache(source BlockSource, size int) *Cache {
	return &Cache{source: direct{source}, blocks: lru.New[Hash, []byte](size / 2), maps: lru.New[int64, *Map](size / 2)}
}

// Open returns the map with this ID, whose index is loaded when it is needed.
func (c *Cache) Open(ctx context.Context, id int64, load func(context.Context, int64) ([]byte, error)) (*Map, error) {
	if m, ok := c.maps.Get(id); ok {
		return m, nil
	}
	stored, err := load(ctx, id)
	if err != nil {
		return nil, err
	}
	m, err := open(stored, c)
	if err != nil {
		return nil, err
	}
	c.maps.Put(id, m, m.size())
	return m, nil
}

// plain implements plainSource. Blocks have another name when they have another
// content, so what is kept is never stale.
func (c *Cache) plain(ctx context.Context, name Hash) ([]byte, error) {
	if b, ok := c.blocks.Get(name); ok {
		return b, nil
	}
	b, err := c.source.plain(ctx, name)
	if err == nil {
		c.blocks.Put(name, b, cap(b)+100)
	}
	return b, err
}
