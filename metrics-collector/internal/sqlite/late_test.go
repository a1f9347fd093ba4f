package sqlite_test

import (
	"context"
	"strconv"
	"testing"
	"time"
)

// TestAFlushSavesTheTimesOfSomeSeries has more series that were stored a day ago
// than a flush writes down anew.
func TestAFlushSavesTheTimesOfSomeSeries(t *testing.T) {
	const series, most = 4500, 2000
	e := newEngine(t)
	send := func() {
		for from := 0; from < series; from += 500 {
			var points []point
			for n := from; n < from+500; n++ {
				points = append(points, point{name: "m", typ: "gauge", value: 1, ms: e.wall.UnixMilli(), labels: map[string]string{"n": strconv.Itoa(n)}})
			}
			e.send(points...)
		}
		e.must(e.Flush(context.Background()))
	}
	saved := func() (n int) {
		err := e.db.Read().QueryRowContext(t.Context(), "SELECT count(*) FROM series WHERE last_seen >= ?", e.wall.Add(-time.Hour).UnixMilli()).Scan(&n)
		e.must(err)
		return n
	}
	send()
	all := saved()
	if all < series {
		t.Fatalf("%d series are stored, want %d", all, series)
	}
	e.pass(25 * time.Hour)
	for flush := 1; ; flush++ {
		send()
		want := min(all, flush*most)
		if got := saved(); got != want {
			t.Fatalf("after flush %d the times of %d series are stored, want %d", flush, got, want)
		}
		if want == all {
			return
		}
	}
}
