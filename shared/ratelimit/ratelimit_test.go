package ratelimit_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/monlight/monlight/shared/ratelimit"
)

func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

func TestWindowSlides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := ratelimit.New(2, time.Minute, ratelimit.Options{})
		start := time.Now()
		steps := []struct {
			at   time.Duration
			ok   bool
			wait int // seconds, rounded up
		}{
			{0, true, 0},
			{5 * time.Second, true, 0},
			{10 * time.Second, false, 50},
			{59999 * time.Millisecond, false, 1}, // refused ones were not recorded
			{60 * time.Second, true, 0},          // the entry of 0 s is not strictly newer than now-60 s
			{60 * time.Second, false, 5},
			{65 * time.Second, true, 0},
			{66 * time.Second, false, 54},
		}
		for _, s := range steps {
			time.Sleep(time.Until(start.Add(s.at)))
			ok, wait := l.Allow("client")
			if ok != s.ok || seconds(wait) != s.wait {
				t.Errorf("Allow at %v = %v, %v; want %v, %d s", s.at, ok, wait, s.ok, s.wait)
			}
		}
		if ok, _ := l.Allow("other"); !ok {
			t.Error("another client was refused")
		}
	})
}

// The limiter agrees with a plain list of times, to the millisecond.
func TestSmallLimitsAreExact(t *testing.T) {
	for _, limit := range []int{1, 2, 7, 60, 300} {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(1, uint64(limit)))
			l := ratelimit.New(limit, time.Minute, ratelimit.Options{})
			var admitted []time.Time
			for i := range 5000 {
				time.Sleep(time.Duration(rnd.IntN(60_000/limit)) * time.Millisecond)
				now := time.Now()
				admitted = slices.DeleteFunc(admitted, func(at time.Time) bool { return now.Sub(at) >= time.Minute })
				want := len(admitted) < limit
				var wantWait time.Duration
				if want {
					admitted = append(admitted, now)
				} else {
					wantWait = admitted[0].Add(time.Minute).Sub(now)
				}
				ok, wait := l.Allow("client")
				if ok != want || wait != wantWait {
					t.Fatalf("limit %d, request %d: Allow = %v, %v; want %v, %v", limit, i, ok, wait, want, wantWait)
				}
			}
		})
	}
}

// Large limits never admit too many in any window, and lose at most 0.2 %.
func TestLargeLimitsAreNeverExceeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 6000
		l := ratelimit.New(limit, time.Minute, ratelimit.Options{})
		var admitted []time.Time
		for range 100_000 {
			time.Sleep(3 * time.Millisecond)
			if ok, _ := l.Allow("client"); ok {
				admitted = append(admitted, time.Now())
			}
		}
		for i := limit; i < len(admitted); i++ {
			if d := admitted[i].Sub(admitted[i-limit]); d < time.Minute {
				t.Fatalf("%d requests were admitted within %v", limit+1, d)
			}
		}
		if want := limit * 5 * 998 / 1000; len(admitted) < want { // 300 s
			t.Errorf("%d requests were admitted in 5 minutes, want at least %d", len(admitted), want)
		}
	})
}

func TestFloodDoesNotResetAnybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := ratelimit.New(3, time.Minute, ratelimit.Options{MaxKeys: 100})
		for range 3 {
			l.Allow("attacker")
		}
		l.Allow("victim")
		for i := range 100_000 {
			l.Allow(fmt.Sprint("flood", i))
		}
		if ok, _ := l.Allow("attacker"); ok {
			t.Error("a flood from other addresses reset a client that had used its limit up")
		}
		for range 2 {
			if ok, _ := l.Allow("victim"); !ok {
				t.Error("a flood from other addresses used up the limit of a client that was there before")
			}
		}
		if n := l.Len(); n > 100 {
			t.Errorf("Len() = %d, want at most 100", n)
		}
		time.Sleep(time.Minute)
		if ok, _ := l.Allow("newcomer"); !ok {
			t.Error("a newcomer was refused after the flood was over")
		}
		if n := l.Len(); n != 1 {
			t.Errorf("Len() = %d after an idle minute, want 1", n)
		}
	})
}

