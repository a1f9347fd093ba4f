package webui

import (
	"net/http"
	"net/url"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/webui"
)

// selection is what the controls of every page say.
type selection struct {
	Project  string
	Projects []string
	Period   string // as it was given: a span
	From, To string // as they were given, if they were
	Refresh  webui.RefreshChoice
	RangeErr string
	Tables   bool          // tables of the charts are in the page
	asTables string        // address of the page with them
	Ways     []webui.Field // to the same time in other services: labels and addresses
	Releases []mark        // in this time, the latest
	Alerts   []mark        // in this time, the latest
	rng      metrics.Period

	MoreReleases, MoreAlerts bool // there may have been others in this time, before them
}

const (
	defaultPeriod = "24h"
	maxText       = 2048 // characters of a parameter, as the fields of the pages count
)

// selectionOf reads the controls.
func (p *Pages) selectionOf(r *http.Request) (selection, url.Values, error) {
	v := r.URL.Query()
	for name, list := range v {
		for _, text := range list {
			if n := utf8.RuneCountInString(text); n > maxText || len(list) > 40 {
				return selection{}, v, errs.New(errs.Invalid, "%s has %d characters, the limit is %d", webui.Line(name, 40), n, maxText)
			}
		}
	}
	now := p.opts.Now()
	s := selection{Project: v.Get("project"), Projects: p.opts.Collector.Projects(), Period: v.Get("period"),
		From: v.Get("from"), To: v.Get("to"), Refresh: webui.ParseRefresh(v.Get("refresh")),
		Tables: v.Get("tables") != "", asTables: with("", v, "tables", "yes")}
	if s.Project != "" && !slices.Contains(s.Projects, s.Project) {
		s.Projects = append(s.Projects, s.Project)
	}
	if s.Period == "" {
		s.Period = defaultPeriod
	}
	span, err := webui.ParseSpan(s.Period)
	if err != nil {
		s.RangeErr = err.Error()
		span = 24 * time.Hour
	}
	s.rng = metrics.Period{FromMS: now.Add(-span).UnixMilli(), ToMS: now.UnixMilli()}
	if s.From != "" || s.To != "" {
		rg, err := webui.ParseRange(s.From, s.To, now)
		switch {
		case err != nil:
			s.RangeErr = err.Error()
		default:
			if !rg.To.IsZero() {
				s.rng.ToMS = rg.To.UnixMilli()
			}
			s.rng.FromMS = s.rng.ToMS - span.Milliseconds()
			if !rg.From.IsZero() {
				s.rng.FromMS = rg.From.UnixMilli()
			}
			if s.rng.FromMS >= s.rng.ToMS {
				s.RangeErr = "the range ends before it begins"
				s.rng.FromMS = s.rng.ToMS - span.Milliseconds()
			}
		}
	}
	return s, v, nil
}

// with is the page's address with some parameters changed; "" removes one.
func with(path string, v url.Values, pairs ...string) string {
	c := url.Values{}
	for name, list := range v {
		c[name] = list
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			c.Del(pairs[i])
		} else {
			c[pairs[i]] = []string{pairs[i+1]}
		}
	}
	if len(c) == 0 {
		return path
	}
	return path + "?" + c.Encode()
}

// keep are the parameters that go from page to page.
func (s *selection) keep() url.Values {
	v := url.Values{}
	for name, text := range map[string]string{"project": s.Project, "from": s.From, "to": s.To} {
		if text != "" {
			v.Set(name, text)
		}
	}
	if s.Period != defaultPeriod {
		v.Set("period", s.Period)
	}
	if s.Tables {
		v.Set("tables", "yes")
	}
	return v
}

func (s *selection) chart(c *Chart) *Chart {
	c.From, c.To = s.rng.FromMS/1000, s.rng.ToMS/1000
	c.Tables, c.AsTable = s.Tables, s.asTables
	return c
}

func sortInts(list []int64) { slices.Sort(list) }

// window is the time that the page shows, for the ways to other services.
func (s *selection) window() webui.Window {
	if s.From == "" && s.To == "" {
		return webui.Window{Span: s.Period}
	}
	return webui.Window{From: time.UnixMilli(s.rng.FromMS), To: time.UnixMilli(s.rng.ToMS)}
}

// waysFrom are the ways to the same time in the other services, of those that are
// installed.
func (p *Pages) waysFrom(s *selection) []webui.Field {
	var ways []webui.Field
	if to := p.ui.Link("log-viewer", "/", s.window()); to != "" {
		ways = append(ways, webui.Field{Name: "Logs of this time", Value: to})
	}
	if to := p.ui.Link("error-tracker", "/", s.window(), "state", "all", "project", s.Project); to != "" {
		ways = append(ways, webui.Field{Name: "Errors since then", Value: to})
	}
	return ways
}
