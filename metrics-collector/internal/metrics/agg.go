package metrics

import (
	"math"
	"strconv"
	"strings"

	"github.com/monlight/monlight/metrics-collector/internal/metrics/chunk"
	"github.com/monlight/monlight/shared/errs"
)

// Agg is how the values of a bucket become one number.
type Agg struct {
	kind     aggKind
	quantile float64
}

type aggKind uint8

const (
	aggRate aggKind = iota + 1
	aggSum
	aggCount
	aggAvg
	aggMin
	aggMax
	aggLast
	aggQuantile
)

var aggNames = map[string]aggKind{
	"rate": aggRate, "sum": aggSum, "count": aggCount, "avg": aggAvg, "min": aggMin, "max": aggMax, "last": aggLast,
}

// ParseAgg reads rate, sum, count, avg, min, max, last, or a percentile like
// p95 or p99.9. Errors are of kind Invalid.
func ParseAgg(text string) (Agg, error) {
	if k, ok := aggNames[text]; ok {
		return Agg{kind: k}, nil
	}
	if digits, ok := strings.CutPrefix(text, "p"); ok && len(digits) <= 8 {
		if p, err := strconv.ParseFloat(digits, 64); err == nil && p > 0 && p <= 100 {
			return Agg{kind: aggQuantile, quantile: p / 100}, nil
		}
	}
	return Agg{}, errs.New(errs.Invalid, "agg is %s, want rate, sum, count, avg, min, max, last or a percentile like p95", shown(text))
}

// IsZero tells whether a is no aggregation.
func (a Agg) IsZero() bool { return a.kind == 0 }

// Quantile is the quantile of a percentile, and 0 of anything else.
func (a Agg) Quantile() float64 { return a.quantile }

// String is the name on the wire.
func (a Agg) String() string {
	if a.kind == aggQuantile {
		return "p" + strconv.FormatFloat(math.Round(a.quantile*1e8)/1e6, 'f', -1, 64)
	}
	for name, k := range aggNames {
		if k == a.kind {
			return name
		}
	}
	return ""
}

// Columns are those that Value needs.
func (a Agg) Columns() chunk.Columns {
	switch a.kind {
	case aggRate, aggSum, aggAvg:
		return chunk.Sum
	case aggMin:
		return chunk.Min
	case aggMax:
		return chunk.Max
	case aggLast:
		return chunk.Last
	case aggQuantile:
		return chunk.Sketches | chunk.Min | chunk.Max
	}
	return 0
}

// Value is the number of a row of a metric of that type. ok is false when
// there is none: percentiles are kept for histograms only.
//
// The rate of a counter is the sum of its increments per second; of other
// types it is the number of values per second.
func (a Agg) Value(t Type, r *Row) (v float64, ok bool) {
	switch a.kind {
	case aggRate:
		if t == Counter {
			return r.Sum / r.Seconds, true
		}
		return float64(r.Count) / r.Seconds, true
	case aggSum:
		return r.Sum, true
	case aggCount:
		return float64(r.Count), true
	case aggAvg:
		return r.Sum / float64(r.Count), true
	case aggMin:
		return r.Min, true
	case aggMax:
		return r.Max, true
	case aggLast:
		return r.Last, true
	case aggQuantile:
		if len(r.Quantiles) > 0 && !math.IsNaN(r.Quantiles[0]) {
			return r.Quantiles[0], true
		}
	}
	return 0, false
}
