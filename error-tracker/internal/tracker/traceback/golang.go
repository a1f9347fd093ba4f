package traceback

import (
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

// goFile reads the second line of a Go frame: "\t/app/main.go:12 +0x1d".
func goFile(line string) (path string, n int, ok bool) {
	if line == "" || line[0] != '\t' && line[0] != ' ' {
		return "", 0, false
	}
	line = strings.TrimSpace(line)
	if i := strings.Index(line, " +0x"); i > 0 {
		line = line[:i]
	}
	i := strings.LastIndexByte(line, ':')
	if i <= 0 {
		return "", 0, false
	}
	n, ok = number(line[i+1:])
	path = line[:i]
	if !ok || strings.HasPrefix(path, "at ") || !strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, ".s") && !strings.HasPrefix(path, "_cgo") {
		return "", 0, false
	}
	return path, n, true
}

func isGoFrame(line string) bool {
	_, _, ok := goFile(line)
	return ok
}

// goEscapes are what the linker writes for dots and quotes in the last part of
// a package's path.
var goEscapes = strings.NewReplacer("%2e", ".", "%22", `"`)

// goFunction splits "example.com/shop.(*Store).Load(0xc000, {0x1, 0x2})" into
// its package and the function in it.
func goFunction(line string) (module, function string) {
	line = strings.TrimSpace(line)
	if rest, ok := strings.CutPrefix(line, "created by "); ok {
		line = rest
		if i := strings.Index(line, " in goroutine "); i > 0 {
			line = line[:i]
		}
	} else if strings.HasSuffix(line, ")") {
		if i := openingParen(line); i > 0 {
			line = line[:i]
		}
	}
	// The package's path ends at the first dot after its last slash; types in
	// parentheses or brackets may have slashes too.
	head := line
	if i := strings.IndexAny(line, "(["); i >= 0 {
		head = line[:i]
	}
	slash := strings.LastIndexByte(head, '/') + 1
	dot := strings.IndexByte(line[slash:], '.')
	if dot < 0 {
		return "", line
	}
	module = goEscapes.Replace(line[:slash+dot])
	return module, line[slash+dot+1:]
}

func parseGo(p *parser) {
	for i, line := range p.lines {
		if isGoroutine(line) {
			parseGoroutine(p, i)
			return
		}
	}
	parseGoErrors(p)
}

// isGoroutine tells "goroutine 1 [running]:", with the pointers that Go adds
// after a fatal error.
func isGoroutine(line string) bool {
	rest, ok := strings.CutPrefix(strings.TrimSpace(line), "goroutine ")
	if !ok || !strings.HasSuffix(rest, "]:") {
		return false
	}
	_, _, ok = digits(rest)
	return ok
}

// goPanic is a line that begins the message of a panic.
type goPanic struct{ typ, value string }

// parseGoroutine reads a panic, or the output of debug.Stack. The first
// goroutine is the one that failed. start is its line.
func parseGoroutine(p *parser, start int) {
	panics := goPanics(p.lines[:start])
	frames, calls, omitted := goFrames(p.lines[start+1:])
	if len(panics) == 0 {
		panics = []goPanic{{}}
	}
	// A deferred function that panics again runs above the first panic: what
	// panicked first stands below the last call of panic.
	var newer *link
	for i := len(panics) - 1; i >= 0; i-- {
		x := &link{typ: panics[i].typ, value: panics[i].value}
		from := 0
		if k := len(calls) - 1 - i; k >= 0 && k < len(calls) {
			from = calls[k]
		}
		for j, f := range frames[from:] {
			if f.Function == "panic" && f.Module == "" || from == 0 && j < 2 && f.Module == "runtime/debug" {
				continue
			}
			x.stack.add(f)
		}
		if newer == nil {
			p.root = x
		} else {
			newer.under(x, "chained", "")
		}
		newer = x
	}
	p.root.stack.n += omitted
}

