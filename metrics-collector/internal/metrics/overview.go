package metrics

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/monlight/monlight/metrics-collector/internal/metrics/chunk"
	"github.com/monlight/monlight/metrics-collector/internal/metrics/sketch"
)

// Period is a range of time and the part of it that an answer is divided into.
type Period struct {
	FromMS, ToMS int64
	StepMS       int64 // 0 lets the service choose
}

// Total is a metric over a period.
type Total struct {
	Name   string
	Type   Type
	Count  uint64
	Sum    float64
	Series int
}

// Totals are all metrics of a project, or of all, that have points in a
// period, those with most points first.
func (s *Service) Totals(ctx context.Context, project string, p Period) ([]Total, error) {
	var totals []Total
	for _, typ := range []Type{Counter, Gauge, Histogram} {
		var names []string
		series := make(map[string]int)
		for _, n := range s.Names(project) {
			if n.Type == typ {
				names = append(names, n.Name)
				series[n.Name] = n.Series
			}
		}
		for part := range slices.Chunk(names, MaxGroups) {
			sums, err := s.summarize(ctx, Query{Names: part, Type: typ, Project: project, FromMS: p.FromMS, ToMS: p.ToMS, StepMS: coarse(p), Whole: true, Need: chunk.Sum})
			if err != nil {
				return nil, err
			}
			for _, one := range sums {
				totals = append(totals, Total{Name: one.name, Type: typ, Count: one.cell.Count, Sum: one.cell.Sum, Series: series[one.name]})
			}
		}
	}
	sortFunc(totals, func(a, b Total) int {
		switch {
		case a.Count > b.Count:
			return -1
		case a.Count < b.Count:
			return 1
		}
		return cmp.Or(strings.Compare(a.Name, b.Name), cmp.Compare(a.Type, b.Type))
	})
	return totals, nil
}

// coarse is a step for sums over the whole of a period: minutes where the
// period is short, so that its ends are exact, and hours otherwise.
func coarse(p Period) int64 {
	const short = 6 * hourMS
	if p.ToMS-p.FromMS <= short {
		return minuteMS
	}
	return hourMS
}

// summary is a series of the answer over a whole period.
type summary struct {
	name   string // of the metric
	labels Labels
	cell   chunk.Numbers
	dense  sketch.Dense
}

func (s *summary) quantile(q float64) (float64, bool) {
	v := s.dense.Quantile(q, s.cell.Min, s.cell.Max)
	return v, !math.IsNaN(v)
}

// summarize merges all rows of each series of an answer.
func (s *Service) summarize(ctx context.Context, q Query) ([]*summary, error) {
	r, err := s.Query(ctx, q)
	if err != nil {
		return nil, err
	}
	var list []*summary
	for _, series := range r.Series {
		one := &summary{name: series.Name, labels: series.Labels}
		for row := series.Rows(); row.Next(); {
			one.cell.MergeNumbers(&chunk.Numbers{Count: row.Count, Sum: row.Sum, Min: row.Min, Max: row.Max, Last: row.Last})
			if row.Distribution != nil {
				one.dense.Merge(row.Distribution)
			}
		}
		list = append(list, one)
	}
	return list, nil
}

// Names of the metrics that the overview knows, as the clients send them.
const (
	requestsMetric = "http_requests_total"
	durationMetric = "http_request_duration_seconds"
)

// HTTP is how a project's HTTP service does.
type HTTP struct {
	Requests  float64
	Errors    float64 // requests answered with a status of 500 or more
	Latency   *Percentiles
	Rate      []Point // requests per second
	ErrorRate []Point // part of the requests, 0 to 1
	Latencies []LatencyPoint
	Routes    []Route // those with most requests first
	StepMS    int64
	Coarse    Coarse
}

// Percentiles of durations, in seconds.
type Percentiles struct{ Avg, P50, P95, P99 float64 }

// Point is a value at a time.
type Point struct {
	BucketMS int64
	Count    float64 // requests in the bucket
	Value    float64
	Partial  bool
}

// LatencyPoint is the distribution of durations at a time.
type LatencyPoint struct {
	BucketMS      int64
	Count         uint64
	P50, P95, P99 float64
	Partial       bool
}

// Route is one route of a service.
type Route struct {
	Route    string
	Requests float64
	Errors   float64
	Latency  *Percentiles // nil without durations
}

// maxRoutes is the number of routes in the overview.
const maxRoutes = 20

// routeLabels are the labels that name a route, the usual one first.
var routeLabels = []string{"endpoint", "route", "path"}

// HTTP reads the usual metrics of a web service. It is nil if there are none.
func (s *Service) HTTP(ctx context.Context, project string, p Period) (*HTTP, error) {
	base := Query{Project: project, FromMS: p.FromMS, ToMS: p.ToMS, StepMS: p.StepMS}
	h := &HTTP{}
	if err := s.httpRate(ctx, base, h); err != nil {
		return nil, err
	}
	if err := s.httpLatency(ctx, base, h); err != nil {
		return nil, err
	}
	if h.Requests == 0 && h.Latency == nil {
		return nil, nil //nolint:nilnil // documented: nil when there are none
	}
	if h.Requests == 0 {
		// Durations alone tell the number of requests as well.
		for _, l := range h.Latencies {
			h.Requests += float64(l.Count)
		}
	}
	return h, s.httpRoutes(ctx, base, p, h)
}

