// Package ingest reads metric points from JSON.
package ingest

import "errors"

// Type is what a metric's values mean.
type Type uint8

// The types of the wire format.
const (
	Counter   Type = 1 // each value is an increment; sums and rates are meaningful
	Gauge     Type = 2 // each value is a sample
	Histogram Type = 3 // each value is one observation; percentiles are kept
)

// Types lists all types.
var Types = []Type{Counter, Gauge, Histogram}

// String is the name on the wire, or "" for no type.
func (t Type) String() string {
	switch t {
	case Counter:
		return "counter"
	case Gauge:
		return "gauge"
	case Histogram:
		return "histogram"
	}
	return ""
}

// ParseType is the type of that name; ok is false if there is none.
func ParseType(name string) (t Type, ok bool) {
	for _, t := range Types {
		if t.String() == name {
			return t, true
		}
	}
	return 0, false
}

// Limits of the wire format.
const (
	MaxPoints       = 1000 // in a batch
	MaxNameBytes    = 200
	MaxProjectBytes = 100
	maxDepth        = 32 // of the JSON document; the format needs 4
)

// NotDecimal is the Exponent of a value that has no short decimal form.
const NotDecimal = 255

// Point is one measurement. Its bytes may belong to the body that it was read from.
type Point struct {
	Name    []byte
	Project []byte // empty for none
	// Labels is the text of the JSON object, or empty. It is valid JSON, but
	// what is in it was not checked yet.
	Labels []byte
	Type   Type
	// HasTime tells whether TimeMS, Unix milliseconds, was given.
	HasTime bool
	TimeMS  int64
	// Value is finite and never negative zero.
	Value float64
	// Mantissa / 10^Exponent is Value, exactly as it was written, unless
	// Exponent is NotDecimal. It saves looking for that form again when the
	// value is stored.
	Mantissa int64
	Exponent uint8
}

// ItemError says what is wrong with one point of a batch.
type ItemError struct {
	Index int    // in the batch, from 0
	Text  string // names the member, the value or size, and the limit
}

// Error implements error.
func (e *ItemError) Error() string { return e.Text }

// Batch is a decoded body.
type Batch struct {
	Points []Point
	// Indexes are the positions of Points in the body; nil when every point
	// of the body is there.
	Indexes []int
	// Rejected are the points that are not in Points.
	Rejected []ItemError
	// Total is the number of points in the body.
	Total int
}

// Index is the position in the body of Points[i].
func (b *Batch) Index(i int) int {
	if b.Indexes == nil {
		return i
	}
	return b.Indexes[i]
}

// errFallback says that the fast reader leaves a body to the thorough one. It
// says nothing about the body.
var errFallback = errors.New("not in the usual form")

// Decode reads a body: an array of points, or an object whose member "metrics"
// is one. Its errors are of kind Invalid. One bad point refuses the body unless
// partial is set, which puts it into Rejected. buf is memory for Points.
//
// The usual form is read by a scanner made for it, which gives up at whatever
// it does not know: everything else, and every mistake, is for encoding/json.
// FuzzDecode holds the two to the same answers.
func Decode(body []byte, partial bool, buf []Point) (Batch, error) {
	points, err := decodeFast(body, buf[:0])
	if err == nil {
		return Batch{Points: points, Total: len(points)}, nil
	}
	return decodeThoroughly(body, partial, buf[:0])
}
