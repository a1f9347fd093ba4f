package sqlite_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
	"github.com/monlight/monlight/metrics-collector/internal/metrics/chunk"
	"github.com/monlight/monlight/metrics-collector/internal/metrics/sketch"
	"github.com/monlight/monlight/metrics-collector/internal/sqlite"
	"github.com/monlight/monlight/shared/sqlitedb"
	"github.com/monlight/monlight/shared/sqlitedb/dbtest"
)

// point is what the tests remember of what they sent.
type point struct {
	project, name, typ string
	labels             map[string]string
	ms                 int64
	value              float64
}

// engine is a service on a real file, with a clock of its own, and the list of
// all points that it accepted.
type engine struct {
	tb      testing.TB
	path    string
	wall    time.Time
	elapsed time.Duration
	limits  metrics.Limits
	db      *sqlitedb.DB
	*metrics.Service
	points []point
	// faults makes the store's work behind the back of ingest fail now and then.
	faults *rand.Rand
}

// faultyStore fails at random, before or after it has done what it was asked.
type faultyStore struct {
	*sqlite.Store
	r *rand.Rand
}

var errFault = errors.New("injected fault")

func (s *faultyStore) fail() error {
	if s.r != nil && s.r.IntN(3) == 0 {
		return errFault
	}
	return nil
}

func (s *faultyStore) Settle(ctx context.Context) error {
	if err := s.fail(); err != nil {
		return err
	}
	return s.Store.Settle(ctx)
}

func (s *faultyStore) Flush(ctx context.Context, f *metrics.Flush) error {
	if err := s.fail(); err != nil {
		return err
	}
	return s.Store.Flush(ctx, f)
}

func (s *faultyStore) Merge(ctx context.Context, t metrics.Tier, spanMS int64, groups []metrics.GroupRow, pages []metrics.TierPage) error {
	if err := s.fail(); err != nil {
		return err
	}
	return s.Store.Merge(ctx, t, spanMS, groups, pages)
}

func (s *faultyStore) DropPages(ctx context.Context, t metrics.Tier, spanMS, through int64) error {
	if err := s.fail(); err != nil {
		return err
	}
	return s.Store.DropPages(ctx, t, spanMS, through)
}

func (s *faultyStore) PackRaw(ctx context.Context, pack func(batches [][]byte) ([]chunk.Page, error)) (bool, error) {
	if err := s.fail(); err != nil {
		return false, err
	}
	return s.Store.PackRaw(ctx, pack)
}

var start = time.Date(2026, 11, 20, 9, 30, 12, 0, time.UTC)

func newEngine(tb testing.TB) *engine {
	e := &engine{tb: tb, path: filepath.Join(tb.TempDir(), "metrics.db"), wall: start,
		limits: metrics.Limits{Series: 100_000, SeriesPerProject: 50_000, SeriesPerMetric: 50_000}}
	e.open()
	tb.Cleanup(func() {
		if err := e.db.Check(context.Background()); err != nil {
			tb.Errorf("check: %v", err)
		}
		e.db.Close()
	})
	return e
}

func (e *engine) open() {
	e.tb.Helper()
	db, err := sqlitedb.Open(context.Background(), e.path, sqlitedb.Options{Migrations: sqlite.Migrations(), MinFreeBytes: -1})
	if err != nil {
		e.tb.Fatal(err)
	}
	e.db = db
	e.Service, err = metrics.New(context.Background(), &faultyStore{sqlite.NewStore(db), e.faults}, metrics.Options{
		RetentionRaw: time.Hour, RetentionMinute: 24 * time.Hour, RetentionHour: 30 * 24 * time.Hour,
		Limits: e.limits, Now: func() time.Time { return e.wall }, Elapsed: func() time.Duration { return e.elapsed },
	})
	if err != nil {
		e.tb.Fatal(err)
	}
}

// crash ends the service without a flush and starts it again.
func (e *engine) crash() {
	e.tb.Helper()
	e.db.Close()
	e.open()
}

func (e *engine) pass(d time.Duration) {
	e.wall = e.wall.Add(d)
	e.elapsed += d
}

func (e *engine) send(points ...point) metrics.Receipt {
	e.tb.Helper()
	r, err := e.Ingest(context.Background(), metrics.Request{Body: body(points)})
	if err != nil {
		e.tb.Fatalf("ingest: %v", err)
	}
	e.points = append(e.points, points...)
	return r
}

