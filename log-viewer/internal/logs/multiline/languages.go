package multiline

import "strings"

const traceback = "Traceback (most recent call last)"

// opens tells whether a line ends with an opening bracket.
func opens(line string) bool {
	switch line[len(line)-1] {
	case '{', '[', '(':
		return true
	}
	return false
}

// closes tells whether a line is nothing but closing brackets.
func closes(line string) bool {
	return len(line) <= 8 && strings.Trim(line, "}])") == "" || len(line) <= 8 && strings.Trim(line, "}]),; ") == ""
}

// isPythonIndented recognises how a traceback goes on or begins behind blanks:
// the group of exceptions, the place of a syntax error.
func isPythonIndented(line string) bool {
	text := strings.TrimLeft(line, " |")
	return strings.HasPrefix(text, "+ Exception Group Traceback (") || strings.HasPrefix(text, `File "`) && strings.Contains(text, ", line ") ||
		strings.HasPrefix(text, traceback)
}

// isExceptionLine recognises the line that ends a traceback of Python: the name
// of the exception, with or without a text.
func isExceptionLine(line string) bool {
	name, _, _ := strings.Cut(line, ": ")
	name = strings.TrimSuffix(name, ":")
	if name == "" || digit(name[0]) || len(name) > 200 {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if !letter(c) && !digit(c) && c != '_' && c != '.' && c != '<' && c != '>' && c < 0x80 {
			return false
		}
	}
	return true
}

// isChain recognises the sentences between the tracebacks of a chain.
func isChain(line string) bool {
	return strings.HasPrefix(line, "During handling of the above exception, another exception occurred") ||
		strings.HasPrefix(line, "The above exception was the direct cause of the following exception")
}

// judgePythonEnd decides what belongs to a traceback behind its exception.
func (s *status) judgePythonEnd(line string) (verdict, need) {
	switch {
	case isChain(line):
		return yes, 0
	case line[0] == '[' && (strings.HasPrefix(line, "[SQL: ") || strings.HasPrefix(line, "[parameters: ") || strings.HasPrefix(line, "[generated in ")),
		strings.HasPrefix(line, "(Background on this error at: "):
		return yes, 0 // SQLAlchemy
	case isPostgres(line):
		return yes, 0
	case strings.HasPrefix(s.first, "--- Logging error ---") &&
		(strings.HasPrefix(line, "Call stack:") || strings.HasPrefix(line, "Message: ") || strings.HasPrefix(line, "Arguments: ")):
		return yes, 0
	case !strings.ContainsAny(line, " \t:={\""):
		return maybe, indented // the name of a field, of Pydantic
	}
	return no, 0
}

// isPostgres recognises what a message of PostgreSQL says on further lines.
func isPostgres(line string) bool {
	switch line[0] {
	case 'L':
		return len(line) > 8 && strings.HasPrefix(line, "LINE ") && digit(line[5]) && strings.Contains(line[6:], ": ")
	case 'D', 'H', 'C', 'Q':
		for _, name := range [...]string{"DETAIL:  ", "HINT:  ", "CONTEXT:  ", "QUERY:  "} {
			if strings.HasPrefix(line, name) {
				return true
			}
		}
	}
	return false
}

// isPlace recognises what Node names before the line that threw: /app/x.js:10
func isPlace(line string) bool {
	i := strings.LastIndexByte(line, ':')
	return i > 0 && i < len(line)-1 && strings.Trim(line[i+1:], "0123456789") == "" && strings.ContainsAny(line[:i], "/\\.:")
}

// isCaret recognises the mark below a line of source: ^^^^
func isCaret(line string) bool { return strings.Trim(line, " \t^~") == "" }

// isPanic recognises what the Go runtime begins a crash with.
func isPanic(line string) bool {
	switch line[0] {
	case 'p':
		return strings.HasPrefix(line, "panic: ")
	case 'f':
		return strings.HasPrefix(line, "fatal error: ")
	case 'S':
		return strings.HasPrefix(line, "SIGQUIT: quit") || strings.HasPrefix(line, "SIGSEGV: ") || strings.HasPrefix(line, "SIGABRT: ")
	case 'u':
		return strings.HasPrefix(line, "unexpected fault address ")
	case 'r':
		return strings.HasPrefix(line, "runtime: goroutine stack exceeds")
	}
	return false
}

func isGoroutine(line string) bool {
	rest, ok := strings.CutPrefix(line, "goroutine ")
	return ok && rest != "" && digit(rest[0]) && strings.HasSuffix(line, "]:")
}

func (s *status) judgeGo(line string) (verdict, need) {
	switch {
	case isGoroutine(line), strings.HasPrefix(line, "[signal "), strings.HasPrefix(line, "created by "), strings.HasPrefix(line, "exit status "),
		strings.HasPrefix(line, "runtime stack:"), strings.HasPrefix(line, "...") && strings.HasSuffix(line, "elided..."), strings.HasPrefix(line, "PC="):
		return yes, 0
	case s.within == goHead && isPanic(line):
		return yes, 0
	case s.within == goroutine && isRegister(line):
		return yes, 0
	case s.within == goroutine && isGoFunction(line):
		return maybe, indented
	case s.within == goHead && !isEntry(line):
		return maybe, anything // a text of several lines; goroutine must follow
	}
	return no, 0
}

