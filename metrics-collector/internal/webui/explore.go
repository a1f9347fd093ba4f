package webui

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/webui"
)

// question is what a panel or the explorer asks.
type question struct {
	Metric  string
	Agg     string // "" is the usual one for the type
	By      []string
	Match   string
	Project string
	Compare bool
	StepMS  int64
}

// maxLines is the number of lines of a chart: more cannot be told apart.
const maxLines = 20

// defaultAgg is the aggregation that says most about a type.
func defaultAgg(t metrics.Type) string {
	switch t {
	case metrics.Counter:
		return "rate"
	case metrics.Histogram:
		return "p95"
	}
	return "avg"
}

// chartUnit is the unit of an aggregation's values.
func chartUnit(metric string, t metrics.Type, agg string) string {
	switch agg {
	case "rate":
		if u := unitOf(metric); t == metrics.Counter && u == unitBytes {
			return unitBytes
		}
		return unitRate
	case "count":
		return ""
	case "sum":
		if t == metrics.Counter {
			return unitOf(metric)
		}
	}
	return unitOf(metric)
}

// ask answers a question as a chart.
func (p *Pages) ask(ctx context.Context, q question, s *selection) (*Chart, *metrics.Result, error) {
	query := metrics.Query{Name: q.Metric, Project: q.Project, By: q.By, FromMS: s.rng.FromMS, ToMS: s.rng.ToMS, StepMS: q.StepMS, MaxGroups: maxLines}
	var err error
	if query.Matchers, err = metrics.ParseSelector(q.Match); err != nil {
		return nil, nil, err
	}
	typ := p.typeOf(q.Metric, q.Project)
	if q.Agg == "" {
		q.Agg = defaultAgg(typ)
	}
	agg, err := metrics.ParseAgg(q.Agg)
	if err != nil {
		return nil, nil, err
	}
	query.Need, query.Quantiles = agg.Columns(), []float64{agg.Quantile()}
	result, err := p.opts.Collector.Query(ctx, query)
	if err != nil {
		return nil, nil, err
	}
	c := s.chart(&Chart{Title: q.Metric, Unit: chartUnit(q.Metric, typ, q.Agg), Step: result.StepMS / 1000, Coarse: result.Coarse()})
	t := newTable(c)
	add := func(r *metrics.Result, shift int64, dash bool) {
		for _, series := range r.Series {
			name := label(series.Labels, q.By, q.Agg)
			if dash {
				name += " (before)"
			}
			column := t.column(Column{name, dash})
			for row := series.Rows(); row.Next(); {
				if v, ok := agg.Value(r.Type, &row.Row); ok {
					t.set(column, row.BucketMS+shift, v, row.Partial && !dash)
				}
			}
		}
	}
	add(result, 0, false)
	if q.Compare {
		shift := s.rng.ToMS - s.rng.FromMS
		before := query
		before.FromMS, before.ToMS, before.StepMS = s.rng.FromMS-shift, s.rng.FromMS, result.StepMS
		r, err := p.opts.Collector.Query(ctx, before)
		if err != nil {
			return nil, nil, err
		}
		// Buckets of both periods must be drawn at the same places.
		add(r, shift-shift%result.StepMS, true)
	}
	t.finish()
	p.note(c, q, agg, typ, result)
	return c, result, nil
}

// note says what a reader has to know about a chart.
func (p *Pages) note(c *Chart, q question, agg metrics.Agg, typ metrics.Type, r *metrics.Result) {
	if r.Truncated {
		c.Notes = append(c.Notes, fmt.Sprintf("Shows %d of %d series, in order of their labels. Filter, or group by fewer labels, to see others.", len(r.Series), r.Groups))
	}
	if agg.Quantile() > 0 && typ != metrics.Histogram && typ != 0 {
		c.Notes = append(c.Notes, fmt.Sprintf("Percentiles are kept for histograms; %s is a %s.", q.Metric, typ))
	}
	if coarse := r.Coarse(); coarse.WidthMS > 0 {
		c.Notes = append(c.Notes, fmt.Sprintf("Before %s each value is of a whole %s: finer ones are not kept for longer.",
			time.UnixMilli(coarse.BeforeMS).UTC().Format("2006-01-02 15:04 UTC"), strings.TrimPrefix(stepText(coarse.WidthMS), "1 ")))
	}
}

