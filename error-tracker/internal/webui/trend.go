package webui

import (
	"strconv"
	"time"
)

// trend is a stretch of time in equal steps that ends with the present one.
type trend struct {
	start time.Time
	step  time.Duration
	n     int
	unit  string // the name of a step
	label string
}

// trendOf is the last 24 hours in hours, or for "14d" the last 14 days in days
// of UTC.
func trendOf(stats string, now time.Time) trend {
	t := trend{step: time.Hour, n: 24, unit: "hour", label: "Last 24 hours"}
	if stats == "14d" {
		t = trend{step: 24 * time.Hour, n: 14, unit: "day", label: "Last 14 days"}
	}
	t.start = now.UTC().Truncate(t.step).Add(-time.Duration(t.n-1) * t.step)
	return t
}

// fill makes exactly n counts of what the tracker gave, which is nothing for an
// issue without events.
func (t trend) fill(counts []int64) []int64 {
	if len(counts) == t.n {
		return counts
	}
	out := make([]int64, t.n)
	copy(out, counts)
	return out
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
