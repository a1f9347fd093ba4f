package tracker

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/jsonpull"
)

const (
	maxCorrelation = 200 // bytes of the longest identifier that is looked at
	maxExtraDepth  = 256 // of what is looked through for one; decoders allow less
)

// Names that programs have for the identifiers, in tags, extra data and headers,
// in lower case.
var (
	traceNames     = []string{"trace_id", "traceid", "trace.id", "trace-id", "x-trace-id"}
	sessionNames   = []string{"session_id"}
	requestNames   = []string{"request_id", "requestid", "request.id", "req_id", "request-id", "x-request-id", "correlation_id", "x-correlation-id"}
	containerNames = []string{"container", "container.name", "container_name", "container.id", "container_id"}
)

// SessionID is the browser session an event belongs to: the member session_id
// of its extra data, or "".
func SessionID(e *event.Event) string {
	return textIn(e.Extra, sessionNames, func(id string) bool { return id != "" })
}

// TraceID is the trace that an event belongs to, or "": that of Sentry's context
// "trace", of the header traceparent, or of a tag or extra member.
func TraceID(e *event.Event) string {
	for i := range e.Contexts {
		if c := &e.Contexts[i]; c.Name == "trace" {
			if id := member(c.Data, traceNames); id != "" {
				return id
			}
		}
	}
	// 00-<trace, 32 digits>-<span>-<flags>
	if parts := strings.Split(member(e.Request.Headers, []string{"traceparent"}), "-"); len(parts) == 4 && len(parts[1]) == 32 {
		return parts[1]
	}
	return labelled(e, traceNames)
}

// RequestID is the request that an event happened in, or "".
func RequestID(e *event.Event) string {
	if id := labelled(e, requestNames); id != "" {
		return id
	}
	return member(e.Request.Headers, requestNames)
}

// Container is the name or the ID of the container that an event came from, or "": that
// of a tag or extra member, else the name of its host where that is one that Docker
// gives, the first 12 digits of the ID.
func Container(e *event.Event) string {
	if id := labelled(e, containerNames); id != "" {
		return id
	}
	if len(e.ServerName) == 12 && strings.Trim(e.ServerName, "0123456789abcdef") == "" {
		return e.ServerName
	}
	return ""
}

// Correlation is what an event is found by, from a log line or another event of
// the same visit: its browser session, else its trace, else its request; "" if it
// has none.
func Correlation(e *event.Event) string {
	for _, id := range []func(*event.Event) string{SessionID, TraceID, RequestID} {
		if id := id(e); id != "" {
			return id
		}
	}
	return ""
}

func labelled(e *event.Event, names []string) string {
	for _, t := range e.Tags {
		if slices.Contains(names, strings.ToLower(t.Name)) && usable(t.Value) {
			return t.Value
		}
	}
	return member(e.Extra, names)
}

// member is the first usable identifier under one of some names in a JSON object,
// or in a list of pairs as some clients send headers; "" if there is none.
func member(data json.RawMessage, names []string) string {
	const large = 64 << 10
	if len(data) > large {
		return ""
	}
	return textIn(data, names, usable)
}

// textIn is the first text that is wanted under one of some names in a JSON object,
// or in a list of pairs.
func textIn(data json.RawMessage, names []string, wanted func(string) bool) string {
	if len(data) == 0 {
		return ""
	}
	p := jsonpull.New(string(data), maxExtraDepth)
	for name := range p.Object() {
		if slices.Contains(names, strings.ToLower(name)) {
			if value, ok := p.String(); ok && wanted(value) {
				return value
			}
		}
	}
	for range p.Array() {
		var pair [2]string
		for i := range p.Array() {
			if i < len(pair) {
				pair[i], _ = p.String()
			}
		}
		if slices.Contains(names, strings.ToLower(pair[0])) && wanted(pair[1]) {
			return pair[1]
		}
	}
	return ""
}

// usable tells an identifier from nothing, zeros and texts.
func usable(id string) bool {
	return id != "" && len(id) <= maxCorrelation && strings.Trim(id, "0-") != "" && !strings.ContainsAny(id, " \t\r\n")
}
