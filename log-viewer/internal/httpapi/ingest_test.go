package httpapi

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monlight/monlight/log-viewer/internal/logs"
)

func TestLinesComeAsObjectListOrOneAfterTheOther(t *testing.T) {
	a := logs.Entry{Source: "a", Message: "one", Level: logs.Info}
	b := logs.Entry{Source: "b", Message: "\x1b[31mtwo\n  more", Level: logs.Error, Stream: logs.Stderr, Time: 1795132800123456789}
	for name, c := range map[string]struct {
		body string
		want []logs.Entry
	}{
		"an object":          {`{"container":"a","message":"one"}`, []logs.Entry{a}},
		"a list":             {` [{"container":"a","message":"one"},{"container":"b","message":"\u001b[31mtwo\n  more","level":"err","stream":"stderr","timestamp":"2026-11-20T00:00:00.123456789Z"}]`, []logs.Entry{a, b}},
		"lines":              {`{"container":"a","message":"one"}` + "\n\n" + `{"container":"b","message":"\u001b[31mtwo\n  more","level":"ERROR","stream":"stderr","timestamp":"2026-11-20T02:00:00.123456789+02:00"}` + "\r\n", []logs.Entry{a, b}},
		"an empty list":      {`[]`, nil},
		"level of the text":  {`{"container":"a","message":"{\"level\":\"fatal\"}"}`, []logs.Entry{{Source: "a", Message: `{"level":"fatal"}`, Level: logs.Critical}}},
		"level that is none": {`{"container":"a","message":"one","level":"LOUD"}`, []logs.Entry{a}},
		"not UTF-8":          {"{\"container\":\"a\",\"message\":\"\xff\",\"level\":\"info\"}", []logs.Entry{{Source: "a", Message: "\ufffd", Level: logs.Info}}},
		"members of others":  {`{"container":"a","message":"one","host":"x","nested":{"a":[1]}}`, []logs.Entry{a}},
		"an empty line":      {`{"container":"a","message":""}`, []logs.Entry{{Source: "a", Level: logs.Info}}},
	} {
		got, err := decodeLines([]byte(c.body))
		if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

func TestWrongLinesAreNamed(t *testing.T) {
	for body, want := range map[string]string{
		``:                                   "body is empty",
		` `:                                  "body is empty",
		`{`:                                  "entry 0: body is not valid JSON",
		`null`:                               "entry 0: message is missing",
		`7`:                                  "entry 0: is of type number, want an object",
		`[`:                                  "not valid JSON",
		`[{"container":"a"}]`:                "entry 0: message is missing",
		`[{"message":"x"},7]`:                "entry 1: is of type number, want an object",
		`[{"message":"x"}] x`:                "something after the list",
		`[{"message":"x"}`:                   "not valid JSON",
		`[{"message":"x"},]`:                 "entry 1: body is not valid JSON",
		`{"message":7}`:                      "entry 0: message is of type number, want a string",
		`{"message":"x"}{`:                   "entry 1: body is not valid JSON",
		`{"message":"x","stream":"both"}`:    `stream is "both", want stdout or stderr`,
		`{"message":"x","timestamp":"soon"}`: "timestamp is not a time such as",
		`{"message":"x","timestamp":"1960-01-01T00:00:00Z"}`:         "want 1970 to 2199",
		`{"message":"x","timestamp":"2960-01-01T00:00:00Z"}`:         "want 1970 to 2199",
		strings.Repeat(`{"message":""}`, logs.MaxBatchEntries+1):     "more than 100000 entries",
		`[` + strings.Repeat(`{"message":"x"},`, 3) + `{"stream":1}`: "entry 3: stream is of type number",
	} {
		_, err := decodeLines([]byte(body))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %s", body, err, want)
		}
	}
}

// Whatever the bytes are, they are refused with a reason, or become entries that
// come back the same when they are sent again as they are shown.
func FuzzDecodeLines(f *testing.F) {
	for _, s := range []string{`{"container":"a","message":"x"}`, `[{"message":"\u0000","stream":"stderr","timestamp":"2026-11-20T00:00:00Z"}]`, "{\"message\":\"\xff\"}\n{}", `[[`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		entries, err := decodeLines(body)
		if err != nil {
			return
		}
		again := []byte("[")
		for i, e := range entries {
			if e.Time == 0 {
				return // such entries get the present time
			}
			if i > 0 {
				again = append(again, ',')
			}
			again = appendEntry(again, e)
		}
		got, err := decodeLines(append(again, ']'))
		if diff := cmp.Diff(entries, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", again, err, diff)
		}
	})
}
