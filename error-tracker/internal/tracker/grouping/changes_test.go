package grouping_test

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

// change is one way in which an event may differ from another.
type change struct {
	name  string
	same  bool // whether the two are the same error
	least float64
	// pairs makes the two events, for each variant of the change; none when
	// the event has nothing that the change could be made to.
	pairs func(e *event.Event) [][2]*event.Event
}

// changes are the rows of the table. least is the share of pairs, in percent,
// that must be put together (or kept apart) for the test to pass.
var changes = []change{
	{"lines move by 7, as in a deployment", true, 99, once(hasLines, func(e *event.Event) {
		eachFrame(e, func(f *event.Frame) {
			if f.Line > 0 {
				f.Line += 7
			}
		})
	})},
	{"the release's directory changes", true, 99, releases},
	{"the hash in a bundle's name changes", true, 99, bundles},
	{"numbers, ids and addresses in the message change", true, 99, messages},
	{"one library frame more", true, 99, once(hasLibraryFrame, addLibraryFrame)},
	{"one wrapper more around the program, which has 3 functions or more on the stack", true, 99, once(ownAtLeast(3), addWrapper)},
	{"one wrapper more around the program, which has 1 or 2 functions on the stack", true, 0, once(ownFewer(3), addWrapper)},
	{"recursion is deeper", true, 99, once(hasFrames, recurse)},
	{"it happened by another route", true, 99, once(always, func(e *event.Event) {
		e.Transaction, e.Request.URL, e.ServerName = "/other/{id}", "https://example.com/other/7", "web-2"
	})},
	{"another function raised it", false, 98, once(hasFrames, func(e *event.Event) {
		f := raisedBy(e)
		f.Function = "an_other_function"
	})},
	{"another type of exception", false, 98, once(hasType, func(e *event.Event) {
		x := &e.Exceptions[len(e.Exceptions)-1]
		x.Type = "Other" + x.Type
	})},
	{"another statement in the same function", false, 98, once(hasStatement, func(e *event.Event) {
		raisedBy(e).ContextLine = "    return another_statement(42)"
	})},
	{"another message of an error that Go reports in one place", false, 98, goErrors},
}

// clone copies the parts of an event that changes are made to.
func clone(e *event.Event) *event.Event {
	c := *e
	c.Exceptions = slices.Clone(e.Exceptions)
	for i := range c.Exceptions {
		c.Exceptions[i].Frames = slices.Clone(c.Exceptions[i].Frames)
	}
	c.Threads = slices.Clone(e.Threads)
	for i := range c.Threads {
		c.Threads[i].Frames = slices.Clone(c.Threads[i].Frames)
	}
	return &c
}

// once compares an event with itself after a change.
func once(applies func(*event.Event) bool, alter func(*event.Event)) func(*event.Event) [][2]*event.Event {
	return func(e *event.Event) [][2]*event.Event {
		if !applies(e) {
			return nil
		}
		altered := clone(e)
		alter(altered)
		return [][2]*event.Event{{e, altered}}
	}
}

func eachFrame(e *event.Event, f func(*event.Frame)) {
	for i := range e.Exceptions {
		for j := range e.Exceptions[i].Frames {
			f(&e.Exceptions[i].Frames[j])
		}
	}
}

func anyFrame(e *event.Event, is func(*event.Frame) bool) bool {
	found := false
	eachFrame(e, func(f *event.Frame) { found = found || is(f) })
	return found
}

func always(*event.Event) bool { return true }

func hasFrames(e *event.Event) bool {
	n := len(e.Exceptions)
	return n > 0 && len(e.Exceptions[n-1].Frames) > 0
}

func hasLines(e *event.Event) bool {
	return anyFrame(e, func(f *event.Frame) bool { return f.Line > 0 })
}

func hasType(e *event.Event) bool {
	n := len(e.Exceptions)
	return n > 0 && e.Exceptions[n-1].Type != "" && !e.Exceptions[n-1].Mechanism.Synthetic
}

