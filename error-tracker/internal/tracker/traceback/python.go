package traceback

import (
	"strconv"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

const (
	pyHeader      = "Traceback (most recent call last):"
	pyGroupHeader = "Exception Group " + pyHeader
	pyCause       = "The above exception was the direct cause of the following exception:"
	pyContext     = "During handling of the above exception, another exception occurred:"
)

// pythonFrame reads `File "app/orders.py", line 12, in load`. What stands
// before the last quoted name that a line number follows is ignored.
func pythonFrame(line string) (event.Frame, bool) {
	const mark, mid = `File "`, `", line `
	end := strings.Index(line, mid)
	if end < 0 {
		return event.Frame{}, false
	}
	start := strings.LastIndex(line[:end], mark)
	if start < 0 {
		return event.Frame{}, false
	}
	n, rest, ok := digits(line[end+len(mid):])
	if !ok {
		return event.Frame{}, false
	}
	f := event.Frame{Line: n, AbsPath: line[start+len(mark) : end]}
	f.Filename = pythonFilename(f.AbsPath)
	if name, ok := strings.CutPrefix(rest, ", in "); ok {
		f.Function = strings.TrimSpace(name)
	} else if rest != "" && rest[0] != ',' && rest[0] != ' ' && rest[0] != '\t' {
		return event.Frame{}, false
	}
	return f, true
}

// pythonFilename is the path as the import system sees it, where the text
// shows which directory was on its search path.
func pythonFilename(path string) string {
	for _, dir := range []string{"/site-packages/", "/dist-packages/", `\site-packages\`} {
		if i := strings.LastIndex(path, dir); i >= 0 {
			return path[i+len(dir):]
		}
	}
	if i := strings.Index(path, "/lib/python"); i >= 0 { // the standard library
		if _, file, ok := strings.Cut(path[i+len("/lib/python"):], "/"); ok {
			return file
		}
	}
	return path
}

// isPythonFrame tells whether a frame begins on the line, inside the box of an
// exception group or not.
func isPythonFrame(line string) bool {
	line = strings.TrimLeft(line, " \t|")
	if !strings.HasPrefix(line, `File "`) {
		return false
	}
	_, ok := pythonFrame(line)
	return ok
}

// pyState is what the next line of a level may be.
type pyState int

const (
	pyIdle    pyState = iota // nothing has begun
	pyTrace                  // among the frames
	pyMessage                // after the line that names the exception
)

// pyLevel is one nesting depth of exception groups. Depth 0 is the text itself.
type pyLevel struct {
	column int   // of the box's left edge; -1 while there is none
	group  *link // whose members stand here
	member int   // how many there were

	state   pyState
	base    int    // blanks before "Traceback"
	current *link  // being read
	source  string // how the finished exception hangs below the next one
	text    []string
}

// pyParser reads Python tracebacks.
type pyParser struct {
	levels []*pyLevel
}

func parsePython(p *parser) {
	y := &pyParser{levels: []*pyLevel{{column: -1}}}
	for _, line := range p.lines {
		y.line(line)
	}
	for len(y.levels) > 1 {
		y.leave()
	}
	y.top().finish()
	p.root = y.top().current
}

func (y *pyParser) top() *pyLevel { return y.levels[len(y.levels)-1] }

// line takes one line out of its box, if it has one, and gives it to its level.
func (y *pyParser) line(line string) {
	column := len(line) - len(strings.TrimLeft(line, " "))
	rest := line[column:]
	switch {
	case rest == "":
	case rest[0] == '+':
		if strings.HasPrefix(rest[1:], " "+pyGroupHeader) {
			y.returnTo(0)
			y.top().column = column
			y.top().read(rest[2:])
			return
		}
		if y.border(column, rest) {
			return
		}
	case rest[0] == '|':
		if i := y.levelAt(column); i >= 0 {
			y.returnTo(i)
			y.top().read(strings.TrimPrefix(rest[1:], " "))
			return
		}
	default:
		if y.levels[0].column >= 0 { // after the box
			y.returnTo(0)
			y.levels[0].column = -1
		}
	}
	y.top().read(line)
}

// border reads the line above a member of a group, or the one below the last
// member, and tells whether it was one.
func (y *pyParser) border(column int, rest string) bool {
	first := false
	if after, ok := strings.CutPrefix(rest, "+-+--"); ok {
		first, rest = true, after
	} else if after, ok := strings.CutPrefix(rest, "+----"); ok {
		rest = after
	} else {
		return false
	}
	label := strings.Trim(rest, "-")
	i := y.levelAt(column)
	if i < 0 || len(label) == len(rest) {
		return false
	}
	y.returnTo(i)
	switch {
	case first:
		parent := y.top()
		parent.finish()
		if parent.current == nil {
			parent.current = &link{}
		}
		parent.current.group = true
		y.levels = append(y.levels, &pyLevel{column: column + 2, group: parent.current})
	case i == 0:
		return false
	case label == "":
		y.leave()
	default:
		y.top().endMember()
	}
	return true
}

// levelAt finds the level whose box has its edge in the column, -1 if none.
func (y *pyParser) levelAt(column int) int {
	// Boxes are two columns apart, so there is one candidate.
	base := y.levels[0].column
	i := (column - base) / 2
	if base < 0 || column < base || (column-base)%2 != 0 || i >= len(y.levels) {
		return -1
	}
	return i
}

func (y *pyParser) returnTo(i int) {
	for len(y.levels) > i+1 {
		y.leave()
	}
}

// leave ends the innermost level.
func (y *pyParser) leave() {
	y.top().endMember()
	y.levels = y.levels[:len(y.levels)-1]
}

// endMember hangs what a level read below its group.
func (l *pyLevel) endMember() {
	l.finish()
	if l.group != nil && l.current != nil {
		l.group.under(l.current, "chained", "exceptions["+strconv.Itoa(l.member)+"]")
		l.member++
	}
	l.current, l.state, l.source = nil, pyIdle, ""
}

// finish ends the exception that is being read.
func (l *pyLevel) finish() {
	if l.current != nil && len(l.text) > 0 {
		l.current.value = message(l.text)
		// A traceback that came from another process is quoted like this.
		l.current.value = strings.TrimSuffix(l.current.value, "\n\"\"\"")
	}
	l.text, l.state = nil, pyIdle
}

// begin starts an exception; the one before it, if any, is its cause.
func (l *pyLevel) begin() {
	l.finish()
	x := &link{stack: stack{callerFirst: true}}
	if l.current != nil && (l.current.typ != "" || l.current.stack.n > 0) {
		x.under(l.current, "chained", l.source)
	}
	l.current, l.source = x, ""
}

// read takes a line that belongs to the level.
func (l *pyLevel) read(line string) {
	trimmed := strings.TrimLeft(line, " \t")
	in := len(line) - len(trimmed)
	switch trimmed = strings.TrimRight(trimmed, " \t"); trimmed {
	case pyHeader, pyGroupHeader:
		l.begin()
		l.state, l.base = pyTrace, in
		return
	case pyCause:
		l.finish()
		l.state, l.source = pyIdle, "__cause__"
		return
	case pyContext:
		l.finish()
		l.state, l.source = pyIdle, "__context__"
		return
	}
	switch l.state {
	case pyIdle:
		if f, ok := pythonFrame(trimmed); ok && strings.HasPrefix(trimmed, `File "`) {
			l.begin() // a stack without its header
			l.state, l.base = pyTrace, max(in-1, 0)
			l.current.stack.add(f)
		} else if l.group != nil && l.current == nil && trimmed != "" {
			l.begin() // a member that was never raised has no stack
			l.name(trimmed)
		}
	case pyTrace:
		switch {
		case trimmed == "":
		case in <= l.base && !strings.HasPrefix(trimmed, `File "`):
			l.name(trimmed)
		default:
			l.frame(trimmed)
		}
	case pyMessage:
		l.text = append(l.text, line)
	}
}

// frame reads a line among the frames: a frame, or the source below one.
func (l *pyLevel) frame(line string) {
	if strings.HasPrefix(line, `File "`) {
		if f, ok := pythonFrame(line); ok {
			l.current.stack.add(f)
			return
		}
	}
	last := l.current.stack.last()
	if last == nil || last.ContextLine != "" || strings.Trim(line, "^~ ") == "" ||
		strings.HasPrefix(line, "[Previous line repeated ") {
		return
	}
	last.ContextLine = clean(line, MaxSource)
}

// name reads the line that names the exception.
func (l *pyLevel) name(line string) {
	l.state = pyMessage
	full, value, _ := strings.Cut(line, ":")
	if !isPythonType(full) {
		l.text = append(l.text, line)
		return
	}
	l.current.typ = full
	if i := strings.LastIndexByte(full, '.'); i >= 0 {
		l.current.module, l.current.typ = full[:i], full[i+1:]
	}
	l.text = append(l.text, value)
}

// isPythonType tells a (qualified) class name; one of a class made in a
// function has "<locals>" in it.
func isPythonType(s string) bool {
	return s != "" && isIdentifier(strings.ReplaceAll(s, "<locals>", "locals"), ".")
}
