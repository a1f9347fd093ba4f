package traceback

import (
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

// geckoFrame reads a line of the stack of Firefox or Safari:
// "load@https://example.com/app.js:10:5". Text that has an '@' in it, as an
// e-mail address, is no frame.
func geckoFrame(line string) (event.Frame, bool) {
	line = strings.TrimSpace(line)
	if strings.HasPrefix(line, "at ") {
		return event.Frame{}, false
	}
	if isURL(line) && !strings.ContainsAny(line, " \t") { // Safari, of a function without a name
		path, n, column, ok := position(line)
		return scriptFrame(path, n, column), ok && column > 0 && isScript(path)
	}
	i := strings.IndexByte(line, '@')
	if i < 0 {
		return event.Frame{}, false
	}
	// A function may have an '@' in its name, and a URL may have one too: the
	// first that a place follows is the one between them.
	for range 4 {
		if f, ok := geckoLocation(line[i+1:]); ok {
			function := line[:i]
			if strings.ContainsAny(function, " \t") && !isGeckoLabel(function) {
				return event.Frame{}, false
			}
			f.Function = geckoFunction(function)
			if f.Function != function {
				f.RawFunction = clean(function, MaxName)
			}
			return f, true
		}
		next := strings.IndexByte(line[i+1:], '@')
		if next < 0 {
			break
		}
		i += 1 + next
	}
	return event.Frame{}, false
}

// isGeckoLabel tells the names with blanks in them that engines make up.
func isGeckoLabel(s string) bool {
	switch s {
	case "global code", "eval code", "module code", "async function", "native code":
		return true
	}
	for _, mark := range []string{" callback*", " handler*", "async*", "get ", "set ", "bound ", "static "} {
		if strings.Contains(s, mark) {
			return true
		}
	}
	return false
}

// geckoFunction is the name without the mark of a call that was put off:
// "promise callback*load" is load, called later.
func geckoFunction(s string) string {
	if i := strings.LastIndexByte(s, '*'); i >= 0 {
		s = s[i+1:]
	}
	switch s {
	case "global code", "eval code", "module code", "anonymous":
		return ""
	}
	return s
}

// geckoLocation reads what follows the '@'.
func geckoLocation(s string) (event.Frame, bool) {
	switch s {
	case "[native code]", "[wasm code]":
		return event.Frame{Filename: s, AbsPath: s}, true
	case "":
		return event.Frame{}, false
	}
	// Evaluated text: "http://h/a.js line 26 > eval:2:96" and "… > Function:1:5".
	if i := strings.Index(s, " line "); i > 0 && strings.Contains(s[i:], " > ") {
		if n, _, ok := digits(s[i+len(" line "):]); ok && isScript(s[:i]) {
			return scriptFrame(s[:i], n, 0), true
		}
		return event.Frame{}, false
	}
	if i := strings.Index(s, ":wasm-function["); i > 0 && isScript(s[:i]) {
		return scriptFrame(s[:i], 0, 0), true
	}
	path, line, column, ok := position(s)
	if !ok || !isScript(path) {
		return event.Frame{}, false
	}
	return scriptFrame(path, line, column), true
}

func isGeckoFrame(line string) bool {
	_, ok := geckoFrame(line)
	return ok
}

func parseGecko(p *parser) {
	x := &link{}
	var before []string
	for _, line := range p.lines {
		if f, ok := geckoFrame(line); ok {
			x.stack.add(f)
		} else if x.stack.n == 0 && strings.TrimSpace(line) != "" {
			before = append(before, line)
		}
	}
	// The engines print no header, but programs put one above the stack.
	x.header(before)
	p.root = x
}
