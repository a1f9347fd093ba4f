package main

import (
	"context"
	"fmt"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
	"github.com/monlight/monlight/shared/server"
	"github.com/monlight/monlight/shared/status"
)

// ingested is what came in, in points.
func ingested(collector *metrics.Service, edge *server.Edge) func() status.Ingest {
	return func() status.Ingest {
		s, answers := collector.Stats(), edge.Answers()
		return status.Ingest{
			Unit: "points", Accepted: s.Accepted, Rejected: s.Rejected, Limited: s.Limited, Dropped: 0,
			Details: map[string]int64{
				"batches": s.Batches, "batches_repeated": s.Duplicates, "batches_invalid": s.Invalid,
				"requests_limited": answers.Limited, "requests_unavailable": answers.Unavailable,
				"series": int64(s.Series), "series_limit": int64(s.Limits.Series),
			},
		}
	}
}

// seriesWarnings are what is wrong with the series and their storage.
func seriesWarnings(collector *metrics.Service) func(context.Context) []string {
	return func(context.Context) []string {
		var out []string
		s := collector.Stats()
		if s.Limited > 0 {
			out = append(out, fmt.Sprintf("%d points were counted in overflow series, because there was no room for series of their own (MAX_SERIES, MAX_SERIES_PER_PROJECT, MAX_SERIES_PER_METRIC). The page Cardinality names the labels.", s.Limited))
		}
		if s.FlushErrors > 0 {
			out = append(out, fmt.Sprintf("Writing minutes to disk has failed %d times since the start; it is repeated, and nothing is lost.", s.FlushErrors))
		}
		if s.Damaged > 0 {
			out = append(out, fmt.Sprintf("Stored data was found damaged %d times: restore a backup.", s.Damaged))
		}
		return out
	}
}
