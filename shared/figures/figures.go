// Package figures shows numbers that a program keeps itself to Prometheus, at
// the moment they are asked for.
package figures

import (
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// Figure is a metric without labels.
type Figure struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

// Gauge is a Figure that goes up and down.
func Gauge(name, help string) Figure {
	return Figure{prometheus.NewDesc(name, help, nil, nil), prometheus.GaugeValue}
}

// Counter is a Figure that only goes up while the program runs.
func Counter(name, help string) Figure {
	return Figure{prometheus.NewDesc(name, help, nil, nil), prometheus.CounterValue}
}

// Send gives the figure's present value to a running collection.
func (f Figure) Send(ch chan<- prometheus.Metric, v float64) {
	ch <- prometheus.MustNewConstMetric(f.desc, f.kind, v)
}

// Bool is 1 for true and 0 for false.
func Bool(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Count is what a counter has counted so far.
func Count(c prometheus.Counter) int64 {
	var m dto.Metric
	if err := c.Write(&m); err != nil { // cannot happen: nothing is formatted
		return 0
	}
	return int64(m.GetCounter().GetValue())
}
