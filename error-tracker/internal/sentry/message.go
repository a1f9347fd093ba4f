package sentry

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/eventjson"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/jsonpull"
)

// maxMessage bounds the text of a message, in bytes.
const maxMessage = 64 << 10

// message reads a text, or an object with a template, its parameters and the
// text that they make.
func message(d *eventjson.Decoder) event.Message {
	var m event.Message
	if d.P.Kind() != jsonpull.Object {
		m.Formatted = d.Free(maxMessage)
		return m
	}
	for name := range d.P.Object() {
		switch name {
		case "message":
			m.Template = d.Free(maxMessage)
		case "formatted":
			m.Formatted = d.Free(maxMessage)
		case "params":
			if raw := d.Value(); string(raw) != "[]" && string(raw) != "{}" {
				m.Params = raw
			}
		}
	}
	if m.Formatted == "" && m.Params != nil {
		m.Formatted = format(m.Template, m.Params)
	}
	if m.Formatted == m.Template {
		m.Template = "" // the text was formatted before it was logged
	}
	return m
}

// format puts parameters into a template in the manner of Python, or of loggers
// that mark the places by braces. It is for SDKs that leave it to the server,
// and returns "" for a template without places.
func format(template string, params json.RawMessage) string {
	var list []any
	var named map[string]any
	if json.Unmarshal(params, &list) != nil && json.Unmarshal(params, &named) != nil {
		return ""
	}
	var b strings.Builder
	used := 0
	for rest := template; rest != ""; {
		i := strings.IndexAny(rest, "%{")
		if i < 0 {
			b.WriteString(rest)
			break
		}
		b.WriteString(rest[:i])
		rest = rest[i:]
		if strings.HasPrefix(rest, "%%") {
			b.WriteByte('%')
			rest = rest[2:]
			continue
		}
		name, n := place(rest)
		value, ok := any(nil), false
		switch {
		case n == 0:
		case name != "":
			value, ok = named[name]
		case used < len(list):
			value, ok = list[used], true
		}
		if !ok {
			b.WriteByte(rest[0])
			rest = rest[1:]
			continue
		}
		used++
		b.WriteString(show(value))
		rest = rest[n:]
		if b.Len() > maxMessage {
			break
		}
	}
	if used == 0 {
		return ""
	}
	return eventjson.Cut(b.String(), maxMessage)
}

// place reads a place for a parameter at the beginning of s: "%s", "%5.2f",
// "%(name)d", "{}" or "{name}". n is its length, 0 if there is none.
func place(s string) (name string, n int) {
	if s[0] == '{' {
		end := strings.IndexByte(s, '}')
		if end < 0 || end > 64 || strings.ContainsAny(s[1:end], " {\"\n") {
			return "", 0
		}
		name, _, _ = strings.Cut(s[1:end], ":")
		if _, err := strconv.Atoi(name); err == nil {
			name = ""
		}
		return name, end + 1
	}
	n = 1
	if strings.HasPrefix(s, "%(") {
		end := strings.IndexByte(s, ')')
		if end < 0 || end > 64 {
			return "", 0
		}
		name, n = s[2:end], end+1
	}
	for n < len(s) && n < 80 && strings.IndexByte("#0- +.*123456789lhL", s[n]) >= 0 {
		n++
	}
	if n == len(s) || strings.IndexByte("diouxXeEfFgGcrsav", s[n]) < 0 {
		return "", 0
	}
	return name, n + 1
}

func show(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case nil:
		return "None"
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}
