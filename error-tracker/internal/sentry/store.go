package sentry

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/problem"
)

// store is POST /api/{project}/store/, where SDKs sent single events before
// there were envelopes.
func (a *api) store(w http.ResponseWriter, r *http.Request) error {
	c := credentialsOf(r)
	in := &intake{api: a, r: r, client: c.client}
	var err error
	if in.key, err = a.admit(r, c.key); err != nil {
		return err
	}
	if err := in.limits.allow(&in.key, in.RateLimit); err != nil {
		a.Counter.Count(in.key.ProjectID, tracker.Limited, "rate of the key", 1)
		a.Observe("", err)
		return err
	}
	text, err := in.body(MaxEvent)
	if err != nil {
		a.Counter.Count(in.key.ProjectID, tracker.Refused, tracker.IngestReason(err), 1)
		a.Observe("", err)
		return err
	}
	in.texts = []string{unwrap(text)}
	id, err := in.keep(event.ID{})
	if err != nil {
		return err
	}
	return answer(w, id)
}

// body reads the whole body, of at most limit bytes.
func (in *intake) body(limit int64) (string, error) {
	var b bytes.Buffer
	for held := 0; ; {
		b.Grow(max(8<<10, b.Len()))
		if err := in.Hold(in.r, int64(b.Cap()-held)); err != nil {
			return "", err
		}
		held = b.Cap()
		_, err := io.CopyN(&b, in.r.Body, int64(b.Available()))
		switch {
		case int64(b.Len()) > limit:
			return "", errs.New(errs.TooLarge, "the event is larger than %d bytes", limit)
		case errors.Is(err, io.EOF):
			return b.String(), nil
		case err != nil:
			return "", err
		}
	}
}

// unwrap undoes what the oldest SDKs did to an event: zlib, in base64. Other
// text stays what it is.
func unwrap(text string) string {
	if t := strings.TrimLeft(text, " \t\r\n"); t == "" || t[0] == '{' {
		return text
	}
	packed, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return text
	}
	r, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return string(packed)
	}
	defer r.Close()
	plain, err := io.ReadAll(io.LimitReader(r, MaxEvent))
	if err != nil {
		return text
	}
	return string(plain)
}

// security is POST /api/{project}/security/, where browsers report violations of
// a page's content security policy.
func (a *api) security(w http.ResponseWriter, r *http.Request) error {
	in := &intake{api: a, r: r, client: "browser"}
	var err error
	if in.key, err = a.admit(r, credentialsOf(r).key); err != nil {
		return err
	}
	if err := in.limits.allow(&in.key, in.RateLimit); err != nil {
		a.Counter.Count(in.key.ProjectID, tracker.Limited, "rate of the key", 1)
		return err
	}
	text, err := in.body(MaxReport)
	if err != nil {
		return err
	}
	found, err := decodeViolations([]byte(text))
	if err != nil {
		a.Counter.Count(in.key.ProjectID, tracker.Refused, "malformed", 1)
		return err
	}
	q := r.URL.Query()
	for i := range found {
		e := &found[i]
		e.Release, e.Environment = cutText(q.Get("sentry_release"), 200), cutText(q.Get("sentry_environment"), 200)
		if _, err := in.report(e); err != nil {
			return err
		}
	}
	return problem.JSON(w, http.StatusOK, struct{}{})
}
