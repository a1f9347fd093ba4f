package metrics

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/monlight/monlight/shared/errs"
)

// Limits of a series' labels.
const (
	MaxLabels          = 30
	MaxLabelNameBytes  = 100
	MaxLabelValueBytes = 256
)

// Label is a name and its value, neither of them empty.
type Label struct{ Name, Value string }

// Labels are in ascending order of name, without repeated names.
type Labels []Label

// Value is the value of a label, "" if it is not there.
func (l Labels) Value(name string) string {
	for i := range l {
		if l[i].Name == name {
			return l[i].Value
		}
	}
	return ""
}

// String is the canonical form: compact JSON, by which series are told apart.
func (l Labels) String() string { return string(l.appendTo(nil)) }

func (l Labels) appendTo(b []byte) []byte {
	b = append(b, '{')
	for i := range l {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, l[i].Name)
		b = append(b, ':')
		b = appendText(b, l[i].Value)
	}
	return append(b, '}')
}

// appendText adds a valid UTF-8 text as JSON.
func appendText(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// ParseLabels reads a JSON object of texts. Numbers and booleans are taken as
// their text. A label whose value is null or empty is not there, and the last
// of repeated names counts. Errors are of kind Invalid.
func ParseLabels(raw []byte) (Labels, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	labels, ok := parsePlainLabels(raw)
	if !ok {
		var err error
		if labels, err = parseAnyLabels(raw); err != nil {
			return nil, err
		}
	}
	return normalizeLabels(labels)
}

// normalizeLabels sorts, drops what is not there, and checks the limits.
func normalizeLabels(labels Labels) (Labels, error) {
	sortFunc(labels, func(a, b Label) int { return strings.Compare(a.Name, b.Name) })
	kept := labels[:0]
	for i := range labels {
		if i+1 < len(labels) && labels[i+1].Name == labels[i].Name {
			continue // repeated, and not the last
		}
		if labels[i].Value != "" {
			kept = append(kept, labels[i])
		}
	}
	if len(kept) > MaxLabels {
		return nil, errs.New(errs.Invalid, "labels has %d members, the limit is %d", len(kept), MaxLabels)
	}
	for i := range kept {
		switch n, v := kept[i].Name, kept[i].Value; {
		case n == "":
			return nil, errs.New(errs.Invalid, "labels has a member without a name")
		case len(n) > MaxLabelNameBytes:
			return nil, errs.New(errs.Invalid, "a label's name has %d bytes, the limit is %d", len(n), MaxLabelNameBytes)
		case len(v) > MaxLabelValueBytes:
			return nil, errs.New(errs.Invalid, "label %s has %d bytes, the limit is %d", shown(n), len(v), MaxLabelValueBytes)
		}
	}
	return kept, nil
}

// parsePlainLabels reads an object of texts without escapes.
func parsePlainLabels(raw []byte) (Labels, bool) {
	if !utf8.Valid(raw) || bytes.IndexByte(raw, '\\') >= 0 {
		return nil, false
	}
	labels := make(Labels, 0, 8)
	rest := bytes.TrimLeft(raw, jsonSpace)
	if len(rest) == 0 || rest[0] != '{' {
		return nil, false
	}
	for sep := byte('{'); ; sep = ',' {
		if len(rest) == 0 || rest[0] != sep {
			return labels, len(rest) > 0 && rest[0] == '}' && len(bytes.TrimLeft(rest[1:], jsonSpace)) == 0
		}
		name, after, ok := cutText(rest[1:])
		if !ok || len(after) == 0 || after[0] != ':' {
			return nil, false
		}
		var value []byte
		if value, rest, ok = cutText(after[1:]); !ok {
			return nil, false
		}
		labels = append(labels, Label{string(name), string(value)})
	}
}

const jsonSpace = " \t\r\n"

// cutText cuts a JSON text without escapes, and the space around it.
func cutText(b []byte) (text, rest []byte, ok bool) {
	b = bytes.TrimLeft(b, jsonSpace)
	if len(b) == 0 || b[0] != '"' {
		return nil, nil, false
	}
	end := bytes.IndexByte(b[1:], '"')
	if end < 0 {
		return nil, nil, false
	}
	return b[1 : 1+end], bytes.TrimLeft(b[end+2:], jsonSpace), true
}

func parseAnyLabels(raw []byte) (Labels, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, errs.New(errs.Invalid, "labels is not an object")
	}
	labels := make(Labels, 0, len(members))
	for name, v := range members {
		switch v[0] {
		case 'n':
		case '"':
			var text string
			if err := json.Unmarshal(v, &text); err != nil {
				return nil, errs.New(errs.Invalid, "label %s is not a valid text", shown(name))
			}
			labels = append(labels, Label{name, text})
		case '{', '[':
			return nil, errs.New(errs.Invalid, "label %s is an object or array, want a text", shown(name))
		default:
			labels = append(labels, Label{name, string(v)})
		}
	}
	return labels, nil
}

// shown quotes the beginning of a text from outside.
func shown(s string) string {
	const most = 40
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return fmt.Sprintf("%q", s)
}
