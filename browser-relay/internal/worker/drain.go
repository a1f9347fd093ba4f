// Package worker is what the browser relay does in the background: it delivers
// what is in the spool, and keeps the house.
package worker

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/monlight/monlight/browser-relay/internal/relay"
)

const (
	// parallel bounds the queues of one target that are worked at once.
	parallel = 8
	// perTurn is how many entries a queue delivers before others have their turn.
	perTurn = 256
	// envelopesPerTurn is the same of envelopes, which are larger.
	envelopesPerTurn = 8
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
	others   bool // others were taken while this one was not
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
	maps.DeleteFunc(d.stuck, func(q relay.Queue, _ *trouble) bool { return d.spool.IsEmpty(q) })
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
		d.blame(q, 0, false)
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
	switch {
	case d.settled(q, entries, r):
		d.clear(q)
	case r.Outcome == relay.Refused:
		items := 0
		for i := range entries {
			items += entries[i].Items
		}
		d.lose(ctx, q, items, r.Detail)
	default:
		return nil
	}
	return d.spool.Done(context.WithoutCancel(ctx), entries)
}

// deliverEntries sends events, several at a time.
func (d *Drain) deliverEntries(ctx context.Context, q relay.Queue) error {
	most := perTurn
	if q.Target == relay.ToEnvelopes {
		most = envelopesPerTurn
	}
	entries, err := d.spool.Next(ctx, q, most)
	if err != nil {
		return err
	}
	var done []relay.Entry
	for began := time.Now(); len(entries) > 0 && ctx.Err() == nil && time.Since(began) < turnTime; {
		n := fitting(entries)
		settled := d.deliverSome(ctx, q, entries[:n])
		done = append(done, settled...)
		if len(settled) < n {
			break
		}
		entries = entries[n:]
	}
	// What was delivered is forgotten even when the service is stopping. If that
	// fails it is sent again, and its ID shows that it came before.
	return d.spool.Done(context.WithoutCancel(ctx), done)
}

// fitting is how many entries from the first on may be sent at once.
func fitting(entries []relay.Entry) int {
	bytes := 0
	for i := range entries {
		bytes += len(entries[i].Body) + 1
		if i > 0 && (i == relay.MaxEventsAtOnce || bytes > relay.MaxEventBytesAtOnce) {
			return i
		}
	}
	return len(entries)
}

// deliverSome sends events at once and returns those that are done with.
func (d *Drain) deliverSome(ctx context.Context, q relay.Queue, entries []relay.Entry) (done []relay.Entry) {
	parcels := make([]relay.Parcel, len(entries))
	for i := range entries {
		parcels[i] = relay.Parcel{Target: d.target, Key: entries[i].Parcel, Body: entries[i].Body}
	}
	results := d.courier.SendEvents(ctx, parcels)
	delivered := false
	for _, r := range results {
		delivered = delivered || r.Outcome == relay.Delivered
	}
	failing := false
	for i, r := range results[:min(len(results), len(entries))] {
		// While others are taken, one that makes the other side fail is itself to
		// blame, and does not stay at the head of the queue for ever.
		if r.Outcome == relay.Failing && !failing {
			failing = true
			if d.blame(q, entries[i].ID, delivered) {
				d.lose(ctx, q, entries[i].Items, "internal errors, while others were taken: "+r.Detail)
				done = append(done, entries[i])
			}
			continue
		}
		if d.settled(q, entries[i:i+1], r) {
			done = append(done, entries[i])
		} else if r.Outcome == relay.Refused {
			d.lose(ctx, q, entries[i].Items, r.Detail)
			done = append(done, entries[i])
		}
	}
	if !failing && len(done) > 0 {
		d.clear(q)
	}
	return done
}

// settled counts entries that were delivered, and tells whether they were. A
// queue whose entry makes the other side fail waits.
func (d *Drain) settled(q relay.Queue, entries []relay.Entry, r relay.Result) bool {
	items, what := 0, relay.CountErrors
	for i := range entries {
		items += entries[i].Items
	}
	if q.Target == relay.ToMetrics {
		what = relay.CountMetrics
	}
	switch r.Outcome {
	case relay.Delivered:
		d.traffic.Add(relay.Count{Key: q.Counted(), What: relay.CountDelivered, Reason: what}, items)
		return true
	case relay.Failing:
		d.blame(q, entries[0].ID, false)
	case relay.Limited:
		d.rest(q, entries[0].ID, r.Pause())
	}
	return false
}

func (d *Drain) lose(ctx context.Context, q relay.Queue, items int, detail string) {
	d.log.WarnContext(ctx, "refused by the service behind", "target", q.Target.String(), "key_id", q.KeyID, "items", items, "err", detail)
	d.traffic.Add(relay.Count{Key: q.Counted(), What: relay.CountLost, Reason: relay.ReasonUpstream}, items)
}

// blame lets a queue wait because of an entry, longer each time. others tells
// whether others were taken at the same time. When that was so once, and the
// entry still fails, it is to be given up.
func (d *Drain) blame(q relay.Queue, entry int64, others bool) (giveUp bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.stuck[q]
	if t == nil || t.entry != entry {
		t = &trouble{entry: entry}
		d.stuck[q] = t
	}
	t.attempts++
	t.others = t.others || others
	t.retryAt = time.Now().Add(min(minPause<<min(t.attempts-1, 10), maxPause))
	return t.others && t.attempts >= suspectAfter
}

// rest lets a queue wait that nothing is wrong with.
func (d *Drain) rest(q relay.Queue, entry int64, pause time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stuck[q] = &trouble{entry: entry, retryAt: time.Now().Add(pause)}
}

func (d *Drain) clear(q relay.Queue) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.stuck, q)
}
