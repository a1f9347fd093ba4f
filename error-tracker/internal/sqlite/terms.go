package sqlite

import (
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/search"
)

// newMillis is how long an issue is new.
const newMillis = 24 * hourMillis

// sqlMuted tells whether an issue is muted at a time.
const sqlMuted = "i.muted = 1 AND (i.muted_until = 0 OR i.muted_until > ?)"

// terms adds the conditions of a search on issues themselves.
func (c *conditions) terms(q search.Query, now int64) {
	for _, t := range q.Terms {
		switch t.Kind {
		case search.Is:
			sql, args := stateOf(t.Value.Text, now)
			c.add(unless(t.Not, sql), args...)
		case search.Issue:
			c.field(&t)
		case search.Text:
			if word := fold(t.Value.Text); t.Not && word != "" {
				c.add("i.id NOT IN (SELECT issue_id FROM hashes WHERE instr(search, ?) > 0)", word)
			}
		case search.Has, search.Tag: // conditions on events
		}
	}
}

// stateOf is the condition for a value of is.
func stateOf(is string, now int64) (sql string, args []any) {
	switch is {
	case "unresolved":
		return "i.resolved = 0", nil
	case "resolved":
		return "i.resolved = 1", nil
	case "muted":
		return "i.resolved = 0 AND " + sqlMuted, []any{now}
	case "active":
		return "i.resolved = 0 AND NOT (" + sqlMuted + ")", []any{now}
	case "regressed":
		return "i.resolved = 0 AND i.regressed_at <> 0", nil
	case "assigned":
		return "i.assignee <> ''", nil
	case "unassigned":
		return "i.assignee = ''", nil
	case "new":
		return "i.first_seen > ?", []any{now - newMillis}
	case "handled":
		return "i.primary_hash IN (SELECT id FROM hashes WHERE handled = 1)", nil
	case "unhandled":
		return "i.primary_hash IN (SELECT id FROM hashes WHERE handled = 0)", nil
	case "minified":
		return "i.primary_hash IN (SELECT id FROM hashes WHERE minified = 1)", nil
	}
	return "0", nil // the language has no other
}

// field adds the condition for a field of issues.
func (c *conditions) field(t *search.Term) {
	switch t.Name {
	case "project":
		sql, arg := equals("name", t.Value, tracker.MaxProject)
		c.add(unless(t.Not, "i.project_id IN (SELECT id FROM projects WHERE "+sql+")"), arg)
	case "source":
		c.add("i.browser = ?", (t.Value.Text == string(tracker.Browser)) != t.Not)
	case "assigned":
		sql, arg := equals("i.assignee", t.Value, maxShortText)
		c.add(unless(t.Not, sql), arg)
	case "first_release", "regressed_release":
		sql, arg := equals("name", t.Value, maxShortText)
		c.add(unless(t.Not, "i."+t.Name+" IN (SELECT id FROM releases WHERE "+sql+")"), arg)
	case "type", "message", "culprit", "platform":
		sql, arg := equals(t.Name, t.Value, maxShortText)
		c.add(unless(t.Not, "i.id IN (SELECT issue_id FROM hashes WHERE "+sql+")"), arg)
	}
}

// equals is the condition that a column is what a pattern says.
func equals(column string, p search.Pattern, most int) (sql, arg string) {
	if !p.Glob {
		return column + " = ?", stored(p.Text, most)
	}
	text := strings.NewReplacer("[", "[[]", "?", "[?]").Replace(p.Text)
	return column + " GLOB ?", stored(text, 3*search.MaxBytes)
}

func unless(not bool, sql string) string {
	if not {
		return "NOT (" + sql + ")"
	}
	return sql
}
