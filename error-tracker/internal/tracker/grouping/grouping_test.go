package grouping_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/grouping"
)

func ptr[T any](v T) *T { return &v }

// raised is an event of one exception with frames of the program.
func raised(typ, value string, functions ...string) *event.Event {
	x := event.Exception{Type: typ, Value: value}
	for i, f := range functions {
		x.Frames = append(x.Frames, event.Frame{Function: f, Filename: "shop/" + f + ".py", Line: 10 + i, InApp: ptr(true)})
	}
	return &event.Event{Project: "shop", Platform: "python", Exceptions: []event.Exception{x}}
}

func with(e *event.Event, change func(*event.Event)) *event.Event {
	c := clone(e)
	change(c)
	return c
}

// TestPairs compares keys of two events, each pair for one rule.
func TestPairs(t *testing.T) {
	base := raised("ValueError", "order 42 is bad", "main", "view", "load")
	flat := raised("ValueError", "order 42 is bad") // without a stack
	synthetic := with(raised("Error", "payment failed", "main", "report"), func(e *event.Event) {
		e.Exceptions[0].Mechanism.Synthetic = true
	})
	message := &event.Event{Project: "shop", Level: "error", Message: event.Message{Template: "payment %s failed", Formatted: "payment 42 failed"}}
	bundle := func(typ, value, function string, column int) *event.Event {
		return &event.Event{Project: "shop", Platform: "javascript", Exceptions: []event.Exception{{Type: typ, Value: value, Frames: []event.Frame{
			{Function: "t", Filename: "https://shop.example.com/app.min.js", Line: 1, Column: 2345},
			{Function: function, Filename: "https://shop.example.com/app.min.js", Line: 1, Column: column},
		}}}}
	}
	group := func(members ...string) *event.Event {
		e := raised("ExceptionGroup", "several", "main", "gather")
		e.Exceptions[0].Mechanism = event.Mechanism{IsGroup: true, ExceptionID: ptr(0)}
		for i, m := range members {
			x := raised("KeyError", "k", "task", m).Exceptions[0]
			x.Mechanism = event.Mechanism{ExceptionID: ptr(i + 1), ParentID: ptr(0), Source: fmt.Sprintf("exceptions[%d]", i)}
			e.Exceptions = append([]event.Exception{x}, e.Exceptions...)
		}
		return e
	}
	chain := func(types ...string) *event.Event {
		e := raised("", "")
		e.Exceptions = nil
		for _, typ := range types {
			e.Exceptions = append(e.Exceptions, raised(typ, "x", "main", "f"+typ).Exceptions...)
		}
		return e
	}
	csp := func(directive, blocked string) *event.Event {
		data, _ := json.Marshal(map[string]string{"effective-directive": directive, "blocked-uri": blocked, "document-uri": "https://shop.example.com/" + blocked})
		return &event.Event{Project: "shop", Contexts: []event.Context{{Name: "csp", Data: data}}}
	}
	reported := func(caller, reporter string) *event.Event { // by the browser SDK, whose own function is innermost
		return &event.Event{Project: "shop", Platform: "javascript", Exceptions: []event.Exception{{Type: "Error", Value: "x", Frames: []event.Frame{
			{Function: caller, Filename: "https://shop.example.com/cart.js", Line: 10, Column: 5},
			{Function: reporter, Filename: "https://unpkg.com/@monlight/browser/dist/monlight.min.js", Line: 1, Column: 2345},
		}}}}
	}
	goError := func(typ, value string) *event.Event {
		return &event.Event{Project: "shop", Platform: "go", Exceptions: []event.Exception{{Type: typ, Value: value, Frames: []event.Frame{
			{Function: "report", Module: "main", AbsPath: "/srv/shop/main.go", Line: 3, InApp: ptr(true)},
		}}}}
	}
	thread := func(function string) *event.Event {
		frame := func(f string) []event.Frame { return []event.Frame{{Function: f, Filename: "shop/x.py"}} }
		return &event.Event{Project: "shop", Platform: "python", Threads: []event.Thread{{Frames: frame("idle")}, {Crashed: true, Frames: frame(function)}}}
	}

	tests := map[string]struct {
		a, b *event.Event
		same bool
	}{
		"the message does not count beside a stack":     {base, with(base, func(e *event.Event) { e.Exceptions[0].Value = "entirely other words" }), true},
		"lines do not count":                            {base, with(base, func(e *event.Event) { e.Exceptions[0].Frames[2].Line = 999 }), true},
		"the project counts":                            {base, with(base, func(e *event.Event) { e.Project = "blog" }), false},
		"the type counts":                               {base, with(base, func(e *event.Event) { e.Exceptions[0].Type = "KeyError" }), false},
		"release, environment and server do not count":  {base, with(base, func(e *event.Event) { e.Release, e.Environment, e.ServerName = "2", "staging", "b" }), true},
		"the caller counts":                             {base, raised("ValueError", "order 42 is bad", "main", "job", "load"), false},
		"the fourth frame does not count":               {raised("E", "", "a", "main", "view", "load"), raised("E", "", "b", "main", "view", "load"), true},
		"without a stack the message counts":            {flat, with(flat, func(e *event.Event) { e.Exceptions[0].Value = "other words" }), false},
		"without a stack numbers do not count":          {flat, with(flat, func(e *event.Event) { e.Exceptions[0].Value = "order 4711 is bad" }), true},
		"the statement counts":                          {with(base, func(e *event.Event) { e.Exceptions[0].Frames[2].ContextLine = "  raise A" }), with(base, func(e *event.Event) { e.Exceptions[0].Frames[2].ContextLine = "  raise B" }), false},
		"its indentation does not":                      {with(base, func(e *event.Event) { e.Exceptions[0].Frames[2].ContextLine = "  raise A" }), with(base, func(e *event.Event) { e.Exceptions[0].Frames[2].ContextLine = "\t\traise A" }), true},
		"a caller's statement does not":                 {base, with(base, func(e *event.Event) { e.Exceptions[0].Frames[1].ContextLine = "load()" }), true},
		"a statement that was cut does not":             {base, with(base, func(e *event.Event) { e.Exceptions[0].Frames[2].ContextLine = "{snip} raise A {snip}" }), true},
		"a very long statement does not":                {base, with(base, func(e *event.Event) { e.Exceptions[0].Frames[2].ContextLine = strings.Repeat("x", 121) }), true},
		"the type of a synthetic exception does not":    {synthetic, with(synthetic, func(e *event.Event) { e.Exceptions[0].Type = "Other" }), true},
		"its message counts when the event has one":     {with(synthetic, func(e *event.Event) { e.Message.Formatted = "a" }), with(synthetic, func(e *event.Event) { e.Message.Formatted = "b" }), false},
		"its stack counts when the event has none":      {synthetic, with(synthetic, func(e *event.Event) { e.Exceptions[0].Frames[1].Function = "other" }), false},
		"a template groups whatever it was filled with": {message, with(message, func(e *event.Event) { e.Message.Formatted = "payment abc failed" }), true},
		"another template is another message":           {message, with(message, func(e *event.Event) { e.Message.Template = "refund %s failed" }), false},
		"minified names do not count":                   {bundle("TypeError", "x is undefined", "a", 900), bundle("TypeError", "x is undefined", "b", 901), true},
		"minified errors differ by message":             {bundle("TypeError", "x is undefined", "a", 900), bundle("TypeError", "y is undefined", "a", 900), false},
		"who called the browser SDK counts":             {reported("open", "t"), reported("close", "t"), false},
		"the browser SDK itself does not":               {reported("open", "t"), reported("open", "n"), true},
		"a group of one is its member":                  {group("load"), with(group("load"), func(e *event.Event) { e.Exceptions = e.Exceptions[:1] }), true},
		"a group of equals is one of them":              {group("load", "load", "load"), group("load"), true},
		"members count in any order":                    {group("load", "save"), group("save", "load"), true},
		"other members are another group":               {group("load", "save"), group("load", "send"), false},
		"the middle of a long chain does not count":     {chain("A", "B", "C", "D", "E"), chain("A", "X", "Y", "D", "E"), true},
		"the root cause counts":                         {chain("A", "B", "C", "D", "E"), chain("X", "B", "C", "D", "E"), false},
		"suppressed exceptions do not count": {base, with(base, func(e *event.Event) {
			x := raised("IOError", "close", "main", "close").Exceptions[0]
			x.Mechanism = event.Mechanism{Type: "suppressed", Source: "suppressed[0]", ParentID: ptr(0), ExceptionID: ptr(1)}
			e.Exceptions = append([]event.Exception{x}, e.Exceptions...)
		}), true},
		"policies differ by directive":          {csp("script-src", "https://evil.example.com/a.js"), csp("img-src", "https://evil.example.com/a.js"), false},
		"policies differ by host":               {csp("script-src", "https://evil.example.com/a.js"), csp("script-src", "https://other.example.com/a.js"), false},
		"policies do not differ by path":        {csp("script-src", "https://evil.example.com/a.js"), csp("script-src", "https://evil.example.com/b.js?x=1"), true},
		"Go's general errors differ by message": {goError("*errors.errorString", "locked"), goError("*errors.errorString", "declined"), false},
		"but not by numbers":                    {goError("*errors.errorString", "cart 1 locked"), goError("*errors.errorString", "cart 20 locked"), true},
		"Go's own types do not":                 {goError("*shop.LockedError", "locked"), goError("*shop.LockedError", "declined"), true},
		"what was logged counts, not where":     {raised("ConsoleError", "cart 1 is empty", "a"), raised("ConsoleError", "cart 20 is empty", "b"), true},
		"what was logged differs by message":    {raised("ConsoleError", "cart is empty", "a"), raised("ConsoleError", "cart is full", "a"), false},
		"the crashed thread counts":             {thread("f"), thread("g"), false},
		"level counts when nothing else is known": {
			&event.Event{Project: "shop", Level: "error"}, &event.Event{Project: "shop", Level: "fatal"}, false,
		},
		"generated numbers in names do not count": {raised("E", "", "handler_0x7f3a2b"), raised("E", "", "handler_0x801c44"), false}, // the file is named after it
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a, b := grouping.Of(tt.a), grouping.Of(tt.b)
			if (a.Hash == b.Hash) != tt.same {
				t.Errorf("same group: %v, want %v\n%v\n%v", a.Hash == b.Hash, tt.same, a.Reasons, b.Reasons)
			}
		})
	}
}

