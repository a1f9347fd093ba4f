package sourcemap

import (
	"context"
	"encoding/binary"
	"slices"

	"github.com/monlight/monlight/shared/errs"
)

// Segments go into blocks of their own. Where a block begins is in the index, so
// that the block itself has only differences: the part of a bundle that a new
// release left alone makes the same block wherever it moved to.
//
// A block is the number of segments and six columns, each with its length before
// it: flags, differences of lines, columns, sources, original lines, original
// columns and names. All are varints but the flags.
const (
	flagSource   = 1 << iota // has a source
	flagName                 // has a name
	flagLine                 // is on another line than the segment before
	flagMove                 // is of another source than the segment before
	flagOriginal             // has an original line other than the segment before
)

const (
	// A block is cut where the source changes once it has minSegments, which
	// makes cuts meet again behind a change, and at maxSegments anyway: the
	// longest encoding of so many still fits MaxBlock.
	minSegments = 1024
	maxSegments = 4096
	// maxSegmentBytes is where a block is cut before that.
	maxSegmentBytes = MaxBlock - 64
)

// segmentBlock is a block of segments in the index.
type segmentBlock struct {
	name  Hash
	start segment // the first one; its source is the running one if it has none
	count int32
}

// column numbers of a block.
const (
	colFlags = iota
	colLine
	colColumn
	colSource
	colSourceLine
	colSourceColumn
	colName
	columns
)

// segmentWriter packs segments into blocks.
type segmentWriter struct {
	put func(ctx context.Context, plain []byte) (Hash, error)

	pending []segment
	sorted  bool
	last    uint64 // the position of the last segment that was packed
	started bool   // something was packed in this section

	running segment // source fields that the next block begins with
	blocks  []segmentBlock
	total   int

	cols [columns][]byte
	out  []byte
}

// add takes a segment. They come in order of generated lines.
func (w *segmentWriter) add(ctx context.Context, s segment) error {
	if w.total == MaxSegments {
		return errs.New(errs.Invalid, "mappings: more than %d segments", MaxSegments)
	}
	w.total++
	if n := len(w.pending); n == 0 {
		w.sorted = true
	} else {
		last := w.pending[n-1]
		if n >= maxSegments || n >= minSegments && s.source != last.source && s.source >= 0 {
			if err := w.flush(ctx); err != nil {
				return err
			}
			w.sorted = true
		} else if s.position() < last.position() {
			w.sorted = false
		}
	}
	w.pending = append(w.pending, s)
	return nil
}

// flush packs what is pending, in as many blocks as it needs.
func (w *segmentWriter) flush(ctx context.Context) error {
	if len(w.pending) == 0 {
		return nil
	}
	if !w.sorted {
		slices.SortStableFunc(w.pending, func(a, b segment) int {
			switch {
			case a.position() < b.position():
				return -1
			case a.position() > b.position():
				return 1
			}
			return 0
		})
	}
	if first := w.pending[0]; w.started && first.position() < w.last {
		return errs.New(errs.Invalid, "mappings of generated line %d: columns are out of order by more than %d segments",
			int64(first.line)+1, minSegments)
	}
	w.started = true
	w.last = w.pending[len(w.pending)-1].position()
	for rest := w.pending; len(rest) > 0; {
		n, err := w.pack(ctx, rest)
		if err != nil {
			return err
		}
		rest = rest[n:]
	}
	w.pending = w.pending[:0]
	return nil
}

// section ends a section: the next one counts lines from 0 again.
func (w *segmentWriter) section(ctx context.Context) error {
	if err := w.flush(ctx); err != nil {
		return err
	}
	w.started, w.last, w.running = false, 0, segment{}
	return nil
}

// pack makes one block of the first segments and tells how many fitted.
func (w *segmentWriter) pack(ctx context.Context, segments []segment) (int, error) {
	for i := range w.cols {
		w.cols[i] = w.cols[i][:0]
	}
	start := segments[0]
	if start.source < 0 {
		start.source, start.sourceLine, start.sourceColumn = w.running.source, w.running.sourceLine, w.running.sourceColumn
	}
	if start.name < 0 {
		start.name = w.running.name
	}
	prev, n, size := start, 0, 0
	for _, s := range segments {
		if size > maxSegmentBytes-32 {
			break
		}
		size += w.encode(&prev, s)
		n++
	}
	w.running = prev
	w.out = binary.AppendUvarint(w.out[:0], uint64(n))
	for _, c := range w.cols {
		w.out = binary.AppendUvarint(w.out, uint64(len(c)))
		w.out = append(w.out, c...)
	}
	name, err := w.put(ctx, w.out)
	if err != nil {
		return 0, err
	}
	w.blocks = append(w.blocks, segmentBlock{name: name, start: start, count: int32(n)})
	return n, nil
}

