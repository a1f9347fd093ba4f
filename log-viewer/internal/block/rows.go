// Package block packs log lines into blocks that are small and can be searched
// without being unpacked as a whole.
//
// A line is split into a template, the text with every token that has a digit
// taken out, and the tokens that were taken out, its variables. Lines of one
// template keep their variables by position, in columns of a type that suits
// them. docs/logs.md describes the format.
package block

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"unsafe"

	"github.com/klauspost/compress/s2"
)

// Limits of a block. They bound what a damaged or hostile one can make a reader do.
const (
	MaxRows = 1 << 16 // lines
	MaxText = 32 << 20
)

// ErrDamaged is in the chain of errors about bytes that are not a block.
var ErrDamaged = errors.New("damaged block")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

// Rows are lines, column by column, in the order of their arrival. They only
// grow: a copy of a Rows stays valid while the original grows.
type Rows struct {
	Time   []int64  // Unix nanoseconds
	Source []uint32 // number of the source
	Flags  []uint8  // level and stream, see Flags
	End    []uint32 // where the message ends in Text
	Text   []byte   // messages, one after the other
	Top    []int64  // the latest time up to and including the row
	ID     []int64  // nil while the IDs count up from First
	First  int64    // ID of the first row
}

// Flags packs a level (0 to 7) and a stream (0 or 1) into a byte.
func Flags(level, stream uint8) uint8 { return level&7 | stream&1<<3 }

// NFlags is the number of values of Flags.
const NFlags = 16

// Len is the number of rows.
func (r *Rows) Len() int { return len(r.Time) }

// Append adds a row.
func (r *Rows) Append(time int64, source uint32, flags uint8, message string) {
	top := time
	if n := len(r.Top); n > 0 {
		top = max(top, r.Top[n-1])
	}
	r.Time = append(r.Time, time)
	r.Source = append(r.Source, source)
	r.Flags = append(r.Flags, flags)
	r.Text = append(r.Text, message...)
	r.End = append(r.End, uint32(len(r.Text))) //nolint:gosec // bounded by MaxText
	r.Top = append(r.Top, top)
}

// Grow makes room for n more rows with text of the given size.
func (r *Rows) Grow(n, text int) {
	r.Time = grow(r.Time, n)
	r.Source = grow(r.Source, n)
	r.Flags = grow(r.Flags, n)
	r.End = grow(r.End, n)
	r.Top = grow(r.Top, n)
	r.Text = grow(r.Text, text)
}

func grow[T any](s []T, n int) []T {
	if cap(s)-len(s) >= n {
		return s
	}
	out := make([]T, len(s), len(s)+n)
	copy(out, s)
	return out
}

// IDOf is the ID of row i.
func (r *Rows) IDOf(i int) int64 {
	if r.ID != nil {
		return r.ID[i]
	}
	return r.First + int64(i)
}

