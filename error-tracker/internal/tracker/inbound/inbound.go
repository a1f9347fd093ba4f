// Package inbound recognises events that a project does not want to have: of
// developers' machines, of browser extensions, of crawlers, and with messages
// that people listed.
package inbound

import (
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/glob"
	"github.com/monlight/monlight/shared/errs"
)

// Rules say which events a project does not want. Without any it wants all.
type Rules struct {
	Localhost  bool     // the request or page was at an address that is local or private
	Extensions bool     // the error is one of a browser extension
	Crawlers   bool     // the user agent is a crawler's
	Messages   []string // globs, see [glob.New]: the message, or the exception's value, or its "type: value"
}

// Limits of rules.
const (
	MaxMessages = 100
	MaxMessage  = 200 // bytes of a glob
)

// Reasons why an event is not wanted, as they are counted.
const (
	Localhost = "localhost"
	Extension = "browser extension"
	Crawler   = "crawler"
	Message   = "message"
)

// Validate says what is wrong with rules.
func (r *Rules) Validate() error {
	if n := len(r.Messages); n > MaxMessages {
		return errs.New(errs.Invalid, "filters.messages has %d patterns, the limit is %d", n, MaxMessages)
	}
	for _, m := range r.Messages {
		if strings.TrimSpace(m) == "" || len(m) > MaxMessage || strings.ContainsFunc(m, func(c rune) bool { return c < ' ' || c == 0x7f }) {
			return errs.New(errs.Invalid, "filters.messages has the pattern %.60q, want 1 to %d bytes without control characters", m, MaxMessage)
		}
		if glob.New(m).Empty() {
			return errs.New(errs.Invalid, "filters.messages has the pattern %.60q, which every event fits", m)
		}
	}
	return nil
}

// Filter applies rules. It may be used by many goroutines.
type Filter struct {
	rules    Rules
	messages []glob.Glob
}

// New returns a filter for rules.
func New(r Rules) *Filter {
	f := &Filter{rules: r}
	for _, m := range r.Messages {
		f.messages = append(f.messages, glob.New(m))
	}
	return f
}

// Reason tells why the event is not wanted, "" if it is. It is to be asked before
// secrets are removed, which changes messages.
func (f *Filter) Reason(e *event.Event) string {
	switch {
	case f.rules.Localhost && isLocal(e.Request.URL):
		return Localhost
	case f.rules.Extensions && ofExtension(e):
		return Extension
	case f.rules.Crawlers && isCrawler(userAgent(e.Request.Headers)):
		return Crawler
	case len(f.messages) > 0 && f.fits(e):
		return Message
	}
	return ""
}

// maxText is how much of a message is looked at, in bytes.
const maxText = 2048

// fits tells whether a pattern fits a message of the event.
func (f *Filter) fits(e *event.Event) bool {
	any := func(text string) bool {
		text = glob.Fold(text[:min(len(text), maxText)])
		for _, g := range f.messages {
			if g.Match(text) {
				return true
			}
		}
		return false
	}
	if text := e.Message.Text(); text != "" && any(text) {
		return true
	}
	for i := range e.Exceptions {
		x := &e.Exceptions[i]
		if x.Value != "" && any(x.Value) || x.Type != "" && any(x.Type+": "+x.Value) {
			return true
		}
	}
	return false
}
