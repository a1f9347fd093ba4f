package eventjson

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/jsonpull"
)

// Exceptions reads a chain: an array, or the object {"values": array} that
// some SDKs wrap it in. Of a longer one the middle is left out.
func (d *Decoder) Exceptions() []event.Exception {
	chain := middleCut[event.Exception]{head: headExceptions, max: MaxExceptions}
	d.List(func() {
		if d.P.Kind() == jsonpull.Object {
			chain.add(d.exception())
		}
	})
	return chain.all()
}

func (d *Decoder) exception() event.Exception {
	var x event.Exception
	for name := range d.P.Object() {
		switch name {
		case "type":
			x.Type = d.Text(tracker.MaxExceptionType)
		case "value":
			if s, ok := d.P.String(); ok { // not cut: the text of one's own error matters
				x.Value = s
			} else if d.P.Kind() != jsonpull.Null {
				x.Value = string(d.P.Raw())
			}
		case "module":
			x.Module = d.Text(MaxName)
		case "mechanism":
			x.Mechanism = d.mechanism()
		case "frames":
			x.Frames = d.Frames()
		case "stacktrace":
			if frames := d.Stacktrace(); len(frames) > 0 {
				x.Frames = frames
			}
		case "raw_stacktrace":
			if len(x.Frames) == 0 {
				x.Frames = d.Stacktrace()
			}
		}
	}
	return x
}

// Stacktrace reads an object with frames, or leniently the frames alone.
func (d *Decoder) Stacktrace() (frames []event.Frame) {
	if d.Lenient && d.P.Kind() == jsonpull.Array {
		return d.Frames()
	}
	for member := range d.P.Object() {
		if member == "frames" {
			frames = d.Frames()
		}
	}
	return frames
}

// Threads reads threads, those without a stack as well. The stacks of too many
// threads are left out, but for that which crashed or is current.
func (d *Decoder) Threads() []event.Thread {
	d.frames, d.threadFrames = d.threadFrames, d.frames // threads must not crowd out the exceptions
	defer func() { d.frames, d.threadFrames = d.threadFrames, d.frames }()
	var threads []event.Thread
	d.List(func() {
		if d.P.Kind() != jsonpull.Object {
			return
		}
		t := d.thread()
		switch {
		case len(threads) < MaxThreads:
			threads = append(threads, t)
		case t.Crashed || t.Current:
			threads[MaxThreads-1] = t
		}
	})
	return threads
}

func (d *Decoder) thread() event.Thread {
	var t event.Thread
	for name := range d.P.Object() {
		switch name {
		case "id":
			t.ID, _ = d.Scalar(MaxLabel)
		case "name":
			t.Name = d.Text(MaxLabel)
		case "crashed":
			t.Crashed = d.is()
		case "current":
			t.Current = d.is()
		case "stacktrace":
			t.Frames = d.Stacktrace()
		case "raw_stacktrace":
			if len(t.Frames) == 0 {
				t.Frames = d.Stacktrace()
			}
		}
	}
	return t
}

func (d *Decoder) mechanism() event.Mechanism {
	var m event.Mechanism
	var other bytes.Buffer
	for name := range d.P.Object() {
		switch name {
		case "type":
			m.Type = d.Text(MaxLabel)
		case "source":
			m.Source = d.Text(MaxLabel)
		case "handled":
			m.Handled = d.flag()
		case "synthetic":
			m.Synthetic = d.is()
		case "is_exception_group":
			m.IsGroup = d.is()
		case "exception_id":
			m.ExceptionID = d.index()
		case "parent_id":
			m.ParentID = d.index()
		case "data", "meta", "description", "help_link":
			if raw := d.Value(); d.Lenient && raw != nil && string(raw) != "{}" {
				WriteMember(&other, name, raw)
			}
		}
	}
	m.Data = string(CloseObject(&other))
	return m
}

// Frames reads frames. Of a longer stack, mostly a recursion, the middle is
// left out.
func (d *Decoder) Frames() []event.Frame {
	limit := min(MaxFrames, MaxFramesPerReport-d.frames)
	frames := middleCut[event.Frame]{head: min(headFrames, limit), max: limit}
	d.List(func() {
		if d.P.Kind() == jsonpull.Object {
			frames.add(d.frame())
		}
	})
	d.frames += len(frames.items)
	return frames.all()
}

