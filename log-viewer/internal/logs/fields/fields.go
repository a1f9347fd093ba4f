// Package fields finds named values in log messages: the members of a JSON
// object, nested ones by dotted names, and key=value pairs.
package fields

import (
	"encoding/json"
	"strings"
)

// Lookup returns the value of the field with the name. Strings come without
// quotes and escapes, other values as they are written.
func Lookup(message, name string) (value string, ok bool) {
	Each(message, func(n, v string) bool {
		if n == name {
			value, ok = v, true
		}
		return !ok
	})
	return value, ok
}

// Each calls f for each field until f returns false.
func Each(message string, f func(name, value string) bool) {
	s := strings.TrimLeft(message, " \t\n")
	if strings.HasPrefix(s, "{") {
		var object map[string]json.RawMessage
		if json.Unmarshal([]byte(s), &object) == nil {
			eachMember("", object, f)
			return
		}
	}
	eachPair(s, f)
}

func eachMember(prefix string, object map[string]json.RawMessage, f func(name, value string) bool) bool {
	for k, raw := range object {
		name := prefix + k
		var text string
		var nested map[string]json.RawMessage
		switch {
		case raw[0] == '"' && json.Unmarshal(raw, &text) == nil:
			if !f(name, text) {
				return false
			}
		case raw[0] == '{' && json.Unmarshal(raw, &nested) == nil:
			if !eachMember(name+".", nested, f) {
				return false
			}
		default:
			if !f(name, string(raw)) {
				return false
			}
		}
	}
	return true
}

func eachPair(s string, f func(name, value string) bool) {
	for s != "" {
		word, rest, _ := strings.Cut(s, " ")
		name, value, ok := strings.Cut(word, "=")
		if ok && strings.HasPrefix(value, `"`) {
			start := len(name) + 2
			if end := strings.IndexByte(s[start:], '"'); end >= 0 {
				value, rest = s[start:start+end], s[start+end+1:]
			}
		}
		if ok && name != "" && !f(name, value) {
			return
		}
		s = rest
	}
}
