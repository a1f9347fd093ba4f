package tracker

import (
	"context"
	"time"

	"github.com/monlight/monlight/shared/errs"
)

// Limits of Frequency.
const (
	MaxFrequencyEvents  = 1_000_000
	MaxFrequencyMinutes = 24 * 60
)

// slotsOfWindow is how finely a window is counted: it ends at most this part of
// itself too early.
const slotsOfWindow = 30

// Frequency is a rule for issues that happen often: so many events of one issue
// within so many minutes. The zero value is none.
type Frequency struct {
	Events  int
	Minutes int
}

// On tells whether there is a rule.
func (f Frequency) On() bool { return f != Frequency{} }

// Window is the time in which events are counted.
func (f Frequency) Window() time.Duration { return time.Duration(f.Minutes) * time.Minute }

// Validate says what is wrong with the rule.
func (f Frequency) Validate() error {
	if f.On() && (f.Events < 2 || f.Events > MaxFrequencyEvents || f.Minutes < 1 || f.Minutes > MaxFrequencyMinutes) {
		return errs.New(errs.Invalid, "frequency is %d events in %d minutes, want 2 to %d in 1 to %d, or 0 in 0 for none", f.Events, f.Minutes, MaxFrequencyEvents, MaxFrequencyMinutes)
	}
	return nil
}

// Slot is the events that were first seen counted in some minutes.
type Slot struct {
	Minute int64 // since 1970, the first of them
	Events int64
}

// Pulse is how often an issue happened of late. It is made of looks at the number
// of events that the issue ever had, so that an event costs nothing but being
// counted there, and none is missed or doubled by a restart.
type Pulse struct {
	IssueID   int64
	ProjectID int64
	Count     int64 // events ever
	Muted     bool

	Known     bool      // there was a look before; else the next three are empty
	Counted   int64     // Count at the last look
	Slots     []Slot    // the events of the looks within the window, oldest first
	AlertedAt time.Time // zero if never

	Late   bool  // the last look was before the window
	Recent int64 // of an issue that is not Known, or Late: its events within the window
}

// Beat takes in the events since the last look, and tells whether they make an
// alert: as many as f says within its window, at most one alert in its window and
// in quiet. Muted issues make none.
func (p *Pulse) Beat(f Frequency, quiet time.Duration, now time.Time) (alert bool) {
	fresh := p.Recent
	if p.Known {
		fresh = max(0, p.Count-p.Counted) // fewer after a merge was undone
		if p.Late {
			fresh = min(fresh, p.Recent)
		}
	}
	p.Known, p.Late, p.Counted, p.Recent = true, false, p.Count, 0

	width := int64((f.Minutes + slotsOfWindow - 1) / slotsOfWindow)
	minute := now.Unix() / 60
	slot := minute - minute%width
	kept := p.Slots[:0:0]
	var sum int64
	for _, s := range p.Slots {
		if s.Minute > minute-int64(f.Minutes) && s.Minute < slot {
			kept = append(kept, s)
			sum += s.Events
		} else if s.Minute >= slot && s.Minute <= minute {
			fresh += s.Events
		}
	}
	if fresh > 0 {
		kept = append(kept, Slot{slot, fresh})
		sum += fresh
	}
	p.Slots = kept
	if p.Muted || sum < int64(f.Events) {
		return false
	}
	if since := now.Sub(p.AlertedAt); !p.AlertedAt.IsZero() && since >= 0 && since < max(quiet, f.Window()) {
		return false
	}
	p.AlertedAt = now
	return true
}

// FrequencyStore is the part of the store that tells how often issues happen.
type FrequencyStore interface {
	// Frequencies lists the projects that have a rule.
	Frequencies(ctx context.Context) (map[int64]Frequency, error)
	// Pulses lists the unresolved issues of a project that happened at or after
	// since and had events after the last look, newest first, at most limit. window
	// is what Pulse.Recent goes back to.
	Pulses(ctx context.Context, project int64, since, window, now time.Time, limit int) ([]Pulse, error)
	// SavePulses keeps pulses that were looked at, and queues AlertFrequent for the
	// issues in alerts, in one transaction.
	SavePulses(ctx context.Context, pulses []Pulse, alerts []int64, at time.Time) error
	// ForgetPulses drops at most limit pulses that were looked at before t, and
	// returns how many.
	ForgetPulses(ctx context.Context, t time.Time, limit int) (int, error)
}
