package logs

import (
	"slices"
	"time"
)

// Turn is a change in the life of a container that was seen: it stopped, or was
// started.
type Turn struct {
	Container    string
	Started      bool      // false: it stopped
	At           time.Time // by its engine
	ExitKnown    bool      // whether ExitCode and OOMKilled are known, of one that stopped
	ExitCode     int
	OOMKilled    bool // it was killed for the memory it took
	RestartCount int  // by the engine, since somebody started it
}

// maxTurns is how many turns wait for the reader of a tail; then the oldest go.
const maxTurns = 100

// MatchTurn tells whether what f passes can be of the container. Its level,
// stream and search are of lines.
func (f *Filter) MatchTurn(t Turn, service func(source string) string) bool {
	return (len(f.Sources) == 0 || slices.Contains(f.Sources, t.Container)) &&
		(len(f.Services) == 0 || slices.Contains(f.Services, service(t.Container))) &&
		(f.Since.IsZero() || !t.At.Before(f.Since)) && (f.Until.IsZero() || !t.At.After(f.Until))
}

// Turned tells the live streams about a change in the life of a container. It is
// not kept, and does not wait for anybody.
func (s *Service) Turned(t Turn) {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	for tail := range s.hub.tails {
		if tail.filter.MatchTurn(t, s.composeService) {
			tail.offerTurn(t)
		}
	}
}

// offerTurn has a turn wait for the reader. It does not block.
func (t *Tail) offerTurn(turn Turn) {
	t.mu.Lock()
	if len(t.turns) == maxTurns {
		t.turns = slices.Delete(t.turns, 0, 1)
	}
	t.turns = append(t.turns, turn)
	t.mu.Unlock()
	t.awake()
}