func (p *Pages) typeOf(name, project string) metrics.Type {
	best, typ := 0, metrics.Type(0)
	for _, n := range p.opts.Collector.Names(project) {
		if n.Name == name && n.Series > best {
			best, typ = n.Series, n.Type
		}
	}
	return typ
}

type explorePage struct {
	selection
	Names      []metrics.MetricName
	Metric     string
	Type       string
	Series     int
	Agg        string
	Chosen     string // the aggregation that was asked for, "" for the usual one
	Aggs       []string
	By         string
	Match      string
	Compare    bool
	Step       string
	Steps      []string
	Chart      *Chart
	Matched    int
	Resolution string
	Labels     []labelHint
	Err        string
	APIQuery   string
	Dashboards []metrics.Dashboard
	FirstRun   bool
	Clear      string // address without filters; "" without any
	Here       string
}

type labelHint struct {
	metrics.LabelCardinality
	GroupBy string // address with this label in the grouping
	Values  []valueHint
	Total   int
}

type valueHint struct {
	Value string
	Link  string // address with this value as a filter
}

var (
	aggChoices  = []string{"rate", "sum", "count", "avg", "min", "max", "last", "p50", "p75", "p90", "p95", "p99", "p99.9"}
	stepChoices = []string{"", "10s", "1m", "5m", "15m", "1h", "6h", "1d"}
)

func (p *Pages) explore(w http.ResponseWriter, r *http.Request) error {
	sel, v, err := p.selectionOf(r)
	if err != nil {
		return err
	}
	if part := strings.TrimSpace(v.Get("search")); part != "" {
		http.Redirect(w, r, p.found(&sel, part), http.StatusSeeOther)
		return nil
	}
	page := explorePage{selection: sel, Names: p.opts.Collector.Names(sel.Project), Metric: v.Get("metric"), Aggs: aggChoices, Steps: stepChoices,
		Step: v.Get("step"), Compare: v.Get("compare") != ""}
	page.FirstRun = len(p.opts.Collector.Names("")) == 0
	if page.Metric != "" && !page.FirstRun && p.typeOf(page.Metric, "") == 0 {
		return errs.New(errs.NotFound, "nothing is kept of a metric %q", webui.Line(page.Metric, 200))
	}
	for _, filter := range []string{"project", "match", "by", "period", "from", "to"} {
		if v.Get(filter) != "" {
			page.Clear = with(p.ui.Path("/explore"), nil, "metric", v.Get("metric"))
		}
	}
	if page.Metric == "" && len(page.Names) > 0 {
		page.Metric = page.Names[0].Name
	}
	status := http.StatusOK
	if page.Metric != "" {
		if status, err = p.fillExplore(r.Context(), &page, v); err != nil {
			return err
		}
		if page.Chart != nil {
			p.mark(r.Context(), &page.selection)
		}
	}
	if page.Dashboards, err = p.opts.Dashboards.Dashboards(r.Context()); err != nil {
		return err
	}
	page.Ways = p.waysFrom(&sel)
	page.Here = with(p.ui.Path("/explore"), v)
	return p.ui.Render(w, r, status, webui.Page{Name: "explore", Title: "Explore", Section: "/explore", Assets: exploreAssets, Refresh: sel.Refresh.Every, Window: sel.window(), Data: page})
}

// found is where a search for a part of a metric's name leads: to the metric that is
// called so, or the only one that has it, else to the list of those that have it.
func (p *Pages) found(s *selection, part string) string {
	names, only := p.opts.Collector.Names(s.Project), ""
	if slices.ContainsFunc(names, func(n metrics.MetricName) bool { return n.Name == part }) {
		return p.exploreLink(s, "metric", part)
	}
	for _, n := range names {
		switch {
		case n.Name == only || !strings.Contains(strings.ToLower(n.Name), strings.ToLower(part)):
		case only == "":
			only = n.Name
		default:
			return with(p.ui.Path("/cardinality"), s.keep(), "search", part)
		}
	}
	if only == "" {
		return with(p.ui.Path("/cardinality"), s.keep(), "search", part)
	}
	return p.exploreLink(s, "metric", only)
}

