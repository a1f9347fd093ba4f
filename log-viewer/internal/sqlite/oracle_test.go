package sqlite

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/monlight/monlight/log-viewer/internal/logs"
)

// This file says what searches mean without the parser, the matcher, the folding
// or the fields of the service, in the most obvious way and slowly.

// term is a part of a search and what it means.
type term struct {
	text  string
	match func(e *seen) bool
}

// seen is an entry as people see it.
type seen struct {
	logs.Entry
	plain  string // without escape sequences
	lower  string
	fields map[string]string // lower-case names
}

func see(e logs.Entry) *seen {
	s := &seen{Entry: e, plain: withoutEscapes(e.Message)}
	s.lower = lowerCase(s.plain)
	s.findFields()
	return s
}

func lowerCase(s string) string {
	var out strings.Builder
	for _, r := range s { // entries are valid UTF-8
		out.WriteRune(unicode.ToLower(r))
	}
	return out.String()
}

// withoutEscapes leaves out "ESC [ parameters letter", "ESC ] text end", and what else is an ESC.
func withoutEscapes(s string) string {
	if !strings.Contains(s, "\x1b") {
		return s
	}
	csi := regexp.MustCompile(`^\x1b\[[ -?]*[@-~]?`)
	var out strings.Builder
	for s != "" {
		at := strings.IndexByte(s, 0x1b)
		if at < 0 {
			at = len(s)
		}
		out.WriteString(s[:at])
		if s = s[at:]; s == "" {
			break
		}
		n := 1
		if m := csi.FindString(s); m != "" {
			n = len(m)
		} else if strings.HasPrefix(s, "\x1b]") {
			bell, end := strings.Index(s, "\a"), strings.Index(s, "\x1b\\")
			switch {
			case bell > 0 && (end < 0 || bell < end):
				n = bell + 1
			case end > 0:
				n = end + 2
			}
		}
		s = s[n:]
	}
	return out.String()
}

func isLetter(r rune) bool {
	return r >= 0x80 || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// has tells whether the text has the piece; with begins and ends not in the middle of a word.
func has(text, piece string, begins, ends bool) bool {
	word := func(s string, last bool) bool { // its outermost letter
		r := []rune(s)
		return len(r) > 0 && (last && isLetter(r[len(r)-1]) || !last && isLetter(r[0]))
	}
	for at := 0; at+len(piece) <= len(text); at++ {
		next := strings.Index(text[at:], piece)
		if next < 0 {
			return false
		}
		at += next
		before, after := text[max(0, at-4):at], text[at+len(piece):min(len(text), at+len(piece)+4)]
		if begins && word(piece, false) && word(before, true) || ends && word(piece, true) && word(after, false) {
			continue
		}
		return true
	}
	return false
}

// pairs are name=value in a line that is no object.
var pairs = regexp.MustCompile(`(?:^| )([a-z]+)=("[^"]*"|[^ ]*)`)

// findFields takes in the members of a line that is a JSON object, or its pairs.
func (s *seen) findFields() {
	if !strings.ContainsAny(s.plain, "{=") {
		return
	}
	s.fields = make(map[string]string)
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(s.plain), &object) == nil {
		s.members("", object)
		return
	}
	for _, m := range pairs.FindAllStringSubmatch(s.plain, -1) {
		s.fields[m[1]] = strings.Trim(m[2], `"`)
	}
}

func (s *seen) members(prefix string, object map[string]json.RawMessage) {
	for name, raw := range object {
		var inner map[string]json.RawMessage
		var text string
		switch {
		case json.Unmarshal(raw, &inner) == nil:
			s.members(prefix+name+".", inner)
		case json.Unmarshal(raw, &text) == nil:
			s.fields[prefix+name] = text
		default:
			s.fields[prefix+name] = string(bytes.TrimSpace(raw))
		}
	}
}

func word(text string) term {
	piece := lowerCase(text)
	return term{text, func(e *seen) bool { return has(e.lower, piece, true, true) }}
}

