package webui

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/webui"
)

// selection is what the controls of a page say.
type selection struct {
	Search     string
	SearchErr  string // what is wrong with it
	Containers []string
	Services   []string
	Streams    []string
	Level      string // as in the address, several with commas
	Time       string // a span before now, "" is all
	Since      string // an absolute range instead, as in the address
	Until      string
	TimeErr    string
	Refresh    webui.RefreshChoice
	Columns    []string // fields that have a column of their own
	Filter     logs.Filter
	Nothing    bool // a level was asked for that does not exist
	values     url.Values
}

const (
	maxValueBytes = 4200 // of a parameter
	maxValues     = 200
)

// selectionOf reads the controls. A mistake in a field is shown beside it.
func (p *Pages) selectionOf(r *http.Request) (selection, error) {
	v := r.URL.Query()
	for name, list := range v {
		for _, text := range list {
			if len(text) > maxValueBytes || len(list) > maxValues {
				return selection{}, errs.New(errs.Invalid, "%s has %d bytes, the limit is %d", webui.Line(name, 40), len(text), maxValueBytes)
			}
		}
	}
	if v.Get("search") == "" && v.Get("q") != "" { // as the API has it
		v.Set("search", v.Get("q"))
	}
	v.Del("q")
	s := selection{
		Search: v.Get("search"), Level: strings.Join(v["level"], ","), Time: v.Get("time"), Since: v.Get("since"), Until: v.Get("until"),
		Refresh: webui.ParseRefresh(v.Get("refresh")), Streams: v["stream"], values: v,
	}
	var err error
	if s.Columns, err = logs.ParseColumns(v["column"]); err != nil {
		return selection{}, err
	}
	if _, err := logs.ParseSearch(s.Search); err != nil {
		s.SearchErr = err.Error()
	}
	api, err := s.api(p.opts.Now())
	if err != nil {
		s.TimeErr = err.Error()
	}
	api.Del("search")
	if s.Filter, s.Nothing, err = logs.ParseFilter(api, p.opts.Now()); err != nil {
		if s.TimeErr == "" && (s.Since != "" || s.Until != "") {
			s.TimeErr = err.Error()
		} else if s.TimeErr == "" {
			return s, err
		}
	}
	s.Filter.Search, _ = logs.ParseSearch(s.Search)
	s.Containers, s.Services = s.Filter.Sources, s.Filter.Services
	return s, nil
}

// api are the parameters of the API for the selection.
func (s *selection) api(now time.Time) (url.Values, error) {
	v := url.Values{}
	for _, name := range []string{"search", "container", "service", "level", "stream", "since", "until", "column"} {
		for _, text := range s.values[name] {
			if text != "" {
				v.Add(name, text)
			}
		}
	}
	if s.Time == "" || strings.EqualFold(s.Time, "all") {
		return v, nil
	}
	t, err := webui.ParseTime(s.Time, now)
	if err != nil {
		return v, err
	}
	if v.Get("since") == "" {
		v.Set("since", t.Format(time.RFC3339Nano))
	}
	return v, nil
}

// Wrong tells whether the page has a mistake to show, and no results.
func (s *selection) Wrong() bool { return s.SearchErr != "" || s.TimeErr != "" }

// Filtered tells whether there is anything to clear.
func (s *selection) Filtered() bool {
	return s.Search != "" || len(s.Containers) > 0 || len(s.Services) > 0 || len(s.Streams) > 0 || s.Level != "" || s.Time != "" || s.Since != "" || s.Until != ""
}

// with is the page's address with some parameters changed; "" removes one. The
// place in the list is left out: it belongs to the old selection.
func (s *selection) with(path string, pairs ...string) string {
	c := url.Values{}
	for name, list := range s.values {
		if name != "cursor" && name != "page" && list[0] != "" {
			c[name] = list
		}
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

// toggled is the address with a value of a parameter added, or removed when it is there.
func (s *selection) toggled(path, name, value string, have []string) string {
	list := slices.Clone(have)
	if i := slices.Index(list, value); i >= 0 {
		list = slices.Delete(list, i, i+1)
	} else {
		list = append(list, value)
	}
	if s.values == nil {
		s.values = url.Values{}
	}
	before, had := s.values[name]
	s.values[name] = list
	if len(list) == 0 {
		delete(s.values, name)
	}
	to := s.with(path)
	if delete(s.values, name); had {
		s.values[name] = before
	}
	return to
}

// chosenLevels are the names of the levels that the filter has, if it has any.
func (s *selection) chosenLevels() []string {
	var names []string
	if s.Filter.Levels == 0 {
		return nil
	}
	for l := logs.Trace; l <= logs.Critical; l++ {
		if s.Filter.Levels.Has(l) {
			names = append(names, l.String())
		}
	}
	return names
}

// levelChoice is a choice of the level control.
type levelChoice struct{ Value, Label string }

var levelChoices = func() []levelChoice {
	out := []levelChoice{{"", "All levels"}}
	for l := logs.Debug; l < logs.Critical; l++ {
		out = append(out, levelChoice{">=" + l.String(), "≥ " + l.String()})
	}
	for l := logs.Trace; l <= logs.Critical; l++ {
		out = append(out, levelChoice{l.String(), "only " + l.String()})
	}
	return out
}()

// Levels are the choices of the level control, with the present one.
func (s *selection) Levels() []levelChoice {
	if slices.ContainsFunc(levelChoices, func(c levelChoice) bool { return c.Value == s.Level }) {
		return levelChoices
	}
	return append(slices.Clone(levelChoices), levelChoice{s.Level, s.Level})
}

// TimeChoices are the spans of the time control.
func (s *selection) TimeChoices() []webui.RangeChoice {
	return []webui.RangeChoice{
		{Value: "5m", Label: "Last 5 minutes"}, {Value: "15m", Label: "Last 15 minutes"}, {Value: "1h", Label: "Last hour"},
		{Value: "6h", Label: "Last 6 hours"}, {Value: "24h", Label: "Last 24 hours"}, {Value: "7d", Label: "Last 7 days"}, {Value: "30d", Label: "Last 30 days"},
	}
}

// window is the time that the selection shows, for the ways to other services.
func (s *selection) window() webui.Window {
	if _, err := webui.ParseSpan(s.Time); err == nil && s.Since == "" && s.Until == "" {
		return webui.Window{Span: s.Time}
	}
	return webui.Window{From: s.Filter.Since, To: s.Filter.Until}
}
