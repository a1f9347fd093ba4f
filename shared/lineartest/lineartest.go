// Package lineartest finds functions whose time grows faster than their input.
package lineartest

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

// most is the time for four times the input over the time for the input: 4 when it
// is linear, 16 when it is quadratic. What is shorter than small says nothing.
const (
	most   = 10.0
	small  = 2 * time.Millisecond
	rounds = 2  // the shortest time of which counts
	tries  = 10 // with more rounds, while the machine is busy with other things
)

// Check runs f on texts of n bytes, and of 4n, that are made of each unit. It fails
// the test where the longer one takes more than ten times as long, and logs the unit
// that is slowest, in MB (10^6 bytes) a second. With the race detector, whose times say
// nothing, it runs f only once on a short text of each.
func Check(t testing.TB, what string, n int, units []string, f func(text string)) {
	t.Helper()
	if Race {
		for _, unit := range units {
			f(text(unit, n/16))
		}
		return
	}
	slowest, worst, highest := "", math.Inf(1), 0.0
	for _, unit := range units {
		once, more := text(unit, n), text(unit, 4*n)
		short, long := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
		for try := 0; ; try++ {
			for range rounds {
				short, long = min(short, timeOf(f, once)), min(long, timeOf(f, more))
			}
			if float64(long)/float64(short) <= most || long < small || try == tries {
				break
			}
		}
		ratio := float64(long) / float64(short)
		if long < small {
			ratio = 0
		}
		if ratio > most {
			t.Errorf("%s: %d bytes of %.40q take %v, four times as many %v, %.1f times as long", what, n, unit, short, long, ratio)
		}
		highest = max(highest, ratio)
		if speed := float64(len(more)) / 1e6 / long.Seconds(); speed < worst {
			slowest, worst = unit, speed
		}
	}
	t.Logf("%s: at worst %s MB/s, %d bytes of %.40q; four times the text takes up to %.1f times as long", what, digits(worst), 4*n, slowest, highest)
}

func text(unit string, n int) string { return strings.Repeat(unit, max(1, n/len(unit))) }

func digits(x float64) string {
	if x >= 10 {
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.2g", x)
}