func beginning(text string) term {
	piece := lowerCase(strings.TrimSuffix(text, "*"))
	return term{text, func(e *seen) bool { return has(e.lower, piece, true, false) }}
}

func quoted(text string) term {
	piece := lowerCase(text)
	return term{`"` + text + `"`, func(e *seen) bool { return strings.Contains(e.lower, piece) }}
}

func expression(text, source string) term {
	re := regexp.MustCompile(source)
	return term{text, func(e *seen) bool { return re.MatchString(e.plain[:min(len(e.plain), 64<<10)]) }}
}

func fieldHas(text, name string, judge func(value string) bool) term {
	return term{text, func(e *seen) bool {
		value, ok := e.fields[name]
		return ok && judge(value)
	}}
}

func fieldBetween(text, name string, low, high float64, inclusive bool) term {
	return fieldHas(text, name, func(value string) bool {
		n, err := strconv.ParseFloat(value, 64)
		return err == nil && (n > low && n < high || inclusive && (n == low || n == high))
	})
}

// kindsOfTerms are terms of every kind that the search language has.
var kindsOfTerms = []term{
	word("request"), word("error"), beginning("err*"), beginning("conn*"), word("conn42"), word("nope"), word("über"), word("größe"), word("k"), word("ſ"),
	quoted("reque"), quoted("n4"), quoted("est err"), quoted("42"), word("10.0.1.5"), beginning("10.0.*"), quoted("0.1"), beginning("blk_*"),
	fieldHas("status:202", "status", func(v string) bool { return v == "202" }), fieldBetween("http.status:>202", "http.status", 202, math.Inf(1), false),
	fieldBetween("dur:<5", "dur", math.Inf(-1), 5, false), fieldBetween("dur:1..50", "dur", 1, 50, true),
	fieldHas(`msg:"t e"`, "msg", func(v string) bool { return strings.Contains(lowerCase(v), "t e") }),
	fieldHas("msg:request", "msg", func(v string) bool { return has(lowerCase(v), "request", true, true) }),
	fieldHas("path:/api/user", "path", func(v string) bool { return has(lowerCase(v), "/api/user", true, true) }),
	fieldHas("trace_id:*", "trace_id", func(string) bool { return true }),
	{"level:warning", func(e *seen) bool { return e.Level == logs.Warning }}, {"level:>=error", func(e *seen) bool { return e.Level >= logs.Error }},
	{"container:web*", func(e *seen) bool { return strings.HasPrefix(e.Source, "web") }}, {"stream:stderr", func(e *seen) bool { return e.Stream == logs.Stderr }},
	expression("/re[qp]uest/", "request|repuest"), expression("/TIMEOUT|REFUSED/i", "(?i)timeout|(?i)refused"), expression("/[0-9]+ms/", "[0-9]ms"),
	expression(`/x1|conn\d/`, "x1|conn[0-9]"), word("request-1"), beginning("user-*"), word("�"), quoted("\x00"), quoted("�"), expression(`/\x00|\x{fffd}{2}/`, "\x00|\ufffd\ufffd"),
}

// search is a random search: one to three terms.
func (w *world) search() term {
	phrase := w.word()
	terms := append(slices.Clone(kindsOfTerms), word(fmt.Sprintf("%032x", w.Uint64N(90))), word(strconv.Itoa(w.IntN(1000))), word(w.word()),
		word(w.word()+"-"+strconv.Itoa(w.IntN(5))), quoted(phrase+" "))
	join := w.pick(" ", " OR ", " AND ")
	var texts []string
	var parts []func(*seen) bool
	for range 1 + w.IntN(3) {
		t := terms[w.IntN(len(terms))]
		if w.IntN(5) == 0 {
			yes := t.match
			t = term{"-" + t.text, func(e *seen) bool { return !yes(e) }}
		}
		texts, parts = append(texts, t.text), append(parts, t.match)
	}
	return term{strings.Join(texts, join), func(e *seen) bool {
		for _, p := range parts {
			if p(e) == (join == " OR ") {
				return join == " OR "
			}
		}
		return join != " OR "
	}}
}
