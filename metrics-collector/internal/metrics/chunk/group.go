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
// columns, so that a query decodes those that it needs. It makes two blobs: the
// counts and sums, which most queries are about, and the rest, which those need
// not even read.
type GroupWriter struct {
	spanMS, bucketMS int64
	sums, rest       part
	n                int

	counts, lasts []int64
	floats        [4][]float64
}

// part is a blob in the making: sizes by offset, and what they are the sizes of.
type part struct{ dir, body []byte }

// Flags of a series.
const (
	seriesSketch = 1 << iota
	seriesSingle // every cell has one value: Sum, Min, Max and Last are one column
)

// Reset begins the group of the span that begins at spanMS, with buckets of
// bucketMS.
func (w *GroupWriter) Reset(spanMS, bucketMS int64) {
	w.spanMS, w.bucketMS, w.n = spanMS, bucketMS, 0
	w.sums = part{w.sums.dir[:0], w.sums.body[:0]}
	w.rest = part{w.rest.dir[:0], w.rest.body[:0]}
}

// Add appends a series by its offset in the group; offsets ascend. cells[i] is
// that of bucket i, and may be empty; at least one is not.
func (w *GroupWriter) Add(offset int, cells []Cell) {
	flags, present := w.columns(cells)
	single := flags&seriesSingle != 0
	w.sums.add(offset, func(b []byte) []byte {
		b = append(b, flags)
		b = binary.LittleEndian.AppendUint64(b, present)
		if !single {
			b = appendSized(b, func(b []byte) []byte { return appendInts(b, w.counts) })
		}
		return appendSized(b, func(b []byte) []byte { return appendFloats(b, w.floats[0]) })
	})
	w.rest.add(offset, func(b []byte) []byte {
		if !single {
			for _, col := range w.floats[1:] {
				b = appendSized(b, func(b []byte) []byte { return appendFloats(b, col) })
			}
		}
		b = appendSized(b, func(b []byte) []byte { return appendInts(b, w.lasts) })
		if flags&seriesSketch != 0 {
			for i := range cells {
				if cells[i].Count > 0 {
					b = cells[i].Sketch.Append(b)
				}
			}
		}
		return b
	})
	w.n++
}

// columns gathers the columns of a series' cells.
func (w *GroupWriter) columns(cells []Cell) (flags byte, present uint64) {
	flags = seriesSingle
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
		// Less the begin of the bucket: what reports on the minute has the same always.
		w.lasts = append(w.lasts, c.LastMS-w.spanMS-int64(i)*w.bucketMS)
		sum := c.Sum
		if c.Count != 1 {
			sum = tidy(sum)
		}
		w.floats[0] = append(w.floats[0], sum)
		w.floats[1] = append(w.floats[1], c.Min)
		w.floats[2] = append(w.floats[2], c.Max)
		w.floats[3] = append(w.floats[3], c.Last)
	}
	return flags, present
}

