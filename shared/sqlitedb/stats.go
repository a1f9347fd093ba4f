package sqlitedb

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// Stats is what a database has done since it was opened, and how it is now.
type Stats struct {
	DatabaseBytes int64 // the main file
	WALBytes      int64 // the write-ahead log
	DiskFree      int64 // bytes free for this process on the disk; -1 is unknown
	MinFree       int64 // the floor under which writes are refused
	DiskLow       bool  // writes are refused

	QueueDepth int // writes that wait
	QueueSize  int // the most that may wait

	Commits          int64 // transactions on disk
	Writes           int64 // writes in them
	Failed           int64 // writes that returned an error, other than those refused
	RefusedDisk      int64 // writes refused because the disk was low
	RefusedQueue     int64 // writes refused because too many waited
	CheckpointErrors int64

	// BatchSizes counts commits by their number of writes: the element i
	// those with 2^i to 2^(i+1)-1 of them.
	BatchSizes [10]int64
	// CommitTime is the time spent in transactions, LongestCommit the longest one.
	CommitTime    time.Duration
	LongestCommit time.Duration
}

type counters struct {
	commits, writes, failed   atomic.Int64
	refusedDisk, refusedQueue atomic.Int64
	checkpointErrors          atomic.Int64
	batchSizes                [10]atomic.Int64
	commitTime, longest       atomic.Int64
}

func (c *counters) committed(writes int, took time.Duration) {
	c.commits.Add(1)
	c.writes.Add(int64(writes))
	c.batchSizes[min(bits.Len(uint(writes))-1, len(c.batchSizes)-1)].Add(1)
	c.commitTime.Add(int64(took))
	if int64(took) > c.longest.Load() { // one writer: no race
		c.longest.Store(int64(took))
	}
}

// Stats reads the counters and the sizes of the files. It is cheap: a few
// system calls, no query.
func (db *DB) Stats() Stats {
	c := &db.w.stats
	s := Stats{
		DatabaseBytes:    fileSize(db.path),
		WALBytes:         fileSize(db.path + "-wal"),
		DiskFree:         db.floor.free(),
		MinFree:          db.floor.min,
		QueueDepth:       len(db.w.queue),
		QueueSize:        cap(db.w.queue),
		Commits:          c.commits.Load(),
		Writes:           c.writes.Load(),
		Failed:           c.failed.Load(),
		RefusedDisk:      c.refusedDisk.Load(),
		RefusedQueue:     c.refusedQueue.Load(),
		CheckpointErrors: c.checkpointErrors.Load(),
		CommitTime:       time.Duration(c.commitTime.Load()),
		LongestCommit:    time.Duration(c.longest.Load()),
	}
	s.DiskLow = s.DiskFree >= 0 && s.DiskFree < s.MinFree
	for i := range s.BatchSizes {
		s.BatchSizes[i] = c.batchSizes[i].Load()
	}
	return s
}
