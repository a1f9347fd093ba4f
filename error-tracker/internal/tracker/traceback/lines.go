package traceback

import (
	"strings"
	"unicode/utf8"
)

// split makes lines of a text: valid UTF-8, without terminal colours and
// without line ends. Lines of a text that was escaped once too often ("\n" as
// two characters and no real line end) are recognised.
func split(text string) []string {
	if len(text) > MaxText {
		text = text[:MaxText]
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	if strings.Contains(text, `\n`) && !strings.Contains(strings.TrimSpace(text), "\n") {
		text = strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\"`, `"`).Replace(text)
	}
	text = stripColours(text)
	lines := make([]string, 0, strings.Count(text, "\n")+1)
	for line := range strings.SplitSeq(text, "\n") {
		lines = append(lines, strings.TrimRight(line, "\r"))
	}
	return lines
}

// stripColours removes the escape sequences of ECMA-48 ("CSI … letter") that
// Python 3.13, Ruby and Node print on a terminal.
func stripColours(s string) string {
	i := strings.Index(s, "\x1b[")
	if i < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i >= 0 {
		b.WriteString(s[:i])
		s = s[i+2:]
		end := 0
		for end < len(s) && s[end] >= 0x20 && s[end] < 0x40 { // parameter and intermediate bytes
			end++
		}
		if end < len(s) && s[end] >= 0x40 && s[end] < 0x7f { // final byte
			end++
		}
		s = s[end:]
		i = strings.Index(s, "\x1b[")
	}
	b.WriteString(s)
	return b.String()
}

// clean cuts s to at most limit bytes of valid UTF-8.
func clean(s string, limit int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

// indent counts the blanks that s begins with.
func indent(s string) int {
	return len(s) - len(strings.TrimLeft(s, " \t"))
}

// number reads s as a decimal count. It refuses signs, other characters and
// numbers that no line or column has.
func number(s string) (int, bool) {
	if s == "" || len(s) > 9 {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		c := s[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

// digits returns the number that s begins with, and what follows it.
func digits(s string) (n int, rest string, ok bool) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	n, ok = number(s[:i])
	return n, s[i:], ok
}

// position splits "path:12:34" or "path:12" from its end.
func position(s string) (path string, line, column int, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i <= 0 {
		return s, 0, 0, false
	}
	last, ok := number(s[i+1:])
	if !ok {
		return s, 0, 0, false
	}
	if j := strings.LastIndexByte(s[:i], ':'); j > 0 {
		if n, ok := number(s[j+1 : i]); ok {
			return s[:j], n, last, true
		}
	}
	return s[:i], last, 0, true
}

// isIdentifier tells whether s is one word of letters, digits, '_' and '$', or
// several with one of the separators between them.
func isIdentifier(s, separators string) bool {
	word := false // inside a word
	for i, r := range s {
		switch {
		case r == '_' || r == '$' || r >= 0x80 || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z':
			word = true
		case '0' <= r && r <= '9':
			if !word && i == 0 {
				return false
			}
			word = true
		case strings.ContainsRune(separators, r):
			word = false
		default:
			return false
		}
	}
	return word
}
