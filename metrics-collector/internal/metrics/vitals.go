package metrics

import (
	"context"
	"strings"

	"github.com/monlight/monlight/metrics-collector/internal/metrics/chunk"
)

// Vital is a web vital and its thresholds (web.dev/articles/vitals): a value
// up to Good is good, one over Poor is poor. The rating of a page is that of
// the 75th percentile of its visits.
type Vital struct {
	Name   string // "lcp"
	Metric string // as the browser SDK sends it
	Label  string
	Unit   string // "ms", or "" for none
	Good   float64
	Poor   float64
}

// Vitals are the web vitals that browsers send.
var Vitals = []Vital{
	{"lcp", "web_vitals_lcp", "Largest contentful paint", "ms", 2500, 4000},
	{"inp", "web_vitals_inp", "Interaction to next paint", "ms", 200, 500},
	{"cls", "web_vitals_cls", "Cumulative layout shift", "", 0.1, 0.25},
	{"fcp", "web_vitals_fcp", "First contentful paint", "ms", 1800, 3000},
	{"ttfb", "web_vitals_ttfb", "Time to first byte", "ms", 800, 1800},
}

// Rating is "good", "needs-improvement" or "poor", and "unknown" without data.
func (v *Vital) Rating(value float64, ok bool) string {
	switch {
	case !ok:
		return "unknown"
	case value <= v.Good:
		return "good"
	case value > v.Poor:
		return "poor"
	}
	return "needs-improvement"
}

// FewVisits is the number of values under which a rating says little.
const FewVisits = 100

// VitalSummary is a vital over a period.
type VitalSummary struct {
	Vital
	Count  uint64
	Avg    float64
	P75    float64
	Rating string
	// Parts of the visits, 0 to 1.
	GoodShare, NeedsShare, PoorShare float64
}

// VitalBucket is the 75th percentile of each vital at a time, by Vital.Name.
type VitalBucket struct {
	BucketMS int64
	P75      map[string]float64
	Count    uint64 // visits: values of LCP
}

// VitalPage is a page, with the 75th percentile of each vital.
type VitalPage struct {
	Page  string
	P75   map[string]float64
	Views uint64 // values of LCP
}

// WebVitals is what browsers experienced.
type WebVitals struct {
	Summary []VitalSummary // in the order of Vitals
	Series  []VitalBucket
	Pages   []VitalPage // those with most views first
	StepMS  int64
	Coarse  Coarse
}

const maxPages = 20

// WebVitals reads what browsers sent. It is nil if they sent nothing.
func (s *Service) WebVitals(ctx context.Context, project string, p Period) (*WebVitals, error) {
	fromBrowser, err := NewMatcher("source", Equal, "browser")
	if err != nil {
		return nil, err
	}
	w := &WebVitals{}
	q := Query{Project: project, Type: Histogram, Matchers: []Matcher{fromBrowser}, FromMS: p.FromMS, ToMS: p.ToMS,
		StepMS: p.StepMS, Need: distribution, Quantiles: []float64{0.75}}
	for i := range Vitals {
		q.Names = append(q.Names, Vitals[i].Metric)
	}
	r, err := s.Query(ctx, q)
	if err != nil {
		return nil, err
	}
	w.StepMS, w.Coarse = r.StepMS, r.Coarse()
	buckets := make(map[int64]*VitalBucket)
	found := false
	for i := range Vitals {
		one := Vitals[i].summary(r, buckets)
		w.Summary = append(w.Summary, one)
		found = found || one.Count > 0
	}
	if !found {
		return nil, nil //nolint:nilnil // documented: nil when there is nothing
	}
	pages := make(map[string]*VitalPage)
	q.By, q.StepMS, q.Whole, q.Quantiles = []string{"page"}, coarse(p), true, nil
	if err := s.vitalPages(ctx, q, pages); err != nil {
		return nil, err
	}
	for _, b := range buckets {
		w.Series = append(w.Series, *b)
	}
	sortFunc(w.Series, func(a, b VitalBucket) int { return int(a.BucketMS - b.BucketMS) })
	for _, page := range pages {
		w.Pages = append(w.Pages, *page)
	}
	sortFunc(w.Pages, func(a, b VitalPage) int {
		if a.Views != b.Views {
			return int(int64(b.Views) - int64(a.Views))
		}
		return strings.Compare(a.Page, b.Page)
	})
	w.Pages = w.Pages[:min(len(w.Pages), maxPages)]
	return w, nil
}

// summary is the vital's part of an answer, which it adds to the buckets.
func (v *Vital) summary(r *Result, buckets map[int64]*VitalBucket) VitalSummary {
	sum := VitalSummary{Vital: *v}
	var whole summary
	for _, series := range r.Series {
		if series.Name != v.Metric {
			continue
		}
		for row := series.Rows(); row.Next(); {
			whole.cell.MergeNumbers(&chunk.Numbers{Count: row.Count, Sum: row.Sum, Min: row.Min, Max: row.Max})
			if row.Distribution == nil {
				continue
			}
			whole.dense.Merge(row.Distribution)
			b := buckets[row.BucketMS]
			if b == nil {
				b = &VitalBucket{BucketMS: row.BucketMS, P75: make(map[string]float64)}
				buckets[row.BucketMS] = b
			}
			b.P75[v.Name] = row.Quantiles[0]
			if v.Name == "lcp" {
				b.Count += row.Count
			}
		}
	}
	p75, ok := whole.quantile(0.75)
	sum.Rating = v.Rating(p75, ok)
	if !ok {
		return sum
	}
	sum.P75, sum.Count = p75, whole.cell.Count
	sum.Avg = whole.cell.Sum / float64(whole.cell.Count)
	sk := whole.dense.Sketch()
	n := float64(sk.Count())
	good, fair := float64(sk.CountUpTo(v.Good)), float64(sk.CountUpTo(v.Poor))
	sum.GoodShare, sum.NeedsShare, sum.PoorShare = good/n, (fair-good)/n, (n-fair)/n
	return sum
}

func (s *Service) vitalPages(ctx context.Context, q Query, pages map[string]*VitalPage) error {
	list, err := s.summarize(ctx, q)
	if err != nil {
		return err
	}
	vitals := make(map[string]string)
	for i := range Vitals {
		vitals[Vitals[i].Metric] = Vitals[i].Name
	}
	for _, one := range list {
		name := one.labels.Value("page")
		if name == "" {
			name = "/"
		}
		page := pages[name]
		if page == nil {
			page = &VitalPage{Page: name, P75: make(map[string]float64)}
			pages[name] = page
		}
		if p75, ok := one.quantile(0.75); ok {
			page.P75[vitals[one.name]] = p75
		}
		if vitals[one.name] == "lcp" {
			page.Views += one.cell.Count
		}
	}
	return nil
}
