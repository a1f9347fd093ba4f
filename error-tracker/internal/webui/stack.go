package webui

import (
	"html/template"
	"path"
	"slices"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/sourcelink"
	"github.com/monlight/monlight/shared/webui"
)

// Limits of what is shown of a stack.
const (
	maxFrames      = 500 // of all exceptions of an event
	maxExceptions  = 50
	maxThreads     = 50
	maxSourceLines = 21
	maxSourceChars = 400
	maxVars        = 100
)

// exception is one link of the chain as it is shown.
type exception struct {
	N         int // from 1, the newest
	Type      string
	Value     string
	Module    string
	Relation  string // what it is to the one above: "caused by"; "" for the first
	Mechanism string
	Unhandled bool
	Data      *webui.Node // what else is known of how it was caught
	Blocks    []frameBlock
	Total     int // frames
	Hidden    int // frames beyond the limit
}

// frameBlock is a run of frames that are all shown, or all folded.
type frameBlock struct {
	Folded   bool
	Count    int
	Packages string // of folded frames: "starlette, fastapi"
	Frames   []frame
}

// frame is one call as it is shown.
type frame struct {
	Function string
	File     string
	Pos      string // ":12:5"
	Title    string // everything that is known of the place, for the tooltip
	Module   string
	Link     string      // address of the file when it is on the web
	Editor   *editorLink // of its place in the sources; may be nil
	Note     string      // how it was un-minified, or why not
	InApp    bool
	Open     bool
	Source   []sourceLine
	Vars     []variable
}

type sourceLine struct {
	N    int
	Text string
	Hit  bool
}

type variable struct {
	Name string
	Tree *webui.Node
}

// stackOf shows the chain of an event, newest first.
func stackOf(e *event.Event, to *sourcelink.Rules) []exception {
	left := maxFrames
	var out []exception
	for i := len(e.Exceptions) - 1; i >= 0 && len(out) < maxExceptions; i-- {
		x := &e.Exceptions[i]
		v := exception{
			N: len(out) + 1, Type: webui.Line(x.Type, 200), Value: webui.Clip(x.Value, 8<<10),
			Module: webui.Line(x.Module, 200), Mechanism: mechanism(x.Mechanism),
			Unhandled: x.Mechanism.Handled != nil && !*x.Mechanism.Handled, Data: webui.JSONTree([]byte(x.Mechanism.Data)),
		}
		if v.Type == "" {
			v.Type = "Error"
		}
		if len(out) > 0 {
			v.Relation = relation(x.Mechanism)
		}
		v.Blocks, v.Total, v.Hidden = blocksOf(x.Frames, e, to, &left, len(out) == 0)
		out = append(out, v)
	}
	return out
}

// relation says in words how an older exception hangs below the newer one.
func relation(m event.Mechanism) string {
	switch {
	case m.Source == "__context__":
		return "raised while handling"
	case m.ParentID != nil && (strings.HasPrefix(m.Source, "errors[") || strings.HasPrefix(m.Source, "exceptions[")):
		return "part of the group: " + webui.Line(m.Source, 40)
	case m.Source != "" && m.Source != "__cause__" && m.Source != "cause":
		return "caused by (" + webui.Line(m.Source, 40) + ")"
	}
	return "caused by"
}

func mechanism(m event.Mechanism) string {
	if m.Type == "generic" || m.Type == "chained" {
		return ""
	}
	return webui.Line(m.Type, 60)
}

// blocksOf shows frames innermost first. Frames of libraries are folded, unless
// there are no others. left is how many more frames may be shown.
func blocksOf(frames []event.Frame, e *event.Event, to *sourcelink.Rules, left *int, open bool) (blocks []frameBlock, total, hidden int) {
	total = len(frames)
	shown := min(total, *left)
	*left -= shown
	hidden = total - shown
	app := make([]bool, total)
	anyApp := false
	for i := range frames {
		app[i] = inApp(&frames[i], e.Platform)
		anyApp = anyApp || app[i]
	}
	for i := total - 1; i >= hidden; i-- {
		own := app[i] || !anyApp
		f := frameOf(&frames[i], app[i])
		if app[i] {
			f.Editor = editorOf(&frames[i], to, e.Release)
		}
		f.Open = own && len(f.Source) > 0 && (open || len(blocks) < 2)
		if n := len(blocks); n == 0 || blocks[n-1].Folded == own {
			blocks = append(blocks, frameBlock{Folded: !own})
		}
		b := &blocks[len(blocks)-1]
		b.Frames = append(b.Frames, f)
		b.Count++
	}
	for i := range blocks {
		if blocks[i].Folded {
			blocks[i].Packages = packagesOf(blocks[i].Frames)
		}
	}
	return blocks, total, hidden
}

