package traceback

import (
	"slices"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

// link is an exception that is being read. Its causes hang below it.
type link struct {
	typ, module, value string
	stack              stack
	parent             *link
	children           []*link // causes, contexts, members of a group, suppressed ones
	kind               string  // mechanism type: how it hangs below its parent
	source             string  // mechanism source: "__cause__", "errors[0]", …
	group              bool    // holds several exceptions
}

// under hangs child below l.
func (l *link) under(child *link, kind, source string) {
	child.parent, child.kind, child.source = l, kind, source
	l.children = append(l.children, child)
}

// parser holds a text and what was found in it.
type parser struct {
	lines   []string
	root    *link // what was raised last
	omitted int
}

// chain turns what was found into exceptions, oldest cause first, within the
// limits. Exceptions are numbered from what was raised last on, as SDKs do.
func (p *parser) chain() []event.Exception {
	const oldest = 10
	type entry struct {
		*link
		above int // number of the exception that it hangs below, or -1
	}
	var found []entry
	pending := []entry{{p.root, -1}}
	for len(pending) > 0 {
		e := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		if e.link == nil {
			continue
		}
		above := e.above
		if e.typ != "" || len(e.stack.head) > 0 { // else a header that nothing followed but frames that were left out
			above = len(found)
			found = append(found, e)
		}
		for _, c := range slices.Backward(e.children) {
			pending = append(pending, entry{c, above})
		}
	}
	n := len(found)
	all := make([]event.Exception, 0, min(n, MaxExceptions))
	for id, e := range slices.Backward(found) {
		if n > MaxExceptions && id >= MaxExceptions-oldest && id < n-oldest {
			continue
		}
		x := event.Exception{
			Type:   clean(e.typ, MaxType),
			Module: clean(e.module, MaxName),
			Value:  clean(strings.TrimSpace(e.value), MaxValue),
			Frames: e.stack.frames(),
		}
		if n > 1 {
			x.Mechanism = event.Mechanism{Type: e.kind, Source: e.source, IsGroup: e.group, ExceptionID: &id}
			if e.above >= 0 {
				x.Mechanism.ParentID = &e.above
			}
		}
		p.omitted += e.stack.omitted()
		all = append(all, x)
	}
	return all
}

// message joins lines to a value, as much of it as is kept.
func message(lines []string) string {
	size := 0
	for i, line := range lines {
		if size += len(line) + 1; size > MaxValue {
			lines = lines[:i+1]
			break
		}
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}
