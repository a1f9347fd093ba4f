package httpapi

import (
	"net/http"
	"strconv"

	"github.com/monlight/monlight/error-tracker/internal/eventjson"
	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/problem"
)

type ingestJSON struct {
	Window string                        `json:"window"`
	Since  string                        `json:"since"`
	Totals map[tracker.IngestKind]int64  `json:"totals"`
	Counts map[tracker.IngestKind][]what `json:"counts"`
	Hours  []ingestHourJSON              `json:"hours"`
}

type what struct {
	What  string `json:"what"`
	Count int64  `json:"count"`
}

type ingestHourJSON struct {
	Start     string `json:"start"`
	Accepted  int64  `json:"accepted"`
	NotStored int64  `json:"not_stored"`
}

// ingestHealth is GET /api/ingest.
func (a *api) ingestHealth(w http.ResponseWriter, r *http.Request) error {
	v, err := parameters(r)
	if err != nil {
		return err
	}
	var project int64
	if text := v.Get("project"); text != "" {
		if project, err = strconv.ParseInt(text, 10, 64); err != nil || project <= 0 {
			return errs.New(errs.Invalid, "project = %q, want the number of a project", eventjson.Cut(text, 60))
		}
	}
	window := tracker.LastDay
	if text := v.Get("window"); text != "" {
		window = tracker.IngestWindow(text)
	}
	h, err := a.Tracker.IngestHealth(r.Context(), project, window)
	if err != nil {
		return err
	}
	answer := ingestJSON{
		Window: string(window), Since: timestamp(h.Since), Totals: map[tracker.IngestKind]int64{}, Counts: map[tracker.IngestKind][]what{}, Hours: []ingestHourJSON{},
	}
	for _, kind := range tracker.IngestKinds {
		answer.Totals[kind], answer.Counts[kind] = h.Total(kind), []what{}
	}
	for _, c := range h.Counts {
		answer.Counts[c.Kind] = append(answer.Counts[c.Kind], what{c.What, c.Count})
	}
	for _, hour := range h.Hours {
		answer.Hours = append(answer.Hours, ingestHourJSON{timestamp(hour.Start), hour.Accepted, hour.NotStored})
	}
	return problem.JSON(w, http.StatusOK, answer)
}
