package alerting

import (
	"fmt"
	"slices"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

// tracebackOf is the event's own traceback, or one made of its exceptions, the
// last raised first. Local variables are never part of it: they may hold
// personal data, and a mail leaves the house.
func tracebackOf(e *event.Event) string {
	if strings.TrimSpace(e.Traceback) != "" {
		return e.Traceback
	}
	var b strings.Builder
	for n, x := range slices.Backward(e.Exceptions) {
		if b.Len() > maxTraceback {
			break
		}
		if n < len(e.Exceptions)-1 {
			b.WriteString("\nCaused by: ")
		}
		b.WriteString(x.Type)
		if x.Value != "" {
			b.WriteString(": " + x.Value)
		}
		b.WriteByte('\n')
		for _, f := range slices.Backward(x.Frames) {
			if b.Len() > maxTraceback {
				break
			}
			writeFrame(&b, f)
		}
	}
	return b.String()
}

// writeFrame writes "    at load (app/orders.py:12:3)" and the line of code.
func writeFrame(b *strings.Builder, f event.Frame) {
	function, file := f.Function, f.Filename
	if function == "" {
		function = "<anonymous>"
	}
	if file == "" {
		file = f.AbsPath
	}
	if file == "" {
		file = f.Module
	}
	fmt.Fprintf(b, "    at %s", function)
	if file != "" {
		b.WriteString(" (" + file)
		if f.Line > 0 {
			fmt.Fprintf(b, ":%d", f.Line)
			if f.Column > 0 {
				fmt.Fprintf(b, ":%d", f.Column)
			}
		}
		b.WriteByte(')')
	}
	b.WriteByte('\n')
	if code := strings.TrimSpace(f.ContextLine); code != "" {
		b.WriteString("        " + code + "\n")
	}
}
