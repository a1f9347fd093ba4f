package sketch

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tolerance is Alpha and the rounding of a logarithm near a bin's edge.
const tolerance = Alpha + 1e-9

var quantiles = []float64{0.001, 0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1}

// exact is the definition that the sketch is held against.
func exact(sorted []float64, q float64) float64 {
	return sorted[Rank(q, uint64(len(sorted)))-1]
}

func TestRankIsNearestRank(t *testing.T) {
	tests := []struct {
		q    float64
		n    uint64
		want uint64
	}{
		{0.5, 10, 5}, {0.95, 10, 10}, {0.99, 10, 10},
		{0.5, 100, 50}, {0.95, 100, 95}, {0.99, 100, 99},
		{0.95, 20, 19}, {0.999, 1000, 999}, {0.07, 100, 7},
		{0.5, 1, 1}, {0.99, 1, 1}, {0.5, 11, 6}, {0.0001, 5, 1}, {1, 5, 5},
	}
	for _, tt := range tests {
		if got := Rank(tt.q, tt.n); got != tt.want {
			t.Errorf("Rank(%v, %d) = %d, want %d", tt.q, tt.n, got, tt.want)
		}
	}
}

// generators are shapes of values that services send, and those that they should not.
var generators = map[string]func(r *rand.Rand) float64{
	"latencies in seconds": func(r *rand.Rand) float64 { return math.Exp(r.NormFloat64()*1.2 - 3) },
	"whole milliseconds":   func(r *rand.Rand) float64 { return math.Floor(r.ExpFloat64() * 120) },
	"both signs":           func(r *rand.Rand) float64 { return r.NormFloat64() * 1000 },
	"few distinct values":  func(r *rand.Rand) float64 { return float64(r.IntN(4)) - 1 },
	"every magnitude":      func(r *rand.Rand) float64 { return math.Exp((r.Float64()*2 - 1) * 700) },
	"denormals and huge": func(r *rand.Rand) float64 {
		return []float64{5e-324, 1e-310, math.MaxFloat64, -math.MaxFloat64}[r.IntN(4)]
	},
	"all bits but not NaN/Inf": finiteBits,
	"powers at bin edges":      func(r *rand.Rand) float64 { return math.Pow(gamma, float64(r.IntN(4000)-2000)) },
}

func finiteBits(r *rand.Rand) float64 {
	for {
		if v := math.Float64frombits(r.Uint64()); !math.IsNaN(v) && !math.IsInf(v, 0) {
			return v
		}
	}
}

func TestAnyMergeOfAnySplitIsWithinAlpha(t *testing.T) {
	for name, next := range generators {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, uint64(len(name))))
			for range 150 {
				n := 1 + r.IntN(1+r.IntN(3000))
				parts := make([]Sketch, 1+r.IntN(12))
				values := make([]float64, n)
				for i := range values {
					values[i] = next(r)
					parts[r.IntN(len(parts))].Add(values[i])
				}
				merged := mergeInRandomOrder(r, parts)
				slices.Sort(values)
				for _, q := range quantiles {
					got, want := merged.Quantile(q, values[0], values[n-1]), exact(values, q)
					if diff := math.Abs(got - want); diff > tolerance*math.Abs(want) && diff > 5e-324 {
						t.Fatalf("n=%d q=%v: got %v, want %v, relative error %v", n, q, got, want, diff/math.Abs(want))
					}
				}
			}
		})
	}
}

// mergeInRandomOrder merges as a tree, and sends some parts through their encoding.
func mergeInRandomOrder(r *rand.Rand, parts []Sketch) Sketch {
	for len(parts) > 1 {
		i := r.IntN(len(parts))
		parts[0], parts[i] = parts[i], parts[0]
		last := parts[len(parts)-1]
		if r.IntN(2) == 0 {
			bins, _, err := DecodeBins(nil, last.Append(nil))
			if err != nil {
				return Sketch{}
			}
			last = Sketch{bins: bins}
		}
		parts = parts[:len(parts)-1]
		i = r.IntN(len(parts))
		parts[i].Merge(&last)
	}
	return parts[0]
}

func TestMergeEqualsAddingEverything(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for range 500 {
		var whole, a, b Sketch
		for range r.IntN(60) {
			v := math.Floor(r.NormFloat64() * 50)
			whole.Add(v)
			if r.IntN(2) == 0 {
				a.Add(v)
			} else {
				b.Add(v)
			}
		}
		before := b.Clone()
		a.Merge(&b)
		if !slices.Equal(a.bins, whole.bins) {
			t.Fatalf("merged %v, want %v", a.bins, whole.bins)
		}
		if diff := cmp.Diff(before.bins, b.bins); diff != "" {
			t.Fatalf("Merge changed its argument: %s", diff)
		}
	}
}

