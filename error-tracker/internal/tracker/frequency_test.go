package tracker_test

import (
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
)

// patient is an issue that is looked at every 15 seconds.
type patient struct {
	tracker.Pulse
	rule  tracker.Frequency
	quiet time.Duration
	now   time.Time
}

// pass lets events come, as many at each look, for a time; it returns the alerts,
// as times since the beginning.
func (p *patient) pass(d time.Duration, each int64) (alerts []time.Duration) {
	began := p.now
	for ; p.now.Before(began.Add(d)); p.now = p.now.Add(15 * time.Second) {
		if p.Count += each; each > 0 && p.Beat(p.rule, p.quiet, p.now) {
			alerts = append(alerts, p.now.Sub(began))
		}
	}
	return alerts
}

func newPatient(events, minutes int, quiet time.Duration) *patient {
	return &patient{rule: tracker.Frequency{Events: events, Minutes: minutes}, quiet: quiet, now: time.Date(2026, 11, 20, 13, 0, 0, 0, time.UTC)}
}

func TestABurstIsOneAlert(t *testing.T) {
	p := newPatient(100, 5, time.Hour)
	p.Known = true
	if got := p.pass(20*time.Minute, 4); got != nil { // 80 in 5 minutes
		t.Errorf("below the rule: alerts at %v", got)
	}
	if got := p.pass(50*time.Minute, 50); len(got) != 1 || got[0] > 15*time.Second {
		t.Errorf("a burst: alerts at %v, want one at once", got)
	}
	if got := p.pass(30*time.Minute, 50); len(got) != 1 || got[0] != 10*time.Minute {
		t.Errorf("while it goes on: alerts at %v, want one when the quiet time is over", got)
	}
	if got := p.pass(3*time.Hour, 0); got != nil {
		t.Errorf("no events: alerts at %v", got)
	}
	if got := p.pass(time.Minute, 99); len(got) != 1 || got[0] != 15*time.Second {
		t.Errorf("the next burst: alerts at %v, want one at the second look", got)
	}
}

func TestAWindowEnds(t *testing.T) {
	for _, minutes := range []int{1, 5, 45, 60, 1440} {
		p := newPatient(100, minutes, time.Minute)
		p.Known = true
		p.pass(15*time.Second, 99)
		p.now = p.now.Add(time.Duration(minutes) * time.Minute)
		if got := p.pass(15*time.Second, 99); got != nil {
			t.Errorf("99 events twice, %d minutes apart: alerts at %v", minutes, got)
		}
		if len(p.Slots) > 31 {
			t.Errorf("%d slots", len(p.Slots))
		}
		p.pass(time.Duration(minutes)*time.Minute, 1)
		if len(p.Slots) > 31 {
			t.Errorf("%d slots for %d minutes", len(p.Slots), minutes)
		}
	}
}

func TestMutedIssuesAreNotFrequent(t *testing.T) {
	p := newPatient(100, 5, time.Hour)
	p.Known, p.Muted = true, true
	if got := p.pass(10*time.Minute, 1000); got != nil {
		t.Errorf("alerts at %v", got)
	}
	p.Muted = false
	if got := p.pass(time.Minute, 1); len(got) != 1 {
		t.Errorf("unmuted within the burst: alerts at %v", got)
	}
}

func TestWhatIsNotKnownCountsWithItsRecentEvents(t *testing.T) {
	p := newPatient(100, 5, time.Hour)
	p.Count, p.Recent = 5000, 99
	if p.Beat(p.rule, p.quiet, p.now) {
		t.Error("5,000 events ever, 99 of late: an alert")
	}
	if p.Count++; !p.Beat(p.rule, p.quiet, p.now.Add(15*time.Second)) {
		t.Error("one more: no alert")
	}
	if p.Count -= 1000; p.Beat(p.rule, 0, p.now.Add(time.Hour)) {
		t.Error("fewer events than before: an alert")
	}
	// Nobody looked for long, as without a rule: what came in that time is not of now.
	late := newPatient(100, 5, time.Hour)
	late.Known, late.Late, late.Counted, late.Count, late.Recent = true, true, 10, 5000, 1
	if late.Beat(late.rule, late.quiet, late.now) {
		t.Error("1 of 4,990 events since the last look is of late: an alert")
	}
	late.Late, late.Counted, late.Count, late.Recent = true, 10, 109, 5000
	if late.Beat(late.rule, late.quiet, late.now.Add(time.Hour)) {
		t.Error("99 events since the last look, which was long ago: an alert")
	}
	if late.Late || late.Recent != 0 {
		t.Errorf("after a look: %+v", late.Pulse)
	}
	set := newPatient(2, 5, time.Hour)
	set.Known, set.AlertedAt = true, set.now.Add(24*time.Hour) // the clock was set back
	if got := set.pass(time.Minute, 5); len(got) != 1 {
		t.Errorf("a clock that was set back: alerts at %v", got)
	}
}
