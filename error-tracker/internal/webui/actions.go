package webui

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/auth"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/webui"
)

// maxFormBytes bounds the body of a form: a page of IDs and an address to
// return to fit in many times.
const maxFormBytes = 64 << 10

// form reads the body of a POST.
func form(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
	if err := r.ParseForm(); err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return nil, errs.Wrap(errs.TooLarge, err, "the form is too large, the limit is %d bytes", maxFormBytes)
		}
		return nil, errs.Wrap(errs.Invalid, err, "the form cannot be read")
	}
	return r.PostForm, nil
}

// back sends the reader to the page that the form was on.
func (p *Pages) back(w http.ResponseWriter, r *http.Request, f url.Values, fallback string) {
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, p.ui.BackPath(f.Get("back"), fallback), http.StatusSeeOther)
}

// bulk does one thing to the selected issues of a list.
func (p *Pages) bulk(w http.ResponseWriter, r *http.Request) error {
	f, err := form(w, r)
	if err != nil {
		return err
	}
	ids, err := formIDs(f["id"])
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		p.ui.Flash(w, webui.Flash{Text: "Select at least one issue first.", Error: true})
		p.back(w, r, f, "/")
		return nil
	}
	action := f.Get("action")
	if action == "resolve-next" {
		action = "resolve"
		f.Set("in", string(tracker.FixNext))
	}
	if action == "delete" && f.Get("confirm") != "yes" {
		return p.askDelete(w, r, ids, p.ui.BackPath(f.Get("back"), "/"))
	}
	if action == "merge" {
		return p.mergeSelected(w, r, f, ids)
	}
	flash, err := p.apply(r, action, ids, f)
	if err != nil {
		return err
	}
	p.ui.Flash(w, flash)
	p.back(w, r, f, "/")
	return nil
}