func TestKeysBeyondTheMaximumAreBoundedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit, maxKeys, shared = 5, 10, 256
		l := ratelimit.New(limit, time.Minute, ratelimit.Options{MaxKeys: maxKeys})
		admitted := 0
		for i := range 50_000 {
			if ok, _ := l.Allow(fmt.Sprint(i % 10_000)); ok {
				admitted++
			}
		}
		if most := limit * (maxKeys + shared); admitted > most {
			t.Errorf("%d requests were admitted, want at most %d", admitted, most)
		}
	})
}

func TestListStaysConsistent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 4
		rnd := rand.New(rand.NewPCG(2, 3))
		l := ratelimit.New(limit, time.Minute, ratelimit.Options{MaxKeys: 1000})
		admitted := map[string][]time.Time{}
		for range 20_000 {
			time.Sleep(time.Duration(rnd.IntN(1000)) * time.Millisecond)
			key := fmt.Sprint(rnd.IntN(200))
			now := time.Now()
			recent := slices.DeleteFunc(admitted[key], func(at time.Time) bool { return now.Sub(at) >= time.Minute })
			want := len(recent) < limit
			if want {
				recent = append(recent, now)
			}
			admitted[key] = recent
			if ok, _ := l.Allow(key); ok != want {
				t.Fatalf("Allow(%s) = %v, want %v", key, ok, want)
			}
		}
	})
}

func TestConcurrentUseAdmitsExactlyTheLimit(t *testing.T) {
	l := ratelimit.New(100, time.Hour, ratelimit.Options{})
	var admitted sync.Map
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 100 {
				if ok, _ := l.Allow("client"); ok {
					admitted.Store([2]int{g, i}, true)
				}
			}
		})
	}
	wg.Wait()
	n := 0
	admitted.Range(func(any, any) bool { n++; return true })
	if n != 100 {
		t.Errorf("%d of 800 concurrent requests were admitted, want 100", n)
	}
}

func BenchmarkAllow(b *testing.B) {
	for _, limit := range []int{300, 6000, 30000} {
		b.Run(fmt.Sprint("limit=", limit), func(b *testing.B) {
			l := ratelimit.New(limit, time.Minute, ratelimit.Options{})
			b.ReportAllocs()
			for b.Loop() {
				l.Allow("client")
			}
		})
	}
}

// BenchmarkMillionClients shows what a million addresses cost: the memory that
// stays, per limiter.
func BenchmarkMillionClients(b *testing.B) {
	keys := make([]string, 1_000_000)
	for i := range keys {
		keys[i] = fmt.Sprint("2001:db8:", i)
	}
	b.ReportAllocs()
	for b.Loop() {
		before := heap()
		l := ratelimit.New(300, time.Minute, ratelimit.Options{})
		for _, k := range keys {
			l.Allow(k)
		}
		b.ReportMetric(float64(heap()-before)/1e6, "MB")
		b.ReportMetric(float64(l.Len()), "own_logs")
		runtime.KeepAlive(l)
	}
}

// BenchmarkFullLogs is the worst case: every client has used its limit up at
// different milliseconds.
func BenchmarkFullLogs(b *testing.B) {
	for _, limit := range []int{300, 6000} {
		b.Run(fmt.Sprint("limit=", limit), func(b *testing.B) {
			for b.Loop() {
				const clients = 1000
				now := time.Now()
				before := heap()
				l := ratelimit.New(limit, time.Minute, ratelimit.Options{Now: func() time.Time { return now }})
				for range limit {
					now = now.Add(time.Minute / time.Duration(limit))
					for c := range clients {
						l.Allow(fmt.Sprint(c))
					}
				}
				b.ReportMetric(float64(heap()-before)/clients/1024, "KB/client")
				runtime.KeepAlive(l)
			}
		})
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
