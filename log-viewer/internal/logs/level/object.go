package level

import (
	"strconv"
	"strings"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/log-viewer/internal/logs/fields"
)

// scale is what the numbers of a member mean.
type scale uint8

const (
	noScale scale = iota
	common        // 0-7 syslog and GELF, 10-60 pino and bunyan, 100-600 Monolog
	google        // 0-7 syslog, 100-800 Google Cloud
	python        // 10-50
	otel          // 1-24
	mongo         // letters: F, E, W, I, D1 to D5
)

// nameScale returns the scale of a member that holds a level, noScale for others.
func nameScale(name string) scale {
	if len(name) > len("severity_number") {
		return noScale
	}
	switch name {
	case "level", "lvl":
		return common
	case "s":
		return mongo
	}
	switch strings.ToLower(name) {
	case "level", "lvl", "loglevel", "log_level", "log.level", "levelname", "level_name", "@l", "@level", "priority":
		return common
	case "severity", "severity_text", "severitytext":
		return google
	case "levelno":
		return python
	case "severity_number", "severitynumber":
		return otel
	}
	return noScale
}

// ofObject returns the level that the JSON object in s states, that follows from
// the HTTP status in it, or that of an exception.
func ofObject(s string) (level logs.Level, ok bool) {
	status, request, exception := "", false, false
	fields.Members(s, func(name, value string) bool {
		if sc := nameScale(name); sc != noScale {
			level, ok = ofValue(value, sc)
			return !ok
		}
		switch name {
		case "log": // Elastic Common Schema
			if strings.HasPrefix(value, "{") {
				if v, found := fields.Lookup(value, "level"); found {
					level, ok = ofValue(v, common)
				}
			}
		case "status", "status_code", "statusCode", "http_status", "response_status", "response_code", "http.status_code", "StatusCode", "DownstreamStatus":
			status = value
		case "method", "request_method", "http_method", "requestMethod", "http.method", "verb", "request", "uri", "RequestMethod":
			request = true
		case "exception", "stack_trace", "stacktrace", "exc_info", "stack", "@x", "Exception":
			exception = exception || value != "" && value != "null" && value != "{}" && value != "false"
		}
		return !ok
	})
	if ok {
		return level, true
	}
	if exception {
		return logs.Error, true
	}
	if request {
		return ofStatus(status)
	}
	return logs.Info, false
}

// fieldsOf tells whether there is a JSON object in s.
func fieldsOf(s string) bool {
	return fields.Members(s, func(_, _ string) bool { return false })
}

// ofValue reads a level as a word or a number.
func ofValue(value string, sc scale) (logs.Level, bool) {
	if sc == mongo {
		return ofMongo(value)
	}
	if l, ok := logs.ParseLevel(value); ok {
		return l, true
	}
	if i := strings.IndexAny(value, "+-"); i > 0 { // log/slog: ERROR+2
		return logs.ParseLevel(value[:i])
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return logs.Info, false
	}
	return ofNumber(n, sc)
}

func ofNumber(n int, sc scale) (logs.Level, bool) {
	switch {
	case sc == otel:
		if n < 1 || n > 24 {
			return logs.Info, false
		}
		return logs.Level((n - 1) / 4), true // both have six levels, four numbers each
	case sc == python:
		return byStep(n/10, logs.Trace, logs.Debug, logs.Info, logs.Warning, logs.Error, logs.Critical)
	case n <= 7:
		return ofSyslog(n), true
	case n >= 100 && sc == google:
		return byStep(n/100, logs.Debug, logs.Debug, logs.Info, logs.Info, logs.Warning, logs.Error, logs.Critical)
	case n >= 100:
		if n == 250 {
			return logs.Info, true
		}
		return byStep(n/100, logs.Debug, logs.Debug, logs.Info, logs.Warning, logs.Error, logs.Critical)
	case n >= 10:
		return byStep(n/10, logs.Trace, logs.Trace, logs.Debug, logs.Info, logs.Warning, logs.Error, logs.Critical)
	}
	return logs.Info, false
}

func byStep(i int, levels ...logs.Level) (logs.Level, bool) {
	return levels[min(i, len(levels)-1)], true
}

// ofSyslog returns the level of a severity of RFC 5424.
func ofSyslog(severity int) logs.Level {
	return [...]logs.Level{logs.Critical, logs.Critical, logs.Critical, logs.Error, logs.Warning, logs.Info, logs.Info, logs.Debug}[severity&7]
}

func ofMongo(s string) (logs.Level, bool) {
	switch {
	case s == "F":
		return logs.Critical, true
	case s == "E":
		return logs.Error, true
	case s == "W":
		return logs.Warning, true
	case s == "I":
		return logs.Info, true
	case len(s) == 2 && s[0] == 'D' && digit(s[1]):
		return logs.Debug, true
	}
	return logs.Info, false
}

// pairNames are the names of levels in logfmt, without capitals.
var pairNames = [...]string{"level", "lvl", "severity", "loglevel", "log_level", "levelname"}

// ofPair returns the level of a pair such as level=warn.
func ofPair(line string) (logs.Level, bool) {
	from := 0
	for range 64 { // pairs
		i := strings.IndexByte(line[from:], '=')
		if i < 0 {
			break
		}
		i += from
		from = i + 1
		if i < 3 || line[i-1]|0x20 != 'l' && line[i-1]|0x20 != 'y' && line[i-1]|0x20 != 'e' {
			continue
		}
		for _, name := range pairNames {
			start := i - len(name)
			if start < 0 || !strings.EqualFold(line[start:i], name) || start > 0 && (letter(line[start-1]) || digit(line[start-1])) {
				continue
			}
			value := strings.TrimLeft(line[i+1:], `"'`)
			end := strings.IndexAny(value, " \t,;\"')]}")
			if end < 0 {
				end = len(value)
			}
			if l, ok := ofValue(value[:end], common); ok {
				return l, true
			}
		}
	}
	return logs.Info, false
}
