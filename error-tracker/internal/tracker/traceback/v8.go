package traceback

import (
	"strconv"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

// v8Frame reads a line of the stack of Chrome, Edge, Node, Deno, Bun or Hermes:
// "at load (https://example.com/app.js:10:5)".
func v8Frame(line string) (event.Frame, bool) {
	rest, ok := strings.CutPrefix(strings.TrimLeft(line, " \t"), "at ")
	if !ok {
		return event.Frame{}, false
	}
	rest = strings.TrimRight(rest, " \t")
	rest = strings.TrimSuffix(rest, " {") // properties follow
	rest = strings.TrimSuffix(rest, ",")  // one of several errors
	function, location := "", rest
	if strings.HasSuffix(rest, ")") {
		open := openingParen(rest)
		switch {
		case open == 0:
			location = rest[1 : len(rest)-1]
		case open > 0 && rest[open-1] == ' ':
			function, location = rest[:open-1], rest[open+1:len(rest)-1]
		default: // "at f(x)" is .NET or Java
			return event.Frame{}, false
		}
	} else {
		location = strings.TrimPrefix(location, "async ")
	}
	f, ok := v8Location(location)
	if !ok {
		return event.Frame{}, false
	}
	f.RawFunction = clean(function, MaxName)
	function = strings.TrimPrefix(function, "async ")
	if i := strings.LastIndex(function, " [as "); i > 0 && strings.HasSuffix(function, "]") {
		function = function[:i]
	}
	f.Function = function
	if f.RawFunction == f.Function {
		f.RawFunction = ""
	}
	return f, true
}

// openingParen is the place of the parenthesis that the last byte of s closes,
// -1 if there is none.
func openingParen(s string) int {
	depth := 0
	for i := len(s) - 1; i >= 0; i-- {
		switch s[i] {
		case ')':
			depth++
		case '(':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// v8Location reads what stands in the parentheses of a frame.
func v8Location(s string) (event.Frame, bool) {
	switch {
	case s == "native" || s == "<anonymous>":
		return event.Frame{Filename: s, AbsPath: s}, true
	case strings.HasPrefix(s, "index "): // of a promise in Promise.all
		_, ok := number(s[len("index "):])
		return event.Frame{Filename: "<anonymous>", AbsPath: "<anonymous>"}, ok
	case strings.HasPrefix(s, "eval at "):
		return evalOrigin(s)
	}
	s = strings.TrimPrefix(s, "address at ") // Hermes byte code
	if i := strings.Index(s, ":wasm-function["); i > 0 {
		return scriptFrame(s[:i], 0, 0), true
	}
	path, line, column, ok := position(s)
	if !ok || !isScript(path) {
		return event.Frame{}, false
	}
	return scriptFrame(path, line, column), true
}

// evalOrigin finds the place in a file where code was evaluated that was made
// at run time: "eval at f (http://h/a.js:1:2), <anonymous>:3:4". The position
// within the evaluated text means nothing to a reader.
func evalOrigin(s string) (event.Frame, bool) {
	open := strings.LastIndexByte(s, '(')
	if open >= 0 {
		if end := strings.IndexByte(s[open:], ')'); end > 0 {
			if path, line, column, ok := position(s[open+1 : open+end]); ok && isScript(path) {
				return scriptFrame(path, line, column), true
			}
		}
	}
	return event.Frame{Filename: "<anonymous>", AbsPath: "<anonymous>"}, true
}

func scriptFrame(path string, line, column int) event.Frame {
	f := event.Frame{Filename: path, AbsPath: path, Line: line, Column: column}
	if file, ok := strings.CutPrefix(path, "file://"); ok {
		f.Filename = file
	}
	return f
}

// scriptExtensions are those of files that appear in stacks of JavaScript.
var scriptExtensions = map[string]bool{
	"js": true, "mjs": true, "cjs": true, "jsx": true, "es6": true, "ts": true, "mts": true, "cts": true, "tsx": true,
	"vue": true, "svelte": true, "astro": true, "coffee": true, "html": true, "htm": true, "xhtml": true, "php": true,
	"asp": true, "aspx": true, "jsp": true, "jsf": true, "bundle": true, "jsbundle": true, "hbc": true, "wasm": true, "node": true,
}

// isScript tells the name of a script from other text that may stand before
// ":12:34": it is a URL, a path, or a file with a known extension.
func isScript(s string) bool {
	s, _, _ = strings.Cut(s, "?")
	switch {
	case s == "":
		return false
	case isURL(s), s[0] == '/', len(s) > 2 && s[1] == ':' && (s[2] == '\\' || s[2] == '/'), strings.HasPrefix(s, `\\`):
		return true
	case strings.HasPrefix(s, "<anonymous>"), strings.HasPrefix(s, "[eval"), strings.HasPrefix(s, "[worker eval"),
		strings.HasPrefix(s, "evalmachine."), strings.HasPrefix(s, "REPL"), strings.HasPrefix(s, "repl"), s == "debugger eval code":
		return true
	case strings.ContainsAny(s, " \t"):
		return false
	case s[0] != '.' && strings.ContainsRune(s, '/') && (s[0] < '0' || s[0] > '9'), strings.HasPrefix(s, "./"), strings.HasPrefix(s, "../"):
		return true
	}
	name := s[strings.LastIndexByte(s, '/')+1:]
	i := strings.LastIndexByte(name, '.')
	return i > 0 && scriptExtensions[strings.ToLower(name[i+1:])] && !strings.Contains(name, "@")
}

// isURL tells whether s begins with a scheme that scripts are loaded by.
func isURL(s string) bool {
	i := strings.IndexByte(s, ':')
	if i < 2 || i > 32 {
		return false
	}
	for _, c := range []byte(s[:i]) {
		if (c < 'a' || c > 'z') && c != '-' && c != '+' && c != '.' && (c < '0' || c > '9') {
			return false
		}
	}
	switch s[:i] {
	case "node", "file", "blob", "data", "webpack", "webpack-internal", "app", "ng", "capacitor", "ionic", "bun", "deno", "ext", "rsc", "turbopack", "javascript":
		return true
	}
	return strings.HasPrefix(s[i:], "://")
}

func isV8Frame(line string) bool {
	_, ok := v8Frame(line)
	return ok
}

// jsHeader reads "TypeError: x is undefined". strong is false when the line
// may as well be something else.
func jsHeader(line string) (typ, value string, strong bool) {
	line = strings.TrimSpace(line)
	for {
		rest := line
		for _, prefix := range []string{"Uncaught ", "(in promise) ", "(in promise): ", "Unhandled rejection ", "Unhandled Promise Rejection: ", "Caused by: ", "caused by: "} {
			rest = strings.TrimPrefix(rest, prefix)
		}
		if strings.HasPrefix(rest, "(node:") {
			const mark = "UnhandledPromiseRejectionWarning: "
			if i := strings.Index(rest, mark); i >= 0 {
				rest = rest[i+len(mark):]
			}
		}
		if rest == line {
			break
		}
		line = rest
	}
	name, rest, colon := strings.Cut(line, ":")
	if i := strings.Index(name, " ["); i > 0 && strings.HasSuffix(name, "]") { // "Error [ERR_INVALID_ARG_TYPE]"
		name = name[:i]
	}
	if !isIdentifier(name, ".") || len(name) > MaxType {
		return "", line, false
	}
	strong = strings.HasSuffix(name, "Error") || strings.HasSuffix(name, "Exception")
	if !strong && (name[0] < 'A' || name[0] > 'Z') || colon && rest != "" && rest[0] != ' ' {
		return "", line, false
	}
	return name, strings.TrimSpace(rest), strong
}

// v8Error is an error that is being read.
type v8Error struct {
	*link
	indent int // of its header; frames stand four to the right
	listed int // how many errors of its list were read
}

// v8Gap is a run of frames that Node left out because its cause has them too.
type v8Gap struct {
	of       *link
	from, to int // frames before it, and frames that are missing
}

// maxGaps bounds the work of filling them in.
const maxGaps = 50

type v8Parser struct {
	open    []*v8Error // outermost first; the last one takes frames
	pending []string   // lines since the last frame
	gaps    []v8Gap
	root    *link
}

func parseV8(p *parser) {
	y := &v8Parser{}
	for _, line := range p.lines {
		if f, ok := v8Frame(line); ok {
			y.frame(indent(line), f)
		} else if n, ok := v8Repeated(line); ok && y.top() != nil {
			if x := y.top().link; len(y.gaps) < maxGaps && x.stack.n < MaxInner {
				y.gaps = append(y.gaps, v8Gap{x, x.stack.n, n})
			}
		} else {
			y.pending = append(y.pending, line)
		}
	}
	for _, g := range y.gaps {
		g.fill()
	}
	p.root = y.root
}

// v8Repeated reads "... 4 lines matching cause stack trace ...".
func v8Repeated(line string) (int, bool) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(line), "... ")
	if !ok {
		return 0, false
	}
	n, rest, ok := digits(rest)
	return n, ok && rest == " lines matching cause stack trace ..."
}

// fill takes the missing frames from the cause, in which they stand behind the
// frame that the gap stands behind.
func (g v8Gap) fill() {
	if g.from == 0 || len(g.of.children) == 0 {
		return
	}
	own, cause := g.of.stack.text(), g.of.children[0].stack.text()
	before := own[g.from-1]
	for i := range cause {
		c := &cause[i]
		if c.Line != before.Line || c.Column != before.Column || c.AbsPath != before.AbsPath || i+1+g.to > len(cause) {
			continue
		}
		var s stack
		for _, part := range [][]event.Frame{own[:g.from], cause[i+1 : i+1+g.to], own[g.from:]} {
			for _, f := range part {
				s.add(f)
			}
		}
		s.n += g.of.stack.omitted()
		g.of.stack = s
		return
	}
}

func (y *v8Parser) top() *v8Error {
	if len(y.open) == 0 {
		return nil
	}
	return y.open[len(y.open)-1]
}

// frame adds f to the error whose header stands four columns to its left.
func (y *v8Parser) frame(column int, f event.Frame) {
	at := column - 4
	lines := y.pending
	y.pending = nil
	switch {
	case y.root == nil:
		x := &link{}
		y.root = x
		y.open = []*v8Error{{link: x, indent: at}}
		lines = uncaught(lines, &f)
		// A log may have put words before the header.
		for i, line := range lines {
			if _, _, strong := jsHeader(line); strong {
				lines = lines[i:]
				break
			}
		}
		x.header(lines)
	case len(lines) > 0:
		y.enter(at, lines)
	}
	// The end of a nested error leads back to the one around it.
	for len(y.open) > 1 && y.top().indent > at {
		y.open = y.open[:len(y.open)-1]
	}
	y.top().stack.add(f)
}

// enter opens the error whose header is among the lines, if there is one. It
// is a property of another error, a member of a list of errors, or another
// error that was printed below.
func (y *v8Parser) enter(at int, lines []string) {
	for i, line := range lines {
		if indent(line) != at {
			continue
		}
		key, header := v8Property(strings.TrimSpace(line))
		if _, _, strong := jsHeader(header); !strong {
			continue
		}
		for len(y.open) > 1 && y.top().indent >= at {
			y.open = y.open[:len(y.open)-1]
		}
		parent := y.top()
		x := &v8Error{link: &link{}, indent: at}
		switch {
		case key == "cause" || parent.indent >= at:
			parent.under(x.link, "chained", "cause")
		case key == "error" || key == "suppressed": // of a SuppressedError
			parent.under(x.link, "chained", key)
		case key == "":
			parent.group = true
			parent.under(x.link, "chained", "errors["+strconv.Itoa(parent.listed)+"]")
			parent.listed++
		}
		own := make([]string, 0, len(lines)-i)
		own = append(own, header)
		margin := strings.Repeat(" ", max(at, 0))
		for _, more := range lines[i+1:] {
			own = append(own, strings.TrimPrefix(more, margin))
		}
		x.header(own)
		y.open = append(y.open, x)
		return
	}
}

// v8Property splits "[cause]: TypeError: x" into its key and its value.
func v8Property(line string) (key, value string) {
	name, rest, ok := strings.Cut(line, ": ")
	if !ok || strings.ContainsRune(name, ' ') {
		return "", line
	}
	if _, _, strong := jsHeader(line); strong {
		return "", line // "Error: TypeError: x"
	}
	if _, _, strong := jsHeader(rest); !strong {
		return "", line
	}
	return strings.Trim(name, "[]"), rest
}

// header reads the type and the message of an error in JavaScript.
func (l *link) header(lines []string) {
	for len(lines) > 0 && strings.TrimSpace(lines[0]) == "" {
		lines = lines[1:]
	}
	if len(lines) == 0 {
		return
	}
	typ, value, _ := jsHeader(lines[0])
	l.typ = typ
	l.value = message(append([]string{value}, lines[1:]...))
}

// uncaught removes what Node prints above an error that ends the program: the
// place, the source line and a caret. The source goes to the first frame if it
// is that place.
func uncaught(lines []string, first *event.Frame) []string {
	for i, line := range lines {
		line = strings.TrimSpace(line)
		if i < 2 || line == "" || strings.Trim(line, "^") != "" {
			continue
		}
		path, n, _, ok := position(strings.TrimSpace(lines[i-2]))
		if ok && n == first.Line && (path == first.AbsPath || path == first.Filename) {
			first.ContextLine = clean(strings.TrimSpace(lines[i-1]), MaxSource)
		}
		return lines[i+1:]
	}
	return lines
}

// isNode tells whether frames are of Node rather than of a browser or an app.
func isNode(chain []event.Exception) bool {
	node := false
	for i := range chain {
		for j := range chain[i].Frames {
			path := chain[i].Frames[j].AbsPath
			if strings.HasSuffix(path, "bundle") || path == "InternalBytecode.js" {
				return false // React Native
			}
			node = node || strings.HasPrefix(path, "node:") || strings.HasPrefix(path, "/") || strings.HasPrefix(path, "internal/") ||
				strings.HasPrefix(path, "file:///") && strings.Contains(path, "node_modules")
		}
	}
	return node
}
