package metrics

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/monlight/monlight/metrics-collector/internal/metrics/chunk"
	"github.com/monlight/monlight/metrics-collector/internal/metrics/sketch"
	"github.com/monlight/monlight/shared/errs"
)

// Limits of a query.
const (
	MaxBuckets     = 11_000  // of a series in the answer
	MaxGroups      = 1000    // series in the answer, of each name
	maxCells       = 400_000 // buckets of all series together
	maxSketchWords = 6 << 20 // of memory for percentiles, 8 bytes each
	maxGroupBy     = 8
	maxQueries     = 4 // at the same time
	targetBuckets  = 300
	queryTime      = 20 * time.Second
)

// Query asks for a metric over time.
type Query struct {
	Name     string
	Names    []string // of several metrics, instead of Name: none is added to another
	Project  string   // empty for all
	Type     Type     // 0 for all
	Matchers []Matcher
	By       []string // labels, each combination of whose values is a series of the answer

	FromMS, ToMS int64 // [from, to), widened to whole buckets
	StepMS       int64 // length of the buckets; 0 lets the service choose
	// Whole joins all buckets of a tier: a series of the answer has a row for each
	// segment. StepMS says then how finely the ends of the range are cut.
	Whole bool

	// Need says which numbers of a Row are wanted besides Count. Quantiles are
	// computed if it has chunk.Sketches.
	Need      chunk.Columns
	Quantiles []float64
	MaxGroups int // of each name; 0 is MaxGroups
}

// Segment is a part of an answer that comes from one tier.
type Segment struct {
	Resolution   string // raw, minute or hour
	FromMS, ToMS int64
	WidthMS      int64 // of its buckets: the step, or the tier's own if that is longer

	tier  Tier
	raw   bool
	first int // number of its first bucket in the answer
}

// Row is a bucket of a series. Buckets without points are not there.
type Row struct {
	BucketMS int64
	WidthMS  int64
	// Seconds is the part of the bucket that has passed.
	Seconds   float64
	Partial   bool // the bucket is not over
	Count     uint64
	Sum       float64
	Min       float64
	Max       float64
	Last      float64
	Quantiles []float64 // NaN when the bucket has no distribution
	// Distribution is nil when the bucket has none. It must not be changed.
	Distribution *sketch.Dense
}

// ResultSeries is a series of an answer.
type ResultSeries struct {
	Name   string // of the metric
	Labels Labels // those of Query.By that it has
	cells  []accumulator
	plan   *plan
}

// Rows are the buckets that have values, ascending.
func (s *ResultSeries) Rows() *Rows { return &Rows{series: s, bucket: -1} }

// Rows makes one row after the other: an answer may have hundreds of thousands.
type Rows struct {
	// Row is good, with all that is in it, until the next one.
	Row
	series  *ResultSeries
	segment int
	bucket  int // of all segments
}

// Next goes to the next row. It is false when there is none.
func (r *Rows) Next() bool {
	p := r.series.plan
	for r.bucket++; r.bucket < p.buckets; r.bucket++ {
		for r.segment+1 < len(p.segments) && r.bucket >= p.segments[r.segment+1].first {
			r.segment++
		}
		if a := &r.series.cells[r.bucket]; a.Count > 0 {
			seg := &p.segments[r.segment]
			p.fill(&r.Row, a, seg.FromMS+int64(r.bucket-seg.first)*seg.WidthMS, seg.WidthMS)
			return true
		}
	}
	return false
}

// Result is an answer.
type Result struct {
	Type      Type // of the metric; when there are several, that with most series
	StepMS    int64
	Segments  []Segment
	Series    []ResultSeries // in order of names and labels
	Matched   int            // series that were asked
	Groups    int            // series that the answer would have without its limit
	Truncated bool           // Groups is more than len(Series)
}

// Coarse is the part of an answer whose buckets are longer than the step,
// because finer ones are not kept for as long. It is zero if there is none.
type Coarse struct {
	BeforeMS int64 // buckets that begin before are
	WidthMS  int64 // so long
}

// Coarse is the coarse part of the answer.
func (r *Result) Coarse() (c Coarse) {
	for _, seg := range r.Segments {
		if seg.WidthMS > r.StepMS {
			c = Coarse{seg.ToMS, seg.WidthMS}
		}
	}
	return c
}

