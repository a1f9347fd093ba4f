package httpapi

import (
	"encoding/json"
	"strconv"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/jsonpull"
)

// exceptions reads a chain: an array, or the object {"values": array} that
// some SDKs wrap it in. Of a longer one the middle is left out.
func (d *reportDecoder) exceptions() []event.Exception {
	chain := middleCut[event.Exception]{head: headExceptions, max: maxExceptions}
	d.list(func() {
		if d.p.Kind() == jsonpull.Object {
			chain.add(d.exception())
		}
	})
	return chain.all()
}

func (d *reportDecoder) exception() event.Exception {
	var x event.Exception
	for name := range d.p.Object() {
		switch name {
		case "type":
			x.Type = d.text(tracker.MaxExceptionType)
		case "value":
			if s, ok := d.p.String(); ok { // not cut: the text of one's own error matters
				x.Value = s
			} else if d.p.Kind() != jsonpull.Null {
				x.Value = string(d.p.Raw())
			}
		case "module":
			x.Module = d.text(maxName)
		case "mechanism":
			x.Mechanism = d.mechanism()
		case "frames":
			x.Frames = d.stack()
		case "stacktrace":
			for member := range d.p.Object() {
				if member == "frames" {
					x.Frames = d.stack()
				}
			}
		}
	}
	return x
}

func (d *reportDecoder) mechanism() event.Mechanism {
	var m event.Mechanism
	for name := range d.p.Object() {
		switch name {
		case "type":
			m.Type = d.text(maxLabel)
		case "source":
			m.Source = d.text(maxLabel)
		case "handled":
			m.Handled = d.flag()
		case "synthetic":
			m.Synthetic, _ = d.p.Bool()
		case "is_exception_group":
			m.IsGroup, _ = d.p.Bool()
		case "exception_id":
			m.ExceptionID = d.index()
		case "parent_id":
			m.ParentID = d.index()
		}
	}
	return m
}

// stack reads frames. Of a longer stack, mostly a recursion, the middle is
// left out.
func (d *reportDecoder) stack() []event.Frame {
	limit := min(maxFrames, maxFramesPerReport-d.frames)
	frames := middleCut[event.Frame]{head: min(headFrames, limit), max: limit}
	d.list(func() {
		if d.p.Kind() == jsonpull.Object {
			frames.add(d.frame())
		}
	})
	d.frames += len(frames.items)
	return frames.all()
}

func (d *reportDecoder) frame() event.Frame {
	var f event.Frame
	for name := range d.p.Object() {
		switch name {
		case "filename":
			f.Filename = d.text(maxPath)
		case "abs_path":
			f.AbsPath = d.text(maxPath)
		case "function":
			f.Function = d.text(maxName)
		case "raw_function":
			f.RawFunction = d.text(maxName)
		case "module":
			f.Module = d.text(maxName)
		case "package":
			f.Package = d.text(maxName)
		case "platform":
			f.Platform = d.text(maxLabel)
		case "lineno":
			f.Line = d.position()
		case "colno":
			f.Column = d.position()
		case "in_app":
			f.InApp = d.flag()
		case "context_line":
			f.ContextLine = d.text(maxLine)
		case "pre_context":
			f.PreContext = d.lines(true)
		case "post_context":
			f.PostContext = d.lines(false)
		case "vars":
			f.Vars = d.vars()
		}
	}
	return f
}

// lines reads the source around a frame's line and keeps the lines nearest to
// it: the last ones of those before.
func (d *reportDecoder) lines(before bool) []string {
	head := maxContextLines
	if before {
		head = 0
	}
	lines := middleCut[string]{head: head, max: maxContextLines}
	for range d.p.Array() {
		lines.add(d.text(maxLine)) // "" for what is not a string: the count of lines matters
	}
	return lines.all()
}

func (d *reportDecoder) vars() []event.Var {
	var vars []event.Var
	for name := range d.p.Object() {
		if len(vars) < maxVars {
			vars = append(vars, event.Var{Name: cut(name, maxLabel), Value: orNull(d.value())})
		}
	}
	return vars
}

// position reads a line or column: a whole number from 1 on, else 0, which
// stands for an unknown one.
func (d *reportDecoder) position() int {
	if n := d.index(); n != nil {
		return *n
	}
	return 0
}

// index reads a whole number from 0 to 2^31-1; nil for anything else.
func (d *reportDecoder) index() *int {
	text, ok := d.p.Number()
	if !ok {
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 0 {
		return nil
	}
	i := int(n)
	return &i
}

func (d *reportDecoder) flag() *bool {
	b, ok := d.p.Bool()
	if !ok {
		return nil
	}
	return &b
}

// list calls element for each element of an array, or of the array in the
// member "values" of an object.
func (d *reportDecoder) list(element func()) {
	for range d.p.Array() {
		element()
	}
	for name := range d.p.Object() {
		if name == "values" {
			for range d.p.Array() {
				element()
			}
		}
	}
}

// orNull is raw, or the JSON null in its place.
func orNull(raw []byte) json.RawMessage {
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
