// Package scrub removes secrets from events before they are stored: values that
// go by a name such as "password", what looks like a token, a card number or an
// IBAN whatever it is called, and the same values wherever else they stand in
// the event. Something visible takes the place of what was removed.
package scrub

import (
	"slices"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

// Rules are what a project changes of the built-in rules.
type Rules struct {
	Off    bool     // nothing is removed
	Remove []string // more names whose values are removed
	Keep   []string // names whose values are kept, even if a rule would remove them
	DropIP bool     // the address of the user is not kept
}

// Limits of what is remembered about one event.
const (
	maxSecrets = 100 // values that are looked for elsewhere
	maxMarks   = 200
)

const removedPrefix = "[removed"

// Scrubber applies rules. It may be used by many goroutines.
type Scrubber struct {
	off, dropIP  bool
	remove, keep map[string]bool
}

// New returns a scrubber for rules. Names match in any case and way of joining
// their parts: "api_key" is "apiKey" and "API-Key".
func New(r Rules) *Scrubber {
	s := &Scrubber{off: r.Off, dropIP: r.DropIP, remove: map[string]bool{}, keep: map[string]bool{}}
	for _, name := range r.Remove {
		s.remove[plainName(name)] = true
	}
	for _, name := range r.Keep {
		s.keep[plainName(name)] = true
	}
	return s
}

// reason tells why the value of that name must go, "" if it need not.
func (s *Scrubber) reason(name string) string {
	if len(s.remove)+len(s.keep) > 0 {
		switch plain := plainName(name); {
		case s.keep[plain]:
			return ""
		case s.remove[plain]:
			return chosen
		}
	}
	return reasonOf(name)
}

// Event removes secrets from e and marks where they were.
func (s *Scrubber) Event(e *event.Event) {
	if s.off {
		return
	}
	r := &run{Scrubber: s, event: e}
	if s.dropIP && e.User.IP != "" {
		e.User.IP = ""
		r.mark(at("user").with("ip_address"), nil, "removed: "+chosen)
	}
	r.walk(e)
	if len(r.secrets) == 0 {
		return
	}
	slices.SortFunc(r.secrets, func(a, b string) int { return len(b) - len(a) }) // one may be a part of another
	r.again = true
	r.walk(e)
	for i := range e.Marks {
		e.Marks[i].Path, _ = r.known(e.Marks[i].Path)
	}
}

// run is the work on one event: once to find secrets, and again to find them
// elsewhere.
type run struct {
	*Scrubber

	event   *event.Event
	again   bool
	secrets []string
	at      []found
}

func (r *run) mark(where place, steps []step, note string) {
	path := where.String()
	for _, s := range steps {
		path += "." + s.String()
	}
	marks := &r.event.Marks
	if n := len(*marks); n < maxMarks && (n == 0 || (*marks)[n-1].Path != path) {
		*marks = append(*marks, event.Mark{Path: path, Note: note})
	}
}

// remember keeps a removed value, to look for it elsewhere, if it is not a value
// that may well stand there for another reason.
func (r *run) remember(value, reason string) {
	value = strings.Trim(value, "'\"` ")
	least := 8
	if reason == cookie {
		least = 16 // most cookies are no secret
	}
	e := r.event
	if len(value) < least || len(value) > 4096 || plain(value) || len(r.secrets) == maxSecrets || slices.Contains(r.secrets, value) ||
		value == e.Environment || value == e.Project {
		return
	}
	r.secrets = append(r.secrets, value)
	for _, form := range otherForms(value) {
		if len(r.secrets) < maxSecrets && !slices.Contains(r.secrets, form) {
			r.secrets = append(r.secrets, form)
		}
	}
}

// text returns a text without what must go.
func (r *run) text(s string, code bool) (clean, reason string) {
	if r.again {
		return r.known(s)
	}
	r.at = r.search(s, code, r.at[:0])
	if len(r.at) == 0 {
		return s, ""
	}
	var b strings.Builder
	last := 0
	for _, f := range r.at {
		r.remember(s[f.from:f.to], f.reason)
		if f.reason == auth || f.reason == cookie {
			r.parts(s[f.from:f.to])
		}
		b.WriteString(s[last:f.from])
		if f.from == 0 && f.to == len(s) {
			b.WriteString(removed(f.reason))
		} else {
			b.WriteString("[removed]")
		}
		last = f.to
	}
	b.WriteString(s[last:])
	return b.String(), r.at[0].reason
}

// known returns a text without the values that were removed elsewhere.
func (r *run) known(s string) (clean, reason string) {
	for _, v := range r.secrets {
		if strings.Contains(s, v) {
			s, reason = strings.ReplaceAll(s, v, "[removed]"), "the same value as elsewhere"
		}
	}
	return s, reason
}

func removed(reason string) string { return removedPrefix + ": " + reason + "]" }

// set scrubs a text in its place.
func (r *run) set(s *string, path place) { r.setText(s, path, false) }

func (r *run) setText(s *string, path place, code bool) {
	if *s == "" {
		return
	}
	if clean, reason := r.text(*s, code); reason != "" {
		*s = clean
		r.mark(path, nil, "removed: "+reason)
	}
}

// setName scrubs a text that is the name of something: only values that are
// known to be secret go.
func (r *run) setName(s *string, path place) {
	if r.again {
		r.setText(s, path, false)
	}
}
