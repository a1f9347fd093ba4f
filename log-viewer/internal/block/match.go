package block

import (
	"bytes"
	"math/bits"
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
			if checked++; checked%64 == 0 && s.Stop != nil && s.Stop() {
				return false, nil
			}
			ok, err := b.matches(s, int(row))
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
		return b.hinted(s, p.hint, t)
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
	if p.single {
		set, err := b.inColumns(t, need{p.Piece, p.Start, p.End})
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

// inColumns finds the rows that have a variable with the token in it.
func (b *Block) inColumns(t int, w need) (rowSet, error) {
	if err := b.readVars(); err != nil {
		return noRows, err
	}
	n := len(b.rowsOf(t))
	set := rowSet{bits: newBits(n)}
	for k := range b.templates[t].vars {
		c := &b.templates[t].columns[k]
		if !c.canHave(w) {
			continue
		}
		c, err := b.column(t, k)
		if err != nil {
			return noRows, err
		}
		b.fold = c.find(w, n, set.bits, b.fold)
	}
	return set, nil
}

// canHave tells, by the header alone, whether values may be or contain what is needed.
func (c *column) canHave(w need) bool {
	typ := c.typ & 0x1f
	whole := w.start && w.end
	switch typ {
	case colHex:
		if most := len(c.head) + c.width + len(c.tail); len(w.token) > most || whole && len(w.token) != most {
			return false
		}
	case colInt, colDelta:
		rest := len(w.token) - len(c.head) - len(c.tail)
		if rest > maxDigits || whole && rest <= 0 {
			return false
		}
	default:
		return true
	}
	for i := range len(w.token) {
		k := w.token[i]
		if !isDigit(k) && (typ != colHex || hexKind[k] == 0) && !hasFolded(c.head, k) && !hasFolded(c.tail, k) {
			return false
		}
	}
	return true
}

// hasFolded tells whether the affix may have the byte once it is folded.
func hasFolded(affix []byte, k byte) bool {
	for _, a := range affix {
		if a == k || a >= 0x80 || a|0x20 == k {
			return true
		}
	}
	return false
}

// find sets the bits of rows whose value has the token in it: as a whole with
// start and end, at its beginning with start, at its end with end. It returns
// the buffer that it used.
func (c *column) find(w need, rows int, out []uint64, buffer []byte) []byte {
	is := func(value []byte) bool {
		buffer = logs.AppendFold(buffer[:0], text(value))
		switch {
		case w.start && w.end:
			return string(buffer) == w.token
		case w.start:
			return strings.HasPrefix(text(buffer), w.token)
		case w.end:
			return strings.HasSuffix(text(buffer), w.token)
		}
		return strings.Contains(text(buffer), w.token)
	}
	var value []byte
	switch typ := c.typ & 0x1f; {
	case typ == colConst:
		if is(c.appendValue(value, 0)) {
			for at := range rows {
				out[at/64] |= 1 << (at % 64)
			}
		}
	case typ == colDict:
		var hits [maxDict + 1]bool
		any := false
		for i := range c.ends {
			value = append(append(append(value[:0], c.head...), c.item(i)...), c.tail...)
			hits[i] = is(value)
			any = any || hits[i]
		}
		if any {
			for at, k := range c.index {
				if hits[k] {
					out[at/64] |= 1 << (at % 64)
				}
			}
		}
	case w.start && w.end && typ != colText:
		c.findNumber(w.token, rows, out)
	default:
		buffer = c.render(rows, append(buffer[:0], separator))
		findLines(buffer, w, out)
	}
	return buffer
}

// render appends all values, folded, each with a separator behind it.
func (c *column) render(rows int, buffer []byte) []byte {
	if c.typ&0x1f == colText && len(c.head)+len(c.tail) == 0 {
		return logs.AppendFold(buffer, text(c.body))
	}
	plain := *c
	plain.head, plain.tail = []byte(logs.Fold(text(c.head))), []byte(logs.Fold(text(c.tail)))
	plain.typ &^= colUpper
	if c.typ&0x1f == colText {
		plain.head, plain.tail = c.head, c.tail // folded with the rest
	}
	at := len(buffer)
	for row := range rows {
		buffer = append(plain.appendValue(buffer, row), separator)
	}
	if c.typ&0x1f == colText {
		return append(buffer[:at], logs.Fold(text(buffer[at:]))...)
	}
	return buffer
}

// findLines looks through lines, each with a separator before and behind it, at
// once.
func findLines(lines []byte, w need, out []uint64) {
	needle := make([]byte, 0, len(w.token)+2)
	if w.start {
		needle = append(needle, separator)
	}
	needle = append(needle, w.token...)
	if w.end {
		needle = append(needle, separator)
	}
	row, from := 0, 0
	for {
		i := bytes.Index(lines[from:], needle)
		if i < 0 {
			return
		}
		row += bytes.Count(lines[from:from+i+1], []byte{separator})
		at := row - 1
		out[at/64] |= 1 << (at % 64)
		from += i + 1
	}
}

// findNumber finds the rows that are exactly the token in a column of numbers
// or hexadecimal digits.
func (c *column) findNumber(token string, rows int, out []uint64) {
	head, tail := logs.Fold(text(c.head)), logs.Fold(text(c.tail))
	if len(token) < len(head)+len(tail) || token[:len(head)] != head || token[len(token)-len(tail):] != tail {
		return
	}
	token = token[len(head) : len(token)-len(tail)]
	if c.typ&0x1f == colHex {
		c.findHex(token, rows, out)
		return
	}
	if len(token) == 0 || len(token) > maxDigits || c.digits > 0 && len(token) != c.digits || c.digits == 0 && len(token) > 1 && token[0] == '0' {
		return
	}
	n := uint64(0)
	for i := range len(token) {
		if !isDigit(token[i]) {
			return
		}
		n = n*10 + uint64(token[i]-'0')
	}
	if c.typ&0x1f == colDelta {
		for at, v := range c.nums {
			if v == n {
				out[at/64] |= 1 << (at % 64)
			}
		}
		return
	}
	if n < c.low || bits.Len64(n-c.low) > 8*c.width {
		return
	}
	for at := range rows {
		if c.number(at) == n {
			out[at/64] |= 1 << (at % 64)
		}
	}
}

func (c *column) findHex(token string, rows int, out []uint64) {
	if len(token) != c.width {
		return
	}
	for i := range len(token) {
		if k := hexKind[token[i]]; k != 1 && k != 2 { // folded
			return
		}
	}
	packed := appendNibbles(nil, []byte(token))
	size := len(packed)
	for from := 0; ; {
		i := bytes.Index(c.body[from:], packed)
		if i < 0 {
			return
		}
		if i += from; i%size == 0 {
			at := i / size
			if at >= rows {
				return
			}
			out[at/64] |= 1 << (at % 64)
		}
		from = i + 1
	}
}
