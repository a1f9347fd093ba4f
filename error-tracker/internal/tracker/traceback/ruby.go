package traceback

import (
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

// rubyFrame reads "app/models/cart.rb:12:in `load'", and "'Cart#load'" as
// Ruby 3.4 quotes it, with or without "from " before it. rest is what follows
// the name.
func rubyFrame(line string) (f event.Frame, from bool, rest string, ok bool) {
	line = strings.TrimSpace(line)
	// In the order with the innermost last, frames are numbered: "2: from …".
	if _, after, isNumber := digits(line); isNumber {
		if numbered, cut := strings.CutPrefix(after, ": from "); cut {
			line, from = numbered, true
		}
	}
	if after, cut := strings.CutPrefix(line, "from "); cut {
		line, from = after, true
	}
	i := strings.Index(line, ":in ")
	if i < 0 {
		return f, from, "", false
	}
	colon := strings.LastIndexByte(line[:i], ':')
	if colon <= 0 || i+5 > len(line) || line[i+4] != '`' && line[i+4] != '\'' {
		return f, from, "", false
	}
	n, isLine := number(line[colon+1 : i])
	if !isLine {
		return f, from, "", false
	}
	name := line[i+5:]
	// Names have no quotes in them, but a message after them may.
	end := strings.IndexByte(name, '\'')
	if end < 0 {
		return f, from, "", false
	}
	path := line[:colon]
	f = event.Frame{Filename: rubyFilename(path), AbsPath: path, Line: n, Function: name[:end]}
	return f, from, name[end+1:], true
}

// rubyFilename is the path within its library, where the text shows one.
func rubyFilename(path string) string {
	if i := strings.LastIndex(path, "/gems/"); i >= 0 {
		return path[i+len("/gems/"):]
	}
	return path
}

func isRubyFrame(line string) bool {
	_, _, _, ok := rubyFrame(line)
	return ok
}

// rubyHeader splits ": message (NoMethodError)".
func rubyHeader(s string) (typ, value string, ok bool) {
	s, ok = strings.CutPrefix(s, ": ")
	if !ok {
		return "", "", false
	}
	typ, value = rubyTrailingType(s)
	return typ, value, true
}

// rubyTrailingType splits "message (NoMethodError)".
func rubyTrailingType(s string) (typ, value string) {
	if i := strings.LastIndex(s, " ("); i >= 0 && strings.HasSuffix(s, ")") && isRubyType(s[i+2:len(s)-1]) {
		return s[i+2 : len(s)-1], s[:i]
	}
	return "", s
}

func isRubyType(s string) bool {
	return s != "" && s[0] >= 'A' && s[0] <= 'Z' && isIdentifier(s, ":")
}

func parseRuby(p *parser) {
	var current *link
	var pending []string // lines since the last frame
	callerFirst := false
	for _, line := range p.lines {
		f, from, rest, ok := rubyFrame(line)
		if !ok {
			if strings.HasPrefix(strings.TrimSpace(line), pyHeader) { // Ruby 2.5 to 2.7 on a terminal
				callerFirst = true
				pending = nil
				continue
			}
			pending = append(pending, line)
			continue
		}
		typ, value, header := rubyHeader(rest)
		switch {
		case header && !from && current != nil && callerFirst && current.typ == "" && current.value == "":
			current.typ, current.value = typ, value
		case header && !from:
			x := &link{typ: typ, value: value}
			if current == nil {
				p.root = x
			} else {
				finishRuby(current, pending)
				current.under(x, "chained", "cause")
			}
			current = x
		case current == nil:
			x := &link{stack: stack{callerFirst: callerFirst}}
			x.typ, x.value = rubyTop(pending)
			p.root, current = x, x
		case strings.TrimSpace(message(pending)) != "" && !from && !header:
			if typ, value := rubyTop(pending); typ != "" { // "Caused by:" and the next one
				x := &link{typ: typ, value: value}
				current.under(x, "chained", "cause")
				current = x
			} else {
				finishRuby(current, pending)
			}
		default:
			finishRuby(current, pending)
		}
		pending = nil
		current.stack.add(f)
	}
	if current != nil {
		finishRuby(current, pending)
	}
}

// finishRuby adds the further lines of a message, which stand between the
// header and the next frame.
func finishRuby(x *link, lines []string) {
	if x.stack.n > 1 && !x.stack.callerFirst || len(lines) == 0 || x.value == "" {
		return
	}
	x.value = message(append([]string{x.value}, lines...))
}

// rubyTop reads the header above a plain list of frames: "NoMethodError:
// message", or "NoMethodError (message):" as Rails writes it.
func rubyTop(lines []string) (typ, value string) {
	for i, line := range lines {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") { // the tags of a log
			if _, rest, ok := strings.Cut(line, "] "); ok {
				line = rest
			}
		}
		line = strings.TrimPrefix(line, "Caused by: ")
		if name, rest, ok := strings.Cut(line, " ("); ok && isRubyType(name) {
			for j, more := range lines[i:] { // the message ends with "):"
				if j > 0 {
					rest += "\n" + more
				}
				if end, ok := strings.CutSuffix(rest, "):"); ok {
					return name, end
				}
				if len(rest) > MaxValue {
					break
				}
			}
			return name, strings.TrimSuffix(rest, ")")
		}
		name, rest, ok := cutRubyType(line)
		if ok {
			return name, message(append([]string{rest}, lines[i+1:]...))
		}
	}
	return "", message(lines)
}

// cutRubyType splits "Shop::Failure: message".
func cutRubyType(line string) (typ, value string, ok bool) {
	end := 0
	for end < len(line) && line[end] != ' ' {
		if line[end] == ':' && (end+1 >= len(line) || line[end+1] != ':') && (end == 0 || line[end-1] != ':') {
			break
		}
		end++
	}
	typ = line[:end]
	if !isRubyType(typ) || end < len(line) && line[end] != ':' {
		return "", "", false
	}
	return typ, strings.TrimSpace(strings.TrimPrefix(line[end:], ":")), true
}
