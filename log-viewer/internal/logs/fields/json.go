package fields

import (
	"encoding/json"
	"strings"
)

// object goes through the object that begins at m[i]. prefix is the dotted name
// of the object with a dot behind it, and want what is left to find of the
// name that is looked for. It returns the place behind the object, or -1 when
// the object is not complete, and whether to go on.
func (w *walk) object(m string, i int, prefix, want string, depth int) (end int, more bool) {
	i = skipSpace(m, i+1)
	if i < len(m) && m[i] == '}' {
		return i + 1, true
	}
	for {
		if i >= len(m) || m[i] != '"' {
			return -1, true
		}
		keyEnd, escaped := skipString(m, i)
		if keyEnd < 0 {
			return -1, true
		}
		key := m[i+1 : keyEnd-1]
		if escaped {
			key = unquote(m[i:keyEnd])
		}
		i = skipSpace(m, keyEnd)
		if i >= len(m) || m[i] != ':' {
			return -1, true
		}
		i = skipSpace(m, i+1)
		if i, more = w.member(m, i, prefix, key, want, depth); !more || i < 0 {
			return i, more
		}
		i = skipSpace(m, i)
		if i >= len(m) {
			return -1, true
		}
		switch m[i] {
		case ',':
			i = skipSpace(m, i+1)
		case '}':
			return i + 1, true
		default:
			return -1, true
		}
	}
}

// member goes through the value at m[i] of one member of an object.
func (w *walk) member(m string, i int, prefix, key, want string, depth int) (end int, more bool) {
	if i >= len(m) {
		return -1, true
	}
	if m[i] == '{' && !w.shallow && depth < maxDepth && key != "" && !emptyObject(m, i) {
		return w.inner(m, i, prefix, key, want, depth)
	}
	end, escaped := skipValue(m, i)
	if end < 0 || !w.wants(prefix, key, want) {
		return end, true
	}
	value := m[i:end]
	if value[0] == '"' {
		if escaped {
			value = unquote(value)
		} else {
			value = value[1 : len(value)-1]
		}
	}
	name := key
	if w.want == "" && prefix != "" {
		name = prefix + key
	}
	return end, w.emit(name, value)
}

// wants tells whether the field prefix+key is to be reported.
func (w *walk) wants(prefix, key, want string) bool {
	if key == "" {
		return false
	}
	if w.want != "" {
		return len(key) == len(want) && strings.EqualFold(key, want)
	}
	return len(prefix)+len(key) <= MaxName
}

// inner goes through an object in an object, or past it when the name that is
// looked for cannot be in there.
func (w *walk) inner(m string, i int, prefix, key, want string, depth int) (end int, more bool) {
	if w.want == "" {
		if len(prefix)+len(key) >= MaxName {
			end, _ = skipValue(m, i)
			return end, true
		}
		return w.object(m, i, prefix+key+".", "", depth+1)
	}
	if len(want) > len(key)+1 && want[len(key)] == '.' && strings.EqualFold(want[:len(key)], key) {
		return w.object(m, i, "", want[len(key)+1:], depth+1)
	}
	end, _ = skipValue(m, i)
	return end, true
}

func emptyObject(m string, i int) bool {
	i = skipSpace(m, i+1)
	return i < len(m) && m[i] == '}'
}

func skipSpace(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\n' || s[i] == '\t' || s[i] == '\r') {
		i++
	}
	return i
}

// skipString returns the place behind the string that begins at s[i], -1 when
// it does not end, and whether it has escapes.
func skipString(s string, i int) (end int, escaped bool) {
	i++
	for {
		j := strings.IndexByte(s[i:], '"')
		if j < 0 {
			return -1, escaped
		}
		b := strings.IndexByte(s[i:i+j], '\\')
		if b < 0 {
			return i + j + 1, escaped
		}
		escaped = true
		i += b + 2
		if i > len(s) {
			return -1, true
		}
	}
}

// skipValue returns the place behind the value that begins at s[i], -1 when it
// is none or does not end. Brackets are counted, not matched: a text that only looks like
// JSON is passed over as well.
func skipValue(s string, i int) (end int, escaped bool) {
	if i >= len(s) {
		return -1, false
	}
	switch s[i] {
	case '"':
		return skipString(s, i)
	case '{', '[':
		return skipNested(s, i), false
	}
	start := i
	for i < len(s) {
		switch s[i] {
		case ',', '}', ']', ' ', '\n', '\t', '\r':
			if i == start {
				return -1, false
			}
			return i, false
		case '"', '{', '[', ':':
			return -1, false
		}
		i++
	}
	return -1, false // at the top there is an object around every value
}

func skipNested(s string, i int) int {
	depth := 0
	for i < len(s) {
		switch s[i] {
		case '"':
			if i, _ = skipString(s, i); i < 0 {
				return -1
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
	return -1
}

// unquote returns the text of a JSON string with escapes; one with a wrong
// escape is returned as it is written, without its quotes.
func unquote(s string) string {
	var text string
	if json.Unmarshal([]byte(s), &text) != nil {
		return s[1 : len(s)-1]
	}
	return text
}
