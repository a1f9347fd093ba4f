package webui

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/webui"
)

// viewLink is a saved view above the list.
type viewLink struct {
	Name    string
	URL     string
	Current bool // the list shows it
}

// viewsPage is the data of views.html.
type viewsPage struct {
	URL   string
	List  string // the list as it was
	Why   string // it could not be saved
	Views []viewRow
	Full  bool // there may be no more

	// New is the filter that can be saved; nil when nothing is narrowed.
	New     *newView
	MaxName int
}

// newView is a filter without a name.
type newView struct {
	Name    string // as it was sent
	Default bool
	Parts   []webui.Field // what it says, for people
	Fields  []webui.Field // the same for the form
	Replace int64         // the view that has the name already
}

// viewRow is a saved view on its page.
type viewRow struct {
	ID      int64
	URL     string
	Name    string
	Default bool
	Parts   []webui.Field
}

// filterOf is the list that a view asks for, shown as f shows its own.
func filterOf(v *tracker.View, f filter) filter {
	g := filter{
		Search: v.Search, Project: v.Project, Environment: v.Environment, Source: string(v.Source), Time: v.Time,
		State: states[0].Value, Sort: string(v.Sort), Stats: f.Stats, Refresh: f.Refresh, Explicit: f.Explicit,
	}
	for _, s := range states {
		if s.State == v.State {
			g.State = s.Value
		}
	}
	if v.Sort == tracker.ByLastSeen {
		g.Sort = ""
	}
	return g
}

// viewOf is the view that a filter asks for, without a name.
func viewOf(f filter) tracker.View {
	v := tracker.View{
		Search: f.Search, Project: f.Project, Environment: f.Environment, Source: tracker.Source(f.Source), Time: f.Time,
		State: states[0].State, Sort: tracker.Sort(f.Sort),
	}
	for _, s := range states {
		if s.Value == f.State {
			v.State = s.State
		}
	}
	if v.Sort == "" {
		v.Sort = tracker.ByLastSeen
	}
	return v
}

// sameList tells whether two views ask for the same.
func sameList(a, b tracker.View) bool {
	a.ID, a.Name, a.Default = b.ID, b.Name, b.Default
	return a == b
}

// savable tells whether a filter is worth a name.
func (f filter) savable() bool {
	return !sameList(viewOf(f), viewOf(filter{State: states[0].Value})) && f.SearchError == "" && f.TimeError == ""
}

// views adds the saved views to the list, or says where the reader is to go who
// asked for no list in particular: to the view that the list begins with.
func (p *Pages) views(ctx context.Context, d *listPage, bare bool) (begin string, err error) {
	all, err := p.opts.Tracker.Views(ctx)
	if err != nil {
		return "", err
	}
	for i := range all {
		d.Filter.Explicit = d.Filter.Explicit || all[i].Default
	}
	now := viewOf(d.Filter)
	for i := range all {
		v := viewLink{webui.Line(all[i].Name, tracker.MaxViewName), p.listURL(filterOf(&all[i], d.Filter)), sameList(all[i], now) && d.Filter.Session == ""}
		if all[i].Default && bare {
			return v.URL, nil
		}
		d.Views = append(d.Views, v)
	}
	if len(all) > 0 || d.Filter.savable() {
		d.ViewsURL = p.ui.Path("/views") + encode(d.Filter.values())
	}
	return "", nil
}

// viewParts says in words what a view asks for.
func viewParts(v *tracker.View) (parts []webui.Field) {
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, webui.Field{Name: name, Value: webui.Line(value, 200)})
		}
	}
	add("search", v.Search)
	add("project", v.Project)
	add("environment", v.Environment)
	add("source", string(v.Source))
	add("since", v.Time)
	for _, s := range states {
		if s.State == v.State {
			add("state", strings.ToLower(s.Label))
		}
	}
	for _, s := range sorts {
		if s.Name == string(v.Sort) || s.Name == "" && v.Sort == tracker.ByLastSeen {
			add("sort", strings.ToLower(s.Value))
		}
	}
	return parts
}

func (p *Pages) savedViews(w http.ResponseWriter, r *http.Request) error {
	return p.renderViews(w, r, http.StatusOK, readFilter(r.URL.Query(), p.opts.Now()), newView{}, "")
}

// renderViews shows the saved views, and a form for the filter f if it is worth a name.
func (p *Pages) renderViews(w http.ResponseWriter, r *http.Request, status int, f filter, n newView, why string) error {
	all, err := p.opts.Tracker.Views(r.Context())
	if err != nil {
		return err
	}
	d := viewsPage{URL: p.ui.Path("/views"), Why: webui.Line(why, 300), Full: len(all) >= tracker.MaxViews, MaxName: tracker.MaxViewName}
	for i := range all {
		f.Explicit = f.Explicit || all[i].Default
	}
	d.List = p.listURL(f)
	for i := range all {
		v := &all[i]
		d.Views = append(d.Views, viewRow{
			ID: v.ID, URL: p.listURL(filterOf(v, filter{Explicit: f.Explicit})), Name: webui.Line(v.Name, tracker.MaxViewName), Default: v.Default, Parts: viewParts(v),
		})
		if n.Name != "" && strings.EqualFold(n.Name, v.Name) {
			n.Replace = v.ID
		}
	}
	if f.savable() && (!d.Full || n.Replace != 0) {
		v := viewOf(f)
		n.Parts, n.Fields = viewParts(&v), fields(f.values())
		d.New = &n
	}
	return p.ui.Render(w, r, status, webui.Page{
		Name: "views", Title: "Saved views", Section: "/", Assets: []string{"list.css", "issue.css", "views.css"}, Data: d,
	})
}

