package traceback

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func read(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestChainMergesWhatWasReported(t *testing.T) {
	tests := map[string]struct {
		text, typ, message   string
		wantType, wantModule string
		wantValue            string
		frames, exceptions   int
	}{
		"the same type":           {read(t, "python_stdlib"), "JSONDecodeError", "bad", "JSONDecodeError", "json.decoder", "bad", 5, 1},
		"a qualified type":        {read(t, "python_stdlib"), "json.decoder.JSONDecodeError", "bad", "json.decoder.JSONDecodeError", "", "bad", 5, 1},
		"a class within a class":  {pyHeader + "\n  File \"/a.py\", line 1, in f\nshop.models.Cart.DoesNotExist: none", "Cart.DoesNotExist", "none", "Cart.DoesNotExist", "shop.models", "none", 1, 1},
		"a class in a function":   {read(t, "python_local_class"), "loc.<locals>.L", "", "loc.<locals>.L", "", "", 2, 1},
		"another type":            {read(t, "python_stdlib"), "UpstreamError", "bad", "UpstreamError", "", "bad", 5, 1},
		"the last of a chain":     {read(t, "python_chain"), "RuntimeError", "", "RuntimeError", "", "ctx", 2, 3},
		"a Java class":            {read(t, "java_nomsg"), "NullPointerException", "", "NullPointerException", "java.lang", "", 1, 1},
		"a stack without header":  {read(t, "safari"), "TypeError", "x is undefined", "TypeError", "", "x is undefined", 6, 1},
		"a Go stack":              {read(t, "go_stack"), "runtime.boundsError", "index out of range", "runtime.boundsError", "", "index out of range", 3, 1},
		"no traceback":            {"no location here", "SomeError", "x", "SomeError", "", "x", 0, 1},
		"nothing at all":          {"", "SomeError", "x", "SomeError", "", "x", 0, 1},
		"a time is no place":      {read(t, "trap_time"), "Error", "failed", "Error", "", "failed", 0, 1},
		"an address is no place":  {read(t, "trap_mail"), "SMTPError", "rejected", "SMTPError", "", "rejected", 0, 1},
		"type missing in both":    {"load@https://h/a.js:1:2", "", "", "", "", "", 1, 1},
		"invalid text is cleaned": {"", "Bad\xff", "x\xfe", "Bad\uFFFD", "", "x\uFFFD", 0, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := Chain(tt.text, tt.typ, tt.message)
			if len(r.Exceptions) != tt.exceptions {
				t.Fatalf("Chain gives %d exceptions, want %d", len(r.Exceptions), tt.exceptions)
			}
			x := r.Exceptions[len(r.Exceptions)-1]
			got := []any{x.Type, x.Module, x.Value, len(x.Frames)}
			if diff := cmp.Diff([]any{tt.wantType, tt.wantModule, tt.wantValue, tt.frames}, got); diff != "" {
				t.Errorf("last exception (-want +got):\n%s", diff)
			}
		})
	}
}

// TestLongStacksKeepTheirEnds uses a stack of 10,000 frames in either order.
func TestLongStacksKeepTheirEnds(t *testing.T) {
	const n = 10_000
	var python, v8 strings.Builder
	python.WriteString("Traceback (most recent call last):\n")
	v8.WriteString("RangeError: too deep\n")
	for i := range n {
		fmt.Fprintf(&python, "  File \"/srv/a.py\", line %d, in f%d\n", i+1, i)
		fmt.Fprintf(&v8, "    at f%d (/srv/a.js:%d:1)\n", n-1-i, n-i)
	}
	python.WriteString("RecursionError: too deep\n")
	for name, text := range map[string]string{"python": python.String(), "v8": v8.String()} {
		t.Run(name, func(t *testing.T) {
			r := Parse(text)
			if len(r.Exceptions) != 1 || len(r.Exceptions[0].Frames) != MaxFrames || r.OmittedFrames != n-MaxFrames {
				t.Fatalf("%d exceptions, %d frames, %d omitted", len(r.Exceptions), len(r.Exceptions[0].Frames), r.OmittedFrames)
			}
			frames := r.Exceptions[0].Frames
			for i, want := range map[int]int{0: 0, MaxOuter - 1: MaxOuter - 1, MaxOuter: n - MaxInner, MaxFrames - 1: n - 1} {
				if got := frames[i].Function; got != fmt.Sprintf("f%d", want) {
					t.Errorf("frame %d is %s, want f%d", i, got, want)
				}
			}
		})
	}
}

