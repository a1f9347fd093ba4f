package symbolicate_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/browser-relay/internal/sourcemap"
	"github.com/monlight/monlight/browser-relay/internal/sourcemap/sourcemaptest"
	"github.com/monlight/monlight/browser-relay/internal/symbolicate"
	"github.com/monlight/monlight/shared/errs"
)

// maps is a store of source maps in memory.
type maps struct {
	sourcemaptest.Blocks
	all  []stored
	used []int64
	err  error // of every look

	looks int // by base name
}

type stored struct {
	project, release, path, debugID string
	index                           []byte
}

func (m *maps) add(t testing.TB, release, fileURL, text string) {
	t.Helper()
	res, err := sourcemap.Build(t.Context(), strings.NewReader(text), m)
	if err != nil {
		t.Fatal(err)
	}
	m.all = append(m.all, stored{"shop", release, symbolicate.NormalizePath(fileURL), res.DebugID, res.Index})
}

func (m *maps) MapByDebugID(_ context.Context, project, debugID string) (int64, bool, error) {
	for i, s := range slices.Backward(m.all) {
		if s.project == project && s.debugID == debugID {
			return int64(i + 1), true, m.err
		}
	}
	return 0, false, m.err
}

func (m *maps) MapsByBase(_ context.Context, project, release, base string) (list []symbolicate.Candidate, err error) {
	m.looks++
	for i, s := range slices.Backward(m.all) {
		if s.project == project && s.release == release && symbolicate.BasePath(s.path) == base {
			list = append(list, symbolicate.Candidate{ID: int64(i + 1), Path: s.path})
		}
	}
	return list, m.err
}

func (m *maps) ReleasePaths(_ context.Context, project, release string, limit int) (paths []string, total int, err error) {
	for _, s := range m.all {
		if s.project == project && s.release == release {
			total++
			if len(paths) < limit {
				paths = append(paths, s.path)
			}
		}
	}
	return paths, total, m.err
}

func (m *maps) MapIndex(_ context.Context, id int64) ([]byte, error) {
	return m.all[id-1].index, m.err
}

func (m *maps) MapChanges() uint64 { return uint64(len(m.all)) }

func (m *maps) UsedMap(id int64) { m.used = append(m.used, id) }

const (
	vector = `{"version":3,"sources":["src/app.ts"],"names":["handleClick"],"mappings":"AAAAA"}`
	// In this bundle "checkout" (from column 21) calls "validate" (from column 1):
	// at column 31 the name of what is called stands, as bundlers write it.
	bundle = `{"version":3,"debugId":"85314830-023f-4cf1-a267-535f4e37bb17","sources":["webpack://shop/./src/cart.ts","webpack://shop/./node_modules/lib/x.js"],
		"sourcesContent":["export function checkout(cart) {\n  return validate(cart);\n}\n\nfunction validate(cart) {\n  throw new Error(\"empty\");\n}\n",null],
		"names":["validate","checkout","Error","forEach"],
		"mappings":"AAKE,UAAME,oBAJCF,UCAAG"}`
	debugID = "85314830-023f-4cf1-a267-535f4e37bb17"
)

func symbolicated(t *testing.T, m *maps, e relay.Event) *relay.Symbolicated {
	t.Helper()
	return symbolicate.New(m, nil).Symbolicate(t.Context(), "shop", &e)
}

