package metrics

import (
	"testing"
	"time"
)

func TestSteadyClock(t *testing.T) {
	wall := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	begin := wall
	elapsed := time.Duration(0)
	c := newSteadyClock(func() time.Time { return wall }, func() time.Duration { return elapsed }, 0)
	pass := func(d time.Duration) { wall, elapsed = wall.Add(d), elapsed+d }
	want := func(what string, d time.Duration) {
		t.Helper()
		if got := time.UnixMilli(c.now()).Sub(begin); got != d {
			t.Errorf("%s: %s, want %s", what, got, d)
		}
	}
	pass(time.Hour)
	want("it follows", time.Hour)
	wall = wall.Add(time.Minute)
	want("small corrections too", time.Hour+time.Minute)

	wall = wall.Add(30 * 24 * time.Hour)
	pass(time.Minute)
	want("not a jump", time.Hour+2*time.Minute)
	pass(20 * time.Hour)
	want("not within a day", 21*time.Hour+2*time.Minute)
	wall = wall.Add(-30 * 24 * time.Hour)
	pass(time.Minute)
	want("and goes on when it is mended", 21*time.Hour+3*time.Minute)

	wall = wall.Add(-time.Hour)
	pass(time.Minute)
	want("nor back", 21*time.Hour+3*time.Minute)
	wall = wall.Add(time.Hour)

	wall = wall.Add(48 * time.Hour)
	for range 25 {
		pass(time.Hour)
		c.now()
	}
	if got := c.now(); got != wall.UnixMilli() {
		t.Errorf("after a day ahead it is %s, want %s", time.UnixMilli(got).UTC(), wall)
	}
}

func TestSteadyClockAfterARestart(t *testing.T) {
	wall := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	elapsed := time.Duration(0)
	saved := wall.Add(-10 * 24 * time.Hour).UnixMilli()
	c := newSteadyClock(func() time.Time { return wall }, func() time.Duration { return elapsed }, saved)
	if got := c.now(); got != saved {
		t.Errorf("at start %d, want the saved %d", got, saved)
	}
	for range 25 {
		wall, elapsed = wall.Add(time.Hour), elapsed+time.Hour
		c.now()
	}
	if got := c.now(); got != wall.UnixMilli() {
		t.Errorf("after a day of running %d, want %d", got, wall.UnixMilli())
	}
}