func TestLongChainsKeepTheirEnds(t *testing.T) {
	var b strings.Builder
	const n = 500
	for i := range n {
		if i > 0 {
			b.WriteString("\n" + pyContext + "\n\n")
		}
		fmt.Fprintf(&b, "%s\n  File \"/srv/a.py\", line 1, in f\nE%d: x\n", pyHeader, i)
	}
	r := Parse(b.String())
	if len(r.Exceptions) != MaxExceptions {
		t.Fatalf("%d exceptions, want %d", len(r.Exceptions), MaxExceptions)
	}
	for i, want := range map[int]string{0: "E0", 9: "E9", 10: "E460", MaxExceptions - 1: "E499"} {
		if got := r.Exceptions[i].Type; got != want {
			t.Errorf("exception %d is %s, want %s", i, got, want)
		}
	}
}

// TestHostileTextsTakeLinearTime reads a quarter of a mebibyte of each unit.
func TestHostileTextsTakeLinearTime(t *testing.T) {
	const limit = 500 * time.Millisecond // milliseconds, but for the race detector; quadratic time would be minutes
	units := []string{
		"\n", "\r\n", `File "`, "File \"a\", line 1\n", "  File \"a\", line 1, in f\n", "Traceback (most recent call last):\n", "at ", "    at f (/a:1:1)\n", "at (", "    at ((((", "@", "f@/a:1:1\n",
		"a@b:1:1\n", ":1", "(", ")", "[", "|", "  | ", "  + Exception Group Traceback (most recent call last):\n", "  +-+---------------- 1 ----------------\n", "    | E: x\n",
		"goroutine 1 [running]:\n", "panic: x\n", "main.f()\n\t/a.go:1\n", "\t/a.go:1\n", "panic(\n\t/a.go:1\n", "Caused by: a.B: c\n", "\tat a.B.c(D.java:1)\n", "\t... 9999 more\n",
		"Caused by: a.B: c\n\t... 9999 more\n", "Suppressed: a.B: c\n", "\t\tSuppressed: a.B: c\n\t\t... 99 more\n", "a.rb:1:in `f'\n", "from a.rb:1:in `f'\n", "a.rb:1:in `f': x (E)\n", "#0 /a.php(1): f()\n", "#0 ", "#0 ((((",
		"Next E: x in /a:1\n#0 {main}\n", "   at A.B() in c:line 1\n", " ---> E: x", "\n ---> A.B: x", "---> (Inner Exception #1) A.B: x\n   at A.B()\n", "   --- End of inner exception stack trace ---\n", "\x1b[", "\x1b[31m", "\xff", `\n`,
		"    at f (/a:1:1)\n    ... 4 lines matching cause stack trace ...\n", "  [cause]: Error: x\n      at f (/a:1:1)\n", "Error: x\n", "Uncaught ", "Uncaught Error: ", "(node:1) UnhandledPromiseRejectionWarning: ", " ---> ", "eval at ", "    at eval (eval at f (",
	}
	wide := strings.Repeat(" ", 40<<10)
	heads := []string{"", "Error: x\n    at f (/a.js:1:1)\n" + wide + "Error: y\n" + strings.Repeat("\n", 60<<10) + wide + "    at f (/a.js:1:1)\n", "Traceback (most recent call last):\n  File \"a\", line 1, in f\n", "Error: x\n    at f (/a.js:1:1)\n", "a.B: x\n\tat a.B.c(D.java:1)\n", "A.B: x\n   at A.B()\n"}
	for _, unit := range units {
		for _, head := range heads {
			text := head + strings.Repeat(unit, 256<<10/len(unit))
			var r Result
			took := time.Hour
			for range 5 { // the machine may be busy with other things
				start := time.Now()
				r = Parse(text)
				if took = min(took, time.Since(start)); took < limit {
					break
				}
			}
			if took >= limit {
				t.Errorf("256 KiB of %q after %q took %v", unit, head, took)
			}
			checkLimits(t, r)
		}
	}
}