func (s *Service) httpRate(ctx context.Context, base Query, h *HTTP) error {
	q := base
	q.Name, q.Need, q.By = requestsMetric, chunk.Sum, []string{"status"}
	r, err := s.Query(ctx, q)
	if err != nil {
		return err
	}
	h.StepMS, h.Coarse = r.StepMS, r.Coarse()
	type bucket struct {
		all, failed float64
		seconds     float64
		partial     bool
	}
	buckets := make(map[int64]*bucket)
	for _, series := range r.Series {
		failed := isServerError(series.Labels.Value("status"))
		for row := series.Rows(); row.Next(); {
			b := buckets[row.BucketMS]
			if b == nil {
				b = &bucket{seconds: row.Seconds, partial: row.Partial}
				buckets[row.BucketMS] = b
			}
			b.all += row.Sum
			if failed {
				b.failed += row.Sum
			}
		}
	}
	for at, b := range buckets {
		h.Requests += b.all
		h.Errors += b.failed
		h.Rate = append(h.Rate, Point{at, b.all, b.all / b.seconds, b.partial})
		if b.all > 0 {
			h.ErrorRate = append(h.ErrorRate, Point{at, b.all, b.failed / b.all, b.partial})
		}
	}
	byTime := func(a, b Point) int { return int(a.BucketMS - b.BucketMS) }
	sortFunc(h.Rate, byTime)
	sortFunc(h.ErrorRate, byTime)
	return nil
}

// isServerError tells whether a status label says 500 to 599, or 5xx.
func isServerError(status string) bool {
	if strings.EqualFold(status, "5xx") {
		return true
	}
	code, err := strconv.Atoi(status)
	return err == nil && code >= 500 && code < 600
}

const distribution = chunk.Sum | chunk.Min | chunk.Max | chunk.Sketches

func (s *Service) httpLatency(ctx context.Context, base Query, h *HTTP) error {
	q := base
	q.Name, q.Type, q.Need, q.Quantiles = durationMetric, Histogram, distribution, []float64{0.5, 0.95, 0.99}
	r, err := s.Query(ctx, q)
	if err != nil {
		return err
	}
	var whole summary
	for _, series := range r.Series { // one, as there is no grouping
		for row := series.Rows(); row.Next(); {
			whole.cell.MergeNumbers(&chunk.Numbers{Count: row.Count, Sum: row.Sum, Min: row.Min, Max: row.Max})
			if row.Distribution != nil {
				whole.dense.Merge(row.Distribution)
			}
			h.Latencies = append(h.Latencies, LatencyPoint{row.BucketMS, row.Count, row.Quantiles[0], row.Quantiles[1], row.Quantiles[2], row.Partial})
		}
	}
	h.Latency = whole.percentiles()
	if h.StepMS == 0 {
		h.StepMS, h.Coarse = r.StepMS, r.Coarse()
	}
	return nil
}

func (s *summary) percentiles() *Percentiles {
	p50, ok := s.quantile(0.5)
	if !ok {
		return nil
	}
	p95, _ := s.quantile(0.95)
	p99, _ := s.quantile(0.99)
	return &Percentiles{s.cell.Sum / float64(s.cell.Count), p50, p95, p99}
}

func (s *Service) httpRoutes(ctx context.Context, base Query, p Period, h *HTTP) error {
	label := s.index.firstLabel([]string{requestsMetric, durationMetric}, routeLabels)
	if label == "" {
		return nil
	}
	base.StepMS, base.Whole = coarse(p), true
	counts := base
	counts.Name, counts.Need, counts.By = requestsMetric, chunk.Sum, []string{label, "status"}
	requests, err := s.summarize(ctx, counts)
	if err != nil {
		return err
	}
	routes := make(map[string]*Route)
	of := func(l Labels) *Route {
		name := l.Value(label)
		if routes[name] == nil {
			routes[name] = &Route{Route: name}
		}
		return routes[name]
	}
	for _, one := range requests {
		r := of(one.labels)
		r.Requests += one.cell.Sum
		if isServerError(one.labels.Value("status")) {
			r.Errors += one.cell.Sum
		}
	}
	times := base
	times.Name, times.Type, times.Need, times.By, times.Quantiles = durationMetric, Histogram, distribution, []string{label}, nil
	durations, err := s.summarize(ctx, times)
	if err != nil {
		return err
	}
	for _, one := range durations {
		r := of(one.labels)
		r.Latency = one.percentiles()
		if r.Requests == 0 {
			r.Requests = float64(one.cell.Count)
		}
	}
	for _, r := range routes {
		h.Routes = append(h.Routes, *r)
	}
	sortFunc(h.Routes, func(a, b Route) int {
		switch {
		case a.Requests > b.Requests:
			return -1
		case a.Requests < b.Requests:
			return 1
		}
		return strings.Compare(a.Route, b.Route)
	})
	h.Routes = h.Routes[:min(len(h.Routes), maxRoutes)]
	return nil
}

// firstLabel is the first of the labels that any series of the metrics has.
func (x *index) firstLabel(names, labels []string) string {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for _, label := range labels {
		sym, ok := x.symbols[label]
		if !ok {
			continue
		}
		for _, name := range names {
			for _, m := range x.byName[name] {
				for _, id := range m.series {
					if x.all[id].value(sym) != 0 {
						return label
					}
				}
			}
		}
	}
	return ""
}
