package webui

import (
	"net/http"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/grouprules"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/webui"
)

// rulesPage is the data of rules.html.
type rulesPage struct {
	URL     string
	Parent  string
	Name    string
	Version int64 // of the settings that the page was made from
	Rules   string
	Why     string // they could not be tried or saved
	MaxText int
	Preview *previewView // nil: not asked for
}

type previewView struct {
	Events int64
	Moved  int64
	Rules  []tracker.PreviewRule
	Flows  []flowView
}

type flowView struct {
	Events   int64
	From, To issueLink
	New      int
	Stays    bool
	Line     int
}

// issueLink is an issue by what people know it by; without a URL it is not there
// yet.
type issueLink struct{ URL, Type, Message string }

func (p *Pages) issueLink(i *tracker.Issue) issueLink {
	l := issueLink{Type: webui.Line(i.Type, 80), Message: webui.Line(i.Message, 100)}
	if i.ID > 0 {
		l.URL = p.issueURL(i.ID)
	}
	if l.Type == "" && l.Message == "" {
		l.Type = "#" + itoa(i.ID)
	}
	return l
}

func (p *Pages) rules(w http.ResponseWriter, r *http.Request) error {
	t, s, err := p.pathSettings(r)
	if err != nil {
		return err
	}
	return p.renderRules(w, r, http.StatusOK, &t, rulesPage{Version: s.Version, Rules: s.Rules})
}

func (p *Pages) renderRules(w http.ResponseWriter, r *http.Request, status int, t *tracker.Project, d rulesPage) error {
	d.Parent, d.URL, d.Name, d.MaxText = p.projectURL(t.ID), p.projectURL(t.ID)+"/rules", projectName(t.Name), grouprules.MaxText
	d.Why = webui.Line(d.Why, 500)
	return p.ui.Render(w, r, status, webui.Page{Name: "rules", Title: "Grouping of " + d.Name, Section: "/projects", Assets: []string{"detail.css", "form.css", "issue.css", "ingest.css", "rules.css"}, Data: d})
}

// changeRules tries what the form says, or stores it.
func (p *Pages) changeRules(w http.ResponseWriter, r *http.Request) error {
	t, err := p.pathProject(r)
	if err != nil {
		return err
	}
	f, err := form(w, r)
	if err != nil {
		return err
	}
	d := rulesPage{Rules: strings.ReplaceAll(f.Get("rules"), "\r\n", "\n")}
	if d.Version, err = madeFrom(f); err != nil {
		return err
	}
	if f.Get("action") == "preview" {
		v, err := p.opts.Tracker.PreviewRules(r.Context(), t.ID, d.Rules)
		if errs.KindOf(err) == errs.Invalid {
			d.Why = err.Error()
			return p.renderRules(w, r, http.StatusUnprocessableEntity, &t, d)
		}
		if err != nil {
			return err
		}
		d.Preview = p.newPreview(v)
		return p.renderRules(w, r, http.StatusOK, &t, d)
	}
	var now int64
	_, err = p.opts.Tracker.ChangeSettings(r.Context(), t.ID, func(s *tracker.Settings) error {
		now, s.Version, s.Rules = s.Version, d.Version, d.Rules
		return nil
	})
	switch errs.KindOf(err) {
	case errs.Invalid:
		d.Why = err.Error()
		return p.renderRules(w, r, http.StatusUnprocessableEntity, &t, d)
	case errs.Conflict:
		d.Why, d.Version = changedByOther, now
		return p.renderRules(w, r, http.StatusConflict, &t, d)
	default:
	}
	if err != nil {
		return err
	}
	p.ui.Flash(w, webui.Flash{Text: "Saved. They hold for events from now on; what is stored stays where it is."})
	http.Redirect(w, r, p.projectURL(t.ID)+"/rules", http.StatusSeeOther)
	return nil
}

func (p *Pages) newPreview(v *tracker.Preview) *previewView {
	d := &previewView{Events: int64(v.Events), Moved: int64(v.Moved)}
	for _, r := range v.Rules {
		r.Source = webui.Line(r.Source, 200)
		d.Rules = append(d.Rules, r)
	}
	for i := range v.Flows {
		f := &v.Flows[i]
		d.Flows = append(d.Flows, flowView{
			Events: int64(f.Events), From: p.issueLink(&f.From), To: p.issueLink(&f.To), New: f.New, Stays: f.New == 0 && f.From.ID == f.To.ID, Line: f.Line,
		})
	}
	return d
}
