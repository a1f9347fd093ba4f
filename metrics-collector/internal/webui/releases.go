package webui

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
	"github.com/monlight/monlight/shared/webui"
)

// Releases knows which releases there were.
type Releases interface {
	// In returns those of a time, oldest first; it has no errors and does not wait
	// long. project is "" for all.
	In(ctx context.Context, project string, p metrics.Period) []metrics.Release
}

// releaseMark is a release beside the charts, which a script draws into them.
type releaseMark struct {
	Name        string
	Environment string
	At          time.Time
	URL         string // "" when people cannot reach the error tracker
}

// mark adds the releases of the time that a page shows.
func (p *Pages) mark(ctx context.Context, s *selection) {
	if p.opts.Releases == nil {
		return
	}
	for _, r := range p.opts.Releases.In(ctx, s.Project, s.rng) {
		m := releaseMark{Name: webui.Line(r.Name, 80), Environment: webui.Line(r.Environment, 40), At: r.At}
		if r.Project != "" && !strings.HasPrefix(r.Name, r.Project+"@") {
			m.Name = webui.Line(r.Project, 40) + "@" + m.Name
		}
		if r.ID > 0 {
			m.URL = p.ui.Link("error-tracker", "/releases/"+strconv.FormatInt(r.ID, 10), webui.Window{})
		}
		s.Releases = append(s.Releases, m)
	}
}
