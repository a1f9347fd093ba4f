package sqlite_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
)

// fillMonth sends points of 500 series over 30 days, one an hour and in the last
// two hours one a minute: what the pages are measured with, e2e/browser/large.mjs.
func fillMonth(e *engine) {
	statuses, vitals := []string{"200", "404", "500"}, metrics.Vitals
	seriesOf := func(i int) map[string]any {
		route, project := fmt.Sprintf("/r%d/{id}", i%20), fmt.Sprintf("service-%d", i%4)
		labels := map[string]string{"method": []string{"GET", "POST"}[i%2], "endpoint": route}
		switch i % 5 {
		case 0:
			labels["status"] = statuses[i/5%3]
			return map[string]any{"name": "http_requests_total", "type": "counter", "labels": labels, "project": project}
		case 1:
			return map[string]any{"name": "http_request_duration_seconds", "type": "histogram", "labels": labels, "project": project}
		case 2:
			return map[string]any{"name": vitals[i/5%5].Metric, "type": "histogram", "project": project,
				"labels": map[string]string{"page": fmt.Sprintf("/r%d/{id}", i/25%20), "source": "browser"}}
		}
		return map[string]any{"name": fmt.Sprintf("queue_depth_%d", i%20), "type": "gauge", "project": project, "labels": map[string]string{"worker": fmt.Sprintf("w-%d", i)}}
	}
	var times []time.Time
	for h := 30*24 - 1; h > 2; h-- {
		times = append(times, e.wall.Add(-time.Duration(h)*time.Hour))
	}
	for m := 119; m >= 0; m-- {
		times = append(times, e.wall.Add(-time.Duration(m)*time.Minute))
	}
	n := 0
	for i, at := range times {
		batch := make([]map[string]any, 500)
		for s := range batch {
			p := seriesOf(s)
			switch {
			case p["type"] == "counter":
				p["value"] = 40
			case s%5 == 2:
				p["value"] = 900 + n%700
			case p["type"] == "histogram":
				p["value"] = 0.01 + float64(n%97)/400
			default:
				p["value"] = n % 30
			}
			p["timestamp"] = at
			batch[s] = p
			n++
		}
		body, err := json.Marshal(batch)
		e.must(err)
		if _, err := e.Ingest(e.tb.Context(), metrics.Request{Body: body}); err != nil {
			e.tb.Fatal(err)
		}
		if i%100 == 99 {
			e.must(e.Flush(e.tb.Context()))
		}
	}
	e.must(e.Flush(e.tb.Context()))
	e.must(e.Maintain(e.tb.Context()))
}

// BenchmarkOverview is what the overview reads for 30 days of 500 series, by part.
func BenchmarkOverview(b *testing.B) {
	e := newEngine(b)
	fillMonth(e)
	month := metrics.Period{FromMS: e.wall.Add(-30 * 24 * time.Hour).UnixMilli(), ToMS: e.wall.UnixMilli()}
	for _, part := range []struct {
		name string
		read func() (any, error)
	}{
		{"http", func() (any, error) { return e.HTTP(b.Context(), "", month) }},
		{"vitals", func() (any, error) { return e.WebVitals(b.Context(), "", month) }},
		{"totals", func() (any, error) { return e.Totals(b.Context(), "", month) }},
	} {
		b.Run(part.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if got, err := part.read(); err != nil || got == nil {
					b.Fatal(got, err)
				}
			}
		})
	}
}
