package webui

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/webui"
)

type dashboardsPage struct {
	Dashboards []metrics.Dashboard
}

func (p *Pages) dashboards(w http.ResponseWriter, r *http.Request) error {
	list, err := p.opts.Dashboards.Dashboards(r.Context())
	if err != nil {
		return err
	}
	return p.ui.Render(w, r, http.StatusOK, webui.Page{Name: "dashboards", Title: "Dashboards", Section: "/dashboards", Assets: []string{"form.css", "metrics.css"},
		Data: dashboardsPage{list}})
}

type dashboardPage struct {
	selection
	metrics.Dashboard
	Panels []panelView
}

type panelView struct {
	Index int
	Title string
	Chart *Chart
	Err   string
	Link  string
}

func (p *Pages) dashboard(w http.ResponseWriter, r *http.Request) error {
	sel, _, err := p.selectionOf(r)
	if err != nil {
		return err
	}
	d, err := p.opts.Dashboards.Dashboard(r.Context(), chi.URLParam(r, "slug"))
	if err != nil {
		return err
	}
	page := dashboardPage{selection: sel, Dashboard: d}
	for i, panel := range d.Panels {
		q := question{Metric: panel.Metric, Agg: panel.Agg, By: panel.By, Match: panel.Match, Project: panel.Project}
		if q.Project == "" {
			q.Project = sel.Project
		}
		asked := []string{"metric", q.Metric, "agg", q.Agg, "by", strings.Join(q.By, ","), "match", q.Match, "project", q.Project}
		view := panelView{Index: i, Title: panel.Title, Link: p.exploreLink(&sel, asked...)}
		if view.Title == "" {
			view.Title = strings.TrimSpace(panel.Metric + " " + panel.Agg)
		}
		chart, _, err := p.ask(r.Context(), q, &sel)
		switch {
		case err == nil:
			chart.Title = view.Title
			chart.CSV = with(p.ui.Path("/explore.csv"), sel.keep(), asked...)
			view.Chart = chart
		case errs.KindOf(err) == errs.Invalid:
			view.Err = message(err)
		default:
			return err
		}
		page.Panels = append(page.Panels, view)
	}
	if len(page.Panels) > 0 {
		p.mark(r.Context(), &page.selection)
	}
	return p.ui.Render(w, r, http.StatusOK, webui.Page{Name: "dashboard", Title: d.Title, Section: "/dashboards", Assets: chartAssets, Refresh: sel.Refresh.Every, Window: sel.window(), Data: page})
}

// exportDashboard is the dashboard as the JSON that the API takes back.
func (p *Pages) exportDashboard(w http.ResponseWriter, r *http.Request) error {
	d, err := p.opts.Dashboards.Dashboard(r.Context(), chi.URLParam(r, "slug"))
	if err != nil {
		return err
	}
	b, err := json.MarshalIndent(map[string]any{"slug": d.Slug, "title": d.Title, "panels": d.Panels}, "", "  ")
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", `attachment; filename="`+d.Slug+`.json"`)
	_, _ = w.Write(append(b, '\n')) // the client left: nothing to do about it
	return nil
}

// form reads a posted form of a moderate size.
func form(r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		if e, ok := errors.AsType[*errs.Error](err); ok {
			return e
		}
		return errs.Wrap(errs.Invalid, err, "the form is not readable")
	}
	return nil
}