func TestStacksAreWrittenAnew(t *testing.T) {
	m := &maps{}
	m.add(t, "1.0", "/static/app.min.js", vector)
	m.add(t, "1.0", "https://cdn.example.com/js/shop.js?v=3", bundle)
	tests := map[string]struct{ in, want string }{
		"V8": {
			"TypeError: x is not a function\n    at a (http://h/static/app.min.js:1:1)",
			"TypeError: x is not a function\n    at handleClick (src/app.ts:1:1)",
		},
		"V8 without a function": {
			"Error: x\n    at http://h/static/app.min.js:1:1\n",
			"Error: x\n    at handleClick (src/app.ts:1:1)\n",
		},
		"Firefox": {"a@http://h/static/app.min.js:1:1\n", "handleClick@src/app.ts:1:1\n"},
		"Safari without a function": {
			"http://h/static/app.min.js:1:1\n[native code]", "handleClick@src/app.ts:1:1\n[native code]",
		},
		"a query, and lines with carriage returns": {
			"Error\r\n\tat a (https://other/static/app.min.js?x=1#y:1:1)\r\n", "Error\r\n\tat handleClick (src/app.ts:1:1)\r\n",
		},
		"a bare name": {"    at a (app.min.js:1:2345)", "    at handleClick (src/app.ts:1:1)"},
		"the name of a function is at its caller": {
			"Error: empty\n    at e (https://h/js/shop.js:1:11)\n    at t (https://h/js/shop.js:1:31)\n    at https://h/index.html:3:5",
			"Error: empty\n    at validate (webpack://shop/./src/cart.ts:6:9)\n    at t (webpack://shop/./src/cart.ts:2:10)\n    at https://h/index.html:3:5",
		},
		"functions that call back name nobody": {
			"Error\n    at e (https://h/js/shop.js:1:11)\n    at t (https://h/js/shop.js:1:41)",
			"Error\n    at e (webpack://shop/./src/cart.ts:6:9)\n    at t (webpack://shop/./node_modules/lib/x.js:2:10)",
		},
		"who awaits is no caller": {
			"Error\n    at async e (https://h/js/shop.js:1:1)\n    at async t (https://h/js/shop.js:1:31)",
			"Error\n    at async e (webpack://shop/./src/cart.ts:6:3)\n    at async t (webpack://shop/./src/cart.ts:2:10)",
		},
		"constructors and other names": {
			"Error\n    at new t [as x] (https://h/js/shop.js:1:1)\n    at Object.n [as y] (https://h/js/shop.js:1:1)",
			"Error\n    at new t [as x] (webpack://shop/./src/cart.ts:6:3)\n    at Object.n [as y] (webpack://shop/./src/cart.ts:6:3)",
		},
		"evaluated code": {
			"ReferenceError: y\n    at eval (eval at foo (http://h/static/app.min.js:1:2), <anonymous>:3:4)",
			"ReferenceError: y\n    at eval (eval at foo (src/app.ts:1:1), <anonymous>:3:4)",
		},
		"what has no file stays": {
			"Error\n    at Array.forEach (<anonymous>)\n    at Promise.all (index 0)\n    at x (native)\n    at webpack-internal:///./src/a.js:1:2\n    at f (blob:https://h/1234:1:1)\n    at a (wasm://wasm/1234:wasm-function[12]:0x1a2b)\nf@http://h/a.js line 10 > eval:1:1",
			"Error\n    at Array.forEach (<anonymous>)\n    at Promise.all (index 0)\n    at x (native)\n    at webpack-internal:///./src/a.js:1:2\n    at f (blob:https://h/1234:1:1)\n    at a (wasm://wasm/1234:wasm-function[12]:0x1a2b)\nf@http://h/a.js line 10 > eval:1:1",
		},
		"messages that look like calls stay": {
			"Error: failed at 2024-01-01 10:30:22\nat noon (12:30:45)\nmail a@b.example:12:30 please", "Error: failed at 2024-01-01 10:30:22\nat noon (12:30:45)\nmail a@b.example:12:30 please",
		},
		"another file stays": {"    at a (http://h/static/other.js:1:1)", "    at a (http://h/static/other.js:1:1)"},
		"another line stays": {"    at a (http://h/static/app.min.js:2:1)", "    at a (http://h/static/app.min.js:2:1)"},
		"nothing":            {"", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := symbolicated(t, m, relay.Event{Release: "1.0", Stack: tt.in})
			if diff := cmp.Diff(tt.want, got.Stacks[0]); diff != "" {
				t.Errorf("stack (-want +got):\n%s", diff)
			}
			if resolved := tt.in != tt.want; got.Resolved != resolved {
				t.Errorf("Resolved = %v, want %v", got.Resolved, resolved)
			}
		})
	}
}

