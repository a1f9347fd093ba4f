package block

import (
	"bytes"
	"strings"

	"github.com/monlight/monlight/log-viewer/internal/logs"
)

// mark stands in a template for a variable.
const mark = 0x11

// A text is kept whole, as a verbatim template, if it has the mark in it, if it
// is long, or if it has so many variables that columns of them would cost more
// than they save.
const (
	maxTemplateText = 16 << 10
	maxVariables    = 128
)

// span is a part of the text of a Rows.
type span struct{ from, to uint32 }

// splitter takes the variables out of messages.
type splitter struct {
	text []byte // the template of the last message
	vars []span // its variables, as parts of the message
}

// split makes the template of a message; verbatim means that it is the message.
//
// Escape sequences of terminals belong to the template as they are: their
// digits are not part of a token.
func (s *splitter) split(m string) (verbatim bool) {
	s.text, s.vars = s.text[:0], s.vars[:0]
	if len(m) > maxTemplateText || strings.IndexByte(m, mark) >= 0 {
		s.text = append(s.text, m...)
		return true
	}
	flushed, i := 0, 0
	for i < len(m) {
		c := m[i]
		class := classes[c]
		if class == classOther {
			if c == esc {
				i += logs.EscapeLength(m[i:])
			} else {
				i++
			}
			continue
		}
		start := i
		digit := false
		for i < len(m) {
			k := classes[m[i]]
			if k == classOther {
				break
			}
			digit = digit || k == classDigit
			i++
		}
		if !digit {
			continue
		}
		if len(s.vars) == maxVariables {
			s.text, s.vars = append(s.text[:0], m...), s.vars[:0]
			return true
		}
		s.text = append(append(s.text, m[flushed:start]...), mark)
		s.vars = append(s.vars, span{uint32(start), uint32(i)}) //nolint:gosec // at most maxTemplateText
		flushed = i
	}
	s.text = append(s.text, m[flushed:]...)
	return false
}

const esc = 0x1b

const (
	classOther = iota
	classLetter
	classDigit
)

var classes = func() (t [256]uint8) {
	for c := range 256 {
		b := byte(c) //nolint:gosec // below 256
		switch {
		case isDigit(b):
			t[c] = classDigit
		case logs.IsTokenByte(b):
			t[c] = classLetter
		}
	}
	return t
}()

// joins tells whether text without its escape sequences has tokens that run
// into each other: then what it says cannot be told from the template alone.
func joins(template []byte) bool {
	if bytes.IndexByte(template, esc) < 0 {
		return false
	}
	s := string(template)
	if strings.Contains(s, "\x1b]") {
		return true // how far it reaches depends on the length of what follows
	}
	last := byte(' ') // what was before the escape sequences
	for i := 0; i < len(s); {
		if s[i] != esc {
			last = s[i]
			i++
			continue
		}
		i += logs.EscapeLength(s[i:])
		if i < len(s) && s[i] != esc && tokenish(last) && tokenish(s[i]) {
			return true
		}
	}
	return false
}

func tokenish(c byte) bool { return c == mark || classes[c] != classOther }
