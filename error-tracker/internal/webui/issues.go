package webui

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/auth"
	"github.com/monlight/monlight/shared/webui"
)

// listPage is the data of issues.html.
type listPage struct {
	Filter   filter
	FirstRun bool
	Endpoint string // for the first report
	Rows     []issueRow
	Pager    webui.Pager
	Total    int64
	Stored   int64 // issues of any kind; only counted when the list is empty
	Narrowed bool  // a filter other than the state is set

	Projects     []string
	Environments []string
	Sorts        []webui.Field
	States       []link
	Stats        []link
	Clear        string // the list without filters
	ClearSession string
	AllStates    string // the same filters, any state
	Views        []viewLink
	ViewsURL     string // where views are saved and changed; "" while there is nothing to save
}

// link is a choice that is an address.
type link struct {
	Label   string
	URL     string
	Current bool
}

// issueRow is a row of a list of issues.
type issueRow struct {
	ID        int64
	URL       string
	Type      string
	Message   string
	Where     string
	Badges    []webui.Badge
	Spark     webui.Spark
	Events    string
	Users     string
	FirstSeen time.Time
	LastSeen  time.Time
	FirstIs   tracker.Bound
	LastIs    tracker.Bound
	Resolved  bool
}

var listKeys = []webui.Key{
	{Keys: "j", Does: "next issue"}, {Keys: "k", Does: "previous issue"}, {Keys: "Enter", Does: "open the issue"},
	{Keys: "x", Does: "select the issue", Changes: true}, {Keys: "e", Does: "resolve the issue or the selected ones", Changes: true},
	{Keys: "m", Does: "mute the issue or the selected ones", Changes: true}, {Keys: "/", Does: "search"},
}

func (p *Pages) issues(w http.ResponseWriter, r *http.Request) error {
	ctx, now := r.Context(), p.opts.Now()
	d := listPage{Filter: readFilter(r.URL.Query(), now), Sorts: sorts}
	begin, err := p.views(ctx, &d, r.URL.RawQuery == "" && r.Header.Get("X-Fragment") == "")
	if err != nil {
		return err
	}
	if begin != "" {
		w.Header().Set("Cache-Control", "no-store")
		http.Redirect(w, r, begin, http.StatusSeeOther)
		return nil
	}
	f := d.Filter
	page, err := p.opts.Tracker.Issues(ctx, f.query())
	if err != nil {
		return err
	}
	d.Total, d.Narrowed = page.Total, f.narrowed()
	if page.Total == 0 {
		t, err := p.opts.Tracker.Totals(ctx)
		if err != nil {
			return err
		}
		d.Stored = t.Issues
		if t.Issues == 0 {
			d.FirstRun, d.Endpoint = true, p.PublicURL(r)+"/api/errors"
		}
	}
	if d.Rows, err = p.rows(r, f, page.Issues, now); err != nil {
		return err
	}
	if d.Projects, err = p.opts.Tracker.Projects(ctx); err != nil {
		return err
	}
	if d.Environments, err = p.opts.Tracker.Environments(ctx, f.Project); err != nil {
		return err
	}
	// A name in an old bookmark stays in its box, so that one sees why nothing is found.
	d.Projects, d.Environments = choices(d.Projects, f.Project), choices(d.Environments, f.Environment)
	p.links(&d, page)

	title, assets := "Issues", []string{"list-all.css", "list-all.js"}
	if d.FirstRun {
		assets = append(assets, "detail.css", "first.css", "detail.js")
	}
	if f.Project != "" {
		title += " of " + webui.Line(f.Project, 60)
	}
	keys := listKeys
	if auth.ReadOnly(r) && len(d.Views) == 0 {
		d.ViewsURL = ""
	}
	if d.ViewsURL != "" {
		does := "save the filter as a view, or change views"
		if auth.ReadOnly(r) {
			does = "saved views"
		}
		keys = append(slices.Clip(keys), webui.Key{Keys: "v", Does: does})
	}
	return p.ui.Render(w, r, http.StatusOK, webui.Page{
		Name: "issues", Title: title, Section: "/", Assets: assets, Refresh: f.Refresh.Every, Keys: keys, Window: windowOf(f), Data: d,
	})
}

