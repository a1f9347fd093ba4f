package sentry

import "strings"

// mend turns a text that is JSON but for slips of some encoders into JSON that
// is nested no deeper than may be: the numbers NaN and Infinity become null,
// control characters in strings are escaped, and objects and arrays that are
// nested too deep become a string. changed tells whether it did anything.
func mend(text string) (mended string, changed bool) {
	var b strings.Builder
	depth, dropped := 0, 0
	write := func(s string) {
		if dropped == 0 {
			b.WriteString(s)
		}
	}
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '"':
			end := i + stringLen(text[i:])
			if s := text[i:end]; strings.IndexFunc(s, isControl) >= 0 {
				changed = true
				write(escapeControls(s))
			} else {
				write(s)
			}
			i = end
			continue
		case c == '{' || c == '[':
			if depth++; depth > maxDepth-1 {
				if dropped == 0 {
					write(`"[nested too deep]"`)
					changed = true
				}
				dropped++
			}
			write(text[i : i+1])
		case c == '}' || c == ']':
			depth--
			write(text[i : i+1])
			if dropped > 0 {
				dropped--
			}
		case c == 'N' && strings.HasPrefix(text[i:], "NaN"):
			write("null")
			changed = true
			i += len("NaN")
			continue
		case c == 'I' && strings.HasPrefix(text[i:], "Infinity"):
			write("null")
			changed = true
			i += len("Infinity")
			continue
		case c == '-' && strings.HasPrefix(text[i:], "-Infinity"):
			i++
			continue
		default:
			write(text[i : i+1])
		}
		i++
	}
	return b.String(), changed
}

// stringLen is the length of the string at the beginning of s, with its quotes.
func stringLen(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}

func isControl(r rune) bool { return r < ' ' }

func escapeControls(s string) string {
	const hex = "0123456789abcdef"
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < ' ' {
			b.WriteString(`\u00` + string(hex[c>>4]) + string(hex[c&15]))
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
