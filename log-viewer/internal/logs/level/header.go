package level

import (
	"strings"

	"github.com/monlight/monlight/log-viewer/internal/logs"
)

// Bounds of what can be a header, the part of a line before its text.
const (
	maxHeader = 240 // bytes
	maxTokens = 16
	maxPlain  = 2 // words that are neither a level nor have a digit or a dot: a host, a logger
)

// token is a word of a header.
type token struct {
	text     string
	bracket  byte // what opened before it: '[', '<', '(', '|' or 0
	enclosed bool // nothing else stands in the brackets
	next     byte // the byte behind it, 0 at the end
	after    string
}

// header is what is known of a line while its header is read.
type header struct {
	n       int  // tokens so far
	plain   int  // words so far
	stamped bool // there was something like a time or a number
	justNow bool // the token before was such
	colon   bool // the token before ended with a colon
}

// ofHeader returns the level that stands before the text of a line.
func ofHeader(line string) (logs.Level, bool) {
	rest := line[:min(len(line), maxHeader)]
	var h header
	var bracket byte
	for h.n < maxTokens {
		var t token
		if t, rest, bracket = nextToken(rest, bracket); t.text == "" {
			return logs.Info, false
		}
		if l, ok := h.level(t); ok {
			return l, true
		}
		if !h.add(t) {
			return logs.Info, false
		}
	}
	return logs.Info, false
}

// nextToken cuts the first token from s. It returns an empty one at the end and
// at what cannot be part of a header.
func nextToken(s string, bracket byte) (t token, rest string, open byte) {
	i := 0
	adjacent := false
skip:
	for ; i < len(s); i++ {
		switch s[i] {
		case ' ', '\t', '*', '-', ',', '\r':
		case '[', '<', '(':
			bracket, adjacent = s[i], true
			continue
		case '|':
			bracket = '|'
		case ']', '>', ')':
			bracket = 0
		default:
			break skip
		}
		if s[i] != ' ' {
			adjacent = false
		}
	}
	start := i
	for i < len(s) && !strings.ContainsRune(" \t[]<>()|{\"'=", rune(s[i])) {
		i++
	}
	t = token{text: s[start:i], bracket: bracket}
	if i < len(s) {
		t.next, t.after = s[i], s[i:]
		if s[i] == '=' || s[i] == '"' || s[i] == '\'' {
			return token{}, "", 0
		}
	}
	closing := strings.TrimLeft(t.after, " ")
	t.enclosed = adjacent && closing != "" && (closing[0] == ']' || closing[0] == '>' || closing[0] == ')') ||
		bracket == '|' && closing != "" && closing[0] == '|'
	return t, s[i:], bracket
}

// add notes a token that is no level; it returns false when the header cannot
// go on after it.
func (h *header) add(t token) bool {
	h.n++
	text := strings.TrimRight(t.text, ":,;")
	h.colon = strings.HasSuffix(t.text, ":") || t.next == '[' || t.next == '('
	h.justNow = text != "" && strings.ContainsAny(text, "0123456789")
	switch {
	case text == "": // the colon behind a bracket: prog[123]:
	case h.justNow:
		h.stamped = true
	case len(text) == 3 && (isMonth(text) || isDay(text)), text == "UTC", text == "AM", text == "PM", t.bracket == '[', t.bracket == '<', t.bracket == '(':
	case strings.ContainsAny(text, "./:@") && text != ".":
	default:
		h.plain++
		if h.colon && !h.stamped && h.n > 1 {
			return false // a sentence
		}
	}
	return h.plain <= maxPlain && (h.stamped || h.plain <= 1 || h.colon)
}