// formIDs reads the issues that a form names.
func formIDs(values []string) ([]int64, error) {
	if len(values) > tracker.MaxPage {
		return nil, errs.New(errs.Invalid, "%d issues are selected, the limit is %d", len(values), tracker.MaxPage)
	}
	ids := make([]int64, 0, len(values))
	for _, v := range values {
		id, err := strconv.ParseInt(v, 10, 64)
		if err != nil || id <= 0 {
			return nil, errs.New(errs.Invalid, "id = %q, want the number of an issue", webui.Line(v, 30))
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// apply does what can be done to one issue as well as to many, and says so.
func (p *Pages) apply(r *http.Request, action string, ids []int64, f url.Values) (webui.Flash, error) {
	ctx, now := r.Context(), p.opts.Now()
	var done []int64
	var err error
	var verb, undo string
	switch action {
	case "resolve":
		fix := tracker.Fix{In: tracker.FixIn(f.Get("in")), Release: strings.TrimSpace(f.Get("release"))}
		done, err = p.opts.Tracker.Resolve(ctx, ids, fix)
		verb, undo = "resolved", "unresolve"
		switch fix.In {
		case tracker.FixNext:
			verb += " in the next release"
		case tracker.FixThis:
			verb += in(fix.Release)
		}
	case "unresolve":
		done, err = p.opts.Tracker.Unresolve(ctx, ids)
		verb = "unresolved again"
	case "mute":
		m, words, perr := muteOf(f, now)
		if perr != nil {
			return webui.Flash{}, perr
		}
		done, err = p.opts.Tracker.Mute(ctx, ids, m)
		verb, undo = "muted"+words, "unmute"
	case "unmute":
		done, err = p.opts.Tracker.Unmute(ctx, ids, f.Get("environment"))
		verb = "unmuted" + in(f.Get("environment"))
	case "assign":
		done, err = p.opts.Tracker.Assign(ctx, ids, f.Get("assignee"))
		verb = "assigned to " + webui.Line(f.Get("assignee"), tracker.MaxPerson)
		if strings.TrimSpace(f.Get("assignee")) == "" {
			verb = "assigned to nobody"
		}
	case "delete":
		done, err = p.opts.Tracker.Delete(ctx, ids)
		verb = "deleted"
	default:
		return webui.Flash{}, errs.New(errs.Invalid, "action = %q, want resolve, unresolve, mute, unmute, assign, merge or delete", webui.Line(action, 30))
	}
	if err != nil {
		return webui.Flash{}, err
	}
	flash := webui.Flash{Text: webui.Plural(int64(len(done)), "issue", "issues") + " " + verb + "."}
	if gone := len(ids) - len(done); gone > 0 {
		flash.Text += " " + webui.Plural(int64(gone), "was", "were") + " no longer there."
	}
	if undo != "" && len(done) > 0 {
		flash.Undo = &webui.Undo{Label: "Undo", Action: p.ui.Path("/issues"), Fields: []webui.Field{{Name: "action", Value: undo}}}
		if environment := f.Get("environment"); environment != "" {
			flash.Undo.Fields = append(flash.Undo.Fields, webui.Field{Name: "environment", Value: environment})
		}
		for _, id := range done {
			flash.Undo.Fields = append(flash.Undo.Fields, webui.Field{Name: "id", Value: itoa(id)})
		}
	}
	return flash, nil
}

// mutes are the spans an issue can be muted for; the last is until it is unmuted.
var mutes = []struct {
	Value, Label string
	span         time.Duration
}{
	{"1h", "For 1 hour", time.Hour}, {"1d", "For 1 day", 24 * time.Hour},
	{"1w", "For 1 week", 7 * 24 * time.Hour}, {"forever", "Until unmuted", 0},
}

// muteOf reads what a form asks for: a span, or a number of events or users.
func muteOf(f url.Values, now time.Time) (m tracker.Mute, words string, err error) {
	m.Environment = f.Get("environment")
	counts := map[string]*int64{"events": &m.Events, "users": &m.Users}
	unit := f.Get("until")
	if unit == "" {
		m.Until, words, err = muteUntil(f.Get("for"), now)
		return m, in(m.Environment) + " " + words, err
	}
	n := counts[unit]
	if n == nil {
		return m, "", errs.New(errs.Invalid, "until = %q, want events or users", webui.Line(unit, 30))
	}
	*n, err = strconv.ParseInt(strings.TrimSpace(f.Get("count")), 10, 64)
	if err != nil || *n < 1 {
		return m, "", errs.New(errs.Invalid, "count = %q, want a whole number from 1", webui.Line(f.Get("count"), 30))
	}
	return m, in(m.Environment) + muteWords(&m), nil
}

func muteUntil(value string, now time.Time) (until time.Time, words string, err error) {
	if value == "" {
		value = "forever"
	}
	for _, m := range mutes {
		if m.Value == value {
			if m.span > 0 {
				until = now.Add(m.span)
			}
			return until, strings.ToLower(m.Label[:1]) + m.Label[1:], nil
		}
	}
	return time.Time{}, "", errs.New(errs.Invalid, "for = %q, want 1h, 1d, 1w or forever", webui.Line(value, 30))
}

// mergeSelected merges into the oldest of the issues.
func (p *Pages) mergeSelected(w http.ResponseWriter, r *http.Request, f url.Values, ids []int64) error {
	if len(ids) < 2 {
		p.ui.Flash(w, webui.Flash{Text: "Select the issues that are to become one: two at least.", Error: true})
		p.back(w, r, f, "/")
		return nil
	}
	slices.Sort(ids)
	if err := p.opts.Tracker.Merge(r.Context(), ids[0], ids[1:]); err != nil {
		return err
	}
	p.ui.Flash(w, webui.Flash{Text: webui.Plural(int64(len(ids)), "issue", "issues") + " merged into #" + itoa(ids[0]) + ". Its page can split them again."})
	p.back(w, r, f, "/")
	return nil
}

// change does one thing to one issue.
func (p *Pages) change(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	f, err := form(w, r)
	if err != nil {
		return err
	}
	ctx, here := r.Context(), "/errors/"+itoa(id)
	switch action := chi.URLParam(r, "action"); action {
	case "merge":
		source, err := strconv.ParseInt(f.Get("source"), 10, 64)
		if err != nil || source <= 0 {
			return errs.New(errs.Invalid, "source = %q, want the number of an issue", webui.Line(f.Get("source"), 30))
		}
		if err := p.opts.Tracker.Merge(ctx, id, []int64{source}); err != nil {
			return err
		}
		p.ui.Flash(w, webui.Flash{Text: "Issue #" + itoa(source) + " is now part of this one. Under “Why grouped” it can be split off again."})
	case "unmerge":
		h, ok := tracker.ParseHash(f.Get("hash"))
		if !ok {
			return errs.New(errs.Invalid, "hash = %q, want 32 hex digits", webui.Line(f.Get("hash"), 40))
		}
		split, err := p.opts.Tracker.Unmerge(ctx, id, h, p.opts.Now())
		if err != nil {
			return err
		}
		p.ui.Flash(w, webui.Flash{
			Text: "Split off as issue #" + itoa(split.ID) + ".",
			Undo: &webui.Undo{Label: "Undo", Action: p.issueURL(id) + "/merge", Fields: []webui.Field{{Name: "source", Value: itoa(split.ID)}}},
		})
	case "delete":
		if f.Get("confirm") != "yes" {
			return p.askDelete(w, r, []int64{id}, p.issueURL(id))
		}
		flash, err := p.apply(r, action, []int64{id}, f)
		if err != nil {
			return err
		}
		p.ui.Flash(w, flash)
		// Its page is gone.
		http.Redirect(w, r, p.ui.Path("/"), http.StatusSeeOther)
		return nil
	case "comment":
		if err := p.comment(w, r, id, f); err != nil {
			return err
		}
	case "uncomment":
		if err := p.uncomment(w, r, id, f); err != nil {
			return err
		}
	case "resolve", "unresolve", "mute", "unmute", "assign":
		if _, err := p.opts.Tracker.Issue(ctx, id); err != nil {
			return err
		}
		flash, err := p.apply(r, action, []int64{id}, f)
		if err != nil {
			return err
		}
		p.ui.Flash(w, flash)
	default:
		return errs.New(errs.NotFound, "there is nothing at %s", webui.Line(r.URL.Path, 100))
	}
	p.back(w, r, f, here)
	return nil
}

// deletePage is the data of delete.html.
type deletePage struct {
	Action string
	Rows   []issueRow
	Events int64
	IDs    []int64
	Back   string
}

func (p *Pages) confirmDelete(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	if auth.ReadOnly(r) {
		return p.backToIssue(w, r)
	}
	return p.askDelete(w, r, []int64{id}, p.issueURL(id))
}

// askDelete shows what would be lost and asks. It changes nothing.
func (p *Pages) askDelete(w http.ResponseWriter, r *http.Request, ids []int64, back string) error {
	d := deletePage{Action: p.ui.Path("/issues"), Back: back}
	if len(ids) == 1 {
		d.Action = p.issueURL(ids[0]) + "/delete"
	}
	for _, id := range ids {
		i, err := p.opts.Tracker.Issue(r.Context(), id)
		if errs.KindOf(err) == errs.NotFound && len(ids) > 1 {
			continue
		}
		if err != nil {
			return err
		}
		d.IDs = append(d.IDs, id)
		d.Events += i.Count
		if len(d.Rows) < 20 {
			d.Rows = append(d.Rows, p.row(&i, p.opts.Now()))
		}
	}
	if len(d.IDs) == 0 {
		return errs.New(errs.NotFound, "these issues are no longer there")
	}
	title := "Delete " + webui.Plural(int64(len(d.IDs)), "issue", "issues") + "?"
	return p.ui.Render(w, r, http.StatusOK, webui.Page{Name: "delete", Title: title, Section: "/", Assets: []string{"list.css", "issue.css", "ask.css"}, Data: d})
}
