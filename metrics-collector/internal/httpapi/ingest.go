package httpapi

import (
	"net/http"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/problem"
)

// ingestResponse is the answer to an accepted body.
type ingestResponse struct {
	Status    string          `json:"status"`
	Count     int             `json:"count"`
	Limited   int             `json:"limited,omitempty"`
	Duplicate bool            `json:"duplicate,omitempty"`
	Errors    []itemErrorJSON `json:"errors,omitempty"`
}

type itemErrorJSON struct {
	Index  int    `json:"index"`
	Detail string `json:"detail"`
}

func (a *api) ingest(w http.ResponseWriter, r *http.Request) error {
	partial := false
	if r.URL.RawQuery != "" {
		var err error
		if partial, err = boolParam(r.URL.Query(), "partial"); err != nil {
			return err
		}
	}
	body, release, err := readBody(r)
	defer release()
	if err != nil {
		return err
	}
	receipt, err := a.Collector.Ingest(r.Context(), metrics.Request{Body: body, Partial: partial, Key: r.Header.Get("Idempotency-Key")})
	if err != nil {
		return err
	}
	res := ingestResponse{Status: "accepted", Count: receipt.Accepted, Limited: receipt.Limited, Duplicate: receipt.Duplicate}
	for _, e := range receipt.Rejected {
		res.Errors = append(res.Errors, itemErrorJSON{e.Index, e.Text})
	}
	if res.Count == 0 && len(res.Errors) > 0 {
		return errs.New(errs.Invalid, "no point was accepted: metrics[%d]: %s", res.Errors[0].Index, res.Errors[0].Detail)
	}
	return problem.JSON(w, http.StatusAccepted, res)
}
