package webui

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/shared/webui"
)

const (
	pageRows    = 100
	facetValues = 12 // shown at once; further ones open
)

type explorePage struct {
	selection
	Rows      []row
	Total     int64
	Exact     bool
	Partial   bool
	Older     string // address of the next page, "" on the last one
	First     string // address of the first page, "" on it
	Cursor    string // of the next page, for the script
	Histogram *histogram
	Facets    facets
	Indexed   int64
	FirstRun  bool
	Damaged   bool   // stored entries are left out because they cannot be read
	FolderErr string // why the folder cannot be read, before the first entry; "" when it can
	PublicURL string
	Folder    string
	Patterns  []string
	API       string // address of the API with the selection's parameters
	Export    map[string]string
	Live      string
	Clear     string
	Hidden    []webui.Field // parameters that are not fields of the form
	Fields    []column      // that have a column
}

// column is a field that is shown beside each entry.
type column struct{ Name, Remove string }

type facets struct {
	Levels     []facet
	Containers []facet
	Services   []facet
	Streams    []facet
	More       int // containers that are not shown at once
	Partial    bool
}

type facet struct {
	Value string
	Count int64
	On    bool
	Link  string
}

var exploreKeys = []webui.Key{
	{Keys: "/", Does: "search"}, {Keys: "h", Does: "last searches"}, {Keys: "f", Does: "find in these lines; / in the list, too"}, {Keys: "n N", Does: "next and previous line that was found"}, {Keys: "j", Does: "next entry"}, {Keys: "k", Does: "previous entry"}, {Keys: "Enter", Does: "open the entry"},
	{Keys: "n", Does: "next entry, while one is open"}, {Keys: "p", Does: "previous entry, while one is open"}, {Keys: "c", Does: "what stands around the open entry"},
	{Keys: "w", Does: "wrap lines"}, {Keys: "l", Does: "live tail"},
}

func (p *Pages) explore(w http.ResponseWriter, r *http.Request) error {
	sel, err := p.selectionOf(r)
	if err != nil {
		return err
	}
	if done, err := p.byID(w, r); done || err != nil {
		return err
	}
	page := explorePage{selection: sel, PublicURL: p.publicURL(r), Folder: p.opts.Folder, Patterns: p.opts.Containers}
	st, err := p.opts.Logs.Stats(r.Context())
	if err != nil {
		return err
	}
	page.Damaged = p.opts.Damaged != nil && p.opts.Damaged() > 0
	page.Indexed, page.FirstRun = st.Entries, st.Entries == 0 && !page.Damaged
	status := http.StatusOK
	switch {
	case page.FirstRun:
		if p.opts.Reading != nil {
			page.FolderErr = p.opts.Reading().Error
		}
	case sel.Wrong():
		status = http.StatusBadRequest
	default:
		if err := p.fillExplore(r.Context(), &page, st); err != nil {
			return err
		}
	}
	p.links(&page, "/")
	return p.ui.Render(w, r, status, webui.Page{
		Name: "explore", Title: "Logs", Section: "/", Assets: listAssets, Refresh: sel.Refresh.Every, Keys: exploreKeys, Window: page.window(), Data: &page,
	})
}

// links fills in the addresses of the controls of the page at path.
func (p *Pages) links(page *explorePage, path string) {
	s := &page.selection
	api, _ := s.api(p.opts.Now()) // a mistake is shown beside its field
	query := ""
	if len(api) > 0 {
		query = "&" + api.Encode()
	}
	page.API = p.ui.Path("/api/logs")
	page.Export = map[string]string{"ndjson": page.API + "/export?format=ndjson" + query, "txt": page.API + "/export?format=txt" + query}
	page.API += "?" + strings.TrimPrefix(query, "&")
	page.Live = s.with(p.ui.Path("/live"), "time", "", "since", "", "until", "", "refresh", "")
	if s.Filtered() {
		page.Clear = p.ui.Path("/")
		if s.Refresh.Value != "" {
			page.Clear += "?" + url.Values{"refresh": {s.Refresh.Value}}.Encode()
		}
	}
	for _, name := range s.Columns {
		page.Fields = append(page.Fields, column{name, s.toggled(p.ui.Path(path), "column", name, s.Columns)})
	}
	for _, name := range []string{"container", "service", "stream", "since", "until", "column"} {
		for _, text := range s.values[name] {
			if text != "" {
				page.Hidden = append(page.Hidden, webui.Field{Name: name, Value: text})
			}
		}
	}
}

