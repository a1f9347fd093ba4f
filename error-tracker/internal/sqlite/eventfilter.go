package sqlite

import (
	"slices"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/search"
)

// eventFilter says which events a list is about.
type eventFilter struct {
	environments conditions // on environment_id
	releases     conditions // on release_id
	tags         []tagFilter
}

// tagFilter selects events by a condition on their tags.
type tagFilter struct {
	conditions
	not bool
	one bool // the tag names one person
}

func newEventFilter(in tracker.Scope) *eventFilter {
	f := new(eventFilter)
	if in.Environment != "" {
		f.environments.called("environment", false, search.Pattern{Text: in.Environment})
	}
	for _, t := range in.Filter.Terms {
		switch t.Kind {
		case search.Has:
			f.has(t.Value.Text, t.Not)
		case search.Tag:
			f.tag(&t)
		case search.Text, search.Is, search.Issue: // conditions on issues
		}
	}
	return f
}

func (f *eventFilter) has(name string, not bool) {
	is := " > 0"
	if not {
		is = " = 0"
	}
	switch name {
	case "environment":
		f.environments.add("environment_id" + is)
	case "release":
		f.releases.add("release_id" + is)
	default:
		t := tagFilter{not: not}
		t.add("name = ?", stored(name, maxShortText))
		f.tags = append(f.tags, t)
	}
}

func (f *eventFilter) tag(t *search.Term) {
	switch t.Name {
	case "environment":
		f.environments.called("environment", t.Not, t.Value)
	case "release":
		f.releases.called("release", t.Not, t.Value)
	default:
		tag := tagFilter{not: t.Not, one: strings.HasPrefix(t.Name, "user.") && !t.Value.Glob}
		sql, arg := equals("value", t.Value, tracker.MaxSearchTagValue)
		tag.add("name = ? AND "+sql, stored(t.Name, maxShortText), arg)
		f.tags = append(f.tags, tag)
	}
}

// called adds the condition that the environment or release has a name, or has
// another one. Each project has numbers of its own, so the project need not be
// asked for.
func (c *conditions) called(what string, not bool, p search.Pattern) {
	sql, arg := equals("name", p, maxShortText)
	named := "IN (SELECT id FROM " + what + "s WHERE " + sql + ")"
	if not {
		named = ">= 0 AND " + what + "_id NOT " + named
	}
	c.add(what+"_id "+named, arg)
}

// scoped tells whether events are chosen by environment or release.
func (f *eventFilter) scoped() bool { return len(f.environments.sql)+len(f.releases.sql) > 0 }

// rows is the condition on counters that have a row for each environment and release.
func (f *eventFilter) rows() conditions {
	return conditions{
		sql:  slices.Concat(f.environments.sql, f.releases.sql),
		args: slices.Concat(f.environments.args, f.releases.args),
	}
}

// scopes is the condition on hash_scopes, where a side that nothing is asked of
// is one row for all.
func (f *eventFilter) scopes() conditions {
	c := f.rows()
	if len(f.environments.sql) == 0 {
		c.add("environment_id = -1")
	}
	if len(f.releases.sql) == 0 {
		c.add("release_id = -1")
	}
	return c
}
