package worker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
)

// shelf is a store of issues that were resolved at some time, for retention.
type shelf struct {
	mu       sync.Mutex
	resolved []time.Time // one for each issue
	ids      []time.Time // event IDs
	newest   time.Time   // event
	fail     map[string]error
	calls    []time.Time // of DeleteResolvedBefore, by fake time
	most     int         // deleted in one call
	pages    int         // to give back
	deleted  func(resolved time.Time)

	days  map[int64]int         // after which projects have issues resolved
	open  map[int64][]time.Time // when open issues of projects were last seen
	stale func(project int64, seen, at time.Time)
}

func (s *shelf) AutoResolving(context.Context) (map[int64]int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.days), s.fail["AutoResolving"]
}

func (s *shelf) ResolveStale(_ context.Context, project int64, t, at time.Time, limit int) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.fail[fmt.Sprint("ResolveStale ", project)]; err != nil {
		return 0, err
	}
	n := 0
	s.open[project] = slices.DeleteFunc(s.open[project], func(seen time.Time) bool {
		if n == limit || !seen.Before(t) {
			return false
		}
		n++
		if s.stale != nil {
			s.stale(project, seen, at)
		}
		return true
	})
	return n, nil
}

func (s *shelf) Issues(_ context.Context, q tracker.IssueQuery) (tracker.IssuePage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.newest.IsZero() || q.State != tracker.AnyState || q.Sort != tracker.ByLastSeen {
		return tracker.IssuePage{}, s.fail["Issues"]
	}
	return tracker.IssuePage{Issues: []tracker.Issue{{ID: 1, LastSeen: s.newest}}}, s.fail["Issues"]
}

func (s *shelf) DeleteResolvedBefore(_ context.Context, t time.Time, limit int) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, time.Now())
	if err := s.fail["Delete"]; err != nil {
		return 0, err
	}
	n := 0
	s.resolved = slices.DeleteFunc(s.resolved, func(at time.Time) bool {
		if n == limit || !at.Before(t) {
			return false
		}
		n++
		if s.deleted != nil {
			s.deleted(at)
		}
		return true
	})
	s.most = max(s.most, n)
	return n, nil
}

func (s *shelf) Forget(_ context.Context, t time.Time, limit int) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.fail["Forget"]; err != nil {
		return 0, err
	}
	n := 0
	s.ids = slices.DeleteFunc(s.ids, func(at time.Time) bool {
		if n == limit || !at.Before(t) {
			return false
		}
		n++
		return true
	})
	return n, nil
}

func (s *shelf) Compact(context.Context) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pages > 0 {
		s.pages--
	}
	return s.pages == 0, s.fail["Compact"]
}

// look calls f while no job can touch s.
func (s *shelf) look(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *shelf) left() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.resolved)
}

// bubble is fake time with a retention job and a clock that can be set.
type bubble struct {
	*shelf
	*Retention
	clock sync.Mutex
	off   time.Duration // of the clock
	stop  func()
}

func (b *bubble) set(off time.Duration) {
	b.clock.Lock()
	defer b.clock.Unlock()
	b.off = off
}

const (
	day  = 24 * time.Hour
	keep = 90 * day
)

func inRetention(t *testing.T, s *shelf, f func(t *testing.T, b *bubble, start time.Time)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{shelf: s}
		b.Retention = NewRetention(s, keep, func() time.Time {
			b.clock.Lock()
			defer b.clock.Unlock()
			return time.Now().Add(b.off)
		}, quiet)
		start := time.Now()
		s.newest, s.resolved, s.ids = start, nil, nil
		fill(s, start)
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		wg.Go(func() { b.Run(ctx) })
		b.stop = func() {
			cancel()
			wg.Wait()
		}
		defer b.stop()
		f(t, b, start)
	})
}

// fill puts an issue and an event ID on every day of the last 120 days.
func fill(s *shelf, start time.Time) {
	for d := range 120 {
		at := start.Add(-time.Duration(d)*day - time.Minute)
		s.resolved, s.ids = append(s.resolved, at), append(s.ids, at)
	}
}

func TestRetentionRunsAtTheStartAndEveryHour(t *testing.T) {
	inRetention(t, &shelf{pages: 7}, func(t *testing.T, b *bubble, start time.Time) {
		time.Sleep(time.Minute)
		if n := b.left(); n != 90 {
			t.Fatalf("%d issues are left a minute after the start, want 90 of 120", n)
		}
		b.look(func() {
			if len(b.ids) != 7 || b.pages != 0 {
				t.Errorf("%d event IDs and %d pieces of free space are left, want those of 7 days and none", len(b.ids), b.pages)
			}
		})
		time.Sleep(10 * day)
		if n := b.left(); n != 80 {
			t.Errorf("%d issues are left after ten days, want 80", n)
		}
		if s := b.Stats(); s.Runs != 241 || s.Deleted != 40 || s.Failures != 0 || s.Forgotten != 120 {
			t.Errorf("Stats = %+v, want 241 runs, 40 deleted, 120 forgotten", s)
		}
	})
}

