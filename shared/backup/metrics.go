package backup

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/monlight/monlight/shared/figures"
)

var (
	lastSuccess = figures.Gauge("backup_last_success_timestamp_seconds", "When the newest scheduled copy of the database was made; 0 is never.")
	failures    = figures.Counter("backup_failures_total", "Scheduled copies of the database that failed.")
)

// Describe implements prometheus.Collector.
func (s *Schedule) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(s, ch) }

// Collect implements prometheus.Collector.
func (s *Schedule) Collect(ch chan<- prometheus.Metric) {
	lastSuccess.Send(ch, float64(s.last.Load()))
	failures.Send(ch, float64(s.failed.Load()))
}
