package webui

import (
	"net/http"
	"slices"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/shared/webui"
)

// liveRows is how many entries the live page begins with.
const liveRows = 100

type livePage struct {
	explorePage
	Stream string // address of the stream
	After  int64  // the last entry that the page has
}

var liveKeys = []webui.Key{
	{Keys: "Space", Does: "pause and go on"}, {Keys: "/", Does: "search"}, {Keys: "h", Does: "last searches"}, {Keys: "f", Does: "find in these lines; / in the list, too"}, {Keys: "n N", Does: "next and previous line that was found"}, {Keys: "j", Does: "next entry"}, {Keys: "k", Does: "previous entry"},
	{Keys: "Enter", Does: "open the entry"}, {Keys: "G", Does: "to the newest"}, {Keys: "w", Does: "wrap lines"}, {Keys: "u", Does: "back to the explorer"},
}

// live is the page of the live stream. Without JavaScript it shows the newest
// entries and loads itself anew.
func (p *Pages) live(w http.ResponseWriter, r *http.Request) error {
	sel, err := p.selectionOf(r)
	if err != nil {
		return err
	}
	sel.Time, sel.Since, sel.Until, sel.TimeErr = "", "", "", "" // now is the time
	for _, name := range []string{"time", "since", "until", "cursor"} {
		sel.values.Del(name)
	}
	sel.Filter.Since, sel.Filter.Until = time.Time{}, time.Time{}
	page := livePage{explorePage: explorePage{selection: sel}}
	status := http.StatusOK
	// The end of what is there is read first: what comes after it, comes by the stream.
	st, err := p.opts.Logs.Stats(r.Context())
	if err != nil {
		return err
	}
	page.Indexed, page.After = st.Entries, st.LastID
	if page.Wrong() {
		status = http.StatusBadRequest
	} else if !page.Nothing {
		found, err := p.opts.Logs.Search(r.Context(), logs.Query{Filter: page.Filter, Limit: liveRows})
		if err != nil {
			return err
		}
		found.Entries = slices.DeleteFunc(found.Entries, func(e logs.Entry) bool { return e.ID > st.LastID })
		slices.Reverse(found.Entries)
		page.Rows = p.rows(found.Entries, page.Columns)
	}
	sources, err := p.opts.Logs.Sources(r.Context())
	if err != nil {
		return err
	}
	counts := make([]logs.Count, 0, len(sources))
	for _, s := range sources {
		counts = append(counts, logs.Count{Value: s.Name, N: s.Entries})
	}
	page.Facets.Containers = p.choices(&page.selection, "container", counts, page.Containers)
	p.links(&page.explorePage, "/live")
	api, _ := page.api(p.opts.Now())
	page.Stream = p.ui.Path("/api/logs/tail") + "?" + api.Encode()
	page.Clear = ""
	if page.Filtered() {
		page.Clear = p.ui.Path("/live")
	}
	page.Live = page.with(p.ui.Path("/"), "time", "1h")
	return p.ui.Render(w, r, status, webui.Page{
		Name: "live", Title: "Live tail", Section: "/live", Assets: liveAssets, Keys: liveKeys,
		Refresh: webui.ParseRefresh("5s").Every, Data: &page,
	})
}