func TestFrames(t *testing.T) {
	m := &maps{}
	m.add(t, "1.0", "/js/shop.js", bundle)
	got := symbolicated(t, m, relay.Event{Release: "1.0", Stack: "Error: empty\n    at e (https://h/js/shop.js:1:11)\n    at t (https://h/js/shop.js:1:31)\n" +
		"    at n (https://h/js/shop.js:1:41)\n    at Array.forEach (<anonymous>)\n    at chrome-extension://abc/x.js:1:2"})
	want := []relay.Frame{
		{Filename: "chrome-extension://abc/x.js", AbsPath: "chrome-extension://abc/x.js", Line: 1, Col: 2},
		{Function: "Array.forEach", Filename: "<anonymous>", AbsPath: "<anonymous>"},
		{Filename: "node_modules/lib/x.js", AbsPath: "webpack://shop/./node_modules/lib/x.js", Line: 2, Col: 10},
		{
			Filename: "src/cart.ts", AbsPath: "webpack://shop/./src/cart.ts", Line: 2, Col: 10, InApp: true, ContextLine: "  return validate(cart);",
			Pre: []string{"export function checkout(cart) {"}, Post: []string{"}", "", "function validate(cart) {", `  throw new Error("empty");`, "}"},
		},
		{
			Function: "validate", Filename: "src/cart.ts", AbsPath: "webpack://shop/./src/cart.ts", Line: 6, Col: 9, InApp: true, ContextLine: `  throw new Error("empty");`,
			Pre: []string{"export function checkout(cart) {", "  return validate(cart);", "}", "", "function validate(cart) {"}, Post: []string{"}"},
		},
	}
	if diff := cmp.Diff(want, got.Frames[0], cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("frames (-want +got):\n%s", diff)
	}
	if !slices.Equal(m.used, []int64{1}) {
		t.Errorf("used maps = %v, want 1, once", m.used)
	}
}

// Who only looks does not change which map is dropped next.
func TestPreviewsUseNoMaps(t *testing.T) {
	m := &maps{}
	m.add(t, "1.0", "/a.js", vector)
	e := relay.Event{Release: "1.0", Stack: "E: m\n    at a (https://h/a.js:1:1)"}
	got := symbolicate.New(m, nil).Preview(t.Context(), "shop", &e)
	if len(m.used) != 0 {
		t.Errorf("used maps = %v, want none", m.used)
	}
	if diff := cmp.Diff(symbolicated(t, m, e), got); diff != "" || !got.Resolved {
		t.Errorf("resolved %t (-symbolicated +preview):\n%s", got.Resolved, diff)
	}
}

// A name of the minified code groups events only if the source has it too: that of
// a minifier is another in the next build.
func TestNamesOfMinifiersAreNoFunctions(t *testing.T) {
	const text = `{"version":3,"sources":["a.ts"],"sourcesContent":["class Cart {\n  get(id) { return this.add(id.x) }\n}\n"],"names":[],"mappings":"AACA"}`
	for name, want := range map[string]string{"e": "", "t3": "", "Xy$": "", "Cart.e": "", "new e": "", "get": "get", "o.get": "o.get", "add": "add", "Cart.total": "Cart.total", "load": "load", "ge": ""} {
		m := &maps{}
		m.add(t, "1.0", "/a.js", text)
		got := symbolicated(t, m, relay.Event{Release: "1.0", Stack: "E: m\n    at " + name + " (https://h/a.js:1:1)"})
		if f := got.Frames[0][0]; f.Function != want || f.Filename != "a.ts" {
			t.Errorf("at %s: function %q in %s, want %q", name, f.Function, f.Filename, want)
		}
	}
}