func body(points []point) []byte {
	var items []map[string]any
	for _, p := range points {
		item := map[string]any{"name": p.name, "type": p.typ, "value": p.value,
			"timestamp": time.UnixMilli(p.ms).UTC().Format("2006-01-02T15:04:05.000Z07:00")}
		if p.project != "" {
			item["project"] = p.project
		}
		if p.labels != nil {
			item["labels"] = p.labels
		}
		items = append(items, item)
	}
	b, _ := json.Marshal(items)
	return b
}

func (e *engine) must(err error) {
	e.tb.Helper()
	if err != nil {
		e.tb.Fatal(err)
	}
}

// check compares an answer with one computed from all points.
func (e *engine) check(q metrics.Query) {
	e.tb.Helper()
	q.Need = chunk.AllColumns
	q.Quantiles = []float64{0.5, 0.95, 0.99}
	asked := q
	r, err := e.Query(context.Background(), q)
	if err != nil {
		e.tb.Fatalf("query %+v: %v", asked, err)
	}
	type cell struct {
		group string
		at    int64
	}
	want := map[cell][]point{}
	for _, p := range e.points {
		if p.name != q.Name && !slices.Contains(q.Names, p.name) || q.Project != "" && p.project != q.Project || !matches(q.Matchers, p.labels) {
			continue
		}
		for _, seg := range r.Segments {
			if p.ms >= seg.FromMS && p.ms < seg.ToMS {
				c := cell{p.name + group(q.By, p.labels), p.ms - (p.ms-seg.FromMS)%seg.WidthMS}
				want[c] = append(want[c], p)
			}
		}
	}
	for _, s := range r.Series {
		for row := s.Rows(); row.Next(); {
			c := cell{s.Name + s.Labels.String(), row.BucketMS}
			typ := r.Type
			if points := want[c]; len(q.Names) > 0 && len(points) > 0 {
				typ = map[string]metrics.Type{"counter": metrics.Counter, "histogram": metrics.Histogram}[points[0].typ]
			}
			e.compare(asked, c.group, &row.Row, want[c], typ)
			delete(want, c)
		}
	}
	for c, points := range want {
		e.tb.Fatalf("query %s by %v step %d: %d points of %s at %s are missing; segments %+v",
			q.Name, q.By, q.StepMS, len(points), c.group, time.UnixMilli(c.at).UTC(), r.Segments)
	}
}

func (e *engine) compare(q metrics.Query, group string, row *metrics.Row, points []point, typ metrics.Type) {
	e.tb.Helper()
	values := make([]float64, len(points))
	sum := 0.0
	var last point
	for i, p := range points {
		values[i] = p.value
		sum += p.value
		if p.ms >= last.ms {
			last = p
		}
	}
	at := time.UnixMilli(row.BucketMS).UTC()
	if int(row.Count) != len(values) {
		e.tb.Fatalf("%s by %v %v step %d: %s at %s: count %d, want %d", q.Name, q.By, q.Matchers, q.StepMS, group, at, row.Count, len(values))
	}
	slices.Sort(values)
	if math.Abs(row.Sum-sum) > 1e-9*math.Max(1, math.Abs(sum)) || row.Min != values[0] || row.Max != values[len(values)-1] {
		e.tb.Fatalf("%s at %s: sum %v min %v max %v, want %v %v %v", q.Name, at, row.Sum, row.Min, row.Max, sum, values[0], values[len(values)-1])
	}
	for i, quantile := range q.Quantiles {
		if typ != metrics.Histogram {
			if !math.IsNaN(row.Quantiles[i]) {
				e.tb.Fatalf("%s is a %s and has a percentile", q.Name, typ)
			}
			continue
		}
		want := values[sketch.Rank(quantile, uint64(len(values)))-1]
		if math.Abs(row.Quantiles[i]-want) > (sketch.Alpha+1e-9)*math.Abs(want) {
			e.tb.Fatalf("%s at %s: q%v of %d is %v, want %v", q.Name, at, quantile, len(values), row.Quantiles[i], want)
		}
	}
}

func group(by []string, labels map[string]string) string {
	l := metrics.Labels{}
	for _, name := range by {
		if labels[name] != "" {
			l = append(l, metrics.Label{Name: name, Value: labels[name]})
		}
	}
	return l.String()
}

func matches(matchers []metrics.Matcher, labels map[string]string) bool {
	for i := range matchers {
		if !matchers[i].Matches(labels[matchers[i].Name]) {
			return false
		}
	}
	return true
}

