package alerting

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// cut returns the first n bytes of s, fewer where the n-th would split a rune,
// and whether anything was left out.
func cut(s string, n int) (head string, short bool) {
	if len(s) <= n {
		return s, false
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n], true
}

// harmless replaces the characters that could change what surrounds a text or
// how it is read: control characters, line and paragraph separators, and the
// ones that turn the writing direction. keep names control characters to leave.
func harmless(s, keep string, instead rune) string {
	return strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune(keep, r):
			return r
		case unicode.IsControl(r), r == '\u2028', r == '\u2029':
			return instead
		case r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069', r == '\u200e', r == '\u200f', r == '\ufeff':
			return -1
		}
		return r // what is not UTF-8 arrives here, and leaves, as U+FFFD
	}, s)
}

// flat makes s fit for a header or a line: one line of text, runs of white
// space as one space.
func flat(s string) string {
	return strings.Join(strings.Fields(harmless(s, "", ' ')), " ")
}

// oneLine is flat for at most n bytes of s. An ellipsis marks a cut.
func oneLine(s string, n int) string {
	s, short := cut(s, n)
	s = flat(s)
	if short {
		s += "…"
	}
	return s
}

// block makes s fit for a paragraph of its own: at most n bytes of it, lines
// ended by \n, tabs kept. short tells whether something was left out.
func block(s string, n int) (text string, short bool) {
	s, short = cut(s, n)
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.ReplaceAll(s, "\r", "\n")
	return strings.Trim(harmless(s, "\n\t", '\ufffd'), "\n"), short
}

// number is n with a comma between thousands.
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	start := 0
	if n < 0 {
		start = 1
	}
	for i := len(s) - 3; i > start; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// plural is "1 issue" or "2 issues".
func plural(n int64, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + one + "s"
}

// clock is t for people, in UTC because one mail goes to several places. It is
// "" for the zero time.
func clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// span is a duration for people: "10 minutes".
func span(d time.Duration) string {
	switch {
	case d >= 48*time.Hour && d%(24*time.Hour) == 0:
		return plural(int64(d/(24*time.Hour)), "day")
	case d >= time.Hour && d%time.Hour == 0:
		return plural(int64(d/time.Hour), "hour")
	case d >= time.Minute && d%time.Minute == 0:
		return plural(int64(d/time.Minute), "minute")
	}
	return d.String()
}
