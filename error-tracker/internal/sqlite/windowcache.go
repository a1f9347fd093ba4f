package sqlite

import (
	"sync"
	"time"
)

// windowCache keeps the last counts of a stretch of time: to add them up all
// counters are read, and people turn pages.
type windowCache struct {
	mu      sync.Mutex
	key     string
	value   map[int64]window // not to be changed
	commits int64
	until   time.Time
}

// A result that took longer than slowWindow serves for maxWindowAge although
// something was written.
const (
	slowWindow   = 20 * time.Millisecond
	maxWindowAge = 5 * time.Second
)

func (c *windowCache) get(key string, commits int64, read func() (map[int64]window, error)) (map[int64]window, error) {
	c.mu.Lock() // also so that a crowd adds up once
	defer c.mu.Unlock()
	if c.value != nil && c.key == key && (c.commits == commits || time.Now().Before(c.until)) {
		return c.value, nil
	}
	start := time.Now()
	value, err := read()
	if err != nil {
		return nil, err
	}
	c.key, c.value, c.commits, c.until = key, value, commits, time.Time{}
	if now := time.Now(); now.Sub(start) > slowWindow {
		c.until = now.Add(maxWindowAge)
	}
	return value, nil
}
