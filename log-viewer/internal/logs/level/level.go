// Package level finds out how serious a log entry is from what it says.
package level

import (
	"strings"

	"github.com/monlight/monlight/log-viewer/internal/logs"
)

// maxLook is how much of an entry is looked at, in bytes, but for the members of a JSON
// object. A level stands at the beginning.
const maxLook = 4096

// Of returns the level of an entry. The first of these that says something
// decides: a JSON object, the marks of particular programs, the words before the
// text (after a time, in brackets, before a colon), level= of logfmt, a
// traceback, a level in brackets anywhere, the status of an access log (5xx is
// an error, 4xx a warning), a JSON object behind a text. An entry without any of
// them is Info on stdout. On stderr it is an error unless it looks like the
// line of a logger, with a time, that speaks of no error.
func Of(message string, stream logs.Stream) logs.Level {
	text := strings.TrimLeft(message, " \t\r\n")
	if strings.HasPrefix(text, "{") {
		if l, ok := ofObject(text); ok {
			return l
		}
	}
	text = withoutEscapes(text[:min(len(text), maxLook)])
	line, _, _ := strings.Cut(text, "\n")
	if l, ok := ofMark(line); ok {
		return l
	}
	if l, ok := ofHeader(line); ok {
		return l
	}
	if l, ok := ofPair(line); ok {
		return l
	}
	if l, ok := ofCrash(text); ok {
		return l
	}
	if l, ok := ofBrackets(line); ok {
		return l
	}
	if l, ok := ofAccess(line); ok {
		return l
	}
	if strings.Contains(line, `{"`) && text[0] != '{' {
		if l, ok := ofObject(message); ok {
			return l
		}
	}
	if stream != logs.Stderr || text == "" || beginsWithTime(line) && !speaksOfError(line) || text[0] == '{' && fieldsOf(text) {
		return logs.Info
	}
	return logs.Error
}

// Stated returns the level that a line names by itself, in its header or as a
// field; ok is false when it names none.
func Stated(line string) (level logs.Level, ok bool) {
	line = withoutEscapes(strings.TrimLeft(line[:min(len(line), maxLook)], " \t"))
	if strings.HasPrefix(line, "{") {
		return ofObject(line)
	}
	if level, ok = ofMark(line); ok {
		return level, true
	}
	if level, ok = ofHeader(line); ok {
		return level, true
	}
	return ofPair(line)
}

// BeginsWithTime tells whether a line begins as that of a logger does: with a
// date or time, in brackets or not.
func BeginsWithTime(line string) bool { return beginsWithTime(line) }

// withoutEscapes returns s without the escape sequences of terminals.
func withoutEscapes(s string) string {
	i := strings.IndexByte(s, 0x1b)
	if i < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for {
		b = append(b, s[:i]...)
		s = s[i+1:]
		if strings.HasPrefix(s, "[") { // up to the byte that says what the sequence does
			end := 1
			for end < len(s) && (s[end] < 0x40 || s[end] > 0x7e) {
				end++
			}
			s = s[min(end+1, len(s)):]
		}
		if i = strings.IndexByte(s, 0x1b); i < 0 {
			return strings.TrimLeft(string(append(b, s...)), " \t")
		}
	}
}

func beginsWithTime(line string) bool {
	line = strings.TrimLeft(line, "[(")
	if len(line) < 8 {
		return false
	}
	digits := 0
	for digits < len(line) && digit(line[digits]) {
		digits++
	}
	switch digits {
	case 0:
		return isMonth(line[:3]) && line[3] == ' ' || isDay(line[:3]) && line[3] == ' '
	case 4, 2, 1:
		c := line[digits]
		return (c == '-' || c == '/' || c == ':' || c == '.') && digit(line[digits+1]) || c == '/' && isMonth(line[digits+1:digits+4]) ||
			c == '-' && isMonth(line[digits+1:digits+4])
	}
	return digits >= 8 // seconds since 1970, or a date without separators
}

func isMonth(s string) bool {
	switch s {
	case "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec":
		return true
	}
	return false
}

func isDay(s string) bool {
	switch s {
	case "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun":
		return true
	}
	return false
}

// speaksOfError tells whether a line without a level has a word for failure.
func speaksOfError(line string) bool {
	for i := 0; i < len(line); i++ {
		if !letter(line[i]) || i > 0 && letter(line[i-1]) {
			continue
		}
		rest := line[i:]
		for _, word := range [...]string{"error", "fail", "fatal", "panic", "exception", "cannot", "could not", "unable to", "refused", "denied", "segfault"} {
			if len(rest) >= len(word) && rest[0]|0x20 == word[0] && strings.EqualFold(rest[:len(word)], word) {
				return true
			}
		}
	}
	return false
}

func digit(c byte) bool  { return c >= '0' && c <= '9' }
func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func upper(c byte) bool  { return c >= 'A' && c <= 'Z' }
