package docker

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
)

// counters are what a source has seen since it was started.
type counters struct {
	Lines, Bytes atomic.Int64
	Errors       atomic.Int64 // records that are none, or too long
	Cut          atomic.Int64 // lines longer than logs.MaxMessage
	Missed       atomic.Int64 // files that were gone before they were read to their end
	Rotations    atomic.Int64
	Truncations  atomic.Int64
	Refused      atomic.Int64 // entries that the store does not take
	Entries      atomic.Int64 // written
}

// Figures are what a source has seen since it was started.
type Figures struct {
	Lines, Bytes, Entries  int64
	Errors, Cut, Missed    int64 // records that are none or too long; lines that were cut; files that were gone before they were read to their end
	Rotations, Truncations int64
	Refused                int64 // entries that the store does not take
	LagBytes               int64 // of the files, not read yet
	Containers             int   // that are read
	Watched                int   // of these, whose changes the system announces; the others are polled alone
	Paused                 bool  // the store takes nothing at the moment
}

// State is what becomes of the log of a container.
type State string

const (
	Reading  State = "reading"
	Waiting  State = "waiting"  // there is no log file yet, or none of the json-file driver
	Excluded State = "excluded" // Reason says by what
	Failing  State = "failing"  // Reason says why
)

// Container is the status of one container.
type Container struct {
	ID       string
	Name     string
	State    State
	Reason   string
	LagBytes int64
	LastRead time.Time       // zero when nothing was read yet
	Life     *logs.Lifecycle // as of the call; nil when it is not known
	history  *history
}

// Status is what a source did and does.
type Status struct {
	Figures
	Error      string // why the folder of the containers cannot be read, "" when it can
	PauseError string // why the store takes nothing, while Paused
	Containers []Container
}

// Figures returns the figures of the source. It may be called at any time.
func (s *Source) Figures() Figures {
	s.mu.Lock()
	f := s.status.Figures
	s.mu.Unlock()
	return s.live(f)
}

// Status returns the figures and the containers, by name. It may be called at
// any time.
func (s *Source) Status() Status {
	s.mu.Lock()
	st := s.status
	st.Containers = slices.Clone(s.status.Containers)
	s.mu.Unlock()
	now := s.opts.Now()
	for i := range st.Containers {
		if c := &st.Containers[i]; c.history != nil {
			l := c.history.lifecycle(now)
			c.Life, c.history = &l, nil
		}
	}
	st.Figures = s.live(st.Figures)
	if p := s.pause.Load(); p != nil {
		st.PauseError = *p
	}
	return st
}

func (s *Source) live(f Figures) Figures {
	c := &s.count
	f.Lines, f.Bytes, f.Entries = c.Lines.Load(), c.Bytes.Load(), c.Entries.Load()
	f.Errors, f.Cut, f.Missed = c.Errors.Load(), c.Cut.Load(), c.Missed.Load()
	f.Rotations, f.Truncations, f.Refused = c.Rotations.Load(), c.Truncations.Load(), c.Refused.Load()
	f.Paused = s.pause.Load() != nil
	return f
}

// report publishes the status. It is called after each round.
func (s *Source) report(excluded []Container, err error) {
	st := Status{Containers: slices.Clone(excluded)}
	if err != nil {
		st.Error = err.Error()
	}
	for _, f := range s.followers {
		c := Container{ID: f.id, Name: f.name, State: Reading, LagBytes: f.lag, LastRead: f.readAt, Reason: f.lastErr}
		switch {
		case f.seg == nil && f.lastErr == "":
			c.State, c.Reason = Waiting, "no log file of the json-file driver yet"
		case f.lastErr != "":
			c.State = Failing
		}
		if f.alive {
			c.history = f.life
		}
		st.LagBytes += f.lag
		if f.seg != nil {
			st.Figures.Containers++
		}
		if s.watch.watches(f.id) {
			st.Watched++
		}
		st.Containers = append(st.Containers, c)
	}
	slices.SortFunc(st.Containers, func(a, b Container) int {
		if n := strings.Compare(a.Name, b.Name); n != 0 {
			return n
		}
		return strings.Compare(a.ID, b.ID)
	})
	s.mu.Lock()
	s.status = st
	s.mu.Unlock()
}
