package sqlite

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

// The stored form of an event is a version byte and a message. A message is a
// sequence of fields, each a tag (number of the field times 2, plus 1 if the
// value is bytes), and a value: a varint, or a length and that many bytes. Zero
// values are left out, a repeated field is a list, and a reader skips numbers
// that it does not know: fields can be added and dropped without a new version.
// Numbers are never used for another meaning.
//
// It has half to two thirds of the bytes of JSON before compression, and takes
// less than a tenth of encoding/json's time to write and a third to read;
// BenchmarkCodec shows both.
const codecVersion = 1

// encoder appends fields to a buffer.
type encoder struct{ b []byte }

func (e *encoder) tag(field int, isBytes uint64) {
	e.b = binary.AppendUvarint(e.b, uint64(field)<<1|isBytes) //nolint:gosec // fields are small constants
}

func (e *encoder) text(field int, s string) {
	if s != "" {
		e.element(field, s)
	}
}

// element is text that is kept even if it is empty, for lists.
func (e *encoder) element(field int, s string) {
	e.tag(field, 1)
	e.b = binary.AppendUvarint(e.b, uint64(len(s)))
	e.b = append(e.b, s...)
}

func (e *encoder) texts(field int, list []string) {
	for _, s := range list {
		e.element(field, s)
	}
}

func (e *encoder) json(field int, j json.RawMessage) {
	if len(j) > 0 {
		e.tag(field, 1)
		e.b = binary.AppendUvarint(e.b, uint64(len(j)))
		e.b = append(e.b, j...)
	}
}

func (e *encoder) number(field, n int) {
	if n != 0 {
		e.optionalNumber(field, &n)
	}
}

func (e *encoder) optionalNumber(field int, n *int) {
	if n != nil {
		e.tag(field, 0)
		e.b = binary.AppendUvarint(e.b, zigzag(int64(*n)))
	}
}

func (e *encoder) flag(field int, b bool) {
	if b {
		e.tag(field, 0)
		e.b = append(e.b, 1)
	}
}

func (e *encoder) optionalFlag(field int, b *bool) {
	if b != nil {
		e.tag(field, 0)
		if *b {
			e.b = append(e.b, 1)
		} else {
			e.b = append(e.b, 0)
		}
	}
}

func (e *encoder) time(field int, t time.Time) {
	if t.IsZero() {
		return
	}
	start := e.open(field)
	e.b = binary.AppendUvarint(e.b, zigzag(t.Unix()))
	e.b = binary.AppendUvarint(e.b, uint64(t.Nanosecond())) //nolint:gosec // 0 to 999,999,999
	e.close(start)
}

// open begins a nested message, and close ends it.
func (e *encoder) open(field int) (start int) {
	e.tag(field, 1)
	e.b = append(e.b, 0)
	return len(e.b)
}

func (e *encoder) close(start int) {
	n := len(e.b) - start
	if n < 128 {
		e.b[start-1] = byte(n)
		return
	}
	var length [binary.MaxVarintLen64]byte
	l := binary.PutUvarint(length[:], uint64(n))
	e.b = append(e.b, length[1:l]...) // room
	copy(e.b[start+l-1:], e.b[start:start+n])
	copy(e.b[start-1:], length[:l])
}

func zigzag(n int64) uint64   { return uint64(n<<1) ^ uint64(n>>63) } //nolint:gosec // bits are moved, not numbers
func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }    //nolint:gosec // bits are moved, not numbers

// maxNesting bounds how deep decoded messages may nest. Events nest four deep.
const maxNesting = 8

var errStored = errors.New("stored event is damaged")

// decoder reads a message. Its strings share the memory of one copy of it.
type decoder struct {
	b     []byte
	s     string // the same bytes
	depth int
}

// field is one value of a message.
type field struct {
	number  int
	value   uint64  // of a varint
	message decoder // of bytes
	bytes   bool
}

func newDecoder(b []byte) decoder { return decoder{b: b, s: string(b)} }

// next reads a field; ok is false at the end.
func (d *decoder) next(f *field) (ok bool, err error) {
	if len(d.b) == 0 {
		return false, nil
	}
	tag, err := d.uvarint()
	if err != nil {
		return false, err
	}
	if tag>>1 > 1<<16 {
		return false, fmt.Errorf("%w: field %d", errStored, tag>>1)
	}
	f.number, f.bytes = int(tag>>1), tag&1 == 1
	f.value, err = d.uvarint()
	if err != nil || !f.bytes {
		return err == nil, err
	}
	n := f.value
	if n > uint64(len(d.b)) {
		return false, fmt.Errorf("%w: field %d has %d bytes, %d are left", errStored, f.number, n, len(d.b))
	}
	if d.depth == maxNesting {
		return false, fmt.Errorf("%w: nested more than %d deep", errStored, maxNesting)
	}
	f.message = decoder{b: d.b[:n:n], s: d.s[:n], depth: d.depth + 1}
	d.b, d.s = d.b[n:], d.s[n:]
	return true, nil
}

func (d *decoder) uvarint() (uint64, error) {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		return 0, fmt.Errorf("%w: not a number", errStored)
	}
	d.b = d.b[n:]
	if d.s != "" {
		d.s = d.s[n:]
	}
	return v, nil
}

func (f *field) text() string          { return f.message.s }
func (f *field) json() json.RawMessage { return f.message.b }
func (f *field) number64() int64       { return unzigzag(f.value) }
func (f *field) int() int              { return int(f.number64()) }
func (f *field) flag() bool            { return f.value != 0 }

func (f *field) optionalFlag() *bool {
	b := f.flag()
	return &b
}

func (f *field) optionalInt() *int {
	n := f.int()
	return &n
}

func (f *field) time() (time.Time, error) {
	sec, err := f.message.uvarint()
	if err != nil {
		return time.Time{}, err
	}
	nsec, err := f.message.uvarint()
	if err != nil || nsec > 999_999_999 {
		return time.Time{}, fmt.Errorf("%w: not a time", errStored)
	}
	return time.Unix(unzigzag(sec), int64(nsec)).UTC(), nil //nolint:gosec // checked above
}

// each calls f for the fields of a message.
func (d *decoder) each(f func(*field) error) error {
	var v field
	for {
		ok, err := d.next(&v)
		if err != nil || !ok {
			return err
		}
		if err := f(&v); err != nil {
			return err
		}
	}
}

// one reads a message into an element of a list.
func one[T any](list *[]T, f *field, read func(*T, *field) error) error {
	var v T
	if err := f.message.each(func(f *field) error { return read(&v, f) }); err != nil {
		return err
	}
	*list = append(*list, v)
	return nil
}

// encodeEvent appends the stored form of e to b.
func encodeEvent(b []byte, e *event.Event) []byte {
	enc := encoder{append(b, codecVersion)}
	writeEvent(&enc, e)
	return enc.b
}

// decodeEvent reads what encodeEvent wrote. The event shares memory with b.
func decodeEvent(b []byte) (event.Event, error) {
	var e event.Event
	if len(b) == 0 {
		return e, fmt.Errorf("%w: empty", errStored)
	}
	if b[0] != codecVersion {
		return e, fmt.Errorf("stored event has version %d, want %d", b[0], codecVersion)
	}
	d := newDecoder(b[1:])
	err := d.each(func(f *field) error { return readEvent(&e, f) })
	return e, err
}