// fields are the members of an address as hidden inputs.
func fields(v url.Values) (all []webui.Field) {
	for _, name := range slices.Sorted(maps.Keys(v)) {
		all = append(all, webui.Field{Name: name, Value: v.Get(name)})
	}
	return all
}

// saveView gives the filter that the form has a name. With replace it takes the
// place of the view with that number, which has the name.
func (p *Pages) saveView(w http.ResponseWriter, r *http.Request) error {
	form, err := form(w, r)
	if err != nil {
		return err
	}
	f := readFilter(form, p.opts.Now())
	if why := f.SearchError + f.TimeError; why != "" {
		return errs.New(errs.Invalid, "%s", why)
	}
	v := viewOf(f)
	v.Name, v.Default = strings.TrimSpace(form.Get("name")), form.Get("default") != ""
	if replace := form.Get("replace"); replace != "" {
		id, mistake := strconv.ParseInt(replace, 10, 64)
		if mistake != nil {
			return errs.New(errs.Invalid, "replace = %q, want the number of a view", webui.Line(replace, 30))
		}
		_, err = p.opts.Tracker.ChangeView(r.Context(), id, func(old *tracker.View) error {
			v.Default = v.Default || old.Default
			*old = v
			return nil
		})
	} else {
		_, err = p.opts.Tracker.AddView(r.Context(), v)
	}
	if err != nil {
		return p.refusedView(w, r, f, newView{Name: v.Name, Default: v.Default}, err)
	}
	p.ui.Flash(w, webui.Flash{Text: "The view “" + webui.Line(v.Name, tracker.MaxViewName) + "” is saved."})
	f.Explicit = true
	http.Redirect(w, r, p.listURL(f), http.StatusSeeOther)
	return nil
}

// refusedView shows the page with what was sent, and why it was not saved.
func (p *Pages) refusedView(w http.ResponseWriter, r *http.Request, f filter, n newView, err error) error {
	switch errs.KindOf(err) {
	case errs.Invalid:
		return p.renderViews(w, r, http.StatusUnprocessableEntity, f, n, err.Error())
	case errs.Conflict:
		return p.renderViews(w, r, http.StatusConflict, f, n, err.Error())
	default:
		return err
	}
}

// changeView renames a view, makes it the one that the list begins with, ends
// that, or deletes it.
func (p *Pages) changeView(w http.ResponseWriter, r *http.Request) error {
	id, err := pathNumber(r, "id", "view")
	if err != nil {
		return err
	}
	f, err := form(w, r)
	if err != nil {
		return err
	}
	var flash webui.Flash
	var before tracker.View
	change := func(edit func(v *tracker.View)) error {
		_, err := p.opts.Tracker.ChangeView(r.Context(), id, func(v *tracker.View) error {
			before = *v
			edit(v)
			return nil
		})
		return err
	}
	switch action := f.Get("action"); action {
	case "rename":
		name := strings.TrimSpace(f.Get("name"))
		err = change(func(v *tracker.View) { v.Name = name })
		flash.Text = "The view is called “" + webui.Line(name, tracker.MaxViewName) + "” now."
	case "default", "plain":
		err = change(func(v *tracker.View) { v.Default = action == "default" })
		flash.Text = "The list begins with “" + webui.Line(before.Name, tracker.MaxViewName) + "”."
		if action == "plain" {
			flash.Text = "The list begins with all open issues."
		}
	case "delete":
		// What it was has to be known to take this back.
		if err = change(func(*tracker.View) {}); err == nil {
			err = p.opts.Tracker.DeleteView(r.Context(), id)
		}
		flash.Text = "The view “" + webui.Line(before.Name, tracker.MaxViewName) + "” is deleted."
		undo := fields(filterOf(&before, filter{}).values())
		undo = append(undo, webui.Field{Name: "name", Value: before.Name})
		if before.Default {
			undo = append(undo, webui.Field{Name: "default", Value: "1"})
		}
		flash.Undo = &webui.Undo{Label: "Undo", Action: p.ui.Path("/views"), Fields: undo}
	default:
		return errs.New(errs.Invalid, "action = %q, want rename, default, plain or delete", webui.Line(action, 30))
	}
	if err != nil {
		return p.refusedView(w, r, filter{State: states[0].Value}, newView{}, err)
	}
	p.ui.Flash(w, flash)
	http.Redirect(w, r, p.ui.Path("/views"), http.StatusSeeOther)
	return nil
}
