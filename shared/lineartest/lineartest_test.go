package lineartest_test

import (
	"strings"
	"testing"

	"github.com/monlight/monlight/shared/lineartest"
)

// recorder is a test that may fail without the one that runs it.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Errorf(string, ...any) { r.failed = true }
func (r *recorder) Logf(string, ...any)   {}

func TestQuadraticTimeIsFound(t *testing.T) {
	var sink int
	quadratic := func(text string) {
		for i := 0; i < len(text); i += 64 {
			sink += strings.Count(text[i:], "x")
		}
	}
	r := &recorder{TB: t}
	lineartest.Check(r, "quadratic", 80_000, []string{"a"}, quadratic)
	if !r.failed && !lineartest.Race {
		t.Error("a function of quadratic time was taken for a linear one")
	}
	lineartest.Check(t, "linear", 4<<20, []string{"a", "b"}, func(text string) { sink += strings.Count(text, "ab") })
}
