package block

import (
	"strings"

	"github.com/monlight/monlight/log-viewer/internal/logs"
)

// Plan is how an expression is answered by blocks. It knows which tokens a
// block must have, and what to look for in templates and columns.
type Plan struct {
	expr *logs.Expr
	args []*Plan

	piece *piece // of Contains
	hint  *Plan  // of Matches and Field: what the text must contain as well; nil is nothing
	last  string // of Field that compares numbers: the end of its name
	keys  []Key  // what the index must have; of Contains
}

// NewPlan returns the plan for x, nil for nil.
func NewPlan(x *logs.Expr) *Plan {
	if x == nil {
		return nil
	}
	p := &Plan{expr: x}
	for _, a := range x.Args {
		p.args = append(p.args, NewPlan(a))
	}
	switch x.Op {
	case logs.Contains:
		p.piece, p.keys = newPiece(x.Text)
	case logs.Matches:
		p.hint = NewPlan(literals(x.Regex))
	case logs.Field:
		p.hint = fieldHint(x)
		if x.Compare == logs.Between {
			p.last = lastName(x.Name)
		}
	}
	return p
}

// May tells whether a block can have matches, going by what has tells about keys.
func (p *Plan) May(has func(Key) bool) bool {
	if p == nil {
		return true
	}
	switch p.expr.Op {
	case logs.And:
		for _, a := range p.args {
			if !a.May(has) {
				return false
			}
		}
		return true
	case logs.Or:
		for _, a := range p.args {
			if a.May(has) {
				return true
			}
		}
		return false
	case logs.Contains:
		for _, k := range p.keys {
			if !has(k) {
				return false
			}
		}
		return true
	case logs.Matches, logs.Field:
		return p.hint.May(has)
	}
	return true
}

// Words calls f with every key that is in the list of words.
func (p *Plan) Words(f func(Key)) {
	if p == nil {
		return
	}
	for _, a := range p.args {
		a.Words(f)
	}
	p.hint.Words(f)
	for _, k := range p.keys {
		if k.Word != "" {
			f(k)
		}
	}
}

// fieldHint is what a message must contain for a field to pass, when fields
// read in it as they are written.
func fieldHint(x *logs.Expr) *Plan {
	all := &logs.Expr{Op: logs.And}
	word := func(s string) {
		all.Args = append(all.Args, &logs.Expr{Op: logs.Contains, Text: logs.Text{Piece: s, Start: true, End: true}})
	}
	for name := range strings.FieldsFuncSeq(logs.Fold(x.Name), func(r rune) bool { return r < 0x80 && classes[byte(r)] == classOther }) {
		word(name)
	}
	switch x.Compare {
	case logs.Has:
		all.Args = append(all.Args, &logs.Expr{Op: logs.Contains, Text: x.Text})
	case logs.Same:
		if x.Value != "" {
			all.Args = append(all.Args, &logs.Expr{Op: logs.Contains, Text: logs.Text{Piece: x.Value}})
		}
	case logs.Like:
		if l := literals(x.Regex); l != nil {
			all.Args = append(all.Args, l)
		}
	}
	if len(all.Args) == 0 {
		return nil
	}
	return NewPlan(all)
}

// piece is a text to look for, taken apart by tokens.
type piece struct {
	logs.Text
	fixed    bool      // it cannot touch a variable: all tokens are complete and have no digit
	single   *need     // it is one token, or a part of one: that; otherwise nil
	variants []variant // other ways in which it can stand in a line than in the template alone
	marked   bool      // it has the mark in it
}

// variant is a way in which variables take part in a piece.
type variant struct {
	pattern string // what the template must contain
	needs   []need // what variables of the line must be or contain
}

type need struct {
	token      string
	start, end bool  // of the variable
	kind       uint8 // of the byte that is least like a digit: 1 for digits only, 2 for hexadecimal digits, 0 for others
}

func newNeed(token string, start, end bool) need {
	n := need{token, start, end, 1}
	for i := range len(token) {
		switch hexKind[token[i]] {
		case 0:
			n.kind = 0
			return n
		case 2, 3:
			n.kind = 2
		}
	}
	return n
}

func newPiece(t logs.Text) (*piece, []Key) {
	p := &piece{Text: t, fixed: true, marked: strings.IndexByte(t.Piece, mark) >= 0}
	s := t.Piece
	var keys []Key
	var core []byte
	var inner []need
	left, right := "", "" // parts of tokens at the ends
	for i := 0; i < len(s); {
		start := i
		for i < len(s) && classes[s[i]] == classOther {
			i++
		}
		core = append(core, s[start:i]...)
		if i == len(s) {
			break
		}
		start = i
		for i < len(s) && classes[s[i]] != classOther {
			i++
		}
		token := s[start:i]
		open, shut := start > 0 || t.Start, i < len(s) || t.End
		if len(token) == len(s) {
			n := newNeed(token, t.Start, t.End)
			p.single = &n
		}
		if !open || !shut {
			p.fixed = false
			if open { // the beginning of a token
				if k, ok := KeyOfPrefix(token); ok {
					keys = append(keys, k)
				}
			}
			if start == 0 {
				left = token
			} else {
				right = token
			}
			continue
		}
		if k, ok := KeyOf(token); ok {
			keys = append(keys, k)
		}
		if hasDigit(token) {
			p.fixed = false
			inner = append(inner, newNeed(token, true, true))
			core = append(core, mark)
		} else {
			core = append(core, token...)
		}
	}
	if p.single == nil && !p.fixed {
		p.variants = variants(left, string(core), right, inner)
	}
	return p, keys
}

// variants are the ways in which the parts of tokens at the ends can be parts
// of words of the template, or of variables.
func variants(left, core, right string, inner []need) (out []variant) {
	for _, l := range ends(left, newNeed(left, false, true)) {
		for _, r := range ends(right, newNeed(right, true, false)) {
			v := variant{pattern: l.pattern + core + r.pattern}
			v.needs = append(append(append(v.needs, inner...), l.needs...), r.needs...)
			if len(v.needs) > 0 { // without, the template alone has it
				out = append(out, v)
			}
		}
	}
	return out
}

func ends(token string, n need) (out []variant) {
	if token == "" {
		return []variant{{}}
	}
	if !hasDigit(token) {
		out = append(out, variant{pattern: token})
	}
	return append(out, variant{pattern: string(rune(mark)), needs: []need{n}})
}
