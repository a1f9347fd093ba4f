package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/monlight/monlight/error-tracker/internal/eventjson"
	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/errs"
)

// report is a body with the four required members and more behind them.
func report(more string) string {
	body := `{"project":"shop","exception_type":"ValueError","message":"bad","traceback":"no location here"`
	if more != "" {
		body += "," + more
	}
	return body + "}"
}

func decoded(t *testing.T, body string) *tracker.Report {
	t.Helper()
	r, err := decodeReport(body)
	if err != nil {
		t.Fatalf("decodeReport(%.200s) = %v", body, err)
	}
	return r
}

func TestDecodeReportRefuses(t *testing.T) {
	for name, test := range map[string]struct{ body, want string }{
		"nothing":              {``, "Invalid JSON"},
		"no JSON":              {`{`, "Invalid JSON"},
		"text behind":          {report("") + "x", "Invalid JSON"},
		"a second value":       {report("") + report(""), "Invalid JSON"},
		"a byte order mark":    {"\ufeff" + report(""), "Invalid JSON"},
		"broken after project": {`{"project":"p","exception_type":}`, "Invalid JSON"},
		"an array":             {`[]`, "Request body must be a JSON object"},
		"a string":             {`"x"`, "Request body must be a JSON object"},
		"null":                 {`null`, "Request body must be a JSON object"},
		"nested too deep":      {report(`"x":` + strings.Repeat("[", 200) + strings.Repeat("]", 200)), "JSON is nested deeper than 128 levels"},
		"an empty object":      {`{}`, "Missing required field: project"},
		"only project":         {`{"project":""}`, "Missing required field: exception_type"},
		"no message":           {`{"traceback":"","project":"","exception_type":""}`, "Missing required field: message"},
		"no traceback":         {`{"message":"","project":"","exception_type":""}`, "Missing required field: traceback"},
		"null project":         {`{"project":null,"exception_type":"","message":"","traceback":""}`, "Missing required field: project"},
		"numeric message":      {`{"project":"","exception_type":"","message":1,"traceback":""}`, "Missing required field: message"},
		"names are exact":      {`{"Project":"","exception_type":"","message":"","traceback":""}`, "Missing required field: project"},
		"the last one counts":  {report(`"project":5`), "Missing required field: project"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := decodeReport(test.body)
			if got := text(err); got != test.want || errs.KindOf(err) != errs.Invalid {
				t.Errorf("err = %v, want invalid, %q", err, test.want)
			}
		})
	}
}

// text is what a caller sees of err.
func text(err error) string {
	if e, ok := errors.AsType[*errs.Error](err); ok {
		return e.Text
	}
	return fmt.Sprint(err)
}

func TestDecodeReportTakesEmptyTexts(t *testing.T) {
	r := decoded(t, `{"project":"","exception_type":"","message":"","traceback":""}`)
	e, err := r.Event()
	if err != nil {
		t.Fatal(err)
	}
	if e.Environment != "prod" || e.Level != "error" || len(e.Exceptions) != 1 {
		t.Errorf("event = %+v", e)
	}
}

func TestDecodeReportReadsEveryMember(t *testing.T) {
	body, err := os.ReadFile("testdata/full_report.json")
	if err != nil {
		t.Fatal(err)
	}
	r := decoded(t, string(body))
	yes, no, zero, one := true, false, 0, 1
	id, _ := event.ParseID("0123456789abcdef0123456789abcdef")
	want := &tracker.Report{
		ExceptionType: "ValueError", Message: "bad \U0001F600 value", UserID: "42",
		Frames: []event.Frame{{Function: "main", Line: 1}},
		Facts: event.Event{
			ID: id, Project: "shop", OccurredAt: time.Date(2026, 7, 27, 10, 3, 11, 500e6, time.UTC),
			Platform: "python", Level: "fatal", Logger: "app", Transaction: "GET /orders/{id}", ServerName: "web-1",
			Environment: "staging", Release: "1.4.2", Dist: "b7", Traceback: "ValueError: bad",
			Exceptions: []event.Exception{
				{
					Type: "KeyError", Value: "'x'", Module: "builtins",
					Mechanism: event.Mechanism{Type: "chained", Source: "__cause__", ExceptionID: &one, ParentID: &zero},
				},
				{
					Type: "ValueError", Value: "bad",
					Mechanism: event.Mechanism{Type: "excepthook", Handled: &no, ExceptionID: &zero, IsGroup: true, Synthetic: true},
					Frames: []event.Frame{{
						Filename: "app/orders.py", AbsPath: "/srv/app/orders.py", Function: "load", RawFunction: "Orders.load", Module: "app.orders",
						Package: "app", Platform: "python", Line: 12, Column: 5, InApp: &yes, ContextLine: "    raise ValueError(x)",
						PreContext: []string{"def load(x):", ""}, PostContext: []string{"", "def save(x):"},
						Vars: []event.Var{{Name: "x", Value: json.RawMessage(`"'a'"`)}, {Name: "n", Value: json.RawMessage(`[1,2]`)}, {Name: "z", Value: json.RawMessage(`null`)}},
					}},
				},
			},
			Breadcrumbs: []event.Breadcrumb{
				{At: time.Unix(1785146590, 250e6).UTC(), Type: "http", Category: "requests", Level: "info", Message: "GET /", Data: json.RawMessage(`{"status":200}`)},
				{Message: "second"},
			},
			User:     event.User{ID: "7", Email: "a@example.com", Username: "ann", IP: "192.0.2.7", Data: json.RawMessage(`{"plan":"pro","seats":[1]}`)},
			Tags:     []event.Tag{{Name: "a", Value: "1"}, {Name: "b", Value: "true"}, {Name: "c", Value: "x"}},
			Contexts: []event.Context{{Name: "runtime", Data: json.RawMessage(`{"name":"CPython"}`)}},
			Request: event.Request{
				URL: "https://shop.example/orders/1?x=1", Method: "POST", Headers: json.RawMessage(`{"User-Agent":"curl"}`),
			},
			Extra:       json.RawMessage(`{"session_id":"s1","n":[1,2.50]}`),
			Modules:     []event.Tag{{Name: "fastapi", Value: "0.110"}},
			SDK:         event.SDK{Name: "monlight.python", Version: "0.3.0"},
			Fingerprint: []string{"{{ default }}", "7", "x"},
		},
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("decodeReport: -want +got\n%s", diff)
	}
}

