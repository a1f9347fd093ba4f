package webui

import (
	"cmp"
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
	"github.com/monlight/monlight/shared/webui"
)

// Marks knows which releases and alerts there were.
type Marks interface {
	// In returns those of a time, oldest first; it has no errors and does not wait
	// long. project is "" for all.
	In(ctx context.Context, project string, p metrics.Period) metrics.Marks
}

// mark is a release or an alert beside the charts, which a script draws into them.
type mark struct {
	Name    string
	Project string
	Detail  string // the environment, or the reason
	At      time.Time
	URL     string // "" when people cannot reach the error tracker
}

// reasons say for people why there was an alert.
var reasons = map[string]string{"created": "new", "regressed": "back", "unmuted": "back", "frequent": "frequent"}

// mark adds the releases and alerts of the time that a page shows.
func (p *Pages) mark(ctx context.Context, s *selection) {
	if p.opts.Marks == nil {
		return
	}
	known := p.opts.Marks.In(ctx, s.Project, s.rng)
	for _, r := range known.Releases {
		m := p.newMark(&r, 80, "/releases/")
		if r.Project != "" && !strings.HasPrefix(r.Name, r.Project+"@") {
			m.Name = m.Project + "@" + m.Name
		}
		s.Releases = append(s.Releases, m)
	}
	for _, a := range known.Alerts {
		m := p.newMark(&a, 120, "/errors/")
		m.Name, m.Detail = cmp.Or(m.Name, "(no text)"), cmp.Or(reasons[a.Detail], "alert")
		s.Alerts = append(s.Alerts, m)
	}
	s.MoreReleases, s.MoreAlerts = known.MoreReleases, known.MoreAlerts
}

func (p *Pages) newMark(k *metrics.Mark, most int, path string) mark {
	m := mark{Name: webui.Line(k.Name, most), Project: webui.Line(k.Project, 40), Detail: webui.Line(k.Detail, 40), At: k.At}
	if k.ID > 0 {
		m.URL = p.ui.Link("error-tracker", path+strconv.FormatInt(k.ID, 10), webui.Window{})
	}
	return m
}
