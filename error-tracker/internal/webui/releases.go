package webui

import (
	"net/http"
	"strconv"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/search"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/webui"
)

// Limits of the pages of releases.
const (
	shownReleases      = 200
	shownReleaseIssues = 10
)

// releasesPage is the data of releases.html.
type releasesPage struct {
	Project  int64
	Projects []projectRow
	Name     string // of the project
	Rows     []releaseRow
	Older    int // releases that are not shown
	Endpoint string
}

// releaseRow is a release as a list shows it.
type releaseRow struct {
	URL       string
	Name      string
	Seen      time.Time
	LastEvent time.Time
	Events    int64
	New       int64
	NewURL    string
	Regressed int64
	BackURL   string
	CrashFree string // "99.2 %", "" when no session is known
	Bad       bool   // many sessions crash
	Sessions  int64
	Adoption  string
	Deploys   []deployRow
}

type deployRow struct {
	Environment string
	Name        string
	URL         string
	At          time.Time
}

func (p *Pages) releaseURL(id int64) string { return p.ui.Path("/releases/" + itoa(id)) }

// percent is a part of 1 in words; what is not all is never shown as all.
func percent(part float64) string {
	n := part * 100
	if n > 99.9 && n < 100 {
		n = 99.9
	}
	return strconv.FormatFloat(n, 'f', 1, 64) + " %"
}

// badCrashRate is the part of crash-free sessions below which a release is marked.
const badCrashRate = 0.99

// found is the list of the issues that a search finds in a project.
func (p *Pages) found(project, name, release string) string {
	return p.listURL(filter{State: "all", Project: project, Search: search.Query{Terms: []search.Term{{
		Kind: search.Tag, Name: name, Value: search.Pattern{Text: release},
	}}}.String()})
}

func (p *Pages) releaseRow(r *tracker.Release) releaseRow {
	row := releaseRow{
		URL: p.releaseURL(r.ID), Name: webui.Line(r.Name, 100), Seen: r.Seen, LastEvent: r.LastEvent, Events: r.Events, New: r.New, Regressed: r.Regressed,
		NewURL: p.found(r.Project, "first_release", r.Name), BackURL: p.found(r.Project, "regressed_release", r.Name), Sessions: r.Sessions.Total,
	}
	if part, ok := r.Sessions.CrashFree(); ok {
		row.CrashFree, row.Bad = percent(part), part < badCrashRate
	}
	if r.Adoption >= 0 {
		row.Adoption = percent(r.Adoption)
	}
	for i := range r.Deploys {
		d := &r.Deploys[i]
		row.Deploys = append(row.Deploys, deployRow{webui.Line(d.Environment, 60), webui.Line(d.Name, 100), d.URL, d.At})
	}
	return row
}

// releases is the list of the releases of a project: the one that is asked for,
// else the first one that has events.
func (p *Pages) releases(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	all, err := p.opts.Tracker.ProjectList(ctx)
	if err != nil {
		return err
	}
	d := releasesPage{Endpoint: p.PublicURL(r) + "/api/deploys"}
	if text := r.URL.Query().Get("project"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n <= 0 {
			return errs.New(errs.NotFound, "there is no such project")
		}
		d.Project = n
	}
	for i := range all {
		if d.Project == 0 && all[i].Issues > 0 {
			d.Project = all[i].ID
		}
		d.Projects = append(d.Projects, projectRow{ID: all[i].ID, Name: projectName(all[i].Name)})
	}
	if d.Project == 0 && len(all) > 0 {
		d.Project = all[0].ID
	}
	if d.Project != 0 {
		t, err := p.opts.Tracker.Project(ctx, d.Project)
		if err != nil {
			return err
		}
		d.Name = projectName(t.Name)
		list, err := p.opts.Tracker.ReleaseList(ctx, d.Project)
		if err != nil {
			return err
		}
		d.Older = max(0, len(list)-shownReleases)
		for i := range list[:len(list)-d.Older] {
			d.Rows = append(d.Rows, p.releaseRow(&list[i]))
		}
	}
	return p.ui.Render(w, r, http.StatusOK, webui.Page{Name: "releases", Title: "Releases", Section: "/releases", Assets: []string{"list.css", "release.css"}, Data: d})
}

// releasePage is the data of release.html.
type releasePage struct {
	releaseRow
	List     string // the releases of the project
	Project  string
	Issues   int64
	AllURL   string
	Crashed  int64
	Trend    webui.Bars
	Stats    []link
	NewRows  []issueRow
	BackRows []issueRow
}

func (p *Pages) release(w http.ResponseWriter, r *http.Request) error {
	ctx, now := r.Context(), p.opts.Now()
	id, err := pathNumber(r, "id", "release")
	if err != nil {
		return err
	}
	v, err := p.opts.Tracker.ReleaseOf(ctx, id)
	if err != nil {
		return err
	}
	d := releasePage{
		releaseRow: p.releaseRow(&v), List: p.ui.Path("/releases?project=" + itoa(v.ProjectID)), Project: projectName(v.Project), Issues: v.Issues,
		AllURL: p.found(v.Project, "release", v.Name), Crashed: v.Sessions.Crashed,
	}
	stats := r.URL.Query().Get("stats")
	t := trendOf(stats, now)
	counts, err := p.opts.Tracker.ReleaseCounts(ctx, id, t.start, t.step, t.n)
	if err != nil {
		return err
	}
	d.Trend = webui.NewBars(t.label, "events", t.start, t.step, t.fill(counts))
	if err := p.mark(ctx, &d.Trend, v.Project, t.start); err != nil {
		return err
	}
	d.Stats = []link{{"24 h", d.URL, stats != "14d"}, {"14 d", d.URL + "?stats=14d", stats == "14d"}}
	if d.NewRows, err = p.releaseIssues(r, &v, "first_release", now); err != nil {
		return err
	}
	if d.BackRows, err = p.releaseIssues(r, &v, "regressed_release", now); err != nil {
		return err
	}
	return p.ui.Render(w, r, http.StatusOK, webui.Page{
		Name: "release", Title: d.Name + " of " + d.Project, Section: "/releases", Assets: []string{"detail.css", "issue.css", "release.css", "detail.js"}, Data: d,
	})
}

// releaseIssues are some issues of which a field names the release.
func (p *Pages) releaseIssues(r *http.Request, v *tracker.Release, field string, now time.Time) ([]issueRow, error) {
	page, err := p.opts.Tracker.Issues(r.Context(), tracker.IssueQuery{
		Project: v.Project, State: tracker.AnyState, Sort: tracker.ByCount, Limit: shownReleaseIssues,
		Filter: search.Query{Terms: []search.Term{{Kind: search.Issue, Name: field, Value: search.Pattern{Text: v.Name}}}},
	})
	if err != nil {
		return nil, err
	}
	rows := make([]issueRow, len(page.Issues))
	for i := range page.Issues {
		rows[i] = p.row(&page.Issues[i], now)
	}
	return rows, nil
}
