package relay

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// Pauses after failures of a target.
const (
	minPause = 250 * time.Millisecond
	maxPause = 30 * time.Second
	maxWait  = 5 * time.Minute // the longest Retry-After that is believed
)

// Courier sends parcels and knows how each target fares, so that nobody waits
// for one that is down. It is safe for concurrent use.
type Courier struct {
	upstream Upstream
	now      func() time.Time

	mu    sync.Mutex
	state [targets]TargetState
}

// TargetState is how a target fares.
type TargetState struct {
	Failures  int // in a row
	Since     time.Time
	RetryAt   time.Time // not before then, while Failures > 0
	Detail    string    // of the last failure
	Outcome   Outcome   // of the last failure
	Delivered int64     // parcels since the start
	Failed    int64
	Last      time.Time // of the last delivery; zero is never
}

// NewCourier returns a Courier that sends by u.
func NewCourier(u Upstream, now func() time.Time) *Courier { return &Courier{upstream: u, now: now} }

// Send sends p and learns from the answer.
func (c *Courier) Send(ctx context.Context, p Parcel) Result {
	r := c.upstream.Send(ctx, p)
	c.learn(ctx, p.Target, r)
	return r
}

// SendEvents is Upstream.SendEvents, and learns from the answers.
func (c *Courier) SendEvents(ctx context.Context, parcels []Parcel) []Result {
	results := c.upstream.SendEvents(ctx, parcels)
	for _, r := range results {
		c.learn(ctx, parcels[0].Target, r)
	}
	return results
}

func (c *Courier) learn(ctx context.Context, t Target, r Result) {
	if r.Outcome != Delivered && ctx.Err() != nil && errors.Is(context.Cause(ctx), context.Canceled) {
		return // we ended it ourselves; it says nothing about the target
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &c.state[t]
	switch r.Outcome {
	case Delivered:
		s.Failures, s.Detail, s.Last = 0, "", c.now()
		s.Delivered++
	case Refused, Limited:
		s.Failures, s.Detail = 0, "" // it works, only not with this parcel
		s.Failed++
	case Failing:
		s.Failed++
	case Misconfigured, Busy, Down:
		s.Failed++
		if s.Failures == 0 {
			s.Since = c.now()
		}
		s.Failures++
		s.Outcome, s.Detail = r.Outcome, r.Detail
		s.RetryAt = c.now().Add(pauseAfter(s.Failures, r.RetryAfter))
	}
}

// pauseAfter is how long to wait after a number of failures in a row.
func pauseAfter(failures int, wanted time.Duration) time.Duration {
	pause := min(minPause<<min(failures-1, 10), maxPause)
	pause = pause/2 + rand.N(pause/2+1)
	return max(pause, min(wanted, maxWait))
}

// Ready tells whether it makes sense to send now, and else how long to wait.
func (c *Courier) Ready(t Target) (ok bool, wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &c.state[t]
	if s.Failures == 0 {
		return true, 0
	}
	wait = s.RetryAt.Sub(c.now())
	return wait <= 0, max(wait, 0)
}

// Healthy tells whether the last parcels arrived.
func (c *Courier) Healthy(t Target) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state[t].Failures == 0
}

// State is how a target fares.
func (c *Courier) State(t Target) TargetState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state[t]
}
