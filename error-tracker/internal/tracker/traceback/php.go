package traceback

import (
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

// phpCall is a line of a trace: function was called at file and line.
type phpCall struct {
	file     string
	line     int
	function string
}

// parsePHPCall reads "#0 /app/Cart.php(12): Shop\Cart->load('a', Array)",
// "#1 [internal function]: …" and "#2 {main}".
func parsePHPCall(line string) (phpCall, bool) {
	line = strings.TrimSpace(line)
	if line == "" || line[0] != '#' {
		return phpCall{}, false
	}
	_, rest, ok := digits(line[1:])
	if !ok || rest == "" || rest[0] != ' ' {
		return phpCall{}, false
	}
	rest = rest[1:]
	if rest == "{main}" {
		return phpCall{function: "{main}"}, true
	}
	if after, ok := strings.CutPrefix(rest, "[internal function]: "); ok {
		return phpCall{function: phpFunction(after)}, true
	}
	// The file may have parentheses in its name: take the first that a number
	// and "): " follow.
	for i := 0; i < len(rest); i++ {
		if rest[i] != '(' {
			continue
		}
		if n, after, ok := digits(rest[i+1:]); ok {
			if call, ok := strings.CutPrefix(after, "): "); ok && i > 0 {
				return phpCall{rest[:i], n, phpFunction(call)}, true
			}
		}
	}
	return phpCall{}, false
}

// phpFunction is the name without its arguments. "->" and "::" both stand
// between class and method.
func phpFunction(s string) string {
	// A closure's name may have parentheses: {closure:Shop\Cart::load():12}.
	from := 0
	if i := strings.Index(s, "{closure:"); i >= 0 {
		if end := strings.IndexByte(s[i:], '}'); end > 0 {
			from = i + end
		}
	}
	if i := strings.IndexByte(s[from:], '('); i >= 0 {
		s = s[:from+i]
	}
	return strings.ReplaceAll(s, "->", "::")
}

func isPHPFrame(line string) bool {
	_, ok := parsePHPCall(line)
	return ok
}

// phpHeader reads "RuntimeException: message in /app/Cart.php:12".
func phpHeader(s string) (typ, value, file string, line int, ok bool) {
	if i := strings.LastIndex(s, " in "); i >= 0 {
		if path, n, _, isPlace := position(s[i+4:]); isPlace && n > 0 {
			file, line, s, ok = path, n, s[:i], true
		} else if path, rest, cut := strings.Cut(s[i+4:], " on line "); cut {
			if n, _, isLine := digits(rest); isLine {
				file, line, s, ok = path, n, s[:i], true
			}
		}
	}
	name, rest, colon := strings.Cut(s, ":")
	if colon && !isPHPType(name) && strings.HasPrefix(rest, ":") {
		name = ""
	}
	if isPHPType(name) {
		return name, strings.TrimSpace(rest), file, line, true
	}
	return "", strings.TrimSpace(s), file, line, ok
}

func isPHPType(s string) bool {
	if i := strings.Index(s, "@anonymous"); i > 0 {
		s = s[:i]
	}
	return isIdentifier(strings.TrimPrefix(s, `\`), `\`)
}

// phpPrefixes stand before an exception that ended a program.
var phpPrefixes = []string{"PHP Fatal error:  Uncaught ", "PHP Fatal error: Uncaught ", "Fatal error: Uncaught ", "Uncaught "}

// parsePHP reads traces. The text has the oldest exception first.
func parsePHP(p *parser) {
	y := &phpParser{}
	for _, line := range p.lines {
		y.line(line)
	}
	y.finish()
	p.root = y.root
	if y.newestFirst {
		p.root = reverseChain(p.root)
	}
}

type phpParser struct {
	root        *link
	text        []string // of a header
	current     *link    // among whose calls we are
	file        string   // where the next call's function was
	number      int
	escaped     bool // backslashes are doubled, as JSON does
	newestFirst bool // as Laravel logs chains: "[previous exception]"
}

func (y *phpParser) line(line string) {
	trimmed := strings.TrimSpace(line)
	if c, ok := parsePHPCall(trimmed); ok {
		if y.current == nil {
			y.begin()
		}
		y.call(c)
		return
	}
	switch {
	case trimmed == "Stack trace:", trimmed == "[stacktrace]", trimmed == "":
	case strings.HasPrefix(trimmed, "[previous exception]"):
		y.finish()
		y.newestFirst = true
		y.text = []string{strings.TrimSpace(trimmed[len("[previous exception]"):])}
	case strings.HasPrefix(trimmed, "Next ") && y.current != nil:
		y.finish()
		y.text = []string{trimmed[len("Next "):]}
	case y.current != nil:
		y.finish() // "  thrown in … on line 12", or other text
	default:
		y.text = append(y.text, trimmed)
	}
}

// begin makes an exception of the header that was read.
func (y *phpParser) begin() {
	x := &link{}
	x.typ, x.value, y.file, y.number, y.escaped = phpTop(y.text)
	if y.escaped {
		x.typ = unescapePHP(x.typ)
	}
	if y.root != nil {
		x.under(y.root, "chained", "previous")
	}
	y.root, y.current, y.text = x, x, nil
}

// call adds a frame. A call tells where it was made, and so where its caller
// was: names and places are one line apart.
func (y *phpParser) call(c phpCall) {
	function := c.function
	if function == "{main}" {
		function = ""
	}
	if y.escaped {
		function = unescapePHP(function)
	}
	if y.file != "" || function != "" {
		y.current.stack.add(phpFrame(y.file, y.number, function))
	}
	y.file, y.number = c.file, c.line
}

// finish ends an exception. Where its last call was made is a frame, too.
func (y *phpParser) finish() {
	if y.current != nil && y.file != "" {
		y.current.stack.add(phpFrame(y.file, y.number, ""))
	}
	y.current, y.file, y.text = nil, "", nil
}

func phpFrame(file string, line int, function string) event.Frame {
	if file == "" {
		file = "[internal function]"
	}
	return event.Frame{Filename: file, AbsPath: file, Line: line, Function: function}
}

// phpTop reads the lines of a header, which may have several in its message.
// escaped tells that backslashes are doubled.
func phpTop(lines []string) (typ, value, file string, line int, escaped bool) {
	for i, l := range lines {
		for _, prefix := range phpPrefixes {
			if j := strings.Index(l, prefix); j >= 0 {
				lines = append([]string{l[j+len(prefix):]}, lines[i+1:]...)
				typ, value, file, line, _ = phpHeader(message(lines))
				return typ, value, file, line, false
			}
		}
		// Laravel and Monolog: [object] (RuntimeException(code: 0): message at /app/Cart.php:12)
		if j := strings.Index(l, "[object] ("); j >= 0 {
			typ, value, file, line = monologObject(message(append([]string{l[j+len("[object] ("):]}, lines[i+1:]...)))
			return typ, value, file, line, true
		}
	}
	typ, value, file, line, _ = phpHeader(message(lines))
	return typ, value, file, line, false
}

func unescapePHP(s string) string { return strings.ReplaceAll(s, `\\`, `\`) }

// monologObject reads "RuntimeException(code: 0): message at /app/Cart.php:12)".
func monologObject(s string) (typ, value, file string, line int) {
	s = strings.TrimRight(s, " \n\"}")
	s = strings.TrimSuffix(s, ")")
	typ, rest, _ := strings.Cut(s, "(code: ")
	if _, after, ok := strings.Cut(rest, "): "); ok {
		rest = after
	}
	if i := strings.LastIndex(rest, " at "); i >= 0 {
		if path, n, _, ok := position(rest[i+4:]); ok {
			rest, file, line = rest[:i], path, n
		}
	}
	return typ, rest, file, line
}

// reverseChain turns a chain of single causes around.
func reverseChain(root *link) *link {
	var reversed *link
	for x := root; x != nil; {
		var next *link
		if len(x.children) > 0 {
			next = x.children[0]
		}
		x.children = nil
		if reversed != nil {
			x.under(reversed, "chained", "previous")
		}
		reversed = x
		x = next
	}
	return reversed
}