// Message is the message of row i. It shares memory with the rows.
func (r *Rows) Message(i int) string {
	start := uint32(0)
	if i > 0 {
		start = r.End[i-1]
	}
	b := r.Text[start:r.End[i]]
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// Bytes is about what the rows take in memory.
func (r *Rows) Bytes() int { return cap(r.Text) + 25*cap(r.Time) }

// A batch is rows as they are kept until they are sealed: quick to write, not
// made to be searched.
const (
	batchPlain = 1
	batchS2    = 2
)

// batchBuffers hold a batch before it is compressed.
var batchBuffers = sync.Pool{New: func() any { return new([]byte) }}

const maxBatchBuffer = 4 << 20 // larger ones are not kept

// AppendBatch appends rows from to to (exclusive) in the form of a batch.
func (r *Rows) AppendBatch(dst []byte, from, to int) []byte {
	buffer, _ := batchBuffers.Get().(*[]byte)
	raw := slices.Grow((*buffer)[:0], 16*(to-from)+int(r.End[to-1])+16)
	defer func() {
		if *buffer = raw; cap(raw) <= maxBatchBuffer {
			batchBuffers.Put(buffer)
		}
	}()
	raw = binary.AppendUvarint(raw, uint64(to-from)) //nolint:gosec // not negative
	last, start := int64(0), uint32(0)
	if from > 0 {
		start = r.End[from-1]
	}
	text := r.Text[start:r.End[to-1]]
	for i := from; i < to; i++ {
		raw = binary.AppendVarint(raw, r.Time[i]-last)
		raw = binary.AppendUvarint(raw, uint64(r.Source[i]))
		raw = append(raw, r.Flags[i])
		raw = binary.AppendUvarint(raw, uint64(r.End[i]-start))
		last, start = r.Time[i], r.End[i]
	}
	raw = append(raw, text...)
	if len(raw) < 512 {
		return append(append(dst, batchPlain), raw...)
	}
	dst = slices.Grow(append(dst, batchS2), s2.MaxEncodedLen(len(raw)))
	packed := s2.Encode(dst[len(dst):cap(dst)], raw) // it fits
	return dst[:len(dst)+len(packed)]
}

// AddBatch appends the rows of a batch that AppendBatch made.
func (r *Rows) AddBatch(data []byte) error {
	if len(data) == 0 {
		return damaged("a batch of no bytes")
	}
	raw := data[1:]
	switch data[0] {
	case batchPlain:
	case batchS2:
		n, err := s2.DecodedLen(raw)
		if err != nil || n > 2*MaxText {
			return damaged("a batch of %d bytes", n)
		}
		if raw, err = s2.Decode(nil, raw); err != nil {
			return damaged("a batch: %v", err)
		}
	default:
		return damaged("a batch of format %d", data[0])
	}
	d := decoder{b: raw}
	n := d.count(MaxRows)
	type row struct {
		time   int64
		source uint32
		flags  uint8
		length int
	}
	rows := make([]row, 0, n)
	last, total := int64(0), 0
	for range n {
		last += d.varint()
		w := row{time: last, source: uint32(d.uvarint()), flags: d.byte(), length: d.count(MaxText)} //nolint:gosec // checked by whoever looks it up
		total += w.length
		rows = append(rows, w)
	}
	if d.err != nil || total != len(d.b) {
		return damaged("a batch of %d rows with %d bytes of text, want %d", n, len(d.b), total)
	}
	r.Grow(n, total)
	at := 0
	for _, w := range rows {
		message := d.b[at : at+w.length]
		at += w.length
		r.Append(w.time, w.source, w.flags&(NFlags-1), unsafe.String(unsafe.SliceData(message), len(message)))
	}
	return nil
}

// decoder reads numbers and remembers the first error; after one it gives zeros.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) fail() {
	if d.err == nil {
		d.err = damaged("it ends too early")
	}
	d.b = nil
}

func (d *decoder) uvarint() uint64 {
	if len(d.b) > 0 && d.b[0] < 0x80 { // most are small
		v := d.b[0]
		d.b = d.b[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) varint() int64 {
	u := d.uvarint()
	return int64(u>>1) ^ -int64(u&1) //nolint:gosec // zigzag
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.fail()
		return 0
	}
	v := d.b[0]
	d.b = d.b[1:]
	return v
}

// count reads a number that must be at most the limit.
func (d *decoder) count(limit int) int {
	v := d.uvarint()
	if v > uint64(limit) { //nolint:gosec // limits are not negative
		if d.err == nil {
			d.err = damaged("the number %d, the limit is %d", v, limit)
		}
		d.b = nil
		return 0
	}
	return int(v) //nolint:gosec // just checked
}

func (d *decoder) bytes(n int) []byte {
	if n < 0 || n > len(d.b) {
		d.fail()
		return nil
	}
	v := d.b[:n:n]
	d.b = d.b[n:]
	return v
}

// AppendRows appends rows from to to (exclusive) of o.
func (r *Rows) AppendRows(o *Rows, from, to int) {
	if from == to {
		return
	}
	start := uint32(0)
	if from > 0 {
		start = o.End[from-1]
	}
	shift := uint32(len(r.Text)) - start //nolint:gosec // modulo 2^32
	top := o.Time[from]
	if n := len(r.Top); n > 0 {
		top = max(top, r.Top[n-1])
	}
	r.Time = append(r.Time, o.Time[from:to]...)
	r.Source = append(r.Source, o.Source[from:to]...)
	r.Flags = append(r.Flags, o.Flags[from:to]...)
	r.Text = append(r.Text, o.Text[start:o.End[to-1]]...)
	for i := from; i < to; i++ {
		r.End = append(r.End, o.End[i]+shift)
		top = max(top, o.Time[i])
		r.Top = append(r.Top, top)
	}
}
