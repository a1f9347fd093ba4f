package sourcemap

import "github.com/monlight/monlight/shared/errs"

// segment is one entry of the mappings, with absolute values from 0. source is
// -1 for generated code that has no original, name is -1 for no name.
type segment struct {
	line, column             int32 // generated
	source                   int32
	sourceLine, sourceColumn int32
	name                     int32
}

// position orders segments by generated line and column.
func (s segment) position() uint64 { return uint64(uint32(s.line))<<32 | uint64(uint32(s.column)) }

// digits are the values of base64, with noDigit for other bytes.
var digits = func() (t [256]byte) {
	for i := range t {
		t[i] = noDigit
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		t[c] = byte(i)
	}
	return t
}()

const (
	noDigit      = 0xff
	continuation = 0x20
)

// vlqReader decodes mappings that come in pieces and gives each segment to emit.
type vlqReader struct {
	emit func(segment) error

	state  segment  // of the last segment: its fields are relative to these
	fields [5]int32 // of the segment that is being read
	n      int      // how many of them are complete
	value  uint64   // of the field that is being read
	shift  uint     // of its next digit; 0 means that none was read
}

// Write decodes a piece.
func (v *vlqReader) Write(p []byte) error {
	for _, c := range p {
		d := digits[c]
		if d == noDigit {
			if c != ',' && c != ';' {
				return v.bad("%q is no digit of base64", rune(c))
			}
			if err := v.end(); err != nil {
				return err
			}
			if c == ';' {
				if v.state.line == MaxLine {
					return v.bad("more than %d lines", MaxLine)
				}
				v.state.line++
				v.state.column = 0
			}
			continue
		}
		if v.shift > 30 {
			return v.bad("a number has more than 32 bits")
		}
		v.value |= uint64(d&(continuation-1)) << v.shift
		if d&continuation != 0 {
			v.shift += 5
			continue
		}
		if err := v.field(); err != nil {
			return err
		}
	}
	return nil
}

// Close ends the last segment.
func (v *vlqReader) Close() error { return v.end() }

// field completes a field.
func (v *vlqReader) field() error {
	n := int64(v.value >> 1)
	if v.value&1 != 0 {
		n = -n
		if n == 0 {
			n = -1 << 31 // as the standard has it
		}
	}
	if n > MaxLine || n < -1<<31 {
		return v.bad("a number has more than 32 bits")
	}
	if v.n == len(v.fields) {
		return v.bad("a segment has more than 5 fields")
	}
	v.fields[v.n] = int32(n)
	v.n++
	v.value, v.shift = 0, 0
	return nil
}

// end completes a segment. An empty one is passed over.
func (v *vlqReader) end() error {
	if v.shift != 0 {
		return v.bad("a number ends too early")
	}
	n := v.n
	if n == 0 {
		return nil
	}
	v.n = 0
	s := &v.state
	if !add(&s.column, v.fields[0]) {
		return v.bad("a column is out of range")
	}
	out := segment{line: s.line, column: s.column, source: -1, sourceLine: s.sourceLine, sourceColumn: s.sourceColumn, name: -1}
	switch n {
	case 1:
		return v.emit(out)
	case 4, 5:
	default:
		return v.bad("a segment has %d fields, want 1, 4 or 5", n)
	}
	if !add(&s.source, v.fields[1]) || !add(&s.sourceLine, v.fields[2]) || !add(&s.sourceColumn, v.fields[3]) {
		return v.bad("a source, an original line or an original column is out of range")
	}
	out.source, out.sourceLine, out.sourceColumn = s.source, s.sourceLine, s.sourceColumn
	if n == 5 {
		if !add(&s.name, v.fields[4]) {
			return v.bad("a name is out of range")
		}
		out.name = s.name
	}
	return v.emit(out)
}

// add adds d to n and tells whether the sum is in range.
func add(n *int32, d int32) bool {
	sum := int64(*n) + int64(d)
	*n = int32(sum)
	return sum >= 0 && sum <= MaxLine
}

func (v *vlqReader) bad(format string, args ...any) error {
	return errs.New(errs.Invalid, "mappings of generated line %d: "+format, append([]any{int64(v.state.line) + 1}, args...)...)
}
