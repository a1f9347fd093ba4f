package webui

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/inbound"
	"github.com/monlight/monlight/error-tracker/internal/tracker/sourcelink"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/webui"
)

// settingsPage is the data of settings.html.
type settingsPage struct {
	ID     int64
	Since  int64 // the version that the page was made from
	URL    string
	Parent string
	Health string // page of the counters
	Name   string
	Why    string // it could not be saved
	Remove string // names, one to a line
	Keep   string
	Off    bool
	DropIP bool

	Localhost, Extensions, Crawlers bool
	Messages                        string // one to a line

	AutoResolve string // days; "" is never

	Template    string // of the editor's address
	Mappings    string // "from => to", one to a line
	MaxTemplate int
}

// typed are the fields of the form that are shown as they were sent.
type typed struct{ Days, Mappings string }

func (p *Pages) projectSettings(w http.ResponseWriter, r *http.Request) error {
	t, s, err := p.pathSettings(r)
	if err != nil {
		return err
	}
	days := ""
	if s.AutoResolve != 0 {
		days = strconv.Itoa(s.AutoResolve)
	}
	return p.renderSettings(w, r, http.StatusOK, &t, s, typed{days, sourcelink.FormatMappings(s.Editor.Mappings)}, "")
}

// renderSettings shows the form of s.
func (p *Pages) renderSettings(w http.ResponseWriter, r *http.Request, status int, t *tracker.Project, s *tracker.Settings, text typed, why string) error {
	d := settingsPage{
		ID: t.ID, Since: s.Version, Parent: p.projectURL(t.ID), Health: p.ingestURL(t.ID, tracker.LastDay), URL: p.projectURL(t.ID) + "/settings", Name: projectName(t.Name), Why: webui.Line(why, 300),
		Remove: strings.Join(s.Scrub.Remove, "\n"), Keep: strings.Join(s.Scrub.Keep, "\n"), Off: s.Scrub.Off, DropIP: s.Scrub.DropIP,
		Localhost: s.Filters.Localhost, Extensions: s.Filters.Extensions, Crawlers: s.Filters.Crawlers, Messages: strings.Join(s.Filters.Messages, "\n"),
		AutoResolve: webui.Line(text.Days, 30),
		Template:    webui.Line(s.Editor.Template, 2*sourcelink.MaxTemplate), Mappings: webui.Clip(text.Mappings, 32<<10), MaxTemplate: sourcelink.MaxTemplate,
	}
	return p.ui.Render(w, r, status, webui.Page{Name: "settings", Title: "Settings of " + d.Name, Section: "/projects", Assets: []string{"form.css", "issue.css", "project.css"}, Data: d})
}

func (p *Pages) changeSettings(w http.ResponseWriter, r *http.Request) error {
	id, err := pathNumber(r, "id", "project")
	if err != nil {
		return err
	}
	f, err := form(w, r)
	if err != nil {
		return err
	}
	since, err := madeFrom(f)
	if err != nil {
		return err
	}
	text := typed{strings.TrimSpace(f.Get("auto_resolve")), f.Get("mappings")}
	var now int64
	var sent tracker.Settings
	_, err = p.opts.Tracker.ChangeSettings(r.Context(), id, func(s *tracker.Settings) error {
		s.Scrub.Remove, s.Scrub.Keep = lines(f.Get("remove")), lines(f.Get("keep"))
		s.Scrub.Off, s.Scrub.DropIP = f.Get("scrub") == "off", f.Get("drop_ip") != ""
		s.Filters = inbound.Rules{
			Localhost: f.Get("localhost") != "", Extensions: f.Get("extensions") != "", Crawlers: f.Get("crawlers") != "", Messages: lines(f.Get("messages")),
		}
		s.AutoResolve = 0
		var mistake error
		if text.Days != "" {
			if s.AutoResolve, mistake = strconv.Atoi(text.Days); mistake != nil {
				mistake = errs.New(errs.Invalid, "auto_resolve = %q, want a whole number of days", webui.Line(text.Days, 30))
			}
		}
		s.Editor.Template = strings.TrimSpace(f.Get("template"))
		var unread error
		if s.Editor.Mappings, unread = sourcelink.ParseMappings(text.Mappings); unread != nil && mistake == nil {
			mistake = errs.New(errs.Invalid, "editor: %v", unread)
		}
		now, s.Version = s.Version, since
		sent = *s
		return mistake
	})
	if k := errs.KindOf(err); k == errs.Invalid || k == errs.Conflict {
		t, errProject := p.pathProject(r)
		if errProject != nil {
			return errProject
		}
		status, why := http.StatusUnprocessableEntity, err.Error()
		if k == errs.Conflict {
			// Who read the message may save over what the other one chose.
			status, why, sent.Version = http.StatusConflict, changedByOther, now
		}
		return p.renderSettings(w, r, status, &t, &sent, text, why)
	}
	if err != nil {
		return err
	}
	p.ui.Flash(w, webui.Flash{Text: "Saved. It holds for events from now on."})
	http.Redirect(w, r, p.projectURL(id)+"/settings", http.StatusSeeOther)
	return nil
}

// pathSettings is the project that the path names, with its settings.
func (p *Pages) pathSettings(r *http.Request) (tracker.Project, *tracker.Settings, error) {
	t, err := p.pathProject(r)
	if err != nil {
		return t, nil, err
	}
	s, err := p.opts.Tracker.Settings(r.Context(), t.Name)
	return t, s, err
}

// madeFrom is the version of the settings that a form was made from.
func madeFrom(f url.Values) (int64, error) {
	since, err := strconv.ParseInt(f.Get("version"), 10, 64)
	if err != nil {
		return 0, errs.New(errs.Invalid, "version = %q, want that of the settings which the form was made from", webui.Line(f.Get("version"), 30))
	}
	return since, nil
}

const changedByOther = "Somebody else saved settings of this project after this page was loaded, and theirs are in force; yours, below, are not saved. " +
	"Open the page again to see theirs, or save once more to put yours in their place."

// lines are the lines of a text field that are not empty.
func lines(text string) (all []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}
