package webui

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/log-viewer/internal/logs/fields"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/webui"
)

const (
	contextRows   = 10 // before and after: the page weighs at most 15 KiB with them
	wideRows      = 50 // with ?around=50
	maxShownBytes = 256 << 10
	maxFieldChars = 2000
)

type entryPage struct {
	row
	Message string
	JSON    *webui.Node
	Fields  []fieldRow
	Stream  string
	Context []row
	Older   int // entries before this one in Context
	Wide    bool
	Other   string // address with the other number of rows around
	TraceID string
	Links   []link
}

type fieldRow struct {
	Name, Value string
	Only, Not   string // addresses that filter by it
}

type link struct{ Label, URL string }

// entry is one entry with what stands around it.
func (p *Pages) entry(w http.ResponseWriter, r *http.Request) error {
	id, err := strconv.ParseInt(chi.URLParam(r, "id"), 10, 64)
	if err != nil {
		return errs.New(errs.NotFound, "log entry %.30s not found", chi.URLParam(r, "id"))
	}
	e, err := p.opts.Logs.Entry(r.Context(), id)
	if err != nil {
		return err
	}
	self := p.ui.Path("/logs/" + strconv.FormatInt(id, 10))
	rows, wide, other := contextRows, false, self+"?around="+strconv.Itoa(wideRows)+"#here"
	switch text := r.URL.Query().Get("around"); text {
	case "", strconv.Itoa(contextRows):
	case strconv.Itoa(wideRows):
		rows, wide, other = wideRows, true, self+"#here"
	default:
		return errs.New(errs.Invalid, "around is %.30q, want %d or %d", text, contextRows, wideRows)
	}
	around, err := p.opts.Logs.Around(r.Context(), id, logs.Filter{}, rows, rows)
	if err != nil {
		return err
	}
	plain := logs.Plain(e.Message)
	page := entryPage{row: p.row(e), Message: webui.Clip(plain, maxShownBytes), Stream: "stdout", Context: p.rows(around, nil), Wide: wide, Other: other}
	if e.Stream == logs.Stderr {
		page.Stream = "stderr"
	}
	if text := strings.TrimSpace(plain); strings.HasPrefix(text, "{") && len(text) <= maxShownBytes {
		if n := webui.JSONTree([]byte(text)); n != nil && n.Kind == "object" {
			page.JSON = n
		}
	}
	fields.Each(plain, func(name, value string) bool {
		page.Fields = append(page.Fields, p.fieldRow(name, value))
		return true
	})
	for i := range page.Context {
		if page.Context[i].ID == id {
			page.Context[i].Here, page.Older = true, i
		}
	}
	container := []string{"container", e.Source}
	var s selection
	page.Links = append(page.Links, link{"This container", s.with(p.ui.Path("/"), container...)})
	if trace := fields.TraceID(plain); trace != "" {
		page.Links = append(page.Links, link{"This trace", s.with(p.ui.Path("/"), "search", quoteTerm(trace))})
	}
	if request := fields.RequestID(plain); request != "" {
		page.Links = append(page.Links, link{"This request", s.with(p.ui.Path("/"), "search", quoteTerm(request))})
	}
	page.Links = append(page.Links, p.waysFrom(e, plain)...)
	return p.ui.Render(w, r, http.StatusOK, webui.Page{
		Name: "entry", Title: page.Line, Section: "/", Assets: []string{"detail.css", "logs.css", "detail.js", "clock.js"}, Data: &page,
		Keys: []webui.Key{{Keys: "u", Does: "back to the explorer"}, {Keys: "j", Does: "next entry"}, {Keys: "k", Does: "previous entry"}},
	})
}

// How far around an entry metrics are looked at.
const metricsBefore, metricsAfter = time.Hour, 30 * time.Minute

// waysFrom are the ways from an entry to the other services, of those that are
// installed.
func (p *Pages) waysFrom(e logs.Entry, plain string) []link {
	var ways []link
	add := func(label, address string) {
		if address != "" {
			ways = append(ways, link{label, address})
		}
	}
	if trace := fields.TraceID(plain); trace != "" {
		add("Errors of the trace", p.ui.Link("error-tracker", "/", webui.Window{}, "state", "all", "session_id", trace))
	}
	if request := fields.RequestID(plain); request != "" {
		add("Errors of the request", p.ui.Link("error-tracker", "/", webui.Window{}, "state", "all", "session_id", request))
	}
	if host := p.hostOf(e.Source); host != "" {
		add("Errors of the container", p.ui.Link("error-tracker", "/", webui.Window{}, "state", "all", "search", "server_name:"+host))
	}
	add("Metrics around", p.ui.Link("metrics-collector", "/", webui.Around(time.Unix(0, e.Time), metricsBefore, metricsAfter)))
	return ways
}

func (p *Pages) fieldRow(name, value string) fieldRow {
	f := fieldRow{Name: webui.Line(name, 200), Value: webui.Clip(value, maxFieldChars)}
	if term, ok := fieldTerm(name, value); ok {
		var s selection
		f.Only, f.Not = s.with(p.ui.Path("/"), "search", term), s.with(p.ui.Path("/"), "search", "-"+term)
	}
	return f
}

// fieldTerm is the search for a field's value; ok is false for what cannot be
// searched like that.
func fieldTerm(name, value string) (term string, ok bool) {
	if name == "" || len(value) > 500 || strings.ContainsAny(name, " \t\n\r\"'():/\\") || strings.HasPrefix(name, "-") {
		return "", false
	}
	return name + ":" + quoteTerm(value), true
}

// quoteTerm puts a text in quotes, for the search language.
func quoteTerm(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
