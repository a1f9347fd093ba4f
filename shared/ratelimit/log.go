package ratelimit

// tick is a run of admissions: the time of the run in the upper 44 bits, in
// grains since the limiter's start, and how many there were in the lower 20.
// 44 bits of milliseconds are 557 years.
type tick uint64

const (
	countBits = 20
	maxCount  = 1<<countBits - 1
)

func newTick(at int64) tick { return tick(at)<<countBits | 1 } //nolint:gosec // at is never negative
func (t tick) at() int64    { return int64(t >> countBits) }   //nolint:gosec // 44 bits
func (t tick) count() int   { return int(t & maxCount) }

// admissions is the sliding log of one client: a ring of ticks, oldest first,
// that grows as it is used.
type admissions struct {
	ring  []tick
	first int // index of the oldest
	len   int // ticks in use
	total int // admissions in them
}

func (a *admissions) oldest() tick { return a.ring[a.first] }

func (a *admissions) newest() *tick {
	return &a.ring[(a.first+a.len-1)%len(a.ring)]
}

// forget drops the admissions that were not later than limit.
func (a *admissions) forget(limit int64) {
	for a.len > 0 && a.oldest().at() <= limit {
		a.total -= a.oldest().count()
		a.first = (a.first + 1) % len(a.ring)
		a.len--
	}
}

// add counts an admission now, which is not before the newest one.
func (a *admissions) add(now int64) {
	a.total++
	if a.len > 0 {
		if t := a.newest(); t.at() >= now && t.count() < maxCount {
			*t++
			return
		}
	}
	if a.len == len(a.ring) {
		a.grow()
	}
	a.len++
	*a.newest() = newTick(now)
}

func (a *admissions) grow() {
	ring := make([]tick, max(2, 2*len(a.ring)))
	n := copy(ring, a.ring[a.first:])
	copy(ring[n:], a.ring[:a.first])
	a.ring, a.first = ring, 0
}