// Query answers a query. Errors are Invalid when it asks for too much or for
// what cannot be, and Unavailable when too many others are running.
func (s *Service) Query(ctx context.Context, q Query) (*Result, error) {
	plan, err := s.plan(&q)
	if err != nil {
		return nil, err
	}
	select {
	case s.queries <- struct{}{}:
		defer func() { <-s.queries }()
	default:
		timer := time.NewTimer(2 * time.Second)
		defer timer.Stop()
		select {
		case s.queries <- struct{}{}:
			defer func() { <-s.queries }()
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-timer.C:
			s.stats.refusedQueries.Add(1)
			return nil, errs.RetryIn(errs.Unavailable, 2*time.Second, "too many queries are running, the limit is %d", maxQueries)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	s.stats.queries.Add(1)
	if err := plan.run(ctx, s); err != nil {
		return nil, s.noteDamage(err)
	}
	return plan.result(), nil
}

// plan is a query on its way.
type plan struct {
	q        *Query
	now      int64
	segments []Segment
	buckets  int // of all segments
	selection
	rows  [][]accumulator // by group; nil without data
	dense []*sketch.Dense // of accumulators
	words int             // of their memory
	bins  []sketch.Bin
	group chunk.GroupReader
	place places
}

// accumulator is a bucket of the answer. It has no pointers: there may be
// hundreds of thousands, at which the garbage collector need not look.
type accumulator struct {
	chunk.Numbers
	dense uint32 // number of its sketch, plus one
}

// denseOf is the sketch of an accumulator, nil if it has none.
func (p *plan) denseOf(a *accumulator) *sketch.Dense {
	if a.dense == 0 {
		return nil
	}
	return p.dense[a.dense-1]
}

func (s *Service) plan(q *Query) (*plan, error) {
	p := &plan{q: q, now: s.opts.Now().UnixMilli()}
	if q.MaxGroups <= 0 || q.MaxGroups > MaxGroups {
		q.MaxGroups = MaxGroups
	}
	if len(q.By) > maxGroupBy {
		return nil, errs.New(errs.Invalid, "by has %d labels, the limit is %d", len(q.By), maxGroupBy)
	}
	if q.FromMS >= q.ToMS {
		return nil, errs.New(errs.Invalid, "from must be before to")
	}
	if err := p.divide(s); err != nil {
		return nil, err
	}
	p.selection = s.index.selectSeries(q)
	if n := len(p.labels) * p.buckets; n > maxCells {
		return nil, errs.New(errs.Invalid, "the answer would have %d series of %d buckets, the limit is %d in all: ask for a longer step or fewer series",
			len(p.labels), p.buckets, maxCells)
	}
	p.rows = make([][]accumulator, len(p.labels))
	return p, nil
}

// Steps that divide a minute or an hour, so that buckets of any tier end with
// those of the next.
var niceSteps = []int64{secondMS, 2 * secondMS, 5 * secondMS, 10 * secondMS, 15 * secondMS, 20 * secondMS, 30 * secondMS,
	minuteMS, 2 * minuteMS, 3 * minuteMS, 5 * minuteMS, 10 * minuteMS, 15 * minuteMS, 20 * minuteMS, 30 * minuteMS,
	hourMS, 2 * hourMS, 3 * hourMS, 4 * hourMS, 6 * hourMS, 8 * hourMS, 12 * hourMS, dayMS}

// divide chooses the step and cuts the range where the tiers begin.
func (p *plan) divide(s *Service) error {
	q := p.q
	steady := s.clock.now()
	hourFloor, minuteFloor := s.hourFloor(steady), s.minuteFloor(steady)
	// The raw tier is deleted by and by, so its last minutes may be gone.
	rawFloor := floorTo(steady-s.opts.RetentionRaw.Milliseconds(), minuteMS) + 2*minuteMS
	q.FromMS = max(q.FromMS, hourFloor)
	// Nothing is stored further ahead than that.
	q.ToMS = min(q.ToMS, p.now+maxFuture.Milliseconds()+minuteMS)
	if q.FromMS >= q.ToMS {
		q.FromMS = q.ToMS
	}
	step := q.StepMS
	if step <= 0 {
		step = StepFor(q.ToMS-q.FromMS, targetBuckets)
	}
	step = suitableStep(step, q.FromMS, rawFloor, minuteFloor)
	q.StepMS = step
	from, to := floorTo(q.FromMS, step), floorTo(q.ToMS+step-1, step)
	if n := (to - from) / step; n > MaxBuckets && !q.Whole {
		return errs.New(errs.Invalid, "the answer would have %d buckets, the limit is %d: ask for a longer step or a shorter range", n, MaxBuckets)
	}
	if step < minuteMS {
		if from < rawFloor {
			from = floorTo(from, minuteMS)
		}
		from = p.segment(from, min(floorTo(to+minuteMS-1, minuteMS), max(rawFloor, from)), minuteFloor, minuteMS)
		p.add(Segment{Resolution: "raw", FromMS: from, ToMS: to, WidthMS: step, raw: true})
	} else {
		p.segment(from, to, minuteFloor, step)
	}
	return nil
}

// segment adds the range in the tiers of minutes and hours. It returns its end.
func (p *plan) segment(from, to, minuteFloor, step int64) int64 {
	if from >= to {
		return to
	}
	if step >= hourMS {
		p.add(Segment{Resolution: "hour", FromMS: from, ToMS: to, WidthMS: step, tier: HourTier})
		return to
	}
	if from < minuteFloor {
		end := min(max(floorTo(to+hourMS-1, hourMS), from), minuteFloor)
		p.add(Segment{Resolution: "hour", FromMS: floorTo(from, hourMS), ToMS: end, WidthMS: hourMS, tier: HourTier})
		from = end
	}
	p.add(Segment{Resolution: "minute", FromMS: from, ToMS: to, WidthMS: step, tier: MinuteTier})
	return to
}

func (p *plan) add(seg Segment) {
	if seg.FromMS >= seg.ToMS {
		return
	}
	if p.q.Whole {
		seg.WidthMS = seg.ToMS - seg.FromMS
	}
	seg.first = p.buckets
	p.segments = append(p.segments, seg)
	p.buckets += int((seg.ToMS - seg.FromMS) / seg.WidthMS)
}

// StepFor is the shortest of the usual steps, of a minute and more, that cuts a
// range into no more than so many buckets. All are in milliseconds.
func StepFor(rangeMS, buckets int64) int64 {
	for _, step := range niceSteps {
		if step >= minuteMS && rangeMS/step <= buckets {
			return step
		}
	}
	return floorTo(rangeMS/buckets+dayMS-1, dayMS)
}

// suitableStep rounds a step up to what the tiers can give.
func suitableStep(step, from, rawFloor, minuteFloor int64) int64 {
	if step > hourMS {
		return floorTo(step+hourMS-1, hourMS)
	}
	unit, floor := int64(minuteMS), minuteFloor
	if step < minuteMS {
		unit, floor = secondMS, rawFloor
	}
	if whole := max(floorTo(step+unit-1, unit), unit); floorTo(from, whole) >= floor {
		return whole
	}
	for _, nice := range niceSteps {
		if nice >= step {
			return nice
		}
	}
	return hourMS
}

// run fills p.rows.
func (p *plan) run(ctx context.Context, s *Service) error {
	if len(p.live) == 0 || len(p.segments) == 0 {
		return nil
	}
	view, err := p.begin(ctx, s)
	if err != nil {
		return err
	}
	defer view.Close()
	for i := range p.segments {
		seg := &p.segments[i]
		switch {
		case seg.raw:
			err = p.readRaw(view, seg)
		case seg.tier == MinuteTier:
			err = p.readTier(view, seg, MinuteTier)
		default:
			if err = p.readTier(view, seg, HourTier); err == nil {
				err = p.readUnmerged(view, seg)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// begin opens a view and adds what is only in memory at that moment.
func (p *plan) begin(ctx context.Context, s *Service) (View, error) {
	s.viewMu.RLock()
	defer s.viewMu.RUnlock()
	view, err := s.store.View(ctx)
	if err != nil {
		return nil, err
	}
	s.genMu.RLock()
	generations := []*generation{s.current, s.frozen}
	s.genMu.RUnlock()
	for _, g := range generations {
		if g == nil {
			continue
		}
		if err := p.readLive(g); err != nil {
			view.Close()
			return nil, err
		}
	}
	return view, nil
}

// readLive adds the cells of a generation. It lets batches in between.
func (p *plan) readLive(g *generation) error {
	const atOnce = 256
	for part := range slices.Chunk(p.live, atOnce) {
		if err := p.readLivePart(g, part); err != nil {
			return err
		}
	}
	return nil
}

func (p *plan) readLivePart(g *generation, part []selected) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, sel := range part {
		g.each(sel.id, func(c *liveCell) {
			if a := p.at(sel.group, int64(c.minute)*minuteMS); a != nil {
				var bins []sketch.Bin
				if distribution := g.sketchOf(c); distribution != nil {
					bins = distribution.All()
				}
				p.merge(a, &c.Numbers, bins)
			}
		})
		if err := p.tooLarge(); err != nil {
			return err
		}
	}
	return nil
}

// at is the accumulator of a group for a time, nil outside of the segments
// that are made of aggregates.
func (p *plan) at(group int32, ms int64) *accumulator {
	for i := range p.segments {
		if seg := &p.segments[i]; ms >= seg.FromMS && ms < seg.ToMS {
			if seg.raw {
				return nil
			}
			return p.in(seg, group, ms)
		}
	}
	return nil
}

func (p *plan) in(seg *Segment, group int32, ms int64) *accumulator {
	return &p.rowsOf(group)[seg.first+int((ms-seg.FromMS)/seg.WidthMS)]
}

func (p *plan) rowsOf(group int32) []accumulator {
	rows := p.rows[group]
	if rows == nil {
		rows = make([]accumulator, p.buckets)
		p.rows[group] = rows
	}
	return rows
}

func (p *plan) merge(a *accumulator, c *chunk.Numbers, bins []sketch.Bin) {
	a.MergeNumbers(c)
	p.mergeBins(a, bins)
}

func (p *plan) mergeBins(a *accumulator, bins []sketch.Bin) {
	if len(bins) == 0 || p.q.Need&chunk.Sketches == 0 {
		return
	}
	if a.dense == 0 {
		p.dense = append(p.dense, new(sketch.Dense))
		a.dense = uint32(len(p.dense))
	}
	p.words += p.denseOf(a).Add(bins)
}

func (p *plan) tooLarge() error {
	if p.words > maxSketchWords {
		return errs.New(errs.Invalid, "percentiles of that many series and buckets need more than %d MB: ask for a longer step or fewer series", maxSketchWords*8>>20)
	}
	return nil
}

// result is what was gathered.
func (p *plan) result() *Result {
	r := &Result{Type: p.typ, StepMS: p.q.StepMS, Segments: p.segments, Matched: len(p.live), Groups: p.groups, Truncated: p.groups > len(p.labels)}
	for group, rows := range p.rows {
		if slices.ContainsFunc(rows, func(a accumulator) bool { return a.Count > 0 }) {
			r.Series = append(r.Series, ResultSeries{Name: p.labels[group].name, Labels: p.labels[group].labels, cells: rows, plan: p})
		}
	}
	return r
}

// fill makes a row of an accumulator.
func (p *plan) fill(row *Row, a *accumulator, at, width int64) {
	*row = Row{BucketMS: at, WidthMS: width, Seconds: float64(width) / secondMS,
		Count: a.Count, Sum: a.Sum, Min: a.Min, Max: a.Max, Last: a.Last, Quantiles: row.Quantiles}
	if at+width > p.now {
		row.Partial = true
		// A bucket of the future, of points that came early, is complete as it is.
		if passed := p.now - at; passed > 0 {
			row.Seconds = float64(max(passed, secondMS)) / secondMS
		}
	}
	if p.q.Need&chunk.Sketches == 0 {
		return
	}
	dense := p.denseOf(a)
	if row.Quantiles == nil {
		row.Quantiles = make([]float64, len(p.q.Quantiles))
	}
	for i, q := range p.q.Quantiles {
		row.Quantiles[i] = math.NaN()
		if dense != nil {
			row.Quantiles[i] = dense.Quantile(q, a.Min, a.Max)
		}
	}
	row.Distribution = dense
}
