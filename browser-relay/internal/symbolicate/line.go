package symbolicate

import (
	"strconv"
	"strings"
)

// call is a line of a stack that names a call.
type call struct {
	gecko    bool   // of Firefox or Safari; else of V8
	label    string // what stands before the function: "async ", "new ", "promise callback*"
	function string // as the engine calls it, or empty
	as       string // " [as other]", which V8 puts behind it

	// Of the place in a file: empty and 0 for calls that have none.
	url          string
	line, column int
	from, to     int // where url:line:column stands in the text of the line

	eval  bool // the place is where code was evaluated that this call is in
	place place
}

// place is what sort of place a call is at.
type place uint8

const (
	inFile    place = iota // url, line and column are known
	inEngine               // native code
	anonymous              // code without a file
	noColumn               // url and line are known, as in code that Firefox evaluates
	inWasm                 // WebAssembly
)

// parseCall reads a line of a stack. ok is false if it is none, as the message.
func parseCall(text string) (c call, ok bool) {
	start := len(text) - len(strings.TrimLeft(text, " \t"))
	line := strings.TrimRight(text[start:], " \t\r")
	if rest, isV8 := strings.CutPrefix(line, "at "); isV8 {
		return parseV8(rest, start+len("at "))
	}
	return parseGecko(line, start)
}

// position splits "url:12:34". at is where it begins in the line.
func (c *call) position(s string, at int) bool {
	column, rest, ok := number(s)
	if !ok {
		return false
	}
	line, url, ok := number(rest)
	if !ok || url == "" || line == 0 || column == 0 {
		return false
	}
	c.url, c.line, c.column = url, line, column
	c.from, c.to = at, at+len(s)
	return true
}

// number takes ":12" from the end of s.
func number(s string) (n int, rest string, ok bool) {
	i := len(s)
	for i > 0 && s[i-1] >= '0' && s[i-1] <= '9' {
		i--
	}
	if i == len(s) || i < 1 || s[i-1] != ':' || len(s)-i > 9 {
		return 0, s, false
	}
	n, err := strconv.Atoi(s[i:])
	return n, s[:i-1], err == nil
}

