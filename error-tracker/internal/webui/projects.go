package webui

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/auth"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/origin"
	"github.com/monlight/monlight/shared/problem"
	"github.com/monlight/monlight/shared/webui"
)

// projectsPage is the data of projects.html.
type projectsPage struct {
	Rows []projectRow
	Name string // that a new one was to have, when it could not be made
	Why  string // it could not be made
}

type projectRow struct {
	ID     int64
	URL    string
	Name   string
	Issues int64
	List   string // its issues
	Keys   int64
	Used   time.Time // zero: never
}

func (p *Pages) projects(w http.ResponseWriter, r *http.Request) error {
	return p.projectList(w, r, http.StatusOK, projectsPage{})
}

func (p *Pages) projectList(w http.ResponseWriter, r *http.Request, status int, d projectsPage) error {
	all, err := p.opts.Tracker.ProjectList(r.Context())
	if err != nil {
		return err
	}
	for i := range all {
		t := &all[i]
		row := projectRow{
			ID: t.ID, URL: p.projectURL(t.ID), Name: projectName(t.Name), Issues: t.Issues,
			List: p.listURL(filter{State: states[0].Value, Project: t.Name}), Keys: int64(len(t.Keys)),
		}
		for k := range t.Keys {
			if t.Keys[k].UsedAt.After(row.Used) {
				row.Used = t.Keys[k].UsedAt
			}
		}
		d.Rows = append(d.Rows, row)
	}
	return p.ui.Render(w, r, status, webui.Page{Name: "projects", Title: "Projects", Section: "/projects", Assets: []string{"list.css", "project.css"}, Data: d})
}

// projectName is a name to show; reports may come without any.
func projectName(name string) string {
	if name == "" {
		return "(no name)"
	}
	return webui.Line(name, tracker.MaxProject)
}

func (p *Pages) projectURL(id int64) string { return p.ui.Path("/projects/" + itoa(id)) }

func (p *Pages) createProject(w http.ResponseWriter, r *http.Request) error {
	f, err := form(w, r)
	if err != nil {
		return err
	}
	t, err := p.opts.Tracker.CreateProject(r.Context(), f.Get("name"))
	if k := errs.KindOf(err); err != nil && (k == errs.Invalid || k == errs.Conflict) {
		return p.projectList(w, r, http.StatusUnprocessableEntity, projectsPage{Name: webui.Line(f.Get("name"), 200), Why: webui.Line(err.Error(), 300)})
	}
	if err != nil {
		return err
	}
	p.ui.Flash(w, webui.Flash{Text: "Project " + projectName(t.Name) + " is ready. Put its DSN into your program."})
	http.Redirect(w, r, p.projectURL(t.ID), http.StatusSeeOther)
	return nil
}

// projectPage is the data of project.html.
type projectPage struct {
	ID       int64
	URL      string
	Name     string
	Issues   int64
	List     string
	Ingest   string
	Keys     []keyView
	MoreKeys bool // there may be more
	DSN      string
	Host     string // of the DSN, for the policy of a page
}

type keyView struct {
	ID      int64
	URL     string
	DSN     string
	Label   string
	Origins string
	Rate    string
	Active  bool
	Created time.Time
	Used    time.Time // to the hour
	Recent  bool      // used in this hour or the one before
}

// pathProject is the project that the path names.
func (p *Pages) pathProject(r *http.Request) (tracker.Project, error) {
	id, err := pathNumber(r, "id", "project")
	if err != nil {
		return tracker.Project{}, err
	}
	return p.opts.Tracker.Project(r.Context(), id)
}

