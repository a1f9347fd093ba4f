package ingest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/shared/errs"
)

func TestObjectListOrOneAfterTheOther(t *testing.T) {
	a := logs.Entry{Source: "a", Message: "one", Level: logs.Info}
	b := logs.Entry{Source: "b", Message: "\x1b[31mtwo\n  more", Level: logs.Error, Stream: logs.Stderr, Time: 1795132800123456789}
	tests := map[string]struct {
		body string
		want []logs.Entry
	}{
		"an object":             {`{"container":"a","message":"one"}`, []logs.Entry{a}},
		"printed":               {"{\n  \"container\": \"a\",\n  \"message\": \"one\"\n}\n", []logs.Entry{a}},
		"a list":                {` [{"container":"a","message":"one"},{"container":"b","message":"\u001b[31mtwo\n  more","level":"err","stream":"stderr","timestamp":"2026-11-20T00:00:00.123456789Z"}]`, []logs.Entry{a, b}},
		"lines":                 {`{"container":"a","message":"one"}` + "\n\n" + `{"container":"b","message":"\u001b[31mtwo\n  more","level":"ERROR","stream":"stderr","timestamp":"2026-11-20T02:00:00.123456789+02:00"}` + "\r\n", []logs.Entry{a, b}},
		"without blanks":        {`{"container":"a","message":"one"}{"container":"a","message":"one"}`, []logs.Entry{a, a}},
		"an empty list":         {`[]`, nil},
		"level of the text":     {`{"container":"a","message":"{\"level\":\"fatal\"}"}`, []logs.Entry{{Source: "a", Message: `{"level":"fatal"}`, Level: logs.Critical}}},
		"level that is none":    {`{"container":"a","message":"one","level":"LOUD"}`, []logs.Entry{a}},
		"not UTF-8":             {"{\"container\":\"a\",\"message\":\"\xff\",\"level\":\"info\"}", []logs.Entry{{Source: "a", Message: "\ufffd", Level: logs.Info}}},
		"members of others":     {`{"container":"a","message":"one","host":"x","nested":{"a":[1]}}`, []logs.Entry{a}},
		"null is absent":        {`{"container":"a","message":"one","level":null,"stream":null,"timestamp":null}`, []logs.Entry{a}},
		"the last counts":       {`{"message":"zero","container":"b","container":"a","message":"one","message":null}`, []logs.Entry{a}},
		"an empty line":         {`{"container":"a","message":""}`, []logs.Entry{{Source: "a", Level: logs.Info}}},
		"Unix milliseconds":     {`{"container":"a","message":"one","timestamp":1795132800123}`, []logs.Entry{{Source: "a", Message: "one", Level: logs.Info, Time: 1795132800123000000}}},
		"Unix time in a string": {`{"container":"a","message":"one","timestamp":"1795132800123456789"}`, []logs.Entry{{Source: "a", Message: "one", Level: logs.Info, Time: 1795132800123456789}}},
		"by default":            {`{"message":"one"}`, []logs.Entry{{Source: "from the query", Message: "one", Level: logs.Error, Stream: logs.Stderr}}},
	}
	var r Reader
	for name, tt := range tests {
		def := Defaults{}
		if name == "by default" {
			def = Defaults{Source: "from the query", Stream: logs.Stderr}
		}
		got, err := r.JSON(tt.body, def, false)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(tt.want, append([]logs.Entry(nil), got.Entries...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestWrongEntriesAreNamed(t *testing.T) {
	tests := map[string]string{
		``:                                    "body is empty",
		" \n":                                 "body is empty",
		`{`:                                   "entry 0: not valid JSON: unexpected end at byte 1",
		`null`:                                "entry 0: is null, want an object",
		`7`:                                   "entry 0: is a number, want an object",
		`hello`:                               "entry 0: not valid JSON",
		`[`:                                   "entry 0: not valid JSON",
		`[{"container":"a"}]`:                 "entry 0: message is missing",
		`{"message":"x"}`:                     "entry 0: container is missing",
		`[{"container":"a","message":"x"},7]`: "entry 1: is a number, want an object",
		`[{"container":"a","message":"x"}] x`: "entry 1: not valid JSON: text after the value at byte 34",
		`[{"container":"a","message":"x"}`:    "entry 1: not valid JSON",
		`[{"container":"a","message":"x"},]`:  "entry 1: not valid JSON",
		`{"message":7}`:                       "entry 0: message is a number, want a string",
		`{"message":{}}`:                      "entry 0: message is an object, want a string",
		"{\"container\":\"a\",\"message\":\"x\"}\n{":                     "entry 1: not valid JSON",
		`{"message":"x","stream":"both"}`:                                `entry 0: stream is "both", want stdout or stderr`,
		`{"message":"x","timestamp":"soon"}`:                             `entry 0: timestamp is "soon", want a time such as`,
		`{"message":"x","timestamp":"1960-01-01T00:00:00Z"}`:             "from 1970 to 2199",
		`{"message":"x","timestamp":true}`:                               "timestamp is a boolean, want a string",
		`{"message":"x","level":3}`:                                      "level is a number, want a string",
		`{"message":"x","container":"` + strings.Repeat("c", 201) + `"}`: "container has 201 bytes, the limit is 200",
		`{"message":"x","a":` + strings.Repeat("[", 100):                 "nested deeper than 32 levels",
	}
	var r Reader
	for body, want := range tests {
		_, err := r.JSON(body, Defaults{}, false)
		if err == nil || !strings.Contains(err.Error(), want) || errs.KindOf(err) != errs.Invalid {
			t.Errorf("%.60s: %v, want %s", body, err, want)
		}
	}
	_, err := r.JSON(strings.Repeat(`{"message":""}`, logs.MaxBatchEntries+1), Defaults{Source: "a"}, true)
	if err == nil || errs.KindOf(err) != errs.TooLarge {
		t.Errorf("too many entries: %v", err)
	}
}

func TestPartialKeepsTheGoodEntries(t *testing.T) {
	body := `{"message":"first"}
{"message":7}
{"message":"broken
not json at all
{"message":"second"} {"message":"third"
{"message":"fourth"}
`
	var r Reader
	got, err := r.JSON(body, Defaults{Source: "a"}, true)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, e := range got.Entries {
		texts = append(texts, e.Message)
	}
	if diff := cmp.Diff([]string{"first", "second", "fourth"}, texts); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	var problems []string
	for _, p := range got.Problems {
		problems = append(problems, fmt.Sprint(p.Index, " ", p.Detail))
	}
	want := []string{
		"1 message is a number, want a string",
		"2 not valid JSON: control character in a string at byte 52",
		"3 not valid JSON: want null at byte 53",
		"5 not valid JSON: want a comma at byte 109",
	}
	if diff := cmp.Diff(want, problems); diff != "" || got.Rejected != 4 {
		t.Errorf("%d rejected (-want +got):\n%s", got.Rejected, diff)
	}
	got, err = r.JSON(`[`+strings.Repeat(`7,`, 1000)+`{"message":"last"}]`, Defaults{Source: "a"}, true)
	if err != nil || got.Rejected != 1000 || len(got.Problems) != maxProblems || len(got.Entries) != 1 {
		t.Errorf("%d entries, %d rejected, %d named, %v", len(got.Entries), got.Rejected, len(got.Problems), err)
	}
}

func TestPlainText(t *testing.T) {
	body := "2026-01-02 15:04:05 ERROR shop: failed\r\nTraceback (most recent call last):\n  File \"x.py\", line 1, in <module>\nValueError: \xff\n\n{\"level\":\"warn\",\"msg\":\"x\"}\nlast"
	var r Reader
	got, err := r.Text(body, Defaults{Source: "cron", Stream: logs.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	want := []logs.Entry{
		{Source: "cron", Stream: logs.Stderr, Level: logs.Error, Message: "2026-01-02 15:04:05 ERROR shop: failed\nTraceback (most recent call last):\n  File \"x.py\", line 1, in <module>\nValueError: \ufffd"},
		{Source: "cron", Stream: logs.Stderr, Level: logs.Warning, Message: `{"level":"warn","msg":"x"}`},
		{Source: "cron", Stream: logs.Stderr, Message: "last"},
	}
	want[2].Level = got.Entries[len(got.Entries)-1].Level
	if diff := cmp.Diff(want, got.Entries); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for body, want := range map[string]string{"": "body is empty", "\n \n": "body is empty"} {
		if _, err := r.Text(body, Defaults{Source: "cron"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", body, err)
		}
	}
	if _, err := r.Text("x", Defaults{}); err == nil || !strings.Contains(err.Error(), "container is missing") {
		t.Errorf("without a container: %v", err)
	}
	if _, err := r.Text(strings.Repeat("x\n", logs.MaxBatchEntries+1), Defaults{Source: "cron"}); errs.KindOf(err) != errs.TooLarge {
		t.Errorf("too many lines: %v", err)
	}
}

func TestLongMessagesAreCut(t *testing.T) {
	var r Reader
	long := strings.Repeat("é", logs.MaxMessage)
	got, err := r.JSON(`{"message":"`+long+`"}`, Defaults{Source: "a"}, false)
	if err != nil {
		t.Fatal(err)
	}
	m := got.Entries[0].Message
	if len(m) > logs.MaxMessage || !strings.HasSuffix(m, " bytes cut]") || !strings.HasPrefix(m, "éé") {
		t.Errorf("%d bytes, which end with %q", len(m), m[len(m)-40:])
	}
}

// What a reader returned before stays, whatever it reads afterwards.
func TestTextsStay(t *testing.T) {
	var r Reader
	var kept []logs.Entry
	for i := range 100 {
		got, err := r.JSON(fmt.Sprintf(`{"container":"c%d","message":"%s"}`, i, strings.Repeat("x", i*200)), Defaults{}, false)
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, got.Entries...)
		if i%10 == 0 {
			r.Release()
		}
	}
	for i, e := range kept {
		if e.Source != fmt.Sprintf("c%d", i) || e.Message != strings.Repeat("x", i*200) {
			t.Fatalf("entry %d became %q: %.50q", i, e.Source, e.Message)
		}
	}
}
