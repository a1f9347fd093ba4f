// Package worker is what the browser relay does in the background: it delivers
// what is in the spool, and keeps the house.
package worker

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/monlight/monlight/browser-relay/internal/relay"
)

const (
	// parallel bounds the queues of one target that are worked at once.
	parallel = 8
	// perTurn is how many entries a queue delivers before others have their turn.
	perTurn = 64
	// turnTime is how long a turn may take.
	turnTime = 2 * time.Second
	// suspectAfter is after how many internal errors of the other side in a row
	// an entry is suspected to be the cause.
	suspectAfter = 3
	minPause     = 500 * time.Millisecond
	maxPause     = 30 * time.Second
	idleLook     = 5 * time.Second // between two looks for work that nobody told of
)

// Drain delivers the queues of one target: each in its order and one at a time,
// several queues side by side, so that one that is stuck holds up no other.
type Drain struct {
	target  relay.Target
	spool   *relay.Spool
	courier *relay.Courier
	encoder relay.Encoder
	traffic *relay.Traffic
	log     *slog.Logger

	mu     sync.Mutex
	busy   map[relay.Queue]bool
	stuck  map[relay.Queue]*trouble
	parcel map[relay.Queue]int // index of fairness: turns taken
	done   chan struct{}       // has an element when a turn has ended
}

// trouble is a queue whose first entry makes the other side fail.
type trouble struct {
	entry    int64
	attempts int
	retryAt  time.Time
}

// NewDrain returns a Drain that begins with Run.
func NewDrain(t relay.Target, s *relay.Spool, c *relay.Courier, e relay.Encoder, traffic *relay.Traffic, log *slog.Logger) *Drain {
	return &Drain{
		target: t, spool: s, courier: c, encoder: e, traffic: traffic, log: log,
		busy: map[relay.Queue]bool{}, stuck: map[relay.Queue]*trouble{}, parcel: map[relay.Queue]int{}, done: make(chan struct{}, 1),
	}
}

// Run delivers until ctx ends, and then waits for what is on its way.
func (d *Drain) Run(ctx context.Context) error {
	var turns sync.WaitGroup
	defer turns.Wait()
	for ctx.Err() == nil {
		wait := d.begin(ctx, &turns)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-d.spool.Wake(d.target):
		case <-d.done:
		case <-timer.C:
		}
		timer.Stop()
	}
	return nil
}

// begin starts turns of the queues that wait, those with fewest turns first, and
// returns when to look again at the latest.
func (d *Drain) begin(ctx context.Context, turns *sync.WaitGroup) time.Duration {
	wait := idleLook
	room := parallel
	if !d.courier.Healthy(d.target) {
		ready, until := d.courier.Ready(d.target)
		if !ready {
			return until
		}
		room = 1 // one parcel finds out whether the target is back
	}
	waiting := d.spool.Waiting(d.target)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forget(waiting)
	for len(d.busy) < room {
		q, ok := d.pick(waiting, &wait)
		if !ok {
			break
		}
		d.busy[q] = true
		d.parcel[q]++
		turns.Go(func() { d.turn(ctx, q) })
	}
	return wait
}

// forget drops what is known of queues that are empty.
func (d *Drain) forget(waiting []relay.Queue) {
	if len(d.parcel) <= 2*len(waiting)+parallel {
		return
	}
	d.parcel = map[relay.Queue]int{}
}

// pick chooses the queue whose turn it is.
func (d *Drain) pick(waiting []relay.Queue, wait *time.Duration) (best relay.Queue, ok bool) {
	for _, q := range waiting {
		if d.busy[q] {
			continue
		}
		if t := d.stuck[q]; t != nil {
			if left := time.Until(t.retryAt); left > 0 {
				*wait = min(*wait, left)
				continue
			}
		}
		if !ok || d.parcel[q] < d.parcel[best] {
			best, ok = q, true
		}
	}
	return best, ok
}

// turn delivers from the head of a queue.
func (d *Drain) turn(ctx context.Context, q relay.Queue) {
	defer func() {
		d.mu.Lock()
		delete(d.busy, q)
		d.mu.Unlock()
		select {
		case d.done <- struct{}{}:
		default:
		}
	}()
	var err error
	if q.Target == relay.ToMetrics {
		err = d.deliverParcel(ctx, q)
	} else {
		err = d.deliverEntries(ctx, q)
	}
	if err != nil && ctx.Err() == nil {
		d.log.ErrorContext(ctx, "job failed", "job", "drain", "target", d.target.String(), "err", err)
		d.pause(q, 0, time.Second)
	}
}