func TestFingerprintOfTheSender(t *testing.T) {
	e := raised("ValueError", "order 42 is bad", "main", "load")
	e.Transaction, e.Level, e.Logger, e.Tags = "/orders/{id}", "error", "shop", []event.Tag{{Name: "shard", Value: "7"}}
	builtIn := grouping.Of(e)
	hash := func(parts ...string) grouping.Hash {
		return grouping.Of(with(e, func(e *event.Event) { e.Fingerprint = parts })).Hash
	}
	for _, parts := range [][]string{nil, {}, {"{{ default }}"}, {"{{default}}"}, {"  {{ default }} "}, {""}} {
		if hash(parts...) != builtIn.Hash {
			t.Errorf("fingerprint %q is not the built-in one", parts)
		}
	}
	equal := [][2][]string{
		{{"{{ type }}"}, {"ValueError"}},
		{{"{{type}}"}, {"{{ error.type }}"}},
		{{"{{ function }}"}, {"load"}},
		{{"{{ transaction }}"}, {"/orders/{id}"}},
		{{"{{ message }}"}, {"order <int> is bad"}},
		{{"{{ tags.shard }}"}, {"7"}},
		{{"{{ tags.none }}"}, {"{{ tags.other }}"}},
		{{"db-{{ tags.shard }}-{{level}}"}, {"db-7-error"}},
		{{"{{ unknown }}"}, {"{{ unknown }}"}},
		{{"{{"}, {"{{"}},
	}
	for _, pair := range equal {
		if hash(pair[0]...) != hash(pair[1]...) {
			t.Errorf("fingerprints %q and %q are apart", pair[0], pair[1])
		}
	}
	different := [][2][]string{
		{{"a", "b"}, {"ab"}},
		{{"a", "b"}, {"b", "a"}},
		{{"{{ default }}", "a"}, {"{{ default }}"}},
		{{"{{ default }}", "a"}, {"{{ default }}", "b"}},
		{{"{{ unknown }}"}, {"unknown"}},
		{{"a"}, nil},
	}
	for _, pair := range different {
		if hash(pair[0]...) == hash(pair[1]...) {
			t.Errorf("fingerprints %q and %q are together", pair[0], pair[1])
		}
	}
	got := grouping.Of(with(e, func(e *event.Event) { e.Fingerprint = []string{"{{ default }}", "shard {{ tags.shard }}"} })).Reasons
	want := append(append([]grouping.Reason{}, builtIn.Reasons...), grouping.Reason{Kind: "fingerprint", Value: "shard 7"})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}
	other := with(e, func(e *event.Event) { e.Exceptions[0].Type = "KeyError" })
	if hash("{{ default }}", "x") == grouping.Of(with(other, func(e *event.Event) { e.Fingerprint = []string{"{{ default }}", "x"} })).Hash {
		t.Error("{{ default }} beside another part does not tell errors apart")
	}
}

