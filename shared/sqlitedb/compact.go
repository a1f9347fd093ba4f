package sqlitedb

import (
	"context"
	"fmt"
	"time"
)

// compactTime is how long one step of Compact may keep the writer busy.
const compactTime = 20 * time.Millisecond

// Compact gives free pages at the end of the file back to the file system, and
// empties the write-ahead log when there are none left. It does a bounded piece
// of work and returns; done is true when nothing is left to do, or when a
// reader is in the way of the rest. Call it again, with a pause.
func (db *DB) Compact(ctx context.Context) (done bool, err error) {
	err = db.outside(ctx, func(c *conn) error {
		done, err = db.compactStep(ctx, c)
		return err
	})
	return done, err
}

func (db *DB) compactStep(ctx context.Context, c *conn) (done bool, err error) {
	start := time.Now()
	for time.Since(start) < compactTime {
		pages := 64 // 256 KB at a time, then look at the clock
		if db.floor.low.Load() {
			pages = 8 // each page that moves is first written to the log
		}
		var free int64
		if err := c.ints(ctx, "PRAGMA freelist_count", &free); err != nil {
			return false, err
		}
		if free == 0 {
			if _, err := truncateWAL(c); err != nil {
				return false, fmt.Errorf("empty the write-ahead log: %w", err)
			}
			return true, nil
		}
		if err := c.exec(fmt.Sprintf("PRAGMA incremental_vacuum(%d)", pages)); err != nil {
			return false, fmt.Errorf("give back %d pages: %w", pages, err)
		}
		db.w.look()
	}
	return false, nil
}
