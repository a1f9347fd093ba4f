package logs

import (
	"cmp"
	"slices"

	"github.com/monlight/monlight/shared/errs"
)

// Validate tells with an Invalid what is out of bounds in q.
func (q Query) Validate() error {
	switch {
	case q.Limit < 1 || q.Limit > MaxLimit:
		return errs.New(errs.Invalid, "limit is %d, want 1 to %d", q.Limit, MaxLimit)
	case q.Offset < 0 || q.Offset > MaxOffset:
		return errs.New(errs.Invalid, "offset is %d, want 0 to %d; follow the cursor for older entries", q.Offset, MaxOffset)
	}
	return nil
}

// Validate tells with an Invalid what is out of bounds in b.
func (b Buckets) Validate() error {
	switch {
	case b.N < 1 || b.N > MaxBuckets:
		return errs.New(errs.Invalid, "histogram has %d buckets, want 1 to %d", b.N, MaxBuckets)
	case b.Step <= 0:
		return errs.New(errs.Invalid, "histogram has buckets of %s, want more than 0", b.Step)
	}
	return nil
}

// NewCounts returns n rows of zeros for a Histogram.
func NewCounts(n int) [][levels]int64 { return make([][levels]int64, n) }

// Counts sorts counts by value: most first, then by value.
func Counts(by map[string]int64) []Count {
	out := make([]Count, 0, len(by))
	for v, n := range by {
		out = append(out, Count{v, n})
	}
	slices.SortFunc(out, func(a, b Count) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Value, b.Value)) })
	return out
}
