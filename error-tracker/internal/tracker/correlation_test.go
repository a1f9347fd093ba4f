package tracker_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

func TestEventsAreFoundByTheirIdentifiers(t *testing.T) {
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	cases := map[string]struct {
		e                           event.Event
		trace, request, correlation string
	}{
		"nothing":          {},
		"Sentry's context": {e: event.Event{Contexts: []event.Context{{Name: "trace", Data: raw(`{"trace_id":"` + trace + `","span_id":"1"}`)}}}, trace: trace, correlation: trace},
		"traceparent":      {e: event.Event{Request: event.Request{Headers: raw(`{"Traceparent":"00-` + trace + `-00f067aa0ba902b7-01"}`)}}, trace: trace, correlation: trace},
		"a header":         {e: event.Event{Request: event.Request{Headers: raw(`[["X-Request-Id","r-1"]]`)}}, request: "r-1", correlation: "r-1"},
		"tags":             {e: event.Event{Tags: []event.Tag{{Name: "request_id", Value: "r-2"}, {Name: "trace_id", Value: "t-2"}}}, trace: "t-2", request: "r-2", correlation: "t-2"},
		"extra":            {e: event.Event{Extra: raw(`{"request_id":"r-3","session_id":"s-3"}`)}, request: "r-3", correlation: "s-3"},
		"zeros":            {e: event.Event{Tags: []event.Tag{{Name: "trace_id", Value: strings.Repeat("0", 32)}}}},
		"a text":           {e: event.Event{Extra: raw(`{"request_id":"not an id"}`)}},
		"no string":        {e: event.Event{Extra: raw(`{"request_id":{"a":1}}`)}},
		"endless":          {e: event.Event{Tags: []event.Tag{{Name: "request_id", Value: strings.Repeat("x", 300)}}}},
		"the first of two": {e: event.Event{Extra: raw(`{"correlation_id":"r-4","request_id":"r-5","n":[{}]}`)}, request: "r-4", correlation: "r-4"},
		"broken JSON":      {e: event.Event{Extra: raw(`{"request_id":`), Request: event.Request{Headers: raw(`7`)}}},
	}
	for name, c := range cases {
		if got := [3]string{tracker.TraceID(&c.e), tracker.RequestID(&c.e), tracker.Correlation(&c.e)}; got != [3]string{c.trace, c.request, c.correlation} {
			t.Errorf("%s: %q, want %q", name, got, [3]string{c.trace, c.request, c.correlation})
		}
	}
}

func TestEventsNameTheirContainer(t *testing.T) {
	tag := func(name, value string) []event.Tag { return []event.Tag{{Name: name, Value: value}} }
	for name, c := range map[string]struct {
		e    event.Event
		want string
	}{
		"nothing":                 {},
		"a tag":                   {event.Event{Tags: tag("container", "shop-web-1"), ServerName: "3f2a91c04b7d"}, "shop-web-1"},
		"a resource":              {event.Event{Tags: tag("container.name", "web")}, "web"},
		"extra":                   {event.Event{Extra: json.RawMessage(`{"container_id":"3f2a91c04b7d0011"}`)}, "3f2a91c04b7d0011"},
		"the host name of Docker": {event.Event{ServerName: "3f2a91c04b7d"}, "3f2a91c04b7d"},
		"another host":            {event.Event{ServerName: "web-1"}, ""},
		"capitals":                {event.Event{ServerName: "3F2A91C04B7D"}, ""},
		"too many digits":         {event.Event{ServerName: "3f2a91c04b7d0"}, ""},
		"no name":                 {event.Event{Tags: tag("container", "not a name")}, ""},
	} {
		if got := tracker.Container(&c.e); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