// questionOf reads the explorer's controls.
func questionOf(v url.Values, metric string, s *selection) (question, error) {
	q := question{Metric: metric, Agg: v.Get("agg"), Match: v.Get("match"), Project: s.Project, Compare: v.Get("compare") != ""}
	for item := range strings.SplitSeq(v.Get("by"), ",") {
		if item = strings.TrimSpace(item); item != "" {
			q.By = append(q.By, item)
		}
	}
	if text := v.Get("step"); text != "" {
		d, err := webui.ParseSpan(text)
		if err != nil {
			return q, errs.Wrap(errs.Invalid, err, "step %s", err)
		}
		q.StepMS = d.Milliseconds()
	}
	return q, nil
}

func (p *Pages) fillExplore(ctx context.Context, page *explorePage, v url.Values) (status int, err error) {
	q, err := questionOf(v, page.Metric, &page.selection)
	page.By, page.Match, page.Agg, page.Chosen = strings.Join(q.By, ", "), q.Match, q.Agg, q.Agg
	typ := p.typeOf(page.Metric, page.Project)
	page.Type = typ.String()
	if page.Agg == "" {
		page.Agg = defaultAgg(typ)
	}
	page.Labels = p.labelHints(page, v, q)
	if err == nil {
		var result *metrics.Result
		if page.Chart, result, err = p.ask(ctx, q, &page.selection); err == nil {
			page.Matched = result.Matched
			page.Resolution = stepText(result.StepMS)
			page.Chart.CSV = with(p.ui.Path("/explore.csv"), v, "metric", page.Metric, "refresh", "")
			page.APIQuery = p.apiQuery(page, q)
			return http.StatusOK, nil
		}
	}
	if errs.KindOf(err) == errs.Invalid {
		// A mistake in a field: the page is there to mend it.
		page.Err = message(err)
		return http.StatusBadRequest, nil
	}
	return 0, err
}

// stepText says how long a bucket is.
func stepText(ms int64) string {
	switch {
	case ms%86400_000 == 0:
		return webui.Plural(ms/86400_000, "day", "days")
	case ms%3600_000 == 0:
		return webui.Plural(ms/3600_000, "hour", "hours")
	case ms%60_000 == 0:
		return webui.Plural(ms/60_000, "minute", "minutes")
	}
	return webui.Plural(ms/1000, "second", "seconds")
}

// message is the part of an error that is meant for people.
func message(err error) string {
	text := err.Error()
	if first, _, ok := strings.Cut(text, ": error parsing"); ok {
		return first
	}
	return text
}

func (p *Pages) apiQuery(page *explorePage, q question) string {
	v := url.Values{"name": {q.Metric}, "agg": {page.Agg}, "from": {strconv.FormatInt(page.rng.FromMS/1000, 10)}, "to": {strconv.FormatInt(page.rng.ToMS/1000, 10)}}
	if len(q.By) > 0 {
		v.Set("by", strings.Join(q.By, ","))
	}
	if q.Match != "" {
		v.Set("match", q.Match)
	}
	if q.Project != "" {
		v.Set("project", q.Project)
	}
	if q.StepMS > 0 {
		v.Set("step", strconv.FormatInt(q.StepMS/1000, 10))
	} else {
		v.Set("step", "auto")
	}
	return "curl -H \"X-API-Key: $API_KEY\" '" + p.opts.PublicURL + "/api/metrics?" + strings.ReplaceAll(v.Encode(), "'", "%27") + "'"
}

const hintValues = 8

func (p *Pages) labelHints(page *explorePage, v url.Values, q question) []labelHint {
	var hints []labelHint
	matchers, err := metrics.ParseSelector(q.Match)
	if err != nil {
		matchers = nil
	}
	for _, l := range p.opts.Collector.Labels(page.Metric, page.Project, hintValues) {
		h := labelHint{LabelCardinality: l, Total: l.Values}
		if !slices.Contains(q.By, l.Name) {
			h.GroupBy = with(p.ui.Path("/explore"), v, "metric", page.Metric, "by", strings.Join(append(slices.Clone(q.By), l.Name), ","))
		}
		for _, value := range l.Sample {
			m, err := metrics.NewMatcher(l.Name, metrics.Equal, value)
			if err != nil {
				continue
			}
			kept := slices.DeleteFunc(slices.Clone(matchers), func(o metrics.Matcher) bool { return o.Name == l.Name })
			h.Values = append(h.Values, valueHint{value, with(p.ui.Path("/explore"), v, "metric", page.Metric, "match", metrics.FormatSelector(append(kept, m)))})
		}
		hints = append(hints, h)
	}
	return hints
}