// parseV8 reads what follows "at " in Chrome, Edge, Node, Deno and Hermes:
// "load (https://h/app.js:10:5)". at is where it begins in the line.
func parseV8(s string, at int) (c call, ok bool) {
	location := s
	if strings.HasSuffix(s, ")") {
		open := openingParen(s)
		if open < 0 || open > 0 && s[open-1] != ' ' {
			return c, false
		}
		location = s[open+1 : len(s)-1]
		at += open + 1
		c.names(strings.TrimSpace(s[:open]))
	} else if rest, isAsync := strings.CutPrefix(s, "async "); isAsync {
		c.label, location = "async ", rest
		at += len("async ")
	}
	switch {
	case location == "native", location == "native code":
		c.place = inEngine
		return c, true
	case location == "<anonymous>", strings.HasPrefix(location, "index "):
		c.place = anonymous
		return c, true
	case strings.HasPrefix(location, "eval at "):
		return c.evaluated(location, at)
	case strings.Contains(location, "wasm-function["), strings.HasPrefix(location, "wasm://"):
		c.place = inWasm
		c.url, _, _ = strings.Cut(location, ":wasm-function[")
		return c, true
	}
	if !c.position(location, at) || !c.believable() {
		return c, false
	}
	return c, true
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

// names takes "async Object.load [as go]" apart.
func (c *call) names(s string) {
	for _, label := range []string{"async ", "new "} {
		if rest, ok := strings.CutPrefix(s, label); ok {
			c.label += label
			s = rest
		}
	}
	if i := strings.LastIndex(s, " [as "); i > 0 && strings.HasSuffix(s, "]") {
		s, c.as = s[:i], s[i:]
	}
	c.function = s
}

// evaluated reads "eval at f (http://h/a.js:1:2), <anonymous>:3:4": the innermost
// place in a file is where the code was made. What is evaluated may have a name of
// its own instead, in which case V8 gives that.
func (c *call) evaluated(s string, at int) (call, bool) {
	c.eval = true
	for from := 0; ; {
		open := strings.IndexByte(s[from:], '(')
		if open < 0 {
			c.place = anonymous
			return *c, true
		}
		from += open + 1
		end := strings.IndexByte(s[from:], ')')
		if end < 0 {
			c.place = anonymous
			return *c, true
		}
		if inner := s[from : from+end]; !strings.HasPrefix(inner, "eval at ") && c.position(inner, at+from) && c.believable() {
			return *c, true
		}
	}
}

// parseGecko reads a line of Firefox or Safari: "load@https://h/app.js:10:5".
func parseGecko(s string, at int) (c call, ok bool) {
	c.gecko = true
	if !strings.ContainsAny(s, " \t@") || isURL(s) && !strings.Contains(s, " ") && !strings.Contains(beforePath(s), "@") {
		// Safari writes only the place when the function has no name.
		if c.position(s, at) && isURL(c.url) {
			return c, true
		}
	}
	i := strings.IndexByte(s, '@')
	for tries := 0; i >= 0 && tries < 4; tries++ {
		if c.location(s[i+1:], at+i+1) {
			name := s[:i]
			if star := strings.LastIndexByte(name, '*'); star >= 0 {
				c.label, name = name[:star+1], name[star+1:]
			}
			if strings.ContainsAny(name, " \t") && !engineName(name) {
				return c, false
			}
			c.function = name
			return c, true
		}
		next := strings.IndexByte(s[i+1:], '@')
		if next < 0 {
			break
		}
		i += 1 + next
	}
	return c, false
}

// beforePath is the scheme and the host of a URL.
func beforePath(s string) string {
	i := strings.Index(s, "://")
	if i < 0 {
		return ""
	}
	if j := strings.IndexByte(s[i+3:], '/'); j >= 0 {
		return s[:i+3+j]
	}
	return s
}

// engineName tells names with blanks that engines give.
func engineName(s string) bool {
	switch s {
	case "global code", "eval code", "module code":
		return true
	}
	for _, prefix := range []string{"get ", "set ", "bound ", "static ", "async "} {
		if rest, ok := strings.CutPrefix(s, prefix); ok && !strings.Contains(rest, " ") {
			return true
		}
	}
	return false
}

// location reads what follows the '@'.
func (c *call) location(s string, at int) bool {
	switch s {
	case "[native code]":
		c.place = inEngine
		return true
	case "[wasm code]":
		c.place = inWasm
		return true
	case "":
		c.place = anonymous
		return true
	}
	if strings.Contains(s, ":wasm-function[") {
		c.place = inWasm
		c.url, _, _ = strings.Cut(s, ":wasm-function[")
		return true
	}
	// "http://h/a.js line 10 > eval:1:1" tells no column of the place in the file.
	if i := strings.Index(s, " line "); i > 0 && strings.Contains(s[i:], " > ") && isFile(s[:i]) {
		rest := s[i+len(" line "):]
		end := strings.IndexByte(rest, ' ')
		n, err := strconv.Atoi(rest[:end])
		if err != nil || n < 1 {
			return false
		}
		c.place, c.eval, c.url, c.line = noColumn, true, s[:i], n
		return true
	}
	return c.position(s, at) && c.believable()
}

// believable tells the name of a script from other text before ":12:34".
func (c *call) believable() bool {
	if c.url == "<anonymous>" || c.url == "debugger eval code" {
		c.place, c.url = anonymous, ""
		c.from, c.to = 0, 0
		return true
	}
	return isFile(c.url)
}

func isFile(s string) bool {
	if s == "" || len(s) > MaxPath {
		return false
	}
	return isURL(s) || !strings.ContainsAny(s, " \t()") && !strings.Contains(s, "@") || s[0] == '/'
}

// isURL tells whether s begins with a scheme that scripts have.
func isURL(s string) bool {
	i := strings.IndexByte(s, ':')
	if i < 2 || i > 32 || !isScheme(s[:i]) {
		return false
	}
	switch s[:i] {
	case "node", "file", "blob", "data", "webpack", "webpack-internal", "javascript", "app", "capacitor", "ionic":
		return true
	}
	return strings.HasPrefix(s[i:], "://")
}

// notFetched tells URLs that no file was uploaded for, and why.
func notFetched(url string) string {
	scheme, _, _ := strings.Cut(url, ":")
	switch scheme {
	case "blob", "data", "webpack-internal", "webpack", "javascript", "node", "about":
		return scheme + ": URLs have no file that a source map could be for"
	}
	if isExtension(url) {
		return "it belongs to an extension of the browser"
	}
	return ""
}

// isExtension tells code that extensions put into pages.
func isExtension(url string) bool {
	scheme, _, _ := strings.Cut(url, ":")
	return strings.HasSuffix(scheme, "-extension") || scheme == "webkit-masked-url"
}
