package sqlitedb

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/monlight/monlight/shared/errs"
)

const (
	defaultMinFree = 64 << 20
	diskShare      = 8                      // the floor is at most 1/8 of the disk unless it was set
	floorCheckGap  = 100 * time.Millisecond // while it is low
	floorTrimGap   = 10 * time.Second       // between attempts to empty the WAL of a full disk
	floorLogGap    = time.Minute
)

// floor refuses writes while the disk has too little left. SQLite needs pages
// to delete anything, so a disk that is really full cannot be helped by
// retention: some room has to be left for it.
type floor struct {
	dir string
	min int64
	log *slog.Logger
	now func() time.Time

	size    atomic.Int64 // of the database, with what is only in the write-ahead log
	checked atomic.Int64 // when, on the monotonic clock since start
	low     atomic.Bool
	start   time.Time

	mu       sync.Mutex
	trimmed  time.Time
	reported time.Time
}

func (f *floor) init(dir string, minFree int64, log *slog.Logger, now func() time.Time) {
	f.dir, f.log, f.now, f.start = dir, log, now, time.Now()
	switch {
	case minFree > 0:
		f.min = minFree
	case minFree == 0:
		f.min = defaultMinFree
		if total, _, err := diskSpace(dir); err == nil {
			f.min = min(f.min, total/diskShare)
		}
	}
}

// free is the space left, or -1 if the system does not tell.
func (f *floor) free() int64 {
	_, free, err := diskSpace(f.dir)
	if err != nil {
		return -1
	}
	return free
}

// check returns an Unavailable error while the disk is low. The writer looks
// after each transaction; while it is low nothing is written, so this looks
// itself, ten times a second at most.
func (f *floor) check(db *DB) error {
	if !f.low.Load() {
		return nil
	}
	now := int64(time.Since(f.start))
	last := f.checked.Load()
	if now-last > int64(floorCheckGap) && f.checked.CompareAndSwap(last, now) {
		f.look(db)
	}
	if f.low.Load() {
		return errs.RetryIn(errs.Unavailable, retryDisk, "the disk is almost full, writes are refused until %d bytes are free", f.min)
	}
	return nil
}

// look asks the system, which takes microseconds.
func (f *floor) look(db *DB) { f.judge(db, f.free()) }

// near tells whether the free space is so little that the write-ahead log has to be
// looked at. A reader can have it grow over its bound.
func (f *floor) near(db *DB, free int64) bool {
	return f.min > 0 && free >= 0 && free < f.min+4*db.opts.MaxWALBytes
}

// judge tells whether the free space is low. What the main file has to grow by for
// what is in the write-ahead log is as good as taken: without it the log could never
// be emptied.
func (f *floor) judge(db *DB, free int64) {
	if f.min == 0 {
		return
	}
	low := f.near(db, free) && free-f.unmoved(db) < f.min
	if was := f.low.Swap(low); low || was {
		f.changed(db, was, low, free)
	}
}

// unmoved is how much the main file has to grow for what is in the write-ahead log.
func (f *floor) unmoved(db *DB) int64 { return max(0, f.size.Load()-fileSize(db.path)) }

func (f *floor) changed(db *DB, was, low bool, free int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	if low && time.Since(f.trimmed) > floorTrimGap {
		f.trimmed = time.Now()
		// What the write-ahead log holds is in the way twice. Nobody waits for
		// this, and it is no harm if the queue is full.
		trim := func(c *conn) error {
			_, err := truncateWAL(c)
			f.look(db)
			return err
		}
		_ = db.send(&request{alone: trim, done: make(chan struct{}, 1)})
	}
	switch {
	case low && now.Sub(f.reported) > floorLogGap:
		f.reported = now
		f.log.WarnContext(context.Background(), "disk low, refusing writes", "dir", f.dir, "free_bytes", free, "min_free_bytes", f.min)
	case was && !low:
		f.log.InfoContext(context.Background(), "disk has room again", "dir", f.dir, "free_bytes", free)
	}
}
