package chunk

import (
	"encoding/binary"
	"math/bits"

	"github.com/monlight/monlight/metrics-collector/internal/metrics/sketch"
)

// GroupSize is the number of neighbouring series whose chunks share a row: a
// row for each would cost more in SQLite than its content.
const GroupSize = 16

// maxBuckets bounds the buckets of a span: a bit each in a 64-bit word.
const maxBuckets = 64

// GroupWriter encodes the complete cells of a span, series by series, as
// columns, so that a query decodes those that it needs.
type GroupWriter struct {
	spanMS int64
	dir    []byte
	body   []byte
	n      int

	counts, lasts []int64
	floats        [4][]float64
}

// Flags of a series.
const (
	seriesSketch = 1 << iota
	seriesSingle // every cell has one value: Sum, Min, Max and Last are one column
)

// Reset begins the group of the span that begins at spanMS.
func (w *GroupWriter) Reset(spanMS int64) {
	w.spanMS, w.dir, w.body, w.n = spanMS, w.dir[:0], w.body[:0], 0
}

// Add appends a series by its offset in the group; offsets ascend. cells[i] is
// that of bucket i, and may be empty; at least one is not.
func (w *GroupWriter) Add(offset int, cells []Cell) {
	start := len(w.body)
	var present uint64
	flags := byte(seriesSingle)
	w.counts, w.lasts = w.counts[:0], w.lasts[:0]
	for i := range w.floats {
		w.floats[i] = w.floats[i][:0]
	}
	for i := range cells {
		c := &cells[i]
		if c.Count == 0 {
			continue
		}
		present |= 1 << i
		if c.Count != 1 {
			flags &^= seriesSingle
		}
		if c.Sketch.Bins() > 0 {
			flags |= seriesSketch
		}
		w.counts = append(w.counts, int64(c.Count))
		w.lasts = append(w.lasts, c.LastMS-w.spanMS)
		w.floats[0] = append(w.floats[0], c.Sum)
		w.floats[1] = append(w.floats[1], c.Min)
		w.floats[2] = append(w.floats[2], c.Max)
		w.floats[3] = append(w.floats[3], c.Last)
	}
	b := append(w.body, flags)
	b = binary.LittleEndian.AppendUint64(b, present)
	columns := w.floats[:]
	if flags&seriesSingle != 0 {
		// A single value can differ from the sum of one value in nothing.
		columns = w.floats[:1]
	} else {
		b = appendSized(b, func(b []byte) []byte { return appendInts(b, w.counts) })
	}
	for _, col := range columns {
		b = appendSized(b, func(b []byte) []byte { return appendFloats(b, col) })
	}
	b = appendSized(b, func(b []byte) []byte { return appendInts(b, w.lasts) })
	if flags&seriesSketch != 0 {
		for i := range cells {
			if cells[i].Count > 0 {
				b = cells[i].Sketch.Append(b)
			}
		}
	}
	w.body = b
	w.dir = append(w.dir, byte(offset))
	w.dir = binary.AppendUvarint(w.dir, uint64(len(b)-start))
	w.n++
}

// appendSized adds what f adds, with its length before it.
func appendSized(b []byte, f func([]byte) []byte) []byte {
	start := len(b)
	b = append(b, 0, 0) // room for the usual length
	b = f(b)
	n := len(b) - start - 2
	if n < 1<<14 {
		// Two bytes for every length up to 16 KB: a column of 60 floats has 481.
		b[start], b[start+1] = byte(n)|0x80, byte(n>>7)
		return b
	}
	var size [binary.MaxVarintLen64]byte
	k := binary.PutUvarint(size[:], uint64(n))
	b = append(b, size[:k-2]...)
	copy(b[start+k:], b[start+2:start+2+n])
	copy(b[start:], size[:k])
	return b
}

// Len is the number of series added.
func (w *GroupWriter) Len() int { return w.n }

// Bytes finishes the group in memory of its own.
func (w *GroupWriter) Bytes() []byte {
	b := begin(make([]byte, 0, headerBytes+1+len(w.dir)+len(w.body)), kindGroup)
	b = append(b, byte(w.n))
	b = append(b, w.dir...)
	b = append(b, w.body...)
	return seal(b, 0)
}

// Columns says which parts of a series a reader needs.
type Columns uint8

// The columns. Count is always there.
const (
	Sum Columns = 1 << iota
	Min
	Max
	Last
	Sketches
	AllColumns = Sum | Min | Max | Last | Sketches
)

// GroupReader finds the series of a group. It can be used again and again.
type GroupReader struct {
	spanMS int64
	series [GroupSize][]byte
	Chunk  Series
}

// Series is a decoded series: element i of each column belongs to bucket
// Buckets[i] of the span. Columns that were not asked for are empty.
type Series struct {
	Buckets []uint8
	Count   []int64
	Sum     []float64
	Min     []float64
	Max     []float64
	Last    []float64
	LastMS  []int64 // less the begin of the span
	// sketches are those of all cells, one after the other.
	sketches []byte
}