func TestKeyForPeople(t *testing.T) {
	e := raised("ValueError", "order 42 is bad\nsecond line", "main", "load")
	e.Exceptions[0].Frames[1].ContextLine = "    raise ValueError(order)"
	k := grouping.Of(e)
	want := grouping.Key{
		Hash: k.Hash, Similar: k.Similar, Title: "ValueError", Message: "order 42 is bad\nsecond line", Culprit: "load in shop/load.py",
		Reasons: []grouping.Reason{{Kind: "type", Value: "ValueError"}, {Kind: "frame", Value: "load in shop/load.py"}, {Kind: "statement", Value: "raise ValueError(order)"}, {Kind: "frame", Value: "main in shop/main.py"}},
	}
	if diff := cmp.Diff(want, k); diff != "" {
		t.Errorf("Of (-want +got):\n%s", diff)
	}
	other := with(e, func(e *event.Event) { e.Exceptions[0].Frames[1].ContextLine = "raise ValueError(None)" })
	if o := grouping.Of(other); o.Hash == k.Hash || o.Similar != k.Similar {
		t.Error("another statement in the same function is not another, similar error")
	}
	bot := func(host string) grouping.Key {
		return grouping.Of(&event.Event{Message: event.Message{Formatted: "Invalid HTTP_HOST header: '" + host + "'. You may need to add it."}})
	}
	if a, b := bot("a.example.com"), bot("b.example.org"); a.Hash == b.Hash || a.Similar != b.Similar {
		t.Error("messages with the same beginning are not different, similar errors")
	}
	if a, b := grouping.Of(raised("ValueError", "order is bad")), grouping.Of(raised("ValueError", "cart is bad")); a.Similar == b.Similar {
		t.Error("messages with another beginning are similar")
	}
	message := grouping.Of(&event.Event{Message: event.Message{Formatted: "disk is full"}, Transaction: "nightly"})
	if message.Title != "Message" || message.Message != "disk is full" || message.Culprit != "nightly" {
		t.Errorf("of a message: title %q, message %q, culprit %q", message.Title, message.Message, message.Culprit)
	}
	long := raised(strings.Repeat("é", 400), strings.Repeat("é", 20000), strings.Repeat("é", 400))
	if k := grouping.Of(long); len(k.Title) > 200 || len(k.Culprit) > 200 || len(k.Message) > 8<<10 || !utf8.ValidString(k.Title+k.Culprit+k.Message) {
		t.Errorf("lengths %d, %d, %d", len(k.Title), len(k.Culprit), len(k.Message))
	}
	if k := grouping.Of(&event.Event{}); k.Hash.IsZero() || k.Similar.IsZero() || k.Title == "" {
		t.Errorf("an empty event has the key %+v", k)
	}
}

