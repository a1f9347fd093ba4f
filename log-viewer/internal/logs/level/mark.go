package level

import (
	"strings"

	"github.com/monlight/monlight/log-viewer/internal/logs"
)

// ofMark reads what particular programs and loggers begin their lines with.
func ofMark(line string) (logs.Level, bool) {
	if len(line) < 3 {
		return logs.Info, false
	}
	switch c := line[0]; {
	case c == '<':
		return ofPriority(line)
	case digit(c):
		return ofRedis(line)
	case c == 'P' && strings.HasPrefix(line, "PHP "):
		return ofPHP(line[len("PHP "):])
	case c == 'F' && strings.HasPrefix(line, "Fatal error"):
		return logs.Critical, true
	case c == 'U' && strings.HasPrefix(line, "Unhandled exception."): // .NET
		return logs.Critical, true
	case c == 'n' && strings.HasPrefix(line, "npm "):
		word, _, _ := strings.Cut(line[len("npm "):], " ")
		return logs.ParseLevel(strings.TrimRight(word, "!"))
	case upper(c) && digit(line[1]):
		return ofGlog(line)
	}
	return logs.Info, false
}

// ofPriority reads <N> of RFC 5424 and of sd-daemon(3).
func ofPriority(line string) (logs.Level, bool) {
	n, i := 0, 1
	for i < len(line) && i <= 3 && digit(line[i]) {
		n = n*10 + int(line[i]-'0')
		i++
	}
	if i == 1 || i == len(line) || line[i] != '>' || n > 191 {
		return logs.Info, false
	}
	return ofSyslog(n & 7), true
}

// ofGlog reads the header of glog and klog: E0102 15:04:05.678901
func ofGlog(line string) (logs.Level, bool) {
	const shape = "X0000 00:00:00."
	if len(line) < len(shape) {
		return logs.Info, false
	}
	for i := 1; i < len(shape); i++ {
		if shape[i] == '0' && !digit(line[i]) || shape[i] != '0' && line[i] != shape[i] {
			return logs.Info, false
		}
	}
	switch line[0] {
	case 'I':
		return logs.Info, true
	case 'W':
		return logs.Warning, true
	case 'E':
		return logs.Error, true
	case 'F':
		return logs.Critical, true
	case 'D':
		return logs.Debug, true
	}
	return logs.Info, false
}

// ofRedis reads the mark of Redis and Valkey: 1:M 02 Jan 2026 15:04:05.123 * text
func ofRedis(line string) (logs.Level, bool) {
	pid := strings.IndexByte(line, ':')
	const rest = ":M 02 Jan 2026 15:04:05.123 * "
	if pid < 0 || pid > 7 || len(line) < pid+len(rest) || !strings.ContainsRune("XCSM", rune(line[pid+1])) || !isMonth(line[pid+6:pid+9]) {
		return logs.Info, false
	}
	if line[pid+len(rest)-3] != ' ' || line[pid+len(rest)-1] != ' ' {
		return logs.Info, false
	}
	switch line[pid+len(rest)-2] {
	case '.', '-':
		return logs.Debug, true
	case '*':
		return logs.Info, true
	case '#':
		return logs.Warning, true
	}
	return logs.Info, false
}

func ofPHP(text string) (logs.Level, bool) {
	kind, _, ok := strings.Cut(text, ":")
	if !ok {
		return logs.Info, false
	}
	switch kind {
	case "Fatal error", "Recoverable fatal error", "Parse error":
		return logs.Critical, true
	case "Warning", "Deprecated":
		return logs.Warning, true
	case "Notice":
		return logs.Info, true
	}
	return logs.Info, false
}

// crashMarks begin lines of tracebacks and last words.
var crashMarks = []struct {
	text  string
	level logs.Level
}{
	{"Traceback (most recent call last)", logs.Error},
	{"Exception in thread ", logs.Error},
	{"Exception Group Traceback", logs.Error},
	{"+ Exception Group Traceback", logs.Error},
	{"Unhandled exception", logs.Error},
	{"Uncaught ", logs.Error},
	{"UnhandledPromiseRejection", logs.Error},
	{"panic:", logs.Critical},
	{"fatal error:", logs.Critical},
	{"Segmentation fault", logs.Critical},
	{"SIGSEGV", logs.Critical},
	{"Aborted (core dumped)", logs.Critical},
	{"thread '", logs.Error}, // of Rust, see panicked
	{"Caused by: ", logs.Error},
}

// maxCrashLines is how many lines are looked at for the beginning of a traceback.
const maxCrashLines = 24

// ofCrash recognises a traceback by the lines that begin or end it.
func ofCrash(text string) (logs.Level, bool) {
	for range maxCrashLines {
		line, rest, more := strings.Cut(text, "\n")
		for _, m := range crashMarks {
			if strings.HasPrefix(strings.TrimLeft(line, " |"), m.text) && (m.text != "thread '" || strings.Contains(line, "panicked at")) {
				return m.level, true
			}
		}
		if word, _, ok := strings.Cut(line, ":"); ok && !strings.ContainsAny(word, " \t") &&
			(strings.HasSuffix(word, "Error") || strings.HasSuffix(word, "Exception")) {
			return logs.Error, true
		}
		if !more {
			break
		}
		text = rest
	}
	return logs.Info, false
}
