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
	Releases []Mark
	Alerts   []Mark
}

// In returns the latest marks of a time, at most MaxMarks of each.
func (m Marks) In(p Period) Marks { return Marks{p.latest(m.Releases), p.latest(m.Alerts)} }

func (p Period) latest(all []Mark) (some []Mark) {
	for _, m := range all {
		if ms := m.At.UnixMilli(); ms >= p.FromMS && ms <= p.ToMS {
			some = append(some, m)
		}
	}
	return some[max(0, len(some)-MaxMarks):]
}
