// Package jsonpull reads JSON text in one pass, value by value, as the caller
// asks for them. It is made for reports from outside: what the caller does not
// want or did not expect is skipped, yet the whole text is checked, and nothing
// is built that nobody asked for.
//
// It differs from encoding/json in what it takes to be safe with such text:
// member names match exactly, a text after the value is an error, nesting has
// a limit, and strings always come out as valid UTF-8 without NUL.
package jsonpull

import (
	"iter"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Kind is what a JSON value is.
type Kind uint8

const (
	None Kind = iota // no value here: the end of the text, or a mistake
	Null
	Bool
	Number
	String
	Array
	Object
)

// Parser is a place in a JSON text. Its methods read the value there and move
// behind it; a method that finds another kind of value than it reads says so
// and stays. The first mistake in the text stops it: from then on Kind is None
// and Err tells the mistake.
type Parser struct {
	text     string
	pos      int
	depth    int
	maxDepth int
	blanks   int // white space skipped so far, in bytes
	err      error
	buf      []byte // of unescape and Raw, used again
}

// New returns a parser at the only value of text, which may nest objects and
// arrays maxDepth deep. Strings without escapes that it returns share the
// memory of text.
func New(text string, maxDepth int) *Parser {
	return &Parser{text: text, maxDepth: maxDepth}
}

// Reset makes p what New returns, and lets it keep its memory.
func (p *Parser) Reset(text string, maxDepth int) {
	*p = Parser{text: text, maxDepth: maxDepth, buf: p.buf[:0]}
}

// Err is the first mistake found: a *SyntaxError, a *DepthError or nil.
func (p *Parser) Err() error { return p.err }

// End checks that nothing but white space is left and returns Err.
func (p *Parser) End() error {
	if p.err == nil {
		p.space()
		if p.pos < len(p.text) {
			p.fail("text after the value")
		}
	}
	return p.err
}

// Rest is the text that was not read yet. Where values stand one after the other,
// it is empty or white space behind the last one. After a mistake it has no meaning.
func (p *Parser) Rest() string { return p.text[p.pos:] }

// Kind tells what value is next.
func (p *Parser) Kind() Kind {
	if p.err != nil {
		return None
	}
	p.space()
	if p.pos == len(p.text) {
		return None
	}
	switch c := p.text[p.pos]; {
	case c == '"':
		return String
	case c == '{':
		return Object
	case c == '[':
		return Array
	case c == '-' || '0' <= c && c <= '9':
		return Number
	case c == 't' || c == 'f':
		return Bool
	case c == 'n':
		return Null
	}
	return None
}

// Object goes through the members of an object and gives their names, as often
// as they occur. The body of the loop reads the value of the member, or leaves
// it to be skipped. A value of another kind gives no members and stays.
func (p *Parser) Object() iter.Seq[string] {
	return func(yield func(string) bool) {
		if p.Kind() != Object || !p.enter() {
			return
		}
		for first := true; p.next('}', first); first = false {
			if p.Kind() != String {
				p.fail("want a member name")
				return
			}
			name := p.string()
			p.space()
			if !p.literal(":") {
				return
			}
			if !p.element(func() bool { return yield(name) }) {
				return
			}
		}
	}
}

// Array goes through the elements of an array and gives their indexes. The
// body of the loop reads the element, or leaves it to be skipped. A value of
// another kind gives no elements and stays.
func (p *Parser) Array() iter.Seq[int] {
	return func(yield func(int) bool) {
		if p.Kind() != Array || !p.enter() {
			return
		}
		for i := 0; p.next(']', i == 0); i++ {
			if !p.element(func() bool { return yield(i) }) {
				return
			}
		}
	}
}

// element lets use read the value at p and skips what it did not read. It
// tells whether to go on. A loop that was left early has not read the rest of
// its object or array, so the text counts as broken off there.
func (p *Parser) element(use func() bool) bool {
	p.space()
	start := p.pos
	if !use() {
		p.fail("not read to its end")
		return false
	}
	if p.err == nil && p.pos == start {
		p.Skip()
	}
	return p.err == nil
}

func (p *Parser) enter() bool {
	if p.depth == p.maxDepth {
		p.err = &DepthError{Max: p.maxDepth}
		return false
	}
	p.depth++
	p.pos++
	return true
}

// next moves to the next member or element and tells whether there is one; the
// closing bracket is read.
func (p *Parser) next(closing byte, first bool) bool {
	if p.err != nil {
		return false
	}
	p.space()
	if p.pos == len(p.text) {
		return p.fail("unexpected end")
	}
	c := p.text[p.pos]
	switch {
	case c == closing:
		p.pos++
		p.depth--
		return false
	case first:
		return true
	case c == ',':
		p.pos++
		return true // a bracket after the comma is found by who reads the value
	}
	return p.fail("want a comma")
}

// String reads a string.
func (p *Parser) String() (s string, ok bool) {
	if p.Kind() != String {
		return "", false
	}
	s = p.string()
	return s, p.err == nil
}

// Number reads a number and returns it as it is written.
func (p *Parser) Number() (text string, ok bool) {
	if p.Kind() != Number {
		return "", false
	}
	start := p.pos
	p.number()
	return p.text[start:p.pos], p.err == nil
}

// Bool reads true or false.
func (p *Parser) Bool() (b, ok bool) {
	if p.Kind() != Bool {
		return false, false
	}
	if p.text[p.pos] == 't' {
		return true, p.literal("true")
	}
	return false, p.literal("false")
}

// Null reads null.
func (p *Parser) Null() bool { return p.Kind() == Null && p.literal("null") }

// Ahead lets f look at the value at p with a parser of its own; p stays where it
// is. What f reads is read again later.
func (p *Parser) Ahead(f func(ahead *Parser)) {
	ahead := *p
	ahead.buf = nil
	f(&ahead)
}

// Raw reads a value of any kind and returns it as compact JSON, in memory of
// its own. Escapes and numbers stay as they are written; bytes that are not
// UTF-8 become U+FFFD. It is nil after a mistake.
func (p *Parser) Raw() []byte {
	p.space()
	before := *p
	p.value(false)
	if p.err != nil {
		return nil
	}
	text := p.text[before.pos:p.pos]
	if p.blanks == before.blanks && utf8.ValidString(text) {
		return []byte(text) // compact already, as most clients send it
	}
	p.pos, p.blanks = before.pos, before.blanks
	p.buf = slices.Grow(p.buf[:0], len(text))
	p.value(true)
	return slices.Clone(p.buf)
}

// Skip reads a value of any kind and drops it.
func (p *Parser) Skip() { p.value(false) }

// value checks the value at p and, if keep is set, appends its compact form to p.buf.
func (p *Parser) value(keep bool) {
	kind := p.Kind()
	start := p.pos
	switch kind {
	case Object, Array:
		p.nested(kind, keep)
		return
	case String:
		p.scanString()
	case Number:
		p.number()
	case Bool:
		p.Bool()
	case Null:
		p.Null()
	case None:
		p.fail("want a value")
		return
	}
	if keep && p.err == nil {
		p.keep(p.text[start:p.pos])
	}
}

// nested is value for objects and arrays. It does not use their iterators:
// member names are to be kept as they are written.
func (p *Parser) nested(kind Kind, keep bool) {
	open, closing := byte('['), byte(']')
	if kind == Object {
		open, closing = '{', '}'
	}
	if !p.enter() {
		return
	}
	if keep {
		p.buf = append(p.buf, open)
	}
	for first := true; p.next(closing, first); first = false {
		if keep && !first {
			p.buf = append(p.buf, ',')
		}
		if kind == Object {
			if p.Kind() != String {
				p.fail("want a member name")
				return
			}
			p.value(keep)
			p.space()
			if !p.literal(":") {
				return
			}
			if keep {
				p.buf = append(p.buf, ':')
			}
		}
		p.value(keep)
	}
	if keep {
		p.buf = append(p.buf, closing)
	}
}

func (p *Parser) keep(s string) {
	if utf8.ValidString(s) {
		p.buf = append(p.buf, s...)
		return
	}
	p.buf = append(p.buf, strings.ToValidUTF8(s, "\uFFFD")...)
}

// string reads a string; the caller has seen its opening quote.
func (p *Parser) string() string {
	start := p.pos + 1
	escaped, ascii := p.scanString()
	if p.err != nil {
		return ""
	}
	s := p.text[start : p.pos-1]
	if escaped {
		s = p.unescape(s)
	}
	if !ascii && !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return s
}

// plain marks the bytes that stand for themselves inside a string.
var plain = func() (t [256]bool) {
	for c := 0x20; c < 0x80; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// scanString moves behind a string and tells whether it holds escapes, and
// whether only ASCII.
func (p *Parser) scanString() (escaped, ascii bool) {
	text, i := p.text, p.pos+1
	ascii = true
	for {
		for i < len(text) && plain[text[i]] {
			i++
		}
		if i == len(text) {
			p.pos = i
			p.fail("unexpected end in a string")
			return
		}
		switch c := text[i]; {
		case c == '"':
			p.pos = i + 1
			return
		case c >= utf8.RuneSelf:
			ascii = false
			i++
		case c == '\\':
			escaped = true
			n := escapeLen(text[i:])
			if n == 0 {
				p.pos = i
				p.fail("bad escape in a string")
				return
			}
			i += n
		default:
			p.pos = i
			p.fail("control character in a string")
			return
		}
	}
}

// escapeLen is the length of the escape at the start of s, 0 for a bad one.
func escapeLen(s string) int {
	if len(s) < 2 {
		return 0
	}
	if s[1] != 'u' {
		if strings.IndexByte(`"\/bfnrt`, s[1]) < 0 {
			return 0
		}
		return 2
	}
	if _, ok := hex4(s); !ok {
		return 0
	}
	return 6
}

// hex4 reads the escape \uXXXX at the start of s.
func hex4(s string) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	var r rune
	for i := 2; i < 6; i++ {
		c := s[i]
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// unescape resolves the escapes of s, which scanString has checked. A
// surrogate without its other half, and NUL, become U+FFFD: no database, mail
// or page is happy with either.
func (p *Parser) unescape(s string) string {
	out := slices.Grow(p.buf[:0], len(s))
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 {
			break
		}
		out = append(out, s[:i]...)
		c := s[i+1]
		s = s[i+2:]
		switch c {
		case 'n':
			out = append(out, '\n')
		case 't':
			out = append(out, '\t')
		case 'r':
			out = append(out, '\r')
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'u':
			r, _ := hex4(`\u` + s[:4])
			s = s[4:]
			if utf16.IsSurrogate(r) {
				low, ok := hex4(s)
				if r = utf16.DecodeRune(r, low); ok && r != utf8.RuneError {
					s = s[6:]
				}
			}
			if r == 0 {
				r = utf8.RuneError
			}
			out = utf8.AppendRune(out, r)
		default: // the quote, the backslash and the slash
			out = append(out, c)
		}
	}
	out = append(out, s...)
	p.buf = out
	return string(out)
}

// number moves behind a number.
func (p *Parser) number() {
	text, i := p.text, p.pos
	if text[i] == '-' {
		i++
	}
	whole := digits(text, i)
	bad := whole == i || text[i] == '0' && whole > i+1 // nothing, or a leading zero
	i = whole
	if i < len(text) && text[i] == '.' {
		end := digits(text, i+1)
		bad = bad || end == i+1
		i = end
	}
	if i < len(text) && (text[i] == 'e' || text[i] == 'E') {
		i++
		if i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		end := digits(text, i)
		bad = bad || end == i
		i = end
	}
	if bad {
		p.fail("bad number")
		return
	}
	p.pos = i
}

// digits returns the index behind the digits at i.
func digits(s string, i int) int {
	for i < len(s) && '0' <= s[i] && s[i] <= '9' {
		i++
	}
	return i
}

func (p *Parser) literal(s string) bool {
	if p.err != nil || !strings.HasPrefix(p.text[p.pos:], s) {
		return p.fail("want " + s)
	}
	p.pos += len(s)
	return true
}

func (p *Parser) space() {
	start := p.pos
	for p.pos < len(p.text) && (p.text[p.pos] == ' ' || p.text[p.pos] == '\n' || p.text[p.pos] == '\t' || p.text[p.pos] == '\r') {
		p.pos++
	}
	p.blanks += p.pos - start
}

// fail records the first mistake and returns false.
func (p *Parser) fail(what string) bool {
	if p.err == nil {
		p.err = &SyntaxError{What: what, Offset: p.pos}
	}
	return false
}
