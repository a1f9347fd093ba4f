package webui

import (
	"context"
	"net/http"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
	"github.com/monlight/monlight/shared/webui"
)

type overviewPage struct {
	selection
	FirstRun  bool
	PublicURL string
	HTTP      *httpView
	Vitals    *vitalsView
	Top       []topMetric
	More      int // metrics that are not in Top
	Points    uint64
	Metrics   int
}

type httpView struct {
	*metrics.HTTP
	RatePerSecond float64
	ErrorShare    float64
	Charts        []*Chart
	Routes        []routeView
}

type routeView struct {
	metrics.Route
	ErrorShare float64
	Explore    string
}

type vitalsView struct {
	Cards []vitalCard
	Trend *Chart
	Pages []vitalRow
	Few   uint64
}

type vitalCard struct {
	metrics.VitalSummary
	Badge   webui.Badge
	Few     bool
	Explore string
}

type vitalRow struct {
	Page  string
	Views uint64
	Cells []vitalCell
}

type vitalCell struct {
	OK    bool
	Value float64
	Unit  string
	Badge webui.Badge
}

type topMetric struct {
	metrics.Total
	Unit    string
	Explore string
}

const (
	topMetrics = 15
	// overviewPoints of a line: its charts are half as wide as the explorer's.
	overviewPoints = 150
)

func (p *Pages) overview(w http.ResponseWriter, r *http.Request) error {
	sel, _, err := p.selectionOf(r)
	if err != nil {
		return err
	}
	page := overviewPage{selection: sel, PublicURL: p.opts.PublicURL, FirstRun: len(p.opts.Collector.Names("")) == 0}
	ctx := r.Context()
	if !page.FirstRun {
		if page.HTTP, page.Vitals, err = p.views(ctx, &sel); err != nil {
			return err
		}
		totals, err := p.opts.Collector.Totals(ctx, sel.Project, sel.rng)
		if err != nil {
			return err
		}
		page.addTotals(p, totals)
		p.mark(ctx, &page.selection)
	}
	page.Ways = p.waysFrom(&sel)
	return p.ui.Render(w, r, http.StatusOK, webui.Page{Name: "overview", Title: "Overview", Section: "/", Assets: chartAssets,
		Refresh: sel.Refresh.Every, Window: sel.window(), Data: page})
}

// views are what the overview has of HTTP and of web vitals; nil where there is nothing.
func (p *Pages) views(ctx context.Context, s *selection) (*httpView, *vitalsView, error) {
	period := s.rng
	period.StepMS = metrics.StepFor(period.ToMS-period.FromMS, overviewPoints)
	web, err := p.opts.Collector.HTTP(ctx, s.Project, period)
	if err != nil {
		return nil, nil, err
	}
	vitals, err := p.opts.Collector.WebVitals(ctx, s.Project, period)
	if err != nil {
		return nil, nil, err
	}
	return p.httpView(s, web), p.vitalsView(s, vitals), nil
}

// overviewCharts are all charts of the overview.
func (p *Pages) overviewCharts(ctx context.Context, s *selection) ([]*Chart, error) {
	web, vitals, err := p.views(ctx, s)
	var charts []*Chart
	if web != nil {
		charts = web.Charts
	}
	if vitals != nil {
		charts = append(charts, vitals.Trend)
	}
	return charts, err
}

func (page *overviewPage) addTotals(p *Pages, totals []metrics.Total) {
	page.Metrics = len(totals)
	for i, t := range totals {
		page.Points += t.Count
		if i < topMetrics {
			page.Top = append(page.Top, topMetric{t, unitOf(t.Name), p.exploreLink(&page.selection, "metric", t.Name)})
		}
	}
	page.More = max(len(totals)-topMetrics, 0)
}

// exploreLink is the explorer with the page's range and project.
func (p *Pages) exploreLink(s *selection, pairs ...string) string {
	return with(p.ui.Path("/explore"), s.keep(), pairs...)
}

