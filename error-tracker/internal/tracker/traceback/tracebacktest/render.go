// Package tracebacktest prints exceptions as the programs of a platform do, for
// tests of what reads them.
package tracebacktest

import (
	"fmt"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

// Render is the text that a program of the platform prints for the chain,
// oldest cause first. ok is false for platforms that print no such text.
func Render(platform string, chain []event.Exception) (text string, ok bool) {
	render := map[string]func([]event.Exception) string{
		"python": Python, "javascript": V8, "node": V8, "java": Java, "go": Go, "ruby": Ruby, "php": PHP, "csharp": Dotnet,
	}[platform]
	if render == nil || len(chain) == 0 {
		return "", false
	}
	return render(chain), true
}

func path(f event.Frame) string {
	if f.AbsPath != "" {
		return f.AbsPath
	}
	return f.Filename
}

// header is "Type: value".
func header(x event.Exception, separator string) string {
	name := x.Type
	if x.Module != "" {
		name = x.Module + separator + x.Type
	}
	if x.Value == "" {
		return name
	}
	return name + ": " + x.Value
}

// innermostFirst calls f for each frame, the place of the error first.
func innermostFirst(x event.Exception, f func(event.Frame)) {
	for i := len(x.Frames) - 1; i >= 0; i-- {
		f(x.Frames[i])
	}
}

// pythonPath is the path as the interpreter prints it. A library whose place
// the sender left out is where libraries are.
func pythonPath(f event.Frame) string {
	if f.AbsPath == "" && f.InApp != nil && !*f.InApp && !strings.HasPrefix(f.Filename, "/") {
		return "/usr/local/lib/python3.12/site-packages/" + f.Filename
	}
	return path(f)
}

// Python prints a chain as the traceback module of Python 3 does.
func Python(chain []event.Exception) string {
	var b strings.Builder
	for i, x := range chain {
		if i > 0 {
			b.WriteString("\nThe above exception was the direct cause of the following exception:\n\n")
		}
		if len(x.Frames) > 0 || len(chain) > 1 {
			b.WriteString("Traceback (most recent call last):\n")
		}
		for _, f := range x.Frames {
			fmt.Fprintf(&b, "  File \"%s\", line %d, in %s\n", pythonPath(f), f.Line, f.Function)
			if f.ContextLine != "" {
				fmt.Fprintf(&b, "    %s\n", strings.TrimSpace(f.ContextLine))
			}
		}
		b.WriteString(header(x, ".") + "\n")
	}
	return b.String()
}

// V8 prints a chain as Node's util.inspect does, without leaving frames out.
func V8(chain []event.Exception) string {
	var b strings.Builder
	closing := 0
	for i := len(chain) - 1; i >= 0; i-- {
		x := chain[i]
		margin := strings.Repeat("  ", closing)
		if closing > 0 {
			b.WriteString(margin + "[cause]: ")
		}
		b.WriteString(strings.ReplaceAll(header(x, "."), "\n", "\n"+margin))
		innermostFirst(x, func(f event.Frame) {
			place := path(f)
			if f.Line > 0 {
				place = fmt.Sprintf("%s:%d:%d", place, f.Line, max(f.Column, 1))
			}
			if f.Function == "" || f.Function == "?" {
				fmt.Fprintf(&b, "\n%s    at %s", margin, place)
			} else {
				fmt.Fprintf(&b, "\n%s    at %s (%s)", margin, f.Function, place)
			}
		})
		if i > 0 {
			b.WriteString(" {\n")
			closing++
		}
	}
	for ; closing > 0; closing-- {
		b.WriteString("\n" + strings.Repeat("  ", closing-1) + "}")
	}
	return b.String() + "\n"
}

// Gecko prints the last exception's stack as Firefox does: without a header.
func Gecko(chain []event.Exception) string {
	var b strings.Builder
	innermostFirst(chain[len(chain)-1], func(f event.Frame) {
		function := f.Function
		if function == "?" {
			function = ""
		}
		fmt.Fprintf(&b, "%s@%s:%d:%d\n", function, path(f), f.Line, max(f.Column, 1))
	})
	return b.String()
}

// Java prints a chain as Throwable.printStackTrace does. Frames that a cause
// shares with the exception around it are not repeated.
func Java(chain []event.Exception) string {
	var b strings.Builder
	for i := len(chain) - 1; i >= 0; i-- {
		x := chain[i]
		shared := 0
		if i < len(chain)-1 {
			b.WriteString("Caused by: ")
			outer := chain[i+1].Frames
			for shared < len(x.Frames) && shared < len(outer) && sameJava(x.Frames[shared], outer[shared]) {
				shared++
			}
		}
		b.WriteString(header(x, ".") + "\n")
		for j := len(x.Frames) - 1; j >= shared; j-- {
			b.WriteString("\tat " + javaFrame(x.Frames[j]) + "\n")
		}
		if shared > 0 {
			fmt.Fprintf(&b, "\t... %d more\n", shared)
		}
	}
	return b.String()
}

func javaFrame(f event.Frame) string {
	place := "Unknown Source"
	switch {
	case f.Filename != "" && f.Line > 0:
		place = fmt.Sprintf("%s:%d", f.Filename, f.Line)
	case f.Filename != "":
		place = f.Filename
	}
	return fmt.Sprintf("%s.%s(%s)", f.Module, f.Function, place)
}

func sameJava(a, b event.Frame) bool { return javaFrame(a) == javaFrame(b) }

// Go prints the last exception as a panic of a goroutine.
func Go(chain []event.Exception) string {
	var b strings.Builder
	x := chain[len(chain)-1]
	fmt.Fprintf(&b, "panic: %s\n\ngoroutine 1 [running]:\n", strings.ReplaceAll(x.Value, "\n", "\n\t"))
	innermostFirst(x, func(f event.Frame) {
		// The dots of a package's own name are escaped.
		slash := strings.LastIndexByte(f.Module, '/') + 1
		module := f.Module[:slash] + strings.ReplaceAll(f.Module[slash:], ".", "%2e")
		fmt.Fprintf(&b, "%s.%s(0xc0000b4000, {0x1, 0x2})\n\t%s:%d +0x1d\n", module, f.Function, path(f), f.Line)
	})
	return b.String()
}

// Ruby prints a chain as Exception#full_message does.
func Ruby(chain []event.Exception) string {
	var b strings.Builder
	for i := len(chain) - 1; i >= 0; i-- {
		first := true
		innermostFirst(chain[i], func(f event.Frame) {
			place := fmt.Sprintf("%s:%d:in '%s'", path(f), f.Line, f.Function)
			if !first {
				fmt.Fprintf(&b, "\tfrom %s\n", place)
				return
			}
			first = false
			head, rest, more := strings.Cut(chain[i].Value, "\n")
			fmt.Fprintf(&b, "%s: %s (%s)\n", place, head, chain[i].Type)
			if more {
				b.WriteString(rest + "\n")
			}
		})
	}
	return b.String()
}

// PHP prints a chain as Throwable::__toString does.
func PHP(chain []event.Exception) string {
	var b strings.Builder
	for i, x := range chain {
		if i > 0 {
			b.WriteString("\nNext ")
		}
		n := len(x.Frames)
		if n == 0 {
			b.WriteString(header(x, `\`) + "\n")
			continue
		}
		fmt.Fprintf(&b, "%s in %s:%d\nStack trace:\n", header(x, `\`), path(x.Frames[n-1]), x.Frames[n-1].Line)
		call := 0
		for j := n - 1; j > 0; j-- {
			caller := fmt.Sprintf("%s(%d)", path(x.Frames[j-1]), x.Frames[j-1].Line)
			if path(x.Frames[j-1]) == "[internal]" || path(x.Frames[j-1]) == "[internal function]" || path(x.Frames[j-1]) == "" {
				caller = "[internal function]"
			}
			fmt.Fprintf(&b, "#%d %s: %s()\n", call, caller, x.Frames[j].Function)
			call++
		}
		fmt.Fprintf(&b, "#%d {main}\n", call)
	}
	return b.String()
}

// Dotnet prints a chain as Exception.ToString does.
func Dotnet(chain []event.Exception) string {
	var b strings.Builder
	for i := len(chain) - 1; i >= 0; i-- {
		if i < len(chain)-1 {
			b.WriteString("\n ---> ")
		}
		b.WriteString(header(event.Exception{Type: chain[i].Type, Value: chain[i].Value}, "."))
	}
	for i, x := range chain {
		if i > 0 {
			b.WriteString("\n   --- End of inner exception stack trace ---")
		}
		innermostFirst(x, func(f event.Frame) {
			fmt.Fprintf(&b, "\n   at %s.%s()", f.Module, f.Function)
			if p := path(f); p != "" && f.Line > 0 {
				fmt.Fprintf(&b, " in %s:line %d", p, f.Line)
			}
		})
	}
	return b.String() + "\n"
}
