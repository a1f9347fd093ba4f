package block

import (
	"strings"
	"unsafe"

	"github.com/monlight/monlight/log-viewer/internal/logs"
)

func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// Scan is a search through one block.
type Scan struct {
	Plan *Plan
	// Pass tells whether a row passes what is not text: time, level, source.
	// nil passes all.
	Pass func(row int) bool
	// Name is the name of a source.
	Name func(source uint32) string
	// Stop tells whether there is no time left; it is asked now and then.
	Stop func() bool
}

// checkEvery is how many bytes of messages are looked at between two questions
// whether there is time left.
const checkEvery = 32 << 10

// Run calls hit with each row that passes, in no order. It returns false if
// Stop ended it.
func (b *Block) Run(s *Scan, hit func(row int)) (complete bool, err error) {
	if s.Plan == nil {
		for row := range b.Time {
			if s.Pass == nil || s.Pass(row) {
				hit(row)
			}
		}
		return true, nil
	}
	if err := b.readDict(); err != nil {
		return true, err
	}
	b.foldTemplates()
	checked := 0
	for t := range b.templates {
		if t%64 == 63 && s.Stop != nil && s.Stop() {
			return false, nil
		}
		set, err := b.eval(s, s.Plan, t)
		if err != nil {
			return true, err
		}
		if set.none() {
			continue
		}
		for at, row := range b.rowsOf(t) {
			if !set.has(at) || s.Pass != nil && !s.Pass(int(row)) {
				continue
			}
			if set.exact {
				hit(int(row))
				continue
			}
			if checked > checkEvery && s.Stop != nil {
				if checked = 0; s.Stop() {
					return false, nil
				}
			}
			ok, err := b.matches(s, int(row))
			checked += 100 + len(b.buffer)
			if err != nil {
				return true, err
			}
			if ok {
				hit(int(row))
			}
		}
	}
	return true, nil
}

// matches tells by the message itself.
func (b *Block) matches(s *Scan, row int) (bool, error) {
	m, err := b.message(row)
	if err != nil {
		return false, err
	}
	e := logs.Entry{Level: logs.Level(b.Flags[row] & 7), Stream: logs.Stream(b.Flags[row] >> 3), Message: m}
	if s.Name != nil {
		e.Source = s.Name(b.Source[row])
	}
	return s.Plan.expr.Match(e), nil
}

// rowSet is a set of rows of a template, by their place in it. Rows that are
// not in the set do not pass; those that are pass if it is exact, and have to be
// looked at if it is not.
type rowSet struct {
	all   bool
	exact bool
	bits  []uint64
}

func (s rowSet) none() bool {
	if s.all {
		return false
	}
	for _, w := range s.bits {
		if w != 0 {
			return false
		}
	}
	return true
}

func (s rowSet) has(at int) bool { return s.all || s.bits != nil && s.bits[at/64]>>(at%64)&1 == 1 }

var (
	noRows   = rowSet{exact: true}
	allRows  = rowSet{all: true, exact: true}
	someRows = rowSet{all: true}
)

func newBits(n int) []uint64 { return make([]uint64, (n+63)/64) }

// and is what is in both sets. It may reuse s.
func (s rowSet) and(o rowSet) rowSet {
	switch {
	case s.none() && s.exact, o.all && o.exact:
		return s
	case o.none() && o.exact, s.all && s.exact:
		return o
	case o.all:
		s.exact = false
		return s
	case s.all:
		o.exact = false
		return o
	}
	out := rowSet{exact: s.exact && o.exact, bits: make([]uint64, max(len(s.bits), len(o.bits)))}
	for i := range min(len(s.bits), len(o.bits)) {
		out.bits[i] = s.bits[i] & o.bits[i]
	}
	return out
}

// or is what is in one of the sets.
func (s rowSet) or(o rowSet) rowSet {
	switch {
	case s.all && s.exact, o.none():
		return s
	case o.all && o.exact, s.none():
		return o
	case s.all || o.all:
		return someRows
	}
	out := rowSet{exact: s.exact && o.exact, bits: bytesOf(s.bits)}
	for i, w := range o.bits {
		out.bits[i] |= w
	}
	return out
}

