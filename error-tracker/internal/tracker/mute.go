package tracker

import (
	"context"
	"time"

	"github.com/monlight/monlight/shared/errs"
)

// Mute says for how long, and where, nobody wants to hear of an issue. It ends
// with whatever comes first; without any end it lasts until someone ends it.
type Mute struct {
	Until  time.Time
	Events int64 // that many more events, the last of which is told of; 0: no such end
	Users  int64 // that many more people who meet it; 0: no such end
	// Environment is where it is muted; "" is everywhere. In one environment
	// events neither alert nor bring the issue back from having been resolved.
	Environment string
}

// Limits of mutes.
const (
	MaxMuteEvents  = 1_000_000_000
	MaxMuteUsers   = MaxUsers // more are not told apart
	MaxMutesOfOne  = 50       // environments in which one issue is muted
	MaxEnvironment = 200      // bytes of a name
)

// Validate says what is wrong with what people ask for.
func (m *Mute) Validate() error {
	switch {
	case m.Events < 0 || m.Events > MaxMuteEvents:
		return errs.New(errs.Invalid, "events = %d, want 1 to %d", m.Events, int64(MaxMuteEvents))
	case m.Users < 0 || m.Users > MaxMuteUsers:
		return errs.New(errs.Invalid, "users = %d, want 1 to %d", m.Users, int64(MaxMuteUsers))
	}
	return validEnvironment(m.Environment)
}

func validEnvironment(name string) error {
	if len(name) > MaxEnvironment {
		return errs.New(errs.Invalid, "environment has %d bytes, the limit is %d", len(name), MaxEnvironment)
	}
	return nil
}

// Ended tells whether the time of m is over.
func (m *Mute) Ended(now time.Time) bool {
	return !m.Until.IsZero() && !m.Until.After(now)
}

// Counts takes an event, and who met it if they are new to the issue, off what
// is left. ended tells that the event is the last one: it is told of.
func (m *Mute) Counts(newUser bool) (ended bool) {
	if m.Events > 0 {
		m.Events--
		ended = m.Events == 0
	}
	if m.Users > 0 && newUser {
		m.Users--
		ended = ended || m.Users == 0
	}
	return ended
}

// Counted tells whether events end m.
func (m *Mute) Counted() bool { return m.Events > 0 || m.Users > 0 }

// Mute mutes issues; see Store.Mute.
func (s *Service) Mute(ctx context.Context, ids []int64, m Mute) ([]int64, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	return s.Store.Mute(ctx, ids, m, s.now().UTC())
}

// Unmute ends the mutes of issues: in one environment, or for "" all.
func (s *Service) Unmute(ctx context.Context, ids []int64, environment string) ([]int64, error) {
	if err := validEnvironment(environment); err != nil {
		return nil, err
	}
	return s.Store.Unmute(ctx, ids, environment, s.now().UTC())
}
