package webui

import (
	"fmt"
	"strconv"
	"time"
)

// Number writes a count with thousands set apart by narrow spaces: "12 345".
func Number(n int64) string {
	s := strconv.FormatInt(n, 10)
	start := 0
	if n < 0 {
		start = 1
	}
	if len(s)-start <= 3 {
		return s
	}
	out := make([]byte, 0, len(s)+6)
	out = append(out, s[:start]...)
	for i := start; i < len(s); i++ {
		if i > start && (len(s)-i)%3 == 0 {
			out = append(out, "\u202f"...)
		}
		out = append(out, s[i])
	}
	return string(out)
}

// Short writes a count in at most four characters and a unit: 999, 1.2k, 34k, 5.6M.
func Short(n int64) string {
	if n < 0 {
		return "-" + Short(-n)
	}
	if n < 1000 {
		return strconv.FormatInt(n, 10)
	}
	f := float64(n)
	for _, unit := range []string{"k", "M", "G", "T", "P", "E"} {
		f /= 1000
		switch {
		case f < 9.95:
			return strconv.FormatFloat(f, 'f', 1, 64) + unit
		case f < 999.5:
			return strconv.FormatFloat(f, 'f', 0, 64) + unit
		}
	}
	return strconv.FormatInt(n, 10)
}

// Bytes writes a size in binary units: "512 B", "1.4 MiB".
func Bytes(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10) + " B"
	}
	f := float64(n)
	unit := ""
	for _, unit = range []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"} {
		f /= 1024
		if f < 1023.95 {
			break
		}
	}
	if f < 99.95 {
		return strconv.FormatFloat(f, 'f', 1, 64) + " " + unit
	}
	return strconv.FormatFloat(f, 'f', 0, 64) + " " + unit
}

// Ago says how long before now t was, in one unit: "now", "42s ago", "5m ago",
// "3h ago", "2d ago"; the date from thirty days on. It is "in 5m" for what is
// still to come, and "" for the zero time.
func Ago(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	d := now.Sub(t)
	if d < 0 {
		if d > -time.Second {
			return "now"
		}
		return "in " + span(-d)
	}
	switch {
	case d < time.Second:
		return "now"
	case d >= 30*24*time.Hour:
		if t.UTC().Year() == now.UTC().Year() {
			return t.UTC().Format("2 Jan")
		}
		return t.UTC().Format("2 Jan 2006")
	}
	return span(d) + " ago"
}

// span writes a duration in its largest unit, rounded down.
func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%dd", d/(24*time.Hour))
}

// ISO is t in UTC as RFC 3339 with seconds; "" for the zero time.
func ISO(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

// UTC is t in UTC for people: "2026-07-27 10:03:11 UTC"; "" for the zero time.
func UTC(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// Plural joins a number and the right one of two nouns: "1 issue", "2 issues".
func Plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Number(n) + " " + many
}
