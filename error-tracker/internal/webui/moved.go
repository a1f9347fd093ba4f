package webui

import (
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/problem"
	"github.com/monlight/monlight/shared/webui"
)

// ofIssue is f for an address of an issue. Where that one became part of another
// one, old mails and bookmarks lead to the same place of that, which says so. The
// redirect is none to keep: what was merged can be split off again.
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
		into, unknown := p.opts.Tracker.MergedInto(r.Context(), id)
		switch {
		case errs.KindOf(unknown) == errs.NotFound:
			return p.ui.Render(w, r, http.StatusNotFound, webui.Page{Name: "gone", Title: "Issue not found", Section: "/", Data: id})
		case unknown != nil:
			return unknown
		}
		p.ui.Flash(w, webui.Flash{Text: "Issue #" + itoa(id) + " became part of #" + itoa(into) + "."})
		to := p.issueURL(into) + strings.TrimPrefix(r.URL.Path, "/errors/"+chi.URLParam(r, "id"))
		if r.URL.RawQuery != "" {
			to += "?" + r.URL.RawQuery
		}
		http.Redirect(w, r, to, http.StatusFound)
		return nil
	}
}
