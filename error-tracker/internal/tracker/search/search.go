// Package search is the language in which people look for issues:
//
//	is:unresolved environment:prod release:1.4.* user.email:ann@example.com -browser:Safari "no price"
//
// Terms are all to be met. A minus sign before a term turns it around.
package search

import (
	"strings"
)

// Limits of a search; what is beyond them is refused.
const (
	MaxBytes = 1000
	MaxTerms = 20
)

// Kind says what a term is about.
type Kind int

const (
	Text  Kind = iota // words in the texts of an issue
	Is                // what was done about the issue, or what it is
	Has               // a field or tag that is there at all
	Issue             // a field of the issue itself: project, type, …
	Tag               // environment, release or tag of events
)

// Term is one condition. Name and Value are as they were typed, but names of
// fields and values of is and has are in lower case, and other names of a field
// are replaced by the usual one.
type Term struct {
	Not   bool
	Kind  Kind
	Name  string // "" for Text
	Value Pattern
	At    int // byte of the search where it begins, from 0
}

// Query is a search that was understood. The zero value finds everything.
type Query struct {
	Terms []Term
}

// States are the values of is.
var States = []string{
	"unresolved", "resolved", "muted", "active", "regressed", "new",
	"handled", "unhandled", "assigned", "unassigned", "minified",
}

// fields of issues; what else stands before a colon is a tag.
var fields = map[string]string{
	"project": "project", "source": "source", "type": "type", "message": "message", "culprit": "culprit",
	"platform": "platform", "assigned": "assigned",
	"first_release": "first_release", "firstrelease": "first_release", "regressed_release": "regressed_release",
}

// aliases of environment, release and tags.
var aliases = map[string]string{
	"env": "environment", "environment": "environment", "release": "release", "level": "level", "user": "user.id",
}

// Is tells whether the search says itself in which states issues may be.
func (q Query) Is() bool {
	for _, t := range q.Terms {
		if t.Kind == Is {
			switch t.Value.Text {
			case "unresolved", "resolved", "muted", "active":
				return true
			}
		}
	}
	return false
}

// Words are the terms of kind Text that are to be found, or not to be found.
func (q Query) Words(not bool) []string {
	var words []string
	for _, t := range q.Terms {
		if t.Kind == Text && t.Not == not {
			words = append(words, t.Value.Text)
		}
	}
	return words
}

// String is the search in the language, which reads as the same search.
func (q Query) String() string {
	var b strings.Builder
	for i, t := range q.Terms {
		if i > 0 {
			b.WriteByte(' ')
		}
		t.write(&b)
	}
	return b.String()
}

func (t *Term) write(b *strings.Builder) {
	if t.Not {
		b.WriteByte('-')
	}
	switch t.Kind {
	case Text:
	case Is:
		b.WriteString("is:")
	case Has:
		b.WriteString("has:")
	default:
		b.WriteString(t.Name)
		b.WriteByte(':')
	}
	t.Value.write(b)
}