// own tells frames that the SDK calls the program's own, but for files that
// can be nothing but a library's.
func own(f *event.Frame) bool {
	if f.InApp == nil || !*f.InApp {
		return false
	}
	for _, library := range []string{"-packages/", "/vendor/", "/pkg/mod/", "<frozen", "/.cargo/", "/rustc/"} {
		if strings.Contains(f.AbsPath, library) {
			return false
		}
	}
	return true
}

// raisedBy is the frame of the program's own code that an exception came from,
// or the innermost one when the SDK names none.
func raisedBy(e *event.Event) *event.Frame {
	frames := e.Exceptions[len(e.Exceptions)-1].Frames
	for i := range slices.Backward(frames) {
		if own(&frames[i]) {
			return &frames[i]
		}
	}
	return &frames[len(frames)-1]
}

func hasStatement(e *event.Event) bool {
	if !hasFrames(e) {
		return false
	}
	line := strings.TrimSpace(raisedBy(e).ContextLine)
	return line != "" && len(line) <= 120
}

// ownFunctions counts the functions of the program on the stack.
func ownFunctions(e *event.Event) int {
	if !hasFrames(e) {
		return 0
	}
	n, last := 0, ""
	for _, f := range e.Exceptions[len(e.Exceptions)-1].Frames {
		if !own(&f) {
			continue
		}
		if f.Function != last {
			n++
		}
		last = f.Function
	}
	return n
}

func ownAtLeast(n int) func(*event.Event) bool {
	return func(e *event.Event) bool { return ownFunctions(e) >= n }
}

func ownFewer(n int) func(*event.Event) bool {
	return func(e *event.Event) bool { k := ownFunctions(e); return k > 0 && k < n }
}

// addWrapper puts a function of the program around its outermost own frame.
func addWrapper(e *event.Event) {
	x := &e.Exceptions[len(e.Exceptions)-1]
	i := slices.IndexFunc(x.Frames, func(f event.Frame) bool { return own(&f) })
	wrapper := x.Frames[i]
	wrapper.Function, wrapper.ContextLine, wrapper.Line = "with_retries", "    return call()", 17
	x.Frames = slices.Insert(x.Frames, i, wrapper)
}

// hasLibraryFrame tells stacks in which code of a library ran within code of
// the program.
func hasLibraryFrame(e *event.Event) bool {
	if !hasFrames(e) {
		return false
	}
	seen := false
	for _, f := range e.Exceptions[len(e.Exceptions)-1].Frames {
		if own(&f) {
			seen = true
		} else if seen && f.InApp != nil {
			return true
		}
	}
	return false
}

// addLibraryFrame calls the library's innermost function by way of another one.
func addLibraryFrame(e *event.Event) {
	x := &e.Exceptions[len(e.Exceptions)-1]
	for i, f := range slices.Backward(x.Frames) {
		if f.InApp != nil && !*f.InApp {
			f.Function, f.ContextLine, f.Line = "call_through", "    return inner()", 99
			x.Frames = slices.Insert(x.Frames, i, f)
			return
		}
	}
}

// recurse repeats the frame that raised the exception.
func recurse(e *event.Event) {
	x := &e.Exceptions[len(e.Exceptions)-1]
	f := raisedBy(e)
	for i := range x.Frames {
		if &x.Frames[i] == f {
			again := *f
			x.Frames = slices.Insert(x.Frames, i, again, again, again)
			return
		}
	}
}

