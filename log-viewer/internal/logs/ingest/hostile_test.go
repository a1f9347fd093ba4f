package ingest

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/log-viewer/internal/logs/fields"
	"github.com/monlight/monlight/log-viewer/internal/logs/level"
	"github.com/monlight/monlight/log-viewer/internal/logs/multiline"
	"github.com/monlight/monlight/shared/lineartest"
)

// hostile are pieces of lines that somebody sends to keep the readers of lines busy.
var hostile = []string{
	"a", " ", "\t", "\"", "\\", "\\\"", "'", "{", "[", "(", "<", ":", "=", ",", "-", ".", "%", "\x1b[", "\x1b[31m", "\xff", "é", "\x00", "\\u0041", "{\"a\":", "[[", "[]", "{}",
	"a=", "a=b ", "a=\"", "a=\"b\" ", "level=", "level=x ", "lvl=\"", "{\"level\":\"x\",", "\"level\":", "\"a\":{\"b\":", "ERROR", "ERROR ", "E ", "[ERROR] ", "error: ", "warn|", "INFO:",
	"2026-01-01T00:00:00Z ", "2026-01-01 00:00:00,000 ", "00:00:00.000 ", "[01/Jan/2026:00:00:00 +0000] ", "1767225600 ", "127.0.0.1 - - ", "\"GET / HTTP/1.1\" 200 ", " 500 ", "x.y.ZError: ", "Exception in thread ",
}

// beginnings are lines that one may be part of.
var beginnings = []string{
	"\n", " \n", "\tx\n", "    x\n", "x\n", "}\n", "{\n", "  }\n", "Traceback (most recent call last):\n", "  File \"a\", line 1, in f\n", "E: x\n", "During handling of the above exception, another exception occurred:\n",
	"\tat a.b(C.java:1)\n", "Caused by: x\n", "\t... 9 more\n", "panic: x\n", "goroutine 1 [running]:\n", "main.f()\n", "    at f (a:1:1)\n", "#0 a(1): f()\n", "PHP Fatal error: x\n", "Stack trace:\n", "   at A.B() in c:line 1\n",
	" ---> x\n", "from a.rb:1:in `f'\n", "a.rb:1:in `f': x (E)\n", "+++\n", "ERROR x\n", "2026-01-01T00:00:00Z ERROR x\n", "{\"level\":\"error\"}\n",
}

// TestHostileLinesTakeLinearTime gives everything that looks at a line lines of a
// megabyte, sixteen times as long as what is kept of one.
func TestHostileLinesTakeLinearTime(t *testing.T) {
	const n, many = 1 << 18, 1 << 15 // a quarter of the bytes, of one line and of many
	lineartest.Check(t, "level", n, hostile, func(text string) { level.Of(text, logs.Stdout) })
	lineartest.Check(t, "level that is stated", n, hostile, func(text string) { level.Stated(text) })
	lineartest.Check(t, "fields", n, hostile, func(text string) { fields.Each(text, func(_, _ string) bool { return true }) })
	lineartest.Check(t, "fields that are not there", n, hostile, func(text string) { fields.Lookup(text, "not.there") })
	lineartest.Check(t, "one line", n, hostile, func(text string) { join(text) })
	lineartest.Check(t, "joined lines", many, beginnings, func(text string) { join(text) })
	lineartest.Check(t, "joined lines behind a stack", many, beginnings, func(text string) { join("E: x\n    at f (a:1:1)\n" + text) })
	lineartest.Check(t, "a body of text", many, append(beginnings, hostile...), func(text string) {
		var r Reader
		_, _ = r.Text(text, Defaults{Source: "a"}) // refused or taken
	})
	lineartest.Check(t, "a body of JSON", many, append(beginnings, hostile...), func(text string) {
		var r Reader
		_, _ = r.JSON(`{"container":"c","message":`+strconv.Quote(text)+"}\n", Defaults{}, false)
		_, _ = r.JSON(text, Defaults{}, false)
	})
}

// join puts the lines of a text together, as those of a container.
func join(text string) {
	a := multiline.New(func(multiline.Entry) {})
	now := time.Unix(0, 0)
	for line := range strings.Lines(text) {
		a.Add(multiline.Line{Text: strings.TrimSuffix(line, "\n")}, now)
	}
	a.Flush()
}
