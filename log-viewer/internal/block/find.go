package block

import (
	"bytes"
	"math"
	"math/bits"
	"strings"

	"github.com/monlight/monlight/log-viewer/internal/logs"
)

// inColumns finds the rows that have a variable with the token in it.
func (b *Block) inColumns(t int, w need) (rowSet, error) {
	if err := b.readVars(); err != nil {
		return noRows, err
	}
	n := len(b.rowsOf(t))
	b.found = sized(b.found, (n+63)/64)
	clear(b.found)
	c := &b.looked
	first, raw := b.templates[t].first, b.streams[streamVars].raw
	for k := range b.templates[t].vars {
		at := raw[b.places[first+k].vars:]
		if !w.fits(at[0]) {
			continue
		}
		if at[0] == colConst && at[1] < 0x80 { // most are
			in, buffer := w.in(at[2:2+int(at[1])], b.fold)
			if b.fold = buffer; in {
				return allRows, nil
			}
			continue
		}
		if err := b.peek(t, k, c); err != nil {
			return noRows, err
		}
		if !c.canHave(w) {
			continue
		}
		if c.typ != colText { // which is searched as it is
			if err := c.open(n); err != nil {
				return noRows, err
			}
		}
		b.fold = c.find(w, n, b.found, b.fold)
	}
	if (rowSet{bits: b.found}).none() {
		return noRows, nil
	}
	return rowSet{bits: bytesOf(b.found)}, nil
}

// fits tells, by the type alone, whether the values of a column may be or
// contain what is needed.
func (w *need) fits(typ byte) bool {
	switch typ &^ (colPadded | colUpper) {
	case colInt, colDelta:
		return w.kind == 1 && len(w.token) <= maxDigits
	case colHex:
		return w.kind != 0
	}
	return true
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

// in tells whether a value is, begins with, ends with or has the token in it,
// as it says. It returns the buffer that it used.
func (w *need) in(value, buffer []byte) (bool, []byte) {
	if len(value) < len(w.token) && isASCII(value) { // others may get longer
		return false, buffer
	}
	buffer = logs.AppendFold(buffer[:0], text(value))
	folded := text(buffer)
	switch {
	case w.start && w.end:
		return folded == w.token, buffer
	case w.start:
		return strings.HasPrefix(folded, w.token), buffer
	case w.end:
		return strings.HasSuffix(folded, w.token), buffer
	}
	return strings.Contains(folded, w.token), buffer
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// find sets the bits of rows whose value has the token in it: as a whole with
// start and end, at its beginning with start, at its end with end. It returns
// the buffer that it used.
func (c *column) find(w need, rows int, out []uint64, buffer []byte) []byte {
	is := func(value []byte) (in bool) {
		in, buffer = w.in(value, buffer)
		return in
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
	case w.kind == 1 && (typ == colInt || typ == colDelta):
		c.findDigits(w, rows, out)
	case w.kind != 0 && typ == colHex && len(w.token) >= 3 && len(c.head)+len(c.tail) == 0:
		c.findNibbles(w, rows, out)
	default:
		buffer = c.render(rows, append(buffer[:0], separator))
		findLines(buffer, w, rows, out)
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
func findLines(lines []byte, w need, rows int, out []uint64) {
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
		if at >= rows {
			return
		}
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

// findDigits finds the rows whose number has the digits of the token in it.
func (c *column) findDigits(w need, rows int, out []uint64) {
	if len(w.token) > maxDigits || w.start && len(c.head) > 0 || w.end && len(c.tail) > 0 {
		return // the affixes have no digits
	}
	want := uint64(0)
	for i := range len(w.token) {
		want = want*10 + uint64(w.token[i]-'0')
	}
	length := len(w.token)
	if c.typ&0x1f == colInt && max(c.digits, decimals(c.most())) < length {
		return // the largest number is shorter
	}
	modulus := powersOfTen[length]
	for at := range rows {
		n := c.numberAt(at)
		before := max(c.digits, decimals(n)) - length // digits in front of the last that could match
		if before < 0 {
			continue
		}
		found := false
		switch {
		case w.start:
			found = n/powersOfTen[before] == want
		case w.end:
			found = n%modulus == want
		default:
			for ; before >= 0 && !found; before-- {
				found = n%modulus == want
				n /= 10
			}
		}
		if found {
			out[at/64] |= 1 << (at % 64)
		}
	}
}

// numberAt is the number in a row of a colInt or colDelta.
func (c *column) numberAt(row int) uint64 {
	if c.typ&0x1f == colDelta {
		return c.nums[row]
	}
	return c.number(row)
}

// most is a bound of the numbers of a colInt.
func (c *column) most() uint64 {
	span := uint64(math.MaxUint64) >> (64 - 8*c.width)
	if sum, carry := bits.Add64(c.low, span, 0); carry == 0 {
		return sum
	}
	return math.MaxUint64
}

var powersOfTen = func() (t [maxDigits + 1]uint64) {
	t[0] = 1
	for i := range maxDigits {
		t[i+1] = 10 * t[i]
	}
	return t
}()

// decimals is the number of decimal digits of n, at most maxDigits.
func decimals(n uint64) int {
	d := 1
	for d < maxDigits && n >= powersOfTen[d] {
		d++
	}
	return d
}

// findNibbles finds the rows with the hexadecimal digits of the token in them:
// it looks for the whole bytes of the token, where it begins with a byte and
// where it begins in the middle of one, and then at the half ones at its ends.
func (c *column) findNibbles(w need, rows int, out []uint64) {
	size := (c.width + 1) / 2
	for odd := range 2 {
		core := appendNibbles(nil, []byte(w.token[odd:odd+(len(w.token)-odd)&^1]))
		for from := 0; ; from++ {
			i := bytes.Index(c.body[from:], core)
			if i < 0 {
				break
			}
			from += i
			at, start := from/size, 2*(from%size)-odd
			end := start + len(w.token)
			if at >= rows || start < 0 || end > c.width || w.start && start > 0 || w.end && end < c.width {
				continue
			}
			if odd == 1 && c.body[from-1]&15 != nibble(w.token[0]) ||
				(len(w.token)-odd)%2 == 1 && c.body[from+len(core)]>>4 != nibble(w.token[len(w.token)-1]) {
				continue
			}
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
