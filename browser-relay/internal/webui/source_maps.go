package webui

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/webui"
)

const (
	mapsPerPage   = 100
	releasesShown = 50
	missingShown  = 50
	maxTestBytes  = 8 << 10
)

type mapsPage struct {
	Projects  []string
	Filter    relay.MapFilter
	Maps      []relay.SourceMap
	Total     int64
	Stored    int64
	Next      string
	Releases  []relay.MapRelease
	Missing   []relay.WantedMap
	Test      mapTest
	Filtered  bool
	FirstRun  bool
	PublicURL string
	Days      int
}

// mapTest is the test box: a frame or a stack, and what the maps say.
type mapTest struct {
	Project, Release, DebugID, Text string
	Asked                           bool
	Frames                          []frameView
	Stack                           string
	Notes                           *webui.Node
	HasNotes                        bool
	Resolved                        bool
	Off                             bool
}

type frameView struct {
	relay.Frame
	Lines []sourceLine
}

type sourceLine struct {
	N    int
	Text string
	Hit  bool
}

func (p *Pages) sourceMaps(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	ctx := r.Context()
	text, err := searchOf(r)
	if err != nil {
		return err
	}
	page := mapsPage{
		Filter:    relay.MapFilter{Project: q.Get("project"), Release: q.Get("release"), DebugID: strings.ToLower(strings.TrimSpace(q.Get("debug_id"))), Text: text, Limit: mapsPerPage + 1},
		PublicURL: p.opts.PublicURL, Days: int(p.opts.Limits.Retention.Hours() / 24),
	}
	page.Filter.After, _ = strconv.ParseInt(q.Get("after"), 10, 64)
	page.Filtered = page.Filter.Project != "" || page.Filter.Release != "" || page.Filter.DebugID != "" || text != ""
	if page.Maps, err = p.opts.Maps.SourceMaps(ctx, page.Filter); err != nil {
		return err
	}
	if len(page.Maps) > mapsPerPage {
		page.Maps = page.Maps[:mapsPerPage]
		page.Next = p.ui.Path("/source-maps?" + query("project", page.Filter.Project, "release", page.Filter.Release, "debug_id", page.Filter.DebugID, "search", text,
			"after", strconv.FormatInt(page.Maps[mapsPerPage-1].ID, 10)))
	}
	if page.Total, err = p.opts.Maps.CountMaps(ctx, page.Filter); err != nil {
		return err
	}
	if page.Stored, err = p.opts.Maps.StoredBytes(ctx); err != nil {
		return err
	}
	if page.Releases, err = p.opts.Maps.MapReleases(ctx, releasesShown); err != nil {
		return err
	}
	if page.Missing, err = p.opts.Recent.MissingMaps(ctx, missingShown); err != nil {
		return err
	}
	page.FirstRun = page.Total == 0 && !page.Filtered
	seen := map[string]bool{}
	for _, k := range p.opts.Keys.List() {
		if !seen[k.Project] {
			seen[k.Project] = true
			page.Projects = append(page.Projects, k.Project)
		}
	}
	page.Test = p.testMaps(r)
	return p.ui.Render(w, r, http.StatusOK, webui.Page{Name: "source-maps", Title: "Source maps", Section: "/source-maps", Assets: assets, Data: page})
}

// testMaps resolves what stands in the test box.
func (p *Pages) testMaps(r *http.Request) mapTest {
	q := r.URL.Query()
	t := mapTest{Project: q.Get("test_project"), Release: strings.TrimSpace(q.Get("test_release")), DebugID: strings.ToLower(strings.TrimSpace(q.Get("test_debug_id"))),
		Text: relay.Cut(strings.TrimSpace(q.Get("test")), maxTestBytes), Off: p.opts.Symbolicator == nil}
	if t.Text == "" || t.Off {
		return t
	}
	t.Asked = true
	e := relay.Event{Type: "Error", Stack: stackOf(t.Text), Release: t.Release, DebugIDs: map[string]string{}}
	if t.DebugID != "" {
		e.DebugIDs[scriptOf(t.Text)] = t.DebugID
	}
	s := p.opts.Symbolicator.Preview(r.Context(), t.Project, &e)
	if s == nil {
		return t
	}
	t.Resolved = s.Resolved
	if len(s.Stacks) > 0 {
		t.Stack = s.Stacks[0]
	}
	if len(s.Frames) > 0 {
		for i := len(s.Frames[0]) - 1; i >= 0; i-- { // the innermost call first, as in a stack
			t.Frames = append(t.Frames, viewFrame(s.Frames[0][i]))
		}
	}
	if s.Notes != nil {
		t.Notes, t.HasNotes = webui.JSONTree(s.Notes), true
	}
	return t
}

// stackOf makes a stack of one position; a whole stack stays as it is.
func stackOf(text string) string {
	if strings.Contains(text, "\n") || strings.Contains(text, "@") || strings.HasPrefix(text, "at ") {
		return text
	}
	return "Error\n    at " + text
}

// scriptOf is the file of a position, file:line:column.
func scriptOf(text string) string {
	file := text
	for range 2 {
		if i := strings.LastIndexByte(file, ':'); i > 0 {
			if _, err := strconv.Atoi(file[i+1:]); err == nil {
				file = file[:i]
			}
		}
	}
	return file
}

func viewFrame(f relay.Frame) frameView {
	v := frameView{Frame: f}
	if f.ContextLine == "" {
		return v
	}
	for i, text := range f.Pre {
		v.Lines = append(v.Lines, sourceLine{f.Line - len(f.Pre) + i, text, false})
	}
	v.Lines = append(v.Lines, sourceLine{f.Line, f.ContextLine, true})
	for i, text := range f.Post {
		v.Lines = append(v.Lines, sourceLine{f.Line + 1 + i, text, false})
	}
	return v
}

func (p *Pages) deleteMap(w http.ResponseWriter, r *http.Request) error {
	id, err := strconv.ParseInt(chi.URLParam(r, "id"), 10, 64)
	if err != nil {
		return errs.New(errs.NotFound, "Source map not found")
	}
	if err := p.opts.Maps.DeleteMap(r.Context(), id); err != nil {
		return err
	}
	p.ui.Flash(w, webui.Flash{Text: "Source map deleted."})
	http.Redirect(w, r, p.ui.BackPath(r.PostFormValue("back"), "/source-maps"), http.StatusSeeOther)
	return nil
}