func bytesOf(b []uint64) []uint64 { return append([]uint64(nil), b...) }

// not is what is not in the set of n rows; of a set that is not exact nothing
// is known.
func (s rowSet) not(n int) rowSet {
	switch {
	case !s.exact:
		return someRows
	case s.all:
		return noRows
	case s.none():
		return allRows
	}
	out := rowSet{exact: true, bits: newBits(n)}
	for i := range out.bits {
		out.bits[i] = ^s.bits[i]
	}
	if n%64 != 0 {
		out.bits[len(out.bits)-1] &= 1<<(n%64) - 1
	}
	return out
}

// eval finds the rows of template t that can pass.
func (b *Block) eval(s *Scan, p *Plan, t int) (rowSet, error) {
	x := p.expr
	switch x.Op {
	case logs.And:
		set := allRows
		for _, a := range p.args {
			o, err := b.eval(s, a, t)
			if err != nil {
				return set, err
			}
			if set = set.and(o); set.none() {
				return noRows, nil
			}
		}
		return set, nil
	case logs.Or:
		set := noRows
		for _, a := range p.args {
			o, err := b.eval(s, a, t)
			if err != nil {
				return set, err
			}
			if set = set.or(o); set.all && set.exact {
				break
			}
		}
		return set, nil
	case logs.Not:
		set, err := b.eval(s, p.args[0], t)
		return set.not(len(b.rowsOf(t))), err
	case logs.Contains:
		return b.contains(p.piece, t)
	case logs.Matches:
		return b.hinted(s, p.hint, t)
	case logs.Field:
		if b.templates[t].escapes {
			return someRows, nil
		}
		set, err := b.hinted(s, p.hint, t)
		if err != nil || x.Compare != logs.Between || set.none() {
			return set, err
		}
		numbers, err := b.between(p, t)
		return set.and(numbers), err
	case logs.LevelIn:
		return b.rowsThat(t, func(row uint16) bool { return x.Levels.Has(logs.Level(b.Flags[row] & 7)) }), nil
	case logs.StreamIs:
		return b.rowsThat(t, func(row uint16) bool { return logs.Stream(b.Flags[row]>>3) == x.Stream }), nil
	case logs.SourceLike:
		return b.rowsThat(t, func(row uint16) bool {
			return x.Match(logs.Entry{Source: s.Name(b.Source[row])})
		}), nil
	}
	return someRows, nil
}

func (b *Block) rowsThat(t int, pass func(row uint16) bool) rowSet {
	rows := b.rowsOf(t)
	set := rowSet{exact: true, bits: newBits(len(rows))}
	for at, row := range rows {
		if pass(row) {
			set.bits[at/64] |= 1 << (at % 64)
		}
	}
	return set
}

// hinted is the rows that pass the hint; they still have to be looked at.
func (b *Block) hinted(s *Scan, hint *Plan, t int) (rowSet, error) {
	if hint == nil {
		return someRows, nil
	}
	set, err := b.eval(s, hint, t)
	set.exact = set.none()
	return set, err
}

// contains finds the rows of a template that can contain the piece.
func (b *Block) contains(p *piece, t int) (rowSet, error) {
	o := &b.templates[t]
	if o.joins {
		return someRows, nil
	}
	plain := text(b.folded[o.from:o.to])
	if o.verbatim {
		if p.In(plain) {
			return allRows, nil
		}
		return noRows, nil
	}
	if p.marked { // a verbatim text would have it; a mark in a template is none
		return noRows, nil
	}
	if p.In(plain) {
		return allRows, nil
	}
	if p.fixed || o.vars == 0 {
		return noRows, nil
	}
	if p.single != nil {
		set, err := b.inColumns(t, *p.single)
		set.exact = true
		return set, err
	}
	any := noRows
	for i := range p.variants {
		v := &p.variants[i]
		if !strings.Contains(plain, v.pattern) {
			continue
		}
		set := someRows
		for _, n := range v.needs {
			in, err := b.inColumns(t, n)
			if err != nil {
				return set, err
			}
			if set = set.and(in); set.none() {
				break
			}
		}
		any = any.or(set)
	}
	any.exact = any.none()
	return any, nil
}
