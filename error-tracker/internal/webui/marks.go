package webui

import (
	"context"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/webui"
)

// Releases and deploys that one chart points out, and those of a list.
const (
	shownMarks  = 12
	listedMarks = 100
)

// markLabel says what happened: "1.4.2 to prod", or "1.4.2" for a release that
// was only seen.
func markLabel(d *tracker.Deploy) string {
	label := webui.Line(d.Release, 60)
	if d.Environment != "" {
		label += " to " + webui.Line(d.Environment, 40)
	}
	return label
}

// mark points out releases and deploys of a project in a chart.
func (p *Pages) mark(ctx context.Context, b *webui.Bars, project string, since time.Time) error {
	marks, err := p.opts.Tracker.Marks(ctx, project, "", tracker.TimeRange{From: since}, shownMarks)
	if err != nil {
		return err
	}
	for i := range marks {
		d := &marks[i]
		b.Mark(webui.BarMark{At: d.At, Label: markLabel(d), URL: p.releaseURL(d.ReleaseID)})
	}
	return nil
}

// markRows points out in the small charts of a list what happened in the
// project of each issue.
func (p *Pages) markRows(ctx context.Context, rows []issueRow, issues []tracker.Issue, f filter, t trend) error {
	marks, err := p.opts.Tracker.Marks(ctx, f.Project, f.Environment, tracker.TimeRange{From: t.start}, listedMarks)
	if err != nil {
		return err
	}
	whole := float64(t.step) * float64(t.n)
	shown := make(map[string]int)
	for i := range marks {
		d := &marks[i]
		if shown[d.Project]++; shown[d.Project] > shownMarks {
			continue
		}
		for k := range rows {
			if issues[k].Project == d.Project && rows[k].Spark.Path != "" {
				rows[k].Spark.Mark(float64(d.At.Sub(t.start)) / whole)
			}
		}
	}
	return nil
}
