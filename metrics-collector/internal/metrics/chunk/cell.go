// Package chunk holds the aggregates of a series over time, and the forms in
// which they are stored. Every stored form begins with a version and a CRC-32C,
// and every decoder checks bounds: damaged bytes give an error, never a wrong
// number and never a panic.
package chunk

import (
	"math"

	"github.com/monlight/monlight/metrics-collector/internal/metrics/sketch"
)

// Cell is the aggregate of a series' values over a period. Cells of any parts
// of the values merge into the cell of all of them.
type Cell struct {
	Numbers
	// Sketch holds the distribution of a histogram's values; it is empty for
	// other types.
	Sketch sketch.Sketch
}

// Numbers are what a Cell knows without its sketch.
type Numbers struct {
	Count  uint64
	Sum    float64
	Min    float64
	Max    float64
	Last   float64 // the value with the latest time
	LastMS int64   // that time, Unix milliseconds
}

// Add counts a value.
func (c *Numbers) Add(v float64, unixMS int64) {
	if c.Count == 0 {
		c.Min, c.Max = v, v
	} else {
		c.Min, c.Max = min(c.Min, v), max(c.Max, v)
	}
	if c.Count == 0 || unixMS >= c.LastMS {
		c.Last, c.LastMS = v, unixMS
	}
	c.Count++
	c.Sum = Add(c.Sum, v)
}

// Merge adds the values of o.
func (c *Cell) Merge(o *Cell) {
	c.MergeNumbers(&o.Numbers)
	c.Sketch.Merge(&o.Sketch)
}

// MergeNumbers adds the values of o.
func (c *Numbers) MergeNumbers(o *Numbers) {
	if o.Count == 0 {
		return
	}
	if c.Count == 0 {
		c.Min, c.Max, c.Last, c.LastMS = o.Min, o.Max, o.Last, o.LastMS
	} else {
		c.Min, c.Max = min(c.Min, o.Min), max(c.Max, o.Max)
		if o.LastMS >= c.LastMS {
			c.Last, c.LastMS = o.Last, o.LastMS
		}
	}
	c.Count += o.Count
	c.Sum = Add(c.Sum, o.Sum)
}

// Add is a + b, but the largest finite number where that is infinite: a sum that
// is no number can neither be stored nor answered.
func Add(a, b float64) float64 {
	return max(-math.MaxFloat64, min(math.MaxFloat64, a+b))
}
