package ingest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/shared/jsonpull"
)

// maxDepth is how deep members that have no meaning here may be nested.
const maxDepth = 32

// JSON reads an object, a list of objects, or objects one after the other, as in
// NDJSON. An entry that is wrong refuses the body; with partial it is left out
// and named, and behind one that is no JSON it goes on with the next line. A
// list that is no JSON is always refused. The error is Invalid, or TooLarge with
// more than logs.MaxBatchEntries entries.
func (r *Reader) JSON(body string, def Defaults, partial bool) (Lines, error) {
	r.reset(def, partial)
	r.json.Reset(body, maxDepth)
	if r.json.Kind() == jsonpull.Array {
		r.list()
	} else {
		r.sequence(body)
	}
	return r.result()
}

func (r *Reader) list() {
	for range r.json.Array() {
		if !r.entry() {
			return
		}
	}
	if err := r.json.End(); err != nil {
		r.err = invalid("entry %d: %s", r.index, notJSON(err, 0))
	}
}

func (r *Reader) sequence(body string) {
	const blanks = " \t\r\n"
	rest := strings.TrimLeft(body, blanks)
	if rest == "" {
		r.err = invalid("body is empty, want log entries")
		return
	}
	seen := 0 // bytes of the body before those that the parser has
	for rest != "" && r.entry() {
		if err := r.json.Err(); err != nil {
			if !r.reject("%s", notJSON(err, seen)) {
				return
			}
			_, rest, _ = strings.Cut(rest, "\n")
			seen = len(body) - len(rest)
			r.json.Reset(rest, maxDepth)
		}
		rest = strings.TrimLeft(r.json.Rest(), blanks)
	}
}

// notJSON says what is wrong with a text of which the parser did not see the
// first bytes.
func notJSON(err error, seen int) string {
	if e, ok := errors.AsType[*jsonpull.SyntaxError](err); ok {
		err = &jsonpull.SyntaxError{What: e.What, Offset: e.Offset + seen}
	}
	return fmt.Sprintf("not valid JSON: %s", err)
}

// object is an entry that is being read.
type object struct {
	entry    logs.Entry
	messaged bool
	leveled  bool
	wrong    string // the first thing that is
}

// entry reads the entry that is next. It returns false when the body is refused.
// A text that is not JSON is left to the caller.
func (r *Reader) entry() bool {
	if kind := r.json.Kind(); kind != jsonpull.Object {
		r.json.Skip()
		return r.json.Err() != nil || r.reject("is %s, want an object", nouns[kind])
	}
	o := object{entry: logs.Entry{Source: r.def.Source, Stream: r.def.Stream}}
	for name := range r.json.Object() {
		r.member(&o, name)
	}
	switch {
	case r.json.Err() != nil:
		return true
	case o.wrong != "":
		return r.reject("%s", o.wrong)
	case !o.messaged:
		return r.reject("message is missing")
	}
	return r.add(o.entry, o.leveled)
}

// member reads a member. One that is null is not there, and of one that is there
// more than once the last counts.
func (r *Reader) member(o *object, name string) {
	switch name {
	case "message":
		if s, ok := r.text(o, name); ok {
			o.entry.Message, o.messaged = s, true
		}
	case "container":
		if s, ok := r.text(o, name); ok {
			o.entry.Source = s
		}
	case "level": // one that nobody knows is that which the message states
		if s, ok := r.text(o, name); ok {
			o.entry.Level, o.leveled = logs.ParseLevel(s)
		}
	case "stream":
		if s, ok := r.text(o, name); ok {
			if o.entry.Stream, ok = ParseStream(s); !ok {
				o.fail("stream is %s, want stdout or stderr", quote(s))
			}
		}
	case "timestamp":
		r.timestamp(o)
	}
}

func (o *object) fail(format string, args ...any) {
	if o.wrong == "" {
		o.wrong = fmt.Sprintf(format, args...)
	}
}

func (r *Reader) text(o *object, name string) (s string, ok bool) {
	if s, ok = r.json.String(); !ok && !r.json.Null() && r.json.Err() == nil {
		o.fail("%s is %s, want a string", name, nouns[r.json.Kind()])
	}
	return s, ok
}

func (r *Reader) timestamp(o *object) {
	s, ok := r.json.Number()
	if !ok {
		if s, ok = r.text(o, "timestamp"); !ok {
			return
		}
	}
	if s == "" {
		return
	}
	if o.entry.Time, ok = r.times.Any(s); !ok {
		o.fail("timestamp is %s, want a time such as 2026-11-20T11:59:59.123456789Z, from 1970 to 2199", quote(s))
	}
}

var nouns = map[jsonpull.Kind]string{
	jsonpull.None: "nothing", jsonpull.Null: "null", jsonpull.Bool: "a boolean", jsonpull.Number: "a number",
	jsonpull.String: "a string", jsonpull.Array: "a list", jsonpull.Object: "an object",
}
