package metrics

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/monlight/monlight/metrics-collector/internal/metrics/chunk"
	"github.com/monlight/monlight/metrics-collector/internal/metrics/ingest"
	"github.com/monlight/monlight/shared/errs"
)

// Options are the settings of a Service.
type Options struct {
	RetentionRaw    time.Duration
	RetentionMinute time.Duration
	RetentionHour   time.Duration
	Limits          Limits

	Log *slog.Logger
	Now func() time.Time // the wall clock
	// Elapsed is a clock that nobody sets; nil is that of the process.
	Elapsed func() time.Duration
}

// Bounds of what is in memory and not flushed. At the first a flush begins, at
// twice that batches are refused until it is done. A minute of all series, and
// the next one, must fit in any case: flushing more often than that would write
// each minute many times over.
const (
	flushPoints = 5_000_000
	flushCells  = 100_000
	flushBins   = 1_500_000
)

// maxFuture is how far ahead of this server's clock a point's time may be.
const maxFuture = 10 * time.Minute

// maxKeyBytes bounds an idempotency key.
const maxKeyBytes = 255

// keyLife is how long an idempotency key is remembered at least.
const keyLife = 24 * time.Hour

// Service takes points, and answers questions about them.
type Service struct {
	store Store
	opts  Options
	log   *slog.Logger
	index *index
	clock *steadyClock

	// genMu guards which generation is the current one; batches join it under
	// the read lock.
	genMu   sync.RWMutex
	current *generation

	flushMu sync.Mutex // one flush at a time
	// viewMu makes the commit of a flush and the end of its generation one
	// step for queries.
	viewMu sync.RWMutex
	frozen *generation // being flushed, or waiting for another try; guarded by viewMu
	spare  *generation // memory for the next one; guarded by flushMu
	wake   chan struct{}

	maintainMu sync.Mutex
	lastMerge  map[mergeKey]time.Duration // when a span was last merged
	lastForget time.Duration
	lastShrink time.Duration
	scratch    sync.Pool // *scratch
	queries    chan struct{}
	stats      counters
	lastBucket atomic.Int64
	receivedMu sync.Mutex
	received   map[int64]int64 // points by hour of arrival
	unsaved    map[int64]int64 // of them, those since the last flush
}

// scratch is the memory of one batch.
type scratch struct {
	points []ingest.Point
	ids    []uint32
	obs    []observation
	batch  chunk.BatchWriter
	buf    []byte
}

