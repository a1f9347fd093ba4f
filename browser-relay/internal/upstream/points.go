package upstream

import (
	"bytes"

	"github.com/monlight/monlight/browser-relay/internal/relay"
)

// point is a metric as the metrics collector reads it:
// docs/api/metrics-collector.md.
type point struct {
	Name      string            `json:"name"`
	Type      string            `json:"type"`
	Value     float64           `json:"value"`
	Labels    map[string]string `json:"labels"`
	Timestamp string            `json:"timestamp,omitempty"`
	Project   string            `json:"project"`
}

// Points implements relay.Encoder.
func (Encoder) Points(project string, metrics []relay.Metric) ([]byte, error) {
	list := make([]point, len(metrics))
	for i, m := range metrics {
		labels := make(map[string]string, len(m.Labels))
		for _, l := range m.Labels {
			labels[l.Name] = l.Value
		}
		list[i] = point{m.Name, m.Type, m.Value, labels, stamp(m.At), project}
	}
	text, err := marshal(list)
	if err != nil {
		return nil, err
	}
	return text[1 : len(text)-1], nil
}

// Batch implements relay.Encoder.
func (Encoder) Batch(points [][]byte) []byte {
	var b bytes.Buffer
	b.WriteByte('[')
	for i, p := range points {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(p)
	}
	b.WriteByte(']')
	return b.Bytes()
}
