package multiline

import (
	"strings"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/log-viewer/internal/logs/level"
)

// verdict is whether a line belongs to the entry before it.
type verdict uint8

const (
	no verdict = iota
	maybe
	yes
)

// need is what must follow lines that may belong to an entry.
type need uint8

const (
	anything   need = iota // for blank lines
	indented               // a line that begins with a blank
	caret                  // the mark below a line of source
	stackFrame             // a line of a stack trace
)

func (n need) met(line string) bool {
	switch n {
	case indented:
		return line[0] == ' ' || line[0] == '\t'
	case caret:
		return isCaret(line)
	case stackFrame:
		return isFrame(line)
	}
	return true
}

// within is what kind of text an entry is in.
type within uint8

const (
	plain       within = iota
	python             // the frames of a traceback
	pythonEnd          // behind the line with the exception
	pythonChain        // behind the sentence that tells of another exception
	goHead             // a panic, before the first goroutine
	goroutine
	rustHead // a panic, before its message
	rustEnd
	php
	nodeCode // the source line that threw, before the error
	frames   // a stack trace of Java, Node, Ruby, .NET
)

// status is what is known of the open entry.
type status struct {
	within   within
	first    string
	thrown   bool // the last line is the name of an exception with its text
	rescued  bool // the last error of Ruby was raised while another one was handled, which is told next
	opened   bool // a bracket at the end of a line waits for a line that closes it
	complete bool // no line can follow
}

// group tells whether more lines are expected.
func (s *status) group() bool { return s.within != plain || s.thrown || s.opened }

// begin returns the status of an entry of one line.
func begin(line string) status {
	s := status{first: line, opened: opens(line)}
	switch c := line[0]; {
	case c == '{' && line[len(line)-1] == '}' && len(line) > 2 && line[1] == '"':
		s.complete = true
	case c == 'T' && strings.HasPrefix(line, traceback), c == ' ' && isPythonIndented(line):
		s.within = python
	case isPanic(line):
		s.within = goHead
	case c == 'g' && isGoroutine(line):
		s.within = goroutine
	case c == 't' && strings.HasPrefix(line, "thread '") && strings.Contains(line, "panicked at"):
		s.within = rustHead
	case c == 'P' && (strings.HasPrefix(line, "PHP Fatal error") || strings.HasPrefix(line, "PHP Warning:  Uncaught")),
		c == 'F' && strings.HasPrefix(line, "Fatal error: "):
		s.within = php
	default:
		s.thrown = isThrown(line)
		s.rescued = isRubyFrame(line) && isRescue(line)
	}
	return s
}

// follow notes a line that belongs to the entry.
func (s *status) follow(line string) {
	if blank(line) {
		return
	}
	indented := line[0] == ' ' || line[0] == '\t'
	s.opened = s.opened && (indented || !closes(line)) || opens(line)
	s.thrown = !indented && isThrown(line)
	s.rescued = (s.rescued && !isRubyError(line)) || isRescue(line)
	switch s.within {
	case python:
		if !indented && !strings.HasPrefix(line, traceback) || indented && strings.Trim(line, " +-") == "" {
			s.within = pythonEnd
		}
	case pythonEnd:
		switch {
		case isChain(line):
			s.within = pythonChain
		case isPythonIndented(line):
			s.within = python
		}
	case pythonChain:
		s.within = python
	case goHead:
		if isGoroutine(line) {
			s.within = goroutine
		}
	case rustHead:
		s.within = rustEnd
	case nodeCode:
		if !indented {
			s.within = frames
		}
	case plain, frames:
		switch {
		case strings.HasPrefix(line, traceback), indented && isPythonIndented(line):
			s.within = python
		case isGoroutine(line):
			s.within = goroutine
		case strings.HasPrefix(line, "Stack trace:"), strings.HasPrefix(line, "[stacktrace]"), line[0] == '#' && isPHPFrame(line):
			s.within = php
		case isCaret(line) && isPlace(s.first):
			s.within = nodeCode
		case isFrame(line):
			s.within = frames
		}
	}
}

// judge tells whether line belongs to the open entry, and what must follow when
// that is not certain.
func (s *status) judge(line string) (verdict, need) {
	if blank(line) {
		return maybe, anything
	}
	if s.again(line) {
		return no, 0
	}
	if line[0] == ' ' || line[0] == '\t' {
		return s.judgeIndented(line), 0
	}
	if s.opened && closes(line) {
		return yes, 0
	}
	switch s.within {
	case python:
		return when(strings.HasPrefix(line, traceback) || isExceptionLine(line) || isRubyFrame(line)), 0
	case pythonEnd:
		return s.judgePythonEnd(line)
	case pythonChain:
		return when(strings.HasPrefix(line, traceback)), 0
	case goHead, goroutine:
		return s.judgeGo(line)
	case rustHead:
		return yes, 0
	case rustEnd:
		return when(strings.HasPrefix(line, "note: ") || strings.HasPrefix(line, "stack backtrace:")), 0
	case php:
		return when(isPHP(line)), 0
	case nodeCode:
		return when(!isEntry(line)), 0
	}
	return s.judgePlain(line)
}

