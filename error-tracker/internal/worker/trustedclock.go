package worker

import "time"

// clockTolerance is how far the clock and the monotonic clock may drift apart
// between two readings.
const clockTolerance = time.Minute

// trustedClock tells a time for deleting by, which is never ahead of the
// calendar on account of a clock that was wrong for a while. The rule:
//
//   - As long as the clock goes on as fast as the monotonic clock, and has done
//     so for the time confirm, it is believed.
//   - After a step (somebody or NTP set it, a machine was suspended) the trusted
//     time goes on from where it was, by the monotonic clock, until the new time
//     was held for confirm, or the clock is behind it, whichever says less.
//   - At the start there is nothing to compare with, and machines start with wrong
//     clocks. But time has gone on at least to the newest event in the
//     database, so that is the trusted time until the clock has proved steady.
//
// A jump of 30 days ahead thus deletes nothing if it is put right within the
// hour. If it stays, it is the time: nothing in the machine says otherwise.
// The price is that deletions come up to an hour late after a step or a start.
type trustedClock struct {
	now     func() time.Time
	confirm time.Duration

	mark    time.Time // monotonic time of the last reading; zero before the first
	wall    time.Time // what the clock showed then
	steady  time.Time // monotonic time since when there was no step
	trusted time.Time
}

// read returns the time to delete by, and whether the clock was set since the
// last reading. proven is a time that has certainly passed, or zero.
func (c *trustedClock) read(proven time.Time) (trusted time.Time, stepped bool) {
	mark, wall := time.Now(), c.now().Round(0) // without its own monotonic reading
	first := c.mark.IsZero()
	elapsed := mark.Sub(c.mark)
	if off := wall.Sub(c.wall.Add(elapsed)); first || off > clockTolerance || off < -clockTolerance {
		c.steady, stepped = mark, !first
	}
	switch {
	case first:
		c.trusted = proven
	case mark.Sub(c.steady) >= c.confirm:
		c.trusted = wall
	default:
		c.trusted = c.trusted.Add(elapsed)
	}
	if wall.Before(c.trusted) {
		c.trusted = wall
	}
	c.mark, c.wall = mark, wall
	return c.trusted, stepped
}
