package httpapi

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/shared/clientip"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/problem"
	"github.com/monlight/monlight/shared/server"
)

const (
	sentryLimits = "X-Sentry-Rate-Limits"
	sentryError  = "X-Sentry-Error"
	// sentryExposed are the headers that a page may read: by them its SDK slows down.
	sentryExposed = sentryError + ", " + sentryLimits + ", Retry-After"
)

// tunnel is POST /api/browser/tunnel, for the option of that name of Sentry's SDKs. The
// envelope says by its DSN whose it is. That is never an address to be dialled: the only
// place it can go to is the error tracker of this relay.
func (a *api) tunnel() http.HandlerFunc {
	return a.Handle(func(w http.ResponseWriter, r *http.Request) error {
		v := &visit{r: r}
		origin := r.Header.Get("Origin")
		match := relay.NotAllowed
		if origin != "" {
			match = a.Keys.AllowsAny(origin)
		}
		allowOrigin(w, r, match, origin)
		if match != relay.NotAllowed {
			w.Header().Set("Access-Control-Expose-Headers", sentryExposed)
			w.Header().Del("Access-Control-Allow-Credentials")
			if r.Method == http.MethodOptions {
				preflight(w)
				return nil
			}
		}
		reason, err := a.enterTunnel(w, r)
		if err == nil && a.drop(r, 0) {
			return problem.JSON(w, http.StatusOK, struct{}{})
		}
		if err == nil {
			a.Body(relay.MaxEnvelope)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				reason, err = a.serveTunnel(w, r, v)
			})).ServeHTTP(w, r)
		}
		if err != nil {
			explain(w.Header(), err)
			a.refuse(v, err, reason)
		}
		return err
	})
}

// enterTunnel does the checks that need no body. Whoever has no key yet is counted by
// the address alone.
func (a *api) enterTunnel(w http.ResponseWriter, r *http.Request) (reason string, err error) {
	if ok, wait := a.limits.tunnelClients.Allow(clientip.Key(r)); !ok {
		return relay.ReasonClientRate, tooMany(wait)
	}
	switch {
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", "POST, OPTIONS")
		return relay.ReasonInvalid, errMethod
	case r.ContentLength > relay.MaxEnvelope:
		return relay.ReasonTooLarge, errs.New(errs.TooLarge, "the envelope has %d bytes, the limit is %d", r.ContentLength, relay.MaxEnvelope)
	}
	return "", nil
}

// serveTunnel reads the envelope and passes it on.
func (a *api) serveTunnel(w http.ResponseWriter, r *http.Request, v *visit) (reason string, err error) {
	body, release, err := server.ReadBody(r)
	defer release()
	if err != nil {
		return reasonOf(err), err
	}
	v.body = body
	e, dsn, err := decodeEnvelope(body)
	if err != nil {
		return relay.ReasonInvalid, err
	}
	v.sdk = e.SDK.String()
	ours, err := a.TrackerHosts.read(dsn, &e)
	v.given = e.Key
	if err != nil {
		if !ours && errs.KindOf(err) == errs.Forbidden {
			return relay.ReasonDSN, err
		}
		return relay.ReasonInvalid, err
	}
	if ok, wait := a.limits.tunnelKeys.Allow(e.Project + " " + e.Key); !ok {
		return relay.ReasonKeyRate, tooMany(wait)
	}
	e.Origin = r.Header.Get("Origin")
	e.Client = clientip.Addr(r).String()
	answer, err := a.Intake.Tunnel(r.Context(), e)
	if answer.Limits != "" {
		w.Header().Set(sentryLimits, answer.Limits)
	}
	if err != nil {
		return tunnelReason(err), err
	}
	if answer.Body == nil {
		id := map[string]string{}
		if e.EventID != "" {
			id["id"] = e.EventID
		}
		return "", problem.JSON(w, http.StatusOK, id)
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(answer.Body) // the page is gone; nobody to tell
	return "", nil
}

// tunnelReason sorts the error tracker's refusals, beside our own.
func tunnelReason(err error) string {
	switch errs.KindOf(err) {
	case errs.Forbidden:
		return relay.ReasonBadKey
	case errs.RateLimited:
		return relay.ReasonKeyRate
	}
	return reasonOf(err)
}

// explain sets the headers by which Sentry's SDKs understand an error, unless the
// error tracker has.
func explain(h http.Header, err error) {
	e, ok := asError(err)
	if !ok || e.Kind == errs.Internal {
		return
	}
	h.Set(sentryError, asHeader(e.Text))
	if e.Kind == errs.RateLimited && h.Get(sentryLimits) == "" {
		seconds := int64(math.Ceil(max(e.RetryAfter, time.Second).Seconds()))
		// Errors alone: the SDK's reports of what it lost are still welcome.
		h.Set(sentryLimits, strconv.FormatInt(seconds, 10)+":error;default;security;attachment:key")
	}
}

// asHeader is s as it may stand in a header.
func asHeader(s string) string {
	b := []byte(s[:min(len(s), 300)])
	for i, c := range b {
		if c < ' ' || c > '~' {
			b[i] = '?'
		}
	}
	return string(b)
}
