package block

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"strconv"
)

// Types of columns. A column holds the variables at one position of one
// template, a value for each row of the template.
const (
	colConst = iota // the same value everywhere
	colDict         // few values: a list, and a byte for each row
	colInt          // numbers without leading zeros, as their distance from the smallest, in bytes of one width
	colDelta        // numbers without leading zeros, each as a varint of the difference to the one before
	colHex          // hexadecimal digits of one length, two to a byte, in the stream of their own
	colText         // anything: values with line feeds between them
	colTypes

	colPadded = 0x20 // numbers have leading zeros, up to one length
	colUpper  = 0x40 // hexadecimal digits in upper case
	colAffix  = 0x80 // all values begin and end alike, around what is packed
)

const (
	maxDict   = 255
	minHex    = 8 // digits; shorter ones are as well off as numbers or text
	maxHex    = 128
	maxDigits = 19 // of numbers; 19 nines fit into 64 bits
	separator = '\n'
)

// columnPacker packs columns; it is there for its buffers.
type columnPacker struct {
	values [][]byte
	nums   []uint64
	dict   map[string]uint8
	index  []byte
	order  [][]byte
}

// pack appends the column of p.values to out, and packed hexadecimal digits to hex.
func (p *columnPacker) pack(out, hex []byte) ([]byte, []byte) {
	values := p.values
	first := values[0]
	same := true
	for _, v := range values[1:] {
		if !bytes.Equal(v, first) {
			same = false
			break
		}
	}
	if same {
		return appendColumn(out, colConst, nil, nil, first), hex
	}
	head, tail := affixes(values)
	if len(head)+len(tail) > 0 {
		for i, v := range values {
			values[i] = v[len(head) : len(v)-len(tail)]
		}
	}
	if typ, body, ok := p.numbers(); ok {
		return appendColumn(out, typ, head, tail, body), hex
	}
	if flags, ok := hexColumn(values); ok {
		width := len(values[0])
		for _, v := range values {
			hex = appendNibbles(hex, v)
		}
		return appendColumn(out, colHex|flags, head, tail, binary.AppendUvarint(nil, uint64(width))), hex //nolint:gosec // small
	}
	if body, ok := p.dictionary(); ok {
		return appendColumn(out, colDict, head, tail, body), hex
	}
	n := 0
	for _, v := range values {
		n += len(v) + 1
	}
	body := make([]byte, 0, n)
	for _, v := range values {
		body = append(append(body, v...), separator)
	}
	return appendColumn(out, colText, head, tail, body), hex
}

func appendColumn(out []byte, typ byte, head, tail, body []byte) []byte {
	if len(head)+len(tail) > 0 {
		typ |= colAffix
	}
	out = append(out, typ)
	if typ&colAffix != 0 {
		out = binary.AppendUvarint(out, uint64(len(head)))
		out = append(out, head...)
		out = binary.AppendUvarint(out, uint64(len(tail)))
		out = append(out, tail...)
	}
	out = binary.AppendUvarint(out, uint64(len(body)))
	return append(out, body...)
}

func isDigit(c byte) bool { return c-'0' < 10 }

// affixes are what all values begin and end with, digits excluded: a value has
// at least one digit, so that the two do not meet.
func affixes(values [][]byte) (head, tail []byte) {
	head = values[0]
	for i, c := range head {
		if isDigit(c) {
			head = head[:i]
			break
		}
	}
	tail = values[0]
	for i := len(tail) - 1; i >= 0; i-- {
		if isDigit(tail[i]) {
			tail = tail[i+1:]
			break
		}
	}
	for _, v := range values[1:] {
		if len(head)+len(tail) == 0 {
			return nil, nil
		}
		n := 0
		for n < len(head) && n < len(v) && v[n] == head[n] {
			n++
		}
		head = head[:n]
		n = 0
		for n < len(tail) && n < len(v)-len(head) && v[len(v)-1-n] == tail[len(tail)-1-n] {
			n++
		}
		tail = tail[len(tail)-n:]
	}
	return head, tail
}

