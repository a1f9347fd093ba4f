package metrics

import (
	"context"

	"github.com/monlight/monlight/metrics-collector/internal/metrics/chunk"
)

// Tier is a resolution in which aggregates are kept.
type Tier uint8

// The tiers of aggregates.
const (
	MinuteTier Tier = iota // buckets of a minute in spans of an hour
	HourTier               // buckets of an hour in spans of a day
)

// Durations in milliseconds.
const (
	secondMS = 1000
	minuteMS = 60 * secondMS
	hourMS   = 60 * minuteMS
	dayMS    = 24 * hourMS
)

// BucketMS is the length of the tier's buckets.
func (t Tier) BucketMS() int64 {
	if t == MinuteTier {
		return minuteMS
	}
	return hourMS
}

// SpanMS is the length of the tier's spans, in which aggregates are stored together.
func (t Tier) SpanMS() int64 {
	if t == MinuteTier {
		return hourMS
	}
	return dayMS
}

// Buckets is the number of buckets in a span.
func (t Tier) Buckets() int { return int(t.SpanMS() / t.BucketMS()) }

// String is the name on the wire.
func (t Tier) String() string {
	if t == MinuteTier {
		return "minute"
	}
	return "hour"
}

// SeriesRow is a series as it is stored.
type SeriesRow struct {
	ID      uint32
	Project string // empty for none
	Name    string
	Type    Type
	// Labels is the canonical text, or "" for the rollup: the sum of all
	// series of the metric.
	Labels    string
	FirstSeen int64 // Unix milliseconds
	LastSeen  int64 // Unix milliseconds, up to a day behind
}

// Append is an accepted batch.
type Append struct {
	// Generation is the accumulator that counts this batch: after a crash the
	// batch is counted again unless that generation was flushed.
	Generation int64
	Points     int
	FromMS     int64 // earliest point
	ToMS       int64 // latest point
	Data       []byte
	Series     []SeriesRow // series that may not be stored yet; those that are, are left as they are
	// Key makes the batch idempotent; nil for none. BodySum tells a repeated
	// body from another one under the same key.
	Key     []byte
	BodySum []byte
	NowMS   int64
	Limited int // for the answer to a repeated batch
}

// Appended is what became of a batch.
type Appended struct {
	Duplicate bool // a batch with this key was stored before; nothing was stored now
	OtherBody bool // and it was another one
	Points    int  // of the batch that was stored
	Limited   int
}

// TierPage is a page and where it belongs.
type TierPage struct {
	Tier   Tier
	SpanMS int64 // begin of the span
	chunk.Page
}

// Flush is what one generation adds to the tiers.
type Flush struct {
	Generation int64
	Pages      []TierPage
	LastSeen   []SeriesRow // series whose LastSeen is to be stored
	// Received counts accepted points by the hour of their arrival.
	Received     map[int64]int64
	LastBucketMS int64 // newest minute
	SteadyMS     int64 // the clock that retention goes by
}

// GroupRow is a group of series' chunks for a span.
type GroupRow struct {
	Group   uint32 // series / chunk.GroupSize
	Through int64  // pages up to this id are contained
	Sums    []byte // see chunk.GroupWriter
	Rest    []byte
}

// State is what a store knows when it is opened.
type State struct {
	Flushed        int64 // generations up to this one are in the tiers
	LastGeneration int64 // the highest that any batch has
	SteadyMS       int64 // 0 if never stored
	LastBucketMS   int64 // 0 if never stored
	Received       map[int64]int64
}

// Store keeps batches, aggregates and series. A call that returned nil survives
// a power cut. Errors that are worth repeating are of kind Unavailable.
//
// Aggregates are stored twice removed from points: flushes add pages with
// cells of any series and bucket, which are merged when they are read; later
// the pages of a span are merged into groups, which are complete but for pages
// with a higher id than the group's Through.
type Store interface {
	State(ctx context.Context) (State, error)
	// EachSeries gives all series in order of id.
	EachSeries(ctx context.Context, f func(SeriesRow) error) error
	// EachBatch gives the data of batches with a generation after the given
	// one, in the order in which they were stored.
	EachBatch(ctx context.Context, after int64, f func(data []byte) error) error

	Append(ctx context.Context, a *Append) (Appended, error)
	// Settle does what would otherwise make the transaction of the next Flush
	// longer. Nobody waits for it.
	Settle(ctx context.Context) error
	Flush(ctx context.Context, f *Flush) error
	// View is a consistent state to read from. It must be closed soon.
	View(ctx context.Context) (View, error)

	// Spans are the spans of a tier that have pages, in ascending order, with
	// the number of pages and the highest id.
	Spans(ctx context.Context, t Tier) ([]PagedSpan, error)
	// Merge replaces groups of a span and adds pages, at once.
	Merge(ctx context.Context, t Tier, spanMS int64, groups []GroupRow, pages []TierPage) error
	// DropPages deletes the pages of a span up to an id, in small steps.
	DropPages(ctx context.Context, t Tier, spanMS, through int64) error
	// DropBefore deletes the spans of a tier that end at or before a time, in
	// small steps. Pages of the minute tier are kept: they are in no other
	// tier yet.
	DropBefore(ctx context.Context, t Tier, beforeMS int64) (rows int64, err error)

	// PackRaw replaces the oldest flushed batches, up to about a quarter of a
	// million points, by sample pages that pack makes of them. done is true
	// when no flushed batches are left.
	PackRaw(ctx context.Context, pack func(batches [][]byte) ([]chunk.Page, error)) (done bool, err error)
	// DropRawBefore deletes raw points that are flushed and older, in small
	// steps, and what is known about idempotency keys older than keysMS.
	DropRawBefore(ctx context.Context, beforeMS, keysMS int64) (rows int64, err error)
	// ForgetSeries deletes series.
	ForgetSeries(ctx context.Context, ids []uint32) error
	// SaveSteady stores the clock that retention goes by.
	SaveSteady(ctx context.Context, unixMS int64) error
	// Shrink gives free space back to the file system, a bounded piece at a time.
	Shrink(ctx context.Context) (done bool, err error)
}

// PagedSpan is a span with pages that are not merged, or not deleted, yet.
type PagedSpan struct {
	SpanMS  int64
	Pages   int
	Through int64
}

// Blobs are parts of a GroupRow.
type Blobs uint8

// The parts of a GroupRow, each with those before it.
const (
	NoBlobs Blobs = iota
	SumsOnly
	AllBlobs
)

// View reads one consistent state, within the context that it was made with.
// But for the blobs of groups, data is only valid during the call of f.
type View interface {
	// Spans is Store.Spans for the spans that begin in [fromMS, toMS).
	Spans(t Tier, fromMS, toMS int64) ([]PagedSpan, error)
	// Pages gives the pages that may have series from lo to hi, of the spans
	// that begin in [fromMS, toMS), with their spans and ids.
	Pages(t Tier, fromMS, toMS int64, lo, hi uint32, f func(spanMS, id int64, data []byte) error) error
	// Groups gives groups of spans, with those of their blobs that are asked
	// for. spansMS and wanted are ascending, and so are the groups, by span first.
	// Their blobs stay valid, as they may be decoded while others are read.
	Groups(t Tier, blobs Blobs, spansMS []int64, wanted []uint32, f func(spanMS int64, g GroupRow) error) error
	// Raw gives the batches and the sample pages that may have points in
	// [fromMS, toMS) of series from lo to hi.
	Raw(fromMS, toMS int64, lo, hi uint32, batch, page func(data []byte) error) error
	Close()
}
