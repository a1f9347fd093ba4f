package traceback

import (
	"strconv"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

// javaFrame reads "at java.base/java.util.List.of(List.java:12)".
func javaFrame(line string) (event.Frame, bool) {
	rest, ok := strings.CutPrefix(strings.TrimLeft(line, " \t"), "at ")
	if !ok {
		return event.Frame{}, false
	}
	open := strings.IndexByte(rest, '(')
	if open <= 0 {
		return event.Frame{}, false
	}
	end := strings.IndexByte(rest[open:], ')')
	if end < 0 {
		return event.Frame{}, false
	}
	name, source := rest[:open], rest[open+1:open+end]
	f := event.Frame{}
	if f.Filename, f.Line, ok = javaSource(source); !ok {
		return event.Frame{}, false
	}
	// Class loader and module stand before the class: "app//", "java.base@17/".
	// Classes of lambdas have a slash too, behind a '$'.
	for {
		i := strings.IndexByte(name, '/')
		if i < 0 || strings.IndexByte(name[:i], '$') >= 0 {
			break
		}
		name = name[i+1:]
	}
	dot := strings.LastIndexByte(name, '.')
	if dot <= 0 || strings.ContainsAny(name, " \t") {
		return event.Frame{}, false
	}
	f.Module, f.Function = name[:dot], name[dot+1:]
	f.AbsPath = f.Filename
	return f, true
}

// javaSource reads the place of a frame. Methods without one give no file.
func javaSource(s string) (file string, line int, ok bool) {
	switch {
	case s == "Native Method", s == "Unknown Source", s == "<generated>", s == "SourceFile", s == "":
		return "", 0, s != ""
	case strings.HasPrefix(s, "Unknown Source:"), strings.HasPrefix(s, "<generated>:"):
		return "", 0, true
	}
	file = s
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		n, isLine := number(s[i+1:])
		if !isLine {
			return "", 0, false
		}
		file, line = s[:i], n
	}
	if file == "" || strings.HasPrefix(file, "SourceFile") || strings.HasPrefix(file, "r8-map-id-") || strings.HasPrefix(file, ":") {
		return strings.TrimPrefix(file, ":"), line, line > 0 || file == "SourceFile"
	}
	dot := strings.LastIndexByte(file, '.')
	if dot < 0 {
		return "", 0, false
	}
	switch file[dot+1:] {
	case "java", "kt", "kts", "scala", "sc", "groovy", "gradle", "clj", "cljc", "jsp", "aj", "xtend", "gsp", "mirah", "ceylon":
		return file, line, true
	}
	return "", 0, false
}

func isJavaFrame(line string) bool {
	_, ok := javaFrame(line)
	return ok
}

// javaHeader reads "java.io.IOException: closed". strong is false when the
// line may be other text.
func javaHeader(line string) (module, typ, value string, strong bool) {
	line = strings.TrimSpace(line)
	if strings.HasPrefix(line, `Exception in thread "`) {
		if i := strings.Index(line, `" `); i > 0 {
			line = line[i+2:]
		}
	}
	name, value, _ := strings.Cut(line, ":")
	name = strings.TrimSpace(name)
	if !isIdentifier(strings.ReplaceAll(name, "-", "_"), ".$/") {
		return "", "", line, false
	}
	if i := strings.LastIndexByte(name, '/'); i >= 0 { // with its module
		name = name[i+1:]
	}
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 {
		strong = strings.HasSuffix(name, "Exception") || strings.HasSuffix(name, "Error")
	} else {
		strong = dot+1 < len(name)
	}
	if !strong {
		return "", "", line, false
	}
	return name[:max(dot, 0)], name[dot+1:], strings.TrimSpace(value), true
}

// javaLevel is the chain of causes at one depth of indentation.
type javaLevel struct {
	indent  int
	current *link
}

// maxJavaLinks bounds how many exceptions are read. Each may repeat the frames
// of the one around it with a few words.
const maxJavaLinks = 200

type javaParser struct {
	root       *link
	links      int
	levels     []javaLevel
	text       []string // message lines of the current exception, or what comes before the first
	suppressed map[*link]int
}

