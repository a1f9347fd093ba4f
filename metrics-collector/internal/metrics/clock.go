package metrics

import (
	"sync"
	"time"
)

const (
	// jumpTolerance is how far the wall clock may run ahead of the time that
	// really passed before that counts as a jump.
	jumpTolerance = 10 * time.Minute
	// jumpTrust is how long a clock must stay ahead before it is believed.
	jumpTrust = 24 * time.Hour
)

// steadyClock is the time that retention goes by. It follows the wall clock,
// but when that jumps ahead, by a correction or because the service did not
// run, it goes on at its own pace for a day: a clock that is wrong for less
// deletes nothing. When the wall clock is set back it does not follow until
// it is reached again.
type steadyClock struct {
	mu       sync.Mutex
	wall     func() time.Time
	elapsed  func() time.Duration // since some fixed moment; never set
	at       int64                // Unix milliseconds
	read     time.Duration        // elapsed when at was right
	aheadFor time.Duration        // how long the wall clock has been ahead
}

func newSteadyClock(wall func() time.Time, elapsed func() time.Duration, savedMS int64) *steadyClock {
	c := &steadyClock{wall: wall, elapsed: elapsed, at: savedMS, read: elapsed()}
	if savedMS == 0 {
		c.at = wall().UnixMilli()
	}
	return c
}

// now is the steady time in Unix milliseconds.
func (c *steadyClock) now() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.elapsed()
	passed := max(e-c.read, 0)
	c.read = e
	wall, own := c.wall().UnixMilli(), c.at+passed.Milliseconds()
	switch ahead := time.Duration(wall-own) * time.Millisecond; {
	case ahead > jumpTolerance:
		if c.aheadFor += passed; c.aheadFor >= jumpTrust {
			c.at, c.aheadFor = wall, 0
			return c.at
		}
		c.at = own
	case ahead >= -jumpTolerance:
		// The usual case: what the two are apart is drift.
		c.at, c.aheadFor = max(wall, c.at), 0
	default:
		// Set back. Waiting for it would keep data longer, not shorter.
		c.aheadFor = 0
	}
	return c.at
}
