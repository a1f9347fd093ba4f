// Package grouprules lets people say how events of a project are grouped. A rule
// is a line: what an event has to be like, and the fingerprint that it then has.
//
//	# one issue for all that the payment provider does
//	type:*TimeoutError path:*/payments/* -> provider-down
//	message:"cannot reach *" tags.region:eu !level:warning -> {{ default }}, {{ tags.host }}
//
// The first rule that fits counts.
package grouprules

import (
	"fmt"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/glob"
)

// Limits of a text of rules, in bytes unless they say otherwise.
const (
	MaxText     = 16 << 10
	MaxRules    = 100
	MaxMatchers = 10 // of a rule
	MaxPattern  = 200
	MaxParts    = 10 // of a fingerprint
	MaxPart     = 200
)

// How much of an event is looked at.
const (
	maxFrames = 100     // innermost first
	maxValue  = 2048    // bytes of a text
	maxWork   = 8 << 20 // bytes compared with patterns: some ten milliseconds; what is left of the rules does not fit then
)

// Rule is one that was read.
type Rule struct {
	Line        int    // from 1
	Source      string // without blanks around it
	Fingerprint []string

	exception, frame, whole []matcher
	not                     []matcher
}

// Rules are those of a project, in their order. They may be used by many
// goroutines.
type Rules []Rule

// matcher compares one thing about an event with a pattern.
type matcher struct {
	field   field
	tag     string // for fieldTag
	pattern glob.Glob
}

// Match returns the first rule that fits the event, nil if none does.
func (r Rules) Match(e *event.Event) *Rule {
	if len(r) == 0 {
		return nil
	}
	s := &subject{event: e}
	for i := range r {
		fits := r[i].fits(s)
		if s.work > maxWork {
			return nil // it may seem to fit because nothing was looked at
		}
		if fits {
			return &r[i]
		}
	}
	return nil
}

// fits tells whether there are an exception, a frame and an event of which all
// matchers of their kind say yes, and nothing of which a negated one does.
func (r *Rule) fits(s *subject) bool {
	for i := range r.whole {
		if !s.fits(&r.whole[i], s.texts(&r.whole[i])) {
			return false
		}
	}
	for i := range r.not {
		if s.anywhere(&r.not[i]) {
			return false
		}
	}
	return s.onePart(r.exception, s.exceptions) && s.onePart(r.frame, s.frames)
}

// Error says what is wrong with a text of rules, and where.
type Error struct {
	Line, Column int // from 1; columns count characters
	Text         string
}

func (e *Error) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Text)
}

// Parse reads rules. The error is an *Error about the first thing that is wrong.
func Parse(text string) (Rules, error) {
	if n := len(text); n > MaxText {
		return nil, &Error{1, 1, fmt.Sprintf("the rules have %d bytes, the limit is %d", n, MaxText)}
	}
	var all Rules
	n := 0
	for line := range strings.Lines(text) {
		n++
		p := &parser{line: n, text: strings.TrimRight(line, "\r\n")}
		rule, err := p.rule()
		if err != nil {
			return nil, err
		}
		if rule == nil {
			continue
		}
		if len(all) == MaxRules {
			return nil, &Error{n, 1, fmt.Sprintf("rule %d, the limit is %d", MaxRules+1, MaxRules)}
		}
		all = append(all, *rule)
	}
	return all, nil
}
