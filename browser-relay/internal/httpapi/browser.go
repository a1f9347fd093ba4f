package httpapi

import (
	"net/http"

	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/jsonpull"
	"github.com/monlight/monlight/shared/problem"
)

// acceptedJSON is the answer to something that is on our disk.
type acceptedJSON struct {
	Status  string `json:"status"`
	EventID string `json:"event_id,omitempty"`
	Count   *int   `json:"count,omitempty"`
}

// report is POST /api/browser/errors.
func (a *api) report(w http.ResponseWriter, v *visit) error {
	var d eventDecoder
	if err := decodeObject(v.body, d.member); err != nil {
		return err
	}
	if err := d.missing(); err != nil {
		return err
	}
	answer, err := a.Intake.Report(v.r.Context(), v.key, d.event)
	if err != nil {
		return err
	}
	if answer.Kept || answer.Body == nil {
		return problem.JSON(w, http.StatusAccepted, acceptedJSON{Status: "accepted", EventID: answer.EventID})
	}
	status := http.StatusOK
	if answer.Created {
		status = http.StatusCreated
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(answer.Body) // the page is gone; nobody to tell
	return nil
}

// metrics is POST /api/browser/metrics.
func (a *api) metrics(w http.ResponseWriter, v *visit) error {
	var (
		points []relay.Metric
		page   string
		has    bool
		wrong  error
	)
	err := decodeObject(v.body, func(p *jsonpull.Parser, name string) {
		switch name {
		case "url":
			if url, ok := p.String(); ok {
				page = relay.PathOf(url)
			}
		case "metrics":
			has = true
			points, wrong = decodeMetrics(p)
		}
	})
	switch {
	case err != nil:
		return err
	case !has:
		return errs.New(errs.Invalid, "Missing required field: metrics")
	case wrong != nil:
		return wrong
	}
	count := len(points)
	if err := a.Intake.Metrics(v.r.Context(), v.key, points, page); err != nil {
		return err
	}
	return problem.JSON(w, http.StatusAccepted, acceptedJSON{Status: "accepted", Count: &count})
}

// decodeMetrics reads an array of points, all or none.
func decodeMetrics(p *jsonpull.Parser) (points []relay.Metric, wrong error) {
	if p.Kind() != jsonpull.Array {
		p.Skip()
		return nil, errs.New(errs.Invalid, "metrics must be an array")
	}
	n := 0
	for i := range p.Array() {
		if n++; n > relay.MaxMetrics || wrong != nil {
			continue
		}
		m, detail := decodeMetric(p)
		if detail != "" {
			wrong = errs.New(errs.Invalid, "metrics[%d]: %s", i, detail)
		}
		points = append(points, m)
	}
	switch {
	case n > relay.MaxMetrics:
		wrong = errs.New(errs.Invalid, "metrics has %d elements, want 1 to %d", n, relay.MaxMetrics)
	case n == 0:
		wrong = errs.New(errs.Invalid, "metrics is empty, want 1 to %d elements", relay.MaxMetrics)
	}
	return points, wrong
}
