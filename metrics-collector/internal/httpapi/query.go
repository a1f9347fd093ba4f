package httpapi

import (
	"math"
	"net/http"
	"net/url"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
	"github.com/monlight/monlight/metrics-collector/internal/metrics/chunk"
	"github.com/monlight/monlight/metrics-collector/internal/metrics/ingest"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/problem"
)

// queryResponse is the answer to a query. Data is that of the one series when
// there is no grouping; with grouping, or an aggregation, it is in Series.
type queryResponse struct {
	Name       string        `json:"name"`
	Resolution string        `json:"resolution"`
	Period     string        `json:"period"`
	Type       string        `json:"type,omitempty"`
	From       string        `json:"from"`
	To         string        `json:"to"`
	Step       int64         `json:"step"` // seconds
	Segments   []segmentJSON `json:"segments"`
	Agg        string        `json:"agg,omitempty"`
	By         []string      `json:"by,omitempty"`
	Matched    int           `json:"matched_series"`
	Groups     int           `json:"groups,omitempty"`
	Truncated  bool          `json:"truncated,omitempty"`

	data     answer
	previous *previous
}

type segmentJSON struct {
	Resolution string `json:"resolution"`
	From       string `json:"from"`
	To         string `json:"to"`
	Step       int64  `json:"step"`
}

// previous is the period before, with its buckets moved to the asked one.
type previous struct {
	from, to string
	data     answer
}

func (a *api) query(w http.ResponseWriter, r *http.Request) error {
	v := r.URL.Query()
	q, agg, res, err := a.parseQuery(v)
	if err != nil {
		return err
	}
	compare := v.Get("compare")
	if compare != "" && compare != "previous" {
		return errs.New(errs.Invalid, "compare is %s, want previous", quoted(compare))
	}
	from, to := q.FromMS, q.ToMS
	result, err := a.Collector.Query(r.Context(), q)
	if err != nil {
		return err
	}
	fill(res, result, agg, q.By, from, to)
	if compare != "" {
		shift := to - from
		q.FromMS, q.ToMS, q.StepMS = from-shift, from, result.StepMS
		before, err := a.Collector.Query(r.Context(), q)
		if err != nil {
			return err
		}
		res.previous = &previous{ingest.FormatSecond(q.FromMS), ingest.FormatSecond(q.ToMS), answer{before, agg, len(q.By) > 0, shift}}
	}
	return res.write(w)
}

func (a *api) parseQuery(v url.Values) (q metrics.Query, agg metrics.Agg, res *queryResponse, err error) {
	if q.Name, err = textParam(v, "name", ingest.MaxNameBytes); err != nil {
		return q, agg, nil, err
	}
	if q.Name == "" {
		return q, agg, nil, errs.New(errs.Invalid, "name is missing: which metric?")
	}
	if q.Project, err = projectParam(v); err != nil {
		return q, agg, nil, err
	}
	if t := v.Get("type"); t != "" {
		var ok bool
		if q.Type, ok = ingest.ParseType(t); !ok {
			return q, agg, nil, errs.New(errs.Invalid, "type is %s, want counter, histogram or gauge", quoted(t))
		}
	}
	if q.Matchers, err = matchersParam(v); err != nil {
		return q, agg, nil, err
	}
	q.By = listParam(v, "by")
	if q.MaxGroups, err = countParam(v, "limit", 100, metrics.MaxGroups); err != nil {
		return q, agg, nil, err
	}
	p, name, err := period(v, a.Now())
	if err != nil {
		return q, agg, nil, err
	}
	q.FromMS, q.ToMS = p.FromMS, p.ToMS
	if q.StepMS, err = stepParam(v); err != nil {
		return q, agg, nil, err
	}
	res = &queryResponse{Name: q.Name, Period: name, Resolution: "minute", By: q.By}
	if q.StepMS == 0 {
		// resolution is the older, coarser way to say step.
		const day = 24 * 3600_000
		switch resolution := v.Get("resolution"); {
		case resolution == "minute":
			q.StepMS = 60_000
		case resolution == "hour":
			q.StepMS = 3600_000
		case v.Get("step") == "auto": // the service chooses
		case q.ToMS-q.FromMS <= day:
			q.StepMS = 60_000
		default:
			q.StepMS = 3600_000
		}
	}
	q.Need, q.Quantiles = chunk.Sum|chunk.Min|chunk.Max|chunk.Last|chunk.Sketches, []float64{0.5, 0.95, 0.99}
	if text := v.Get("agg"); text != "" {
		if agg, err = metrics.ParseAgg(text); err != nil {
			return q, agg, nil, err
		}
		q.Need, q.Quantiles = agg.Columns(), []float64{agg.Quantile()}
		res.Agg = agg.String()
	}
	return q, agg, res, nil
}