// add appends what f appends, and its size.
func (p *part) add(offset int, f func([]byte) []byte) {
	start := len(p.body)
	p.body = f(p.body)
	p.dir = append(p.dir, byte(offset))
	p.dir = binary.AppendUvarint(p.dir, uint64(len(p.body)-start))
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

// Bytes finishes the group, as two blobs in memory of their own.
func (w *GroupWriter) Bytes() (sums, rest []byte) {
	return w.sums.bytes(kindSums, w.n), w.rest.bytes(kindRest, w.n)
}

func (p *part) bytes(kind byte, n int) []byte {
	b := begin(make([]byte, 0, headerBytes+1+len(p.dir)+len(p.body)), kind)
	b = append(b, byte(n))
	b = append(b, p.dir...)
	b = append(b, p.body...)
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

// NeedRest tells whether a reader needs a group's second blob.
func (c Columns) NeedRest() bool { return c&^Sum != 0 }

// GroupReader finds the series of a group. It can be used again and again.
type GroupReader struct {
	spanMS, bucketMS int64
	sums, rest       [GroupSize][]byte
	Chunk            Series
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
	LastMS  []int64 // Unix milliseconds
	// sketches are those of all cells, one after the other.
	sketches []byte

	memory struct {
		buckets     [maxBuckets]uint8
		count, last [maxBuckets]int64
		floats      [4][maxBuckets]float64
	}
}

// Open reads the directory of a group, of which sums and rest must stay as they
// are. Without rest, which may be nil, there are counts and sums only.
func (g *GroupReader) Open(sums, rest []byte, spanMS, bucketMS int64) error {
	g.spanMS, g.bucketMS = spanMS, bucketMS
	if err := openPart(&g.sums, sums, kindSums); err != nil {
		return err
	}
	if rest == nil {
		clear(g.rest[:])
		return nil
	}
	return openPart(&g.rest, rest, kindRest)
}

func openPart(series *[GroupSize][]byte, data []byte, kind byte) error {
	r, err := open(data, kind)
	if err != nil {
		return err
	}
	clear(series[:])
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
		series[offsets[i]] = r.bytes(sizes[i])
	}
	if r.bad || len(r.b) != 0 {
		return ErrDamaged
	}
	return nil
}

// Has tells whether the series at an offset has any cells.
func (g *GroupReader) Has(offset int) bool { return g.sums[offset] != nil }

// Read decodes the needed columns of the series at an offset into g.Chunk.
func (g *GroupReader) Read(offset int, need Columns) error {
	s := &g.Chunk
	r := reader{b: g.sums[offset]}
	flags := r.byte()
	mask := r.bytes(8)
	if mask == nil {
		return ErrDamaged
	}
	n := s.present(binary.LittleEndian.Uint64(mask))
	if n == 0 {
		return ErrDamaged
	}
	s.Count = s.memory.count[:n]
	single := flags&seriesSingle != 0
	if single {
		for i := range s.Count {
			s.Count[i] = 1
		}
	} else {
		r.sizedInts(s.Count)
		for _, c := range s.Count {
			if c <= 0 {
				return ErrDamaged
			}
		}
	}
	s.Sum, s.Min, s.Max, s.Last, s.LastMS, s.sketches = nil, nil, nil, nil, nil, nil
	if need&Sum != 0 || single && need&(Min|Max|Last) != 0 {
		s.Sum = s.memory.floats[0][:n]
		r.sizedFloats(s.Sum)
	} else {
		r.skipSized()
	}
	if len(r.b) != 0 {
		r.fail()
	}
	if err := r.err(); err != nil || !need.NeedRest() {
		return err
	}
	return g.readRest(g.rest[offset], flags, n, need)
}

// present sets the buckets from their bits and returns their number.
func (s *Series) present(mask uint64) int {
	n := bits.OnesCount64(mask)
	s.Buckets = s.memory.buckets[:n]
	for i := range s.Buckets {
		s.Buckets[i] = uint8(bits.TrailingZeros64(mask))
		mask &= mask - 1
	}
	return n
}

func (g *GroupReader) readRest(data []byte, flags byte, n int, need Columns) error {
	s := &g.Chunk
	r := reader{b: data}
	if flags&seriesSingle != 0 {
		s.Min, s.Max, s.Last = s.Sum, s.Sum, s.Sum
	} else {
		for i, dst := range []*[]float64{&s.Min, &s.Max, &s.Last} {
			if need&(Min<<i) == 0 {
				r.skipSized()
				continue
			}
			*dst = s.memory.floats[1+i][:n]
			r.sizedFloats(*dst)
		}
	}
	if need&Last != 0 {
		s.LastMS = s.memory.last[:n]
		r.sizedInts(s.LastMS)
		for i, b := range s.Buckets {
			s.LastMS[i] += g.spanMS + int64(b)*g.bucketMS
		}
	} else {
		r.skipSized()
	}
	if flags&seriesSketch != 0 {
		s.sketches = r.b
	} else if len(r.b) != 0 {
		r.fail()
	}
	return r.err()
}

func (r *reader) skipSized() { r.bytes(r.uvarint()) }

// sizedFloats reads a column of floats into all of dst.
func (r *reader) sizedFloats(dst []float64) {
	col := reader{b: r.bytes(r.uvarint())}
	col.floats(dst)
	if col.bad || len(col.b) != 0 {
		r.fail()
	}
}

// sizedInts reads a column of integers into all of dst.
func (r *reader) sizedInts(dst []int64) {
	col := reader{b: r.bytes(r.uvarint())}
	col.ints(dst)
	if col.bad || len(col.b) != 0 {
		r.fail()
	}
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
			Last: s.Last[i], LastMS: s.LastMS[i]})
	}
	return s.EachSketch(scratch, func(i int, bins []sketch.Bin) { cells[s.Buckets[i]].Sketch.MergeBins(bins) })
}