// isGoFunction recognises the name of a function in a stack trace.
func isGoFunction(line string) bool {
	if strings.HasPrefix(line, "panic(") || strings.HasSuffix(line, ")") && !digit(line[0]) && strings.IndexByte(line, '.') > 0 {
		return !strings.Contains(line[:strings.IndexByte(line, '(')+1], " ")
	}
	return len(line) < 300 && letter(line[0]) && strings.IndexByte(line, '.') > 0 && strings.IndexByte(line, ' ') < 0 && !strings.HasSuffix(line, ".")
}

// isRegister recognises the registers that end a crash: rax    0xca
func isRegister(line string) bool {
	name, value, ok := strings.Cut(line, " ")
	return ok && len(name) <= 6 && strings.HasPrefix(strings.TrimLeft(value, " "), "0x")
}

// isThrown recognises an exception with its text: a name that ends with Error,
// Exception or Throwable, before a colon or at the end.
func isThrown(line string) bool {
	for _, prefix := range [...]string{"Exception in thread ", "Uncaught ", "Caused by: "} {
		if line[0] == prefix[0] && strings.HasPrefix(line, prefix) {
			return true
		}
	}
	end := strings.IndexByte(line, ' ')
	if end < 0 {
		end = len(line)
	}
	if end == 0 {
		return false
	}
	if line[end-1] == ':' {
		end--
	} else if end < len(line) && !strings.HasPrefix(line[end:], " [") && !strings.HasPrefix(line[end:], " (") {
		return false // Error [ERR_X]: text, RuntimeError (text):
	}
	name := line[:end]
	return strings.HasSuffix(name, "Error") || strings.HasSuffix(name, "Exception") || strings.HasSuffix(name, "Throwable")
}

// isFrame recognises a line of a stack trace.
func isFrame(line string) bool {
	text := strings.TrimLeft(line, " \t")
	switch text[0] {
	case 'a':
		return len(text) < len(line) && strings.HasPrefix(text, "at ")
	case 'f':
		return len(text) < len(line) && strings.HasPrefix(text, "from ")
	case '.':
		return len(text) < len(line) && strings.HasPrefix(text, "... ")
	case 'g':
		return isGoroutine(text)
	case 'F':
		return len(text) < len(line) && strings.HasPrefix(text, `File "`)
	case 'C':
		return strings.HasPrefix(text, "Caused by: ")
	case 'S':
		return len(text) < len(line) && strings.HasPrefix(text, "Suppressed: ")
	case '/', '_':
		if len(text) < len(line) { // Go: a file, a line, a program counter
			_, rest, ok := strings.Cut(text, ".go:")
			return ok && rest != "" && digit(rest[0])
		}
	}
	return isRubyFrame(text)
}

// isRubyFrame recognises app/orders.rb:5:in 'pay'
func isRubyFrame(line string) bool {
	i := strings.Index(line[:min(len(line), 500)], ":in ")
	if i < 3 || i+len(":in ") == len(line) || line[i+len(":in ")] != '`' && line[i+len(":in ")] != '\'' {
		return false
	}
	j := i
	for j > 0 && digit(line[j-1]) {
		j--
	}
	return j < i && j > 1 && line[j-1] == ':' && strings.IndexByte(line[:j], ' ') < 0
}

// isRubyError recognises app/orders.rb:5:in 'pay': no money (RuntimeError)
func isRubyError(line string) bool {
	return line[len(line)-1] == ')' && isRubyFrame(line) && strings.Contains(line, "': ")
}

// isRescue recognises a place of Ruby that handles an error: another one that is
// raised there has the first one as its cause.
func isRescue(line string) bool {
	_, label, ok := strings.Cut(line, ":in ")
	return ok && len(label) > 1 && (strings.HasPrefix(label[1:], "rescue in ") || strings.HasPrefix(label[1:], "ensure in "))
}

// isPHPFrame recognises #1 /app/orders.php(31): pay() and #2 {main}
func isPHPFrame(line string) bool {
	number, rest, ok := strings.Cut(line, " ")
	return ok && len(number) > 1 && strings.Trim(number[1:], "0123456789") == "" && rest != "" && (rest[0] == '/' || rest[0] == '{' || rest[0] == '[')
}

func isPHP(line string) bool {
	switch line[0] {
	case '#':
		return isPHPFrame(line)
	case 'S':
		return strings.HasPrefix(line, "Stack trace:")
	case 'N':
		return strings.HasPrefix(line, "Next ")
	case '[':
		return strings.HasPrefix(line, "[stacktrace]") || strings.HasPrefix(line, "[previous exception]")
	case '"':
		return strings.HasPrefix(line, `"}`)
	}
	return false
}

func digit(c byte) bool  { return c >= '0' && c <= '9' }
func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
