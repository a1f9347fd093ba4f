package symbolicate

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/monlight/monlight/browser-relay/internal/lru"
	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/browser-relay/internal/sourcemap"
)

// Limits of the work for one event, and of what is kept in memory.
const (
	maxTime    = 2 * time.Second
	maxLookups = 300 // of calls, in all stacks of the event
	maxFiles   = 50
	maxLines   = 1_000 // of a stack; those after it are left as they are
	shownPaths = 5
	// contextLines is how many source lines are given on either side.
	contextLines = 5

	frameCache = 3 << 20 // bytes
	mapCache   = 6 << 20
	fileCache  = 1 << 20
)

// Symbolicator implements relay.Symbolicator. It is safe for concurrent use.
type Symbolicator struct {
	Log *slog.Logger // may be nil

	maps   Maps
	cache  *sourcemap.Cache
	frames *lru.Cache[position, cached]
	files  *lru.Cache[fileKey, file]
}

// New returns a Symbolicator over maps.
func New(maps Maps, log *slog.Logger) *Symbolicator {
	return &Symbolicator{
		Log: log, maps: maps, cache: sourcemap.NewCache(maps, mapCache), frames: lru.New[position, cached](frameCache),
		files: lru.New[fileKey, file](fileCache),
	}
}

// Symbolicate implements relay.Symbolicator. It takes 2 s at most.
func (s *Symbolicator) Symbolicate(ctx context.Context, project string, e *relay.Event) *relay.Symbolicated {
	return s.symbolicate(ctx, project, e, s.maps.UsedMap)
}

// Preview implements relay.Symbolicator. It takes 2 s at most.
func (s *Symbolicator) Preview(ctx context.Context, project string, e *relay.Event) *relay.Symbolicated {
	return s.symbolicate(ctx, project, e, func(int64) {})
}

func (s *Symbolicator) symbolicate(ctx context.Context, project string, e *relay.Event, used func(id int64)) *relay.Symbolicated {
	ctx, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()
	j := &job{
		Symbolicator: s, project: project, release: e.Release,
		debugIDs: normalizeDebugIDs(e.DebugIDs), files: map[string]*file{}, used: used,
	}
	out := &relay.Symbolicated{}
	notes := newNotes(e)
	for i := range len(e.Causes) + 1 {
		stack := e.Stack
		if i > 0 {
			stack = e.Causes[i-1].Stack
		}
		text, calls := j.stack(ctx, stack)
		out.Stacks = append(out.Stacks, text)
		out.Frames = append(out.Frames, frames(calls))
		for k := range calls {
			notes.add(&calls[k])
			out.Resolved = out.Resolved || calls[k].found
		}
	}
	for _, f := range j.files {
		if f.reason == reasonMap {
			out.Missing = append(out.Missing, relay.MissingMap{Release: j.release, File: f.path, DebugID: f.debugID})
		}
	}
	out.Notes = notes.json(j.files)
	return out
}

// normalizeDebugIDs makes debug IDs be found by the URL and by the path of a file.
func normalizeDebugIDs(ids map[string]string) map[string]string {
	out := make(map[string]string, 2*len(ids))
	for url, id := range ids {
		if id, ok := sourcemap.ParseDebugID(id); ok {
			out[url] = id
			out[NormalizePath(url)] = id
		}
	}
	return out
}

// stack resolves the calls of a stack and writes its text anew.
func (j *job) stack(ctx context.Context, stack string) (text string, calls []resolved) {
	lines := strings.SplitAfter(stack, "\n")
	at := make([]int, 0, len(lines)) // the line of each call
	for i, line := range lines[:min(len(lines), maxLines)] {
		if c, ok := parseCall(strings.TrimRight(line, "\r\n")); ok {
			calls = append(calls, j.resolve(ctx, c))
			at = append(at, i)
		}
	}
	for i := range calls {
		if calls[i].found {
			lines[at[i]] = rewrite(lines[at[i]], calls, i)
		}
	}
	return strings.Join(lines, ""), calls
}

