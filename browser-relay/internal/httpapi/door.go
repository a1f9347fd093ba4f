package httpapi

import (
	"errors"
	"net/http"
	"strings"

	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/shared/clientip"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/problem"
	"github.com/monlight/monlight/shared/server"
)

const (
	keyHeader    = "X-Monlight-Key"
	keyParameter = "key"
)

var (
	errBadKey   = errs.New(errs.Unauthorized, "Invalid DSN key")
	errNotFound = errs.New(errs.NotFound, "Not found")
	errMethod   = errs.New(errs.MethodNotAllowed, "Method not allowed")
	errBodySize = errs.New(errs.TooLarge, "Request body exceeds maximum size")
)

// visit is a request at a door.
type visit struct {
	r     *http.Request
	key   relay.Key
	body  []byte
	given string // the key of the body, where it stands there
	sdk   string // as the body says
}

// handler answers a visit, or returns an error.
type handler func(w http.ResponseWriter, v *visit) error

// door makes an http.Handler of h: it answers preflights, sets the headers that
// let pages read the answer whatever it is, checks key, origin and limits, and
// reads the body, which may have any content type. A door without h is 404 for
// those with a key.
func (a *api) door(h handler) http.HandlerFunc {
	return a.Handle(func(w http.ResponseWriter, r *http.Request) error {
		v := &visit{r: r}
		reason, err := a.enter(w, v, h == nil)
		if v.r == nil {
			return nil // it was a preflight, and is answered
		}
		if err != nil {
			a.refuse(v, err, reason)
			return err
		}
		if a.drop(r, v.key.ID) {
			return problem.JSON(w, http.StatusAccepted, acceptedJSON{Status: "dropped"})
		}
		var failed error
		a.Body(a.Limits.Body)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			failed = a.serve(w, r, v, h)
		})).ServeHTTP(w, r)
		return failed
	})
}

// enter does all checks that need no body.
func (a *api) enter(w http.ResponseWriter, v *visit, nothingHere bool) (reason string, err error) {
	r := v.r
	origin := r.Header.Get("Origin")
	k, known := a.Keys.Find(keyOf(r))
	match, refuse := relay.NotAllowed, false
	if known {
		v.key = k
		match, refuse = a.Keys.Allows(&k, origin)
	} else if origin != "" {
		// A page is to be able to read why it was refused.
		match = a.Keys.AllowsAny(origin)
	}
	allowOrigin(w, r, match, origin)
	switch {
	case r.Method == http.MethodOptions && match != relay.NotAllowed && origin != "":
		preflight(w)
		v.r = nil
		return "", nil
	case r.Method == http.MethodOptions:
		return relay.ReasonOrigin, errBadKey
	case !known:
		return relay.ReasonBadKey, errBadKey
	case refuse:
		// As with a wrong key: whoever tries keys learns nothing.
		return relay.ReasonOrigin, errBadKey
	}
	if reason, err := a.limits.allow(&k, clientip.Key(r)); err != nil {
		return reason, err
	}
	switch {
	case nothingHere:
		return relay.ReasonInvalid, errNotFound
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", "POST, OPTIONS")
		return relay.ReasonInvalid, errMethod
	case r.ContentLength > a.Limits.Body:
		return relay.ReasonTooLarge, errBodySize
	}
	switch encoding := r.Header.Get("Content-Encoding"); strings.ToLower(encoding) {
	case "", "identity", "gzip", "x-gzip":
	default:
		return relay.ReasonInvalid, errs.New(errs.Unsupported, "Content-Encoding %.50q is not supported, want gzip or identity", encoding)
	}
	return "", nil
}

// serve reads the body and lets h answer.
func (a *api) serve(w http.ResponseWriter, r *http.Request, v *visit, h handler) error {
	body, release, err := server.ReadBody(r)
	defer release()
	if err == nil {
		v.body = body
		v.r = r
		err = h(w, v)
	}
	if err != nil {
		a.refuse(v, err, reasonOf(err))
	}
	return err
}

// reasonOf sorts an error for the counts.
func reasonOf(err error) string {
	switch errs.KindOf(err) {
	case errs.TooLarge:
		return relay.ReasonTooLarge
	case errs.Upstream:
		if errors.Is(err, relay.ErrSpoolOff) || errors.Is(err, relay.ErrSpoolFull) {
			return relay.ReasonSpoolFull
		}
		return relay.ReasonUpstream
	case errs.Unavailable:
		if errors.Is(err, relay.ErrSpoolOff) || errors.Is(err, relay.ErrSpoolFull) {
			return relay.ReasonSpoolFull
		}
		return relay.ReasonUnavailable
	case errs.Internal:
		return relay.ReasonUnavailable
	}
	return relay.ReasonInvalid
}

// refuse counts and remembers a refused request.
func (a *api) refuse(v *visit, err error, reason string) {
	r := v.r
	given := v.given
	if v.key.ID == 0 && given == "" {
		given = keyOf(r)
	}
	detail := err.Error()
	if e, ok := asError(err); ok {
		detail = e.Text
	}
	a.Traffic.Reject(relay.Rejection{
		Reason: reason, Status: problem.Status(err), Detail: detail, Key: v.key.ID, GivenKey: given,
		Path: r.Method + " " + r.URL.Path, Origin: r.Header.Get("Origin"), UserAgent: r.UserAgent(), SDK: v.sdk,
		Excerpt: strings.ToValidUTF8(string(v.body[:min(len(v.body), 300)]), "\uFFFD"), Bytes: max(r.ContentLength, int64(len(v.body))),
	})
}

func asError(err error) (*errs.Error, bool) { return errors.AsType[*errs.Error](err) }

// keyOf is the key of a request: of the header, else of the URL. Beacons, and
// requests that are to do without a preflight, cannot set headers.
func keyOf(r *http.Request) string {
	if keys := r.Header.Values(keyHeader); len(keys) > 0 {
		return keys[0]
	}
	if r.URL.RawQuery == "" {
		return ""
	}
	return r.URL.Query().Get(keyParameter)
}
