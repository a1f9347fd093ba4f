package relay

import (
	"time"
)

// Limits of a batch.
const (
	MaxBatchErrors = 100
	MaxDropReasons = 20
	maxDropped     = 1_000_000 // of one reason in one batch
	maxRejected    = 50        // of those listed in the answer
)

// Batch is a mixed request of a page: errors, metrics, and what it dropped.
type Batch struct {
	SDK         SDK
	SentAt      time.Time // by the page's clock; zero is not known
	SessionID   string
	PageView    string
	Page        string // the route
	Release     string
	Environment string
	UserID      string
	UserAgent   string
	Errors      []Event
	Metrics     []Metric
	Dropped     []Dropped
	Rejected    []RejectedItem // by whoever decoded the batch
	Digest      *Digest        // names the metrics, so that a repeated request counts once; may be nil
}

// Dropped is a number of items that a page dropped for a reason of its own.
type Dropped struct {
	Reason string
	N      int
}

// RejectedItem is an item of a batch that was not taken.
type RejectedItem struct {
	Item   string // "errors" or "metrics"
	Index  int
	Reason string
	Detail string
}

// Receipt says what was taken of a batch.
type Receipt struct {
	Errors, Metrics int
	Rejected        []RejectedItem // the first ones
	Duplicate       bool           // the metrics came before
}

// Bounds of the time that pages may name, seen from now.
const (
	maxEarly = 24 * time.Hour
	// minSkew is the difference of clocks from which on times are corrected:
	// less is the time that the request took.
	minSkew = 30 * time.Second
)

// moment is a page's time by our clock: corrected by skew and kept within
// bounds. A time that is too early becomes the earliest one, one in the future
// now.
func moment(t time.Time, skew time.Duration, now time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	t = t.Add(skew)
	switch {
	case t.Before(now.Add(-maxEarly)):
		return now.Add(-maxEarly)
	case t.After(now):
		return now
	}
	return t
}

// skew is what has to be added to the times of a page.
func (b *Batch) skew(now time.Time) time.Duration {
	if b.SentAt.IsZero() {
		return 0
	}
	if d := now.Sub(b.SentAt); d > minSkew || d < -minSkew {
		return d
	}
	return 0
}

// complete gives the events what the batch says of all of them.
func (b *Batch) complete(now time.Time) {
	skew := b.skew(now)
	for i := range b.Errors {
		e := &b.Errors[i]
		for _, f := range []struct {
			to   *string
			from string
		}{
			{&e.SessionID, b.SessionID}, {&e.PageView, b.PageView}, {&e.Page, b.Page}, {&e.Release, b.Release},
			{&e.Environment, b.Environment}, {&e.UserID, b.UserID}, {&e.UserAgent, b.UserAgent},
		} {
			if *f.to == "" {
				*f.to = f.from
			}
		}
		e.SDK = b.SDK
		e.At = moment(e.At, skew, now)
		for j := range e.Breadcrumbs {
			e.Breadcrumbs[j].At = moment(e.Breadcrumbs[j].At, skew, now)
		}
		e.clamp()
	}
	for i := range b.Metrics {
		b.Metrics[i].At = moment(b.Metrics[i].At, skew, now)
	}
}