// numbers packs values that are all decimal digits.
func (p *columnPacker) numbers() (typ byte, body []byte, ok bool) {
	values := p.values
	nums := p.nums[:0]
	width, plain, padded := len(values[0]), true, true
	for _, v := range values {
		if len(v) == 0 || len(v) > maxDigits {
			return 0, nil, false
		}
		n := uint64(0)
		for _, c := range v {
			if !isDigit(c) {
				return 0, nil, false
			}
			n = n*10 + uint64(c-'0')
		}
		plain = plain && (v[0] != '0' || len(v) == 1)
		padded = padded && len(v) == width
		if !plain && !padded {
			return 0, nil, false
		}
		nums = append(nums, n)
	}
	p.nums = nums
	low, high := nums[0], nums[0]
	deltas, last := 0, uint64(0)
	for _, n := range nums {
		low, high = min(low, n), max(high, n)
		deltas += varintLen(zigzag(n - last))
		last = n
	}
	size := max(1, (bits.Len64(high-low)+7)/8)
	if !plain {
		typ = colPadded
		body = append(body, byte(width)) //nolint:gosec // at most maxDigits
	}
	if deltas < size*len(nums) {
		last = 0
		for _, n := range nums {
			body = binary.AppendUvarint(body, zigzag(n-last))
			last = n
		}
		return typ | colDelta, body, true
	}
	body = binary.AppendUvarint(body, low)
	body = append(body, byte(size)) //nolint:gosec // 1 to 8
	for _, n := range nums {
		n -= low
		for shift := 8 * (size - 1); shift >= 0; shift -= 8 {
			body = append(body, byte(n>>shift)) //nolint:gosec // a byte of it
		}
	}
	return typ | colInt, body, true
}

// zigzag folds a difference, modulo 2^64, so that small ones are small numbers.
func zigzag(d uint64) uint64   { return d<<1 ^ uint64(int64(d)>>63) } //nolint:gosec // bits
func unzigzag(u uint64) uint64 { return u>>1 ^ -(u & 1) }

func varintLen(u uint64) int { return (bits.Len64(u|1) + 6) / 7 }

// hexColumn tells whether all values are hexadecimal digits of one case and length.
func hexColumn(values [][]byte) (flags byte, ok bool) {
	width := len(values[0])
	if width < minHex || width > maxHex {
		return 0, false
	}
	lower, upper := false, false
	for _, v := range values {
		if len(v) != width {
			return 0, false
		}
		for _, c := range v {
			switch hexKind[c] {
			case 0:
				return 0, false
			case 2:
				lower = true
			case 3:
				upper = true
			}
		}
		if lower && upper {
			return 0, false
		}
	}
	if upper {
		return colUpper, true
	}
	return 0, true
}

// hexKind is 1 for digits, 2 for a to f, 3 for A to F.
var hexKind = func() (t [256]uint8) {
	for c := '0'; c <= '9'; c++ {
		t[c] = 1
	}
	for c := 'a'; c <= 'f'; c++ {
		t[c], t[c-0x20] = 2, 3
	}
	return t
}()

