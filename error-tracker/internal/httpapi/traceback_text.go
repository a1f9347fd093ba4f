package httpapi

import (
	"fmt"
	"slices"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

// tracebackText is the text that came with e or, from clients that send only
// structure, one made from it in the form that Python prints. What was empty
// and has no frames stays empty.
func tracebackText(e *event.Event) string {
	framed := func(x event.Exception) bool { return len(x.Frames) > 0 }
	if e.Traceback != "" || !slices.ContainsFunc(e.Exceptions, framed) {
		return e.Traceback
	}
	var b strings.Builder
	for i := range e.Exceptions {
		x := &e.Exceptions[i]
		if i > 0 {
			b.WriteString("\nThe above exception was the direct cause of the following exception:\n\n")
		}
		if len(x.Frames) > 0 {
			b.WriteString("Traceback (most recent call last):\n")
		}
		for j := range x.Frames {
			writeFrame(&b, &x.Frames[j])
		}
		fmt.Fprintf(&b, "%s: %s\n", x.Type, x.Value)
	}
	return b.String()
}

func writeFrame(b *strings.Builder, f *event.Frame) {
	file := f.Filename
	if file == "" {
		file = f.AbsPath
	}
	if file == "" {
		file = f.Module
	}
	fmt.Fprintf(b, "  File %q", file)
	if f.Line > 0 {
		fmt.Fprintf(b, ", line %d", f.Line)
	}
	if f.Function != "" {
		fmt.Fprintf(b, ", in %s", f.Function)
	}
	b.WriteByte('\n')
	if line := strings.TrimSpace(f.ContextLine); line != "" {
		fmt.Fprintf(b, "    %s\n", line)
	}
}
