package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// figure is a metric without labels.
type figure struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func gauge(name, help string) figure {
	return figure{prometheus.NewDesc(name, help, nil, nil), prometheus.GaugeValue}
}

func counter(name, help string) figure {
	return figure{prometheus.NewDesc(name, help, nil, nil), prometheus.CounterValue}
}

func (f figure) send(ch chan<- prometheus.Metric, v float64) {
	ch <- prometheus.MustNewConstMetric(f.desc, f.kind, v)
}

var (
	databaseBytes = gauge("database_bytes", "Size of the main database file.")
	walBytes      = gauge("database_wal_bytes", "Size of the write-ahead log.")
	diskFree      = gauge("database_disk_free_bytes", "Free space on the disk of the database; -1 is unknown.")
	diskMinFree   = gauge("database_disk_floor_bytes", "Free space under which writes are refused.")
	diskLow       = gauge("database_disk_low", "1 while writes are refused for lack of space.")
	queueLength   = gauge("database_queue_length", "Writes that wait for the disk.")
	queueCapacity = gauge("database_queue_capacity", "Writes that may wait.")
	writes        = counter("database_writes_total", "Writes on disk.")
	commits       = counter("database_commits_total", "Transactions on disk, each with one fsync.")
	writesFailed  = counter("database_writes_failed_total", "Writes that returned an error, other than those refused.")
	refusedDisk   = counter("database_writes_refused_disk_total", "Writes refused because the disk was low.")
	refusedQueue  = counter("database_writes_refused_queue_total", "Writes refused because too many waited.")
	longestCommit = gauge("database_longest_commit_seconds", "The longest transaction so far.")
	commitTime    = counter("database_commit_seconds_total", "Time spent in transactions.")
)

// storeCollector reads the figures of the database when they are asked for.
type storeCollector struct{ db *sqlitedb.DB }

// Describe implements prometheus.Collector: the metrics are the same ones always.
func (c *storeCollector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect implements prometheus.Collector.
func (c *storeCollector) Collect(ch chan<- prometheus.Metric) {
	s := c.db.Stats()
	databaseBytes.send(ch, float64(s.DatabaseBytes))
	walBytes.send(ch, float64(s.WALBytes))
	diskFree.send(ch, float64(s.DiskFree))
	diskMinFree.send(ch, float64(s.MinFree))
	low := 0.0
	if s.DiskLow {
		low = 1
	}
	diskLow.send(ch, low)
	queueLength.send(ch, float64(s.QueueDepth))
	queueCapacity.send(ch, float64(s.QueueSize))
	writes.send(ch, float64(s.Writes))
	commits.send(ch, float64(s.Commits))
	writesFailed.send(ch, float64(s.Failed))
	refusedDisk.send(ch, float64(s.RefusedDisk))
	refusedQueue.send(ch, float64(s.RefusedQueue))
	longestCommit.send(ch, s.LongestCommit.Seconds())
	commitTime.send(ch, s.CommitTime.Seconds())
}

var (
	batchesStored   = counter("metrics_collector_batches_total", "Batches stored.")
	batchesRepeated = counter("metrics_collector_batches_repeated_total", "Batches that their Idempotency-Key showed to be stored before.")
	batchesInvalid  = counter("metrics_collector_batches_invalid_total", "Batches refused as a whole.")
	pointsStored    = counter("metrics_collector_points_total", "Points stored.")
	pointsLimited   = counter("metrics_collector_points_limited_total", "Points stored in an overflow series for lack of room for a series of their own.")
	pointsRejected  = counter("metrics_collector_points_rejected_total", "Points refused from batches that were stored in part.")
	seriesLive      = gauge("metrics_collector_series", "Series.")
	seriesLimit     = gauge("metrics_collector_series_limit", "Series that there may be.")
	pointsUnflushed = gauge("metrics_collector_unflushed_points", "Points in memory; they are on disk as batches.")
	cellsLive       = gauge("metrics_collector_unflushed_cells", "Series and minutes in memory.")
	flushes         = counter("metrics_collector_flushes_total", "Flushes of minutes to disk.")
	flushesFailed   = counter("metrics_collector_flushes_failed_total", "Flushes that failed and are repeated.")
	flushTime       = counter("metrics_collector_flush_seconds_total", "Time spent in flushes.")
	flushLast       = gauge("metrics_collector_last_flush_seconds", "How long the last flush took.")
	flushCommit     = gauge("metrics_collector_longest_flush_commit_seconds", "The longest transaction of a flush, for which batches waited.")
	spansMerged     = counter("metrics_collector_spans_merged_total", "Hours and days merged.")
	queriesAnswered = counter("metrics_collector_queries_total", "Queries.")
	queriesRefused  = counter("metrics_collector_queries_refused_total", "Queries refused because too many were running.")
	damagedBlobs    = counter("metrics_collector_damaged_total", "Times that stored data was found damaged.")
)

// serviceCollector reads the figures of the service.
type serviceCollector struct{ collector *metrics.Service }

// Describe implements prometheus.Collector: the metrics are the same ones always.
func (c *serviceCollector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect implements prometheus.Collector.
func (c *serviceCollector) Collect(ch chan<- prometheus.Metric) {
	s := c.collector.Stats()
	batchesStored.send(ch, float64(s.Batches))
	batchesRepeated.send(ch, float64(s.Duplicates))
	batchesInvalid.send(ch, float64(s.Invalid))
	pointsStored.send(ch, float64(s.Accepted))
	pointsLimited.send(ch, float64(s.Limited))
	pointsRejected.send(ch, float64(s.Rejected))
	seriesLive.send(ch, float64(s.Series))
	seriesLimit.send(ch, float64(s.Limits.Series))
	pointsUnflushed.send(ch, float64(s.Unsaved))
	cellsLive.send(ch, float64(s.LiveCell))
	flushes.send(ch, float64(s.Flushes))
	flushesFailed.send(ch, float64(s.FlushErrors))
	flushTime.send(ch, s.FlushTime.Seconds())
	flushLast.send(ch, s.LastFlush.Seconds())
	flushCommit.send(ch, s.LongestCommit.Seconds())
	spansMerged.send(ch, float64(s.Merges))
	queriesAnswered.send(ch, float64(s.Queries))
	queriesRefused.send(ch, float64(s.RefusedQueries))
	damagedBlobs.send(ch, float64(s.Damaged))
}
