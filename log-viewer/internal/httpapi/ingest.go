package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/log-viewer/internal/logs/level"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/problem"
	"github.com/monlight/monlight/shared/server"
)

type ingestResponse struct {
	Status    string `json:"status"`
	Count     int    `json:"count"`
	Duplicate bool   `json:"duplicate,omitempty"`
}

// lineJSON is an entry as it is sent.
type lineJSON struct {
	Container string    `json:"container"`
	Message   *string   `json:"message"`
	Level     string    `json:"level"`
	Stream    string    `json:"stream"`
	Timestamp time.Time `json:"timestamp"`
}

// ingest is POST /api/logs.
func (a *api) ingest(w http.ResponseWriter, r *http.Request) error {
	body, release, err := server.ReadBody(r)
	defer release()
	if err != nil {
		return err
	}
	b := logs.Batch{Key: r.Header.Get("Idempotency-Key")}
	if b.Entries, err = decodeLines(body); err != nil {
		return err
	}
	first, err := a.Logs.Append(r.Context(), b)
	if err != nil {
		return err
	}
	return problem.JSON(w, http.StatusAccepted, ingestResponse{Status: "accepted", Count: len(b.Entries), Duplicate: first == 0 && len(b.Entries) > 0})
}

// decodeLines reads one object, a list of them, or one after the other.
func decodeLines(body []byte) (entries []logs.Entry, err error) {
	d := json.NewDecoder(bytes.NewReader(body))
	list := bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("["))
	if list {
		if _, err := d.Token(); err != nil {
			return nil, errs.Wrap(errs.Invalid, err, "body is not valid JSON")
		}
	}
	for !list || d.More() {
		var l lineJSON
		err := d.Decode(&l)
		if !list && errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, notALine(err, len(entries))
		}
		e, err := l.entry(len(entries))
		if err != nil {
			return nil, err
		}
		if entries = append(entries, e); len(entries) > logs.MaxBatchEntries {
			return nil, errs.New(errs.TooLarge, "the body has more than %d entries, the limit", logs.MaxBatchEntries)
		}
	}
	if list {
		if _, err := d.Token(); err != nil {
			return nil, notALine(err, len(entries))
		}
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			return nil, errs.New(errs.Invalid, "body is not valid JSON: there is something after the list")
		}
	}
	if len(entries) == 0 && !list {
		return nil, errs.New(errs.Invalid, "body is empty, want log entries as JSON")
	}
	return entries, nil
}

// notALine says what is wrong with entry n.
func notALine(err error, n int) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if wrong.Field == "" {
			return errs.New(errs.Invalid, "entry %d: is of type %s, want an object", n, wrong.Value)
		}
		return errs.New(errs.Invalid, "entry %d: %s is of type %s, want a string", n, wrong.Field, wrong.Value)
	}
	if _, ok := errors.AsType[*time.ParseError](err); ok {
		return errs.New(errs.Invalid, "entry %d: timestamp is not a time such as 2026-11-20T11:59:59.123456789Z", n)
	}
	return errs.Wrap(errs.Invalid, err, "entry %d: body is not valid JSON", n)
}

// Times that an entry may have: what fits into nanoseconds, and what nobody gets
// from a clock that is merely wrong.
var (
	earliest = time.Unix(0, 0)
	latest   = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

// entry is the line as an entry. A level that is not given, or unknown, is the
// one that the message states.
func (l lineJSON) entry(n int) (logs.Entry, error) {
	e := logs.Entry{Source: l.Container}
	switch {
	case l.Message == nil:
		return e, errs.New(errs.Invalid, "entry %d: message is missing", n)
	case !l.Timestamp.IsZero() && (l.Timestamp.Before(earliest) || l.Timestamp.After(latest)):
		return e, errs.New(errs.Invalid, "entry %d: timestamp is %s, want 1970 to 2199", n, l.Timestamp.UTC().Format(time.RFC3339))
	}
	e.Message = *l.Message
	if !l.Timestamp.IsZero() {
		e.Time = l.Timestamp.UnixNano()
	}
	switch l.Stream {
	case "", "stdout":
	case "stderr":
		e.Stream = logs.Stderr
	default:
		return e, errs.New(errs.Invalid, "entry %d: stream is %s, want stdout or stderr", n, quoted(l.Stream))
	}
	if known, ok := logs.ParseLevel(l.Level); ok {
		e.Level = known
	} else {
		e.Level = level.Of(e.Message, e.Stream)
	}
	return e, nil
}
