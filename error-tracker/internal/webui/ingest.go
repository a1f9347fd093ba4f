package webui

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/webui"
)

// ingestPage is the data of ingest.html.
type ingestPage struct {
	Project  int64 // 0: all
	Window   string
	Windows  []link
	Projects []projectRow
	Since    time.Time
	Cards    []ingestCard
	Empty    bool
	Accepted webui.Bars
	Dropped  webui.Bars
	NotKept  []ingestRow // by reason
	Lost     []ingestRow
	SDKs     []webui.Portion
	Clocks   []webui.Portion
	Settings string // page of the filters
}

type ingestCard struct {
	Title, Note, Tone string
	N                 int64
}

type ingestRow struct {
	Badge webui.Badge
	What  string
	Help  string
	N     int64
}

func (p *Pages) ingestURL(project int64, w tracker.IngestWindow) string {
	v := url.Values{"window": {string(w)}}
	if project > 0 {
		v.Set("project", itoa(project))
	}
	return p.ui.Path("/ingest?" + v.Encode())
}

func (p *Pages) ingest(w http.ResponseWriter, r *http.Request) error {
	v := r.URL.Query()
	window := tracker.IngestWindow(v.Get("window"))
	if window == "" {
		window = tracker.LastDay
	}
	var project int64
	if text := v.Get("project"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n <= 0 {
			return errs.New(errs.Invalid, "project = %q, want the number of a project", webui.Line(text, 30))
		}
		project = n
	}
	h, err := p.opts.Tracker.IngestHealth(r.Context(), project, window)
	if err != nil {
		return err
	}
	all, err := p.opts.Tracker.ProjectList(r.Context())
	if err != nil {
		return err
	}
	d := ingestPage{Project: project, Window: string(window), Since: h.Since}
	for _, c := range []struct {
		window tracker.IngestWindow
		label  string
	}{{tracker.LastHour, "Hour"}, {tracker.LastDay, "24 hours"}, {tracker.LastWeek, "7 days"}} {
		d.Windows = append(d.Windows, link{Label: c.label, URL: p.ingestURL(project, c.window), Current: c.window == window})
	}
	for i := range all {
		d.Projects = append(d.Projects, projectRow{ID: all[i].ID, URL: p.projectURL(all[i].ID), Name: projectName(all[i].Name)})
	}
	if project > 0 {
		d.Settings = p.projectURL(project) + "/settings#filters"
	}
	d.fill(h)
	return p.ui.Render(w, r, http.StatusOK, webui.Page{
		Name: "ingest", Title: "Ingest", Section: "/projects", Assets: []string{"detail.css", "issue.css", "ingest.css", "detail.js"}, Data: d,
	})
}

// fill shows the counters.
func (d *ingestPage) fill(h *tracker.IngestHealth) {
	warn := func(n int64) string {
		if n > 0 {
			return "amber"
		}
		return ""
	}
	accepted, lost, failed := h.Total(tracker.Accepted), h.Total(tracker.Lost), h.Total(tracker.Refused)+h.Total(tracker.Failed)
	limited := h.Total(tracker.Limited)
	d.Cards = []ingestCard{
		{"Accepted", "events, on disk before the answer", "", accepted},
		{"Filtered", "not wanted by the project", "", h.Total(tracker.Filtered)},
		{"Limited", "more than a key may send", warn(limited), limited},
		{"Refused", "wrong, too large, or no room for it", warn(failed), failed},
		{"Lost by clients", "as the SDKs say themselves", warn(lost), lost},
	}
	d.Empty = len(h.Counts) == 0
	stored, dropped := make([]int64, len(h.Hours)), make([]int64, len(h.Hours))
	for i, hour := range h.Hours {
		stored[i], dropped[i] = hour.Accepted, hour.NotStored
	}
	d.Accepted = webui.NewBars("Accepted", "events", h.Since, time.Hour, stored)
	d.Dropped = webui.NewBars("Filtered, limited or refused", "events", h.Since, time.Hour, dropped)
	var sdks, clocks []tracker.Share
	for _, c := range h.Counts {
		row := ingestRow{What: webui.Line(c.What, 120), N: c.Count}
		switch c.Kind {
		case tracker.Filtered:
			row.Badge, row.Help = webui.NewBadge("blue", "", "Filtered", ""), "a filter of the project fits"
		case tracker.Limited:
			row.Badge, row.Help = webui.NewBadge("amber", "alert", "Limited", ""), "answered 429"
		case tracker.Refused:
			row.Badge, row.Help = webui.NewBadge("red", "alert", "Refused", ""), refusals[c.What]
		case tracker.Failed:
			row.Badge, row.Help = webui.NewBadge("red", "alert", "Failed", ""), "the event was right and could not be stored; answered 503"
		case tracker.Repeated:
			row.Badge, row.Help = webui.NewBadge("", "", "Repeated", ""), "an event ID that came before; it counts once"
		case tracker.Ignored:
			row.Badge, row.Help = webui.NewBadge("", "", "Not kept", ""), "of a kind that is not stored; SDKs are told not to send it"
		case tracker.Lost:
			d.Lost = append(d.Lost, row)
			continue
		case tracker.Sender:
			sdks = append(sdks, tracker.Share{Value: c.What, Count: c.Count})
			continue
		case tracker.Skewed:
			clocks = append(clocks, tracker.Share{Value: c.What, Count: c.Count})
			continue
		case tracker.Accepted:
			continue
		}
		d.NotKept = append(d.NotKept, row)
	}
	d.SDKs, d.Clocks = everyShare(sdks), everyShare(clocks)
}

// refusals says what the reasons mean.
var refusals = map[string]string{
	"unknown key":            "no project has the key of the DSN; answered 403",
	"key of another project": "the key and the number in the address do not belong together; answered 403",
	"key is off":             "the key is switched off; answered 403",
	"origin":                 "the page's origin may not use the key; answered 403",
	"too large":              "answered 413",
	"malformed":              "not what the door takes; answered 400",
	"too slow":               "the body did not arrive in time; answered 408",
	"no room":                "too much at once, or the disk is full; answered 503",
}

// everyShare is portions for a list that is short enough to be shown whole.
func everyShare(shares []tracker.Share) []webui.Portion {
	labels, counts := make([]string, len(shares)), make([]int64, len(shares))
	for i, s := range shares {
		labels[i], counts[i] = webui.Line(s.Value, 100), s.Count
	}
	return webui.Portions(labels, counts, 0)
}
