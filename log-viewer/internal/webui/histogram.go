package webui

import (
	"context"
	"strconv"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/shared/webui"
)

const (
	histogramBuckets = 90
	histogramHeight  = 100 // of the view box; a bucket is 10 wide
)

// histogram is entries over time, stacked by level, with a table of the same.
type histogram struct {
	Start   time.Time
	End     time.Time
	Step    time.Duration
	N       int
	Width   int
	Total   int64
	Top     int64
	Layers  []layer // most serious first: at the bottom
	Buckets []bucket
	Partial bool
}

type layer struct {
	Level string
	Path  string
	Total int64
}

type bucket struct {
	Start  time.Time
	Total  int64
	Errors int64
	Counts string // by level, for the script
	Link   string // to this bucket alone
}

// StepText says how long a bar is.
func (h *histogram) StepText() string {
	switch {
	case h.Step%(24*time.Hour) == 0:
		return webui.Plural(int64(h.Step/(24*time.Hour)), "day", "days")
	case h.Step%time.Hour == 0:
		return webui.Plural(int64(h.Step/time.Hour), "hour", "hours")
	case h.Step%time.Minute == 0:
		return webui.Plural(int64(h.Step/time.Minute), "minute", "minutes")
	}
	return webui.Plural(int64(h.Step/time.Second), "second", "seconds")
}

// rangeOf is the time that the selection is about: an open end is that of what is kept.
func (p *Pages) rangeOf(f logs.Filter, st logs.Stats) (since, until time.Time) {
	since, until = f.Since, f.Until
	if until.IsZero() {
		if until = p.opts.Now(); st.Last > until.UnixNano() {
			until = time.Unix(0, st.Last+1)
		}
	}
	if since.IsZero() {
		if since = until.Add(-time.Hour); st.Entries > 0 && st.First < until.UnixNano() {
			since = time.Unix(0, st.First)
		}
	}
	return since, until
}

func (p *Pages) histogram(ctx context.Context, s *selection, st logs.Stats) (*histogram, error) {
	since, until := p.rangeOf(s.Filter, st)
	b := logs.BucketsOf(since, until, histogramBuckets)
	counts, err := p.opts.Logs.Histogram(ctx, s.Filter, b)
	if err != nil {
		return nil, err
	}
	h := &histogram{Start: b.Start.UTC(), Step: b.Step, N: b.N, Width: b.N * 10, End: b.Start.Add(time.Duration(b.N) * b.Step).UTC(), Partial: counts.Partial}
	for _, row := range counts.Counts {
		total := int64(0)
		for _, n := range row {
			total += n
		}
		h.Total, h.Top = h.Total+total, max(h.Top, total)
	}
	below := make([]int64, b.N)
	for l := logs.Critical + 1; l > 0; l-- {
		if layer := h.layer(l-1, counts, below); layer.Total > 0 {
			h.Layers = append(h.Layers, layer)
		}
	}
	for i, row := range counts.Counts {
		k := bucket{Start: h.Start.Add(time.Duration(i) * b.Step)}
		for l, n := range row {
			if k.Total += n; logs.Level(l) >= logs.Error { //nolint:gosec // a few levels
				k.Errors += n
			}
			k.Counts += strconv.FormatInt(n, 10) + " "
		}
		if k.Total == 0 {
			continue
		}
		k.Link = s.with(p.ui.Path("/"), "time", "", "since", k.Start.Format(time.RFC3339), "until", k.Start.Add(b.Step-time.Second).Format(time.RFC3339))
		h.Buckets = append(h.Buckets, k)
	}
	return h, nil
}

// layer draws the bars of a level on top of those below.
func (h *histogram) layer(l logs.Level, counts logs.Histogram, below []int64) layer {
	out := layer{Level: l.String()}
	var path []byte
	at := func(n int64) int64 {
		if h.Top == 0 {
			return 0
		}
		return n * histogramHeight / h.Top
	}
	for i, row := range counts.Counts {
		n := row[l]
		if n == 0 {
			continue
		}
		out.Total += n
		low := at(below[i])
		high := max(at(below[i]+n), low+1) // one among thousands is still seen
		below[i] += n
		path = strconv.AppendInt(append(path, 'M'), int64(i*10), 10)
		path = strconv.AppendInt(append(path, ' '), histogramHeight-low, 10)
		path = strconv.AppendInt(append(path, 'v'), low-high, 10)
		path = append(path, "h9v"...)
		path = strconv.AppendInt(path, high-low, 10)
		path = append(path, 'z')
	}
	out.Path = string(path)
	return out
}
