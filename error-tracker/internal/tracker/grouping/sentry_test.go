package grouping_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

// sample is a real event and the file it is from.
type sample struct {
	name  string
	event *event.Event
}

// samples reads the real events in the order of their names.
func samples(t testing.TB) []sample {
	t.Helper()
	files, err := filepath.Glob("../../../testdata/sentry-events/*/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no sample events: %v", err)
	}
	var all []sample
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var fields object
		if err := json.Unmarshal(data, &fields); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		e := fields.event()
		e.Project = "shop"
		name := filepath.Base(filepath.Dir(file)) + "/" + strings.TrimSuffix(filepath.Base(file), ".json")
		all = append(all, sample{name, e})
	}
	return all
}

// object is a JSON object of which any member may be absent, null or of
// another type than expected.
type object map[string]any

func asObject(v any) object {
	switch o := v.(type) {
	case object:
		return o
	case map[string]any:
		return o
	}
	return nil
}

// list is the member as a list; lists may be wrapped in an object ("values").
func (o object) list(name string) []any {
	switch v := o[name].(type) {
	case []any:
		return v
	case map[string]any:
		if values, ok := v["values"].([]any); ok {
			return values
		}
		return []any{v}
	}
	return nil
}

func text(v any) string {
	switch s := v.(type) {
	case string:
		return s
	case float64, bool:
		return fmt.Sprint(s)
	}
	return ""
}

func (o object) text(names ...string) string {
	for _, name := range names {
		if s := text(o[name]); s != "" {
			return s
		}
	}
	return ""
}

func (o object) int(name string) int {
	n, _ := o[name].(float64)
	return int(n)
}

func (o object) bool(name string) *bool {
	if b, ok := o[name].(bool); ok {
		return &b
	}
	return nil
}

func (o object) event() *event.Event {
	e := &event.Event{
		Platform: o.text("platform"), Level: o.text("level"), Logger: o.text("logger"), Transaction: o.text("transaction", "culprit"),
		Environment: o.text("environment"), Release: o.text("release"),
	}
	for _, name := range []string{"logentry", "message", "sentry.interfaces.Message"} {
		if m := asObject(o[name]); m != nil {
			e.Message = event.Message{Template: m.text("message"), Formatted: m.text("formatted")}
		} else if s := text(o[name]); s != "" && e.Message.Text() == "" {
			e.Message.Formatted = s
		}
		if e.Message.Text() != "" {
			break
		}
	}
	for _, v := range o.list("exception") {
		if x := asObject(v); x != nil {
			e.Exceptions = append(e.Exceptions, x.exception())
		}
	}
	for _, v := range o.list("threads") {
		if th := asObject(v); th != nil {
			e.Threads = append(e.Threads, event.Thread{
				ID: th.text("id"), Crashed: th["crashed"] == true, Current: th["current"] == true, Frames: asObject(th["stacktrace"]).frames(),
			})
		}
	}
	if frames := asObject(o["stacktrace"]).frames(); len(frames) > 0 {
		e.Threads = append(e.Threads, event.Thread{Current: true, Frames: frames})
	}
	switch tags := o["tags"].(type) {
	case map[string]any:
		for name, v := range tags {
			e.Tags = append(e.Tags, event.Tag{Name: name, Value: text(v)})
		}
	case []any:
		for _, v := range tags {
			if pair, ok := v.([]any); ok && len(pair) == 2 {
				e.Tags = append(e.Tags, event.Tag{Name: text(pair[0]), Value: text(pair[1])})
			}
		}
	}
	for _, v := range o.list("fingerprint") {
		e.Fingerprint = append(e.Fingerprint, text(v))
	}
	e.Request.URL = asObject(o["request"]).text("url")
	return e
}

func (o object) exception() event.Exception {
	x := event.Exception{Type: o.text("type"), Value: o.text("value"), Module: o.text("module"), Frames: asObject(o["stacktrace"]).frames()}
	if m := asObject(o["mechanism"]); m != nil {
		x.Mechanism = event.Mechanism{
			Type: m.text("type"), Handled: m.bool("handled"), Synthetic: m["synthetic"] == true, IsGroup: m["is_exception_group"] == true, Source: m.text("source"),
		}
		if id, ok := m["exception_id"].(float64); ok {
			n := int(id)
			x.Mechanism.ExceptionID = &n
		}
		if id, ok := m["parent_id"].(float64); ok {
			n := int(id)
			x.Mechanism.ParentID = &n
		}
	}
	return x
}

func (o object) frames() []event.Frame {
	var all []event.Frame
	for _, v := range o.list("frames") {
		f := asObject(v)
		if f == nil {
			continue
		}
		all = append(all, event.Frame{
			Function: f.text("function"), RawFunction: f.text("raw_function"), Module: f.text("module"), Filename: f.text("filename"), AbsPath: f.text("abs_path"),
			Line: f.int("lineno"), Column: f.int("colno"), InApp: f.bool("in_app"), ContextLine: f.text("context_line"),
			Package: f.text("package"), Platform: f.text("platform"), Address: f.text("instruction_addr"),
		})
	}
	return all
}
