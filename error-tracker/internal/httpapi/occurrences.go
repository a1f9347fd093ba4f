package httpapi

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/problem"
)

const defaultOccurrencePage = 25

// occurrenceJSON is an occurrence in a list; its first members are those of
// the first protocol.
type occurrenceJSON struct {
	ID             int64           `json:"id"`
	Timestamp      string          `json:"timestamp"`
	RequestURL     *string         `json:"request_url"`
	RequestMethod  *string         `json:"request_method"`
	RequestHeaders json.RawMessage `json:"request_headers"`
	UserID         *string         `json:"user_id"`
	Extra          json.RawMessage `json:"extra"`
	Traceback      string          `json:"traceback"`

	EventID     string  `json:"event_id"`
	Fingerprint string  `json:"fingerprint"`
	First       bool    `json:"first"`
	OccurredAt  *string `json:"occurred_at"`
	Environment string  `json:"environment"`
	Release     string  `json:"release"`
	Level       string  `json:"level"`
	Message     string  `json:"message"`
	Transaction string  `json:"transaction"`
	ServerName  string  `json:"server_name"`
}

func newOccurrenceJSON(o *tracker.Occurrence) occurrenceJSON {
	e := &o.Event
	return occurrenceJSON{
		ID: o.ID, Timestamp: timestamp(e.ReceivedAt),
		RequestURL: orNullText(e.Request.URL), RequestMethod: orNullText(e.Request.Method),
		RequestHeaders: e.Request.Headers, UserID: orNullText(e.User.ID), Extra: e.Extra,
		Traceback: tracebackText(e),
		EventID:   e.ID.String(), Fingerprint: o.Hash.String(), First: o.First, OccurredAt: orNullTime(e.OccurredAt),
		Environment: e.Environment, Release: e.Release, Level: e.Level, Message: e.Summary(),
		Transaction: e.Transaction, ServerName: e.ServerName,
	}
}

func newOccurrenceList(occurrences []tracker.Occurrence) []occurrenceJSON {
	list := make([]occurrenceJSON, len(occurrences))
	for i := range occurrences {
		list[i] = newOccurrenceJSON(&occurrences[i])
	}
	return list
}

// occurrences is GET /api/errors/{id}/occurrences.
func (a *api) occurrences(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id")
	if err != nil {
		return err
	}
	v, err := parameters(r)
	if err != nil {
		return err
	}
	var before int64
	if text := v.Get("cursor"); text != "" {
		var ok bool
		if before, ok = parseOccurrenceCursor(text); !ok {
			return errs.New(errs.Invalid, "cursor is not one that this list gave")
		}
	}
	limit := page(v.Get("limit"), defaultOccurrencePage, tracker.MaxOccurrencesPerPage)
	list, err := a.Tracker.Occurrences(r.Context(), id, before, limit)
	if err != nil {
		return named(err, errErrorNotFound)
	}
	answer := struct {
		Occurrences []occurrenceJSON `json:"occurrences"`
		Limit       int              `json:"limit"`
		NextCursor  string           `json:"next_cursor,omitempty"`
	}{newOccurrenceList(list), limit, ""}
	if len(list) == limit {
		last := list[limit-1].ID
		_, older, _, err := a.Tracker.Occurrence(r.Context(), id, last)
		if err != nil {
			return named(err, errOccurrenceNotFound)
		}
		if older != 0 {
			answer.NextCursor = occurrenceCursor(last)
		}
	}
	return problem.JSON(w, http.StatusOK, answer)
}

func occurrenceCursor(id int64) string {
	return base64.RawURLEncoding.EncodeToString(strconv.AppendInt(nil, id, 10))
}

func parseOccurrenceCursor(text string) (int64, bool) {
	decoded, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return 0, false
	}
	id, err := strconv.ParseInt(string(decoded), 10, 64)
	return id, err == nil && id > 0
}

// occurrence is GET /api/errors/{id}/occurrences/{occurrence_id}; "latest" and
// "first" stand for those.
func (a *api) occurrence(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id")
	if err != nil {
		return err
	}
	occurrenceID, err := a.occurrenceID(r, id)
	if err != nil {
		return err
	}
	o, older, newer, err := a.Tracker.Occurrence(r.Context(), id, occurrenceID)
	if err != nil {
		return named(err, errOccurrenceNotFound)
	}
	return problem.JSON(w, http.StatusOK, newEventJSON(&o, older, newer))
}

func (a *api) occurrenceID(r *http.Request, issueID int64) (int64, error) {
	switch chi.URLParam(r, "occurrence_id") {
	case "latest":
		return 0, nil
	case "first":
		o, err := a.Tracker.FirstOccurrence(r.Context(), issueID)
		return o.ID, named(err, errErrorNotFound)
	}
	return pathID(r, "occurrence_id")
}

// attachment is GET /api/errors/{id}/occurrences/{occurrence_id}/attachments/{n}:
// the file itself, numbered from 0 as the occurrence lists it.
func (a *api) attachment(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id")
	if err != nil {
		return err
	}
	occurrenceID, err := a.occurrenceID(r, id)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(chi.URLParam(r, "n"))
	if err != nil || n < 0 {
		return errNotFound
	}
	if occurrenceID == 0 {
		o, _, _, err := a.Tracker.Occurrence(r.Context(), id, 0)
		if err != nil {
			return named(err, errOccurrenceNotFound)
		}
		occurrenceID = o.ID
	}
	f, err := a.Tracker.Attachment(r.Context(), id, occurrenceID, n)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream") // it came from outside: no client is to run it
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(f.Data)))
	_, err = w.Write(f.Data)
	return err
}
