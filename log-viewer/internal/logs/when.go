package logs

import (
	"strconv"
	"strings"
	"time"

	"github.com/monlight/monlight/shared/errs"
)

// maxSpan is the longest time before now that can be asked for.
const maxSpan = 10 * 366 * 24 * time.Hour

// ParseSpan reads a number with s, m, h, d or w: "90s", "15m", "24h", "7d".
func ParseSpan(text string) (d time.Duration, ok bool) {
	if len(text) < 2 || len(text) > 12 {
		return 0, false
	}
	unit := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}[text[len(text)-1]]
	n, err := strconv.ParseUint(text[:len(text)-1], 10, 32)
	if err != nil || n == 0 || unit == 0 || time.Duration(n) > maxSpan/unit {
		return 0, false
	}
	return time.Duration(n) * unit, true
}

var timeLayouts = []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly}

// ParseTime reads a moment: "now", "now-15m", a span before now ("1h"), ISO 8601
// with or without an offset (without one it is UTC), or Unix seconds,
// milliseconds or nanoseconds. whole tells that it was given to the second only,
// and so stands for all of that second.
func ParseTime(name, text string, now time.Time) (t time.Time, whole bool, err error) {
	if text == "now" {
		return now, false, nil
	}
	span, relative := strings.CutPrefix(text, "now-")
	if d, ok := ParseSpan(span); ok {
		return now.Add(-d), false, nil
	}
	if !relative {
		iso := text
		if i := len(text) - 6; i > 10 && text[i] == ' ' && text[i+3] == ':' && strings.Contains(text, "T") {
			iso = text[:i] + "+" + text[i+1:] // in a query an unescaped plus is a space
		}
		for _, layout := range timeLayouts {
			if t, err := time.Parse(layout, iso); err == nil {
				// Years that nanoseconds in 64 bits cannot tell.
				if t.Year() < 1700 || t.Year() > 2250 {
					break
				}
				return t.UTC(), t.Nanosecond() == 0 && !strings.Contains(iso, "."), nil
			}
		}
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 {
			switch {
			case n < 1e10:
				return time.Unix(n, 0).UTC(), true, nil
			case n < 1e13:
				return time.UnixMilli(n).UTC(), false, nil
			case n >= 1e17:
				return time.Unix(0, n).UTC(), false, nil
			}
		}
	}
	return time.Time{}, false, errs.New(errs.Invalid, "%s is %s, want a time such as 2026-07-27T10:00:00Z, or 1h or now-15m before now", name, quote(text))
}

// quote shows the beginning of a text from outside.
func quote(s string) string {
	const most = 40
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strconv.Quote(s)
}