func (d *Decoder) frame() event.Frame {
	var f event.Frame
	for name := range d.P.Object() {
		switch name {
		case "filename":
			f.Filename = d.Text(MaxPath)
		case "abs_path":
			f.AbsPath = d.Text(MaxPath)
		case "function":
			f.Function = d.Text(MaxName)
		case "raw_function":
			f.RawFunction = d.Text(MaxName)
		case "module":
			f.Module = d.Text(MaxName)
		case "package":
			f.Package = d.Text(MaxName)
		case "platform":
			f.Platform = d.Text(MaxLabel)
		case "lineno":
			f.Line = d.position()
		case "colno":
			f.Column = d.position()
		case "in_app":
			f.InApp = d.flag()
		case "context_line":
			f.ContextLine = d.Text(MaxLine)
		case "pre_context":
			f.PreContext = d.lines(true)
		case "post_context":
			f.PostContext = d.lines(false)
		case "vars":
			f.Vars = d.vars()
		case "instruction_addr":
			f.Address, _ = d.Scalar(MaxLabel)
		case "debug_id":
			f.DebugID = d.Text(MaxLabel)
		case "symbol":
			if f.RawFunction == "" {
				f.RawFunction = d.Text(MaxName)
			}
		}
	}
	return f
}

// lines reads the source around a frame's line and keeps the lines nearest to
// it: the last ones of those before.
func (d *Decoder) lines(before bool) []string {
	head := MaxContextLines
	if before {
		head = 0
	}
	lines := middleCut[string]{head: head, max: MaxContextLines}
	for range d.P.Array() {
		lines.add(d.Text(MaxLine)) // "" for what is not a string: the count of lines matters
	}
	return lines.all()
}

func (d *Decoder) vars() []event.Var {
	var vars []event.Var
	add := func(name string) {
		if len(vars) < MaxVars {
			vars = append(vars, event.Var{Name: Cut(name, MaxLabel), Value: OrNull(d.Value())})
		}
	}
	for name := range d.P.Object() {
		add(name)
	}
	if d.Lenient {
		for i := range d.P.Array() { // a list in languages where an empty object is one, too
			add(strconv.Itoa(i))
		}
	}
	return vars
}

// position reads a line or column: a whole number from 1 on, else 0, which
// stands for an unknown one.
func (d *Decoder) position() int {
	if n := d.index(); n != nil {
		return *n
	}
	return 0
}

// index reads a whole number from 0 to 2^31-1; nil for anything else.
func (d *Decoder) index() *int {
	text, ok := d.P.Number()
	if !ok && d.Lenient {
		text, ok = d.P.String()
	}
	if !ok {
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil && d.Lenient {
		f, errFloat := strconv.ParseFloat(text, 64)
		if errFloat == nil && f >= 0 && f <= 1<<31-1 {
			n, err = int64(f), nil
		}
	}
	if err != nil || n < 0 {
		return nil
	}
	i := int(n)
	return &i
}

// is reads a boolean that is false when it is absent.
func (d *Decoder) is() bool {
	b := d.flag()
	return b != nil && *b
}

func (d *Decoder) flag() *bool {
	b, ok := d.P.Bool()
	if !ok && d.Lenient {
		text, _ := d.Scalar(MaxLabel)
		var err error
		b, err = strconv.ParseBool(text)
		ok = err == nil
	}
	if !ok {
		return nil
	}
	return &b
}

// List calls element for each element of an array, or of the array in the
// member "values" of an object. Leniently an object without that member is one
// element, and one with the members "0", "1", … holds the elements.
func (d *Decoder) List(element func()) {
	for range d.P.Array() {
		element()
	}
	if d.P.Kind() != jsonpull.Object {
		return
	}
	values, numbered := false, false
	d.P.Ahead(func(ahead *jsonpull.Parser) {
		for name := range ahead.Object() {
			numbered = numbered || name == "0"
			if values = name == "values"; values {
				break
			}
		}
	})
	switch {
	case values:
		for name := range d.P.Object() {
			if name == "values" {
				d.List(element)
			}
		}
	case d.Lenient && numbered:
		for range d.P.Object() {
			element()
		}
	case d.Lenient:
		element()
	}
}

// OrNull is raw, or the JSON null in its place.
func OrNull(raw []byte) json.RawMessage {
	if raw == nil {
		return json.RawMessage("null")
	}
	return raw
}

// middleCut collects at most max items: the first head ones, and the newest of
// those behind them.
type middleCut[T any] struct {
	head, max int
	items     []T
	next      int // in items: the oldest one behind the head, once it is full
}

func (m *middleCut[T]) add(item T) {
	switch {
	case len(m.items) < m.max:
		m.items = append(m.items, item)
		m.next = m.head
	case m.head < m.max:
		m.items[m.next] = item
		if m.next++; m.next == m.max {
			m.next = m.head
		}
	}
}

// all returns the items in the order in which they came.
func (m *middleCut[T]) all() []T {
	if len(m.items) < m.max || m.next == m.head {
		return m.items
	}
	sorted := append(make([]T, 0, m.max), m.items[:m.head]...)
	sorted = append(sorted, m.items[m.next:]...)
	return append(sorted, m.items[m.head:m.next]...)
}
