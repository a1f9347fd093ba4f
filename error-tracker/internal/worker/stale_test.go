package worker

import (
	"errors"
	"testing"
	"time"
)

// openSince puts n issues of a project on the shelf, last seen a day apart.
func openSince(n int) []time.Time {
	var seen []time.Time
	for d := range n {
		seen = append(seen, time.Now().Add(-time.Duration(d)*day-time.Minute))
	}
	return seen
}

func TestStaleIssuesAreResolvedEveryHour(t *testing.T) {
	inRetention(t, &shelf{}, func(t *testing.T, b *bubble, start time.Time) {
		b.look(func() {
			b.days = map[int64]int{1: 14, 2: 30}
			b.open = map[int64][]time.Time{1: openSince(500), 2: openSince(500), 3: openSince(500)}
			b.stale = func(project int64, seen, at time.Time) {
				if age := time.Since(seen); age < time.Duration(b.days[project])*day || at.After(time.Now()) {
					t.Errorf("project %d: resolved after %v, at %v", project, age, at)
				}
			}
		})
		check := func(when string, one, two int) {
			t.Helper()
			b.look(func() {
				if len(b.open[1]) != one || len(b.open[2]) != two || len(b.open[3]) != 500 {
					t.Errorf("%s: %d, %d and %d issues are open, want %d, %d and 500", when, len(b.open[1]), len(b.open[2]), len(b.open[3]), one, two)
				}
			})
		}
		time.Sleep(61 * time.Minute)
		check("after an hour", 14, 30)
		time.Sleep(5 * day)
		check("after five days", 9, 25)
		if s := b.Stats(); s.Stale != 491+475 || s.Failures != 0 {
			t.Errorf("Stats = %+v, want %d resolved", s, 491+475)
		}
		b.look(func() { b.days = nil })
		time.Sleep(5 * day)
		check("after it was switched off", 9, 25)
	})
}

func TestAClockAheadResolvesNothing(t *testing.T) {
	inRetention(t, &shelf{}, func(t *testing.T, b *bubble, start time.Time) {
		time.Sleep(5*time.Hour + time.Minute)
		b.look(func() {
			b.days, b.open = map[int64]int{1: 14}, map[int64][]time.Time{1: openSince(10)}
		})
		b.set(365 * day)
		time.Sleep(70 * time.Minute) // a run in between
		b.set(0)
		time.Sleep(5 * time.Hour)
		b.look(func() {
			if len(b.open[1]) != 10 {
				t.Errorf("%d issues are open, want all 10", len(b.open[1]))
			}
		})
	})
}

func TestOneProjectThatFailsKeepsNoOtherBack(t *testing.T) {
	s := &shelf{fail: map[string]error{"ResolveStale 1": errors.New("no")}}
	inRetention(t, s, func(t *testing.T, b *bubble, start time.Time) {
		b.look(func() {
			b.days, b.open = map[int64]int{1: 14, 2: 14}, map[int64][]time.Time{1: openSince(20), 2: openSince(20)}
		})
		time.Sleep(2 * time.Hour)
		b.look(func() {
			if len(b.open[1]) != 20 || len(b.open[2]) != 14 {
				t.Errorf("%d and %d issues are open, want 20 and 14", len(b.open[1]), len(b.open[2]))
			}
		})
		if n := b.left(); n != 90 || b.Stats().Failures == 0 {
			t.Errorf("%d issues were left by retention, want 90; failures %d", n, b.Stats().Failures)
		}
	})
}