// goFrames reads the frames of one goroutine, innermost first, and where the
// calls of panic are among them: the index after each, the outermost first.
// omitted counts the frames that are not kept.
func goFrames(lines []string) (frames []event.Frame, calls []int, omitted int) {
	var s stack
	var after []int
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if strings.TrimSpace(line) == "" {
			if s.n > 0 {
				break
			}
			continue
		}
		if isGoroutine(line) {
			break
		}
		if i+1 >= len(lines) {
			break
		}
		path, n, ok := goFile(lines[i+1])
		if !ok {
			continue
		}
		f := event.Frame{Filename: path, AbsPath: path, Line: n}
		f.Module, f.Function = goFunction(line)
		s.add(f)
		if f.Module == "" && f.Function == "panic" && s.n <= MaxInner {
			after = append(after, s.n)
		}
		i++
	}
	for i := len(after) - 1; i >= 0; i-- {
		calls = append(calls, after[i])
	}
	return s.text(), calls, s.omitted()
}

// goPanics reads the messages above a goroutine, the oldest panic first.
func goPanics(lines []string) []goPanic {
	var all []goPanic
	var text []string
	flush := func() {
		if len(all) > 0 && len(text) > 0 {
			all[len(all)-1] = goPanicOf(message(text))
		}
		text = nil
	}
	for _, line := range lines {
		trimmed := strings.TrimSpace(line)
		rest, ok := strings.CutPrefix(trimmed, "panic: ")
		_, fatal := strings.CutPrefix(trimmed, "fatal error: ")
		switch {
		case ok:
			flush()
			for _, mark := range []string{" [recovered]", " [recovered, repanicked]"} {
				rest = strings.TrimSuffix(rest, mark)
			}
			all, text = append(all, goPanic{}), []string{rest}
		case fatal:
			flush()
			all, text = append(all, goPanic{}), []string{trimmed}
		case trimmed == "runtime stack:":
			flush()
			return all
		case strings.HasPrefix(trimmed, "[signal ") || strings.HasPrefix(trimmed, "[recovered]") || strings.HasPrefix(trimmed, "runtime: "):
		case len(all) > 0:
			text = append(text, trimmed)
		case strings.Contains(trimmed, "panic serving "): // net/http
			if _, value, ok := strings.Cut(trimmed[strings.Index(trimmed, "panic serving "):], ": "); ok {
				all, text = append(all, goPanic{}), []string{value}
			}
		}
	}
	flush()
	return all
}

// goPanicOf tells the kind of a panic by its message.
func goPanicOf(value string) goPanic {
	if rest, ok := strings.CutPrefix(value, "fatal error: "); ok {
		return goPanic{"fatal error", rest}
	}
	if strings.HasPrefix(value, "runtime error: ") || strings.HasPrefix(value, "interface conversion: ") {
		return goPanic{"runtime.Error", value}
	}
	if typ, rest, ok := strings.Cut(value, ") "); ok && len(typ) > 1 && typ[0] == '(' && isIdentifier(strings.TrimLeft(typ[1:], "*"), "./-") {
		return goPanic{typ[1:], rest} // a value that has no text: (*shop.Cart) 0xc0000b4000
	}
	return goPanic{"panic", value}
}

// parseGoErrors reads what github.com/pkg/errors prints for "%+v": the root
// cause and its stack, then each error around it with its own.
func parseGoErrors(p *parser) {
	var text []string
	var current *link
	wrap := func(lines []string) {
		x := &link{typ: "error", value: message(lines)}
		if current != nil {
			x.under(current, "chained", "cause")
		}
		current = x
	}
	begin := func() {
		// An error that was wrapped without a stack of its own stands above
		// the message that was put around it.
		if n := len(text); n > 1 {
			wrap(text[:n-1])
			text = text[n-1:]
		}
		wrap(text)
		text = nil
	}
	for i := 0; i < len(p.lines); i++ {
		line := p.lines[i]
		if i+1 < len(p.lines) {
			if path, n, ok := goFile(p.lines[i+1]); ok {
				if current == nil || len(text) > 0 {
					begin()
				}
				f := event.Frame{Filename: path, AbsPath: path, Line: n}
				f.Module, f.Function = goFunction(line)
				current.stack.add(f)
				i++
				continue
			}
		}
		if strings.TrimSpace(line) != "" {
			text = append(text, line)
		}
	}
	if len(text) > 0 && current != nil {
		begin() // a message around the error, without a stack
	}
	p.root = current
}
