package figures

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/monlight/monlight/shared/sqlitedb"
)

var (
	databaseBytes = Gauge("database_bytes", "Size of the main database file.")
	walBytes      = Gauge("database_wal_bytes", "Size of the write-ahead log.")
	diskFree      = Gauge("database_disk_free_bytes", "Free space on the disk of the database; -1 is unknown.")
	diskMinFree   = Gauge("database_disk_floor_bytes", "Free space under which writes are refused.")
	diskLow       = Gauge("database_disk_low", "1 while writes are refused for lack of space.")
	queueLength   = Gauge("database_queue_length", "Writes that wait for the disk.")
	queueCapacity = Gauge("database_queue_capacity", "Writes that may wait.")
	writes        = Counter("database_writes_total", "Writes on disk.")
	writesFailed  = Counter("database_writes_failed_total", "Writes that returned an error, other than those refused.")
	refusedDisk   = Counter("database_writes_refused_disk_total", "Writes refused because the disk was low.")
	refusedQueue  = Counter("database_writes_refused_queue_total", "Writes refused because too many waited.")
	longestCommit = Gauge("database_longest_commit_seconds", "The longest transaction so far.")
	commitTime    = Counter("database_commit_seconds_total", "Time spent in transactions.")
	batchSizes    = prometheus.NewDesc("database_commit_writes", "Writes that shared a transaction and its fsync.", nil, nil)
)

// Database collects the figures of a database.
type Database struct{ DB *sqlitedb.DB }

// Describe implements prometheus.Collector: the metrics are the same ones always.
func (c Database) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect implements prometheus.Collector.
func (c Database) Collect(ch chan<- prometheus.Metric) {
	s := c.DB.Stats()
	databaseBytes.Send(ch, float64(s.DatabaseBytes))
	walBytes.Send(ch, float64(s.WALBytes))
	diskFree.Send(ch, float64(s.DiskFree))
	diskMinFree.Send(ch, float64(s.MinFree))
	diskLow.Send(ch, Bool(s.DiskLow))
	queueLength.Send(ch, float64(s.QueueDepth))
	queueCapacity.Send(ch, float64(s.QueueSize))
	writes.Send(ch, float64(s.Writes))
	writesFailed.Send(ch, float64(s.Failed))
	refusedDisk.Send(ch, float64(s.RefusedDisk))
	refusedQueue.Send(ch, float64(s.RefusedQueue))
	longestCommit.Send(ch, s.LongestCommit.Seconds())
	commitTime.Send(ch, s.CommitTime.Seconds())

	buckets := make(map[float64]uint64, len(s.BatchSizes))
	var total uint64
	for i, n := range s.BatchSizes {
		total += uint64(n)
		buckets[float64(int64(2)<<i-1)] = total
	}
	ch <- prometheus.MustNewConstHistogram(batchSizes, uint64(s.Commits), float64(s.Writes), buckets)
}
