package webui

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/webui"
)

// fileView is an attachment as it is shown.
type fileView struct {
	Name  string
	Type  string
	Size  int64
	URL   string // "" when only the facts are kept
	Image bool
}

// shownImages are the types that every browser draws and none runs.
var shownImages = []string{"image/png", "image/jpeg", "image/gif", "image/webp"}

// files are the attachments of an event; issue is the address of its issue.
func (p *Pages) files(r *http.Request, issue string, o *tracker.Occurrence) ([]fileView, error) {
	if len(o.Event.Attachments) == 0 {
		return nil, nil
	}
	kept, err := p.opts.Tracker.Files(r.Context(), o.ID)
	if err != nil {
		return nil, err
	}
	views := make([]fileView, len(o.Event.Attachments))
	for n := range views {
		a := &o.Event.Attachments[n]
		views[n] = fileView{Name: webui.Line(a.Name, 120), Type: webui.Line(a.ContentType, 60), Size: int64(a.Size)}
		if slices.Contains(kept, n) {
			views[n].URL = issue + "/events/" + itoa(o.ID) + "/files/" + strconv.Itoa(n)
			views[n].Image = slices.Contains(shownImages, a.ContentType)
		}
	}
	return views, nil
}

// file answers with an attachment. It came from outside: a browser may draw a
// picture and show or save text, and do nothing else with it.
func (p *Pages) file(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	occurrence, errOccurrence := strconv.ParseInt(chi.URLParam(r, "event"), 10, 64)
	n, errFile := strconv.Atoi(chi.URLParam(r, "n"))
	if errOccurrence != nil || errFile != nil {
		return errs.New(errs.NotFound, "there is no such file")
	}
	a, err := p.opts.Tracker.Attachment(r.Context(), id, occurrence, n)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", fileType(&a))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Cache-Control", "private, max-age=86400, immutable")
	h.Set("Content-Disposition", `inline; filename="`+fileName(a.Name)+`"`)
	h.Set("Content-Length", strconv.Itoa(len(a.Data)))
	_, err = w.Write(a.Data)
	return err
}

// fileType is the type a file is given out as.
func fileType(a *event.Attachment) string {
	if slices.Contains(shownImages, a.ContentType) {
		return a.ContentType
	}
	return "text/plain; charset=utf-8"
}

// fileName is name without what a header or a file system could take for more.
func fileName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r == '.' || r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, name)
	return strings.TrimLeft(name[:min(len(name), 100)], ".")
}
