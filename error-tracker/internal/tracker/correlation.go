package tracker

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

// maxCorrelation is the longest identifier that is looked at, in bytes.
const maxCorrelation = 200

// Names that programs have for the identifiers, in tags, extra data and headers,
// in lower case.
var (
	traceNames   = []string{"trace_id", "traceid", "trace.id", "trace-id", "x-trace-id"}
	requestNames = []string{"request_id", "requestid", "request.id", "req_id", "request-id", "x-request-id", "correlation_id", "x-correlation-id"}
)

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

// member is the value of the first of some names in a JSON object, or in a list of
// pairs as some clients send headers; "" if there is none.
func member(data json.RawMessage, names []string) string {
	const large = 64 << 10
	if len(data) == 0 || len(data) > large {
		return ""
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(data, &object) != nil {
		var pairs [][2]string
		if json.Unmarshal(data, &pairs) != nil {
			return ""
		}
		for _, p := range pairs {
			if slices.Contains(names, strings.ToLower(p[0])) && usable(p[1]) {
				return p[1]
			}
		}
		return ""
	}
	for name, raw := range object {
		var value string
		if slices.Contains(names, strings.ToLower(name)) && json.Unmarshal(raw, &value) == nil && usable(value) {
			return value
		}
	}
	return ""
}

// usable tells an identifier from nothing, zeros and texts.
func usable(id string) bool {
	return id != "" && len(id) <= maxCorrelation && strings.Trim(id, "0-") != "" && !strings.ContainsAny(id, " \t\r\n")
}
