package level

import (
	"strings"

	"github.com/monlight/monlight/log-viewer/internal/logs"
)

// ofAccess returns the level of a line of an access log by its status.
func ofAccess(line string) (logs.Level, bool) {
	if i := strings.Index(line, " HTTP/"); i >= 0 { // common log format and its kin
		rest := line[i+len(" HTTP/"):]
		for rest != "" && (digit(rest[0]) || rest[0] == '.') {
			rest = rest[1:]
		}
		rest = strings.TrimLeft(rest, "\"' -:|=")
		rest = strings.TrimPrefix(rest, "status")
		return ofStatus(leading(strings.TrimLeft(rest, ":= \"")))
	}
	if rest, ok := strings.CutPrefix(line, "[GIN]"); ok {
		if _, status, ok := strings.Cut(rest, "|"); ok {
			return ofStatus(leading(strings.TrimLeft(status, " ")))
		}
	}
	if rest, ok := strings.CutPrefix(line, "Completed "); ok { // Rails
		return ofStatus(leading(rest))
	}
	method, rest, ok := strings.Cut(line, " ") // morgan: GET /path 200 1.2 ms - 45
	if !ok || !isMethod(method) {
		return logs.Info, false
	}
	if _, rest, ok = strings.Cut(rest, " "); !ok {
		return logs.Info, false
	}
	return ofStatus(leading(rest))
}

func isMethod(s string) bool {
	switch s {
	case "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS":
		return true
	}
	return false
}

// leading returns the first word of s.
func leading(s string) string {
	if end := strings.IndexAny(s, " \t,|\"'"); end >= 0 {
		return s[:end]
	}
	return s
}

// ofStatus returns the level of the text of an HTTP status.
func ofStatus(s string) (logs.Level, bool) {
	if len(s) != 3 || !digit(s[1]) || !digit(s[2]) {
		return logs.Info, false
	}
	switch s[0] {
	case '1', '2', '3':
		return logs.Info, true
	case '4':
		return logs.Warning, true
	case '5':
		return logs.Error, true
	}
	return logs.Info, false
}