func randomPoint(r *rand.Rand, wall time.Time, age time.Duration) point {
	p := point{
		name:   "m" + string(rune('a'+r.IntN(3))),
		labels: map[string]string{"method": []string{"GET", "POST"}[r.IntN(2)], "path": fmt.Sprintf("/p%d", r.IntN(4))},
		ms:     wall.Add(-time.Duration(r.Int64N(int64(age)))).UnixMilli(),
	}
	p.project = []string{"", "shop", "blog"}[r.IntN(3)]
	switch p.name {
	case "ma":
		p.typ, p.value = "counter", float64(r.IntN(5))
	case "mb":
		p.typ, p.value = "gauge", math.Round(r.NormFloat64()*1000)/100
	default:
		p.typ, p.value = "histogram", math.Round(math.Exp(r.NormFloat64())*1e6)/1e6
	}
	if r.IntN(20) == 0 {
		p.ms = wall.Add(time.Duration(r.Int64N(int64(9 * time.Minute)))).UnixMilli()
	}
	return p
}

func randomQuery(r *rand.Rand, wall time.Time) metrics.Query {
	q := metrics.Query{Name: "m" + string(rune('a'+r.IntN(3)))}
	q.ToMS = wall.Add(15*time.Minute).UnixMilli() - r.Int64N(1+r.Int64N(40*3600_000))
	q.FromMS = q.ToMS - 1 - r.Int64N(1+r.Int64N(26*24*3600_000))
	steps := []int64{0, 1000, 7000, 30_000, 60_000, 300_000, 420_000, 3600_000, 7200_000, 5400_000, 86400_000}
	q.StepMS = steps[r.IntN(len(steps))]
	if q.StepMS > 0 && q.StepMS < 300_000 {
		q.FromMS = max(q.FromMS, q.ToMS-q.StepMS*3000)
	}
	if r.IntN(3) == 0 {
		q.Name, q.Names = "", []string{"ma", "mc"}
	}
	q.Whole = r.IntN(3) == 0
	switch r.IntN(4) {
	case 0:
		q.By = []string{"method"}
	case 1:
		q.By = []string{"path", "nothing"}
	}
	if r.IntN(3) == 0 {
		q.Project = "shop"
	}
	if r.IntN(3) == 0 {
		ops := []metrics.MatchOp{metrics.Equal, metrics.NotEqual, metrics.MatchRegexp, metrics.NotMatchRegexp}
		m, err := metrics.NewMatcher([]string{"path", "nothing"}[r.IntN(2)], ops[r.IntN(4)], []string{"/p1", "/p.", ""}[r.IntN(3)])
		if err == nil {
			q.Matchers = append(q.Matchers, m)
		}
	}
	return q
}

// TestAnswersAreThoseOfAllPoints does what may happen to a service in random
// order, and holds its answers against the points themselves.
func TestAnswersAreThoseOfAllPoints(t *testing.T) {
	t.Parallel()
	rounds := 6
	if testing.Short() || raceEnabled {
		rounds = 2
	}
	for round := range rounds {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			r := rand.New(rand.NewPCG(uint64(round), 99))
			e := newEngine(t)
			e.faults = r
			e.crash()
			tolerate := func(err error) {
				if err != nil && !errors.Is(err, errFault) {
					t.Fatal(err)
				}
			}
			for range 250 {
				switch n := r.IntN(100); {
				case n < 45:
					// Nearly all points are new, some late, some very late.
					age := time.Minute
					switch r.IntN(8) {
					case 0:
						age = 3 * time.Hour
					case 1:
						age = 29*24*time.Hour - time.Hour
					}
					points := make([]point, 1+r.IntN(40))
					for i := range points {
						points[i] = randomPoint(r, e.wall, age)
					}
					e.send(points...)
				case n < 60:
					tolerate(e.Flush(t.Context()))
				case n < 70:
					tolerate(e.Maintain(t.Context()))
				case n < 76:
					e.crash()
				case n < 88:
					e.pass(time.Duration(r.Int64N(int64(20 * time.Minute))))
				case n < 90:
					e.pass(time.Duration(r.Int64N(int64(26 * time.Hour))))
				default:
					e.check(randomQuery(r, e.wall))
				}
			}
			for range 30 {
				e.check(randomQuery(r, e.wall))
			}
		})
	}
}

func minuteQuery(e *engine, name string) metrics.Query {
	return metrics.Query{Name: name, FromMS: e.wall.Add(-23 * time.Hour).UnixMilli(), ToMS: e.wall.Add(11 * time.Minute).UnixMilli(), StepMS: 60_000}
}

