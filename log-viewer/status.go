package main

import (
	"context"
	"fmt"

	"github.com/monlight/monlight/log-viewer/internal/docker"
	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/shared/server"
	"github.com/monlight/monlight/shared/status"
	"github.com/monlight/monlight/shared/webui"
)

// farBehind is how many bytes of log files may wait to be read without a warning.
const farBehind = 64 << 20

// ingested is what came in, in entries: from containers and by the API.
func ingested(entries *logs.Service, source *docker.Source, edge *server.Edge) func() status.Ingest {
	return func() status.Ingest {
		l, f, answers := entries.Live(), source.Figures(), edge.Answers()
		return status.Ingest{
			Unit: "entries", Accepted: l.Entries, Rejected: f.Errors, Limited: answers.Limited, Dropped: f.Refused,
			Details: map[string]int64{
				"batches": l.Batches, "batches_repeated": l.Repeated, "batches_invalid": l.Refused, "batches_failed": l.Failed,
				"containers": int64(f.Containers), "container_lines": f.Lines, "files_missed": f.Missed, "bytes_behind": f.LagBytes,
			},
		}
	}
}

// readingWarnings are what is wrong with the reading of containers and with what
// is stored.
func readingWarnings(source *docker.Source, damaged func() int64) func(context.Context) []string {
	return func(context.Context) []string {
		var out []string
		st, f := source.Status(), source.Figures()
		if st.Error != "" {
			out = append(out, "The folder of the containers cannot be read: "+webui.Line(st.Error, 200))
		}
		if st.PauseError != "" {
			out = append(out, "Reading waits, and will go on where it stopped: "+webui.Line(st.PauseError, 200))
		}
		if f.LagBytes > farBehind {
			out = append(out, webui.Bytes(f.LagBytes)+" of log files are not read yet.")
		}
		if f.Missed > 0 {
			out = append(out, fmt.Sprintf("%d log files were gone before they were read to their end.", f.Missed))
		}
		if n := damaged(); n > 0 {
			out = append(out, fmt.Sprintf("Stored entries were found damaged %d times: restore a backup.", n))
		}
		return out
	}
}