// encode appends s as the difference from prev, which it makes s, and returns the bytes it took.
func (w *segmentWriter) encode(prev *segment, s segment) int {
	before := 0
	for i := range w.cols {
		before += len(w.cols[i])
	}
	var flags byte
	if s.line != prev.line {
		flags |= flagLine
		w.cols[colLine] = binary.AppendUvarint(w.cols[colLine], uint64(s.line-prev.line))
		w.cols[colColumn] = binary.AppendUvarint(w.cols[colColumn], uint64(s.column))
	} else {
		w.cols[colColumn] = binary.AppendUvarint(w.cols[colColumn], uint64(s.column-prev.column))
	}
	prev.line, prev.column = s.line, s.column
	if s.source >= 0 {
		flags |= flagSource
		if s.source != prev.source {
			flags |= flagMove
			w.cols[colSource] = binary.AppendVarint(w.cols[colSource], int64(s.source)-int64(prev.source))
		}
		if s.sourceLine != prev.sourceLine {
			flags |= flagOriginal
			w.cols[colSourceLine] = binary.AppendVarint(w.cols[colSourceLine], int64(s.sourceLine)-int64(prev.sourceLine))
		}
		w.cols[colSourceColumn] = binary.AppendVarint(w.cols[colSourceColumn], int64(s.sourceColumn)-int64(prev.sourceColumn))
		prev.source, prev.sourceLine, prev.sourceColumn = s.source, s.sourceLine, s.sourceColumn
		if s.name >= 0 {
			flags |= flagName
			w.cols[colName] = binary.AppendVarint(w.cols[colName], int64(s.name)-int64(prev.name))
			prev.name = s.name
		}
	}
	w.cols[colFlags] = append(w.cols[colFlags], flags)
	after := 0
	for i := range w.cols {
		after += len(w.cols[i])
	}
	return after - before
}

// find returns the last segment of a block on this line at or before this
// column; found is false if there is none. Every byte of plain is doubted.
func (b *segmentBlock) find(plain []byte, line, column int32) (s segment, found bool, err error) {
	count, n := binary.Uvarint(plain)
	if n <= 0 || count != uint64(b.count) {
		return s, false, ErrDamaged
	}
	plain = plain[n:]
	var cols [columns][]byte
	for i := range cols {
		size, n := binary.Uvarint(plain)
		if n <= 0 || size > uint64(len(plain)-n) {
			return s, false, ErrDamaged
		}
		cols[i], plain = plain[n:n+int(size)], plain[n+int(size):]
	}
	if len(cols[colFlags]) != int(b.count) {
		return s, false, ErrDamaged
	}
	state := b.start
	for _, flags := range cols[colFlags] {
		next := state
		d, ok := uvarint(&cols[colColumn])
		if flags&flagLine != 0 {
			lines, more := uvarint(&cols[colLine])
			ok = ok && more && grow(&next.line, lines)
			next.column = 0
		}
		if !ok || !grow(&next.column, d) {
			return s, false, ErrDamaged
		}
		if next.line > line || next.line == line && next.column > column {
			break
		}
		if flags&flagSource != 0 && !original(&next, flags, &cols) {
			return s, false, ErrDamaged
		}
		state = next
		s, found = next, next.line == line
		if flags&flagSource == 0 {
			s.source = -1
		}
		if flags&flagName == 0 {
			s.name = -1
		}
	}
	return s, found, nil
}

// original reads the original position of a segment.
func original(s *segment, flags byte, cols *[columns][]byte) bool {
	ok := true
	if flags&flagMove != 0 {
		ok = shift(&s.source, &cols[colSource])
	}
	if flags&flagOriginal != 0 {
		ok = shift(&s.sourceLine, &cols[colSourceLine]) && ok
	}
	ok = shift(&s.sourceColumn, &cols[colSourceColumn]) && ok
	if flags&flagName != 0 {
		ok = shift(&s.name, &cols[colName]) && ok
	}
	return ok
}

// uvarint takes a number from the beginning of b.
func uvarint(b *[]byte) (uint64, bool) {
	if len(*b) > 0 && (*b)[0] < 0x80 {
		v := uint64((*b)[0])
		*b = (*b)[1:]
		return v, true
	}
	v, n := binary.Uvarint(*b)
	if n <= 0 {
		return 0, false
	}
	*b = (*b)[n:]
	return v, true
}

// grow adds d to n and tells whether the sum is in range.
func grow(n *int32, d uint64) bool {
	if d > MaxLine {
		return false
	}
	return add(n, int32(d))
}

// shift adds the next number of b to n and tells whether the sum is in range.
func shift(n *int32, b *[]byte) bool {
	v, ok := uvarint(b)
	if !ok {
		return false
	}
	d := int64(v>>1) ^ -int64(v&1)
	if d > MaxLine || d < -MaxLine {
		return false
	}
	return add(n, int32(d))
}
