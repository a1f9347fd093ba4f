// Package sketch keeps the distribution of values in little space, so that
// percentiles of any merge of any parts stay within Alpha of the exact value.
package sketch

import (
	"math"
	"slices"
)

// Alpha is the largest relative error of a quantile.
const Alpha = 0.005

// gamma is the ratio of a bin's bounds. A bin (gamma^(i-1), gamma^i] is
// answered with 2·gamma^i/(gamma+1), which is at most Alpha away from every
// value in it: the mapping of DDSketch (Masson, Rim, Lee: "DDSketch: a fast and
// fully-mergeable quantile sketch with relative-error guarantees", VLDB 2019).
const gamma = (1 + Alpha) / (1 - Alpha)

var (
	logGamma    = math.Log(gamma)
	invLogGamma = 1 / logGamma
)

// smallestNormal is the smallest float64 with all 53 bits of precision.
const smallestNormal = 0x1p-1022

// logMid takes the upper bound of a bin to its answer, in logarithms: the
// bound itself can be too large for a float64.
var logMid = math.Log(2 / (gamma + 1))

// keyOffset moves the indexes of all positive floats above 0, so that one
// order of keys is the order of values: negative, zero, positive. The smallest
// float has the index -74,444 and the largest 70,978.
const keyOffset = 80_000

// Largest key of a value; smaller than its negative or larger than it is no key.
const maxKey = keyOffset + 71_000

// Bin counts the values that share a key.
type Bin struct {
	Key   int32
	Count uint64
}

// Sketch is a set of bins in ascending order of key. The zero value is empty.
// It never drops or joins bins: it holds at most one for each value added, and
// one for each power of gamma.
type Sketch struct {
	bins []Bin
}

// Key is the bin of v, which must be finite.
func Key(v float64) int32 {
	switch {
	case v > 0:
		return positiveKey(v)
	case v < 0:
		return -positiveKey(-v)
	}
	return 0
}

func positiveKey(v float64) int32 {
	if v < smallestNormal {
		// math.Log is not exact for subnormal numbers on every machine.
		return int32(math.Ceil((math.Log(v*(1<<54))-54*math.Ln2)*invLogGamma)) + keyOffset
	}
	return int32(math.Ceil(math.Log(v)*invLogGamma)) + keyOffset
}

// Value is the answer for a bin: at most Alpha, relatively, from each value in it.
func Value(key int32) float64 {
	switch {
	case key > 0:
		return positive(key)
	case key < 0:
		return -positive(-key)
	}
	return 0
}

func positive(key int32) float64 {
	// The root first: some implementations of math.Exp give up a little before
	// the largest float64.
	root := math.Exp((float64(key-keyOffset)*logGamma + logMid) / 2)
	return root * root
}

// ValidKey tells whether some finite float has this key.
func ValidKey(key int32) bool {
	return key == 0 || key >= 1 && key <= maxKey || key <= -1 && key >= -maxKey
}

// Add counts one finite value and tells whether it made a new bin.
func (s *Sketch) Add(v float64) bool {
	key := Key(v)
	lo, hi := 0, len(s.bins)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if s.bins[mid].Key < key {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(s.bins) && s.bins[lo].Key == key {
		s.bins[lo].Count++
		return false
	}
	s.bins = slices.Insert(s.bins, lo, Bin{key, 1})
	return true
}

// Bins is the number of bins.
func (s *Sketch) Bins() int { return len(s.bins) }

// All is the bins in ascending order. They must not be changed.
func (s *Sketch) All() []Bin { return s.bins }

// Reset empties the sketch and keeps its memory.
func (s *Sketch) Reset() { s.bins = s.bins[:0] }

// Count is the number of values added.
func (s *Sketch) Count() uint64 {
	var n uint64
	for i := range s.bins {
		n += s.bins[i].Count
	}
	return n
}

// Clone is a copy that shares nothing.
func (s *Sketch) Clone() Sketch { return Sketch{bins: slices.Clone(s.bins)} }

// Merge adds the values of o. The result is that of adding all values to one sketch.
func (s *Sketch) Merge(o *Sketch) { s.MergeBins(o.bins) }

// MergeBins is Merge for bins in ascending order without repeated keys.
func (s *Sketch) MergeBins(other []Bin) {
	if len(other) == 0 {
		return
	}
	if len(s.bins) == 0 {
		s.bins = append(s.bins, other...)
		return
	}
	// First add to the bins that are there and count the others, then make
	// room once and merge from the back, in place.
	fresh, i := 0, 0
	for _, b := range other {
		for i < len(s.bins) && s.bins[i].Key < b.Key {
			i++
		}
		if i < len(s.bins) && s.bins[i].Key == b.Key {
			s.bins[i].Count += b.Count
		} else {
			fresh++
		}
	}
	if fresh == 0 {
		return
	}
	old := len(s.bins)
	s.bins = slices.Grow(s.bins, fresh)[:old+fresh]
	i, j := old-1, len(other)-1
	for k := len(s.bins) - 1; j >= 0; {
		switch {
		case i >= 0 && s.bins[i].Key == other[j].Key:
			j-- // was added above
		case i >= 0 && s.bins[i].Key > other[j].Key:
			s.bins[k] = s.bins[i]
			i--
			k--
		default:
			s.bins[k] = other[j]
			j--
			k--
		}
	}
}

// Quantile is the value of nearest rank: the ceil(q·n)-th smallest of the n
// values, 0 < q <= 1. lowest and highest are the exact bounds of the values,
// which bound the answer too, and are the answer for the first and last rank.
// It is NaN when the sketch is empty.
func (s *Sketch) Quantile(q, lowest, highest float64) float64 {
	n := s.Count()
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
	for i := range s.bins {
		if seen += s.bins[i].Count; seen >= rank {
			return min(max(Value(s.bins[i].Key), lowest), highest)
		}
	}
	return highest
}

// Rank is the nearest rank ceil(q·n), from 1 to n. Quantiles are given in
// decimal, and 0.95·20 is a little more than 19 in floating point: products
// that close to a whole number are taken as that number.
func Rank(q float64, n uint64) uint64 {
	x := q * float64(n)
	r := math.Ceil(x)
	if down := math.Floor(x); x-down < 1e-9*max(x, 1) && down >= 1 {
		r = down
	}
	return min(max(uint64(r), 1), n)
}

// CountUpTo is the number of values at most v, give or take those in v's own bin.
func (s *Sketch) CountUpTo(v float64) uint64 {
	key := Key(v)
	var n uint64
	for i := range s.bins {
		if s.bins[i].Key > key {
			break
		}
		n += s.bins[i].Count
	}
	return n
}