// rewrite is the line of a call with the place and the name of the source.
func rewrite(line string, calls []resolved, i int) string {
	c := &calls[i].call
	if c.eval { // the function is of the evaluated code, the place is not
		return line[:c.from] + calls[i].frame.String() + line[c.to:]
	}
	indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	end := line[len(strings.TrimRight(line, " \t\r\n")):]
	name, as := nameOf(calls, i), ""
	if name == "" {
		name, as = c.function, c.as
	}
	place := calls[i].frame.String()
	switch {
	case c.gecko && name == "" && c.label == "":
		return indent + place + end
	case c.gecko:
		return indent + c.label + name + "@" + place + end
	case name == "":
		return indent + "at " + c.label + place + end
	}
	return indent + "at " + c.label + name + as + " (" + place + ")" + end
}

// frames are the calls in the form of reports, the outermost first.
func frames(calls []resolved) []relay.Frame {
	if len(calls) == 0 {
		return nil
	}
	out := make([]relay.Frame, len(calls))
	for i := range calls {
		out[len(calls)-1-i] = frame(calls, i)
	}
	return out
}

func frame(calls []resolved, i int) relay.Frame {
	r := &calls[i]
	f := relay.Frame{Function: functionName(&r.call), Filename: r.call.url, AbsPath: r.call.url, Line: r.call.line, Col: r.call.column}
	switch r.call.place {
	case inEngine:
		f.Filename, f.AbsPath = "[native code]", "[native code]"
	case anonymous:
		f.Filename, f.AbsPath = "<anonymous>", "<anonymous>"
	case inFile, noColumn:
		f.InApp = !isExtension(r.call.url) && !isLibrary(r.call.url)
	}
	if !r.found {
		return f
	}
	switch name := nameOf(calls, i); {
	case r.call.eval:
	case name != "":
		f.Function = name
	case isInvented(f.Function, r):
		f.Function = "" // it is in the stack as it came
	}
	f.Filename, f.AbsPath = displayPath(r.frame.Source), r.frame.Source
	f.Line, f.Col = r.frame.Line, r.frame.Column
	f.InApp = !r.frame.Ignored && !isLibrary(r.frame.Source)
	if r.text {
		f.ContextLine, f.Pre, f.Post = r.lines.Line, r.lines.Pre, r.lines.Post
	}
	return f
}

// functionName is what the engine calls a function, without what it made up.
func functionName(c *call) string {
	switch c.function {
	case "<anonymous>", "anonymous", "global code", "eval code", "module code":
		return ""
	}
	if c.label == "new " || c.label == "async new " {
		return "new " + c.function
	}
	return c.function
}

// isLibrary tells paths of code that the program did not write itself.
func isLibrary(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		switch segment {
		case "node_modules", "bower_components", "(webpack)":
			return true
		}
	}
	return strings.Contains(path, "webpack/bootstrap") || strings.Contains(path, "webpack/runtime") ||
		strings.Contains(path, "vite/") && strings.Contains(path, "\x00") || strings.HasPrefix(path, "\x00")
}

// displayPath is the path of a source without what the bundler put before it:
// "webpack://shop/./src/cart.ts" is src/cart.ts, and so is "../../src/cart.ts".
func displayPath(source string) string {
	path := source
	if rest, ok := strings.CutPrefix(path, "webpack://"); ok {
		if _, after, found := strings.Cut(rest, "/"); found {
			path = after
		}
	}
	for {
		rest := strings.TrimPrefix(strings.TrimPrefix(path, "./"), "../")
		if rest == path || rest == "" {
			return path
		}
		path = rest
	}
}

// place is "path:line:column", for messages.
func placeOf(path string, line, column int) string {
	return path + ":" + strconv.Itoa(line) + ":" + strconv.Itoa(column)
}
