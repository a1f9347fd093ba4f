package sketch

import "math"

// Dense gathers many sketches: adding a bin is adding to an element of a slice.
// The zero value is empty.
type Dense struct {
	counts []uint64
	first  int32 // key of counts[0]
	sparse Sketch
}

// maxDense is the most elements of the slice: all values from a microsecond to
// a year lie within 4,000 keys. What is further apart goes to a sparse sketch.
const maxDense = 4096

// Add adds bins in ascending order, and tells by how many elements d grew.
func (d *Dense) Add(bins []Bin) (grown int) {
	if len(bins) == 0 {
		return 0
	}
	lo, hi := bins[0].Key, bins[len(bins)-1].Key
	if len(d.counts) > 0 {
		lo, hi = min(lo, d.first), max(hi, d.first+int32(len(d.counts))-1)
	}
	if int64(hi)-int64(lo) >= maxDense {
		before := d.sparse.Bins()
		d.sparse.MergeBins(bins)
		return 2 * (d.sparse.Bins() - before)
	}
	if before := len(d.counts); before == 0 || lo < d.first || hi >= d.first+int32(before) {
		d.grow(lo, hi)
		grown = len(d.counts) - before
	}
	for i := range bins {
		d.counts[bins[i].Key-d.first] += bins[i].Count
	}
	return grown
}

// grow makes room for keys from lo to hi, and some around them.
func (d *Dense) grow(lo, hi int32) {
	const room = 16
	lo, hi = lo-room, hi+room
	counts := make([]uint64, hi-lo+1)
	if len(d.counts) > 0 {
		copy(counts[d.first-lo:], d.counts)
	}
	d.counts, d.first = counts, lo
}

// Merge adds what o has.
func (d *Dense) Merge(o *Dense) {
	lo, hi := d.first, d.first+int32(len(d.counts))-1
	if o.first >= lo && o.first+int32(len(o.counts))-1 <= hi {
		into := d.counts[o.first-lo:]
		for i, n := range o.counts {
			into[i] += n
		}
	} else {
		d.Add(o.bins())
	}
	d.Add(o.sparse.bins)
}

// bins are those of the slice that are not empty.
func (d *Dense) bins() []Bin {
	filled := 0
	for _, n := range d.counts {
		if n > 0 {
			filled++
		}
	}
	bins := make([]Bin, 0, filled)
	for i, n := range d.counts {
		if n > 0 {
			bins = append(bins, Bin{d.first + int32(i), n})
		}
	}
	return bins
}

// Count is the number of values.
func (d *Dense) Count() uint64 {
	n := d.sparse.Count()
	for _, c := range d.counts {
		n += c
	}
	return n
}

// Sketch is the same distribution.
func (d *Dense) Sketch() Sketch {
	s := Sketch{bins: d.bins()}
	s.Merge(&d.sparse)
	return s
}

// Quantile is that of Sketch.
func (d *Dense) Quantile(q, lowest, highest float64) float64 {
	if d.sparse.Bins() > 0 {
		s := d.Sketch()
		return s.Quantile(q, lowest, highest)
	}
	n := d.Count()
	if n == 0 {
		return math.NaN()
	}
	rank := Rank(q, n)
	switch rank {
	case 1:
		return lowest
	case n:
		return highest
	}
	var seen uint64
	for i, c := range d.counts {
		if seen += c; seen >= rank {
			return min(max(Value(d.first+int32(i)), lowest), highest)
		}
	}
	return highest
}
