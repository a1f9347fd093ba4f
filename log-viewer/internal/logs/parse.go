package logs

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/monlight/monlight/shared/errs"
)

// Limits of a search text.
const (
	MaxSearchBytes = 4096
	maxSearchTerms = 100
	maxSearchDepth = 50
)

// ParseSearch reads a search text: words, "quoted text", prefix*, -not, NOT,
// AND, OR, parentheses, field:value with comparisons, and /regular
// expressions/. docs/logs.md is the reference. An empty text gives nil, which
// passes everything. The error is Invalid and says at which character (from 1)
// the text is wrong, and why.
func ParseSearch(text string) (*Expr, error) {
	if len(text) > MaxSearchBytes {
		return nil, errs.New(errs.Invalid, "search has %d bytes, the limit is %d", len(text), MaxSearchBytes)
	}
	if !utf8.ValidString(text) {
		return nil, errs.New(errs.Invalid, "search is not valid UTF-8")
	}
	p := parser{text: text}
	x, err := p.or()
	if err == nil && p.peek() == ')' {
		err = p.errorf(p.pos, "this ) closes nothing; put it in quotes to search for it")
	}
	if err != nil {
		return nil, err
	}
	return x, nil
}

// parser reads the text from left to right by recursive descent:
//
//	or   = and { "OR" and }
//	and  = not { [ "AND" ] not }
//	not  = ( "-" | "NOT" ) not | "(" or ")" | term
type parser struct {
	text  string
	pos   int
	terms int
	depth int

	program int // instructions of regular expressions
}

func (p *parser) errorf(at int, format string, args ...any) error {
	return errs.New(errs.Invalid, "search, character %d: %s", utf8.RuneCountInString(p.text[:at])+1, fmt.Sprintf(format, args...))
}

// peek skips blanks and returns the byte that follows, 0 at the end.
func (p *parser) peek() byte {
	for p.pos < len(p.text) && isBlank(p.text[p.pos]) {
		p.pos++
	}
	if p.pos == len(p.text) {
		return 0
	}
	return p.text[p.pos]
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// operator tells whether the operator comes next, as a word of its own.
func (p *parser) operator(name string) bool {
	p.peek()
	rest, ok := strings.CutPrefix(p.text[p.pos:], name)
	return ok && (rest == "" || isBlank(rest[0]) || rest[0] == '(' || rest[0] == ')' || rest[0] == '"')
}

func (p *parser) or() (*Expr, error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxSearchDepth {
		return nil, p.errorf(p.pos, "more than %d levels of parentheses and negations", maxSearchDepth)
	}
	start := p.pos
	x, err := p.and()
	if err != nil {
		return nil, err
	}
	any := &Expr{Op: Or, Args: []*Expr{x}}
	for p.operator("OR") {
		at := p.pos
		if x == nil {
			return nil, p.errorf(at, "OR wants something on its left")
		}
		p.pos += len("OR")
		if x, err = p.and(); err != nil {
			return nil, err
		}
		if x == nil {
			return nil, p.errorf(at, "OR wants something on its right")
		}
		any.Args = append(any.Args, x)
	}
	if len(any.Args) > 1 {
		return any, nil
	}
	if x == nil && p.depth > 1 {
		return nil, p.errorf(max(start-1, 0), "these parentheses are empty")
	}
	return x, nil
}

// and returns nil if there is no term.
func (p *parser) and() (*Expr, error) {
	all := &Expr{Op: And}
	for {
		c := p.peek()
		at := p.pos
		if p.operator("AND") {
			if len(all.Args) == 0 {
				return nil, p.errorf(at, "AND wants something on its left")
			}
			p.pos += len("AND")
			if c = p.peek(); c == 0 || c == ')' || p.operator("OR") || p.operator("AND") {
				return nil, p.errorf(at, "AND wants something on its right")
			}
		}
		if c == 0 || c == ')' || p.operator("OR") {
			break
		}
		x, err := p.not()
		if err != nil {
			return nil, err
		}
		all.Args = append(all.Args, x)
	}
	switch len(all.Args) {
	case 0:
		return nil, nil //nolint:nilnil // no condition is a valid answer
	case 1:
		return all.Args[0], nil
	}
	return all, nil
}

func (p *parser) not() (*Expr, error) {
	c := p.peek()
	at := p.pos
	negated := false
	switch {
	case p.operator("NOT"):
		p.pos += len("NOT")
		negated = true
	case c == '-' && p.pos+1 < len(p.text) && p.text[p.pos+1] != '-' && !isBlank(p.text[p.pos+1]):
		p.pos++
		negated = true
	}
	if negated {
		p.depth++
		defer func() { p.depth-- }()
		if p.depth > maxSearchDepth {
			return nil, p.errorf(at, "more than %d levels of parentheses and negations", maxSearchDepth)
		}
		if c := p.peek(); c == 0 || c == ')' || p.operator("OR") || p.operator("AND") {
			return nil, p.errorf(at, "the negation wants something on its right")
		}
		x, err := p.not()
		if err != nil {
			return nil, err
		}
		return &Expr{Op: Not, Args: []*Expr{x}}, nil
	}
	if c == '(' {
		p.pos++
		x, err := p.or()
		if err != nil {
			return nil, err
		}
		if p.peek() != ')' {
			return nil, p.errorf(at, "this ( is not closed; put it in quotes to search for it")
		}
		p.pos++
		return x, nil
	}
	if p.terms++; p.terms > maxSearchTerms {
		return nil, p.errorf(at, "more than %d terms", maxSearchTerms)
	}
	return p.term()
}

func (p *parser) term() (*Expr, error) {
	at := p.pos
	if p.text[at] == '"' {
		s, err := p.quoted()
		if err != nil {
			return nil, err
		}
		return &Expr{Op: Contains, Text: Text{Piece: Fold(s)}}, nil
	}
	if re, ok, err := p.regex(); ok || err != nil {
		return &Expr{Op: Matches, Regex: re}, err
	}
	if name := fieldName(p.text[at:]); name != "" {
		return p.field(name)
	}
	return p.bare(p.word(), at)
}

// quoted reads text in quotes; inside, \" is a quote and \\ a backslash.
func (p *parser) quoted() (string, error) {
	at := p.pos
	var s strings.Builder
	for i := at + 1; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '"':
			p.pos = i + 1
			if s.Len() == 0 {
				return "", p.errorf(at, "there is nothing between these quotes")
			}
			return s.String(), nil
		case c == '\\' && i+1 < len(p.text) && (p.text[i+1] == '"' || p.text[i+1] == '\\'):
			i++
			s.WriteByte(p.text[i])
		default:
			s.WriteByte(c)
		}
	}
	return "", p.errorf(at, `this " is not closed`)
}

