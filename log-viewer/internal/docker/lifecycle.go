package docker

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
)

// observation is what a config says about the life of a container. It is read
// apart from its name and labels, which stay what they are when it is not what
// Docker writes.
type observation struct {
	phase     logs.Phase
	started   time.Time // zero when it never was
	finished  time.Time // zero when it never was
	exit      int       // of the last end, while the container is not running
	oom       bool
	restarts  int  // by Docker since somebody started it
	byHand    bool // somebody stopped it
	hasExited bool // exit and oom are those of finished
}

// maxRestarts bounds what is believed of a config.
const maxRestarts = 1_000_000_000

// observe reads the State of a config, and its RestartCount. ok is false when
// they are not there or not what Docker writes: then nothing is claimed.
func observe(state, restartCount json.RawMessage, stopped bool) (o observation, ok bool) {
	var in *struct {
		Running, Paused, Restarting, Dead, OOMKilled bool
		ExitCode                                     int
		StartedAt, FinishedAt                        time.Time
	}
	if len(state) == 0 || json.Unmarshal(state, &in) != nil || in == nil {
		return o, false
	}
	if len(restartCount) > 0 && json.Unmarshal(restartCount, &o.restarts) != nil || o.restarts < 0 || o.restarts > maxRestarts {
		return o, false
	}
	o.started, o.finished = sane(in.StartedAt), sane(in.FinishedAt)
	o.exit, o.oom, o.byHand = in.ExitCode, in.OOMKilled, stopped
	// One that restarts is running too, by what Docker writes.
	switch {
	case in.Dead:
		o.phase = logs.Dead
	case in.Restarting:
		o.phase = logs.Restarting
	case in.Paused:
		o.phase = logs.Paused
	case in.Running:
		o.phase = logs.Running
	case o.started.IsZero():
		o.phase = logs.Created
	default:
		o.phase = logs.Exited
	}
	// A start sets the code of the end before it to 0.
	o.hasExited = !o.finished.IsZero() && (o.phase == logs.Restarting || o.phase == logs.Exited || o.phase == logs.Dead)
	return o, true
}

// sane is a time that can be one of a container, or zero.
func sane(t time.Time) time.Time {
	if y := t.Year(); y < 2000 || y > 9999 {
		return time.Time{}
	}
	return t.UTC()
}

// history is what was seen of the life of a container. It does not change.
type history struct {
	last     observation
	at       time.Time // of last
	exit     observation
	restarts logs.Restarts
}

// with returns the history with what a config says now; h may be nil. What
// happened before the first look is no restart that was seen, and neither is what
// a longer gap hides.
func (h *history) with(o observation, now time.Time) *history {
	next := history{}
	if h != nil {
		next = *h
	}
	if n := next.restartsUntil(o, now); n > 0 {
		at := now
		if o.started.After(next.last.started) && o.started.Before(now) {
			at = o.started
		}
		next.restarts.Add(n, at)
	}
	if o.hasExited {
		next.exit = o
	}
	next.last, next.at = o, now
	return &next
}

// restartsUntil is how many restarts there were since the last look. Docker counts
// one when the container ends, before it starts it again.
func (h *history) restartsUntil(o observation, now time.Time) int {
	switch {
	case h.at.IsZero() || now.Sub(h.at) > logs.RestartWindow:
		return 0
	case o.restarts > h.last.restarts:
		return o.restarts - h.last.restarts
	case o.started.After(h.last.started) && o.restarts == 0 && h.last.hasExited && h.last.exit != 0 && !h.last.byHand:
		return 1 // what started it again after it failed is not Docker
	}
	return 0
}

// turns are the changes since the last look that a config tells of, oldest first.
// Of more than one end and one start the last ones are known.
func (h *history) turns(container string, o observation, now time.Time) []logs.Turn {
	if h == nil || now.Sub(h.at) > logs.RestartWindow {
		return nil
	}
	var out []logs.Turn
	if o.finished.After(h.last.finished) {
		t := logs.Turn{Container: container, At: o.finished, RestartCount: o.restarts}
		if o.hasExited {
			t.ExitKnown, t.ExitCode, t.OOMKilled = true, o.exit, o.oom
		}
		out = append(out, t)
	}
	if o.started.After(h.last.started) {
		out = append(out, logs.Turn{Container: container, Started: true, At: o.started, RestartCount: o.restarts})
	}
	out = slices.DeleteFunc(out, func(t logs.Turn) bool { return now.Sub(t.At) > logs.RestartWindow }) // no news
	slices.SortStableFunc(out, func(a, b logs.Turn) int { return a.At.Compare(b.At) })
	return out
}

// lifecycle is what is known now.
func (h *history) lifecycle(now time.Time) logs.Lifecycle {
	l := logs.Lifecycle{
		Phase: h.last.phase, StartedAt: h.last.started, ExitedAt: h.last.finished,
		RestartCount: h.last.restarts, Restarts: h.restarts.Count(now),
	}
	if !h.last.finished.IsZero() && h.exit.finished.Equal(h.last.finished) {
		l.ExitKnown, l.ExitCode, l.OOMKilled = true, h.exit.exit, h.exit.oom
	}
	return l
}
