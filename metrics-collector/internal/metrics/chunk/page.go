package chunk

import (
	"encoding/binary"
	"math"

	"github.com/monlight/monlight/metrics-collector/internal/metrics/sketch"
)

// pageBytes is the size at which a page is full. It is a little under two of
// SQLite's overflow pages.
const pageBytes = 6 << 10

// Page is a block of cells of neighbouring series within one span of a tier.
type Page struct {
	Lo, Hi uint32 // first and last series
	Data   []byte
}

// PageWriter packs cells, which come in the order of series and then bucket,
// into pages.
type PageWriter struct {
	spanMS int64
	b      []byte
	lo, hi uint32
	n      int
	pages  []Page
}

// NewPageWriter begins the pages of the span that begins at spanMS.
func NewPageWriter(spanMS int64) *PageWriter {
	w := &PageWriter{spanMS: spanMS, b: make([]byte, 0, pageBytes+1024)}
	w.b = begin(w.b, kindPage)
	return w
}

// Flags of a cell in a page.
const (
	cellSketch = 1 << iota
	cellSingle // one value: Min, Max and Last are Sum
	cellSame   // the series of the cell before
)

// Add appends a cell that is not empty. The sketch may be nil.
func (w *PageWriter) Add(series uint32, bucket int, c *Numbers, distribution *sketch.Sketch) {
	if len(w.b) >= pageBytes {
		w.finish()
	}
	flags := byte(0)
	if distribution != nil && distribution.Bins() > 0 {
		flags |= cellSketch
	}
	if c.Count == 1 {
		flags |= cellSingle
	}
	if w.n > 0 && series == w.hi {
		flags |= cellSame
	}
	w.b = append(w.b, flags, byte(bucket))
	if flags&cellSame == 0 {
		prev := w.hi
		if w.n == 0 {
			w.lo, prev = series, 0
		}
		w.b = binary.AppendUvarint(w.b, uint64(series-prev))
	}
	w.hi = series
	w.n++
	w.b = binary.AppendUvarint(w.b, zigzag(c.LastMS-w.spanMS))
	if flags&cellSingle != 0 {
		w.b = appendFloat(w.b, c.Last)
	} else {
		w.b = binary.AppendUvarint(w.b, c.Count)
		w.b = appendFloat(w.b, tidy(c.Sum))
		w.b = appendFloat(w.b, c.Min)
		w.b = appendFloat(w.b, c.Max)
		w.b = appendFloat(w.b, c.Last)
	}
	if flags&cellSketch != 0 {
		w.b = distribution.Append(w.b)
	}
}

func (w *PageWriter) finish() {
	if w.n == 0 {
		return
	}
	data := append(make([]byte, 0, len(w.b)), w.b...)
	w.pages = append(w.pages, Page{Lo: w.lo, Hi: w.hi, Data: seal(data, 0)})
	w.b = begin(w.b[:0], kindPage)
	w.n, w.lo, w.hi = 0, 0, 0
}

// Pages finishes and returns the pages.
func (w *PageWriter) Pages() []Page {
	w.finish()
	return w.pages
}

// PageReader walks over the cells of a page.
type PageReader struct {
	r      reader
	spanMS int64
	lo, hi uint32
	want   func(series uint32) bool // nil for all

	Series  uint32
	Bucket  int
	Cell    Numbers
	sketch  []byte // encoded
	started bool
}

// OpenPage begins to read a page of the span that begins at spanMS, which has
// that number of buckets at most.
func OpenPage(data []byte, spanMS int64) (*PageReader, error) {
	r, err := open(data, kindPage)
	if err != nil {
		return nil, err
	}
	return &PageReader{r: r, spanMS: spanMS, hi: math.MaxUint32}, nil
}

// Between limits Next to the cells of series from lo to hi that want is true of;
// a nil want is true of all. What comes after hi is not read, and other cells are
// not decoded.
func (p *PageReader) Between(lo, hi uint32, want func(series uint32) bool) {
	p.lo, p.hi, p.want = lo, hi, want
}

// Next moves to the next cell; false is the end, or damage: see Err.
func (p *PageReader) Next() bool {
	// A copy on the stack: what points into the page moves with every number read,
	// and pointers on the heap take longer to change.
	r := p.r
	defer func() { p.r = r }()
	for len(r.b) > 0 {
		flags := r.byte()
		p.Bucket = int(r.byte())
		p.nextSeries(&r, flags)
		if r.bad || p.Series > p.hi {
			return false
		}
		if p.Series >= p.lo && (p.want == nil || p.want(p.Series)) {
			p.read(&r, flags)
			return !r.bad
		}
		if p.skip(&r, flags); r.bad {
			return false
		}
	}
	return false
}

func (p *PageReader) nextSeries(r *reader, flags byte) {
	if flags&cellSame == 0 {
		d := r.uvarint()
		if d > uint64(^uint32(0))-uint64(p.Series) || p.started && d == 0 {
			r.fail()
			return
		}
		p.Series += uint32(d)
	} else if !p.started {
		r.fail()
		return
	}
	p.started = true
}

// read decodes a cell.
func (p *PageReader) read(r *reader, flags byte) {
	c := &p.Cell
	c.LastMS = p.spanMS + r.zigzag()
	if flags&cellSingle != 0 {
		v := r.float()
		c.Count, c.Sum, c.Min, c.Max, c.Last = 1, v, v, v, v
	} else {
		c.Count = r.uvarint()
		c.Sum = r.float()
		c.Min = r.float()
		c.Max = r.float()
		c.Last = r.float()
	}
	before := r.b
	skipSketch(r, flags)
	p.sketch = before[:len(before)-len(r.b)]
	if p.Bucket >= maxBuckets || c.Count == 0 {
		r.fail()
	}
}

// skip passes over a cell.
func (p *PageReader) skip(r *reader, flags byte) {
	r.skipUvarint() // LastMS
	floats := 1
	if flags&cellSingle == 0 {
		r.skipUvarint() // Count
		floats = 4
	}
	for range floats {
		if r.skipUvarint()&15 == rawExponent {
			r.bytes(8)
		}
	}
	skipSketch(r, flags)
	if p.Bucket >= maxBuckets {
		r.fail()
	}
}

func skipSketch(r *reader, flags byte) {
	if flags&cellSketch == 0 || r.bad {
		return
	}
	rest, err := sketch.Skip(r.b)
	if err != nil {
		r.fail()
		return
	}
	r.b = rest
}

// Bins appends the bins of the current cell's sketch to dst.
func (p *PageReader) Bins(dst []sketch.Bin) ([]sketch.Bin, error) {
	if len(p.sketch) == 0 {
		return dst, nil
	}
	bins, _, err := sketch.DecodeBins(dst, p.sketch)
	return bins, err
}

// Err tells whether the page was damaged.
func (p *PageReader) Err() error { return p.r.err() }