func hourQuery(e *engine, name string) metrics.Query {
	return metrics.Query{Name: name, FromMS: e.wall.Add(-31 * 24 * time.Hour).UnixMilli(), ToMS: e.wall.Add(2 * time.Hour).UnixMilli(), StepMS: 3600_000}
}

// Everything at once: what was acknowledged before a query began is in its
// answer, and at the end the sums are exact.
func TestConcurrentWork(t *testing.T) {
	e := newEngine(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var sent atomic.Int64 // acknowledged
	var wg sync.WaitGroup
	for c := range 3 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(c), 1))
			for ctx.Err() == nil {
				points := make([]point, 1+r.IntN(100))
				for i := range points {
					points[i] = point{name: "n", typ: "histogram", value: 1, ms: e.wall.Add(-time.Duration(r.IntN(4*3600)) * time.Second).UnixMilli(),
						labels: map[string]string{"n": fmt.Sprint(r.IntN(200))}}
				}
				if _, err := e.Ingest(context.Background(), metrics.Request{Body: body(points)}); err != nil {
					t.Error(err)
					return
				}
				sent.Add(int64(len(points)))
			}
		})
	}
	total := func(q metrics.Query) (n int64) {
		r, err := e.Query(context.Background(), q)
		if err != nil {
			t.Error(err)
			return 1 << 60
		}
		for _, s := range r.Series {
			for row := s.Rows(); row.Next(); {
				n += int64(row.Count)
			}
		}
		return n
	}
	questions := []metrics.Query{minuteQuery(e, "n"), hourQuery(e, "n"), minuteQuery(e, "n")}
	questions[2].By = []string{"n"}
	for _, q := range questions {
		q.StepMS = max(q.StepMS, 300_000)
		wg.Go(func() {
			for ctx.Err() == nil {
				before := sent.Load()
				if n := total(q); n < before {
					t.Errorf("step %d by %v: %d points, %d were acknowledged before", q.StepMS, q.By, n, before)
				}
			}
		})
	}
	wg.Go(func() {
		for ctx.Err() == nil {
			if err := errors.Join(e.Flush(context.Background()), e.Maintain(context.Background())); err != nil {
				t.Error(err)
			}
			e.Stats()
			e.Cardinality("", "", 5)
		}
	})
	wg.Wait()
	for _, q := range questions {
		if n := total(q); n != sent.Load() {
			t.Errorf("step %d by %v: %d points, want %d", q.StepMS, q.By, n, sent.Load())
		}
	}
}

// A clock that is wrong for a while must delete nothing and double nothing.
func TestClockStepsDeleteNothingAndDoubleNothing(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]time.Duration{"an hour back": -time.Hour, "an hour ahead": time.Hour, "a month ahead": 30 * 24 * time.Hour, "a year ahead": 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(1, 1))
			e := newEngine(t)
			tick := func(minutes int) {
				for range minutes {
					for range 3 {
						e.send(randomPoint(r, e.wall, 50*time.Second))
					}
					e.must(e.Flush(t.Context()))
					e.must(e.Maintain(t.Context()))
					e.pass(time.Minute)
				}
			}
			tick(100)
			before := len(e.points)
			e.wall = e.wall.Add(step)
			tick(70)
			e.wall = e.wall.Add(-step)
			tick(20)
			for _, m := range []string{"ma", "mb", "mc"} {
				e.check(minuteQuery(e, m))
				e.check(hourQuery(e, m))
			}
			// Minutes are still minutes.
			q := metrics.Query{Name: "ma", FromMS: e.wall.Add(-12 * time.Hour).UnixMilli(), ToMS: e.wall.UnixMilli(), StepMS: 60_000}
			if res, err := e.Query(t.Context(), q); err != nil || len(res.Segments) != 1 || res.Segments[0].Resolution != "minute" {
				t.Errorf("the last 12 hours are of %+v, %v", res.Segments, err)
			}
			// Whatever the clock said meanwhile, what was there before is there.
			total := 0
			for _, m := range []string{"ma", "mb", "mc"} {
				q := hourQuery(e, m)
				res, err := e.Query(t.Context(), q)
				e.must(err)
				for _, s := range res.Series {
					for row := s.Rows(); row.Next(); {
						total += int(row.Count)
					}
				}
			}
			if total < before {
				t.Errorf("%d of %d points are left", total, before)
			}
			e.crash()
			for _, m := range []string{"ma", "mb", "mc"} {
				e.check(minuteQuery(e, m))
			}
		})
	}
}

