package httpapi

import (
	"math"
	"net/http"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
	"github.com/monlight/monlight/metrics-collector/internal/metrics/ingest"
	"github.com/monlight/monlight/shared/problem"
)

const topMetrics = 10

// dashboardResponse has the members of both generations of clients.
type dashboardResponse struct {
	Period       string        `json:"period"`
	Summary      summaryJSON   `json:"summary"`
	TopMetrics   []totalJSON   `json:"top_metrics"`
	WebVitals    *vitalsJSON   `json:"web_vitals,omitempty"`
	RequestRate  []rateJSON    `json:"request_rate"`
	Latency      []latencyJSON `json:"latency"`
	ErrorRate    []errorsJSON  `json:"error_rate"`
	TopEndpoints []routeJSON   `json:"top_endpoints"`
}

type summaryJSON struct {
	TotalDatapoints uint64  `json:"total_datapoints"`
	DistinctMetrics int     `json:"distinct_metrics"`
	TotalRequests   float64 `json:"total_requests"`
	ErrorRate       any     `json:"error_rate"`
	AvgLatencyMS    any     `json:"avg_latency_ms"`
	P95LatencyMS    any     `json:"p95_latency_ms"`
}

type totalJSON struct {
	Name  string  `json:"name"`
	Type  string  `json:"type"`
	Count uint64  `json:"count"`
	Total float64 `json:"total"`
}

type rateJSON struct {
	Bucket string  `json:"bucket"`
	Count  float64 `json:"count"`
	Rate   float64 `json:"rate"` // per second
}

type latencyJSON struct {
	Bucket string  `json:"bucket"`
	Count  uint64  `json:"count"`
	P50    float64 `json:"p50"` // milliseconds
	P95    float64 `json:"p95"`
	P99    float64 `json:"p99"`
}

type errorsJSON struct {
	Bucket string  `json:"bucket"`
	Rate   float64 `json:"rate"` // 0 to 1
}

type routeJSON struct {
	Endpoint  string  `json:"endpoint"`
	Requests  float64 `json:"requests"`
	AvgMS     any     `json:"avg_ms"`
	P95MS     any     `json:"p95_ms"`
	ErrorRate any     `json:"error_rate"`
}

type vitalsJSON struct {
	Summary    map[string]vitalJSON `json:"summary"`
	Timeseries []map[string]any     `json:"timeseries"`
	ByPage     []map[string]any     `json:"by_page"`
}

type vitalJSON struct {
	Avg    any     `json:"avg"`
	P75    any     `json:"p75"`
	Count  uint64  `json:"count"`
	Rating string  `json:"rating"`
	Good   float64 `json:"good"` // parts of the visits
	Needs  float64 `json:"needs_improvement"`
	Poor   float64 `json:"poor"`
}

func (a *api) dashboard(w http.ResponseWriter, r *http.Request) error {
	v := r.URL.Query()
	project, err := projectParam(v)
	if err != nil {
		return err
	}
	p, name, err := period(v, a.Now())
	if err != nil {
		return err
	}
	if p.StepMS, err = stepParam(v); err != nil {
		return err
	}
	totals, err := a.Collector.Totals(r.Context(), project, p)
	if err != nil {
		return err
	}
	res := dashboardResponse{Period: name, TopMetrics: []totalJSON{}, RequestRate: []rateJSON{}, Latency: []latencyJSON{},
		ErrorRate: []errorsJSON{}, TopEndpoints: []routeJSON{}}
	res.Summary.DistinctMetrics = len(totals)
	for i, t := range totals {
		res.Summary.TotalDatapoints += t.Count
		if i < topMetrics {
			res.TopMetrics = append(res.TopMetrics, totalJSON{t.Name, t.Type.String(), t.Count, finite(t.Sum)})
		}
	}
	web, err := a.Collector.HTTP(r.Context(), project, p)
	if err != nil {
		return err
	}
	if web != nil {
		res.addHTTP(web)
	}
	vitals, err := a.Collector.WebVitals(r.Context(), project, p)
	if err != nil {
		return err
	}
	if vitals != nil {
		res.WebVitals = vitalsOf(vitals)
	}
	return problem.JSON(w, http.StatusOK, res)
}

func (res *dashboardResponse) addHTTP(h *metrics.HTTP) {
	s := &res.Summary
	s.TotalRequests = h.Requests
	if h.Requests > 0 {
		s.ErrorRate = rounded(h.Errors / h.Requests)
	}
	if h.Latency != nil {
		s.AvgLatencyMS, s.P95LatencyMS = rounded(h.Latency.Avg*1000), rounded(h.Latency.P95*1000)
	}
	for _, p := range h.Rate {
		res.RequestRate = append(res.RequestRate, rateJSON{ingest.FormatSecond(p.BucketMS), p.Count, rounded(p.Value)})
	}
	for _, p := range h.ErrorRate {
		res.ErrorRate = append(res.ErrorRate, errorsJSON{ingest.FormatSecond(p.BucketMS), rounded(p.Value)})
	}
	for _, p := range h.Latencies {
		res.Latency = append(res.Latency, latencyJSON{ingest.FormatSecond(p.BucketMS), p.Count, rounded(p.P50 * 1000), rounded(p.P95 * 1000), rounded(p.P99 * 1000)})
	}
	for _, r := range h.Routes {
		route := routeJSON{Endpoint: r.Route, Requests: r.Requests}
		if r.Latency != nil {
			route.AvgMS, route.P95MS = rounded(r.Latency.Avg*1000), rounded(r.Latency.P95*1000)
		}
		if r.Requests > 0 {
			route.ErrorRate = rounded(r.Errors / r.Requests)
		}
		res.TopEndpoints = append(res.TopEndpoints, route)
	}
}

func vitalsOf(v *metrics.WebVitals) *vitalsJSON {
	res := &vitalsJSON{Summary: make(map[string]vitalJSON), Timeseries: []map[string]any{}, ByPage: []map[string]any{}}
	for _, s := range v.Summary {
		one := vitalJSON{Count: s.Count, Rating: s.Rating, Good: rounded(s.GoodShare), Needs: rounded(s.NeedsShare), Poor: rounded(s.PoorShare)}
		if s.Count > 0 {
			one.Avg, one.P75 = rounded(s.Avg), rounded(s.P75)
		}
		res.Summary[s.Name] = one
	}
	for _, b := range v.Series {
		row := map[string]any{"bucket": ingest.FormatSecond(b.BucketMS), "count": b.Count}
		addVitals(row, b.P75)
		res.Timeseries = append(res.Timeseries, row)
	}
	for _, p := range v.Pages {
		row := map[string]any{"page": p.Page, "page_views": p.Views}
		addVitals(row, p.P75)
		res.ByPage = append(res.ByPage, row)
	}
	return res
}

// addVitals sets each vital, to null where there is none.
func addVitals(row map[string]any, p75 map[string]float64) {
	for i := range metrics.Vitals {
		name := metrics.Vitals[i].Name
		row[name] = nil
		if v, ok := p75[name]; ok {
			row[name] = rounded(v)
		}
	}
}

// rounded is v to 4 decimals.
func rounded(v float64) float64 {
	if math.Abs(v) > 1e11 {
		return finite(v)
	}
	return math.Round(v*1e4) / 1e4
}
