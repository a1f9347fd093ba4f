package logs

import (
	"context"
	"time"
)

// Store keeps entries. A write that returned nil survives a crash and a power
// cut; one that returned an error may or may not have happened. Methods return
// NotFound for an entry that is not there, RateLimited while entries come faster than
// they can be stored, Unavailable while the disk is full or the store is stopping, and Invalid for a query that cannot be answered.
type Store interface {
	// Append writes b as a whole and returns the ID of its first entry; the
	// others follow without gaps. 0 means that the batch had no entries or
	// that its key was written before.
	Append(ctx context.Context, b Batch) (first int64, err error)
	// Cursors returns all cursors whose key starts with prefix.
	Cursors(ctx context.Context, prefix string) ([]Cursor, error)

	// Search returns the entries that q asks for, newest first: by time, then
	// by ID, both descending. When the deadline in q passes, it returns what
	// it has found so far, marked as partial.
	Search(ctx context.Context, q Query) (Page, error)
	// Entry returns one entry.
	Entry(ctx context.Context, id int64) (Entry, error)
	// Around returns up to before entries older and up to after entries newer
	// than the entry, and that entry, oldest first. Only the filter's sources
	// and streams count; with none, those of the entry's own source.
	Around(ctx context.Context, id int64, f Filter, before, after int) ([]Entry, error)
	// Since returns entries with an ID greater than after that pass f, in the
	// order of their IDs, at most limit. last is the ID up to which it looked.
	Since(ctx context.Context, after int64, f Filter, limit int) (entries []Entry, last int64, err error)
	// Histogram counts the entries that pass f by level in buckets.
	Histogram(ctx context.Context, f Filter, b Buckets) (Histogram, error)
	// Facets counts the entries that pass f by source, level, stream and
	// label. A facet is counted without its own part of the filter, so that
	// the other choices stay visible.
	Facets(ctx context.Context, f Filter) (Facets, error)
	// Sources lists what has entries, by name.
	Sources(ctx context.Context) ([]SourceStats, error)
	// Stats sums up the store.
	Stats(ctx context.Context) (Stats, error)
}

// Filter says which entries count. Its zero value passes all.
type Filter struct {
	Sources  []string // any of these names
	Services []string // any of these Compose services
	Levels   LevelSet
	Streams  []Stream  // any of these; none is all
	Since    time.Time // entries at or after; zero is open
	Until    time.Time // entries at or before; zero is open
	Search   *Expr     // of ParseSearch; nil passes all
}

// Query asks for a page of entries.
type Query struct {
	Filter
	Limit  int       // 1 to MaxLimit
	Offset int       // entries to skip, 0 to MaxOffset; use After for long ways
	After  *Position // only entries that come after this one in the order, that is older ones
	// CountAll asks for the exact total even where that means looking at
	// every candidate; without it, Total may be a lower bound.
	CountAll bool
	// Deadline is the time a search may take; 0 is DefaultDeadline.
	Deadline time.Duration
}

// Position is the place of an entry in the order of a search.
type Position struct {
	Time int64 // Unix nanoseconds
	ID   int64
}

// Page is the answer to a Query.
type Page struct {
	Entries []Entry
	Total   int64
	Exact   bool      // Total is the number of matches; otherwise there are at least as many
	Partial bool      // the deadline or the memory bound came first: matches may be missing
	Next    *Position // for the page that follows; nil on the last one
}

// Buckets are n spans of time of equal length from Start on.
type Buckets struct {
	Start time.Time
	Step  time.Duration
	N     int // 1 to MaxBuckets
}

// Histogram is the number of entries by bucket and level.
type Histogram struct {
	Buckets
	Counts  [][levels]int64 // a row each bucket
	Partial bool
}

// Facets are counts by value.
type Facets struct {
	Sources  []Count // most entries first
	Services []Count
	Levels   [levels]int64
	Streams  [2]int64
	Partial  bool
}

// Count is how many entries have a value.
type Count struct {
	Value string
	N     int64
}

// SourceStats sums up one source.
type SourceStats struct {
	Source
	Entries int64
	Errors  int64 // of level Error and above
	Bytes   int64 // of messages
	First   int64 // Unix nanoseconds
	Last    int64
	Rate    float64 // entries per minute over the last minutes
}

// Stats sums up a store.
type Stats struct {
	Entries     int64
	First, Last int64 // Unix nanoseconds of the oldest and newest entry by time, 0 if there are none
	LastID      int64
	Levels      [levels]int64
	DiskBytes   int64 // of the files, without pages that are free
}

// Limits of queries.
const (
	MaxLimit        = 5000
	MaxOffset       = 100_000
	MaxBuckets      = 2000
	MaxAround       = 1000
	DefaultDeadline = 5 * time.Second
)
