package webui

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// maxSpan is the longest span that a reader can ask for.
const maxSpan = 10 * 366 * 24 * time.Hour

// ParseSpan reads "<n>s", "<n>m", "<n>h", "<n>d" or "<n>w".
func ParseSpan(s string) (time.Duration, error) {
	unit := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}
	if len(s) >= 2 && len(s) <= 12 {
		u, ok := unit[s[len(s)-1]]
		n, err := strconv.ParseUint(s[:len(s)-1], 10, 32)
		if ok && err == nil && n > 0 && time.Duration(n) <= maxSpan/u {
			return time.Duration(n) * u, nil
		}
	}
	return 0, fmt.Errorf("%q is no span of time: want a number with s, m, h, d or w, at most ten years", Line(s, 40))
}

// ParseTime reads a place in time: "now", "now-1h", a bare span before now
// ("24h"), an ISO 8601 date or time ("2026-07-27", "2026-07-27T10:03:11Z",
// "2026-07-27T12:03:11+02:00", without a zone in UTC), or Unix seconds.
func ParseTime(s string, now time.Time) (time.Time, error) {
	s = strings.TrimSpace(s)
	if s == "now" {
		return now, nil
	}
	if rest, ok := strings.CutPrefix(s, "now-"); ok {
		s = rest
	} else {
		// In a query an unescaped plus is a space.
		iso := s
		if len(s) == 25 && s[19] == ' ' {
			iso = s[:19] + "+" + s[20:]
		}
		for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly} {
			if t, err := time.Parse(layout, iso); err == nil {
				return t.UTC(), nil
			}
		}
		if n, err := strconv.ParseInt(s, 10, 64); err == nil && n >= 0 && n < 1<<36 {
			return time.Unix(n, 0).UTC(), nil
		}
	}
	d, err := ParseSpan(s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no time: want a span such as 24h, now-1h, or a date such as 2026-07-27T10:00:00Z", Line(s, 40))
	}
	return now.Add(-d), nil
}

// Range is a stretch of time, From included and To not. A zero end is open.
type Range struct{ From, To time.Time }

// ParseRange reads the two ends of a range; an empty one is open.
func ParseRange(from, to string, now time.Time) (Range, error) {
	var r Range
	var err error
	if from != "" {
		if r.From, err = ParseTime(from, now); err != nil {
			return Range{}, fmt.Errorf("from: %w", err)
		}
	}
	if to != "" {
		if r.To, err = ParseTime(to, now); err != nil {
			return Range{}, fmt.Errorf("to: %w", err)
		}
	}
	if !r.From.IsZero() && !r.To.IsZero() && !r.From.Before(r.To) {
		return Range{}, fmt.Errorf("the range ends at %s, before it begins at %s", ISO(r.To), ISO(r.From))
	}
	return r, nil
}

// RangeChoice is a suggestion of the time range box.
type RangeChoice struct{ Value, Label string }

// RangeChoices are the spans that people ask for.
var RangeChoices = []RangeChoice{
	{"1h", "Last hour"}, {"24h", "Last 24 hours"}, {"7d", "Last 7 days"}, {"30d", "Last 30 days"}, {"90d", "Last 90 days"},
}

// RefreshChoice is a choice of the auto-refresh control.
type RefreshChoice struct {
	Value, Label string
	Every        time.Duration
}

// RefreshChoices are the periods of auto-refresh, "off" first.
var RefreshChoices = []RefreshChoice{
	{"", "Off", 0}, {"5s", "5 s", 5 * time.Second}, {"30s", "30 s", 30 * time.Second},
	{"1m", "1 min", time.Minute}, {"5m", "5 min", 5 * time.Minute},
}

// ParseRefresh reads a period of auto-refresh: a value of [RefreshChoices], or
// bare seconds or milliseconds as in old bookmarks. Anything else is off.
func ParseRefresh(s string) RefreshChoice {
	for _, c := range RefreshChoices[1:] {
		sec := strconv.Itoa(int(c.Every / time.Second))
		if s == c.Value || s == sec || s == sec+"s" || s == sec+"000" {
			return c
		}
	}
	return RefreshChoices[0]
}