// packagesOf names the first few packages of folded frames.
func packagesOf(frames []frame) string {
	var names []string
	for i := range frames {
		name := packageName(&frames[i])
		if name == "" || slices.Contains(names, name) {
			continue
		}
		if len(names) == 3 {
			names = append(names, "…")
			break
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

func packageName(f *frame) string {
	file := strings.ReplaceAll(f.File, `\`, "/")
	for _, dir := range []string{"site-packages/", "dist-packages/", "node_modules/", "vendor/", "gems/"} {
		if i := strings.LastIndex(file, dir); i >= 0 {
			rest := file[i+len(dir):]
			name, more, nested := strings.Cut(rest, "/")
			if nested && strings.HasPrefix(name, "@") { // a scope of npm
				second, _, _ := strings.Cut(more, "/")
				name += "/" + second
			}
			return webui.Cut(strings.TrimSuffix(name, ".py"), 40)
		}
	}
	if f.Module != "" && !strings.ContainsAny(f.Module, "/\\:") {
		name, _, _ := strings.Cut(f.Module, ".")
		return webui.Cut(name, 40)
	}
	return webui.Cut(path.Base(file), 40)
}

// libraryParts are pieces of paths that only code of others has.
var libraryParts = []string{
	"/site-packages/", "/dist-packages/", "node_modules/", "/vendor/", "/gems/", "/lib/python", "/lib/ruby/", "<frozen ",
	"/usr/local/go/src/", "/pkg/mod/", "node:internal", "internal/modules/", "webpack/runtime", "webpack/bootstrap", "/jdk/", "(native)",
}

// inApp tells the program's own code from that of libraries: by what the
// sender said, else by the path.
func inApp(f *event.Frame, platform string) bool {
	if f.InApp != nil {
		return *f.InApp
	}
	file := f.AbsPath
	if file == "" {
		file = f.Filename
	}
	file = "/" + strings.ReplaceAll(file, `\`, "/")
	for _, part := range libraryParts {
		if strings.Contains(file, part) {
			return false
		}
	}
	switch platform {
	case "java":
		for _, prefix := range []string{"java.", "javax.", "jdk.", "sun.", "jakarta.", "org.springframework.", "org.apache.", "kotlin.", "kotlinx."} {
			if strings.HasPrefix(f.Module, prefix) {
				return false
			}
		}
	case "csharp":
		return !strings.HasPrefix(f.Module, "System.") && !strings.HasPrefix(f.Module, "Microsoft.")
	}
	return true
}

func frameOf(f *event.Frame, app bool) frame {
	v := frame{Function: webui.Line(f.Function, 160), Module: webui.Line(f.Module, 160), Note: webui.Line(f.SourceMap, 200), InApp: app}
	if v.Function == "" {
		v.Function = webui.Line(f.RawFunction, 160)
	}
	file := f.Filename
	if file == "" {
		file = f.AbsPath
	}
	if file == "" {
		file = f.Package
	}
	v.File = webui.Line(file, 240)
	if v.File == "" {
		v.File = v.Module
	}
	if v.File == "" {
		v.File = webui.Line(f.Address, 40)
	}
	v.Link = webui.WebURL(f.AbsPath)
	if f.Line > 0 {
		v.Pos = ":" + itoa(int64(f.Line))
		if f.Column > 0 {
			v.Pos += ":" + itoa(int64(f.Column))
		}
	}
	v.Title = titleOf(f, v.File)
	v.Source = sourceOf(f)
	for i := range f.Vars {
		if i == maxVars {
			break
		}
		tree := webui.JSONTree(f.Vars[i].Value)
		if tree == nil {
			tree = &webui.Node{Kind: "string", Text: webui.Clip(string(f.Vars[i].Value), 200)}
		}
		v.Vars = append(v.Vars, variable{webui.Line(f.Vars[i].Name, 120), tree})
	}
	return v
}

// editorLink opens the place of a frame in an editor, or its page in a repository.
type editorLink struct {
	URL template.URL //nolint:forbidigo // html/template knows no editors
	Web bool         // a page, which is opened beside this one
}

// editorOf is nil where the rules have no address for the place of a frame.
func editorOf(f *event.Frame, to *sourcelink.Rules, release string) *editorLink {
	link := to.Link(sourcelink.Place{Paths: []string{f.AbsPath, f.Filename}, Line: f.Line, Column: f.Column, Release: release})
	if link == "" {
		return nil
	}
	// Link has escaped what came from outside, and its scheme is one of the few that a template may have.
	return &editorLink{URL: template.URL(link), Web: strings.HasPrefix(strings.ToLower(link), "http")} //nolint:forbidigo,gosec // see above
}

// titleOf is everything that is known of a place beside what is shown.
func titleOf(f *event.Frame, file string) string {
	var facts []string
	for _, fact := range []struct{ name, value string }{
		{"", f.AbsPath}, {"module ", f.Module}, {"package ", f.Package}, {"", f.RawFunction}, {"address ", f.Address},
	} {
		if fact.value != "" && fact.value != f.Filename && fact.value != file && fact.value != f.Function {
			facts = append(facts, fact.name+webui.Line(fact.value, 400))
		}
	}
	return strings.Join(facts, ", ")
}

// sourceOf is the text around the line, with numbers where the line is known.
func sourceOf(f *event.Frame) []sourceLine {
	if f.ContextLine == "" && len(f.PreContext) == 0 && len(f.PostContext) == 0 {
		return nil
	}
	const around = maxSourceLines / 2
	pre, post := f.PreContext, f.PostContext
	if len(pre) > around {
		pre = pre[len(pre)-around:]
	}
	if len(post) > around {
		post = post[:around]
	}
	lines := make([]sourceLine, 0, len(pre)+1+len(post))
	add := func(text string, offset int, hit bool) {
		n := 0
		if f.Line > 0 && f.Line+offset > 0 {
			n = f.Line + offset
		}
		lines = append(lines, sourceLine{N: n, Text: codeLine(text), Hit: hit})
	}
	for i, l := range pre {
		add(l, i-len(pre), false)
	}
	add(f.ContextLine, 0, true)
	for i, l := range post {
		add(l, i+1, false)
	}
	return lines
}

// codeLine keeps the indentation, makes everything else visible, and cuts.
func codeLine(s string) string {
	s = strings.TrimRight(s, "\r\n")
	if len(s) > 4*maxSourceChars {
		s = s[:4*maxSourceChars]
	}
	return webui.Cut(webui.Visible(strings.ReplaceAll(s, "\t", "    ")), maxSourceChars)
}

// thread is a thread of the program as it is shown.
type thread struct {
	Name   string
	State  string // "crashed", "current" or ""
	Open   bool
	Blocks []frameBlock
	Total  int
}

// threadsOf shows threads, those without a stack by their names. The crashed or current one is
// open when no exception has a stack.
func threadsOf(e *event.Event, to *sourcelink.Rules) []thread {
	bare := true
	for i := range e.Exceptions {
		bare = bare && len(e.Exceptions[i].Frames) == 0
	}
	left := maxFrames
	var out []thread
	for i := range e.Threads {
		t := &e.Threads[i]
		if len(out) == maxThreads {
			break
		}
		v := thread{Name: webui.Line(t.Name, 120)}
		if v.Name == "" {
			v.Name = "thread"
		}
		if t.ID != "" {
			v.Name += " #" + webui.Line(t.ID, 40)
		}
		switch {
		case t.Crashed:
			v.State = "crashed"
		case t.Current:
			v.State = "current"
		}
		v.Open = bare && (v.State != "" || len(e.Threads) == 1)
		v.Blocks, v.Total, _ = blocksOf(t.Frames, e, to, &left, v.Open)
		out = append(out, v)
	}
	return out
}
