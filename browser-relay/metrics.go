package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/shared/figures"
)

var (
	itemsDesc = prometheus.NewDesc("browser_relay_items_total",
		"What came in and what became of it: requests, refused, errors, metrics, rejected, page (dropped by pages), delivered, lost.", []string{"what", "reason"}, nil)
	spoolEntries = prometheus.NewDesc("browser_relay_spool_entries", "What waits on disk for a service behind.", []string{"target"}, nil)
	targetUp     = prometheus.NewDesc("browser_relay_upstream_up", "1 if the last request to a service behind arrived.", []string{"target"}, nil)
	parcels      = prometheus.NewDesc("browser_relay_upstream_requests_total", "Requests to a service behind.", []string{"target", "result"}, nil)

	spoolBytes = figures.Gauge("browser_relay_spool_bytes", "Bytes that wait on disk for the services behind.")
	spoolMax   = figures.Gauge("browser_relay_spool_max_bytes", "Bytes that may wait.")
)

// relayCollector reads the figures of the service.
type relayCollector struct {
	traffic *relay.Traffic
	spool   *relay.Spool
	courier *relay.Courier
}

// Describe implements prometheus.Collector. It describes nothing: the pairs of
// what and reason come with the traffic.
func (*relayCollector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c *relayCollector) Collect(ch chan<- prometheus.Metric) {
	for key, n := range c.traffic.Totals() {
		ch <- prometheus.MustNewConstMetric(itemsDesc, prometheus.CounterValue, float64(n), key[0], key[1])
	}
	st := c.spool.Stats()
	spoolBytes.Send(ch, float64(st.Bytes))
	spoolMax.Send(ch, float64(st.MaxBytes))
	for _, t := range relay.Targets() {
		ch <- prometheus.MustNewConstMetric(spoolEntries, prometheus.GaugeValue, float64(st.ByTarget[t].Entries), t.String())
		s := c.courier.State(t)
		ch <- prometheus.MustNewConstMetric(targetUp, prometheus.GaugeValue, figures.Bool(s.Failures == 0), t.String())
		ch <- prometheus.MustNewConstMetric(parcels, prometheus.CounterValue, float64(s.Delivered), t.String(), "delivered")
		ch <- prometheus.MustNewConstMetric(parcels, prometheus.CounterValue, float64(s.Failed), t.String(), "failed")
	}
}