func TestMergedSketchesKeepMillionPointsWithinAlpha(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const n, minutes = 1_000_000, 720
	values := make([]float64, n)
	parts := make([]Sketch, minutes)
	for i := range values {
		minute := i * minutes / n
		values[i] = math.Exp(r.NormFloat64()*0.9-3) * (1 + 5*float64(minute%60/55)) // some slow minutes
		parts[minute].Add(values[i])
	}
	var merged Sketch
	for i := range parts {
		merged.Merge(&parts[i])
	}
	slices.Sort(values)
	worst := 0.0
	for _, q := range quantiles {
		got, want := merged.Quantile(q, values[0], values[n-1]), exact(values, q)
		worst = max(worst, math.Abs(got-want)/want)
	}
	if worst > tolerance {
		t.Errorf("worst relative error %v, want at most %v", worst, Alpha)
	}
	t.Logf("worst relative error over %d points in %d parts: %.4f %%, %d bins, %d bytes",
		n, minutes, worst*100, merged.Bins(), len(merged.Append(nil)))
}

func TestFirstAndLastRankAreExact(t *testing.T) {
	var s Sketch
	for _, v := range []float64{0.123456, 7.7777, 3.3} {
		s.Add(v)
	}
	if got := s.Quantile(0.01, 0.123456, 7.7777); got != 0.123456 {
		t.Errorf("lowest = %v", got)
	}
	if got := s.Quantile(0.99, 0.123456, 7.7777); got != 7.7777 {
		t.Errorf("highest = %v", got)
	}
	var empty Sketch
	if got := empty.Quantile(0.5, 0, 0); !math.IsNaN(got) {
		t.Errorf("quantile of nothing = %v, want NaN", got)
	}
}

func TestKeysKeepTheOrderOfValues(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for range 20000 {
		a, b := finiteBits(r), finiteBits(r)
		if a > b {
			a, b = b, a
		}
		if Key(a) > Key(b) {
			t.Fatalf("Key(%v) = %d > Key(%v) = %d", a, Key(a), b, Key(b))
		}
		if !ValidKey(Key(a)) {
			t.Fatalf("Key(%v) = %d is not valid", a, Key(a))
		}
	}
}

func FuzzDecodeBins(f *testing.F) {
	var s Sketch
	for _, v := range []float64{-3, 0, 0, 1, 1.5, 1e300} {
		s.Add(v)
	}
	f.Add(s.Append(nil))
	f.Add([]byte{1, 0})
	f.Add([]byte{255, 255, 255, 255, 15})
	f.Fuzz(func(t *testing.T, data []byte) {
		bins, rest, err := DecodeBins(nil, data)
		if err != nil {
			return
		}
		again := Sketch{bins: bins}
		for i := 1; i < len(bins); i++ {
			if bins[i].Key <= bins[i-1].Key {
				t.Fatalf("keys not ascending: %v", bins)
			}
		}
		got, tail, err := DecodeBins(nil, again.Append(nil))
		if err != nil || len(tail) != 0 || !slices.Equal(got, bins) {
			t.Fatalf("round trip of %v: %v, %v", bins, got, err)
		}
		skipped, err := Skip(data)
		if err != nil || len(skipped) != len(rest) {
			t.Fatalf("Skip left %d bytes (%v), DecodeBins %d", len(skipped), err, len(rest))
		}
	})
}

func BenchmarkAdd(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	values := make([]float64, 4096)
	for i := range values {
		values[i] = math.Exp(r.NormFloat64()*0.6 - 3)
	}
	var s Sketch
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		s.Add(values[i&4095])
		i++
	}
}

func TestDenseGivesTheSameAnswers(t *testing.T) {
	for name, next := range generators {
		r := rand.New(rand.NewPCG(11, uint64(len(name))))
		for range 100 {
			var d Dense
			var whole Sketch
			lowest, highest := math.Inf(1), math.Inf(-1)
			for range r.IntN(20) {
				var part Sketch
				for range r.IntN(50) {
					v := next(r)
					part.Add(v)
					lowest, highest = min(lowest, v), max(highest, v)
				}
				whole.Merge(&part)
				if r.IntN(2) == 0 {
					d.Add(part.All())
				} else {
					var other Dense
					other.Add(part.All())
					d.Merge(&other)
				}
			}
			if got := d.Sketch(); !slices.Equal(got.bins, whole.bins) {
				t.Fatalf("%s: bins differ", name)
			}
			for _, q := range quantiles {
				got, want := d.Quantile(q, lowest, highest), whole.Quantile(q, lowest, highest)
				if got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
					t.Fatalf("%s: q=%v: %v, want %v", name, q, got, want)
				}
			}
		}
	}
}
