package sqlite

import (
	"strings"
	"unicode/utf8"
)

// cut shortens s to at most n bytes, at the border of a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// stored makes text from outside fit a TEXT column of any database: valid UTF-8
// without NUL, cut at n bytes (each bad byte may then take two more).
func stored(s string, n int) string {
	s = strings.ToValidUTF8(cut(s, n), "\uFFFD")
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "\uFFFD")
	}
	return s
}
