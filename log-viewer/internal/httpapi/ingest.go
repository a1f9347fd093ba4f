package httpapi

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/problem"
	"github.com/monlight/monlight/shared/server"
)

type ingestResponse struct {
	Status    string `json:"status"`
	Count     int    `json:"count"`
	Duplicate bool   `json:"duplicate,omitempty"`
}

// ingest is POST /api/logs.
func (a *api) ingest(w http.ResponseWriter, r *http.Request) error {
	body, release, err := server.ReadBody(r)
	defer release()
	if err != nil {
		return err
	}
	var in []struct {
		Container, Message, Level, Stream string
		Timestamp                         time.Time
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return errs.Wrap(errs.Invalid, err, "body is not valid JSON")
	}
	b := logs.Batch{Key: r.Header.Get("Idempotency-Key")}
	for _, x := range in {
		e := logs.Entry{Source: x.Container, Message: x.Message}
		e.Level, _ = logs.ParseLevel(x.Level)
		if x.Stream == "stderr" {
			e.Stream = logs.Stderr
		}
		if !x.Timestamp.IsZero() {
			e.Time = x.Timestamp.UnixNano()
		}
		b.Entries = append(b.Entries, e)
	}
	first, err := a.Logs.Append(r.Context(), b)
	if err != nil {
		return err
	}
	return problem.JSON(w, http.StatusAccepted, ingestResponse{Status: "accepted", Count: len(b.Entries), Duplicate: first == 0 && len(b.Entries) > 0})
}
