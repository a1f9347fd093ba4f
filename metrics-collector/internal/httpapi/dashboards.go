package httpapi

import (
	"encoding/json"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
	"github.com/monlight/monlight/metrics-collector/internal/metrics/ingest"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/problem"
)

// dashboardJSON is a saved dashboard. It is what GET answers and PUT takes, so
// that dashboards can be kept as files.
type dashboardJSON struct {
	Slug    string          `json:"slug,omitempty"`
	Title   string          `json:"title"`
	Panels  []metrics.Panel `json:"panels"`
	Changed string          `json:"changed,omitempty"`
}

func dashboardOf(d metrics.Dashboard) dashboardJSON {
	if d.Panels == nil {
		d.Panels = []metrics.Panel{}
	}
	return dashboardJSON{d.Slug, d.Title, d.Panels, ingest.FormatSecond(d.Changed.UnixMilli())}
}

func (a *api) listDashboards(w http.ResponseWriter, r *http.Request) error {
	saved, err := a.Dashboards.Dashboards(r.Context())
	if err != nil {
		return err
	}
	list := make([]dashboardJSON, len(saved))
	for i, d := range saved {
		list[i] = dashboardOf(d)
	}
	return problem.JSON(w, http.StatusOK, map[string]any{"dashboards": list})
}

func (a *api) getDashboard(w http.ResponseWriter, r *http.Request) error {
	d, err := a.Dashboards.Dashboard(r.Context(), chi.URLParam(r, "slug"))
	if err != nil {
		return err
	}
	return problem.JSON(w, http.StatusOK, dashboardOf(d))
}

func (a *api) putDashboard(w http.ResponseWriter, r *http.Request) error {
	body, release, err := readBody(r)
	defer release()
	if err != nil {
		return err
	}
	var given dashboardJSON
	if err := json.Unmarshal(body, &given); err != nil {
		return errs.Wrap(errs.Invalid, err, "body is not a dashboard: want {\"title\":…,\"panels\":[{\"metric\":…}]}")
	}
	d := metrics.Dashboard{Slug: chi.URLParam(r, "slug"), Title: given.Title, Panels: given.Panels, Changed: a.Now().UTC()}
	if given.Slug != "" && given.Slug != d.Slug {
		return errs.New(errs.Invalid, "slug is %s and the address says %s", quoted(given.Slug), quoted(d.Slug))
	}
	if err := d.Validate(); err != nil {
		return err
	}
	if err := a.Dashboards.SaveDashboard(r.Context(), d); err != nil {
		return err
	}
	return problem.JSON(w, http.StatusOK, dashboardOf(d))
}

func (a *api) deleteDashboard(w http.ResponseWriter, r *http.Request) error {
	if err := a.Dashboards.DeleteDashboard(r.Context(), chi.URLParam(r, "slug")); err != nil {
		return err
	}
	return problem.JSON(w, http.StatusOK, map[string]string{"status": "deleted"})
}