func parseJava(p *parser) {
	y := &javaParser{suppressed: map[*link]int{}}
	for _, line := range p.lines {
		if y.line(line); y.links > maxJavaLinks {
			break
		}
	}
	y.finish()
	p.root = y.root
}

func (y *javaParser) current() *link {
	if len(y.levels) == 0 {
		return nil
	}
	return y.levels[len(y.levels)-1].current
}

func (y *javaParser) line(line string) {
	trimmed := strings.TrimSpace(line)
	in := indent(line)
	if f, ok := javaFrame(trimmed); ok {
		if y.root == nil {
			y.begin(in)
		}
		y.finish()
		y.current().stack.add(f)
		return
	}
	if y.root == nil {
		y.text = append(y.text, line)
		return
	}
	switch {
	case strings.HasPrefix(trimmed, "Caused by: "):
		y.returnTo(in)
		cause := &link{}
		y.current().under(cause, "chained", "cause")
		y.start(cause, trimmed[len("Caused by: "):])
	case strings.HasPrefix(trimmed, "Wrapped by: "):
		y.returnTo(0)
		outer := &link{}
		outer.under(y.root, "chained", "cause")
		y.root = outer
		y.start(outer, trimmed[len("Wrapped by: "):])
	case strings.HasPrefix(trimmed, "Suppressed: "):
		y.finish()
		for len(y.levels) > 1 && y.levels[len(y.levels)-1].indent >= in {
			y.levels = y.levels[:len(y.levels)-1]
		}
		parent, x := y.current(), &link{}
		parent.under(x, "suppressed", "suppressed["+strconv.Itoa(y.suppressed[parent])+"]")
		y.suppressed[parent]++
		y.levels = append(y.levels, javaLevel{indent: max(in, 1)})
		y.start(x, trimmed[len("Suppressed: "):])
	default:
		if n, ok := javaMore(trimmed); ok {
			y.finish()
			y.more(n)
		} else if y.current().stack.n == 0 {
			y.text = append(y.text, line)
		}
	}
}

// begin opens the first exception, whose header is among the lines before.
func (y *javaParser) begin(in int) {
	lines := y.text
	y.text = nil
	for i, line := range lines {
		if _, _, _, strong := javaHeader(line); strong {
			lines = lines[i:]
			break
		}
	}
	x := &link{}
	y.root = x
	y.levels = []javaLevel{{current: x}}
	for len(lines) > 0 && strings.TrimSpace(lines[0]) == "" {
		lines = lines[1:]
	}
	if len(lines) > 0 {
		y.start(x, lines[0])
		y.text = append(y.text, lines[1:]...)
	}
}

// start gives x the header and makes it the one that takes frames.
func (y *javaParser) start(x *link, header string) {
	y.finish()
	y.links++
	module, typ, value, _ := javaHeader(header)
	x.module, x.typ = module, typ
	y.levels[len(y.levels)-1].current = x
	y.text = []string{value}
}

// finish gives the current exception its message.
func (y *javaParser) finish() {
	if x := y.current(); x != nil && len(y.text) > 0 {
		x.value = message(y.text)
	}
	y.text = nil
}

// returnTo goes back to the chain that is indented like this.
func (y *javaParser) returnTo(in int) {
	y.finish()
	for len(y.levels) > 1 && (y.levels[len(y.levels)-1].indent > in || in == 0) {
		y.levels = y.levels[:len(y.levels)-1]
	}
}

// javaMore reads "... 12 more" and Logback's "... 12 common frames omitted".
func javaMore(s string) (int, bool) {
	rest, ok := strings.CutPrefix(s, "... ")
	if !ok {
		return 0, false
	}
	n, rest, ok := digits(rest)
	return n, ok && (strings.HasPrefix(rest, " more") || strings.HasPrefix(rest, " common frames"))
}

// more adds the outermost n frames of the enclosing exception, which the text
// does not repeat.
func (y *javaParser) more(n int) {
	x := y.current()
	if x.parent == nil {
		return
	}
	frames := x.parent.stack.text()
	for _, f := range frames[max(0, len(frames)-n):] {
		x.stack.add(f)
	}
	if n > len(frames) {
		x.stack.n += n - len(frames)
	}
}
