package sqlite_test

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
)

// million has n values of one histogram in batches of 1,000: half of them of
// the last hour, half of the 29 days before. The body is written by hand, since
// encoding maps would take longer than all that is tested.
func million(e *engine, n int) {
	r := rand.New(rand.NewPCG(11, 12))
	paths := []map[string]string{{"path": "/a"}, {"path": "/b"}, {"path": "/c"}}
	for sent := 0; sent < n; sent += 1000 {
		body := []byte{'['}
		for i := range 1000 {
			age := r.Int64N(int64(time.Hour))
			if i%2 == 0 {
				age = int64(time.Hour) + r.Int64N(int64(29*24*time.Hour))
			}
			p := point{name: "took", typ: "histogram", labels: paths[r.IntN(3)], ms: e.wall.Add(-time.Duration(age)).UnixMilli(),
				value: math.Exp(r.NormFloat64()*0.9-3) * float64(1+5*r.IntN(2))}
			e.points = append(e.points, p)
			body = append(body, `{"name":"took","type":"histogram","labels":{"path":"`+p.labels["path"]+`"},"timestamp":"`...)
			body = time.UnixMilli(p.ms).UTC().AppendFormat(body, "2006-01-02T15:04:05.000Z")
			body = append(strconv.AppendFloat(append(body, `","value":`...), p.value, 'g', -1, 64), "},"...)
		}
		body[len(body)-1] = ']'
		if _, err := e.Ingest(e.tb.Context(), metrics.Request{Body: body}); err != nil {
			e.tb.Fatal(err)
		}
		if sent%100_000 == 0 {
			e.must(e.Flush(e.tb.Context()))
			e.must(e.Maintain(e.tb.Context()))
		}
	}
	e.must(e.Flush(e.tb.Context()))
	e.must(e.Maintain(e.tb.Context()))
}

// The percentiles of an hour and of 30 days are within Alpha of the exact value
// of nearest rank among all points, whichever tiers and groups they are from;
// before and after the process was ended without a flush.
func TestHourAndMonthOfAMillionPointsAreExactWithinAlpha(t *testing.T) {
	t.Parallel()
	n := 1_000_000
	if raceEnabled || testing.Short() {
		n = 50_000
	}
	e := newEngine(t)
	million(e, n)
	to := e.wall.UnixMilli()
	hour, month := time.Hour.Milliseconds(), 30*24*time.Hour.Milliseconds()
	check := func() {
		for _, q := range []metrics.Query{
			{FromMS: to - hour, ToMS: to, StepMS: 60_000},
			{FromMS: to - hour, ToMS: to, StepMS: hour},
			{FromMS: to - month, ToMS: to, StepMS: hour, By: []string{"path"}},
			{FromMS: to - month, ToMS: to, StepMS: month},
		} {
			q.Name = "took"
			e.check(q)
		}
	}
	check()
	e.crash()
	check()
}
