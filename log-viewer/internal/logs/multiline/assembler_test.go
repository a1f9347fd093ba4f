package multiline_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/monlight/monlight/log-viewer/internal/logs/multiline"
)

var start = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// assemble adds lines that were written within microseconds.
func assemble(lines ...string) []string {
	var got []string
	a := multiline.New(func(e multiline.Entry) { got = append(got, e.Text) })
	for i, line := range lines {
		a.Add(multiline.Line{Text: line, Time: start.UnixNano() + int64(i)*1000, Pos: int64(i)}, start)
	}
	a.Flush()
	return got
}

// tracebacks are what real programs printed, a file for each crash; those of
// .NET, Rust and some frameworks are written by hand.
func tracebacks(t testing.TB) map[string]string {
	t.Helper()
	files, err := filepath.Glob("testdata/tracebacks/*.txt")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d tracebacks, %v", len(files), err)
	}
	all := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(file), ".txt")] = strings.Trim(string(text), "\n")
	}
	return all
}

func TestTracebacksAreOneEntry(t *testing.T) {
	around := map[string][2]string{
		"text":   {"listening on port 8080", "stopped"},
		"logger": {"2026-01-02 15:04:05,123 INFO shop ready", "2026-01-02 15:04:05,124 INFO shop going on"},
		"json":   {`{"level":"info","msg":"ready"}`, `{"level":"info","msg":"going on"}`},
		"access": {`10.0.0.1 - - [02/Jan/2026:15:04:05 +0000] "GET / HTTP/1.1" 200 5`, `10.0.0.1 - - [02/Jan/2026:15:04:06 +0000] "GET / HTTP/1.1" 200 5`},
	}
	for name, text := range tracebacks(t) {
		t.Run(name, func(t *testing.T) {
			for kind, other := range around {
				lines := append([]string{other[0]}, strings.Split(text, "\n")...)
				got := assemble(append(lines, other[1])...)
				if diff := cmp.Diff([]string{other[0], text, other[1]}, got); diff != "" {
					t.Fatalf("among lines of %s (-want +got):\n%s", kind, diff)
				}
			}
		})
	}
}

// Two crashes in a row, as a program that is started again prints them.
func TestTracebacksOfACrashLoopStayApart(t *testing.T) {
	for name, text := range tracebacks(t) {
		if name == "node-warning" || name == "node-object" || name == "json-pretty" {
			continue // no crashes
		}
		lines := strings.Split(text, "\n")
		var got []string
		a := multiline.New(func(e multiline.Entry) { got = append(got, e.Text) })
		now := start
		for range 3 {
			for i, line := range lines {
				a.Add(multiline.Line{Text: line, Time: now.UnixNano() + int64(i)}, now)
			}
			now = now.Add(multiline.Hold + time.Millisecond)
			a.Tick(now)
		}
		if diff := cmp.Diff([]string{text, text, text}, got); diff != "" {
			t.Errorf("%s three times (-want +got):\n%s", name, diff)
		}
	}
}

// The same crash twice at once, as a program that logs its errors prints them.
func TestTracebacksInARowStayApart(t *testing.T) {
	for name, text := range tracebacks(t) {
		lines := strings.Split(text, "\n")
		got := assemble(append(lines, lines...)...)
		if diff := cmp.Diff([]string{text, text}, got); diff != "" {
			t.Errorf("%s twice (-want +got):\n%s", name, diff)
		}
	}
}

