package fields

import (
	"strconv"
	"strings"
)

// pairs goes through the pairs name=value in s. A name begins s or stands behind a blank
// or an opening bracket or a separator, so that the parameters of a URL are no
// fields. It returns false when found did.
func (w *walk) pairs(s string) bool {
	i := 0
	for {
		eq := strings.IndexByte(s[i:], '=')
		if eq < 0 {
			return true
		}
		eq += i
		start := nameStart(s, i, eq)
		if start < 0 {
			i = eq + 1
			continue
		}
		value, end, escaped := pairValue(s, eq+1)
		i = end
		name := s[start:eq]
		if w.want != "" && (len(name) != len(w.want) || !strings.EqualFold(name, w.want)) {
			continue
		}
		if escaped {
			value = unescape(value)
		}
		if !w.emit(name, value) {
			return false
		}
	}
}

// nameStart returns where the name that ends before s[eq] begins, not before
// low, or -1 when what stands there is no name.
func nameStart(s string, low, eq int) int {
	i := eq
	for i > low && nameByte(s[i-1]) {
		i--
		if eq-i > MaxName {
			return -1
		}
	}
	if i == eq || !letter(s[i]) {
		return -1
	}
	if eq+1 < len(s) && (s[eq+1] == '=' || s[eq+1] == '~') { // a == b
		return -1
	}
	if i > 0 {
		switch s[i-1] {
		case ' ', '\t', '\n', '\r', ',', ';', '(', '[', '{', '|', '"', '\'':
		default:
			return -1
		}
	}
	return i
}

// pairValue returns the value that begins at s[i] and the place behind it. A
// value in quotes is returned without them.
func pairValue(s string, i int) (value string, end int, escaped bool) {
	if i < len(s) && (s[i] == '"' || s[i] == '\'') {
		if end, escaped := quotedEnd(s, i); end > 0 {
			return s[i+1 : end-1], end, escaped
		}
	}
	end = i
scan:
	for end < len(s) {
		switch s[end] {
		case ' ', '\t', '\n', '\r':
			break scan
		case ',', ';':
			if end+1 == len(s) || s[end+1] <= ' ' || beginsPair(s, end+1) {
				break scan
			}
		}
		end++
	}
	value = s[i:end]
	// A bracket or quote that was opened before the name ends behind the value.
	if n := len(value); n > 0 {
		switch c := value[n-1]; c {
		case '"', '\'':
			value = value[:n-1]
		case ')', ']', '}':
			if strings.Count(value, string(c)) > strings.Count(value, opening(c)) {
				value = value[:n-1]
			}
		}
	}
	return value, end, false
}

// quotedEnd returns the place behind the string in quotes that begins at s[i],
// 0 when it does not end.
func quotedEnd(s string, i int) (end int, escaped bool) {
	quote := s[i]
	for j := i + 1; j < len(s); j++ {
		switch s[j] {
		case quote:
			return j + 1, escaped
		case '\\':
			escaped = true
			j++
		}
	}
	return 0, false
}

// beginsPair tells whether a name and an equals sign stand at s[i].
func beginsPair(s string, i int) bool {
	start := i
	for i < len(s) && i-start <= MaxName && nameByte(s[i]) {
		i++
	}
	return i > start && i < len(s) && s[i] == '=' && letter(s[start])
}

func opening(c byte) string {
	switch c {
	case ')':
		return "("
	case ']':
		return "["
	}
	return "{"
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == '@' }

func nameByte(c byte) bool {
	return letter(c) || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '/'
}

// unescape returns the text of a value in quotes that has escapes; one with a
// wrong escape is returned as it is written.
func unescape(s string) string {
	text, err := strconv.Unquote(`"` + s + `"`)
	if err != nil {
		return strings.NewReplacer(`\"`, `"`, `\'`, `'`, `\\`, `\`).Replace(s)
	}
	return text
}