// word reads up to a blank, or to a parenthesis that the word did not open.
func (p *parser) word() string {
	start, open := p.pos, 0
	for ; p.pos < len(p.text); p.pos++ {
		switch c := p.text[p.pos]; {
		case isBlank(c):
			return p.text[start:p.pos]
		case c == '(':
			open++ // f(x) is one word
		case c == ')':
			if open == 0 {
				return p.text[start:p.pos]
			}
			open--
		}
	}
	return p.text[start:]
}

// bare makes a condition of a word as it is written: it stands for itself,
// from the beginning of a token to the end of one, or to anywhere with '*'.
func (p *parser) bare(word string, at int) (*Expr, error) {
	t, err := p.bareText(word, at)
	return &Expr{Op: Contains, Text: t}, err
}

func (p *parser) bareText(word string, at int) (Text, error) {
	stem, prefix := strings.CutSuffix(word, "*")
	if stem == "" {
		return Text{}, p.errorf(at, "* wants the beginning of a word on its left")
	}
	return Text{Piece: Fold(stem), Start: true, End: !prefix}, nil
}

// fieldName is the name if s begins with name:, and "" otherwise. A name begins
// with a letter, '_' or '@'. "://" belongs to an address and follows no name.
func fieldName(s string) string {
	for i := 0; i < len(s); i++ {
		c := s[i]
		letter := c >= 0x80 || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == '@'
		switch {
		case c == ':' && i > 0:
			rest := s[i+1:]
			if rest == "" || isBlank(rest[0]) || rest[0] == ')' || rest[0] == ':' || strings.HasPrefix(rest, "//") {
				return ""
			}
			return s[:i]
		case letter, i > 0 && (c >= '0' && c <= '9' || c == '.' || c == '-' || c == '/'):
		default:
			return ""
		}
	}
	return ""
}

