package webui

import "testing"

func TestHeadlineSaysWhatWentWrong(t *testing.T) {
	for message, want := range map[string]string{
		"":                                   "",
		"one":                                "one",
		"one\ntwo":                           "one",
		"java.io.IOE: x\n\tat a.b(C.java:1)": "java.io.IOE: x",
		"Traceback (most recent call last):\n  File \"x\", line 1\n    f()\nValueError: no address\n":      "Traceback … ValueError: no address",
		"Traceback (most recent call last):\n  File \"x\", line 1\n    cut off":                            "Traceback (most recent call last):",
		"Traceback (most recent call last):\n":                                                             "Traceback (most recent call last):",
		"Traceback (most recent call last):\n  f\nA: a\n\nDuring handling:\n\nTraceback (x):\n  f\nB: b\n": "Traceback … B: b",
		"/app/x.js:3\n  throw new Error('x')\n  ^\n\nError: x\n    at y":                                   "/app/x.js:3 … Error: x",
		"/app/x.js:3\n  throw":       "/app/x.js:3",
		"GET /x: 1\n  ^\n\nanything": "GET /x: 1",
		"a:1\n^":                     "a:1",
	} {
		if got := headline(message); got != want {
			t.Errorf("headline of %q is %q, want %q", message, got, want)
		}
	}
}