// Which map a script has, or that it has none, is remembered until maps change.
func TestMapsAreLookedForOnce(t *testing.T) {
	m := &maps{}
	s := symbolicate.New(m, nil)
	ask := func() *relay.Symbolicated {
		return s.Symbolicate(t.Context(), "shop", &relay.Event{Release: "1.0", Stack: "E: m\n    at a (https://h/a.js:1:1)\n    at b (https://h/a.js:1:1)"})
	}
	for range 3 {
		if got := ask(); got.Resolved || len(got.Missing) != 1 || !strings.Contains(string(got.Notes), `release \"1.0\" has no source maps`) || m.looks != 1 {
			t.Fatalf("%+v %s after %d looks", got, got.Notes, m.looks)
		}
	}
	m.add(t, "1.0", "/a.js", vector)
	for range 3 {
		if got := ask(); !got.Resolved || len(got.Missing) != 0 || m.looks != 2 {
			t.Fatalf("%+v after %d looks", got, m.looks)
		}
	}
	m.err = errors.New("disk")
	m.add(t, "1.0", "/b.js", vector)
	if got := ask(); got.Resolved {
		t.Errorf("resolved without the store: %+v", got)
	}
	m.err = nil
	if got := ask(); !got.Resolved {
		t.Errorf("an error is remembered: %s", got.Notes)
	}
}

func TestCausesAreSymbolicatedToo(t *testing.T) {
	m := &maps{}
	m.add(t, "1.0", "/a.js", vector)
	got := symbolicated(t, m, relay.Event{Release: "1.0", Stack: "no stack", Causes: []relay.Cause{{Type: "Error", Stack: "a@http://h/a.js:1:1"}}})
	if diff := cmp.Diff([]string{"no stack", "handleClick@src/app.ts:1:1"}, got.Stacks); diff != "" {
		t.Errorf("stacks (-want +got):\n%s", diff)
	}
	if len(got.Frames) != 2 || got.Frames[0] != nil || len(got.Frames[1]) != 1 {
		t.Errorf("frames = %v, want none of the error and one of its cause", got.Frames)
	}
}

func TestDebugIDsComeFirst(t *testing.T) {
	m := &maps{}
	m.add(t, "1.0", "/js/shop.js", vector) // of another build under the same name
	m.add(t, "", "", bundle)
	for name, key := range map[string]string{"by URL": "https://h/js/shop.js", "by path": "https://other/js/shop.js?x"} {
		got := symbolicated(t, m, relay.Event{Release: "1.0", Stack: "e@https://h/js/shop.js:1:11", DebugIDs: map[string]string{key: strings.ToUpper(debugID)}})
		if want := "Error@webpack://shop/./src/cart.ts:6:9"; got.Stacks[0] != want {
			t.Errorf("%s: %q, want %q", name, got.Stacks[0], want)
		}
	}
	got := symbolicated(t, m, relay.Event{Stack: "e@https://h/js/shop.js:1:11", DebugIDs: map[string]string{"https://h/js/shop.js": debugID}})
	if !got.Resolved {
		t.Error("an event without a release is not resolved by its debug ID")
	}
	// Of another project it is not.
	other := symbolicate.New(m, nil).Symbolicate(t.Context(), "other", &relay.Event{Stack: "e@https://h/js/shop.js:1:11", DebugIDs: map[string]string{"https://h/js/shop.js": debugID}})
	if other.Resolved {
		t.Error("a map of one project is used for another")
	}
}

// note is what is stored with the event.
type note struct {
	Calls, Mapped int
	Why           []struct {
		File, Reason, Text string
		Calls              int
	} `json:"not_mapped"`
}