func TestRetentionDeletesWhatIsOver(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	r := rand.New(rand.NewPCG(2, 2))
	for range 40 {
		e.send(randomPoint(r, e.wall, time.Minute))
	}
	e.must(e.Flush(t.Context()))
	rows := func(table string) int {
		n := -1
		e.must(e.db.Read().QueryRow("SELECT count(*) FROM " + table).Scan(&n))
		return n
	}
	advance := func(d time.Duration) {
		for range int(d / time.Hour) {
			e.pass(time.Hour)
			e.must(e.Maintain(t.Context()))
		}
	}
	advance(2 * time.Hour)
	if n := rows("sample_page") + rows("batch"); n != 0 {
		t.Errorf("%d rows of raw points are left after 2 h", n)
	}
	if rows("minute_group") == 0 || rows("minute_page") != 0 {
		t.Errorf("minutes were not merged: %d groups, %d pages", rows("minute_group"), rows("minute_page"))
	}
	for _, m := range []string{"ma", "mb", "mc"} {
		e.check(minuteQuery(e, m))
	}
	advance(27 * time.Hour)
	if n := rows("minute_group"); n != 0 {
		t.Errorf("%d minute groups are left after 29 h", n)
	}
	for _, m := range []string{"ma", "mb", "mc"} {
		e.check(hourQuery(e, m))
	}
	if got := len(e.Names("")); got == 0 {
		t.Error("names are gone while hours are there")
	}
	advance(33 * 24 * time.Hour)
	for _, table := range []string{"hour_group", "hour_page", "series"} {
		if n := rows(table); n != 0 {
			t.Errorf("%d rows of %s are left after 34 days", n, table)
		}
	}
	if got := e.Names(""); len(got) != 0 {
		t.Errorf("names %v after everything is over", got)
	}
	e.points = nil
	e.send(randomPoint(r, e.wall, time.Minute))
	e.crash()
	e.check(minuteQuery(e, e.points[0].name))
}

// The labels of series that are forgotten, and their points, are in no file any
// more after the next run of retention: rows are overwritten, and pages that have
// become free leave the file.
func TestWhatIsForgottenLeavesTheFile(t *testing.T) {
	t.Parallel()
	const word, series = "forgotten-4e8b1c", 400
	e := newEngine(t)
	stays := point{name: "stays", typ: "counter", value: 1, labels: map[string]string{"l": "v"}}
	for i := range series {
		stays.ms = e.wall.UnixMilli()
		label := fmt.Sprint(word, i, strings.Repeat("x", i%200))
		e.send(stays, point{name: fmt.Sprint(word, i%20), typ: "histogram", value: float64(i), ms: e.wall.UnixMilli(), labels: map[string]string{"l": label}})
	}
	e.must(e.Flush(t.Context()))
	e.must(e.Maintain(t.Context()))
	if n := dbtest.InFiles(t, e.path, word); n < 2*series {
		t.Fatalf("the files have the word %d times: this test sees too little", n)
	}
	e.pass(35 * 24 * time.Hour)
	stays.ms = e.wall.UnixMilli()
	e.points = nil
	e.send(stays)
	e.must(e.Flush(t.Context()))
	for range 3 { // a series may be a day older than what is known of it, and spans end late
		e.pass(time.Hour)
		e.must(e.Maintain(t.Context()))
	}
	if n := dbtest.InFiles(t, e.path, word); n != 0 {
		t.Errorf("the files still have the word %d times", n)
	}
	e.check(hourQuery(e, "stays"))
}

func TestIdempotencyKeyCountsOnce(t *testing.T) {
	e := newEngine(t)
	p := []point{{name: "ma", typ: "counter", ms: e.wall.UnixMilli(), value: 3}}
	req := metrics.Request{Body: body(p), Key: "k-1"}
	for i := range 3 {
		if i == 2 {
			e.must(e.Flush(t.Context()))
			e.crash()
		}
		r, err := e.Ingest(t.Context(), req)
		e.must(err)
		if r.Duplicate != (i > 0) || r.Accepted != 1 {
			t.Errorf("try %d: %+v", i, r)
		}
	}
	e.points = p
	e.check(minuteQuery(e, "ma"))
	other := metrics.Request{Body: bytes.Replace(req.Body, []byte("3"), []byte("4"), 1), Key: "k-1"}
	if _, err := e.Ingest(t.Context(), other); err == nil || !strings.Contains(err.Error(), "another body") {
		t.Errorf("other body under the same key: %v", err)
	}
}

