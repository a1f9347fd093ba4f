package sqlite

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
)

const (
	// cacheBytes bounds the groups that are kept: a day of 1,000 series.
	cacheBytes = 8 << 20
	// cachedBytes is what a group takes besides its blob, about.
	cachedBytes = 128
	// cacheableGroups is the most of one query that are kept. Those of a larger
	// one would drive out each other before they are asked for again.
	cacheableGroups = 2000
	// cacheIdle is the time without a query after which all are given up.
	cacheIdle = 5 * time.Minute
)

// cache keeps the first blobs of groups, as dashboards ask for the same ones
// again and again, and the groups that are not there.
//
// A group may only be used with the pages of the same state: what a merge has
// put into it must not be counted in its pages as well. So each span has a
// version, which a merge changes, and a view uses the groups of the versions
// that its snapshot has.
type cache struct {
	versions atomic.Pointer[spanVersions]

	mu     sync.Mutex
	last   uint64 // version
	groups map[groupKey]*cachedGroup
	newest cachedGroup // a ring; before it is the one used longest ago
	bytes  int
	used   bool // since the timer was set
	timer  *time.Timer
}

// spanVersions is never changed once it can be seen. A span that is not in it
// has version 0.
type spanVersions map[spanKey]uint64

type spanKey struct {
	tier metrics.Tier
	span int64 // its number
}

// merging is the version of a span that is about to change: it matches nothing.
const merging = 1<<64 - 1

type groupKey struct {
	tier metrics.Tier
	id   int64
}

type cachedGroup struct {
	key        groupKey
	version    uint64
	row        metrics.GroupRow // without Sums if it is not there
	prev, next *cachedGroup
}

func newCache() *cache {
	c := &cache{groups: make(map[groupKey]*cachedGroup)}
	c.newest.prev, c.newest.next = &c.newest, &c.newest
	c.versions.Store(&spanVersions{})
	return c
}

// change runs f, which commits other groups of a span. Views that are opened
// meanwhile, and after an f that failed and may commit later, do without the
// cache for that span.
func (c *cache) change(key spanKey, f func() error) error {
	c.edit(func(v spanVersions) { v[key] = merging })
	err := f()
	if err == nil {
		c.edit(func(v spanVersions) {
			c.last++
			v[key] = c.last
		})
	}
	return err
}

// forget drops the versions of spans before one, which no query asks for.
func (c *cache) forget(t metrics.Tier, before int64) {
	old := func(k spanKey, _ uint64) bool { return k.tier == t && k.span < before }
	for k := range *c.versions.Load() {
		if old(k, 0) {
			c.edit(func(v spanVersions) { maps.DeleteFunc(v, old) })
			return
		}
	}
}

// edit replaces the versions by a changed copy.
func (c *cache) edit(f func(spanVersions)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := maps.Clone(*c.versions.Load())
	f(next)
	c.versions.Store(&next)
}

// get appends the wanted groups of a span to rows if it has all of them; what is
// not in the store is left out.
func (c *cache) get(rows []metrics.GroupRow, key spanKey, version uint64, wanted []uint32) ([]metrics.GroupRow, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, group := range wanted {
		g := c.groups[groupKey{key.tier, key.span<<32 | int64(group)}]
		if g == nil || g.version != version {
			return rows, false
		}
		c.unlink(g)
		c.link(g)
		if g.row.Sums != nil {
			rows = append(rows, g.row)
		}
	}
	c.used = true
	return rows, true
}

// put keeps a group. Its blob must not change.
func (c *cache) put(key spanKey, version uint64, row metrics.GroupRow) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := groupKey{key.tier, key.span<<32 | int64(row.Group)}
	if old := c.groups[id]; old != nil {
		c.drop(old)
	}
	g := &cachedGroup{key: id, version: version, row: row}
	c.groups[id] = g
	c.link(g)
	c.bytes += len(row.Sums) + cachedBytes
	for c.bytes > cacheBytes {
		c.drop(c.newest.prev)
	}
	c.used = true
	if c.timer == nil {
		c.timer = time.AfterFunc(cacheIdle, c.expire)
	}
}

// expire gives everything up if nothing of it was used.
func (c *cache) expire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.used {
		c.used = false
		c.timer.Reset(cacheIdle)
		return
	}
	c.timer = nil
	c.bytes = 0
	c.groups = make(map[groupKey]*cachedGroup)
	c.newest.prev, c.newest.next = &c.newest, &c.newest
}

func (c *cache) link(g *cachedGroup) {
	g.prev, g.next = &c.newest, c.newest.next
	g.prev.next, g.next.prev = g, g
}

func (c *cache) unlink(g *cachedGroup) { g.prev.next, g.next.prev = g.next, g.prev }

func (c *cache) drop(g *cachedGroup) {
	c.unlink(g)
	delete(c.groups, g.key)
	c.bytes -= len(g.row.Sums) + cachedBytes
}
