//go:build soak

package auth_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/monlight/monlight/shared/auth"
	"github.com/monlight/monlight/shared/config"
)

// TestTheTimeOfAComparisonTellsNothing compares keys that share 31 of 32 digits
// with the right one, and keys that share none, by Welch's t-test: below 4.5 the
// two cannot be told apart, the limit that is usual in tests for leaks (Goodwill
// et al., "A testing methodology for side-channel resistance validation", 2011).
// The slowest tenth is left out of both: it is other work of the machine.
func TestTheTimeOfAComparisonTellsNothing(t *testing.T) {
	const tries, inner = 200_000, 10
	const right = "0123456789abcdef0123456789abcdef"
	key := auth.NewKey(config.NewSecret(right))
	guesses := [2]string{right[:31] + "0", "f" + right[1:]}
	var times [2][]float64
	for range tries {
		kind := rand.IntN(2)
		begin := time.Now()
		for range inner {
			if key.Match(guesses[kind]) {
				t.Fatal("a wrong key is taken")
			}
		}
		times[kind] = append(times[kind], float64(time.Since(begin).Nanoseconds())/inner)
	}
	all := slices.Concat(times[0], times[1])
	slices.Sort(all)
	limit := all[len(all)*9/10]
	a, b := summarize(times[0], limit), summarize(times[1], limit)
	score := (a.mean - b.mean) / math.Sqrt(a.variance/a.n+b.variance/b.n)
	t.Logf("%d comparisons: %.1f ns with 31 digits right, %.1f ns with none; t = %.2f", tries*inner, a.mean, b.mean, score)
	if math.Abs(score) >= 4.5 {
		t.Errorf("t = %.2f: the time of a comparison depends on how much of the key is right", score)
	}
}

type summary struct{ n, mean, variance float64 }

func summarize(values []float64, limit float64) (s summary) {
	var sum, squares float64
	for _, v := range values {
		if v <= limit {
			s.n, sum, squares = s.n+1, sum+v, squares+v*v
		}
	}
	s.mean = sum / s.n
	s.variance = (squares - s.n*s.mean*s.mean) / (s.n - 1)
	return s
}