// TestErrorsOfRubyStayApart has errors that look as causes do. Only one that was
// raised in a rescue or an ensure has a cause.
func TestErrorsOfRubyStayApart(t *testing.T) {
	const (
		noMoney = "orders.rb:2:in `pay': no money (RuntimeError)\n\tfrom orders.rb:5:in `<main>'"
		refused = "db.rb:9:in 'Shop::DB#connect': refused (IOError)\n\tfrom orders.rb:5:in '<main>'"
		top     = "orders.rb:1:in `<main>': at once (RuntimeError)"
		failed  = "orders.rb:7:in `rescue in <main>': payment failed (RuntimeError)\n\tfrom orders.rb:4:in `<main>'"
		within  = "orders.rb:2:in 'give_up': payment failed (RuntimeError)\n\tfrom orders.rb:7:in 'rescue in Object#charge'\n\tfrom orders.rb:4:in '<main>'"
		ensured = "orders.rb:7:in `ensure in close': already closed (IOError)\n\tfrom orders.rb:4:in `<main>'"
	)
	for name, want := range map[string][]string{
		"two errors":           {noMoney, refused, noMoney},
		"of one line":          {top, noMoney, top, refused},
		"the same twice":       {noMoney, noMoney},
		"cause":                {failed + "\n" + refused, noMoney},
		"cause of one line":    {failed + "\n" + top, top},
		"cause further down":   {within + "\n" + refused, within + "\n" + noMoney},
		"cause of a cause":     {within + "\n" + ensured + "\n" + noMoney, top},
		"without its own":      {failed, failed + "\n" + noMoney},
		"behind another's":     {failed + "\n" + noMoney, failed + "\n" + noMoney},
		"of an error in a log": {"E, [2026-11-25T12:31:44.187581 #28568] ERROR -- : bad order (ArgumentError)\norders.rb:3:in `<main>'", noMoney},
	} {
		if d := cmp.Diff(want, assemble(strings.Split(strings.Join(want, "\n"), "\n")...)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

func TestOrdinaryLinesStayApart(t *testing.T) {
	text, err := os.ReadFile("../level/testdata/lines.txt")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		_, line, _ = strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		_, line, _ = strings.Cut(line, "\t")
		line = strings.NewReplacer(`\e`, "\x1b", `\t`, "\t").Replace(line)
		if strings.TrimSpace(line) == "" || strings.Contains(line, `\n`) || strings.HasPrefix(line, "fatal error:") || line[0] == ' ' {
			continue
		}
		lines = append(lines, line)
	}
	lines = append(lines, "}", "done", "]", "Total: 5", "Error: not found", "ValueError: x", "at the end", "at com.example.App", "from here on", "created by alice",
		"#0 is the first", "--- End of file", "Node.js v20", "note: nothing", "During the night", "File written", "goroutine count 5", "main.go", "shop.orders")
	if len(lines) < 120 {
		t.Fatalf("%d lines", len(lines))
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
		if got := assemble(lines...); len(got) != len(lines) {
			for i := range lines {
				if got[i] != lines[i] {
					t.Fatalf("%q was joined", got[i])
				}
			}
		}
	}
}

func TestRealFilesHaveNoFalseJoins(t *testing.T) {
	dir := os.Getenv("MONLIGHT_LOGHUB")
	if dir == "" {
		t.Skip("MONLIGHT_LOGHUB is not set")
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.log"))
	if len(files) == 0 {
		t.Fatal("no files")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for line := range bytes.Lines(text) {
			lines = append(lines, strings.TrimRight(string(line), "\r\n"))
		}
		got := assemble(lines...)
		if len(got) != len(lines) {
			for _, e := range got {
				if strings.Contains(e, "\n") {
					t.Errorf("%s: joined %q", filepath.Base(file), e)
				}
			}
		}
		t.Logf("%s: %d lines, %d entries", filepath.Base(file), len(lines), len(got))
	}
}

func TestEntryHasTimeAndPlaceOfItsFirstLine(t *testing.T) {
	var got []multiline.Entry
	a := multiline.New(func(e multiline.Entry) { got = append(got, e) })
	at := start.UnixNano()
	a.Add(multiline.Line{Text: "a", Time: at, Pos: 10}, start)
	a.Add(multiline.Line{Text: " b", Time: at + 5, Pos: 20}, start)
	if pos, ok := a.Open(); !ok || pos != 10 {
		t.Errorf("Open() = %d, %v, want 10", pos, ok)
	}
	a.Add(multiline.Line{Text: "c", Time: at + 9, Pos: 30}, start)
	if pos, ok := a.Open(); !ok || pos != 30 {
		t.Errorf("Open() = %d, %v, want 30", pos, ok)
	}
	a.Flush()
	if _, ok := a.Open(); ok {
		t.Error("something is open after Flush")
	}
	want := []multiline.Entry{{Text: "a\n b", Time: at, Pos: 10, Lines: 2}, {Text: "c", Time: at + 9, Pos: 30, Lines: 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEntriesWaitAcrossPolls(t *testing.T) {
	var got []string
	a := multiline.New(func(e multiline.Entry) { got = append(got, e.Text) })
	now := start
	add := func(text string) { a.Add(multiline.Line{Text: text, Time: now.UnixNano()}, now) }
	add("Traceback (most recent call last):")
	now = now.Add(1400 * time.Millisecond)
	a.Tick(now)
	add(`  File "x.py", line 1, in <module>`)
	now = now.Add(1400 * time.Millisecond)
	a.Tick(now)
	add("ValueError: x")
	now = now.Add(1400 * time.Millisecond)
	a.Tick(now)
	if len(got) != 0 {
		t.Fatalf("handed over too early: %q", got)
	}
	now = now.Add(100 * time.Millisecond)
	a.Tick(now)
	add("an ordinary line")
	if due, ok := a.Due(); !ok || due.Sub(now) != multiline.HoldPlain {
		t.Errorf("an ordinary line is due in %s", due.Sub(now))
	}
	now = now.Add(multiline.HoldPlain)
	a.Tick(now)
	add("  what comes later stands alone")
	a.Flush()
	want := []string{"Traceback (most recent call last):\n  File \"x.py\", line 1, in <module>\nValueError: x", "an ordinary line", "  what comes later stands alone"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What is read late is put together as it would have been in time.
func TestOldLinesWithATimeBetweenThemStayApart(t *testing.T) {
	var got []string
	a := multiline.New(func(e multiline.Entry) { got = append(got, e.Text) })
	a.Add(multiline.Line{Text: "a", Time: start.UnixNano()}, start)
	a.Add(multiline.Line{Text: "  b", Time: start.Add(time.Hour).UnixNano()}, start)
	a.Flush()
	if diff := cmp.Diff([]string{"a", "  b"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLimits(t *testing.T) {
	lines := []string{"panic: many", "", "goroutine 1 [running]:"}
	for i := range 3 * multiline.MaxLines {
		lines = append(lines, fmt.Sprintf("\t/app/main.go:%d +0x1", i))
	}
	got := assemble(lines...)
	if len(got) != 4 || strings.Join(got, "\n") != strings.Join(lines, "\n") {
		t.Errorf("%d entries of %d bytes, want 4 with all lines", len(got), len(strings.Join(got, "\n")))
	}
	long := strings.Repeat("x", multiline.MaxBytes/2)
	got = assemble("a", " "+long, " "+long, " "+long, "b")
	total := 0
	for _, e := range got {
		if len(e) > multiline.MaxBytes {
			t.Errorf("an entry of %d bytes", len(e))
		}
		total += strings.Count(e, "x")
	}
	if total != 3*len(long) {
		t.Errorf("%d bytes of %d are there", total, 3*len(long))
	}
}

// FuzzNothingIsLost holds that every line comes out once, in order, blank ones
// between entries excepted, whatever the lines are and however they are polled.
func FuzzNothingIsLost(f *testing.F) {
	for _, text := range tracebacks(f) {
		f.Add(text, uint64(3))
	}
	f.Add("a\n\n b\nValueError: x\nz\n\n\nError: y\n\tat f\n}", uint64(7))
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 1))
		now := start
		var got []multiline.Entry
		a := multiline.New(func(e multiline.Entry) { got = append(got, e) })
		lines := strings.Split(text, "\n")
		for i, line := range lines {
			a.Add(multiline.Line{Text: line, Time: now.UnixNano(), Pos: int64(i)}, now)
			if r.IntN(5) == 0 {
				now = now.Add(time.Duration(r.IntN(3000)) * time.Millisecond)
				a.Tick(now)
			}
		}
		a.Flush()
		next := 0
		for _, e := range got {
			for range e.Lines {
				for next < len(lines) && next < int(e.Pos) {
					if strings.Trim(lines[next], " \t\r") != "" {
						t.Fatalf("line %d %q is lost", next, lines[next])
					}
					next++
				}
				break
			}
			if want := strings.Join(lines[next:next+e.Lines], "\n"); e.Text != want || int(e.Pos) != next {
				t.Fatalf("entry %q at %d, want %q at %d", e.Text, e.Pos, want, next)
			}
			next += e.Lines
		}
		if strings.Trim(strings.Join(lines[next:], ""), " \t\r") != "" {
			t.Fatalf("lines after %d are lost: %q", next, lines[next:])
		}
	})
}

func BenchmarkAdd(b *testing.B) {
	lines := []string{
		"2026-01-02 15:04:05,123 INFO shop.orders: order 7 accepted for user 991 in 12.7 ms",
		"server listening on port 8080 with 4 workers",
		`{"level":"info","msg":"order accepted","order":7,"user":991,"duration":12.7}`,
		`10.0.0.1 - - [02/Jan/2026:15:04:05 +0000] "GET /orders/7 HTTP/1.1" 200 512 "-" "curl/8.5"`,
	}
	a := multiline.New(func(multiline.Entry) {})
	b.ReportAllocs()
	n := int64(0)
	for b.Loop() {
		a.Add(multiline.Line{Text: lines[n&3], Time: n}, start)
		n++
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "lines/s")
}
