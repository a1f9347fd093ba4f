package main

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/monlight/monlight/log-viewer/internal/docker"
	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/shared/figures"
)

var (
	entriesKept    = figures.Gauge("log_viewer_entries", "Log entries that are kept.")
	newestEntry    = figures.Gauge("log_viewer_newest_entry_seconds", "Time of the newest entry that has come in, in Unix seconds.")
	entriesStored  = figures.Counter("log_viewer_entries_total", "Log entries written.")
	bytesStored    = figures.Counter("log_viewer_bytes_total", "Bytes of text of the entries written.")
	batchesStored  = figures.Counter("log_viewer_batches_total", "Batches written.")
	batchesAgain   = figures.Counter("log_viewer_batches_repeated_total", "Batches that their Idempotency-Key showed to be written before.")
	batchesInvalid = figures.Counter("log_viewer_batches_invalid_total", "Batches refused as wrong.")
	batchesFailed  = figures.Counter("log_viewer_batches_failed_total", "Batches that could not be written.")
	tailsOpen      = figures.Gauge("log_viewer_tails", "Live streams.")
	tailsRefused   = figures.Counter("log_viewer_tails_refused_total", "Live streams refused because there were too many.")
	tailsDropped   = figures.Counter("log_viewer_tail_dropped_total", "Entries that slow readers of live streams missed.")
	damagedUnits   = figures.Counter("log_viewer_damaged_total", "Times that stored entries were found damaged.")
	containersRead = figures.Gauge("log_viewer_containers", "Containers whose logs are read.")
	crashLoops     = figures.Gauge("log_viewer_containers_crash_loop", "Containers that end soon after each of their starts, again and again.")
	linesRead      = figures.Counter("log_viewer_source_lines_total", "Lines read from containers.")
	bytesRead      = figures.Counter("log_viewer_source_bytes_total", "Bytes read from containers' log files.")
	readErrors     = figures.Counter("log_viewer_source_errors_total", "Records of log files that are none, or too long.")
	readBehind     = figures.Gauge("log_viewer_source_behind_bytes", "Bytes of log files that were not read yet.")
	readPaused     = figures.Gauge("log_viewer_source_paused", "1 while nothing is read because nothing can be written.")
	rotations      = figures.Counter("log_viewer_source_rotations_total", "Log files that were rotated while they were read.")
	filesMissed    = figures.Counter("log_viewer_source_missed_total", "Log files that were gone before they were read to their end.")
)

// statsTime bounds how long a scrape waits for the store.
const statsTime = time.Second

// collector reads the figures of the service.
type collector struct {
	entries *logs.Service
	source  *docker.Source
	damaged func() int64
}

// Describe implements prometheus.Collector: the metrics are the same ones always.
func (c *collector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), statsTime)
	defer cancel()
	if st, err := c.entries.Stats(ctx); err == nil {
		entriesKept.Send(ch, float64(st.Entries))
	}
	l := c.entries.Live()
	newestEntry.Send(ch, float64(l.LastTime)/1e9)
	entriesStored.Send(ch, float64(l.Entries))
	bytesStored.Send(ch, float64(l.Bytes))
	batchesStored.Send(ch, float64(l.Batches))
	batchesAgain.Send(ch, float64(l.Repeated))
	batchesInvalid.Send(ch, float64(l.Refused))
	batchesFailed.Send(ch, float64(l.Failed))
	tailsOpen.Send(ch, float64(l.Tails))
	tailsRefused.Send(ch, float64(l.TailRefused))
	tailsDropped.Send(ch, float64(l.TailDropped))
	damagedUnits.Send(ch, float64(c.damaged()))

	f := c.source.Figures()
	containersRead.Send(ch, float64(f.Containers))
	crashLoops.Send(ch, float64(loops(c.source.Status(), time.Now())))
	linesRead.Send(ch, float64(f.Lines))
	bytesRead.Send(ch, float64(f.Bytes))
	readErrors.Send(ch, float64(f.Errors))
	readBehind.Send(ch, float64(f.LagBytes))
	readPaused.Send(ch, figures.Bool(f.Paused))
	rotations.Send(ch, float64(f.Rotations))
	filesMissed.Send(ch, float64(f.Missed))
}

// loops is how many containers are in a crash loop.
func loops(st docker.Status, now time.Time) int {
	n := 0
	for _, c := range st.Containers {
		if c.Life != nil && c.Life.CrashLoop(now) {
			n++
		}
	}
	return n
}
