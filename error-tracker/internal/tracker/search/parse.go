package search

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/monlight/monlight/shared/errs"
)

// Parse reads a search. An error is errs.Invalid and names the character, from
// 1, at which the search cannot be understood.
func Parse(text string) (Query, error) {
	if len(text) > MaxBytes {
		return Query{}, errs.New(errs.Invalid, "the search has %d bytes, the limit is %d", len(text), MaxBytes)
	}
	p := parser{text: text}
	var q Query
	for {
		p.blanks()
		if p.at == len(p.text) {
			return q, nil
		}
		if len(q.Terms) == MaxTerms {
			return Query{}, p.fail(p.at, "more than %d terms", MaxTerms)
		}
		t, err := p.term()
		if err != nil {
			return Query{}, err
		}
		q.Terms = append(q.Terms, t)
	}
}

// parser is a place in a text.
type parser struct {
	text string
	at   int
}

func (p *parser) fail(at int, format string, args ...any) error {
	return errs.New(errs.Invalid, "search, at character %d: %s", utf8.RuneCountInString(p.text[:at])+1, fmt.Sprintf(format, args...))
}

func (p *parser) blanks() {
	rest := strings.TrimLeftFunc(p.text[p.at:], unicode.IsSpace)
	p.at = len(p.text) - len(rest)
}

func (p *parser) term() (Term, error) {
	t := Term{At: p.at}
	if rest := p.text[p.at:]; len(rest) > 1 && rest[0] == '-' && !blankFirst(rest[1:]) {
		t.Not = true
		p.at++
	}
	if name := p.name(); name != "" {
		start := p.at
		p.at += len(name) + 1
		return t, p.named(&t, name, start)
	}
	var err error
	t.Value, err = p.value(false)
	return t, err
}

func blankFirst(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsSpace(r)
}

// name is what stands before a colon here, or "" if this is text. Text is also
// what has nothing after the colon or looks like an address or a C++ name,
// unless it is the name of a field.
func (p *parser) name() string {
	rest := p.text[p.at:]
	n := 0
	for n < len(rest) && nameByte(rest[n], n == 0) {
		n++
	}
	if n == 0 || n == len(rest) || rest[n] != ':' {
		return ""
	}
	name, after := rest[:n], rest[n+1:]
	if !known(name) && (after == "" || blankFirst(after) || after[0] == '/' || after[0] == ':' || after[0] == '\\') {
		return ""
	}
	return name
}

func nameByte(c byte, first bool) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_':
		return true
	case '0' <= c && c <= '9', c == '.', c == '-':
		return !first
	}
	return false
}

func known(name string) bool {
	name = strings.ToLower(name)
	return name == "is" || name == "has" || fields[name] != "" || aliases[name] != ""
}

// named reads the value of a term with a name that begins at start.
func (p *parser) named(t *Term, name string, start int) error {
	at := p.at
	if at == len(p.text) || blankFirst(p.text[at:]) {
		return p.fail(start, "%s: has no value, write it without a blank after the colon", name)
	}
	var err error
	if t.Value, err = p.value(true); err != nil {
		return err
	}
	if t.Value.Text == "" {
		return p.fail(at, "the value of %s is empty; -has:%s finds what has none", name, name)
	}
	lower := strings.ToLower(name)
	switch {
	case lower == "is":
		t.Kind = Is
		t.Value.Text = strings.ToLower(t.Value.Text)
		if t.Value.Glob || !slices.Contains(States, t.Value.Text) {
			return p.fail(at, "is:%.40s is not known, want one of %s", t.Value.Text, strings.Join(States, ", "))
		}
	case lower == "has":
		t.Kind = Has
		if t.Value.Glob {
			return p.fail(at, "has: takes the name of a tag, without *")
		}
		t.Value.Text = usual(t.Value.Text)
	case fields[lower] != "":
		t.Kind, t.Name = Issue, fields[lower]
		if s := t.Value.Text; t.Name == "source" && s != "server" && s != "browser" {
			return p.fail(at, "source:%.40s is not known, want server or browser", s)
		}
	default:
		t.Kind, t.Name = Tag, usual(name)
		if t.Name == "level" {
			t.Value.Text = strings.ToLower(t.Value.Text)
		}
	}
	return nil
}

// usual is the name under which a tag is kept.
func usual(name string) string {
	if a := aliases[strings.ToLower(name)]; a != "" {
		return a
	}
	return name
}

// value reads a quoted text or what comes before the next blank. Stars make a
// glob of the latter, if globs are meant at all.
func (p *parser) value(globs bool) (Pattern, error) {
	rest := p.text[p.at:]
	if strings.HasPrefix(rest, `"`) {
		return p.quoted()
	}
	if i := strings.IndexFunc(rest, unicode.IsSpace); i >= 0 {
		rest = rest[:i]
	}
	p.at += len(rest)
	return Pattern{Text: rest, Glob: globs && strings.Contains(rest, "*")}, nil
}

// quoted reads a text in quotes, in which a backslash takes the next quote or
// backslash as it is.
func (p *parser) quoted() (Pattern, error) {
	open := p.at
	var b strings.Builder
	for i := open + 1; i < len(p.text); i++ {
		c := p.text[i]
		if c == '\\' && i+1 < len(p.text) && (p.text[i+1] == '"' || p.text[i+1] == '\\') {
			i++
			b.WriteByte(p.text[i])
			continue
		}
		if c != '"' {
			b.WriteByte(c)
			continue
		}
		p.at = i + 1
		if p.at < len(p.text) && !blankFirst(p.text[p.at:]) {
			return Pattern{}, p.fail(p.at, "a blank is missing after the quote")
		}
		return Pattern{Text: b.String()}, nil
	}
	return Pattern{}, p.fail(open, "this quote is not closed")
}