// releases installs the program's own files in two directories that are named
// after releases, in several ways.
func releases(e *event.Event) [][2]*event.Event {
	absolute := func(f *event.Frame) bool {
		return own(f) && strings.HasPrefix(f.AbsPath, "/")
	}
	if !anyFrame(e, absolute) {
		return nil
	}
	install := func(root string) *event.Event {
		c := clone(e)
		eachFrame(c, func(f *event.Frame) {
			if !absolute(f) {
				return
			}
			parts := strings.Split(strings.TrimPrefix(f.AbsPath, "/"), "/")
			moved := root + "/" + strings.Join(parts[max(0, len(parts)-3):], "/")
			if f.Filename == f.AbsPath {
				f.Filename = moved
			}
			f.AbsPath = moved
		})
		return c
	}
	var all [][2]*event.Event
	for _, roots := range [][2]string{
		{"/srv/releases/20261120101500", "/srv/releases/20270105093012"},
		{"/opt/shop-1.4.2", "/opt/shop-1.5.0"},
		{"/home/deploy/shop/ca549d9", "/home/deploy/shop/0bd91ef"},
		{"/var/www/versions/v81", "/var/www/versions/v82"},
		{"/srv/2026-11-20_10-15", "/srv/2027-01-05_09-30"},
		{"/srv/release-42", "/srv/release-43"},
	} {
		all = append(all, [2]*event.Event{install(roots[0]), install(roots[1])})
	}
	return all
}

// bundles gives the scripts of a web page names as bundlers do.
func bundles(e *event.Event) [][2]*event.Event {
	if e.Platform != "javascript" || !hasFrames(e) {
		return nil
	}
	build := func(pattern, hash string) *event.Event {
		c := clone(e)
		eachFrame(c, func(f *event.Frame) {
			for _, p := range []*string{&f.Filename, &f.AbsPath} {
				if *p == "" || *p == "native" || strings.HasPrefix(*p, "<") {
					continue
				}
				dir, file := path.Split(*p)
				stem, _, _ := strings.Cut(file, ".")
				*p = dir + fmt.Sprintf(pattern, stem, hash)
			}
		})
		return c
	}
	var all [][2]*event.Event
	for _, b := range [][3]string{
		{"%s.%s.chunk.js", "9f1c2b3a", "0a7e44d1"},           // Webpack
		{"%s-%s.js", "bcc58b953f6d784f", "2c79e2a64abdb08b"}, // Next
		{"%s-%s.js", "B3x9_aZ1", "D4kTz-Qw"},                 // Vite
		{"%s-%s.js", "YIFPV4U7", "2QK7ZL3M"},                 // esbuild, Angular
		{"%s.min.js?v=%s", "1.4.2", "1.5.0"},
	} {
		all = append(all, [2]*event.Event{build(b[0], b[1]), build(b[0], b[2])})
	}
	return all
}

// messages puts what differs from one event to the next into the message.
func messages(e *event.Event) [][2]*event.Event {
	with := func(text string) *event.Event {
		c := clone(e)
		for i := range c.Exceptions {
			c.Exceptions[i].Value += text
		}
		if c.Message.Template != "" && c.Message.Formatted != "" {
			c.Message.Formatted += text // the template stays
		} else if c.Message.Text() != "" {
			c.Message.Formatted = c.Message.Text() + text
			c.Message.Template = ""
		}
		return c
	}
	return [][2]*event.Event{
		{with(" (order 4711)"), with(" (order 90210)")},
		{with(" for 550e8400-e29b-41d4-a716-446655440000"), with(" for 7c1811ed-e98f-4c9c-a9f9-58c757ff494f")},
		{with(" from 10.0.0.17:5432"), with(" from 192.168.1.201:6543")},
		{with(" at 2026-11-20T10:15:00Z after 1.5s"), with(" at 2027-01-05T09:30:12Z after 250ms")},
		{with(" user bob@example.com token=9af8c3be3a1231fe"), with(" user alice.b@mail.example.org token=0751007cd28df267")},
	}
}

// goErrors makes the event one of a program that reports all its errors in one
// place, where their type and stack are always the same.
func goErrors(e *event.Event) [][2]*event.Event {
	if !hasFrames(e) {
		return nil
	}
	with := func(message string) *event.Event {
		c := clone(e)
		c.Message = event.Message{}
		x := &c.Exceptions[len(c.Exceptions)-1]
		x.Type, x.Value, x.Module = "*errors.errorString", message, ""
		x.Mechanism.Synthetic = false
		return c
	}
	return [][2]*event.Event{{with("cart is locked"), with("payment was declined")}}
}