func fill(res *queryResponse, r *metrics.Result, agg metrics.Agg, by []string, from, to int64) {
	res.Type, res.Step = r.Type.String(), r.StepMS/1000
	res.From, res.To = ingest.FormatSecond(from), ingest.FormatSecond(to)
	res.Matched, res.Truncated = r.Matched, r.Truncated
	res.Segments = []segmentJSON{}
	for _, s := range r.Segments {
		res.Segments = append(res.Segments, segmentJSON{s.Resolution, ingest.FormatSecond(s.FromMS), ingest.FormatSecond(s.ToMS), s.WidthMS / 1000})
	}
	if r.StepMS >= 3600_000 {
		res.Resolution = "hour"
	}
	if len(by) > 0 {
		res.Groups = r.Groups
	}
	res.data = answer{r, agg, len(by) > 0, 0}
}

// finite keeps a sum of huge values within what JSON can say.
func finite(v float64) float64 { return max(-math.MaxFloat64, min(v, math.MaxFloat64)) }

// names answers GET /api/metrics/names.
func (a *api) names(w http.ResponseWriter, r *http.Request) error {
	project, err := projectParam(r.URL.Query())
	if err != nil {
		return err
	}
	type nameJSON struct {
		Name   string `json:"name"`
		Type   string `json:"type"`
		Series int    `json:"series"`
	}
	list := []nameJSON{}
	for _, n := range a.Collector.Names(project) {
		list = append(list, nameJSON{n.Name, n.Type.String(), n.Series})
	}
	return problem.JSON(w, http.StatusOK, map[string]any{"metrics": list})
}

type labelJSON struct {
	Name   string   `json:"name"`
	Values int      `json:"values"`
	Sample []string `json:"sample"`
}

func labelList(labels []metrics.LabelCardinality) []labelJSON {
	list := make([]labelJSON, len(labels))
	for i, l := range labels {
		list[i] = labelJSON(l)
	}
	return list
}

// labels answers GET /api/metrics/labels.
func (a *api) labels(w http.ResponseWriter, r *http.Request) error {
	v := r.URL.Query()
	name, err := textParam(v, "name", ingest.MaxNameBytes)
	if err != nil {
		return err
	}
	if name == "" {
		return errs.New(errs.Invalid, "name is missing: the labels of which metric?")
	}
	project, err := projectParam(v)
	if err != nil {
		return err
	}
	values, err := countParam(v, "values", 20, 1000)
	if err != nil {
		return err
	}
	return problem.JSON(w, http.StatusOK, map[string]any{"name": name, "labels": labelList(a.Collector.Labels(name, project, values))})
}

func (a *api) projects(w http.ResponseWriter, _ *http.Request) error {
	return problem.JSON(w, http.StatusOK, map[string]any{"projects": a.Collector.Projects()})
}

// cardinality answers GET /api/cardinality.
func (a *api) cardinality(w http.ResponseWriter, r *http.Request) error {
	project, err := projectParam(r.URL.Query())
	if err != nil {
		return err
	}
	top, err := countParam(r.URL.Query(), "limit", 20, 1000)
	if err != nil {
		return err
	}
	c := a.Collector.Cardinality(project, "", top)
	type metricJSON struct {
		Name    string      `json:"name"`
		Type    string      `json:"type"`
		Project string      `json:"project"`
		Series  int         `json:"series"`
		Limited uint64      `json:"limited"`
		Labels  []labelJSON `json:"labels"`
	}
	type projectJSON struct {
		Project string `json:"project"`
		Series  int    `json:"series"`
	}
	list := make([]metricJSON, len(c.Metrics))
	for i, m := range c.Metrics {
		list[i] = metricJSON{m.Name, m.Type.String(), m.Project, m.Series, m.Limited, labelList(m.Labels)}
	}
	projects := make([]projectJSON, len(c.Projects))
	for i, p := range c.Projects {
		projects[i] = projectJSON(p)
	}
	return problem.JSON(w, http.StatusOK, map[string]any{
		"series": c.Series, "limited": c.Limited, "metrics": list, "projects": projects,
		"limits": map[string]int{"series": c.Limits.Series, "series_per_project": c.Limits.SeriesPerProject, "series_per_metric": c.Limits.SeriesPerMetric,
			"labels": metrics.MaxLabels, "label_value_bytes": metrics.MaxLabelValueBytes},
	})
}