func TestNotesSayWhyNot(t *testing.T) {
	damaged := &maps{}
	damaged.add(t, "1.0", "/a.js", vector)
	for _, name := range damaged.Names() {
		damaged.Set(name, []byte("damage"))
	}
	good := &maps{}
	good.add(t, "1.0", "/a.js", vector)
	down := &maps{err: errs.New(errs.Unavailable, "database is locked")}
	id := map[string]string{"http://h/a.js": "00000000-0000-0000-0000-000000000001"}
	tests := map[string]struct {
		maps         *maps
		event        relay.Event
		reason, text string
		missing      []relay.MissingMap
	}{
		"no release":        {good, relay.Event{Stack: "a@http://h/a.js:1:1"}, "no_release", "no release", nil},
		"no map at all":     {good, relay.Event{Release: "2.0", Stack: "a@http://h/a.js:1:1"}, "no_map", `release "2.0" has no source maps`, []relay.MissingMap{{Release: "2.0", File: "/a.js"}}},
		"no map of this":    {good, relay.Event{Release: "1.0", Stack: "a@http://h/b.js:1:1"}, "no_map", "none is for /b.js: /a.js", []relay.MissingMap{{Release: "1.0", File: "/b.js"}}},
		"no such debug ID":  {good, relay.Event{Stack: "a@http://h/a.js:1:1", DebugIDs: id}, "no_map", "no map with debug ID 00000000", []relay.MissingMap{{File: "/a.js", DebugID: id["http://h/a.js"]}}},
		"no mapping":        {good, relay.Event{Release: "1.0", Stack: "a@http://h/a.js:7:1"}, "no_mapping", "another build", nil},
		"damaged":           {damaged, relay.Event{Release: "1.0", Stack: "a@http://h/a.js:1:1"}, "damaged_map", "upload it again", nil},
		"store is down":     {down, relay.Event{Release: "1.0", Stack: "a@http://h/a.js:1:1"}, "unavailable", "could not be read", nil},
		"an extension":      {good, relay.Event{Release: "1.0", Stack: "a@moz-extension://x/a.js:1:1"}, "no_file", "extension", nil},
		"a blob":            {good, relay.Event{Release: "1.0", Stack: "a@blob:http://h/123:1:1"}, "no_file", "blob: URLs", nil},
		"native code":       {good, relay.Event{Release: "1.0", Stack: "a@[native code]"}, "no_place", "native", nil},
		"evaluated, no col": {good, relay.Event{Release: "1.0", Stack: "a@http://h/a.js line 3 > eval:1:1"}, "no_place", "no column", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := symbolicated(t, tt.maps, tt.event)
			var n note
			if err := json.Unmarshal(got.Notes, &n); err != nil {
				t.Fatalf("notes %s: %v", got.Notes, err)
			}
			if len(n.Why) != 1 || n.Why[0].Reason != tt.reason || !strings.Contains(n.Why[0].Text, tt.text) || n.Mapped != 0 || n.Calls != 1 {
				t.Errorf("notes = %s, want reason %s with %q", got.Notes, tt.reason, tt.text)
			}
			if diff := cmp.Diff(tt.missing, got.Missing); diff != "" {
				t.Errorf("missing (-want +got):\n%s", diff)
			}
			if got.Stacks[0] != tt.event.Stack || got.Resolved {
				t.Errorf("stack = %q, resolved %v, want it as it was", got.Stacks[0], got.Resolved)
			}
		})
	}
}

func TestWorkIsBounded(t *testing.T) {
	m := &maps{}
	m.add(t, "1.0", "/a.js", vector)
	var stack strings.Builder
	for range 5_000 {
		stack.WriteString("a@http://h/a.js:1:1\n")
	}
	got := symbolicated(t, m, relay.Event{Release: "1.0", Stack: stack.String()})
	if n := strings.Count(got.Stacks[0], "src/app.ts"); n != 300 {
		t.Errorf("%d calls of 5000 resolved, want 300", n)
	}
	if len(got.Frames[0]) != 1000 || len(got.Notes) > 10_000 {
		t.Errorf("%d frames and %d bytes of notes, want 1000 frames and little to say", len(got.Frames[0]), len(got.Notes))
	}
}

func TestACancelledRequestStillAnswers(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("gone"))
	m := &maps{err: context.Canceled}
	got := symbolicate.New(m, nil).Symbolicate(ctx, "shop", &relay.Event{Release: "1.0", Stack: "a@http://h/a.js:1:1"})
	if got == nil || got.Stacks[0] != "a@http://h/a.js:1:1" {
		t.Errorf("Symbolicate of a request that is gone = %v, want the stack as it was", got)
	}
}

