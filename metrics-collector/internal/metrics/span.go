package metrics

import (
	"strconv"
	"time"
)

// Span says a length of time in the largest unit that leaves nothing over, days
// from two of them on: "30 days", "24 hours", "90 minutes".
func Span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 2*day && d%day == 0:
		return counted(d/day, "day")
	case d >= time.Hour && d%time.Hour == 0:
		return counted(d/time.Hour, "hour")
	case d >= time.Minute && d%time.Minute == 0:
		return counted(d/time.Minute, "minute")
	case d%time.Second == 0:
		return counted(d/time.Second, "second")
	}
	return d.String()
}

func counted(n time.Duration, unit string) string {
	if n != 1 {
		unit += "s"
	}
	return strconv.FormatInt(int64(n), 10) + " " + unit
}