// TestKeysNeverChange holds a few hashes. Stored issues are found by them, so
// a change of this test's values needs a new Version.
func TestKeysNeverChange(t *testing.T) {
	exception := raised("ValueError", "order 42 is bad", "main", "load")
	tests := map[string]struct {
		event *event.Event
		want  string
	}{
		"exception":   {exception, "101df71d66146fb4536b80bdcf28d550"},
		"message":     {&event.Event{Project: "shop", Message: event.Message{Formatted: "disk 7 is full"}}, "e3b7d5af7175a05d8f24dcb800f25898"},
		"fingerprint": {with(exception, func(e *event.Event) { e.Fingerprint = []string{"a", "{{ type }}"} }), "8620799d05d6c5dc9a5358b31cac5ede"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := grouping.Of(tt.event).Hash.String(); got != tt.want {
				t.Errorf("hash %s, want %s", got, tt.want)
			}
		})
	}
}

func TestHashText(t *testing.T) {
	h := grouping.Of(&event.Event{}).Hash
	if got, ok := grouping.ParseHash(h.String()); !ok || got != h {
		t.Errorf("ParseHash(%q) = %v, %v", h, got, ok)
	}
	for _, s := range []string{"", "abc", strings.Repeat("g", 32), h.String() + "0"} {
		if _, ok := grouping.ParseHash(s); ok {
			t.Errorf("ParseHash(%q) succeeds", s)
		}
	}
}