// slugOf makes a slug of a title.
func slugOf(title string) string {
	var b strings.Builder
	for _, c := range strings.ToLower(title) {
		switch {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
			b.WriteRune(c)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	slug := b.String()
	return strings.Trim(slug[:min(len(slug), 60)], "-")
}

// createDashboard saves a new dashboard, or puts a panel on one.
func (p *Pages) createDashboard(w http.ResponseWriter, r *http.Request) error {
	if err := form(r); err != nil {
		return err
	}
	d := metrics.Dashboard{Slug: r.PostFormValue("slug")}
	switch {
	case d.Slug != "":
		var err error
		if d, err = p.opts.Dashboards.Dashboard(r.Context(), d.Slug); err != nil {
			return err
		}
	case r.PostFormValue("file") != "":
		if err := json.Unmarshal([]byte(r.PostFormValue("file")), &d); err != nil {
			return errs.Wrap(errs.Invalid, err, "the text is not the JSON of a dashboard")
		}
	default:
		d.Title = strings.TrimSpace(r.PostFormValue("title"))
		d.Slug = slugOf(d.Title)
		if _, err := p.opts.Dashboards.Dashboard(r.Context(), d.Slug); err == nil {
			return errs.New(errs.Conflict, "there is a dashboard %q already", d.Slug)
		}
	}
	if metric := r.PostFormValue("metric"); metric != "" {
		panel := metrics.Panel{Metric: metric, Agg: r.PostFormValue("agg"), Match: r.PostFormValue("match"), Project: r.PostFormValue("project"), Title: r.PostFormValue("panel")}
		for item := range strings.SplitSeq(r.PostFormValue("by"), ",") {
			if item = strings.TrimSpace(item); item != "" {
				panel.By = append(panel.By, item)
			}
		}
		d.Panels = append(d.Panels, panel)
	}
	return p.save(w, r, d, "Dashboard saved.")
}

func (p *Pages) save(w http.ResponseWriter, r *http.Request, d metrics.Dashboard, text string) error {
	d.Changed = p.opts.Now().UTC()
	if err := d.Validate(); err != nil {
		return err
	}
	if err := p.opts.Dashboards.SaveDashboard(r.Context(), d); err != nil {
		return err
	}
	p.ui.Flash(w, webui.Flash{Text: text})
	http.Redirect(w, r, p.ui.Path("/dashboards/"+d.Slug), http.StatusSeeOther)
	return nil
}

// changeDashboard deletes a dashboard, or moves or removes one of its panels.
func (p *Pages) changeDashboard(w http.ResponseWriter, r *http.Request) error {
	if err := form(r); err != nil {
		return err
	}
	slug := chi.URLParam(r, "slug")
	d, err := p.opts.Dashboards.Dashboard(r.Context(), slug)
	if err != nil {
		return err
	}
	switch action := r.PostFormValue("action"); action {
	case "delete":
		if r.PostFormValue("confirm") != "yes" {
			return p.ui.Render(w, r, http.StatusOK, webui.Page{Name: "delete", Title: "Delete a dashboard", Section: "/dashboards", Assets: plainAssets, Data: d})
		}
		if err := p.opts.Dashboards.DeleteDashboard(r.Context(), slug); err != nil {
			return err
		}
		p.ui.Flash(w, webui.Flash{Text: "Dashboard “" + d.Title + "” deleted."})
		http.Redirect(w, r, p.ui.Path("/dashboards"), http.StatusSeeOther)
		return nil
	case "rename":
		d.Title = strings.TrimSpace(r.PostFormValue("title"))
		return p.save(w, r, d, "Dashboard renamed.")
	case "remove", "up":
		i, err := strconv.Atoi(r.PostFormValue("panel"))
		if err != nil || i < 0 || i >= len(d.Panels) {
			return errs.New(errs.Invalid, "panel is %q, want 0 to %d", webui.Line(r.PostFormValue("panel"), 20), len(d.Panels)-1)
		}
		if action == "remove" {
			d.Panels = append(d.Panels[:i], d.Panels[i+1:]...)
			return p.save(w, r, d, "Panel removed.")
		}
		if i > 0 {
			d.Panels[i-1], d.Panels[i] = d.Panels[i], d.Panels[i-1]
		}
		return p.save(w, r, d, "Panel moved.")
	}
	return errs.New(errs.Invalid, "action is %q, want rename, up, remove or delete", webui.Line(r.PostFormValue("action"), 20))
}