// deliverParcel sends the first parcel of metrics.
func (d *Drain) deliverParcel(ctx context.Context, q relay.Queue) error {
	entries, err := d.spool.Next(ctx, q, 0)
	if err != nil || len(entries) == 0 {
		return err
	}
	parts := make([][]byte, len(entries))
	for i := range entries {
		parts[i] = entries[i].Body
	}
	r := d.courier.Send(ctx, relay.Parcel{Target: d.target, Key: entries[0].Parcel, Body: d.encoder.Batch(parts)})
	if !d.settled(ctx, q, entries, r) {
		return nil
	}
	return d.spool.Done(context.WithoutCancel(ctx), entries)
}

// deliverEntries sends events, one after the other.
func (d *Drain) deliverEntries(ctx context.Context, q relay.Queue) error {
	entries, err := d.spool.Next(ctx, q, perTurn)
	if err != nil {
		return err
	}
	began := time.Now()
	n := 0
	for n < len(entries) && ctx.Err() == nil && time.Since(began) < turnTime {
		e := &entries[n]
		r := d.courier.Send(ctx, relay.Parcel{Target: d.target, Key: e.Parcel, Body: e.Body})
		if !d.settled(ctx, q, entries[n:n+1], r) {
			if r.Outcome == relay.Failing && n == 0 {
				n, err = d.suspect(ctx, q, entries)
			}
			break
		}
		n++
	}
	// What was delivered is forgotten even when the service is stopping. If that
	// fails it is sent again, and its ID shows that it came before.
	if doneErr := d.spool.Done(context.WithoutCancel(ctx), entries[:n]); doneErr != nil {
		return doneErr
	}
	return err
}

// settled counts what became of entries and tells whether they are done with.
func (d *Drain) settled(ctx context.Context, q relay.Queue, entries []relay.Entry, r relay.Result) bool {
	items, what := 0, relay.CountErrors
	for i := range entries {
		items += entries[i].Items
	}
	if q.Target == relay.ToMetrics {
		what = relay.CountMetrics
	}
	switch r.Outcome {
	case relay.Delivered:
		d.clear(q)
		d.traffic.Add(relay.Count{Key: q.KeyID, What: relay.CountDelivered, Reason: what}, items)
		return true
	case relay.Refused:
		d.clear(q)
		d.lose(ctx, q, items, r.Detail)
		return true
	case relay.Failing:
		d.pause(q, entries[0].ID, 0)
	}
	return false
}

func (d *Drain) lose(ctx context.Context, q relay.Queue, items int, detail string) {
	d.log.WarnContext(ctx, "refused by the service behind", "target", q.Target.String(), "key_id", q.KeyID, "items", items, "err", detail)
	d.traffic.Add(relay.Count{Key: q.KeyID, What: relay.CountLost, Reason: relay.ReasonUpstream}, items)
}

// pause lets a queue wait: after the failure of an entry longer each time.
func (d *Drain) pause(q relay.Queue, entry int64, pause time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.stuck[q]
	if t == nil || t.entry != entry {
		t = &trouble{entry: entry}
		d.stuck[q] = t
	}
	t.attempts++
	if pause == 0 {
		pause = min(minPause<<min(t.attempts-1, 10), maxPause)
	}
	t.retryAt = time.Now().Add(pause)
}

func (d *Drain) clear(q relay.Queue) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.stuck, q)
}

// suspect finds out whether the first entry is the cause of the other side's
// errors: if the one behind it is taken, it is, and is given up.
func (d *Drain) suspect(ctx context.Context, q relay.Queue, entries []relay.Entry) (done int, err error) {
	d.mu.Lock()
	t := d.stuck[q]
	suspected := t != nil && t.attempts >= suspectAfter
	d.mu.Unlock()
	if !suspected || len(entries) < 2 {
		return 0, nil
	}
	e := &entries[1]
	if r := d.courier.Send(ctx, relay.Parcel{Target: d.target, Key: e.Parcel, Body: e.Body}); r.Outcome != relay.Delivered {
		return 0, nil
	}
	d.clear(q)
	d.traffic.Add(relay.Count{Key: q.KeyID, What: relay.CountDelivered, Reason: relay.CountErrors}, e.Items)
	d.lose(ctx, q, entries[0].Items, "internal errors, while the next event was taken")
	return 2, nil
}