func nibble(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

// appendNibbles packs two digits to a byte; an odd one out is padded with 0.
func appendNibbles(out, v []byte) []byte {
	for ; len(v) >= 2; v = v[2:] {
		out = append(out, nibble(v[0])<<4|nibble(v[1]))
	}
	if len(v) == 1 {
		out = append(out, nibble(v[0])<<4)
	}
	return out
}

// dictionary packs values of which there are few different ones.
func (p *columnPacker) dictionary() (body []byte, ok bool) {
	values := p.values
	most := min(maxDict, len(values)/2)
	if p.dict == nil {
		p.dict = make(map[string]uint8)
	}
	clear(p.dict)
	p.index, p.order = p.index[:0], p.order[:0]
	for _, v := range values {
		k, ok := p.dict[string(v)]
		if !ok {
			if len(p.order) == most {
				return nil, false
			}
			k = uint8(len(p.order)) //nolint:gosec // below maxDict
			p.dict[string(v)] = k
			p.order = append(p.order, v)
		}
		p.index = append(p.index, k)
	}
	body = binary.AppendUvarint(body, uint64(len(p.order)))
	for _, v := range p.order {
		body = append(append(body, v...), separator)
	}
	return append(body, p.index...), true
}

// column is an unpacked column.
type column struct {
	typ        byte
	head, tail []byte
	body       []byte   // colConst: the value; colInt: the packed numbers; colHex: all digits; colText: all text
	width      int      // colInt: bytes of a number; colHex: digits of a value
	digits     int      // of padded numbers; 0 is not padded
	low        uint64   // of colInt
	nums       []uint64 // of colDelta
	index      []byte   // of colDict
	ends       []uint32 // of colDict and colText: where the values end in body, without the separator
}

// bytes is what the column takes in memory, without what it shares with its block.
func (c *column) bytes() int {
	const itself = 192
	return itself + 8*cap(c.nums) + 4*cap(c.ends)
}

// read reads the header of a column and finds its parts, except for hexadecimal
// digits, which are in a stream of their own. c keeps only its memory.
func (c *column) read(d *decoder) {
	*c = column{typ: d.byte(), nums: c.nums[:0], ends: c.ends[:0]}
	if c.typ&colAffix != 0 {
		c.head = d.bytes(d.count(MaxText))
		c.tail = d.bytes(d.count(MaxText))
	}
	c.body = d.bytes(d.count(MaxText))
	if c.typ&0x1f == colHex {
		c.width = hexWidth(c.body, d)
	}
}

// hexWidth reads the digits of a value from the body of a column of them.
func hexWidth(body []byte, d *decoder) int {
	b := decoder{b: body}
	width := b.count(maxHex)
	if b.err != nil || width == 0 {
		d.fail()
	}
	return width
}

// skipColumn is read without a column. It returns how many bytes of hexadecimal
// digits the column has.
func skipColumn(d *decoder, rows int) (hex int) {
	if b := d.b; len(b) > 1 && b[0] < colAffix && b[0]&0x1f != colHex && b[1] < 0x80 && int(b[1])+2 <= len(b) {
		d.b = b[2+int(b[1]):] // most are short
		return 0
	}
	typ := d.byte()
	if typ&colAffix != 0 {
		d.bytes(d.count(MaxText))
		d.bytes(d.count(MaxText))
	}
	body := d.bytes(d.count(MaxText))
	if typ&0x1f == colHex {
		return rows * ((hexWidth(body, d) + 1) / 2)
	}
	return 0
}

// open unpacks what access to the values needs.
func (c *column) open(rows int) error {
	d := decoder{b: c.body}
	switch c.typ & 0x1f {
	case colConst, colHex:
		return nil
	case colInt, colDelta:
		if c.typ&colPadded != 0 {
			if c.digits = int(d.byte()); c.digits > maxDigits {
				return damaged("numbers of %d digits", c.digits)
			}
		}
		if c.typ&0x1f == colInt {
			c.low = d.uvarint()
			c.width = int(d.byte())
			if c.width < 1 || c.width > 8 || len(d.b) != c.width*rows {
				return damaged("%d numbers of %d bytes in %d", rows, c.width, len(d.b))
			}
			c.body = d.b
			return d.err
		}
		c.nums = sized(c.nums, rows)
		last := uint64(0)
		for i := range c.nums {
			last += unzigzag(d.uvarint())
			c.nums[i] = last
		}
		return d.err
	case colDict:
		n := d.count(maxDict)
		text := d.b
		at := 0
		c.ends = sized(c.ends, n)[:0]
		for range n {
			i := bytes.IndexByte(text[at:], separator)
			if i < 0 {
				return damaged("a list of values without end")
			}
			c.ends = append(c.ends, uint32(at+i)) //nolint:gosec // bounded by MaxText
			at += i + 1
		}
		c.body, c.index = text[:at], text[at:]
		if len(c.index) != rows {
			return damaged("%d values for %d rows", len(c.index), rows)
		}
		for _, k := range c.index {
			if int(k) >= n {
				return damaged("value %d of %d", k, n)
			}
		}
		return nil
	case colText:
		c.ends = sized(c.ends, rows)[:0]
		at := 0
		for range rows {
			i := bytes.IndexByte(c.body[at:], separator)
			if i < 0 {
				return damaged("fewer values than the %d rows", rows)
			}
			c.ends = append(c.ends, uint32(at+i)) //nolint:gosec // bounded by MaxText
			at += i + 1
		}
		return nil
	}
	return damaged("a column of type %d", c.typ)
}

const (
	lowerDigits = "0123456789abcdef"
	upperDigits = "0123456789ABCDEF"
)

// appendValue appends the value of a row of an open column.
func (c *column) appendValue(dst []byte, row int) []byte {
	dst = append(dst, c.head...)
	switch c.typ & 0x1f {
	case colConst:
		dst = append(dst, c.body...)
	case colInt:
		dst = c.appendNumber(dst, c.number(row))
	case colDelta:
		dst = c.appendNumber(dst, c.nums[row])
	case colDict:
		dst = append(dst, c.item(int(c.index[row]))...)
	case colText:
		dst = append(dst, c.item(row)...)
	case colHex:
		digits := lowerDigits
		if c.typ&colUpper != 0 {
			digits = upperDigits
		}
		size := (c.width + 1) / 2
		for _, b := range c.body[row*size : (row+1)*size] {
			dst = append(dst, digits[b>>4], digits[b&15])
		}
		dst = dst[:len(dst)-c.width%2]
	}
	return append(dst, c.tail...)
}

func (c *column) number(row int) uint64 {
	n := uint64(0)
	for _, b := range c.body[row*c.width : (row+1)*c.width] {
		n = n<<8 | uint64(b)
	}
	return c.low + n
}

// item is value i of the list of a colDict, or of the rows of a colText.
func (c *column) item(i int) []byte {
	start := uint32(0)
	if i > 0 {
		start = c.ends[i-1] + 1
	}
	return c.body[start:c.ends[i]]
}

func (c *column) appendNumber(dst []byte, n uint64) []byte {
	at := len(dst)
	dst = strconv.AppendUint(dst, n, 10)
	if missing := c.digits - (len(dst) - at); missing > 0 {
		const zeros = "0000000000000000000"
		dst = append(dst, zeros[:missing]...)
		copy(dst[at+missing:], dst[at:len(dst)-missing])
		copy(dst[at:], zeros[:missing])
	}
	return dst
}
