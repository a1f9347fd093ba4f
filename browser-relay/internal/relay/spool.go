package relay

import (
	"context"
	"sync"

	"time"

	"github.com/monlight/monlight/shared/errs"
)

// Queue is a line of entries that are delivered in their order.
type Queue struct {
	Target Target
	KeyID  int64 // for ToEnvelopes a number made of the key
}

// Counted is the key under which q is counted: those of envelopes are none of ours.
func (q Queue) Counted() int64 {
	if q.Target == ToEnvelopes {
		return 0
	}
	return q.KeyID
}

// Entry is something accepted that has to be delivered.
type Entry struct {
	ID     int64
	Queue  Queue
	At     time.Time // of acceptance
	Items  int       // events or points in it
	Parcel string    // Parcel.Key of the parcel it is part of; "" lets the store choose
	Body   []byte    // of the parcel, or a part of it: see Encoder
}

// Backlog is what waits in a queue.
type Backlog struct {
	Queue
	Entries, Bytes int64
	Oldest         time.Time
}

// Digest names a request, to know it when it comes again.
type Digest [16]byte

// SpoolStore keeps entries until they are delivered.
type SpoolStore interface {
	// Append stores entries, all or none; they survive a power cut when it
	// returns nil. Metrics without a Parcel are put into parcels of at most
	// MaxMetrics items. With a digest that was stored before nothing happens, and
	// known is true.
	Append(ctx context.Context, entries []Entry, d *Digest, at time.Time) (known bool, err error)
	// Next returns entries from the head of a queue. Those of metrics are all
	// that make up the first parcel, to which nothing is added any more; of
	// errors there are up to n.
	Next(ctx context.Context, q Queue, n int) ([]Entry, error)
	// Remove deletes entries that were delivered or given up.
	Remove(ctx context.Context, ids []int64) error
	// Expired returns entries that were accepted before a time, n at most.
	Expired(ctx context.Context, before time.Time, n int) ([]Entry, error)
	// Backlogs returns what waits in each queue.
	Backlogs(ctx context.Context) ([]Backlog, error)
	// ForgetDigests drops digests from before a time.
	ForgetDigests(ctx context.Context, before time.Time) error
}

// SpoolLimits bound the spool.
type SpoolLimits struct {
	Bytes int64 // of all entries; 0 switches the spool off
	Age   time.Duration
}

// entryOverhead is what an entry costs beside its body, in bytes.
const entryOverhead = 120

// Spool is accepted data on its way: on disk until the service behind has it.
// It is bounded in bytes and age, and no key can fill it alone while others
// need it. It is safe for concurrent use.
type Spool struct {
	store  SpoolStore
	limits SpoolLimits
	now    func() time.Time

	mu     sync.Mutex
	total  int64
	queues map[Queue]*Backlog // those that are not empty
	wake   [targets]chan struct{}
}

// NewSpool returns a spool with what is in store.
func NewSpool(ctx context.Context, store SpoolStore, limits SpoolLimits, now func() time.Time) (*Spool, error) {
	s := &Spool{store: store, limits: limits, now: now, queues: map[Queue]*Backlog{}}
	for i := range s.wake {
		s.wake[i] = make(chan struct{}, 1)
	}
	found, err := store.Backlogs(ctx)
	if err != nil {
		return nil, err
	}
	for _, b := range found {
		b.Bytes += b.Entries * entryOverhead
		s.queues[b.Queue] = &b
		s.total += b.Bytes
	}
	return s, nil
}

// ErrSpoolOff says that nothing can be kept.
var ErrSpoolOff = errs.RetryIn(errs.Unavailable, 30*time.Second, "Nothing can be kept for later: the spool is switched off")

// ErrSpoolFull says that too much is kept already.
var ErrSpoolFull = errs.RetryIn(errs.Unavailable, 30*time.Second, "Too much waits for the services behind, try again later")

// Append keeps entries. They survive a power cut when it returns nil; Unavailable
// when there is no room. With a digest that came before, known is true.
func (s *Spool) Append(ctx context.Context, entries []Entry, d *Digest) (known bool, err error) {
	if s.limits.Bytes == 0 {
		return false, ErrSpoolOff
	}
	if err := s.reserve(entries); err != nil {
		return false, err
	}
	known, err = s.store.Append(ctx, entries, d, s.now())
	if err != nil || known {
		s.release(entries)
		return known, err
	}
	for _, t := range Targets() {
		s.signal(t)
	}
	return false, nil
}

