package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/worker"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/figures"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// metrics are the service's own figures on /metrics.
type metrics struct {
	reports *prometheus.CounterVec
}

// outcomes are what can become of a report.
var outcomes = []string{"created", "incremented", "reopened", "duplicate", "replaced", "filtered", "refused", "unavailable", "failed"}

func newMetrics(r *prometheus.Registry, db *sqlitedb.DB, alerts, posts *worker.Alerts, retention *worker.Retention) *metrics {
	m := &metrics{reports: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "error_tracker_reports_total", Help: "Reports answered, by what became of them.",
	}, []string{"outcome"})}
	for _, outcome := range outcomes {
		m.reports.WithLabelValues(outcome) // 0 is a figure too
	}
	r.MustRegister(m.reports, figures.Database{DB: db}, &jobsCollector{alerts: alerts, posts: posts, retention: retention})
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

var (
	mailsSent      = figures.Counter("error_tracker_mails_sent_total", "Alert mails that the mail server took.")
	mailsFailed    = figures.Counter("error_tracker_mail_attempts_failed_total", "Attempts to send an alert mail that failed.")
	mailsGivenUp   = figures.Counter("error_tracker_mails_given_up_total", "Alert mails that will not be tried again.")
	postsSent      = figures.Counter("error_tracker_webhooks_sent_total", "Alerts that a webhook took.")
	postsFailed    = figures.Counter("error_tracker_webhook_attempts_failed_total", "Attempts to post an alert to a webhook that failed.")
	postsGivenUp   = figures.Counter("error_tracker_webhooks_given_up_total", "Alerts to a webhook that will not be tried again.")
	alertsPending  = figures.Gauge("error_tracker_alerts_pending", "Alerts that no mail was made for yet.")
	mailServerDown = figures.Gauge("error_tracker_mail_down", "1 while no mail gets through.")
	issuesDeleted  = figures.Counter("error_tracker_issues_deleted_total", "Resolved issues deleted because of their age.")
	issuesStale    = figures.Counter("error_tracker_issues_auto_resolved_total", "Issues resolved because nobody met them for as long as their project says.")
	retentionRuns  = figures.Counter("error_tracker_retention_runs_total", "Runs of the retention job.")
	retentionFails = figures.Counter("error_tracker_retention_failures_total", "Runs of the retention job that failed.")
)

// jobsCollector reads the figures of the background jobs.
type jobsCollector struct {
	alerts    *worker.Alerts
	posts     *worker.Alerts
	retention *worker.Retention
}

// Describe implements prometheus.Collector: the metrics are the same ones always.
func (c *jobsCollector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect implements prometheus.Collector.
func (c *jobsCollector) Collect(ch chan<- prometheus.Metric) {
	a, r := c.alerts.Stats(), c.retention.Stats()
	mailsSent.Send(ch, float64(a.Sent))
	mailsFailed.Send(ch, float64(a.Failed))
	mailsGivenUp.Send(ch, float64(a.GivenUp))
	w := c.posts.Stats()
	postsSent.Send(ch, float64(w.Sent))
	postsFailed.Send(ch, float64(w.Failed))
	postsGivenUp.Send(ch, float64(w.GivenUp))
	alertsPending.Send(ch, float64(a.Pending))
	mailServerDown.Send(ch, figures.Bool(a.Down))
	issuesStale.Send(ch, float64(r.Stale))
	issuesDeleted.Send(ch, float64(r.Deleted))
	retentionRuns.Send(ch, float64(r.Runs))
	retentionFails.Send(ch, float64(r.Failures))
}