// again tells whether line begins another traceback, behind one that is complete.
func (s *status) again(line string) bool {
	switch s.within {
	case pythonEnd: // groups inside of others have a bar or more blanks before them
		return line == s.first || strings.HasPrefix(line, "  + Exception Group Traceback (")
	case plain, frames: // of Ruby, whose causes look the same
		return isRubyError(line) && (s.within == frames || isRubyError(s.first)) && (!s.rescued || line == s.first)
	}
	return false
}

func when(ok bool) verdict {
	if ok {
		return yes
	}
	return no
}

// judgeIndented decides on a line that begins with a blank: it belongs to the
// entry unless it is the line of a logger that aligns its columns.
func (s *status) judgeIndented(line string) verdict {
	switch s.within {
	case plain, frames, pythonEnd, rustEnd:
	default:
		return yes
	}
	if isPythonIndented(line) {
		return when(s.introduces() || s.within != plain)
	}
	if isFrame(line) || s.opened {
		return yes
	}
	text := strings.TrimLeft(line, " \t")
	if level.BeginsWithTime(text) {
		return no
	}
	if c := text[0]; c >= 'A' && c <= 'Z' || c == '[' || c == 0x1b {
		if _, stated := level.Stated(text); stated && !isThrown(text) && !level.BeginsWithTime(s.first) {
			return no
		}
	}
	return yes
}

// judgePlain decides on a line without indentation behind an ordinary line or a
// stack trace.
func (s *status) judgePlain(line string) (verdict, need) {
	switch line[0] {
	case 'T':
		if strings.HasPrefix(line, traceback) {
			return when(s.introduces()), 0
		}
	case 'C':
		if strings.HasPrefix(line, "Caused by: ") {
			return when(s.within == frames || s.thrown || s.serious()), 0
		}
	case 'g':
		if isGoroutine(line) {
			return when(strings.Contains(s.first, "panic") || s.serious()), 0
		}
	case 'S':
		if strings.HasPrefix(line, "Stack trace:") {
			return when(s.serious() || s.thrown), 0
		}
	case '[':
		if strings.HasPrefix(line, "[stacktrace]") {
			return when(s.serious()), 0
		}
	case '#':
		if isPHPFrame(line) {
			return when(s.serious() || s.thrown), 0
		}
	case '-':
		if strings.HasPrefix(line, "--- End of ") {
			return when(s.within == frames), 0
		}
	case 'N':
		if s.within == frames && strings.HasPrefix(line, "Node.js v") {
			return yes, 0
		}
	case '(':
		if strings.HasPrefix(line, "(Use `node --trace") {
			return yes, 0
		}
	case 'f':
		if strings.HasPrefix(line, "future: <") {
			return when(strings.HasSuffix(s.first, "Task exception was never retrieved")), 0
		}
	}
	return s.judgeUnknown(line)
}

// judgeUnknown decides on lines whose place only the next ones can tell.
func (s *status) judgeUnknown(line string) (verdict, need) {
	if isRubyFrame(line) {
		return when(s.within == frames || s.thrown || isThrown(s.first) || s.serious()), 0
	}
	if s.within == plain && isThrown(line) && !s.thrown && s.serious() && !isEntry(line) {
		return maybe, stackFrame // a logger's line, then the trace
	}
	if s.thrown && !isEntry(line) {
		return maybe, stackFrame // an exception whose text has several lines
	}
	if isGoFunction(line) && s.serious() {
		return maybe, stackFrame // zap
	}
	if s.within == plain && isPlace(s.first) { // Node, whose source is not indented
		if isCaret(line) {
			return yes, 0
		}
		return maybe, caret
	}
	return no, 0
}

// serious tells whether the entry's first line says that something is wrong.
func (s *status) serious() bool {
	l, stated := level.Stated(s.first)
	return stated && l >= logs.Warning
}

// introduces tells whether a traceback may follow the entry's first line.
func (s *status) introduces() bool {
	for _, prefix := range introductions {
		if strings.HasPrefix(s.first, prefix) {
			return true
		}
	}
	return s.serious()
}

// introductions begin lines without a level that Python and its libraries print before a traceback.
var introductions = [...]string{
	"Exception ignored in", "Exception in ", "Task exception was never retrieved", "Unhandled exception", "--- Logging error ---",
	"Internal Server Error: ", "Error in ", "Process ", "During handling of the above exception", "The above exception was the direct cause",
}

// isEntry tells whether a line looks like the first of an entry.
func isEntry(line string) bool {
	if line[0] == '{' || level.BeginsWithTime(line) || isPanic(line) || strings.HasPrefix(line, traceback) {
		return true
	}
	if isThrown(line) {
		return false
	}
	_, stated := level.Stated(line)
	return stated
}