// Whatever the clock does, no issue goes before its 90 days are over by the
// true calendar, and the job goes on.
func TestClockStepsDeleteNothingEarly(t *testing.T) {
	tests := map[string]struct {
		off  time.Duration
		held time.Duration // how long the clock is wrong
	}{
		"an hour behind":             {-time.Hour, 3 * day},
		"an hour ahead, put right":   {time.Hour, 30 * time.Minute},
		"30 days ahead, put right":   {30 * day, 50 * time.Minute},
		"30 days behind":             {-30 * day, day},
		"back to 1970":               {-30 * 365 * day, 5 * time.Hour},
		"ahead to 2100, put right":   {100 * 365 * day, 55 * time.Minute},
		"a minute ahead, put right":  {2 * time.Minute, 59 * time.Minute},
		"10 years ahead for seconds": {3650 * day, 10 * time.Second},
	}
	for name, tt := range tests {
		for _, when := range []time.Duration{0, time.Minute, 61 * time.Minute, 119 * time.Minute, 5*time.Hour + 59*time.Minute + 55*time.Second} {
			t.Run(name+", "+when.String()+" after the start", func(t *testing.T) {
				s := &shelf{fail: map[string]error{}}
				s.deleted = func(resolved time.Time) {
					if age := time.Since(resolved); age < keep {
						t.Errorf("an issue was deleted %v after it was resolved", age)
					}
				}
				inRetention(t, s, func(t *testing.T, b *bubble, start time.Time) {
					if when == 0 {
						b.set(tt.off) // wrong from the first reading on
					} else {
						time.Sleep(when)
						b.set(tt.off)
					}
					time.Sleep(tt.held)
					b.set(0)
					time.Sleep(4 * time.Hour)
					if n, want := b.left(), 90-int(time.Since(start)/day); n != want {
						t.Errorf("%d issues are left once the clock is right, want %d", n, want)
					}
					b.look(func() {
						if gap := time.Since(b.calls[len(b.calls)-1]); gap > time.Hour {
							t.Errorf("the last run was %v ago", gap)
						}
					})
				})
			})
		}
	}
}

// A clock that shows another time for long is right: a machine that slept, or
// one whose clock was behind.
func TestNewTimeIsBelievedAfterAnHour(t *testing.T) {
	inRetention(t, &shelf{}, func(t *testing.T, b *bubble, start time.Time) {
		time.Sleep(90 * time.Minute)
		b.set(30 * day)
		time.Sleep(31 * time.Minute) // a run sees the step
		if n := b.left(); n != 90 {
			t.Fatalf("%d issues are left right after the step, want 90", n)
		}
		time.Sleep(time.Hour) // the next one sees that it held
		if n := b.left(); n != 60 {
			t.Errorf("%d issues are left an hour after the step, want 60", n)
		}
	})
}

// A wrong clock at boot is common on boards without a battery.
func TestStartIsJudgedByTheNewestEvent(t *testing.T) {
	s := &shelf{}
	inRetention(t, s, func(t *testing.T, b *bubble, start time.Time) {
		b.stop()
		s.newest, s.resolved = start.Add(-20*day), nil // the service was off for 20 days
		fill(s, start)
		r := NewRetention(s, keep, func() time.Time { return time.Now().Add(1000 * day) }, quiet)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			r.Run(ctx)
		}()
		time.Sleep(30 * time.Minute)
		if n := s.left(); n != 110 {
			t.Errorf("%d issues are left, want the 110 that were not 90 days old when the newest event came in", n)
		}
		cancel()
		<-ended
	})
}

func TestRetentionDeletesInSmallBatches(t *testing.T) {
	s := &shelf{}
	inRetention(t, s, func(t *testing.T, b *bubble, start time.Time) {
		s.look(func() {
			for range 5000 {
				s.resolved = append(s.resolved, start.Add(-200*day))
			}
		})
		time.Sleep(61 * time.Minute)
		if n := b.left(); n != 90 {
			t.Errorf("%d issues are left, want 90", n)
		}
		s.look(func() {
			if s.most > deleteBatch {
				t.Errorf("%d issues went in one call, want at most %d", s.most, deleteBatch)
			}
		})
	})
}

func TestRetentionGoesOnAfterErrors(t *testing.T) {
	for _, part := range []string{"Issues", "Delete", "Forget", "Compact"} {
		t.Run(part, func(t *testing.T) {
			s := &shelf{fail: map[string]error{part: errors.New("disk is full")}, pages: 3}
			inRetention(t, s, func(t *testing.T, b *bubble, start time.Time) {
				time.Sleep(time.Minute)
				if part != "Issues" && part != "Delete" && b.left() != 90 {
					t.Errorf("%s fails, and %d issues are left, want 90", part, b.left())
				}
				s.look(func() { s.fail = nil })
				time.Sleep(retentionRetry)
				if n := b.left(); n != 90 {
					t.Errorf("%d issues are left after the retry, want 90", n)
				}
				if st := b.Stats(); st.Failures != 1 || st.Runs != 2 {
					t.Errorf("Stats = %+v, want one failure in two runs", st)
				}
			})
		})
	}
}

func TestRetentionStopsAtOnce(t *testing.T) {
	s := &shelf{}
	inRetention(t, s, func(t *testing.T, b *bubble, start time.Time) {
		s.look(func() {
			for range 100_000 {
				s.resolved = append(s.resolved, start.Add(-200*day))
			}
		})
		time.Sleep(time.Second) // the first run is in the middle of it
		began := time.Now()
		b.stop()
		if took := time.Since(began); took > time.Second || b.left() < 1000 {
			t.Errorf("stopped after %v with %d issues left, want at once and in the middle", took, b.left())
		}
	})
}