// fillExplore asks the questions of the page side by side.
func (p *Pages) fillExplore(ctx context.Context, page *explorePage, st logs.Stats) error {
	s := &page.selection
	var listErr, barsErr, facetsErr error
	var f logs.Facets
	var all sync.WaitGroup
	all.Go(func() { listErr = p.fillList(ctx, page) })
	all.Go(func() {
		if page.Histogram, barsErr = p.histogram(ctx, s, st); s.Nothing && barsErr == nil {
			page.Histogram = nil
		}
	})
	all.Go(func() { f, facetsErr = p.opts.Logs.Facets(ctx, s.Filter) })
	all.Wait()
	for _, err := range []error{listErr, barsErr, facetsErr} {
		if err != nil {
			return err
		}
	}
	page.Facets = p.facets(s, f)
	// The list stops counting when it is full; the bars have counted them all.
	if h := page.Histogram; !page.Exact && h != nil && !h.Partial {
		page.Total, page.Exact = max(page.Total, h.Total), true
	}
	return nil
}

func (p *Pages) fillList(ctx context.Context, page *explorePage) error {
	s := &page.selection
	page.Exact = true
	if s.Nothing {
		return nil
	}
	q := logs.Query{Filter: s.Filter, Limit: pageRows}
	if text := s.values.Get("cursor"); text != "" {
		at, err := logs.ParsePosition(text)
		if err != nil {
			return err
		}
		q.After = at
		page.First = s.with(p.ui.Path("/"))
	}
	found, err := p.opts.Logs.Search(ctx, q)
	if err != nil {
		return err
	}
	page.Rows, page.Total, page.Exact, page.Partial = p.rows(found.Entries, s.Columns), found.Total, found.Exact, found.Partial
	if found.Next != nil {
		page.Cursor = found.Next.String()
		page.Older = s.with(p.ui.Path("/"), "cursor", page.Cursor)
	}
	return nil
}

func (p *Pages) facets(s *selection, f logs.Facets) facets {
	path := p.ui.Path("/")
	out := facets{Partial: f.Partial}
	levels := s.chosenLevels()
	for l := logs.Critical + 1; l > 0; l-- {
		name := (l - 1).String()
		if n := f.Levels[l-1]; n > 0 || slices.Contains(levels, name) {
			out.Levels = append(out.Levels, facet{name, n, slices.Contains(levels, name), s.toggled(path, "level", name, levels)})
		}
	}
	out.Containers = p.choices(s, "container", f.Sources, s.Containers)
	out.Services = p.choices(s, "service", f.Services, s.Services)
	if len(out.Services) == 1 && !out.Services[0].On {
		out.Services = nil // nothing to choose
	}
	out.More = max(0, len(out.Containers)-facetValues)
	for _, stream := range []logs.Stream{logs.Stdout, logs.Stderr} {
		name := []string{"stdout", "stderr"}[stream]
		out.Streams = append(out.Streams, facet{name, f.Streams[stream], slices.Contains(s.Streams, name), s.toggled(path, "stream", name, s.Streams)})
	}
	return out
}

// choices are the values of a facet: those that are chosen first, then by count.
func (p *Pages) choices(s *selection, name string, counts []logs.Count, chosen []string) []facet {
	path := p.ui.Path("/")
	var on, off []facet
	for _, value := range chosen {
		n := int64(0)
		if i := slices.IndexFunc(counts, func(c logs.Count) bool { return c.Value == value }); i >= 0 {
			n = counts[i].N
		}
		on = append(on, facet{value, n, true, s.toggled(path, name, value, chosen)})
	}
	for _, c := range counts {
		if !slices.Contains(chosen, c.Value) {
			off = append(off, facet{c.Value, c.N, false, s.toggled(path, name, c.Value, chosen)})
		}
	}
	return append(on, off...)
}

// RangeText says in words which time the page is about.
func (e *explorePage) RangeText() string {
	f := e.Filter
	text := func(t time.Time) string { return webui.UTC(t) }
	switch {
	case !f.Since.IsZero() && !f.Until.IsZero():
		return text(f.Since) + " to " + text(f.Until)
	case !f.Since.IsZero():
		return "since " + text(f.Since)
	case !f.Until.IsZero():
		return "until " + text(f.Until)
	}
	return "all time"
}
