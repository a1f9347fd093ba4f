package webui

import (
	"net/http"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/search"
	"github.com/monlight/monlight/shared/webui"
)

// Limits of the page of the tags.
const (
	shownTags      = 60
	shownTagValues = 8
)

// tagsPage is the data of tags.html.
type tagsPage struct {
	Issue  string // its page
	ID     int64
	Type   string
	Events int64
	Tags   []tagView
	More   int  // tags that are not shown
	Whole  bool // all of it was counted
}

type tagView struct {
	Name   string
	Values []tagValue
	More   int   // values that are not shown
	Others int64 // and their events
}

// tagValue is a value with the issues of the project that have it.
type tagValue struct {
	webui.Portion
	URL string // "" where the search language has no words for the tag
}

// tags shows which values the tags of an issue's events had.
func (p *Pages) tags(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	i, err := p.opts.Tracker.Issue(r.Context(), id)
	if err != nil {
		return err
	}
	all, whole, err := p.opts.Tracker.IssueTags(r.Context(), id)
	if err != nil {
		return err
	}
	d := tagsPage{Issue: p.issueURL(id), ID: id, Type: p.row(&i, p.opts.Now()).Type, Events: i.Count, Whole: whole}
	if len(all) > shownTags {
		d.More, all = len(all)-shownTags, all[:shownTags]
	}
	for k := range all {
		d.Tags = append(d.Tags, p.tagOf(&all[k], i.Project))
	}
	return p.ui.Render(w, r, http.StatusOK, webui.Page{
		Name: "tags", Title: "Tags of " + d.Type + " (#" + itoa(id) + ")", Section: "/", Assets: []string{"detail.css", "issue.css", "tags.css"},
		Keys: []webui.Key{{Keys: "u", Does: "back to the issue"}}, Data: d,
	})
}

// tagURL is the list of the issues of a project that have a tag.
func (p *Pages) tagURL(project, name, value string) string {
	want := search.Term{Kind: search.Tag, Name: name, Value: search.Pattern{Text: value}}
	q, err := search.Parse(search.Query{Terms: []search.Term{want}}.String())
	if err != nil || len(q.Terms) != 1 || q.Terms[0].Kind != want.Kind || q.Terms[0].Not || q.Terms[0].Name != name || q.Terms[0].Value != want.Value {
		return ""
	}
	return p.found(project, name, value)
}

func (p *Pages) tagOf(t *tracker.TagShares, project string) tagView {
	v := tagView{Name: webui.Line(t.Name, tracker.MaxSearchTagName)}
	shown := t.Values[:min(len(t.Values), shownTagValues)]
	labels, counts := make([]string, len(shown)), make([]int64, len(shown))
	for k, s := range shown {
		labels[k], counts[k] = webui.Line(s.Value, tracker.MaxSearchTagValue), s.Count
	}
	for k, portion := range webui.Portions(labels, counts, t.Events) {
		v.Values = append(v.Values, tagValue{portion, p.tagURL(project, t.Name, shown[k].Value)})
	}
	for _, s := range t.Values[len(shown):] {
		v.More, v.Others = v.More+1, v.Others+s.Count
	}
	return v
}
