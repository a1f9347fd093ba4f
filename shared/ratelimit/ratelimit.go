// Package ratelimit limits how often a client may do something, by a sliding log
// of what it was allowed to do.
package ratelimit

import (
	"hash/maphash"
	"sync"
	"time"
)

const (
	// exactLimit is the largest limit that is kept to the millisecond. Larger
	// ones count in steps of 1/1,000 of the window, so that a client costs at
	// most 8 KB times the spare room of its ring.
	exactLimit = 1000

	defaultMaxKeys = 8192

	// sharedKeys are the logs that clients share when there are more than
	// MaxKeys of them.
	sharedKeys = 256

	none = -1
)

// Limiter admits a request when fewer than its limit were admitted for the same
// key in the window before now. Requests that it refuses do not count.
//
// Its memory is bounded. While no more than MaxKeys keys are active within a
// window each has a log of its own, and only keys whose log is empty make room
// for others, so a flood from many addresses cannot reset anybody. Keys beyond
// that share 256 logs by a secret hash: together they are admitted at most 256
// times the limit, and a newcomer during such a flood may be refused for the
// others' requests, while the keys that were there before it are not.
//
// All methods are safe for concurrent use.
type Limiter struct {
	limit  int
	window int64 // in grains
	grain  time.Duration
	now    func() time.Time
	start  time.Time
	seed   maphash.Seed

	mu      sync.Mutex
	maxKeys int
	index   map[uint64]int32 // hash of the key -> entry
	entries []entry
	head    int32 // the entry that was admitted last; none if there is no entry
	tail    int32 // the entry whose last admission is the oldest
	free    []int32
	shared  []admissions
}

// entry is the log of one key in a list that is ordered by the last admission.
type entry struct {
	admissions
	key        uint64
	prev, next int32
}

// Options are the settings of a Limiter that have defaults.
type Options struct {
	MaxKeys int              // keys with a log of their own; 0 is 8,192
	Now     func() time.Time // the clock; nil is time.Now
}

// New returns a Limiter that admits limit requests per window and key. Both must
// be positive.
func New(limit int, window time.Duration, o Options) *Limiter {
	if limit <= 0 || window <= 0 {
		panic("ratelimit: limit and window must be positive") //nolint:forbidigo // config checks what operators set
	}
	if o.MaxKeys == 0 {
		o.MaxKeys = defaultMaxKeys
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	grain, grains := time.Millisecond, int64(window/time.Millisecond)
	if limit > exactLimit && window > time.Second {
		// A step leaves when all of it is older than the window: one step more.
		grain, grains = window/1000, 1001
	}
	return &Limiter{
		limit: limit, window: grains, grain: grain,
		now: o.Now, start: o.Now(), seed: maphash.MakeSeed(),
		maxKeys: o.MaxKeys, index: map[uint64]int32{}, head: none, tail: none,
	}
}

// Allow reports whether one more request of key is admitted now, and counts it
// if so. Otherwise wait is the time until the oldest admitted request leaves the
// window.
func (l *Limiter) Allow(key string) (ok bool, wait time.Duration) {
	h := maphash.String(l.seed, key)
	l.mu.Lock()
	defer l.mu.Unlock()
	// Since keeps to the monotonic clock, so that setting the clock changes nothing.
	elapsed := l.now().Sub(l.start)
	now := int64(elapsed / l.grain)
	l.dropIdle(now - l.window)

	i, a := l.log(h)
	a.forget(now - l.window)
	if a.total >= l.limit {
		leaves := time.Duration(a.oldest().at()+l.window) * l.grain
		return false, leaves - elapsed
	}
	a.add(now)
	if i != none {
		l.toFront(i)
	}
	return true, 0
}

// Len returns the number of keys that have a log of their own.
func (l *Limiter) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.index)
}

// log returns the log of the key with hash h, and its entry or none if the log is
// shared.
func (l *Limiter) log(h uint64) (int32, *admissions) {
	if i, ok := l.index[h]; ok {
		return i, &l.entries[i].admissions
	}
	if len(l.index) >= l.maxKeys {
		if l.shared == nil {
			l.shared = make([]admissions, sharedKeys)
		}
		return none, &l.shared[h%sharedKeys]
	}
	i := l.take()
	e := &l.entries[i]
	e.key, e.prev, e.next = h, none, none
	l.index[h] = i
	return i, &e.admissions
}

// take returns an unused entry.
func (l *Limiter) take() int32 {
	if n := len(l.free); n > 0 {
		i := l.free[n-1]
		l.free = l.free[:n-1]
		return i
	}
	l.entries = append(l.entries, entry{})
	return int32(len(l.entries) - 1) //nolint:gosec // at most MaxKeys
}

// dropIdle frees the entries at the tail that have nothing later than limit.
func (l *Limiter) dropIdle(limit int64) {
	for l.tail != none && l.entries[l.tail].newest().at() <= limit {
		i := l.tail
		l.unlink(i)
		delete(l.index, l.entries[i].key)
		l.entries[i].admissions = admissions{}
		l.free = append(l.free, i)
	}
	if len(l.index) == 0 && len(l.entries) > 0 { // give the memory of a flood back
		l.entries, l.free, l.shared = nil, nil, nil
		l.index = map[uint64]int32{}
	}
}

func (l *Limiter) toFront(i int32) {
	if l.head == i {
		return
	}
	l.unlink(i)
	e := &l.entries[i]
	e.next = l.head
	if l.head != none {
		l.entries[l.head].prev = i
	}
	l.head = i
	if l.tail == none {
		l.tail = i
	}
}

// unlink takes an entry out of the list; one that is not in it is left alone.
func (l *Limiter) unlink(i int32) {
	e := &l.entries[i]
	if e.prev != none {
		l.entries[e.prev].next = e.next
	} else if l.head == i {
		l.head = e.next
	}
	if e.next != none {
		l.entries[e.next].prev = e.prev
	} else if l.tail == i {
		l.tail = e.prev
	}
	e.prev, e.next = none, none
}