// New loads the series and counts again what was not flushed.
func New(ctx context.Context, store Store, o Options) (*Service, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Elapsed == nil {
		start := time.Now()
		o.Elapsed = func() time.Duration { return time.Since(start) }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{
		store: store, opts: o, log: o.Log,
		index:     newIndex(o.Limits),
		wake:      make(chan struct{}, 1),
		lastMerge: make(map[mergeKey]time.Duration),
		queries:   make(chan struct{}, maxQueries),
		received:  make(map[int64]int64),
		unsaved:   make(map[int64]int64),
	}
	s.scratch.New = func() any { return new(scratch) }
	state, err := store.State(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the state: %w", err)
	}
	s.clock = newSteadyClock(o.Now, o.Elapsed, state.SteadyMS)
	s.lastBucket.Store(state.LastBucketMS)
	for hour, n := range state.Received {
		s.received[hour] = n
	}
	if err := store.EachSeries(ctx, s.index.load); err != nil {
		return nil, fmt.Errorf("read the series: %w", err)
	}
	s.current = newGeneration(max(state.Flushed, state.LastGeneration) + 1)
	if err := s.replay(ctx, state.Flushed); err != nil {
		return nil, fmt.Errorf("count the unflushed batches: %w", err)
	}
	return s, nil
}

// replay counts the batches that no flush contains.
func (s *Service) replay(ctx context.Context, flushed int64) error {
	var samples []chunk.Sample
	var obs []observation
	batches, points := 0, 0
	err := s.store.EachBatch(ctx, flushed, func(data []byte) error {
		var err error
		if samples, err = chunk.DecodeBatch(samples[:0], data); err != nil {
			return err
		}
		obs = obs[:0]
		for _, p := range samples {
			if int(p.Series) >= len(s.index.all) || s.index.all[p.Series].metric == nil {
				return fmt.Errorf("a batch has series %d, which does not exist: %w", p.Series, chunk.ErrDamaged)
			}
			obs = append(obs, observation{p.Series, s.index.all[p.Series].metric.typ == Histogram, p.MS, p.Value})
		}
		s.current.apply(obs)
		batches++
		points += len(obs)
		if s.current.full(1, s.Series()) {
			s.poke()
		}
		return nil
	})
	if err != nil {
		return err
	}
	if points > 0 {
		s.countReceived(int64(points))
		s.log.InfoContext(ctx, "counted batches of the last run", "batches", batches, "points", points)
	}
	return nil
}

// Request is a body of points.
type Request struct {
	Body []byte
	// Partial stores the good points of a body and reports the others.
	Partial bool
	// Key, if not empty, makes the request count once however often it is sent.
	Key string
}

// Receipt says what became of a request's points.
type Receipt struct {
	Accepted  int
	Limited   int  // of them, those counted in an overflow series
	Duplicate bool // the request was stored before
	Rejected  []ingest.ItemError
}

// Ingest stores the points of a body. When it returns nil they are on disk and
// part of every answer. Errors are Invalid for a bad body, Conflict for a key
// that was used with another body, and Unavailable when they may be stored later.
func (s *Service) Ingest(ctx context.Context, r Request) (Receipt, error) {
	receipt, err := s.ingest(ctx, r)
	switch {
	case err == nil:
		s.stats.accepted.Add(int64(receipt.Accepted))
		s.stats.limited.Add(int64(receipt.Limited))
		s.stats.rejected.Add(int64(len(receipt.Rejected)))
		s.stats.batches.Add(1)
		if receipt.Duplicate {
			s.stats.duplicates.Add(1)
		}
	case errs.KindOf(err) == errs.Invalid:
		s.stats.invalid.Add(1)
	}
	return receipt, err
}

func (s *Service) ingest(ctx context.Context, r Request) (Receipt, error) {
	if len(r.Key) > maxKeyBytes {
		return Receipt{}, errs.New(errs.Invalid, "Idempotency-Key has %d bytes, the limit is %d", len(r.Key), maxKeyBytes)
	}
	sc := s.scratch.Get().(*scratch) //nolint:forcetypeassert // the pool holds nothing else
	defer s.scratch.Put(sc)
	batch, err := ingest.Decode(r.Body, r.Partial, sc.points)
	if err != nil {
		return Receipt{}, err
	}
	if batch.Points != nil {
		sc.points = batch.Points
	}
	// From here on no series is forgotten, and no flush passes this batch by.
	g, err := s.join()
	if err != nil {
		return Receipt{}, err
	}
	defer g.pending.Done()
	now := s.opts.Now().UnixMilli()
	receipt := Receipt{Rejected: batch.Rejected}
	if err := s.place(sc, &batch, now, r.Partial, &receipt); err != nil {
		return Receipt{}, err
	}
	if len(sc.obs) == 0 {
		return receipt, nil
	}
	return s.keep(ctx, g, sc, r, now, receipt)
}

// place fills sc.obs and sc.batch with the points that can be stored.
func (s *Service) place(sc *scratch, batch *ingest.Batch, now int64, partial bool, receipt *Receipt) error {
	var refused error // the first one, when one is enough
	refuse := func(i int, err error) {
		text := err.Error()
		if partial {
			receipt.Rejected = append(receipt.Rejected, ingest.ItemError{Index: batch.Index(i), Text: text})
		} else if refused == nil {
			refused = errs.New(errs.Invalid, "metrics[%d]: %s", batch.Index(i), text)
		}
	}
	oldest, newest := s.horizon(now)
	sc.ids = append(sc.ids[:0], make([]uint32, len(batch.Points))...)
	points := batch.Points
	for i := range points {
		p := &points[i]
		if !p.HasTime {
			p.TimeMS = now
		}
		if p.TimeMS < oldest || p.TimeMS > newest {
			refuse(i, s.timeError(p.TimeMS, oldest))
			p.Type = 0 // not to be stored
		}
	}
	if refused != nil {
		return refused
	}
	if partial {
		// Points that are refused must not make series.
		points = points[:0]
		indexes := make([]int, 0, len(batch.Points))
		for i := range batch.Points {
			if batch.Points[i].Type != 0 {
				points = append(points, batch.Points[i])
				indexes = append(indexes, batch.Index(i))
			}
		}
		batch.Points, batch.Indexes = points, indexes
		sc.ids = sc.ids[:len(points)]
	}
	receipt.Limited = s.index.resolve(points, sc.ids, now, refuse)
	if refused != nil {
		return refused
	}
	sc.obs = sc.obs[:0]
	sc.batch.Reset(sc.buf, now)
	for i := range points {
		p := &points[i]
		if sc.ids[i] == 0 {
			continue
		}
		sc.obs = append(sc.obs, observation{sc.ids[i], p.Type == Histogram, p.TimeMS, p.Value})
		sc.batch.Add(sc.ids[i], p.TimeMS, p.Value, p.Mantissa, p.Exponent)
	}
	return nil
}

// horizon is the range of times that points may have.
func (s *Service) horizon(now int64) (oldest, newest int64) {
	return now - s.opts.RetentionHour.Milliseconds(), now + maxFuture.Milliseconds()
}

func (s *Service) timeError(ms, oldest int64) error {
	text := ingest.FormatSecond(ms)
	if ms < oldest {
		return fmt.Errorf("timestamp %s is older than the retention of %s", text, Span(s.opts.RetentionHour))
	}
	return fmt.Errorf("timestamp %s is more than %s ahead of this server's clock", text, Span(maxFuture))
}

// keep stores the batch and counts it.
func (s *Service) keep(ctx context.Context, g *generation, sc *scratch, r Request, now int64, receipt Receipt) (Receipt, error) {
	data := sc.batch.Bytes()
	sc.buf = data
	a := Append{Generation: g.id, Points: len(sc.obs), Data: data, NowMS: now, Limited: receipt.Limited}
	a.FromMS, a.ToMS = sc.obs[0].ms, sc.obs[0].ms
	for i := range sc.obs {
		a.FromMS, a.ToMS = min(a.FromMS, sc.obs[i].ms), max(a.ToMS, sc.obs[i].ms)
	}
	a.Series = s.index.unstored(sc.ids, now)
	if r.Key != "" {
		key, body := sha256.Sum256([]byte(r.Key)), sha256.Sum256(r.Body)
		a.Key, a.BodySum = key[:], body[:]
	}
	// A client that goes away must not leave a batch that is stored and not counted.
	done, err := s.store.Append(context.WithoutCancel(ctx), &a)
	if err != nil {
		return Receipt{}, err
	}
	if done.Duplicate {
		if done.OtherBody {
			return Receipt{}, errs.New(errs.Conflict, "Idempotency-Key %s was used with another body", shown(r.Key))
		}
		return Receipt{Accepted: done.Points, Limited: done.Limited, Duplicate: true}, nil
	}
	s.index.stored(a.Series)
	g.apply(sc.obs)
	s.countReceived(int64(len(sc.obs)))
	if g.full(1, s.Series()) {
		s.poke()
	}
	receipt.Accepted = len(sc.obs)
	return receipt, nil
}

// join adds a batch to the current generation, to which it must say Done.
func (s *Service) join() (*generation, error) {
	s.genMu.RLock()
	defer s.genMu.RUnlock()
	g := s.current
	if g.full(2, s.Series()) {
		s.poke()
		return nil, errs.RetryIn(errs.Unavailable, time.Second, "too much is waiting to be written")
	}
	g.pending.Add(1)
	return g, nil
}

// full tells whether the generation is at a number of times its bounds.
func (g *generation) full(times, series int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.n >= times*max(flushCells, 3*series) || g.bins >= times*flushBins || g.points >= int64(times)*flushPoints
}

// poke asks for a flush now.
func (s *Service) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Wake has an element when a flush should not wait for the next minute.
func (s *Service) Wake() <-chan struct{} { return s.wake }

func (s *Service) countReceived(n int64) {
	hour := s.opts.Now().UnixMilli() / hourMS
	s.receivedMu.Lock()
	defer s.receivedMu.Unlock()
	s.received[hour] += n
	s.unsaved[hour] += n
}
