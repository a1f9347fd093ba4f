// Package glob matches texts against patterns in which * stands for any text and
// ? for any one character. Case does not matter.
package glob

import (
	"strings"
	"unicode/utf8"
)

// Glob is a pattern that was read. The zero value matches the empty text only.
type Glob struct {
	parts []part // of the pattern, between its stars
}

// New reads a pattern. Every text is one.
func New(pattern string) Glob {
	var g Glob
	for p := range strings.SplitSeq(Fold(pattern), "*") {
		g.parts = append(g.parts, part{p, strings.Contains(p, "?"), utf8.RuneCountInString(p)})
	}
	return g
}

// Fold makes a text ready for Match.
func Fold(s string) string { return strings.ToLower(s) }

// Match tells whether the whole of a folded text fits. It takes time in
// proportion to the length of the text, and where there is a ? to that of the
// pattern as well.
func (g Glob) Match(folded string) bool {
	if len(g.parts) == 0 {
		return folded == ""
	}
	n := g.parts[0].begin(folded)
	if len(g.parts) == 1 || n < 0 {
		return n == len(folded)
	}
	folded = folded[n:]
	last := len(g.parts) - 1
	if n = g.parts[last].end(folded); n < 0 {
		return false
	}
	folded = folded[:n]
	for _, p := range g.parts[1:last] { // the first place that fits leaves most for the others
		if n = p.find(folded); n < 0 {
			return false
		}
		folded = folded[n:]
	}
	return true
}

// Empty tells patterns that fit everything, and those that fit nothing but the
// empty text.
func (g Glob) Empty() bool {
	for _, p := range g.parts {
		if strings.Trim(p.text, "?") != "" {
			return false
		}
	}
	return true
}

// Cost is how much longer than a pass over the text Match takes, at most.
func (g Glob) Cost() int {
	most := 1
	for _, p := range g.parts {
		if p.unknown {
			most = max(most, len(p.text))
		}
	}
	return most
}

// part is a piece of a pattern without stars.
type part struct {
	text    string
	unknown bool // has a ?
	runes   int
}

// begin returns how many bytes of s the part takes at its beginning, -1 if it
// does not fit there.
func (p part) begin(s string) int {
	if !p.unknown {
		if !strings.HasPrefix(s, p.text) {
			return -1
		}
		return len(p.text)
	}
	n := 0
	for _, want := range p.text {
		if n == len(s) {
			return -1
		}
		got, size := utf8.DecodeRuneInString(s[n:])
		if want != '?' && want != got {
			return -1
		}
		n += size
	}
	return n
}

// end returns where the part begins that fits at the end of s, or -1.
func (p part) end(s string) int {
	if !p.unknown {
		if !strings.HasSuffix(s, p.text) {
			return -1
		}
		return len(s) - len(p.text)
	}
	at := len(s)
	for range p.runes {
		if at == 0 {
			return -1
		}
		_, size := utf8.DecodeLastRuneInString(s[:at])
		at -= size
	}
	if p.begin(s[at:]) < 0 {
		return -1
	}
	return at
}

// find returns where in s the first place ends that the part fits, or -1.
func (p part) find(s string) int {
	if !p.unknown {
		i := strings.Index(s, p.text)
		if i < 0 {
			return -1
		}
		return i + len(p.text)
	}
	for i := range s {
		if n := p.begin(s[i:]); n >= 0 {
			return i + n
		}
	}
	return -1
}
