package grouprules

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/monlight/monlight/error-tracker/internal/tracker/glob"
	"github.com/monlight/monlight/error-tracker/internal/tracker/grouping"
)

// parser reads one line.
type parser struct {
	line int
	text string
	at   int // bytes
}

func (p *parser) fail(at int, format string, args ...any) error {
	return &Error{p.line, utf8.RuneCountInString(p.text[:at]) + 1, fmt.Sprintf(format, args...)}
}

func (p *parser) blanks() {
	for p.at < len(p.text) && (p.text[p.at] == ' ' || p.text[p.at] == '\t') {
		p.at++
	}
}

func (p *parser) ended() bool { return p.at == len(p.text) }

const arrow = "->"

// rule returns nil for a line without one.
func (p *parser) rule() (*Rule, error) {
	if !utf8.ValidString(p.text) || strings.ContainsFunc(p.text, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
		return nil, p.fail(0, "the line has control characters or is not valid UTF-8")
	}
	p.blanks()
	if p.ended() || p.text[p.at] == '#' {
		return nil, nil //nolint:nilnil // a comment is no rule and no mistake
	}
	r := &Rule{Line: p.line, Source: strings.TrimSpace(p.text)}
	n := 0
	for {
		p.blanks()
		if p.ended() {
			return nil, p.fail(p.at, `the rule has no "->" with a fingerprint behind it`)
		}
		if strings.HasPrefix(p.text[p.at:], arrow) {
			break
		}
		if n++; n > MaxMatchers {
			return nil, p.fail(p.at, "more than %d conditions in a rule", MaxMatchers)
		}
		if err := p.matcher(r); err != nil {
			return nil, err
		}
	}
	if n == 0 {
		return nil, p.fail(p.at, "the rule has no condition, as type:NAME would be one")
	}
	p.at += len(arrow)
	return r, p.fingerprint(r)
}

// matcher reads "name:pattern" or "!name:pattern".
func (p *parser) matcher(r *Rule) error {
	begin := p.at
	negated := p.text[p.at] == '!'
	if negated {
		p.at++
	}
	rest := p.text[p.at:]
	end := strings.IndexAny(rest, ": \t\"")
	if end < 0 || rest[end] != ':' {
		return p.fail(begin, "want a condition such as type:NAME, or \"->\"")
	}
	name := rest[:end]
	f, tag, ok := fieldOf(name)
	if !ok {
		return p.fail(p.at, "%.40q is nothing that can be looked at; there are %s", name, fieldNames)
	}
	p.at += end + 1
	at := p.at
	pattern, err := p.word(" \t")
	switch {
	case err != nil:
		return err
	case pattern == "":
		return p.fail(at, "%.40s has no pattern; %q stands for an empty text", name, `""`)
	case len(pattern) > MaxPattern:
		return p.fail(at, "the pattern has %d bytes, the limit is %d", len(pattern), MaxPattern)
	}
	if pattern == quotedNothing {
		pattern = ""
	}
	if f == fieldPath || f == fieldPackage {
		pattern = strings.ReplaceAll(pattern, `\`, "/")
	}
	m := matcher{field: f, tag: tag, pattern: glob.New(pattern)}
	switch {
	case negated:
		r.not = append(r.not, m)
	case f.kind() == ofException:
		r.exception = append(r.exception, m)
	case f.kind() == ofFrame:
		r.frame = append(r.frame, m)
	default:
		r.whole = append(r.whole, m)
	}
	return nil
}

// quotedNothing is what word returns for "".
const quotedNothing = "\x00"

// word reads up to one of the ends, or in quotes, where \" and \\ stand for
// these characters.
func (p *parser) word(ends string) (string, error) {
	if p.ended() || p.text[p.at] != '"' {
		begin := p.at
		if i := strings.IndexAny(p.text[begin:], ends); i >= 0 {
			p.at += i
		} else {
			p.at = len(p.text)
		}
		return p.text[begin:p.at], nil
	}
	begin := p.at
	var b strings.Builder
	for p.at++; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; {
		case c == '"':
			p.at++
			if !p.ended() && !strings.ContainsRune(ends, rune(p.text[p.at])) && p.text[p.at] != ' ' && p.text[p.at] != '\t' {
				return "", p.fail(p.at, "want a blank after the closing quote")
			}
			if b.Len() == 0 {
				return quotedNothing, nil
			}
			return b.String(), nil
		case c == '\\' && p.at+1 < len(p.text) && (p.text[p.at+1] == '"' || p.text[p.at+1] == '\\'):
			p.at++
			b.WriteByte(p.text[p.at])
		default:
			b.WriteByte(c)
		}
	}
	return "", p.fail(begin, "the quote is not closed")
}

// fingerprint reads parts with commas between them.
func (p *parser) fingerprint(r *Rule) error {
	for {
		p.blanks()
		at := p.at
		part, err := p.word(",")
		if err != nil {
			return err
		}
		if part = strings.TrimSpace(part); part == "" || part == quotedNothing {
			return p.fail(at, "a part of the fingerprint is empty")
		}
		if len(part) > MaxPart {
			return p.fail(at, "the part has %d bytes, the limit is %d", len(part), MaxPart)
		}
		if name, ok := grouping.UnknownVariable(part); ok {
			return p.fail(at+max(0, strings.Index(p.text[at:], name)), "there is no {{ %.40s }}; there are %s", name, grouping.Variables)
		}
		if len(r.Fingerprint) == MaxParts {
			return p.fail(at, "more than %d parts in a fingerprint", MaxParts)
		}
		r.Fingerprint = append(r.Fingerprint, part)
		p.blanks()
		if p.ended() {
			return nil
		}
		p.at++ // the comma
	}
}