func size(e *Entry) int64 { return int64(len(e.Body)) + entryOverhead }

// reserve takes room for entries, or says that there is none.
func (s *Spool) reserve(entries []Entry) error {
	var need int64
	for i := range entries {
		need += size(&entries[i])
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.total+need > s.limits.Bytes || len(entries) > 0 && s.unfair(entries[0].Queue.Counted(), need) {
		return ErrSpoolFull
	}
	for i := range entries {
		e := &entries[i]
		b := s.queues[e.Queue]
		if b == nil {
			b = &Backlog{Queue: e.Queue, Oldest: e.At}
			s.queues[e.Queue] = b
		}
		b.Entries++
		b.Bytes += size(e)
		s.total += size(e)
	}
	return nil
}

// unfair tells whether a key would take what others may need: when three
// quarters are used, nobody gets more than an equal share. All envelopes have one
// share: their senders choose their keys.
func (s *Spool) unfair(key, need int64) bool {
	if s.total+need <= s.limits.Bytes/4*3 {
		return false
	}
	keys := map[int64]int64{key: need}
	for q, b := range s.queues {
		keys[q.Counted()] += b.Bytes
	}
	return len(keys) > 1 && keys[key] > s.limits.Bytes/int64(len(keys)) || len(keys) == 1 && keys[key] > s.limits.Bytes/8*7
}

func (s *Spool) release(entries []Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range entries {
		e := &entries[i]
		b := s.queues[e.Queue]
		if b == nil {
			continue
		}
		b.Entries--
		b.Bytes -= size(e)
		s.total -= size(e)
		if b.Entries <= 0 {
			s.total -= b.Bytes // 0, unless an estimate was wrong
			delete(s.queues, e.Queue)
		}
	}
}

// Next is SpoolStore.Next.
func (s *Spool) Next(ctx context.Context, q Queue, n int) ([]Entry, error) {
	return s.store.Next(ctx, q, n)
}

// Done forgets entries that were delivered or given up.
func (s *Spool) Done(ctx context.Context, entries []Entry) error {
	if len(entries) == 0 {
		return nil
	}
	ids := make([]int64, len(entries))
	for i := range entries {
		ids[i] = entries[i].ID
	}
	if err := s.store.Remove(ctx, ids); err != nil {
		return err
	}
	s.release(entries)
	return nil
}

// Expire gives up what is older than the limit on age, and returns it piece by
// piece to dropped.
func (s *Spool) Expire(ctx context.Context, dropped func(e *Entry)) error {
	before := s.now().Add(-s.limits.Age)
	for {
		const atOnce = 500
		old, err := s.store.Expired(ctx, before, atOnce)
		if err != nil {
			return err
		}
		if err := s.Done(ctx, old); err != nil {
			return err
		}
		for i := range old {
			dropped(&old[i])
		}
		if len(old) < atOnce {
			return s.store.ForgetDigests(ctx, s.now().Add(-digestLife))
		}
	}
}

// digestLife is how long a request is known again: longer than pages retry.
const digestLife = time.Hour

// Wake has an element when there may be something new for a target.
func (s *Spool) Wake(t Target) <-chan struct{} { return s.wake[t] }

func (s *Spool) signal(t Target) {
	select {
	case s.wake[t] <- struct{}{}:
	default:
	}
}

// Waiting returns the queues of a target that are not empty.
func (s *Spool) Waiting(t Target) []Queue {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Queue
	for q := range s.queues {
		if q.Target == t {
			list = append(list, q)
		}
	}
	return list
}

// IsEmpty tells whether nothing waits in a queue.
func (s *Spool) IsEmpty(q Queue) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queues[q] == nil
}

// SpoolStats say how full the spool is.
type SpoolStats struct {
	Entries, Bytes, MaxBytes int64
	ByTarget                 [targets]struct{ Entries, Bytes int64 }
}

// Stats returns how full the spool is.
func (s *Spool) Stats() SpoolStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := SpoolStats{Bytes: s.total, MaxBytes: s.limits.Bytes}
	for q, b := range s.queues {
		st.Entries += b.Entries
		st.ByTarget[q.Target].Entries += b.Entries
		st.ByTarget[q.Target].Bytes += b.Bytes
	}
	return st
}
