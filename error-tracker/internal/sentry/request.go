package sentry

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/eventjson"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/jsonpull"
)

const (
	maxHeaders = 200
	maxBody    = 64 << 10
)

// request reads the HTTP request, in which names and values come as objects,
// lists of pairs or text.
func request(d *eventjson.Decoder) event.Request {
	var r event.Request
	if s, ok := d.P.String(); ok {
		r.URL = eventjson.Cut(s, eventjson.MaxURL)
		return r
	}
	for name := range d.P.Object() {
		switch name {
		case "url":
			r.URL = d.Text(eventjson.MaxURL)
		case "method":
			r.Method = d.Text(eventjson.MaxMethod)
		case "query_string", "query":
			r.Query = query(d)
		case "headers":
			r.Headers = object(d)
		case "cookies":
			r.Cookies = object(d)
		case "data":
			if r.Body = d.Any(); len(r.Body) > maxBody {
				r.Body = eventjson.Quote(eventjson.Cut(text(r.Body), maxBody))
			}
		case "env":
			r.Env = object(d)
		}
	}
	if strings.EqualFold(r.Method, "BROWSER") {
		r.Method = "browser" // the other one is the mark of our own protocol
	}
	return r
}

// text is a JSON value as text: a string without its quotes and escapes.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// object reads an object, or a list of pairs as one. Another value stays what it
// is, if it is small.
func object(d *eventjson.Decoder) json.RawMessage {
	if k := d.P.Kind(); k != jsonpull.Object && k != jsonpull.Array {
		return d.Value()
	}
	var b bytes.Buffer
	n := 0
	add := func(name string) {
		if value := d.Value(); value != nil && n < maxHeaders {
			n++
			eventjson.WriteMember(&b, eventjson.Cut(name, eventjson.MaxName), value)
		}
	}
	each(d, add)
	return eventjson.CloseObject(&b)
}

// each calls add for each member of an object or pair of a list, to read the value.
func each(d *eventjson.Decoder, add func(name string)) {
	for name := range d.P.Object() {
		add(name)
	}
	for range d.P.Array() {
		name := ""
		for i := range d.P.Array() {
			switch i {
			case 0:
				name, _ = d.Scalar(eventjson.MaxName)
			case 1:
				add(name)
			}
		}
	}
}

// query reads a query string, or encodes one from names and values.
func query(d *eventjson.Decoder) string {
	if s, ok := d.Scalar(eventjson.MaxURL); ok {
		return strings.TrimPrefix(s, "?")
	}
	var b strings.Builder
	each(d, func(name string) {
		values := []string{}
		for range d.P.Array() { // of a name that came more than once
			values = append(values, d.Free(eventjson.MaxURL))
		}
		if len(values) == 0 {
			values = append(values, d.Free(eventjson.MaxURL))
		}
		for _, v := range values {
			if b.Len() > 0 {
				b.WriteByte('&')
			}
			b.WriteString(url.QueryEscape(name) + "=" + url.QueryEscape(v))
		}
	})
	return eventjson.Cut(b.String(), eventjson.MaxURL)
}
