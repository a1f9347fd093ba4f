package traceback

import (
	"strconv"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

// dotnetFrame reads "at Shop.Cart.Load(String name) in /src/Cart.cs:line 12",
// and Mono's "at Shop.Cart.Load (System.String name) [0x0001] in Cart.cs:12".
func dotnetFrame(line string) (event.Frame, bool) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(line), "at ")
	if !ok {
		return event.Frame{}, false
	}
	open := strings.IndexByte(rest, '(')
	if open <= 0 {
		return event.Frame{}, false
	}
	name := strings.TrimRight(rest[:open], " ")
	end := closingParen(rest[open:])
	if end < 0 || strings.ContainsAny(name, " \t/@") && !strings.Contains(name, ">g__") || !strings.Contains(name, ".") && !strings.HasPrefix(name, "lambda_method") {
		return event.Frame{}, false
	}
	after := strings.TrimSpace(strings.TrimSuffix(rest[open+end+1:], "<---")) // ends an inner exception
	mono := strings.HasPrefix(after, "[0x") || strings.HasPrefix(after, "<0x")
	if name != rest[:open] && !mono && !strings.HasPrefix(after, "in ") {
		return event.Frame{}, false // "at load (app.js:1:2)" is JavaScript
	}
	f := event.Frame{}
	if i := strings.LastIndex(after, "in "); i >= 0 && (i == 0 || after[i-1] == ' ') {
		f.Filename, f.Line = dotnetSource(after[i+3:])
		f.AbsPath = f.Filename
	} else if after != "" && !mono {
		return event.Frame{}, false
	}
	f.Module, f.Function = dotnetName(name)
	return f, true
}