// level returns the level that a token states at this place.
func (h *header) level(t token) (logs.Level, bool) {
	text := strings.TrimRight(t.text, "!")
	word, colon := text, false
	if i := strings.IndexAny(text, ":/,;"); i >= 0 {
		word, colon = text[:i], text[i] == ':'
		if text[i] != ':' && text[i] != '/' {
			colon = i < len(text)-1
		}
	}
	if l, ok := h.word(word, colon, t); ok {
		return l, true
	}
	if l, ok := h.letter(t); ok {
		return l, true
	}
	// Laravel: production.ERROR: text
	if i := strings.LastIndexByte(word, '.'); i > 0 && colon && upper(word[len(word)-1]) {
		if l, ok := logs.ParseLevel(word[i+1:]); ok && h.stamped {
			return l, true
		}
	}
	// Apache: [core:error]
	if i := strings.LastIndexByte(text, ':'); i > 0 && t.enclosed {
		if l, ok := logs.ParseLevel(text[i+1:]); ok {
			return l, true
		}
	}
	return h.thrown(t)
}

// word decides on a token whose first word may be a level.
func (h *header) word(word string, colon bool, t token) (logs.Level, bool) {
	l, ok := logs.ParseLevel(word)
	if !ok {
		return l, false
	}
	capitals := upper(word[0]) && upper(word[len(word)-1])
	delimited := colon || t.next == '|' || t.next == ']' || t.next == '\t' || strings.HasPrefix(t.after, " - ") || strings.HasPrefix(t.after, " | ") ||
		strings.HasPrefix(t.after, " -- ")
	switch {
	case t.enclosed:
		return l, true
	case capitals && delimited:
		return l, true
	case capitals && ambiguous(word):
		return l, h.stamped
	case capitals:
		return l, h.n == 0 || h.stamped
	case colon && len(word) == len(t.text)-1:
		return l, h.n == 0 || h.stamped || h.colon
	case h.n == 0 && t.next == '\t':
		return l, true
	}
	return l, h.justNow && !ambiguous(word) && t.bracket == 0
}

// ambiguous tells whether a level's name is a word that lines without levels
// begin with.
func ambiguous(word string) bool {
	switch strings.ToLower(word) {
	case "fine", "config", "log", "note", "alert", "http", "fail", "finer", "finest", "silly", "verbose", "notice", "severe":
		return true
	}
	return false
}

// letter reads a level of one letter behind a time: logcat, MongoDB, Ruby.
func (h *header) letter(t token) (logs.Level, bool) {
	if len(t.text) != 1 || !h.justNow || t.next != ' ' && t.next != '/' && t.next != '|' && t.next != '\t' {
		return logs.Info, false
	}
	rest := strings.TrimLeft(t.after, " \t|/")
	end := strings.IndexAny(rest, " :\t[")
	if end <= 0 || rest[end] == ' ' && !upper(rest[end-1]) {
		return logs.Info, false
	}
	switch t.text[0] {
	case 'V', 'T':
		return logs.Trace, true
	case 'D':
		return logs.Debug, true
	case 'I', 'N':
		return logs.Info, true
	case 'W':
		return logs.Warning, true
	case 'E':
		return logs.Error, true
	case 'F', 'C':
		return logs.Critical, true
	}
	return logs.Info, false
}

// thrown recognises the name of an exception or a warning before a colon or at
// the end of the line.
func (h *header) thrown(t token) (logs.Level, bool) {
	if h.n > 3 || t.next != 0 && !strings.HasSuffix(t.text, ":") {
		return logs.Info, false
	}
	name := strings.TrimSuffix(t.text, ":")
	switch {
	case len(name) < len("Error"):
	case strings.HasSuffix(name, "Error"), strings.HasSuffix(name, "Exception"), strings.HasSuffix(name, "Panic"):
		return logs.Error, true
	case strings.HasSuffix(name, "Warning"):
		return logs.Warning, true
	}
	return logs.Info, false
}

// ofBrackets returns the first level in square brackets.
func ofBrackets(line string) (logs.Level, bool) {
	for {
		i := strings.IndexByte(line, '[')
		if i < 0 {
			return logs.Info, false
		}
		line = line[i+1:]
		end := strings.IndexAny(line, "[]")
		if end < 0 {
			return logs.Info, false
		}
		if line[end] == ']' {
			if l, ok := logs.ParseLevel(strings.TrimSpace(line[:end])); ok {
				return l, true
			}
		}
		line = line[end:]
	}
}
