package metrics

import (
	"context"
	"encoding/json"
	"regexp"
	"time"

	"github.com/monlight/monlight/shared/errs"
)

// Limits of saved dashboards.
const (
	MaxDashboards      = 200
	MaxPanels          = 24
	maxTitleBytes      = 120
	maxDashboardsBytes = 32 << 10
)

// Dashboard is a page of charts that somebody saved.
type Dashboard struct {
	Slug    string // its place in the address: letters, digits and hyphens
	Title   string
	Panels  []Panel
	Changed time.Time
}

// Panel is a chart: a question as the explorer asks it.
type Panel struct {
	Title   string   `json:"title,omitempty"`
	Metric  string   `json:"metric"`
	Agg     string   `json:"agg,omitempty"`
	By      []string `json:"by,omitempty"`
	Match   string   `json:"match,omitempty"` // a selector
	Project string   `json:"project,omitempty"`
}

var slugForm = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?$`)

// Validate tells what is wrong with a dashboard; errors are Invalid.
func (d *Dashboard) Validate() error {
	switch {
	case !slugForm.MatchString(d.Slug):
		return errs.New(errs.Invalid, "slug is %s, want 1 to 60 of a-z, 0-9 and hyphens between them", shown(d.Slug))
	case d.Title == "" || len(d.Title) > maxTitleBytes:
		return errs.New(errs.Invalid, "title has %d bytes, want 1 to %d", len(d.Title), maxTitleBytes)
	case len(d.Panels) > MaxPanels:
		return errs.New(errs.Invalid, "panels has %d elements, the limit is %d", len(d.Panels), MaxPanels)
	}
	for i := range d.Panels {
		p := &d.Panels[i]
		if p.Metric == "" || len(p.Metric) > 200 || len(p.Title) > maxTitleBytes || len(p.Project) > 100 {
			return errs.New(errs.Invalid, "panels[%d]: want a metric of 1 to 200 bytes, a title up to %d and a project up to 100", i, maxTitleBytes)
		}
		if len(p.By) > maxGroupBy {
			return errs.New(errs.Invalid, "panels[%d]: by has %d labels, the limit is %d", i, len(p.By), maxGroupBy)
		}
		if p.Agg != "" {
			if _, err := ParseAgg(p.Agg); err != nil {
				return errs.New(errs.Invalid, "panels[%d]: %s", i, err)
			}
		}
		if _, err := ParseSelector(p.Match); err != nil {
			return errs.New(errs.Invalid, "panels[%d]: %s", i, err)
		}
	}
	if b, err := json.Marshal(d.Panels); err != nil || len(b) > maxDashboardsBytes {
		return errs.New(errs.Invalid, "panels has %d bytes as JSON, the limit is %d", len(b), maxDashboardsBytes)
	}
	return nil
}

// DashboardStore keeps dashboards. Errors are NotFound for a slug that is not
// there, and Conflict when there are too many.
type DashboardStore interface {
	Dashboards(ctx context.Context) ([]Dashboard, error) // by title
	Dashboard(ctx context.Context, slug string) (Dashboard, error)
	SaveDashboard(ctx context.Context, d Dashboard) error
	DeleteDashboard(ctx context.Context, slug string) error
}
