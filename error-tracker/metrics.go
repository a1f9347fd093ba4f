package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/worker"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// metrics are the service's own figures on /metrics.
type metrics struct {
	reports *prometheus.CounterVec
}

func newMetrics(r *prometheus.Registry, db *sqlitedb.DB, alerts *worker.Alerts, retention *worker.Retention) *metrics {
	m := &metrics{reports: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "error_tracker_reports_total", Help: "Reports answered, by what became of them.",
	}, []string{"outcome"})}
	for _, outcome := range []string{"created", "incremented", "reopened", "duplicate", "refused", "unavailable", "failed"} {
		m.reports.WithLabelValues(outcome) // 0 is a figure too
	}
	r.MustRegister(m.reports, &storeCollector{db: db}, &jobsCollector{alerts: alerts, retention: retention})
	return m
}

// report counts an answered report.
func (m *metrics) report(status tracker.Status, err error) {
	outcome := string(status)
	switch {
	case err == nil:
	case errs.KindOf(err) == errs.Unavailable:
		outcome = "unavailable"
	case errs.KindOf(err) == errs.Internal:
		outcome = "failed"
	default:
		outcome = "refused"
	}
	m.reports.WithLabelValues(outcome).Inc()
}

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
	writesFailed  = counter("database_writes_failed_total", "Writes that returned an error, other than those refused.")
	refusedDisk   = counter("database_writes_refused_disk_total", "Writes refused because the disk was low.")
	refusedQueue  = counter("database_writes_refused_queue_total", "Writes refused because too many waited.")
	longestCommit = gauge("database_longest_commit_seconds", "The longest transaction so far.")
	commitTime    = counter("database_commit_seconds_total", "Time spent in transactions.")
	batchSizes    = prometheus.NewDesc("database_commit_writes", "Writes that shared a transaction and its fsync.", nil, nil)
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
	diskLow.send(ch, boolFigure(s.DiskLow))
	queueLength.send(ch, float64(s.QueueDepth))
	queueCapacity.send(ch, float64(s.QueueSize))
	writes.send(ch, float64(s.Writes))
	writesFailed.send(ch, float64(s.Failed))
	refusedDisk.send(ch, float64(s.RefusedDisk))
	refusedQueue.send(ch, float64(s.RefusedQueue))
	longestCommit.send(ch, s.LongestCommit.Seconds())
	commitTime.send(ch, s.CommitTime.Seconds())

	buckets := make(map[float64]uint64, len(s.BatchSizes))
	var total uint64
	for i, n := range s.BatchSizes {
		total += uint64(n)
		buckets[float64(int64(2)<<i-1)] = total
	}
	ch <- prometheus.MustNewConstHistogram(batchSizes, uint64(s.Commits), float64(s.Writes), buckets)
}

func boolFigure(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

var (
	mailsSent      = counter("error_tracker_mails_sent_total", "Alert mails that the mail server took.")
	mailsFailed    = counter("error_tracker_mail_attempts_failed_total", "Attempts to send an alert mail that failed.")
	mailsGivenUp   = counter("error_tracker_mails_given_up_total", "Alert mails that will not be tried again.")
	alertsPending  = gauge("error_tracker_alerts_pending", "Alerts that no mail was made for yet.")
	mailServerDown = gauge("error_tracker_mail_down", "1 while no mail gets through.")
	issuesDeleted  = counter("error_tracker_issues_deleted_total", "Resolved issues deleted because of their age.")
	retentionRuns  = counter("error_tracker_retention_runs_total", "Runs of the retention job.")
	retentionFails = counter("error_tracker_retention_failures_total", "Runs of the retention job that failed.")
)

// jobsCollector reads the figures of the background jobs.
type jobsCollector struct {
	alerts    *worker.Alerts
	retention *worker.Retention
}

// Describe implements prometheus.Collector: the metrics are the same ones always.
func (c *jobsCollector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect implements prometheus.Collector.
func (c *jobsCollector) Collect(ch chan<- prometheus.Metric) {
	a, r := c.alerts.Stats(), c.retention.Stats()
	mailsSent.send(ch, float64(a.Sent))
	mailsFailed.send(ch, float64(a.Failed))
	mailsGivenUp.send(ch, float64(a.GivenUp))
	alertsPending.send(ch, float64(a.Pending))
	mailServerDown.send(ch, boolFigure(a.Down))
	issuesDeleted.send(ch, float64(r.Deleted))
	retentionRuns.send(ch, float64(r.Runs))
	retentionFails.send(ch, float64(r.Failures))
}
