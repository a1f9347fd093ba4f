package metrics

import "time"

// Mark is what happened at a time, and may be seen in a chart: a release of a
// program that went somewhere, or was seen first, or an alert about an issue.
type Mark struct {
	ID      int64 // by which the error tracker knows the release, or the issue; 0 is not known
	Project string
	Name    string // of the release, or the title of the issue
	Detail  string // the environment, "" is not known, or the kind of the alert: "created", "regressed", "unmuted", "frequent"
	At      time.Time
}

// MaxMarks is how many releases, and how many alerts, a chart shows.
const MaxMarks = 50

// Marks are what is shown beside the values of a time, each oldest first.
type Marks struct {
	Releases, Alerts         []Mark
	MoreReleases, MoreAlerts bool // there may have been others before them
}

// In returns the latest marks of a time, at most MaxMarks of each.
func (m Marks) In(p Period) (some Marks) {
	some.Releases, some.MoreReleases = p.latest(m.Releases, m.MoreReleases)
	some.Alerts, some.MoreAlerts = p.latest(m.Alerts, m.MoreAlerts)
	return some
}

// latest returns the latest marks of a time, and whether there may be others in it
// before them, as there may be before all.
func (p Period) latest(all []Mark, before bool) (some []Mark, more bool) {
	for _, m := range all {
		ms := m.At.UnixMilli()
		before = before && ms >= p.FromMS
		if ms >= p.FromMS && ms <= p.ToMS {
			some = append(some, m)
		}
	}
	older := max(0, len(some)-MaxMarks)
	return some[older:], before || older > 0
}