func TestDecodeReportIgnoresWrongTypesOfOptionalMembers(t *testing.T) {
	plain := decoded(t, report(""))
	optional := []string{
		"event_id", "timestamp", "platform", "level", "logger", "transaction", "server_name", "environment", "release", "dist",
		"request_url", "request_method", "user_id", "user", "tags", "modules", "contexts", "breadcrumbs", "fingerprint", "sdk", "exceptions", "frames", "unknown",
	}
	for _, name := range optional {
		values := []string{`null`, `{}`, `[]`, `[[]]`, `[null]`, `[{"\u0000":null}]`, `{"x":{}}`, `{"values":7}`, `false`}
		for _, value := range values {
			switch name {
			case "tags", "modules", "user", "contexts":
				if strings.HasPrefix(value, `{"`) {
					continue // has something to tell
				}
			case "exceptions", "frames", "breadcrumbs", "fingerprint":
				if strings.HasPrefix(value, `[{`) {
					continue
				}
			}
			got := decoded(t, report(fmt.Sprintf("%q:%s", name, value)))
			if diff := cmp.Diff(plain, got); diff != "" {
				t.Errorf("%s:%s is not ignored: -want +got\n%s", name, value, diff)
			}
		}
	}
}

func TestDecodeReportKeepsAnyExtraAndHeaders(t *testing.T) {
	for value, want := range map[string]string{
		`null`: "", `"x"`: `"x"`, ` 1e3`: `1e3`, `[ ]`: `[]`, `{ "a" : [ true ] }`: `{"a":[true]}`, `{"a":1,"a":2}`: `{"a":1,"a":2}`,
	} {
		r := decoded(t, report(`"extra":`+value+`,"request_headers":`+value))
		if got := string(r.Facts.Extra); got != want {
			t.Errorf("extra %s = %s, want %s", value, got, want)
		}
		if got := string(r.Facts.Request.Headers); got != want {
			t.Errorf("request_headers %s = %s, want %s", value, got, want)
		}
	}
}

