package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
	"github.com/monlight/monlight/shared/figures"
)

var (
	batchesStored   = figures.Counter("metrics_collector_batches_total", "Batches stored.")
	batchesRepeated = figures.Counter("metrics_collector_batches_repeated_total", "Batches that their Idempotency-Key showed to be stored before.")
	batchesInvalid  = figures.Counter("metrics_collector_batches_invalid_total", "Batches refused as a whole.")
	pointsStored    = figures.Counter("metrics_collector_points_total", "Points stored.")
	pointsLimited   = figures.Counter("metrics_collector_points_limited_total", "Points stored in an overflow series for lack of room for a series of their own.")
	pointsRejected  = figures.Counter("metrics_collector_points_rejected_total", "Points refused from batches that were stored in part.")
	seriesLive      = figures.Gauge("metrics_collector_series", "Series.")
	seriesLimit     = figures.Gauge("metrics_collector_series_limit", "Series that there may be.")
	pointsUnflushed = figures.Gauge("metrics_collector_unflushed_points", "Points in memory; they are on disk as batches.")
	cellsLive       = figures.Gauge("metrics_collector_unflushed_cells", "Series and minutes in memory.")
	flushes         = figures.Counter("metrics_collector_flushes_total", "Flushes of minutes to disk.")
	flushesFailed   = figures.Counter("metrics_collector_flushes_failed_total", "Flushes that failed and are repeated.")
	flushTime       = figures.Counter("metrics_collector_flush_seconds_total", "Time spent in flushes.")
	flushLast       = figures.Gauge("metrics_collector_last_flush_seconds", "How long the last flush took.")
	flushCommit     = figures.Gauge("metrics_collector_longest_flush_commit_seconds", "The longest transaction of a flush, for which batches waited.")
	spansMerged     = figures.Counter("metrics_collector_spans_merged_total", "Hours and days merged.")
	queriesAnswered = figures.Counter("metrics_collector_queries_total", "Queries.")
	queriesRefused  = figures.Counter("metrics_collector_queries_refused_total", "Queries refused because too many were running.")
	damagedBlobs    = figures.Counter("metrics_collector_damaged_total", "Times that stored data was found damaged.")
)

// serviceCollector reads the figures of the service.
type serviceCollector struct{ collector *metrics.Service }

// Describe implements prometheus.Collector: the metrics are the same ones always.
func (c *serviceCollector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect implements prometheus.Collector.
func (c *serviceCollector) Collect(ch chan<- prometheus.Metric) {
	s := c.collector.Stats()
	batchesStored.Send(ch, float64(s.Batches))
	batchesRepeated.Send(ch, float64(s.Duplicates))
	batchesInvalid.Send(ch, float64(s.Invalid))
	pointsStored.Send(ch, float64(s.Accepted))
	pointsLimited.Send(ch, float64(s.Limited))
	pointsRejected.Send(ch, float64(s.Rejected))
	seriesLive.Send(ch, float64(s.Series))
	seriesLimit.Send(ch, float64(s.Limits.Series))
	pointsUnflushed.Send(ch, float64(s.Unsaved))
	cellsLive.Send(ch, float64(s.LiveCell))
	flushes.Send(ch, float64(s.Flushes))
	flushesFailed.Send(ch, float64(s.FlushErrors))
	flushTime.Send(ch, s.FlushTime.Seconds())
	flushLast.Send(ch, s.LastFlush.Seconds())
	flushCommit.Send(ch, s.LongestCommit.Seconds())
	spansMerged.Send(ch, float64(s.Merges))
	queriesAnswered.Send(ch, float64(s.Queries))
	queriesRefused.Send(ch, float64(s.RefusedQueries))
	damagedBlobs.Send(ch, float64(s.Damaged))
}