func (p *Pages) rows(r *http.Request, f filter, issues []tracker.Issue, now time.Time) ([]issueRow, error) {
	if len(issues) == 0 {
		return nil, nil
	}
	ids := make([]int64, len(issues))
	for i := range issues {
		ids[i] = issues[i].ID
	}
	t := trendOf(f.Stats, now)
	counts, err := p.opts.Tracker.Counts(r.Context(), ids, tracker.Scope{Environment: f.Environment, Filter: f.Query}, t.start, t.step, t.n)
	if err != nil {
		return nil, err
	}
	rows := make([]issueRow, len(issues))
	for i := range issues {
		rows[i] = p.row(&issues[i], now)
		rows[i].Spark = webui.Sparkline(t.fill(counts[issues[i].ID]), "events", t.unit)
	}
	return rows, p.markRows(r.Context(), rows, issues, f, t)
}

// row is an issue as a list shows it. Everything in it is cut: a message may be
// as long as a body.
func (p *Pages) row(i *tracker.Issue, now time.Time) issueRow {
	where := make([]string, 0, 3)
	for _, s := range []string{i.Culprit, i.Project, i.Environment} {
		if s != "" {
			where = append(where, webui.Line(s, 90))
		}
	}
	row := issueRow{
		ID: i.ID, URL: p.issueURL(i.ID),
		Type: webui.Line(i.Type, 120), Message: webui.Line(i.Message, 200), Where: strings.Join(where, " · "),
		Badges: badges(i, now, true),
		Events: i.CountIs.String() + webui.Short(i.Count), Users: i.UsersIs.String() + people(i.Users, webui.Short),
		FirstSeen: i.FirstSeen, LastSeen: i.LastSeen, FirstIs: i.FirstIs, LastIs: i.LastIs, Resolved: i.Resolved,
	}
	if row.Type == "" {
		row.Type = "Error"
	}
	return row
}

func (p *Pages) links(d *listPage, page tracker.IssuePage) {
	f := d.Filter
	for _, s := range states {
		g := f
		g.State = s.Value
		d.States = append(d.States, link{s.Label, p.listURL(g), s.Value == f.State})
	}
	for _, s := range []string{"", "14d"} {
		g := f
		g.Stats = s
		label := "24 h"
		if s != "" {
			label = "14 d"
		}
		d.Stats = append(d.Stats, link{label, p.pageURL(g, f.Offset, f.query().After), s == f.Stats})
	}
	g := f
	g.Session = ""
	d.ClearSession = p.listURL(g)
	g = f
	g.State = "all"
	d.AllStates = p.listURL(g)
	d.Clear = p.listURL(filter{State: f.State, Sort: f.Sort, Stats: f.Stats, Refresh: f.Refresh, Explicit: f.Explicit})

	n := len(page.Issues)
	if n == 0 {
		if f.Offset > 0 {
			d.Pager.Prev = p.pageURL(f, max(0, f.Offset-tracker.DefaultPage), tracker.Cursor{})
		}
		return
	}
	d.Pager = webui.Pager{First: int64(f.Offset) + 1, Last: int64(f.Offset + n), Total: page.Total}
	// Issues that changed meanwhile have moved; never claim more than there are.
	d.Pager.Last = min(d.Pager.Last, page.Total)
	d.Pager.First = max(1, min(d.Pager.First, d.Pager.Last-int64(n)+1))
	if page.More {
		d.Pager.Next = p.pageURL(f, f.Offset+n, page.Next(f.query().Sort))
	}
	if f.Offset > 0 {
		d.Pager.Prev = p.pageURL(f, max(0, f.Offset-tracker.DefaultPage), tracker.Cursor{})
	}
}

// choices are names for a box, with the current one among them even when it no
// longer exists. Names too long to be one are left out.
func choices(names []string, current string) []string {
	out := make([]string, 0, len(names)+1)
	if current != "" && !slices.Contains(names, current) {
		out = append(out, current)
	}
	for _, n := range names {
		if len(n) <= maxNameBytes {
			out = append(out, n)
		}
	}
	return out
}

func (p *Pages) issueURL(id int64) string { return p.ui.Path("/errors/" + itoa(id)) }

// PublicURL is the address of the service as clients reach it, without a slash
// at its end: the one it was told, else that of the request.
func (p *Pages) PublicURL(r *http.Request) string {
	if p.opts.BaseURL != nil {
		return strings.TrimRight(p.opts.BaseURL.String(), "/")
	}
	scheme := "http"
	if r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		scheme = "https"
	}
	return scheme + "://" + webui.Line(r.Host, 255) + p.ui.Path("")
}