// Open reads the directory of a group, of which data must stay as it is.
func (g *GroupReader) Open(data []byte, spanMS int64) error {
	r, err := open(data, kindGroup)
	if err != nil {
		return err
	}
	g.spanMS = spanMS
	clear(g.series[:])
	n := int(r.byte())
	if n > GroupSize {
		return ErrDamaged
	}
	var offsets [GroupSize]byte
	var sizes [GroupSize]uint64
	for i := range n {
		offsets[i], sizes[i] = r.byte(), r.uvarint()
		if offsets[i] >= GroupSize || i > 0 && offsets[i] <= offsets[i-1] {
			return ErrDamaged
		}
	}
	for i := range n {
		g.series[offsets[i]] = r.bytes(sizes[i])
	}
	if r.bad || len(r.b) != 0 {
		return ErrDamaged
	}
	return nil
}

// Has tells whether the series at an offset has any cells.
func (g *GroupReader) Has(offset int) bool { return g.series[offset] != nil }

// Read decodes the needed columns of the series at an offset into g.Chunk.
func (g *GroupReader) Read(offset int, need Columns) error {
	s := &g.Chunk
	r := reader{b: g.series[offset]}
	flags := r.byte()
	mask := r.bytes(8)
	if mask == nil {
		return ErrDamaged
	}
	present := binary.LittleEndian.Uint64(mask)
	n := bits.OnesCount64(present)
	if n == 0 {
		return ErrDamaged
	}
	s.Buckets = s.Buckets[:0]
	for ; present != 0; present &= present - 1 {
		s.Buckets = append(s.Buckets, uint8(bits.TrailingZeros64(present)))
	}
	s.Count = s.Count[:0]
	single := flags&seriesSingle != 0
	if single {
		for range n {
			s.Count = append(s.Count, 1)
		}
	} else {
		s.Count = r.sizedInts(s.Count, n, true)
		for _, c := range s.Count {
			if c <= 0 {
				return ErrDamaged
			}
		}
	}
	if single {
		s.Sum = r.sizedFloats(s.Sum, n, need&(Sum|Min|Max|Last) != 0)
		s.Min = append(s.Min[:0], s.Sum...)
		s.Max = append(s.Max[:0], s.Sum...)
		s.Last = append(s.Last[:0], s.Sum...)
	} else {
		s.Sum = r.sizedFloats(s.Sum, n, need&Sum != 0)
		s.Min = r.sizedFloats(s.Min, n, need&Min != 0)
		s.Max = r.sizedFloats(s.Max, n, need&Max != 0)
		s.Last = r.sizedFloats(s.Last, n, need&Last != 0)
	}
	s.LastMS = r.sizedInts(s.LastMS, n, need&Last != 0)
	s.sketches = nil
	if flags&seriesSketch != 0 {
		s.sketches = r.b
	} else if len(r.b) != 0 {
		r.fail()
	}
	return r.err()
}

// sizedFloats reads a column of floats, or skips it.
func (r *reader) sizedFloats(dst []float64, n int, need bool) []float64 {
	col := reader{b: r.bytes(r.uvarint())}
	if r.bad || !need {
		return dst[:0]
	}
	dst = col.floats(dst, n)
	if col.bad || len(col.b) != 0 || len(dst) != n {
		r.fail()
		return dst[:0]
	}
	return dst
}

// sizedInts reads a column of integers, or skips it.
func (r *reader) sizedInts(dst []int64, n int, need bool) []int64 {
	col := reader{b: r.bytes(r.uvarint())}
	if r.bad || !need {
		return dst[:0]
	}
	dst = col.ints(dst, n)
	if col.bad || len(col.b) != 0 || len(dst) != n {
		r.fail()
		return dst[:0]
	}
	return dst
}

// HasSketches tells whether EachSketch has anything to give.
func (s *Series) HasSketches() bool { return s.sketches != nil }

// EachSketch calls f with the bins of each cell, i being its place in Buckets.
// They are only valid during the call. scratch is memory for them and is returned.
func (s *Series) EachSketch(scratch []sketch.Bin, f func(i int, bins []sketch.Bin)) ([]sketch.Bin, error) {
	if s.sketches == nil {
		return scratch, nil
	}
	rest := s.sketches
	var err error
	for i := range s.Buckets {
		if scratch, rest, err = sketch.DecodeBins(scratch[:0], rest); err != nil {
			return scratch, err
		}
		f(i, scratch)
	}
	if len(rest) != 0 {
		return scratch, ErrDamaged
	}
	return scratch, nil
}

// MergeInto adds a decoded series, with all columns, to cells by bucket.
func (g *GroupReader) MergeInto(cells []Cell, scratch []sketch.Bin) ([]sketch.Bin, error) {
	s := &g.Chunk
	for i, bucket := range s.Buckets {
		if int(bucket) >= len(cells) {
			return scratch, ErrDamaged
		}
		cells[bucket].MergeNumbers(&Numbers{Count: uint64(s.Count[i]), Sum: s.Sum[i], Min: s.Min[i], Max: s.Max[i],
			Last: s.Last[i], LastMS: g.spanMS + s.LastMS[i]})
	}
	return s.EachSketch(scratch, func(i int, bins []sketch.Bin) { cells[s.Buckets[i]].Sketch.MergeBins(bins) })
}
