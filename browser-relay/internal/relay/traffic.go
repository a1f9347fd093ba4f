package relay

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Outcomes of requests and items, as they are counted. A request is accepted
// or refused; each event and each point then has its own fate.
const (
	CountRequests  = "requests"  // accepted requests
	CountRefused   = "refused"   // requests that were not: the reason says why
	CountErrors    = "errors"    // accepted events
	CountMetrics   = "metrics"   // accepted points
	CountRejected  = "rejected"  // events and points of accepted requests that were not taken
	CountPage      = "page"      // what the pages themselves dropped, by their own reasons
	CountDelivered = "delivered" // events and points that the services behind have
	CountLost      = "lost"      // accepted events and points that were given up
)

// Reasons.
const (
	ReasonBadKey      = "bad_key"
	ReasonOrigin      = "origin"
	ReasonDSN         = "dsn" // of another error tracker
	ReasonBot         = "bot"
	ReasonOptedOut    = "opted_out"
	ReasonClientRate  = "rate_client"
	ReasonKeyRate     = "rate_key"
	ReasonTooLarge    = "too_large"
	ReasonInvalid     = "invalid"
	ReasonSpoolFull   = "spool_full"
	ReasonUpstream    = "upstream" // refused by the service behind
	ReasonUnavailable = "unavailable"
	ReasonSeries      = "series" // too many names or labels
	ReasonTooMany     = "too_many"
	ReasonExpired     = "expired" // waited longer than SPOOL_MAX_AGE
	ReasonDuplicate   = "duplicate"
	ReasonOther       = "other"
)

// Count is a number of things of one kind.
type Count struct {
	Key    int64  // 0 is none: the key was wrong, or is one of the error tracker's
	SDK    string // "" is unknown
	What   string // one of the constants Count…
	Reason string // "" if there is none
}

// maxCounts bounds the kinds that are counted between two flushes. Those over it
// lose their SDK.
const maxCounts = 2000

// TrafficStore keeps counts by the hour.
type TrafficStore interface {
	AddTraffic(ctx context.Context, hour time.Time, counts map[Count]int64) error
	// Traffic returns the counts of the hours from a time on.
	Traffic(ctx context.Context, from time.Time) ([]HourCount, error)
	SaveRejections(ctx context.Context, list []Rejection) error
	Rejections(ctx context.Context) ([]Rejection, error)
	ForgetTraffic(ctx context.Context, before time.Time) error
}

// HourCount is a Count with its number in the hour that begins at Hour.
type HourCount struct {
	Count
	Hour time.Time
	N    int64
}

// Traffic counts what came in and what became of it.
type Traffic struct {
	store TrafficStore
	now   func() time.Time

	storing sync.Mutex // held while counts are neither in pending nor yet in store

	mu       sync.Mutex
	pending  map[time.Time]map[Count]int64 // by hour, not stored yet
	total    map[[2]string]int64           // by what and reason, since the start
	rejected []Rejection                   // oldest first
	dirty    bool                          // rejected has something that is not stored
}

// NewTraffic returns the counter with the rejections that are in store.
func NewTraffic(ctx context.Context, store TrafficStore, now func() time.Time) (*Traffic, error) {
	list, err := store.Rejections(ctx)
	if err != nil {
		return nil, err
	}
	return &Traffic{store: store, now: now, pending: map[time.Time]map[Count]int64{}, total: map[[2]string]int64{}, rejected: list}, nil
}

// Add counts n things.
func (t *Traffic) Add(c Count, n int) {
	if n <= 0 {
		return
	}
	hour := t.now().Truncate(time.Hour)
	t.mu.Lock()
	defer t.mu.Unlock()
	m := t.pending[hour]
	if m == nil {
		m = map[Count]int64{}
		t.pending[hour] = m
	}
	if _, known := m[c]; !known && len(m) >= maxCounts {
		c.SDK = ""
		if c.What == CountPage {
			c.Reason = ReasonOther
		}
	}
	m[c] += int64(n)
	t.total[[2]string{c.What, c.Reason}] += int64(n)
}

// Totals are the numbers since the start, by what and reason.
func (t *Traffic) Totals() map[[2]string]int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make(map[[2]string]int64, len(t.total))
	for k, n := range t.total {
		out[k] = n
	}
	return out
}

// Flush stores what was counted.
func (t *Traffic) Flush(ctx context.Context) error {
	t.storing.Lock()
	defer t.storing.Unlock()
	t.mu.Lock()
	pending := t.pending
	t.pending = map[time.Time]map[Count]int64{}
	var rejected []Rejection
	if t.dirty {
		rejected = append(rejected, t.rejected...)
		t.dirty = false
	}
	t.mu.Unlock()
	for hour, counts := range pending {
		if err := t.store.AddTraffic(ctx, hour, counts); err != nil {
			t.restore(pending)
			return err
		}
		delete(pending, hour)
	}
	if rejected == nil {
		return nil
	}
	if err := t.store.SaveRejections(ctx, rejected); err != nil {
		t.mu.Lock()
		t.dirty = true
		t.mu.Unlock()
		return err
	}
	return nil
}

// restore takes back what could not be stored.
func (t *Traffic) restore(pending map[time.Time]map[Count]int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for hour, counts := range pending {
		if t.pending[hour] == nil {
			t.pending[hour] = map[Count]int64{}
		}
		for c, n := range counts {
			t.pending[hour][c] += n
		}
	}
}

// Since returns the counts of the hours from a time on, with those that are not
// stored yet. It writes nothing, so that it can be read when the disk is full.
func (t *Traffic) Since(ctx context.Context, from time.Time) ([]HourCount, error) {
	from = from.Truncate(time.Hour)
	t.storing.Lock()
	defer t.storing.Unlock()
	counts, err := t.store.Traffic(ctx, from)
	if err != nil {
		return nil, err
	}
	type key struct {
		Count
		hour int64
	}
	at := make(map[key]int, len(counts))
	for i, c := range counts {
		at[key{c.Count, c.Hour.Unix()}] = i
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for hour, pending := range t.pending {
		if hour.Before(from) {
			continue
		}
		for c, n := range pending {
			if i, stored := at[key{c, hour.Unix()}]; stored {
				counts[i].N += n
			} else {
				counts = append(counts, HourCount{Count: c, Hour: hour.UTC(), N: n})
			}
		}
	}
	slices.SortStableFunc(counts, func(a, b HourCount) int { return a.Hour.Compare(b.Hour) })
	return counts, nil
}

// Forget drops the counts from before a time.
func (t *Traffic) Forget(ctx context.Context, before time.Time) error {
	return t.store.ForgetTraffic(ctx, before)
}