func TestNormalizePath(t *testing.T) {
	for in, want := range map[string]string{
		"https://h/a/b.js": "/a/b.js", "http://h:8080/a/b.js?v=1#x": "/a/b.js", "https://h": "/", "~/a/b.js": "/a/b.js", "/a/b.js": "/a/b.js",
		"a/b.js": "/a/b.js", "b.js": "/b.js", "b.js.map": "/b.js", "~/a//./x/../b.js.map": "/a/b.js", "/a/%C3%A9.js": "/a/é.js", "/a/%zz.js": "/a/%zz.js",
		"": "/", "../../b.js": "/b.js", `a\b.js`: "/a/b.js", "app:///b.js": "/b.js", "file:///a/b.js": "/a/b.js",
	} {
		if got := symbolicate.NormalizePath(in); got != want {
			t.Errorf("NormalizePath(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestMapsAreFoundByPathsThatEndAlike(t *testing.T) {
	m := &maps{}
	for _, path := range []string{"app.js", "/js/app.js", "/one/x.js", "/two/x.js", "/only/y.js"} {
		m.add(t, "1.0", path, strings.Replace(vector, "src/app.ts", path, 1))
	}
	for stack, want := range map[string]string{
		"a@https://h/app.js:1:1":             "app.js",
		"a@https://h/js/app.js:1:1":          "/js/app.js",
		"a@https://h/cdn/v2/js/app.js:1:1":   "/js/app.js",
		"a@https://h/cdn/app.js:1:1":         "app.js",
		"a@https://h/x.js:1:1":               "",
		"a@https://h/two/x.js:1:1":           "/two/x.js",
		"a@https://h/y.js:1:1":               "/only/y.js",
		"a@https://h/elsewhere/y.js:1:1":     "",
		"a@https://h/notapp.js:1:1":          "",
		"a@https://h/js/app.js/other.js:1:1": "",
	} {
		got := symbolicated(t, m, relay.Event{Release: "1.0", Stack: stack})
		if want == "" && got.Resolved || want != "" && got.Stacks[0] != "handleClick@"+want+":1:1" {
			t.Errorf("%s: %q, want the map of %q", stack, got.Stacks[0], want)
		}
	}
}

// Whatever a stack is, other text than that of calls stays, and no line is added or lost.
func FuzzSymbolicate(f *testing.F) {
	m := &maps{}
	m.add(f, "1.0", "/a.js", vector)
	for _, stack := range []string{
		"TypeError: x\n    at a (http://h/a.js:1:1)\n    at async b (http://h/a.js:1:1)", "a@http://h/a.js:1:1\n@http://h/a.js:1:1", "    at eval (eval at foo (http://h/a.js:1:2), <anonymous>:3:4)",
		"f@http://h/a.js line 10 > eval:1:1", "at (a.js:1:1)", "at new (a.js:1:1)", "a@b@http://h/a.js:1:1", "@:1:1", "at :1:1", "at ((((a.js:1:1)", "x line 1 > eval",
	} {
		f.Add(stack)
	}
	s := symbolicate.New(m, nil)
	f.Fuzz(func(t *testing.T, stack string) {
		got := s.Symbolicate(t.Context(), "shop", &relay.Event{Release: "1.0", Stack: stack})
		if strings.Count(got.Stacks[0], "\n") != strings.Count(stack, "\n") {
			t.Fatalf("%q became %q: the number of lines changed", stack, got.Stacks[0])
		}
		if !got.Resolved && got.Stacks[0] != stack {
			t.Fatalf("%q became %q, but nothing was resolved", stack, got.Stacks[0])
		}
		again := s.Symbolicate(t.Context(), "shop", &relay.Event{Release: "1.0", Stack: stack})
		if diff := cmp.Diff(got.Stacks, again.Stacks); diff != "" {
			t.Fatalf("the second time is another (-first +second):\n%s", diff)
		}
	})
}