func TestTimesOutsideAreRefusedByName(t *testing.T) {
	e := newEngine(t)
	for name, tt := range map[string]struct {
		at   time.Time
		want string
	}{
		"too old":    {e.wall.Add(-31 * 24 * time.Hour), "older than the retention"},
		"too future": {e.wall.Add(11 * time.Minute), "ahead of this server's clock"},
	} {
		good := point{name: "ma", typ: "counter", ms: e.wall.UnixMilli(), value: 1}
		bad := point{name: "mz", typ: "counter", ms: tt.at.UnixMilli(), value: 1}
		_, err := e.Ingest(t.Context(), metrics.Request{Body: body([]point{good, bad})})
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "metrics[1]") {
			t.Errorf("%s: %v", name, err)
		}
		r, err := e.Ingest(t.Context(), metrics.Request{Body: body([]point{bad, good}), Partial: true})
		e.must(err)
		if r.Accepted != 1 || len(r.Rejected) != 1 || r.Rejected[0].Index != 0 {
			t.Errorf("%s, partial: %+v", name, r)
		}
		e.points = append(e.points, good)
	}
	e.check(minuteQuery(e, "ma"))
	for _, n := range e.Names("") {
		if n.Name == "mz" {
			t.Error("a refused point made a series")
		}
	}
}

func TestSeriesAtTheLimitGoIntoOverflow(t *testing.T) {
	e := newEngine(t)
	e.db.Close()
	e.limits = metrics.Limits{Series: 100, SeriesPerProject: 60, SeriesPerMetric: 20}
	e.open()
	send := func(name, project string, n int) (limited int) {
		var points []point
		for i := range n {
			points = append(points, point{name: name, project: project, typ: "counter", ms: e.wall.UnixMilli(), value: 1, labels: map[string]string{"id": fmt.Sprint(i)}})
		}
		return e.send(points...).Limited
	}
	if got := send("ma", "", 50); got != 30 {
		t.Errorf("%d points limited, want 30", got)
	}
	e.check(minuteQuery(e, "ma")) // the total is right
	q := minuteQuery(e, "ma")
	q.By = []string{"overflow"}
	r, err := e.Query(t.Context(), q)
	e.must(err)
	if len(r.Series) != 2 {
		t.Fatalf("by overflow: %+v", r.Series)
	}
	limited := uint64(0)
	for row := r.Series[1].Rows(); row.Next(); {
		limited += row.Count
	}
	if limited != 30 {
		t.Errorf("by overflow: %d points, want 30", limited)
	}
	for i := range 40 {
		send(fmt.Sprintf("flood%d", i), fmt.Sprintf("project%d", i), 500)
	}
	if n := e.Stats().Series; n > 110+3 {
		t.Errorf("%d series, the limit is 100 and a tenth for overflow", n)
	}
	if got := send("ma", "", 5); got != 0 {
		t.Errorf("%d points of series that exist were limited", got)
	}
	total := 0.0
	for _, n := range e.Names("") {
		q := minuteQuery(e, n.Name)
		q.Need = chunk.Sum
		r, err := e.Query(t.Context(), q)
		e.must(err)
		for _, s := range r.Series {
			for row := s.Rows(); row.Next(); {
				total += row.Sum
			}
		}
	}
	if want := float64(len(e.points)); total != want {
		t.Errorf("all metrics together count %v, want %v", total, want)
	}
	e.crash()
	if n := e.Stats().Series; n > 113 {
		t.Errorf("%d series after a restart", n)
	}
	e.check(minuteQuery(e, "ma"))
}

// The order and the spelling of labels do not make series.
func TestSpellingsOfLabelsAreOneSeries(t *testing.T) {
	e := newEngine(t)
	for _, labels := range []string{`{"a":"1","b":"2"}`, `{"b":"2","a":"1"}`, `{ "a" : "1" , "b":"2" }`, `{"a":"0","a":"1","b":"2"}`, `{"a":1,"b":"2","c":null,"d":""}`, `{"\u0061":"1","b":"2"}`} {
		_, err := e.Ingest(t.Context(), metrics.Request{Body: fmt.Appendf(nil, `[{"name":"n","type":"counter","value":1,"labels":%s}]`, labels)})
		e.must(err)
	}
	if n := e.Stats().Series; n != 1 {
		t.Errorf("%d series, want 1", n)
	}
}