func TestDecodeReportRepairsText(t *testing.T) {
	r := decoded(t, "{\"project\":\"p\xff\",\"exception_type\":\"E\\u0000\",\"message\":\"\\ud800!\",\"traceback\":\"a\xc3(\"}")
	got := []string{r.Facts.Project, r.ExceptionType, r.Message, r.Facts.Traceback}
	if diff := cmp.Diff([]string{"p\uFFFD", "E\uFFFD", "\uFFFD!", "a\uFFFD("}, got); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeReportReadsTimes(t *testing.T) {
	for value, want := range map[string]string{
		`"2026-07-27T10:03:11Z"`:            "2026-07-27T10:03:11Z",
		`"2026-07-27T12:03:11.123+02:00"`:   "2026-07-27T10:03:11.123Z",
		`1785146591`:                        "2026-07-27T10:03:11Z",
		`1785146591.25`:                     "2026-07-27T10:03:11.25Z",
		`"1785146591.25"`:                   "2026-07-27T10:03:11.25Z",
		`"yesterday"`:                       "0001-01-01T00:00:00Z",
		`-1`:                                "0001-01-01T00:00:00Z",
		`1e400`:                             "0001-01-01T00:00:00Z",
		`"NaN"`:                             "0001-01-01T00:00:00Z",
		strings.Repeat("9", 300):            "0001-01-01T00:00:00Z",
		`"` + strings.Repeat("1", 99) + `"`: "0001-01-01T00:00:00Z",
	} {
		r := decoded(t, report(`"timestamp":`+value))
		if got := r.Facts.OccurredAt.Format(time.RFC3339Nano); got != want {
			t.Errorf("timestamp %s = %s, want %s", value, got, want)
		}
	}
}

func TestDecodeReportCutsLists(t *testing.T) {
	list := func(n int, element string) string {
		return "[" + strings.TrimSuffix(strings.Repeat(element+",", n), ",") + "]"
	}
	numbered := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format+",", i)
		}
		return "[" + strings.TrimSuffix(b.String(), ",") + "]"
	}
	object := func(n int, value string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"k%d":%s,`, i, value)
		}
		return "{" + strings.TrimSuffix(b.String(), ",") + "}"
	}

	r := decoded(t, report(`"frames":`+numbered(300, `{"lineno":%d}`)))
	if n := len(r.Frames); n != 250 || r.Frames[49].Line != 49 || r.Frames[50].Line != 100 || r.Frames[249].Line != 299 {
		t.Errorf("%d frames, [49]=%d [50]=%d [249]=%d", n, r.Frames[49].Line, r.Frames[50].Line, r.Frames[n-1].Line)
	}
	r = decoded(t, report(`"exceptions":`+numbered(70, `{"type":"T%d"}`)))
	x := r.Facts.Exceptions
	if len(x) != 50 || x[9].Type != "T9" || x[10].Type != "T30" || x[49].Type != "T69" {
		t.Errorf("%d exceptions, [9]=%s [10]=%s", len(x), x[9].Type, x[10].Type)
	}
	r = decoded(t, report(`"exceptions":`+list(8, `{"frames":`+list(300, `{"lineno":1}`)+`}`)))
	frames := 0
	for _, x := range r.Facts.Exceptions {
		frames += len(x.Frames)
	}
	if frames != eventjson.MaxFramesPerReport {
		t.Errorf("%d frames in all, want %d", frames, eventjson.MaxFramesPerReport)
	}
	r = decoded(t, report(`"breadcrumbs":`+numbered(130, `{"message":"%d"}`)))
	if b := r.Facts.Breadcrumbs; len(b) != 100 || b[0].Message != "30" || b[99].Message != "129" {
		t.Errorf("%d breadcrumbs, %s to %s", len(b), b[0].Message, b[len(b)-1].Message)
	}
	if r = decoded(t, report(`"tags":`+object(120, `"v"`)+`,"modules":`+object(1100, `1`)+`,"contexts":`+object(60, `{}`)+`,"user":`+object(70, `1`))); len(r.Facts.Tags) != eventjson.MaxTags ||
		len(r.Facts.Modules) != eventjson.MaxModules || len(r.Facts.Contexts) != eventjson.MaxContexts || strings.Count(string(r.Facts.User.Data), ":") != eventjson.MaxUserData {
		t.Errorf("%d tags, %d modules, %d contexts, user %s", len(r.Facts.Tags), len(r.Facts.Modules), len(r.Facts.Contexts), r.Facts.User.Data)
	}
	r = decoded(t, report(`"fingerprint":`+list(30, `"x"`)+`,"frames":[{"vars":`+object(130, `1`)+`,"pre_context":`+numbered(30, `"%d"`)+`,"post_context":`+numbered(30, `"%d"`)+`}]`))
	f := r.Frames[0]
	if len(r.Facts.Fingerprint) != eventjson.MaxFingerprint || len(f.Vars) != eventjson.MaxVars || f.PreContext[0] != "10" || f.PostContext[0] != "0" || len(f.PreContext) != 20 || len(f.PostContext) != 20 {
		t.Errorf("%d parts, frame %+v", len(r.Facts.Fingerprint), f)
	}
}

func TestDecodeReportCutsTextsWithAMark(t *testing.T) {
	long := strings.Repeat("ä", 20000)
	r := decoded(t, report(`"release":"`+long+`","request_url":"`+long+`","tags":{"a":"`+long+`"},"contexts":{"c":{"x":"`+long+`"}},"frames":[{"vars":{"v":"`+long+`"}}],"extra":"`+long+`"`))
	for name, test := range map[string]struct {
		got   string
		limit int
	}{
		"release": {r.Facts.Release, eventjson.MaxLabel}, "request_url": {r.Facts.Request.URL, eventjson.MaxURL}, "tag": {r.Facts.Tags[0].Value, eventjson.MaxLabel},
		"var": {string(r.Frames[0].Vars[0].Value), eventjson.MaxValue + 2}, "context": {string(r.Facts.Contexts[0].Data), eventjson.MaxValue + 20},
	} {
		if len(test.got) > test.limit || !strings.Contains(test.got, "… [cut, 40") || !utf8.ValidString(test.got) {
			t.Errorf("%s has %d bytes and ends in %q", name, len(test.got), test.got[len(test.got)-30:])
		}
	}
	for _, raw := range []json.RawMessage{r.Frames[0].Vars[0].Value, r.Facts.Contexts[0].Data} {
		if !json.Valid(raw) {
			t.Errorf("cut to no JSON: %.100s", raw)
		}
	}
	if len(r.Facts.Extra) != len(long)+2 {
		t.Errorf("extra was cut to %d bytes", len(r.Facts.Extra))
	}
}

// FuzzDecodeReport states that what the decoder takes is an event that the
// domain takes too, that it can be printed as valid UTF-8 JSON, and that
// reading what was printed gives the same event.
func FuzzDecodeReport(f *testing.F) {
	full, err := os.ReadFile("testdata/full_report.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(full))
	f.Add(report(`"frames":[{"lineno":1}],"user":{"x":1}`))
	f.Add(report(`"exceptions":{"values":[{"stacktrace":{"frames":[{}]}}]}`))
	f.Add(report(`"user_id":"\u0000","tags":{"a":1,"a":true},"contexts":{"x":{}},"breadcrumbs":[{}],"extra":[[" "]]`))
	f.Fuzz(func(t *testing.T, body string) {
		if len(body) > eventjson.MaxPath { // beyond this texts are cut, and cutting twice is not cutting once
			return
		}
		first := eventOf(t, body)
		if first == nil {
			return
		}
		out := printed(t, &tracker.Occurrence{ID: 1, Event: *first})
		if !utf8.Valid(out) {
			t.Fatalf("invalid UTF-8: %q", out)
		}
		again := eventOf(t, string(out))
		if again == nil {
			t.Fatalf("printed, it is refused: %s", out)
		}
		// When it happened is told in other members, and a text is made up
		// where there was none.
		again.OccurredAt, again.Traceback = first.OccurredAt, first.Traceback
		for i := range again.Breadcrumbs {
			again.Breadcrumbs[i].At = first.Breadcrumbs[i].At
		}
		if diff := cmp.Diff(first, again); diff != "" {
			t.Fatalf("-first +printed and read again\n%s", diff)
		}
	})
}

// eventOf is nil for a body that is refused as it should be.
func eventOf(t *testing.T, body string) *event.Event {
	t.Helper()
	r, err := decodeReport(body)
	var e *event.Event
	if err == nil {
		e, err = r.Event()
	}
	if err != nil && errs.KindOf(err) != errs.Invalid {
		t.Fatalf("err = %v", err)
	}
	return e
}

func printed(t *testing.T, o *tracker.Occurrence) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(newEventJSON(o, 0, 0)); err != nil {
		t.Fatalf("cannot be printed: %v", err)
	}
	return b.Bytes()
}

func BenchmarkDecodeReport(b *testing.B) {
	for _, size := range []int{2 << 10, 8 << 10, 50 << 10} {
		body := sampleReport(size)
		b.Run(fmt.Sprintf("%dKB", size>>10), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				r, err := decodeReport(body)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := r.Event(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// sampleReport is a report as the Python client sends it, of about size bytes:
// a third of it traceback, the rest headers and local facts.
func sampleReport(size int) string {
	var tb strings.Builder
	tb.WriteString("Traceback (most recent call last):\n")
	for i := 0; tb.Len() < size/3; i++ {
		fmt.Fprintf(&tb, "  File \"/srv/app/shop/module_%d.py\", line %d, in handle_%d\n    return self.next_%d(request, order_id=order[\"id\"])\n", i, i+10, i, i)
	}
	tb.WriteString("shop.errors.PaymentError: card 4711 was declined\n")
	headers, extra := map[string]string{}, map[string]any{}
	for i := 0; i*60 < size/3; i++ {
		headers[fmt.Sprintf("x-header-%d", i)] = "some value that a proxy has set " + fmt.Sprint(i)
		extra[fmt.Sprintf("fact_%d", i)] = map[string]any{"n": i, "text": "what the program knew"}
	}
	body, err := json.Marshal(map[string]any{
		"project": "shop", "exception_type": "PaymentError", "message": "card 4711 was declined", "traceback": tb.String(),
		"request_url": "https://shop.example/orders/4711/pay?retry=1", "request_method": "POST", "request_headers": headers,
		"user_id": "4711", "extra": extra, "environment": "prod",
	})
	if err != nil {
		panic(err)
	}
	return string(body)
}