// closingParen is the place of the parenthesis that closes the first byte of s,
// -1 if there is none.
func closingParen(s string) int {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// dotnetSource reads "C:\src\Cart.cs:line 12" and "Cart.cs:12".
func dotnetSource(s string) (file string, line int) {
	i := strings.LastIndexByte(s, ':')
	if i <= 0 {
		return s, 0
	}
	n, ok := number(strings.TrimPrefix(s[i+1:], "line "))
	if !ok {
		return s, 0
	}
	if s[0] == '<' { // Mono without symbols: <filename unknown>
		return "", 0
	}
	return s[:i], n
}

// dotnetName splits the name of a method from its type. Code that a compiler
// made of an async method goes by the method's own name.
func dotnetName(s string) (module, function string) {
	depth := 0
	dot := -1
	for i := len(s) - 1; i > 0; i-- {
		switch s[i] {
		case '>', ']':
			depth++
		case '<', '[':
			depth--
		case '.':
			if depth == 0 {
				dot = i
			}
		}
		if dot >= 0 {
			break
		}
	}
	if dot < 0 {
		return "", s
	}
	if s[dot-1] == '.' { // a constructor: "Shop.Cart..ctor"
		dot--
	}
	module, function = s[:dot], s[dot+1:]
	if function == "MoveNext" { // Shop.Cart.<Load>d__5.MoveNext
		if i := strings.LastIndexByte(module, '<'); i > 0 && strings.Contains(module[i:], ">d__") {
			return strings.TrimRight(module[:i], ".+"), module[i:] + "." + function
		}
	}
	return module, function
}

func isDotnetFrame(line string) bool {
	_, ok := dotnetFrame(line)
	return ok
}

// dotnetHeader splits "System.ArgumentException: bad". Sender libraries use the
// qualified name as the type.
func dotnetHeader(s string) (typ, value string, ok bool) {
	s = strings.TrimSpace(s)
	for _, prefix := range []string{"Unhandled exception. ", "Unhandled Exception: ", "[ERROR] FATAL UNHANDLED EXCEPTION: "} {
		s = strings.TrimPrefix(s, prefix)
	}
	name, value, _ := strings.Cut(s, ":")
	name = strings.TrimSpace(name)
	if i := strings.Index(name, " ("); i > 0 && strings.HasSuffix(name, ")") { // (0x80004005)
		name = name[:i]
	}
	plain := name
	if i := strings.IndexAny(plain, "`["); i > 0 {
		plain = plain[:i]
	}
	if !isIdentifier(plain, ".+") {
		return "", s, false
	}
	return name, strings.TrimSpace(value), strings.Contains(name, ".") || strings.HasSuffix(name, "Exception")
}

const (
	dotnetInner = "--->"
	dotnetEnd   = "--- End of inner exception stack trace ---"
)

type dotnetParser struct {
	root *link
	open []*link // from the outermost to the one that takes frames
	text []string
}

func parseDotnet(p *parser) {
	y := &dotnetParser{}
	for _, line := range p.lines {
		y.line(line)
	}
	y.finish()
	p.root = y.root
}

func (y *dotnetParser) top() *link {
	if len(y.open) == 0 {
		return nil
	}
	return y.open[len(y.open)-1]
}

func (y *dotnetParser) line(line string) {
	trimmed := strings.TrimSpace(line)
	if f, ok := dotnetFrame(line); ok {
		if y.root == nil {
			y.begin()
		}
		y.finish()
		y.top().stack.add(f)
		return
	}
	switch {
	case y.root != nil && strings.HasPrefix(trimmed, dotnetInner+" (Inner Exception #"):
		y.finish()
		n, rest, ok := digits(trimmed[len(dotnetInner+" (Inner Exception #"):])
		if !ok {
			return
		}
		x := &link{}
		if n > 0 { // number 0 was printed before the stack
			y.root.group = true
			y.root.under(x, "chained", "InnerExceptions["+strconv.Itoa(n)+"]")
		}
		y.open = append(y.open[:1], x)
		y.headers(strings.TrimPrefix(rest, ")"))
	case strings.HasPrefix(trimmed, dotnetInner) && y.root != nil:
		y.finish()
		y.inner()
		y.headers(trimmed[len(dotnetInner):])
	case trimmed == dotnetEnd:
		y.finish()
		if len(y.open) > 1 {
			y.open = y.open[:len(y.open)-1]
		}
	case strings.HasPrefix(trimmed, "--- End of stack trace"), strings.HasPrefix(trimmed, "--- Exception rethrown"), strings.HasPrefix(trimmed, "Exception rethrown at"),
		trimmed == "<---":
		// The same exception goes on below.
	case y.root == nil:
		first, _, _ := strings.Cut(trimmed, dotnetInner)
		if _, _, ok := dotnetHeader(first); ok {
			y.text = append(y.text[:0], line)
			y.begin()
		} else {
			y.text = append(y.text, line)
		}
	case y.top().stack.n == 0:
		if before, after, ok := strings.Cut(trimmed, " "+dotnetInner+" "); ok { // the message had several lines
			y.text = append(y.text, before)
			y.finish()
			y.inner()
			y.headers(after)
		} else {
			y.text = append(y.text, line)
		}
	}
}

// begin opens the first exception.
func (y *dotnetParser) begin() {
	y.root = &link{}
	y.open = []*link{y.root}
	lines := y.text
	y.text = nil
	if len(lines) > 0 {
		y.headers(lines[0])
		y.text = append(y.text, lines[1:]...)
	}
}

// inner opens the exception that the current one was raised for.
func (y *dotnetParser) inner() {
	x := &link{}
	y.top().under(x, "chained", "InnerException")
	y.open = append(y.open, x)
}

// headers reads "A: a ---> B: b", of which the last one takes what follows.
func (y *dotnetParser) headers(s string) {
	for i, header := range strings.Split(s, " "+dotnetInner+" ") {
		if i > 0 {
			y.finish()
			y.inner()
		}
		typ, value, ok := dotnetHeader(header)
		if ok {
			y.top().typ = typ
		}
		y.text = []string{value}
	}
}

// finish gives the exception that is being read its message.
func (y *dotnetParser) finish() {
	if x := y.top(); x != nil && len(y.text) > 0 {
		x.value = message(y.text)
	}
	y.text = nil
}