func (p *Pages) project(w http.ResponseWriter, r *http.Request) error {
	t, err := p.pathProject(r)
	if err != nil {
		return err
	}
	base := p.PublicURL(r)
	d := projectPage{
		ID: t.ID, URL: p.projectURL(t.ID), Name: projectName(t.Name), Issues: t.Issues,
		List: p.listURL(filter{State: states[0].Value, Project: t.Name}), Ingest: p.ingestURL(t.ID, tracker.LastDay), MoreKeys: len(t.Keys) < tracker.MaxKeysPerProject, Host: base,
	}
	for i := range t.Keys {
		k := &t.Keys[i]
		v := keyView{
			ID: k.ID, URL: d.URL + "/keys/" + itoa(k.ID), DSN: k.DSN(base), Label: webui.Line(k.Label, tracker.MaxKeyLabel),
			Origins: strings.Join(k.Origins, "\n"), Active: k.Active, Created: k.CreatedAt, Used: k.UsedAt, Recent: p.opts.Now().Sub(k.UsedAt) < 2*time.Hour,
		}
		if auth.ReadOnly(r) { // events could be sent with it
			v.DSN = ""
		}
		if k.Rate > 0 {
			v.Rate = itoa(int64(k.Rate))
		}
		if v.Label == "" {
			v.Label = "Key " + itoa(k.ID)
		}
		if k.Active && d.DSN == "" {
			d.DSN = v.DSN
		}
		d.Keys = append(d.Keys, v)
	}
	return p.ui.Render(w, r, http.StatusOK, webui.Page{
		Name: "project", Title: "Project " + d.Name, Section: "/projects", Assets: []string{"detail.css", "form.css", "issue.css", "project.css", "detail.js"}, Data: d,
	})
}

// backToProject redirects to a part of the page of a project, "" or "/alerts".
func (p *Pages) backToProject(part string) problem.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		id, err := pathNumber(r, "id", "project")
		if err != nil {
			return err
		}
		http.Redirect(w, r, p.projectURL(id)+part, http.StatusSeeOther)
		return nil
	}
}

func (p *Pages) createKey(w http.ResponseWriter, r *http.Request) error {
	id, err := pathNumber(r, "id", "project")
	if err != nil {
		return err
	}
	f, err := form(w, r)
	if err != nil {
		return err
	}
	if _, err := p.opts.Tracker.CreateKey(r.Context(), tracker.ProjectKey{ProjectID: id, Label: strings.TrimSpace(f.Get("label")), Active: true}); err != nil {
		return err
	}
	p.ui.Flash(w, webui.Flash{Text: "The new key works at once."})
	http.Redirect(w, r, p.projectURL(id), http.StatusSeeOther)
	return nil
}

// changeKey stores what a key's form says, or with the action "disable" or
// "enable" that alone.
func (p *Pages) changeKey(w http.ResponseWriter, r *http.Request) error {
	project, err := pathNumber(r, "id", "project")
	if err != nil {
		return err
	}
	id, err := pathNumber(r, "key", "key")
	if err != nil {
		return err
	}
	f, err := form(w, r)
	if err != nil {
		return err
	}
	action := f.Get("action")
	_, err = p.opts.Tracker.ChangeKey(r.Context(), project, id, func(k *tracker.ProjectKey) error {
		if action == "disable" || action == "enable" {
			k.Active = action == "enable"
			return nil
		}
		k.Label, k.Origins, k.Rate = strings.TrimSpace(f.Get("label")), origin.Parse(f.Get("origins")), 0
		if rate := strings.TrimSpace(f.Get("rate")); rate != "" {
			if k.Rate, err = strconv.Atoi(rate); err != nil {
				return errs.New(errs.Invalid, "rate = %q, want a whole number of events per minute", webui.Line(rate, 30))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	flash := webui.Flash{Text: "Saved."}
	if action == "disable" {
		flash.Text = "The key is off: programs that use it are answered with 403."
		flash.Undo = &webui.Undo{Label: "Undo", Action: p.projectURL(project) + "/keys/" + itoa(id), Fields: []webui.Field{{Name: "action", Value: "enable"}}}
	}
	p.ui.Flash(w, flash)
	http.Redirect(w, r, p.projectURL(project), http.StatusSeeOther)
	return nil
}

// pathNumber reads the number of a thing from the path.
func pathNumber(r *http.Request, name, what string) (int64, error) {
	id, err := strconv.ParseInt(chi.URLParam(r, name), 10, 64)
	if err != nil || id <= 0 {
		return 0, errs.New(errs.NotFound, "there is no %s %s", what, webui.Line(chi.URLParam(r, name), 30))
	}
	return id, nil
}
