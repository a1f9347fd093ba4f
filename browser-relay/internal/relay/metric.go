package relay

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Limits of metrics.
const (
	MaxMetrics    = 1000 // of a request
	MaxMetricName = 200  // bytes
	MaxLabels     = 20   // of the page's own; the relay adds three
	MaxLabelName  = 100  // bytes
	MaxLabelValue = 256  // bytes
)

// Metric is one point as a web page sends it.
type Metric struct {
	Name   string
	Type   string // counter, gauge or histogram
	Value  float64
	Labels []Label
	At     time.Time // zero is now
}

// Label is a name and a value of a metric.
type Label struct{ Name, Value string }

// Label returns the value of a label, "" if there is none.
func (m *Metric) Label(name string) string {
	for _, l := range m.Labels {
		if l.Name == name {
			return l.Value
		}
	}
	return ""
}

// set gives a label a value, in place of the one it has.
func (m *Metric) set(name, value string) {
	m.drop(name)
	m.Labels = append(m.Labels, Label{name, value})
}

func (m *Metric) drop(name string) {
	m.Labels = slices.DeleteFunc(m.Labels, func(l Label) bool { return l.Name == name })
}

// reserved are the metrics of servers that pages must not add to.
var reserved = []string{"http_requests_total", "http_request_duration_seconds"}

// invalid says what is wrong with m, "" if nothing is.
func (m *Metric) invalid() string {
	switch {
	case m.Name == "":
		return "name is empty, want 1 to 200 bytes"
	case len(m.Name) > MaxMetricName:
		return fmt.Sprintf("name has %d bytes, want 1 to %d", len(m.Name), MaxMetricName)
	case !metricName(m.Name):
		return fmt.Sprintf("name %.50q has other characters than letters, digits and _ . : / -, or does not begin with a letter or _", m.Name)
	case slices.Contains(reserved, m.Name):
		return fmt.Sprintf("name %s belongs to servers; pages cannot add to it", m.Name)
	case m.Type != "counter" && m.Type != "gauge" && m.Type != "histogram":
		return fmt.Sprintf("type is %.50q, want counter, gauge or histogram", m.Type)
	case math.IsNaN(m.Value) || math.IsInf(m.Value, 0):
		return "value is not a finite number"
	case m.Type == "counter" && m.Value < 0:
		return "value of a counter is negative"
	}
	return ""
}

func metricName(s string) bool {
	if c := s[0]; c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') {
		return false
	}
	return !strings.ContainsFunc(s, func(c rune) bool {
		return (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && !strings.ContainsRune("_.:/-", c)
	})
}

// clamp keeps the labels within their limits. Those of a session would make a
// series for each tab, so they are left out.
func (m *Metric) clamp() {
	m.drop("session_id")
	m.Labels = slices.DeleteFunc(m.Labels, func(l Label) bool { return l.Name == "" || l.Value == "" || len(l.Name) > MaxLabelName })
	m.Labels = m.Labels[:min(len(m.Labels), MaxLabels)]
	for i := range m.Labels {
		m.Labels[i].Value = Cut(m.Labels[i].Value, MaxLabelValue)
	}
}