func (p *Pages) httpView(s *selection, h *metrics.HTTP) *httpView {
	if h == nil {
		return nil
	}
	v := &httpView{HTTP: h, RatePerSecond: h.Requests / (float64(s.rng.ToMS-s.rng.FromMS) / 1000)}
	if h.Requests > 0 {
		v.ErrorShare = h.Errors / h.Requests
	}
	step := h.StepMS / 1000
	rate := s.chart(&Chart{Key: "rate", Title: "Requests per second", Unit: unitRate, Step: step, Coarse: h.Coarse, Explore: p.exploreLink(s, "metric", "http_requests_total", "agg", "rate")})
	t := newTable(rate)
	t.column(Column{Name: "Requests"})
	for _, pt := range h.Rate {
		t.set(0, pt.BucketMS, pt.Value, pt.Partial)
	}
	t.finish()
	errors := s.chart(&Chart{Key: "errors", Title: "Errors (status 500 and over)", Unit: unitPercent, Step: step, Coarse: h.Coarse,
		Explore: p.exploreLink(s, "metric", "http_requests_total", "agg", "rate", "by", "status")})
	t = newTable(errors)
	t.column(Column{Name: "Part of the requests"})
	for _, pt := range h.ErrorRate {
		t.set(0, pt.BucketMS, pt.Value*100, pt.Partial)
	}
	t.finish()
	latency := s.chart(&Chart{Key: "duration", Title: "Duration", Unit: unitSeconds, Step: step, Coarse: h.Coarse, Explore: p.exploreLink(s, "metric", "http_request_duration_seconds", "agg", "p95")})
	t = newTable(latency)
	for _, name := range []string{"p50", "p95", "p99"} {
		t.column(Column{Name: name})
	}
	for _, pt := range h.Latencies {
		for i, value := range []float64{pt.P50, pt.P95, pt.P99} {
			t.set(i, pt.BucketMS, value, pt.Partial)
		}
	}
	t.finish()
	for _, c := range []*Chart{rate, errors, latency} {
		if !c.Empty() {
			c.CSV = p.overviewFile(s, c)
			v.Charts = append(v.Charts, c)
		}
	}
	for _, route := range h.Routes {
		view := routeView{Route: route}
		if route.Requests > 0 {
			view.ErrorShare = route.Errors / route.Requests
		}
		v.Routes = append(v.Routes, view)
	}
	return v
}

// overviewFile is the address of a chart's table as a file.
func (p *Pages) overviewFile(s *selection, c *Chart) string {
	return with(p.ui.Path("/overview.csv"), s.keep(), "chart", c.Key)
}

var ratingBadges = map[string]webui.Badge{
	"good":              webui.NewBadge("green", "check", "Good", ""),
	"needs-improvement": webui.NewBadge("amber", "alert", "Needs improvement", ""),
	"poor":              webui.NewBadge("red", "x", "Poor", ""),
	"unknown":           webui.NewBadge("", "", "No data", ""),
}

func (p *Pages) vitalsView(s *selection, w *metrics.WebVitals) *vitalsView {
	if w == nil {
		return nil
	}
	v := &vitalsView{Few: metrics.FewVisits}
	for _, sum := range w.Summary {
		v.Cards = append(v.Cards, vitalCard{sum, ratingBadges[sum.Rating], sum.Count > 0 && sum.Count < metrics.FewVisits,
			p.exploreLink(s, "metric", sum.Metric, "agg", "p75")})
	}
	v.Trend = s.chart(&Chart{Key: "vitals", Title: "75th percentile over time", Unit: unitMillis, Step: w.StepMS / 1000, Coarse: w.Coarse})
	t := newTable(v.Trend)
	for i := range metrics.Vitals {
		vital := &metrics.Vitals[i]
		if vital.Unit == "" {
			continue // has another scale
		}
		c := t.column(Column{Name: vital.Label})
		for _, b := range w.Series {
			if value, ok := b.P75[vital.Name]; ok {
				t.set(c, b.BucketMS, value, false)
			}
		}
	}
	t.finish()
	v.Trend.CSV = p.overviewFile(s, v.Trend)
	for _, page := range w.Pages {
		row := vitalRow{Page: page.Page, Views: page.Views}
		for i := range metrics.Vitals {
			vital := &metrics.Vitals[i]
			value, ok := page.P75[vital.Name]
			row.Cells = append(row.Cells, vitalCell{ok, value, vital.Unit, ratingBadges[vital.Rating(value, ok)]})
		}
		v.Pages = append(v.Pages, row)
	}
	return v
}
