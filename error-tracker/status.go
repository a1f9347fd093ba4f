package main

import (
	"context"
	"fmt"

	"github.com/monlight/monlight/error-tracker/internal/worker"
	"github.com/monlight/monlight/shared/figures"
	"github.com/monlight/monlight/shared/server"
	"github.com/monlight/monlight/shared/status"
	"github.com/monlight/monlight/shared/webui"
)

// ingested is what came in, in reports.
func (m *metrics) ingested(edge *server.Edge) status.Ingest {
	in := status.Ingest{Unit: "reports", Limited: edge.Answers().Limited, Details: map[string]int64{}}
	for _, outcome := range outcomes {
		n := figures.Count(m.reports.WithLabelValues(outcome))
		switch in.Details[outcome] = n; outcome {
		case "refused":
			in.Rejected += n
		case "unavailable", "failed":
			in.Dropped += n
		default:
			in.Accepted += n
		}
	}
	return in
}

// mailWarnings are what is wrong with the mails.
func mailWarnings(alerts *worker.Alerts, retention *worker.Retention) func(context.Context) []string {
	return func(context.Context) []string {
		var out []string
		if a := alerts.Stats(); a.Down {
			out = append(out, "No mail gets through: "+webui.Line(a.LastError, 200))
		}
		if r := retention.Stats(); r.Failures > 0 {
			out = append(out, fmt.Sprintf("Deleting old issues has failed %d times since the start.", r.Failures))
		}
		return out
	}
}
