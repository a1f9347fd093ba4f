package sourcemap

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// The index is indexMagic and, in a zstd frame, varints, strings with their
// length before them and hashes in this order: debug ID, file; sections; blocks
// of segments; sources with their blocks of text; blocks of names.
const indexMagic = "MLSM1"

// section is a part of the generated file with mappings of its own. A plain map
// is one section from the beginning.
type section struct {
	line, column  int32 // where it begins
	first, blocks int32 // its blocks of segments
}

// source is an original file.
type source struct {
	path    string
	ignored bool // third-party code, says the map
	blocks  []textBlock
}

// index is what Build writes and Open reads.
type index struct {
	debugID, file string
	sections      []section
	segments      []segmentBlock
	sources       []source
	nameBlocks    []nameBlock
	names         int32
}

// marshal returns the stored form.
func (x *index) marshal() ([]byte, error) {
	b := make([]byte, 0, x.room())
	num := func(n int32) { b = binary.AppendUvarint(b, uint64(uint32(n))) }
	text := func(s string) {
		num(int32(len(s)))
		b = append(b, s...)
	}
	text(x.debugID)
	text(x.file)
	num(int32(len(x.sections)))
	for _, s := range x.sections {
		num(s.line)
		num(s.column)
		num(s.blocks)
	}
	num(int32(len(x.segments)))
	for _, s := range x.segments {
		b = append(b, s.name[:]...)
		num(s.count)
		for _, n := range []int32{s.start.line, s.start.column, s.start.source, s.start.sourceLine, s.start.sourceColumn, s.start.name} {
			num(n)
		}
	}
	num(int32(len(x.sources)))
	for _, s := range x.sources {
		text(s.path)
		var ignored int32
		if s.ignored {
			ignored = 1
		}
		num(ignored)
		num(int32(len(s.blocks)))
		for _, t := range s.blocks {
			b = append(b, t.name[:]...)
			num(t.line)
			num(t.column)
		}
	}
	num(x.names)
	num(int32(len(x.nameBlocks)))
	for _, n := range x.nameBlocks {
		b = append(b, n.name[:]...)
		num(n.first)
	}
	c, err := theCodec()
	if err != nil {
		return nil, err
	}
	return c.enc.EncodeAll(b, []byte(indexMagic)), nil
}

// room is about as much as marshal needs.
func (x *index) room() int {
	n := 100 + len(x.debugID) + len(x.file) + 8*len(x.sections) + 56*len(x.segments) + 36*len(x.nameBlocks)
	for i := range x.sources {
		n += 4 + len(x.sources[i].path) + 38*len(x.sources[i].blocks)
	}
	return n
}

// unmarshal reads the stored form. Everything in it is doubted.
func unmarshal(stored []byte) (*index, error) {
	rest, ok := strings.CutPrefix(string(stored[:min(len(stored), len(indexMagic))]), indexMagic)
	if !ok || rest != "" || len(stored) > MaxIndex {
		return nil, fmt.Errorf("%w: it does not begin as one", ErrDamaged)
	}
	c, err := theCodec()
	if err != nil {
		return nil, err
	}
	plain, err := c.dec.DecodeAll(stored[len(indexMagic):], nil)
	if err != nil || len(plain) > MaxIndex {
		return nil, fmt.Errorf("%w: it cannot be unpacked", ErrDamaged)
	}
	r := &indexReader{b: plain}
	x := &index{debugID: r.text(), file: r.text()}
	x.sections = make([]section, r.count(3))
	first := int32(0)
	for i := range x.sections {
		s := &x.sections[i]
		*s = section{line: r.num(), column: r.num(), first: first, blocks: r.num()}
		if s.blocks > MaxSegments || i > 0 && (s.line < x.sections[i-1].line || s.line == x.sections[i-1].line && s.column < x.sections[i-1].column) {
			r.bad = true
			break
		}
		first += s.blocks
		r.bad = r.bad || first > MaxSegments
	}
	x.segments = make([]segmentBlock, r.count(39))
	for i := range x.segments {
		s := &x.segments[i]
		s.name, s.count = r.hash(), r.num()
		s.start = segment{line: r.num(), column: r.num(), source: r.num(), sourceLine: r.num(), sourceColumn: r.num(), name: r.num()}
	}
	r.bad = r.bad || int(first) != len(x.segments)
	x.sources = make([]source, r.count(3))
	for i := range x.sources {
		s := &x.sources[i]
		s.path, s.ignored = r.text(), r.num() != 0
		if n := r.count(34); n > 0 {
			s.blocks = make([]textBlock, n)
		}
		for j := range s.blocks {
			s.blocks[j] = textBlock{name: r.hash(), line: r.num(), column: r.num()}
		}
	}
	x.names = r.num()
	x.nameBlocks = make([]nameBlock, r.count(33))
	for i := range x.nameBlocks {
		x.nameBlocks[i] = nameBlock{name: r.hash(), first: r.num()}
	}
	if r.bad || len(r.b) > 0 {
		return nil, fmt.Errorf("%w: it ends too early or too late", ErrDamaged)
	}
	return x, nil
}

// indexReader reads the parts of an index. After the first mistake it gives zeros.
type indexReader struct {
	b   []byte
	bad bool
}

// num reads a number from 0 to MaxLine.
func (r *indexReader) num() int32 {
	if r.bad {
		return 0
	}
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > MaxLine {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return int32(v)
}

// count reads how many things of at least size bytes follow.
func (r *indexReader) count(size int) int {
	n := int(r.num())
	if n > len(r.b)/size {
		r.bad = true
	}
	if r.bad {
		return 0
	}
	return n
}

func (r *indexReader) text() string {
	n := r.count(1)
	if r.bad {
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

func (r *indexReader) hash() (h Hash) {
	if len(r.b) < len(h) {
		r.bad = true
	}
	if !r.bad {
		copy(h[:], r.b)
		r.b = r.b[len(h):]
	}
	return h
}
