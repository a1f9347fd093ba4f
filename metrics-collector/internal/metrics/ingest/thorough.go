package ingest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/monlight/monlight/shared/errs"
)

// decodeThoroughly reads any JSON and says what is wrong with it. Names of
// members are compared exactly, and the last of repeated members counts.
func decodeThoroughly(body []byte, partial bool, points []Point) (Batch, error) {
	items, err := splitItems(body)
	if err != nil {
		return Batch{}, err
	}
	batch := Batch{Points: points, Total: len(items)}
	for i, item := range items {
		p, err := decodePoint(item)
		if err == nil {
			batch.Points = append(batch.Points, p)
			if partial {
				batch.Indexes = append(batch.Indexes, i)
			}
			continue
		}
		if !partial {
			return Batch{}, errs.New(errs.Invalid, "metrics[%d]: %s", i, err)
		}
		batch.Rejected = append(batch.Rejected, ItemError{Index: i, Text: err.Error()})
	}
	return batch, nil
}

func splitItems(body []byte) ([]json.RawMessage, error) {
	trimmed := bytes.TrimLeft(body, " \t\r\n")
	if len(trimmed) == 0 {
		return nil, errs.New(errs.Invalid, "body is empty, want a JSON array of points")
	}
	if tooDeep(body) {
		return nil, errs.New(errs.Invalid, "body is nested deeper than %d levels", maxDepth)
	}
	if trimmed[0] != '[' && trimmed[0] != '{' {
		if !json.Valid(body) {
			return nil, errs.New(errs.Invalid, "body is not valid JSON")
		}
		return nil, errs.New(errs.Invalid, "body must be an array of points, or an object with an array named metrics")
	}
	list := json.RawMessage(body)
	if trimmed[0] == '{' {
		var envelope map[string]json.RawMessage
		if err := json.Unmarshal(body, &envelope); err != nil {
			return nil, notJSON(err)
		}
		var ok bool
		if list, ok = envelope["metrics"]; !ok {
			return nil, errs.New(errs.Invalid, "body is an object without metrics, want an array of points or {\"metrics\":[…]}")
		}
		if len(list) == 0 || list[0] != '[' {
			return nil, errs.New(errs.Invalid, "metrics must be an array of points")
		}
	}
	var items []json.RawMessage
	if err := json.Unmarshal(list, &items); err != nil {
		return nil, notJSON(err)
	}
	switch {
	case len(items) == 0:
		return nil, errs.New(errs.Invalid, "metrics is empty, want 1 to %d points", MaxPoints)
	case len(items) > MaxPoints:
		return nil, errs.New(errs.Invalid, "metrics has %d points, the limit is %d", len(items), MaxPoints)
	}
	return items, nil
}

func notJSON(err error) error {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return errs.Wrap(errs.Invalid, err, "body is not valid JSON: byte %d", syntax.Offset)
	}
	return errs.Wrap(errs.Invalid, err, "body is not valid JSON")
}

// tooDeep stops nested input before a recursive parser sees it.
func tooDeep(body []byte) bool {
	depth, inText := 0, false
	for i := 0; i < len(body); i++ {
		c := body[i]
		switch {
		case inText:
			switch c {
			case '\\':
				i++
			case '"':
				inText = false
			}
		case c == '"':
			inText = true
		case c == '[' || c == '{':
			if depth++; depth > maxDepth {
				return true
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return false
}

func decodePoint(item json.RawMessage) (Point, error) {
	var p Point
	if item[0] != '{' {
		return p, fmt.Errorf("is %s, want an object", kind(item))
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(item, &members); err != nil {
		return p, errors.New("is not valid JSON")
	}
	name, ok, err := textMember(members, "name", MaxNameBytes)
	if err != nil {
		return p, err
	}
	if !ok || name == "" {
		return p, errors.New("name is missing, want a text of 1 to 200 bytes")
	}
	typeName, ok, err := textMember(members, "type", 0)
	if err != nil {
		return p, err
	}
	if !ok {
		return p, errors.New("type is missing, want counter, histogram or gauge")
	}
	if p.Type, ok = ParseType(typeName); !ok {
		return p, fmt.Errorf("type is %s, want counter, histogram or gauge", quote(typeName))
	}
	if err := decodeValue(&p, members["value"]); err != nil {
		return p, err
	}
	if p.Type == Counter && p.Value < 0 {
		return p, fmt.Errorf("value is %v, want at least 0: a counter's values are increments", p.Value)
	}
	project, _, err := textMember(members, "project", MaxProjectBytes)
	if err != nil {
		return p, err
	}
	if text, ok, err := textMember(members, "timestamp", 0); err != nil {
		return p, err
	} else if ok {
		if p.TimeMS, p.HasTime = ParseTimestamp([]byte(text)); !p.HasTime {
			return p, fmt.Errorf("timestamp is %s, want RFC 3339 like 2026-01-31T12:00:00.000Z", quote(text))
		}
	}
	if labels := members["labels"]; len(labels) > 0 && labels[0] != 'n' {
		if labels[0] != '{' {
			return p, fmt.Errorf("labels is %s, want an object of texts", kind(labels))
		}
		p.Labels = labels
	}
	p.Name, p.Project = []byte(name), []byte(project)
	return p, nil
}

// textMember is the member as a string; ok is false if it is absent or null.
// limit is in bytes, 0 for none.
func textMember(members map[string]json.RawMessage, name string, limit int) (text string, ok bool, err error) {
	raw := members[name]
	if len(raw) == 0 || raw[0] == 'n' {
		return "", false, nil
	}
	if raw[0] != '"' {
		return "", false, fmt.Errorf("%s is %s, want a text", name, kind(raw))
	}
	if err := json.Unmarshal(raw, &text); err != nil {
		return "", false, fmt.Errorf("%s is not a valid text", name)
	}
	if limit > 0 && len(text) > limit {
		return "", false, fmt.Errorf("%s has %d bytes, the limit is %d", name, len(text), limit)
	}
	return text, true, nil
}

func decodeValue(p *Point, raw json.RawMessage) error {
	if len(raw) == 0 || raw[0] == 'n' {
		return errors.New("value is missing, want a number")
	}
	if raw[0] != '-' && raw[0]-'0' > 9 {
		return fmt.Errorf("value is %s, want a number", kind(raw))
	}
	v, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		return fmt.Errorf("value is %s, want a number between -1.8e308 and 1.8e308", quote(string(raw)))
	}
	p.Value = v + 0 // minus zero becomes zero
	p.Exponent = NotDecimal
	// The fast reader knows the decimal form of most values.
	var q Point
	s := scanner{b: raw}
	if s.number(&q) && s.i == len(raw) && q.Exponent != NotDecimal {
		p.Mantissa, p.Exponent = q.Mantissa, q.Exponent
	}
	return nil
}

// kind names a JSON value for a message.
func kind(raw json.RawMessage) string {
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a text"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// quote shows the beginning of a text from outside.
func quote(s string) string {
	const most = 40
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return strconv.Quote(s)
}
