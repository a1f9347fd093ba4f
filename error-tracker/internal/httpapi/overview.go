package httpapi

import (
	"net/http"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/problem"
)

// environments is GET /api/environments.
func (a *api) environments(w http.ResponseWriter, r *http.Request) error {
	v, err := parameters(r)
	if err != nil {
		return err
	}
	names, err := a.Tracker.Environments(r.Context(), v.Get("project"))
	if err != nil {
		return err
	}
	return problem.JSON(w, http.StatusOK, map[string][]string{"environments": orEmpty(names)})
}

func orEmpty(names []string) []string {
	if names == nil {
		return []string{}
	}
	return names
}

type statsJSON struct {
	Errors        int64   `json:"errors"`
	Unresolved    int64   `json:"unresolved"`
	Events        int64   `json:"events"`
	Occurrences   int64   `json:"occurrences"`
	OldestEvent   *string `json:"oldest_event"`
	DatabaseBytes int64   `json:"database_bytes"`
	QueueLength   int     `json:"queue_length"`
	QueueCapacity int     `json:"queue_capacity"`
	PendingAlerts int64   `json:"pending_alerts"`
}

// stats is GET /api/stats.
func (a *api) stats(w http.ResponseWriter, r *http.Request) error {
	totals, err := a.Tracker.Totals(r.Context())
	if err != nil {
		return err
	}
	pending, err := a.Tracker.CountPendingAlerts(r.Context())
	if err != nil {
		return err
	}
	waiting, capacity := a.Backlog()
	return problem.JSON(w, http.StatusOK, statsJSON{
		Errors: totals.Issues, Unresolved: totals.Unresolved, Events: totals.Events, Occurrences: totals.Occurrences,
		OldestEvent: orNullTime(totals.OldestEvent), DatabaseBytes: totals.DatabaseBytes,
		QueueLength: waiting, QueueCapacity: capacity, PendingAlerts: pending,
	})
}

// testAlert is POST /api/test-alert.
func (a *api) testAlert(w http.ResponseWriter, r *http.Request) error {
	if a.AlertsOff != "" {
		return errs.New(errs.Unavailable, "%s", a.AlertsOff)
	}
	if err := a.Tracker.TestAlert(r.Context(), tracker.ByMail, 0); err != nil {
		return err
	}
	return problem.JSON(w, http.StatusAccepted, map[string]string{
		"status": "test alert dispatched",
		"detail": "Check the service log for the delivery result",
	})
}
