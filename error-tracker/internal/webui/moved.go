package webui

import (
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/problem"
	"github.com/monlight/monlight/shared/webui"
)

// gonePage is the data of gone.html.
type gonePage struct {
	ID   int64
	Into int64  // the issue that it became part of; 0 when that is not known
	URL  string // of that
	Text string // a comment that was not added
}

// ofIssue is f for an address of an issue. Where that one became part of another
// one, old mails and bookmarks lead to the same place of that, which says so. The
// redirect is none to keep: what was merged can be split off again. Nothing is
// asked or done about another issue than the one that was named: a form is
// answered with where that went, and the question whether to delete it leads there.
func (p *Pages) ofIssue(f problem.HandlerFunc) problem.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		err := f(w, r)
		if errs.KindOf(err) != errs.NotFound {
			return err
		}
		id, wrong := pathID(r)
		if wrong != nil {
			return wrong
		}
		d := gonePage{ID: id}
		into, unknown := p.opts.Tracker.MergedInto(r.Context(), id)
		file, change := chi.URLParam(r, "n") != "", r.Method == http.MethodPost
		switch {
		case errs.KindOf(unknown) == errs.NotFound && (file || change):
			return err // about a part of it, which may be what is missing
		case errs.KindOf(unknown) == errs.NotFound:
			return p.gone(w, r, "Issue not found", d)
		case unknown != nil:
			return unknown
		}
		moved := "Issue #" + itoa(id) + " became part of #" + itoa(into)
		if change {
			d.Into, d.URL = into, p.issueURL(into)
			if chi.URLParam(r, "action") == "comment" {
				d.Text = r.PostFormValue("text")
			}
			return p.gone(w, r, moved, d)
		}
		page := r.Method == http.MethodGet && !file && !strings.HasSuffix(r.URL.Path, ".md") && r.Header.Get(webui.FragmentHeader) == ""
		if page && !p.ui.HasFlash(r) {
			p.ui.Flash(w, webui.Flash{Text: moved + "."})
		}
		to := p.issueURL(into) + strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/errors/"+chi.URLParam(r, "id")), "/delete")
		if r.URL.RawQuery != "" {
			to += "?" + r.URL.RawQuery
		}
		http.Redirect(w, r, to, http.StatusFound)
		return nil
	}
}

// gone answers with 404, and what is known about the issue that is not there.
func (p *Pages) gone(w http.ResponseWriter, r *http.Request, title string, d gonePage) error {
	page := webui.Page{Name: "gone", Title: title, Section: "/", Data: d}
	if d.Text != "" {
		page.Assets = []string{"form.css"}
	}
	return p.ui.Render(w, r, http.StatusNotFound, page)
}
