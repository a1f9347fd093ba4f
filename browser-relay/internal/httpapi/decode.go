package httpapi

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/jsonpull"
)

// maxDepth is how deep the JSON of a page may be nested.
const maxDepth = 64

// decodeObject reads a body that must be one JSON object; member reads or skips
// the value of each of its members.
func decodeObject(body []byte, member func(p *jsonpull.Parser, name string)) error {
	if len(strings.TrimSpace(string(body))) == 0 {
		return errs.New(errs.Invalid, "Request body is empty")
	}
	p := jsonpull.New(string(body), maxDepth)
	object := p.Kind() == jsonpull.Object
	if !object {
		p.Skip()
	}
	for name := range p.Object() {
		member(p, name)
	}
	if err := p.End(); err != nil {
		if deep, ok := errors.AsType[*jsonpull.DepthError](err); ok {
			return errs.New(errs.Invalid, "JSON is nested deeper than %d levels", deep.Max)
		}
		return errs.Wrap(errs.Invalid, err, "Invalid JSON")
	}
	if !object {
		return errs.New(errs.Invalid, "Request body must be a JSON object")
	}
	return nil
}

// eventDecoder reads an error, in the form of either SDK.
type eventDecoder struct {
	event                        relay.Event
	hasType, hasMessage, hasText bool
}

func (d *eventDecoder) member(p *jsonpull.Parser, name string) {
	e := &d.event
	switch name {
	case "event_id":
		e.ID, _ = p.String()
	case "type":
		e.Type, d.hasType = p.String()
	case "message":
		e.Message, d.hasMessage = p.String()
	case "stack":
		e.Stack, d.hasText = p.String()
	case "timestamp":
		e.Timestamp, e.At = timestamp(p)
	case "url":
		e.URL, _ = p.String()
	case "page":
		e.Page, _ = p.String()
	case "page_view":
		e.PageView, _ = p.String()
	case "session_id":
		e.SessionID, _ = p.String()
	case "user_agent":
		e.UserAgent, _ = p.String()
	case "release":
		e.Release, _ = p.String()
	case "environment":
		e.Environment, _ = p.String()
	case "user_id":
		e.UserID, _ = p.String()
	case "mechanism":
		e.Mechanism, _ = p.String()
	case "handled":
		if b, ok := p.Bool(); ok {
			e.Handled = &b
		}
	case "count":
		e.Repeats = whole(p)
	case "context":
		if p.Kind() == jsonpull.Object {
			e.Context = p.Raw()
		}
	case "causes":
		for range p.Array() {
			e.Causes = append(e.Causes, cause(p))
		}
	case "breadcrumbs":
		for range p.Array() {
			e.Breadcrumbs = append(e.Breadcrumbs, breadcrumb(p))
		}
	case "debug_ids":
		e.DebugIDs = debugIDs(p)
	}
}

// missing names the first required member that was not there as a string.
func (d *eventDecoder) missing() error {
	for _, required := range []struct {
		name string
		has  bool
	}{{"type", d.hasType}, {"message", d.hasMessage}, {"stack", d.hasText}} {
		if !required.has {
			return errs.New(errs.Invalid, "Missing required field: %s", required.name)
		}
	}
	return nil
}

func cause(p *jsonpull.Parser) (c relay.Cause) {
	for name := range p.Object() {
		switch name {
		case "type":
			c.Type, _ = p.String()
		case "message":
			c.Message, _ = p.String()
		case "stack":
			c.Stack, _ = p.String()
		}
	}
	return c
}

func breadcrumb(p *jsonpull.Parser) (b relay.Breadcrumb) {
	for name := range p.Object() {
		switch name {
		case "t", "timestamp":
			_, b.At = timestamp(p)
		case "category":
			b.Category, _ = p.String()
		case "message":
			b.Message, _ = p.String()
		case "level":
			b.Level, _ = p.String()
		case "data":
			if !p.Null() {
				b.Data = p.Raw()
			}
		}
	}
	return b
}

func debugIDs(p *jsonpull.Parser) map[string]string {
	ids := map[string]string{}
	for script := range p.Object() {
		id, _ := p.String()
		if id != "" && len(script) <= relay.MaxURL && len(id) <= 64 && len(ids) < relay.MaxDebugIDs {
			ids[script] = id
		}
	}
	return ids
}

// timestamp reads a time: RFC 3339, or milliseconds since 1970. text is as it
// was sent; at is zero when it is neither.
func timestamp(p *jsonpull.Parser) (text string, at time.Time) {
	if s, ok := p.String(); ok {
		t, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			return s, time.Time{}
		}
		return s, t.UTC()
	}
	n, _ := p.Number()
	ms, err := strconv.ParseFloat(n, 64)
	if err != nil || !(ms > 0 && ms < 253402300800000) {
		return n, time.Time{}
	}
	return n, time.UnixMilli(int64(ms)).UTC()
}

// whole reads a whole number that is not negative; 0 is anything else.
func whole(p *jsonpull.Parser) int {
	text, _ := p.Number()
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || n < 0 || n != math.Trunc(n) || n > 1e9 {
		return 0
	}
	return int(n)
}

// metricDecoder reads a point.
type metricDecoder struct {
	metric                     relay.Metric
	hasName, hasType, hasValue bool
}

func decodeMetric(p *jsonpull.Parser) (relay.Metric, string) {
	if p.Kind() != jsonpull.Object {
		p.Skip()
		return relay.Metric{}, "want an object"
	}
	var d metricDecoder
	for name := range p.Object() {
		d.member(p, name)
	}
	for _, required := range []struct {
		name string
		has  bool
	}{{"name", d.hasName}, {"type", d.hasType}, {"value", d.hasValue}} {
		if !required.has {
			return relay.Metric{}, "Missing required field: " + required.name
		}
	}
	return d.metric, ""
}

func (d *metricDecoder) member(p *jsonpull.Parser, name string) {
	m := &d.metric
	switch name {
	case "name":
		m.Name, d.hasName = p.String()
	case "type":
		m.Type, d.hasType = p.String()
	case "value":
		if n, ok := p.Number(); ok {
			v, err := strconv.ParseFloat(n, 64)
			m.Value, d.hasValue = v, err == nil
		}
	case "timestamp":
		_, m.At = timestamp(p)
	case "labels":
		m.Labels = m.Labels[:0]
		for label := range p.Object() {
			if value, ok := scalar(p); ok {
				m.Labels = append(m.Labels, relay.Label{Name: label, Value: value})
			}
		}
	}
}

// scalar reads a string, a number or a boolean as text.
func scalar(p *jsonpull.Parser) (string, bool) {
	if s, ok := p.String(); ok {
		return s, true
	}
	if n, ok := p.Number(); ok {
		return n, true
	}
	if b, ok := p.Bool(); ok {
		return strconv.FormatBool(b), true
	}
	return "", false
}