// field reads name:value.
func (p *parser) field(name string) (*Expr, error) {
	at := p.pos
	p.pos += len(name) + 1
	switch name {
	case "level":
		return p.level(at)
	case "container":
		v, err := p.value()
		return &Expr{Op: SourceLike, Glob: Fold(v)}, err
	case "stream":
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		switch Fold(v) {
		case "stdout":
			return &Expr{Op: StreamIs, Stream: Stdout}, nil
		case "stderr":
			return &Expr{Op: StreamIs, Stream: Stderr}, nil
		}
		return nil, p.errorf(at, "stream is %q, want stdout or stderr", v)
	}
	x := &Expr{Op: Field, Name: name}
	if p.text[p.pos] == '"' {
		s, err := p.quoted()
		x.Compare, x.Text = Has, Text{Piece: Fold(s)}
		return x, err
	}
	if re, ok, err := p.regex(); ok || err != nil {
		x.Compare, x.Regex = Like, re
		return x, err
	}
	if p.text[p.pos] == '=' {
		p.pos++
		v, err := p.value()
		x.Compare, x.Value = Same, Fold(v)
		return x, err
	}
	value := p.word()
	if value == "*" {
		x.Compare = Exists
		return x, nil
	}
	if ok, err := p.between(x, value, at); ok || err != nil {
		x.Compare = Between
		return x, err
	}
	t, err := p.bareText(value, at+len(name)+1)
	if err != nil {
		return nil, err
	}
	x.Compare, x.Text = Has, t
	// The text may simply contain a:b.
	whole := &Expr{Op: Contains, Text: Text{Piece: Fold(name) + ":" + t.Piece, Start: true, End: t.End}}
	return &Expr{Op: Or, Args: []*Expr{x, whole}}, nil
}

// value reads quoted text or a word.
func (p *parser) value() (string, error) {
	if p.pos < len(p.text) && p.text[p.pos] == '"' {
		return p.quoted()
	}
	at := p.pos
	if v := p.word(); v != "" {
		return v, nil
	}
	return "", p.errorf(at, "a value is missing here")
}

// level reads what follows level: a name, with a comparison or not.
func (p *parser) level(at int) (*Expr, error) {
	op := comparison(p.text[p.pos:])
	p.pos += len(op)
	name, err := p.value()
	if err != nil {
		return nil, err
	}
	l, ok := ParseLevel(name)
	if !ok {
		return nil, p.errorf(at, "level is %q, want one of TRACE, DEBUG, INFO, WARNING, ERROR and CRITICAL", name)
	}
	set := Only(l)
	switch op {
	case ">=":
		set = AtLeast(l)
	case ">":
		set = AtLeast(l) &^ Only(l)
	case "<":
		set = AtLeast(Trace) &^ AtLeast(l)
	case "<=":
		set = AtLeast(Trace)&^AtLeast(l) | Only(l)
	}
	if set == 0 {
		return nil, p.errorf(at, "no level is %s %s", op, l)
	}
	return &Expr{Op: LevelIn, Levels: set}, nil
}

func comparison(s string) string {
	for _, op := range []string{">=", "<=", ">", "<"} {
		if strings.HasPrefix(s, op) {
			return op
		}
	}
	return ""
}

// between reads >1, >=1, <1, <=1 and 1..5 into the bounds of x.
func (p *parser) between(x *Expr, value string, at int) (bool, error) {
	x.Low, x.High = math.Inf(-1), math.Inf(1)
	if op := comparison(value); op != "" {
		n, err := number(value[len(op):])
		if err != nil {
			return false, p.errorf(at, "%s:%s wants a number after %s; put it in quotes to search for the text", x.Name, value, op)
		}
		if op[0] == '>' {
			x.Low, x.Open[0] = n, len(op) == 1
		} else {
			x.High, x.Open[1] = n, len(op) == 1
		}
		return true, nil
	}
	low, high, ok := strings.Cut(value, "..")
	if !ok {
		return false, nil
	}
	a, err := number(low)
	if err != nil {
		return false, nil //nolint:nilerr // then it is text with two dots
	}
	b, err := number(high)
	if err != nil {
		return false, nil //nolint:nilerr // as above
	}
	x.Low, x.High = a, b
	return true, nil
}

func number(s string) (float64, error) {
	n, err := strconv.ParseFloat(s, 64)
	if err == nil && (math.IsNaN(n) || math.IsInf(n, 0)) {
		err = strconv.ErrRange
	}
	return n, err
}
