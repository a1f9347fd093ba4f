package grouping

import (
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

const (
	minifiedColumn = 300 // no one writes lines that long
	minifiedLine   = 200
)

// minified tells whether more than half of a stack is JavaScript in a form
// that only machines read. Its names mean nothing and change with each build.
func minified(frames []event.Frame, platform string) bool {
	scripts, dense := 0, 0
	for i := range frames {
		f := &frames[i]
		p := platform
		if f.Platform != "" {
			p = f.Platform
		}
		if p = family(p); p != "javascript" && p != "node" || f.Line == 0 && f.Column == 0 || isNoise(f, p) {
			continue
		}
		scripts++
		if f.Column > minifiedColumn || len(f.ContextLine) > minifiedLine && !strings.Contains(f.ContextLine, "{snip}") {
			dense++
		}
	}
	return dense*2 > scripts
}
