// Package fields finds the fields of a log line: members of a JSON object that
// is the line or stands in it, and pairs in the form of logfmt around it.
package fields

import "strings"

// Limits of what is looked at. What is beyond is text like any other, but no field.
const (
	MaxName   = 200 // bytes of a name, dots included
	MaxFields = 1000
	maxDepth  = 16 // objects in objects; a deeper one is the value of its name, as it is written
	// maxStarts is how many braces are tried as the beginning of an object.
	maxStarts = 4
)

// Lookup returns the value of the first field with this name, as [Each] has it.
// Upper and lower case in names are the same. It allocates only when the
// value has escapes.
func Lookup(message, name string) (value string, ok bool) {
	if name == "" || len(name) > MaxName {
		return "", false
	}
	w := walk{want: name, found: func(_, v string) bool {
		value, ok = v, true
		return false
	}}
	w.message(message)
	return value, ok
}

// Each calls f with the fields of message in order until f returns false, for
// at most MaxFields. Members of the first JSON object come first, then the
// pairs name=value of the text before and after it. A member of an inner object has the names of
// the outer ones before its own, with dots between. A string comes without its
// quotes and escapes; any other value as it is written, an array too. A name may come more than once.
func Each(message string, f func(name, value string) bool) {
	w := walk{found: f}
	w.message(message)
}

// Members calls f with the members of the first JSON object in message until f returns
// false. Inner objects are values, as they are written. It reports whether
// there is an object.
func Members(message string, f func(name, value string) bool) bool {
	w := walk{found: f, shallow: true}
	start := objectStart(message)
	if start >= 0 {
		w.object(message, start, "", "", 0)
	}
	return start >= 0
}

// walk is a way through the fields of one message.
type walk struct {
	want  string // the only name that is looked for; "" is all
	found func(name, value string) bool
	count int
	// shallow leaves inner objects as they are.
	shallow bool
}

// message returns false when found did.
func (w *walk) message(m string) bool {
	start := objectStart(m)
	if start < 0 {
		return w.pairs(m)
	}
	end, more := w.object(m, start, "", w.want, 0)
	if !more {
		return false
	}
	if end < 0 { // the object is cut or broken: there is no telling where text goes on
		end = len(m)
	}
	return w.pairs(m[:start]) && w.pairs(m[end:])
}

// objectStart returns where the first object in m begins, -1 when there is none.
func objectStart(m string) int {
	from := 0
	for range maxStarts {
		i := strings.IndexByte(m[from:], '{')
		if i < 0 {
			break
		}
		if beginsObject(m[from+i:]) {
			return from + i
		}
		from += i + 1
	}
	return -1
}

// emit hands over a field; it returns false when there should be no more.
func (w *walk) emit(name, value string) bool {
	w.count++
	return w.found(name, value) && w.count < MaxFields
}

// beginsObject tells whether s is a brace, a quoted name and a colon, or an
// empty object.
func beginsObject(s string) bool {
	i := skipSpace(s, 1)
	if i < len(s) && s[i] == '}' {
		return true
	}
	if i >= len(s) || s[i] != '"' {
		return false
	}
	i, _ = skipString(s, i)
	if i < 0 {
		return false
	}
	i = skipSpace(s, i)
	return i < len(s) && s[i] == ':'
}