// checkLimits holds a result to what the package promises.
func checkLimits(t *testing.T, r Result) {
	t.Helper()
	if len(r.Exceptions) > MaxExceptions {
		t.Errorf("%d exceptions", len(r.Exceptions))
	}
	if (r.Platform == "") != (len(r.Exceptions) == 0) {
		t.Errorf("platform %q of %d exceptions", r.Platform, len(r.Exceptions))
	}
	valid := func(what, s string, limit int) {
		if len(s) > limit || !utf8.ValidString(s) {
			t.Errorf("%s has %d bytes (limit %d), valid: %v", what, len(s), limit, utf8.ValidString(s))
		}
	}
	ids := map[int]bool{}
	for _, x := range r.Exceptions {
		valid("type", x.Type, MaxType)
		valid("module", x.Module, MaxName)
		valid("value", x.Value, MaxValue)
		if x.Type == "" && len(x.Frames) == 0 {
			t.Error("an exception has neither type nor frames")
		}
		if len(x.Frames) > MaxFrames {
			t.Errorf("%d frames", len(x.Frames))
		}
		if id := x.Mechanism.ExceptionID; id != nil {
			if ids[*id] {
				t.Errorf("two exceptions have the number %d", *id)
			}
			ids[*id] = true
			if p := x.Mechanism.ParentID; p != nil && *p >= *id {
				t.Errorf("exception %d hangs below %d", *id, *p)
			}
		}
		for i := range x.Frames {
			f := &x.Frames[i]
			valid("function", f.Function, MaxName)
			valid("raw function", f.RawFunction, MaxName)
			valid("module", f.Module, MaxName)
			valid("file", f.Filename, MaxPath)
			valid("path", f.AbsPath, MaxPath)
			valid("source", f.ContextLine, MaxSource)
			if f.Line < 0 || f.Column < 0 {
				t.Errorf("line %d, column %d", f.Line, f.Column)
			}
			if f.InApp != nil {
				t.Error("a text does not say whose code a frame is")
			}
		}
	}
	if n := len(r.Exceptions); n > 0 {
		if id := r.Exceptions[n-1].Mechanism.ExceptionID; id != nil && *id != 0 {
			t.Errorf("the last exception has the number %d", *id)
		}
	}
}

// TestColoursAndLineEndsDoNotMatter compares with the plain text.
func TestColoursAndLineEndsDoNotMatter(t *testing.T) {
	plain := Parse(read(t, "python_chain"))
	variants := map[string]string{
		"carriage returns": strings.ReplaceAll(read(t, "python_chain"), "\n", "\r\n"),
		"colours":          strings.ReplaceAll(read(t, "python_chain"), "File ", "\x1b[1;35mFile \x1b[0m"),
		"a line before":    "2026-11-20 ERROR something failed\n" + read(t, "python_chain"),
		"indented":         "    " + strings.TrimSpace(strings.ReplaceAll(read(t, "python_chain"), "\n", "\n    ")),
		"trimmed":          strings.TrimSpace(read(t, "python_chain")),
	}
	for name, text := range variants {
		t.Run(name, func(t *testing.T) {
			got := Parse(text)
			for i := range got.Exceptions { // the second line of a message keeps its place
				got.Exceptions[i].Value = strings.ReplaceAll(got.Exceptions[i].Value, "\n    ", "\n")
			}
			if diff := cmp.Diff(describe(plain), describe(got)); diff != "" {
				t.Errorf("(-plain +%s):\n%s", name, diff)
			}
		})
	}
}

// BenchmarkParse reads a traceback of eight kilobytes or so of each platform.
func BenchmarkParse(b *testing.B) {
	for _, name := range []string{"python_group", "node_cause", "java_lam", "go_http", "ruby", "php", "dotnet", "firefox"} {
		text := read(b, name)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				Parse(text)
			}
		})
	}
}
