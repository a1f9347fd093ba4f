package webui

import (
	"strings"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/webui"
)

// How far around an event the other services are looked at. An identifier is
// looked for in a longer time: a queue may have had it for a while.
const (
	logsBefore, logsAfter       = 5 * time.Minute, time.Minute
	idBefore, idAfter           = time.Hour, time.Hour
	metricsBefore, metricsAfter = time.Hour, 30 * time.Minute
)

// waysFrom are the ways from an event to the other services, of those that are
// installed. Projects of metrics need not have the names of those of errors.
func (p *Pages) waysFrom(e *event.Event) []webui.Field {
	at := happened(e)
	var ways []webui.Field
	add := func(label, address string) {
		if address != "" {
			ways = append(ways, webui.Field{Name: label, Value: address})
		}
	}
	add("Logs around", p.ui.Link("log-viewer", "/", webui.Around(at, logsBefore, logsAfter)))
	if id := tracker.Container(e); id != "" {
		add("Logs of the container", p.ui.Link("log-viewer", "/", webui.Around(at, logsBefore, logsAfter), "container", id))
	}
	if id := tracker.TraceID(e); id != "" {
		add("Logs of the trace", p.ui.Link("log-viewer", "/", webui.Around(at, idBefore, idAfter), "search", quoted(id)))
	}
	if id := tracker.RequestID(e); id != "" {
		add("Logs of the request", p.ui.Link("log-viewer", "/", webui.Around(at, idBefore, idAfter), "search", quoted(id)))
	}
	add("Metrics around", p.ui.Link("metrics-collector", "/", webui.Around(at, metricsBefore, metricsAfter)))
	return ways
}

// windowOf is the time that a list shows.
func windowOf(f filter) webui.Window {
	if _, err := webui.ParseSpan(f.Time); err == nil {
		return webui.Window{Span: f.Time}
	}
	return webui.Window{From: f.Since}
}

// quoted puts an identifier in quotes, for the search language of the log viewer.
func quoted(id string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(id) + `"`
}
