package logs

import (
	"fmt"
	"strings"
	"time"
)

// Phase is where a container is in its life, in the words of its engine.
type Phase string

const (
	Created    Phase = "created" // never started
	Running    Phase = "running"
	Paused     Phase = "paused"
	Restarting Phase = "restarting" // it ended, and is started again in a moment
	Exited     Phase = "exited"
	Dead       Phase = "dead" // it could not be removed
)

const (
	// RestartWindow is the time in which restarts are counted.
	RestartWindow = 10 * time.Minute
	// crashLoop is how many restarts in a RestartWindow are a crash loop.
	crashLoop = 3
	// steady is how long a container runs until it is none any more. It is longer
	// than the longest pause that Docker makes before a restart.
	steady = 5 * time.Minute
)

// Lifecycle is what is known of the life of a container.
type Lifecycle struct {
	Phase        Phase
	StartedAt    time.Time // of the last start; zero when there was none
	ExitedAt     time.Time // of the last end; zero when there was none
	ExitKnown    bool      // whether ExitCode and OOMKilled, of that end, are known
	ExitCode     int
	OOMKilled    bool // it was killed for the memory it took
	RestartCount int  // by the engine, since somebody started it
	Restarts     int  // seen in the RestartWindow before now
}

// CrashLoop tells whether the container ends soon after each of its starts, again
// and again. One that has run for some minutes does not.
func (l Lifecycle) CrashLoop(now time.Time) bool {
	if l.Restarts < crashLoop {
		return false
	}
	return l.Phase == Restarting || l.Phase == Running && now.Sub(l.StartedAt) < steady
}

// Failed tells whether the container is not running because it failed.
func (l Lifecycle) Failed() bool {
	switch l.Phase {
	case Exited:
		return l.ExitKnown && (l.ExitCode != 0 || l.OOMKilled)
	case Restarting, Dead:
		return true
	}
	return false
}

// Words says how the container does: "running", "exited (1)", or "crash loop: 7
// restarts in 10 min, last exit 1, out of memory".
func (l Lifecycle) Words(now time.Time) string {
	var more []string
	if l.Restarts > 0 {
		more = append(more, fmt.Sprintf("%s in %.0f min", plural(l.Restarts, "restart"), RestartWindow.Minutes()))
	} else if l.RestartCount > 0 && l.Phase != Exited {
		more = append(more, plural(l.RestartCount, "restart")+" so far")
	}
	head := string(l.Phase)
	if l.CrashLoop(now) {
		head = "crash loop"
	}
	if l.ExitKnown && (l.Phase == Exited || l.Phase == Dead) {
		head += fmt.Sprintf(" (%d)", l.ExitCode)
	} else if l.ExitKnown && (len(more) > 0 || l.Phase == Restarting) {
		more = append(more, fmt.Sprintf("last exit %d", l.ExitCode))
	}
	if l.ExitKnown && l.OOMKilled && (l.Phase != Running || len(more) > 0) {
		more = append(more, "out of memory")
	}
	if len(more) == 0 {
		return head
	}
	return head + ": " + strings.Join(more, ", ")
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Restarts counts the restarts of a container, by minutes. Its zero value has
// none. The time it covers is the RestartWindow, to the minute.
type Restarts struct {
	minutes [int(RestartWindow / time.Minute)]struct {
		minute int64
		n      int
	}
}

// Add counts n restarts at a time.
func (r *Restarts) Add(n int, at time.Time) {
	minute := at.Unix() / 60
	slot := &r.minutes[((minute%int64(len(r.minutes)))+int64(len(r.minutes)))%int64(len(r.minutes))]
	if slot.minute != minute {
		slot.minute, slot.n = minute, 0
	}
	slot.n += n
}

// Count is how many there were in the RestartWindow before now.
func (r *Restarts) Count(now time.Time) int {
	last, n := now.Unix()/60, 0
	for _, slot := range r.minutes {
		if slot.minute <= last && slot.minute > last-int64(len(r.minutes)) {
			n += slot.n
		}
	}
	return n
}
