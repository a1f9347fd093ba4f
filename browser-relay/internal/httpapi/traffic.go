package httpapi

import (
	"net/http"
	"time"

	"github.com/monlight/monlight/shared/auth"
	"github.com/monlight/monlight/shared/config"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/problem"
)

// maxTrafficPeriod is how far back counts can be asked for.
const maxTrafficPeriod = 30 * 24 * time.Hour

type countJSON struct {
	Hour   string `json:"hour"`
	KeyID  *int64 `json:"key_id"` // null: the key was wrong
	SDK    string `json:"sdk"`
	What   string `json:"what"`
	Reason string `json:"reason"`
	Count  int64  `json:"count"`
}

// traffic is GET /api/traffic?period=24h.
func (a *api) traffic(w http.ResponseWriter, r *http.Request) error {
	period := 24 * time.Hour
	if text := r.URL.Query().Get("period"); text != "" {
		d, err := config.ParseDuration(text)
		if err != nil || d < time.Minute || d > maxTrafficPeriod {
			return errs.New(errs.Invalid, `period is %.50q, want a time such as "24h", from 1m to 30d`, text)
		}
		period = d
	}
	counts, err := a.Traffic.Since(r.Context(), a.Now().Add(-period))
	if err != nil {
		return err
	}
	list := make([]countJSON, 0, len(counts))
	for _, c := range counts {
		j := countJSON{Hour: stamp(c.Hour), SDK: c.SDK, What: c.What, Reason: c.Reason, Count: c.N}
		if c.Key != 0 {
			j.KeyID = &c.Key
		}
		list = append(list, j)
	}
	return problem.JSON(w, http.StatusOK, map[string]any{"traffic": list})
}

type rejectionJSON struct {
	At        string `json:"at"`
	Reason    string `json:"reason"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	KeyID     *int64 `json:"key_id"`
	GivenKey  string `json:"given_key,omitempty"`
	Request   string `json:"request"`
	Origin    string `json:"origin"`
	UserAgent string `json:"user_agent"`
	SDK       string `json:"sdk"`
	Excerpt   string `json:"excerpt"`
	Bytes     int64  `json:"bytes"`
}

// rejected is GET /api/traffic/rejected.
func (a *api) rejected(w http.ResponseWriter, r *http.Request) error {
	list := []rejectionJSON{}
	for _, x := range a.Traffic.Rejected() {
		if auth.ReadOnly(r) {
			x.WithoutKeys()
		}
		j := rejectionJSON{At: stamp(x.At), Reason: x.Reason, Status: x.Status, Detail: x.Detail, GivenKey: x.GivenKey, Request: x.Path,
			Origin: x.Origin, UserAgent: x.UserAgent, SDK: x.SDK, Excerpt: x.Excerpt, Bytes: x.Bytes}
		if x.Key != 0 {
			j.KeyID = &x.Key
		}
		list = append(list, j)
	}
	return problem.JSON(w, http.StatusOK, map[string]any{"rejected": list})
}