// FuzzOf: the message, lines, columns, release and route never change the key
// of an exception that has a usable stack, and no input breaks anything.
func FuzzOf(f *testing.F) {
	f.Add("python", "ValueError", "order 42", "load", "shop/cart.py", "shop.cart", "raise ValueError()", 12, 3, uint8(0))
	f.Add("javascript", "TypeError", "x is undefined", "Object.<anonymous>", "https://h/app-B3x9_aZ1.js?x#y", "", "", 1, 20, uint8(1))
	f.Add("go", "*errors.errorString", "bad", "(*T).f.func1", "/srv/x.go", "example.com/shop", "", 7, 0, uint8(2))
	f.Add("java", "a.B", "", "lambda$f$0", "F.java", "com.acme.F$$EnhancerBySpringCGLIB$$12", "", 7, 0, uint8(4))
	f.Add("native", "SIGSEGV", "0x0", "std::vector<int>::f(int)", "/usr/lib/x.so", "", "", 0, 0, uint8(8))
	f.Add("csharp", "X`1[Y]", "", "<Load>d__1.MoveNext", "", "A+<Load>d__1", "", 0, 0, uint8(16))
	f.Fuzz(func(t *testing.T, platform, typ, value, function, path, module, line string, lineno, column int, bits uint8) {
		frame := event.Frame{Function: function, AbsPath: path, Filename: path, Module: module, ContextLine: line, Line: lineno, Column: column % 300}
		if bits&1 != 0 {
			frame.InApp = ptr(bits&2 != 0)
		}
		e := &event.Event{Project: "p", Platform: platform, Exceptions: []event.Exception{{Type: typ, Value: value, Frames: []event.Frame{frame, frame}}}}
		if bits&4 != 0 {
			e.Fingerprint = []string{value, "{{ default }}", function}
		}
		k := grouping.Of(e)
		if k.Hash.IsZero() || k.Title == "" && typ != "" || len(k.Culprit) > 200 || len(k.Title) > 200 {
			t.Errorf("key %+v", k)
		}
		for _, s := range []string{k.Title, k.Message, k.Culprit} {
			if !utf8.ValidString(s) {
				t.Errorf("%q is not valid UTF-8", s)
			}
		}
		usesMessage := false
		for _, r := range k.Reasons {
			usesMessage = usesMessage || r.Kind == "message" || r.Kind == "fingerprint"
		}
		if usesMessage || k.Minified || len(k.Reasons) < 2 {
			return
		}
		other := clone(e)
		other.Exceptions[0].Value += " and more"
		other.Release, other.Transaction = "9.9", "/other"
		for i := range other.Exceptions[0].Frames {
			other.Exceptions[0].Frames[i].Line += 7
			other.Exceptions[0].Frames[i].Column = 1
		}
		if o := grouping.Of(other); o.Hash != k.Hash && lineno != 0 && lineno != -7 {
			t.Errorf("message, lines, release or route count:\n%v\n%v", k.Reasons, o.Reasons)
		}
	})
}

// BenchmarkOf groups the real events, each in its turn.
func BenchmarkOf(b *testing.B) {
	all := samples(b)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		grouping.Of(all[n%len(all)].event)
		n++
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkOfLongStack groups an event of a hundred frames of libraries.
func BenchmarkOfLongStack(b *testing.B) {
	e := raised("ValueError", strings.Repeat("order 42 ", 100), "main", "view", "load")
	library := event.Frame{Function: "call", AbsPath: "/usr/local/lib/python3.12/site-packages/django/core/handlers/base.py", Filename: "django/core/handlers/base.py", Line: 3}
	for range 100 {
		e.Exceptions[0].Frames = append(e.Exceptions[0].Frames, library)
	}
	b.ReportAllocs()
	for b.Loop() {
		grouping.Of(e)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkNormalize normalises a message of a kilobyte.
func BenchmarkNormalize(b *testing.B) {
	text := strings.Repeat("order 42 of bob@example.com failed at 2024-01-01 10:30:22 in /srv/app/x.py: 0x7f3a ", 13)
	b.SetBytes(1024)
	b.ReportAllocs()
	for b.Loop() {
		grouping.Normalize(text)
	}
}
