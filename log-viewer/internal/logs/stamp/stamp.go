// Package stamp reads the times that programs write.
package stamp

import (
	"strconv"
	"strings"
	"time"
)

// Times from First up to, but not including, Limit can be read. Others do not fit
// into Unix nanoseconds, or come from no clock that is merely wrong.
var (
	First = time.Unix(0, 0).UTC()
	Limit = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

// Reader reads times. It remembers the minute of the last one, since most times
// differ from the one before in seconds only. It is for one goroutine.
type Reader struct {
	minute     [len("2006-01-02T15:04")]byte
	minuteUnix int64 // seconds
	known      bool
}

const (
	minuteEnd = len("2006-01-02T15:04")
	secondEnd = len("2006-01-02T15:04:05")
)

// RFC3339 reads a time such as 2006-01-02T15:04:05.999999999Z, with any offset,
// and returns it in Unix nanoseconds; ok is false when s is none.
func RFC3339[T ~string | ~[]byte](r *Reader, s T) (nanos int64, ok bool) {
	if r.known && len(s) > secondEnd && s[len(s)-1] == 'Z' && s[minuteEnd] == ':' && string(s[:minuteEnd]) == string(r.minute[:]) {
		tens, units := s[minuteEnd+1]-'0', s[minuteEnd+2]-'0'
		if tens < 6 && units < 10 {
			if nanos, ok := fraction(s[secondEnd : len(s)-1]); ok {
				return (r.minuteUnix+int64(tens*10+units))*1e9 + nanos, true
			}
		}
	}
	if len(s) > 64 {
		return 0, false
	}
	t, err := time.Parse(time.RFC3339Nano, string(s))
	if err != nil || !within(t) {
		return 0, false
	}
	if len(s) > secondEnd && s[len(s)-1] == 'Z' {
		copy(r.minute[:], s)
		r.minuteUnix, r.known = t.Truncate(time.Minute).Unix(), true
	}
	return t.UnixNano(), true
}

func within(t time.Time) bool { return !t.Before(First) && t.Before(Limit) }

// fraction reads the part of a second behind its point, at most nanoseconds.
func fraction[T ~string | ~[]byte](s T) (nanos int64, ok bool) {
	if len(s) == 0 {
		return 0, true
	}
	if s[0] != '.' || len(s) < 2 || len(s) > 10 {
		return 0, false
	}
	for i := 1; i < 10; i++ {
		digit := byte(0)
		if i < len(s) {
			if digit = s[i] - '0'; digit > 9 {
				return 0, false
			}
		}
		nanos = nanos*10 + int64(digit)
	}
	return nanos, true
}

// The forms of ISO 8601 that are not RFC 3339; without an offset it is UTC.
var layouts = []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05", "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05Z0700"}

// Any reads a time of RFC 3339, one in its other usual forms (a space for the T,
// no offset, which is UTC, a comma before the fraction), or a number of Number.
func (r *Reader) Any(s string) (nanos int64, ok bool) {
	if nanos, ok := RFC3339(r, s); ok {
		return nanos, true
	}
	if nanos, ok := Number(s); ok {
		return nanos, true
	}
	if len(s) > 64 {
		return 0, false
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil && within(t) {
			return t.UnixNano(), true
		}
	}
	return 0, false
}

// Number reads Unix seconds, milliseconds, microseconds or nanoseconds; which
// they are their size tells. All but nanoseconds may have a fraction.
func Number(s string) (nanos int64, ok bool) {
	whole, part, _ := strings.Cut(s, ".")
	if len(whole) > 19 || len(part) > 18 {
		return 0, false
	}
	n, err := strconv.ParseUint(whole, 10, 63)
	if err != nil {
		return 0, false
	}
	unit, digits := int64(1), 0
	switch {
	case n < 1e10:
		unit, digits = 1e9, 9
	case n < 1e13:
		unit, digits = 1e6, 6
	case n < 1e16:
		unit, digits = 1e3, 3
	}
	nanos = int64(n) * unit
	if part = part[:min(len(part), digits)]; part != "" {
		f, err := strconv.ParseUint(part, 10, 63)
		if err != nil {
			return 0, false
		}
		for range digits - len(part) {
			f *= 10
		}
		nanos += int64(f)
	}
	if !within(time.Unix(0, nanos)) {
		return 0, false
	}
	return nanos, true
}
