package block

import (
	"strings"

	"github.com/monlight/monlight/log-viewer/internal/logs"
)

// lastName is the end of a field's name, after its last dot, folded: whatever
// the field is part of, it stands right before its value. It is empty if it can
// be written in other ways.
func lastName(name string) string {
	name = name[strings.LastIndexByte(name, '.')+1:]
	for i := range len(name) {
		if c := name[i]; isDigit(c) || c <= ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return ""
		}
	}
	return logs.Fold(name)
}

// between finds the rows of template t in which the field can be a number in the
// bounds: those in which a variable that stands where a value of its name begins
// is one. What else can be a number has to be looked at.
func (b *Block) between(p *Plan, t int) (rowSet, error) {
	o := &b.templates[t]
	if o.verbatim || o.joins || p.last == "" {
		return someRows, nil
	}
	plain := text(b.folded[o.from:o.to])
	set := noRows
	for at := 0; ; at++ {
		i := strings.Index(plain[at:], p.last)
		if i < 0 {
			return set, nil
		}
		at += i
		switch kind, value := valueAt(plain, at+len(p.last)); kind {
		case valueNone:
		case valueVariable:
			rows, err := b.variableBetween(p.expr, t, strings.Count(plain[:value], string(rune(mark))))
			if err != nil {
				return noRows, err
			}
			set = set.or(rows)
		default:
			return someRows, nil
		}
	}
}

// Kinds of values in templates.
const (
	valueNone     = iota // it cannot be a number, or it is none
	valueVariable        // if it is a number, then it is one variable
	valueOther           // anything
)

// valueAt tells of the value of a member or pair whose name ends before s[i],
// and where it begins.
func valueAt(s string, i int) (kind, at int) {
	quoted := byte(0)
	switch {
	case strings.HasPrefix(s[i:], `"`): // a member of an object
		if i = pastSpace(s, i+1); i == len(s) || s[i] != ':' {
			return valueNone, i
		}
		i = pastSpace(s, i+1)
	case strings.HasPrefix(s[i:], "="): // a pair
		i++
	default:
		return valueNone, i
	}
	if i < len(s) && (s[i] == '"' || s[i] == '\'') {
		quoted = s[i]
		i++
	}
	switch {
	case i == len(s):
		return valueNone, i
	case s[i] == mark:
		if end := i + 1; quoted != 0 && end < len(s) && s[end] == quoted ||
			quoted == 0 && (end == len(s) || strings.IndexByte(" \t\r\n,;)]}\"'", s[end]) >= 0) {
			return valueVariable, i
		}
	case s[i] == '{', s[i] == '[':
		return valueNone, i
	case s[i]-'a' < 26 && s[i] != 'i' && s[i] != 'n': // those begin the names of numbers
		return valueNone, i
	}
	return valueOther, i
}

func pastSpace(s string, i int) int {
	for i < len(s) && strings.IndexByte(" \t\r\n", s[i]) >= 0 {
		i++
	}
	return i
}

// variableBetween finds the rows whose variable k is a number in the bounds of x.
func (b *Block) variableBetween(x *logs.Expr, t, k int) (rowSet, error) {
	if err := b.readVars(); err != nil {
		return noRows, err
	}
	n := len(b.rowsOf(t))
	c := &b.looked
	if err := b.peek(t, k, c); err != nil {
		return noRows, err
	}
	if err := c.open(n); err != nil {
		return noRows, err
	}
	value := func(row int) bool {
		b.fold = c.appendValue(b.fold[:0], row)
		return x.MatchValue(text(b.fold))
	}
	typ := c.typ & 0x1f
	plain := c.typ&colAffix == 0
	if typ == colConst {
		if value(0) {
			return someRows, nil
		}
		return noRows, nil
	}
	if typ == colInt && plain && !x.MayBeWithin(float64(c.low), float64(c.most())) {
		return noRows, nil
	}
	b.found = sized(b.found, (n+63)/64)
	clear(b.found)
	switch {
	case typ == colDict:
		var hits [maxDict + 1]bool
		for i := range c.ends {
			b.fold = append(append(append(b.fold[:0], c.head...), c.item(i)...), c.tail...)
			hits[i] = x.MatchValue(text(b.fold))
		}
		for at, i := range c.index {
			if hits[i] {
				b.found[at/64] |= 1 << (at % 64)
			}
		}
	case plain && (typ == colInt || typ == colDelta):
		for at := range n {
			if x.Within(float64(c.numberAt(at))) {
				b.found[at/64] |= 1 << (at % 64)
			}
		}
	default:
		for at := range n {
			if value(at) {
				b.found[at/64] |= 1 << (at % 64)
			}
		}
	}
	if (rowSet{bits: b.found}).none() {
		return noRows, nil
	}
	return rowSet{bits: bytesOf(b.found)}, nil
}
