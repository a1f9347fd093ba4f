package grouping_test

import (
	"crypto/md5"
	"encoding/hex"
	"strings"
	"testing"
)

// locationFingerprint is how the first Monlight grouped errors: by project,
// type, and the one file and line that it found in the traceback. It is here
// to be compared with.
func locationFingerprint(project, exceptionType, traceback string) string {
	location := traceback
	if file, line, ok := pythonLocation(traceback); ok {
		location = file + ":" + line
	} else if file, line, ok := scriptLocation(traceback); ok {
		location = file + ":" + line
	}
	sum := md5.Sum([]byte(project + ":" + exceptionType + ":" + location))
	return hex.EncodeToString(sum[:])
}

// pythonLocation is the last place that is written `File "f", line 1`.
func pythonLocation(s string) (file, line string, ok bool) {
	for pos := 0; pos < len(s); {
		next := func() int {
			if i := strings.IndexByte(s[pos:], '\n'); i >= 0 {
				return pos + i + 1
			}
			return len(s)
		}
		i := strings.Index(s[pos:], `File "`)
		if i < 0 {
			break
		}
		start := pos + i + len(`File "`)
		j := strings.IndexByte(s[start:], '"')
		if j < 0 {
			pos = next()
			continue
		}
		after := s[start+j+1:]
		digits, found := strings.CutPrefix(after, ", line ")
		n := len(digits) - len(strings.TrimLeft(digits, "0123456789"))
		if !found || n == 0 {
			pos = next()
			continue
		}
		file, line, ok = s[start:start+j], digits[:n], true
		pos = start + j + 1 + len(", line ") + n
	}
	return file, line, ok
}

// scriptLocation is the place in the first line that has one.
func scriptLocation(s string) (file, line string, ok bool) {
	for text := range strings.SplitSeq(s, "\n") {
		text = strings.Trim(text, " \t\r")
		if text == "" {
			continue
		}
		if i := strings.Index(text, "at "); i >= 0 {
			rest := text[i+3:]
			open, end := strings.IndexByte(rest, '('), strings.IndexByte(rest, ')')
			if open >= 0 && end > open {
				rest = rest[open+1 : end]
			}
			if file, line, ok = candidate(rest); ok {
				return file, line, true
			}
		} else if i := strings.IndexByte(text, '@'); i >= 0 && i+1 < len(text) {
			if file, line, ok = candidate(text[i+1:]); ok {
				return file, line, true
			}
		}
	}
	return "", "", false
}

func candidate(s string) (file, line string, ok bool) {
	s = strings.Trim(s, " \t\r")
	last := strings.LastIndexByte(s, ':')
	if last <= 0 || !allDigits(s[last+1:]) {
		return "", "", false
	}
	if second := strings.LastIndexByte(s[:last], ':'); second > 0 && allDigits(s[second+1:last]) {
		return s[:second], s[second+1 : last], true
	}
	return s[:last], s[last+1:], true
}

func allDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// TestLocationFingerprintIsTheFirstVersions uses the test vectors of the wire
// contract, so that the comparison in the table is a fair one.
func TestLocationFingerprintIsTheFirstVersions(t *testing.T) {
	tests := map[string]struct{ project, typ, traceback, want string }{
		"python":           {"myapp", "ValueError", "Traceback (most recent call last):\n  File \"/app/app/routes/bookings.py\", line 142, in create_booking\n    validate_input(data)\n  File \"/app/app/utils/validation.py\", line 56, in validate_input\n    raise ValueError(\"invalid input\")\nValueError: invalid input", "a2aa039023e9e993384f51f3268f2861"},
		"chrome":           {"myapp", "TypeError", "TypeError: x\n    at Object.handleClick (http://example.com/app.js:42:15)\n    at HTMLButtonElement.<anonymous> (http://example.com/app.js:100:3)", "ae8279c0dba924bfc9461e549ed5a256"},
		"firefox":          {"myapp", "TypeError", "handleClick@http://example.com/static/app.js:42:15\n@http://example.com/static/app.js:100:3", "3a94d024ac9a9e741e08de3a0c770e41"},
		"without function": {"myapp", "Error", "Error: boom\n    at http://example.com/bundle.js:10:5", "d1141531c6536ff10130902c5d9b3fdf"},
		"no location":      {"myapp", "SomeError", "no location here", "ca223832ef2e57ca6a90f862c7f8355b"},
		"two markers":      {"myapp", "E", `File "a" foo File "b", line 3`, "a02ff7042ffea19969fc7f793b3650e8"},
		"time of day":      {"myapp", "Error", "Error: failed at 2024-01-01 10:30:22", "d6fd13fb935f9bb1d2ff0b02e5d1091e"},
		"eval":             {"myapp", "ReferenceError", "ReferenceError: y\n    at eval (eval at foo (http://h/a.js:1:2), <anonymous>:3:4)", "d289c7d2204640399df7dc9422492646"},
		"minified":         {"e2e-test", "TypeError", "TypeError: Cannot read property of undefined\n    at onClick (app.min.js:1:2345)\n    at HTMLButtonElement.dispatch (vendor.min.js:2:6789)", "16bcb3d1183949072efd4f148bdbe540"},
		"smoke test":       {"e2e-test", "TestError", "Traceback (most recent call last):\n  File \"/app/test.py\", line 42, in test\n    raise TestError()\nTestError", "bfe948320647333075d782d84349909c"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := locationFingerprint(tt.project, tt.typ, tt.traceback); got != tt.want {
				t.Errorf("locationFingerprint(%q, %q, %q) = %s, want %s", tt.project, tt.typ, tt.traceback, got, tt.want)
			}
		})
	}
}
