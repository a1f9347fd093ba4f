package sentry

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/monlight/monlight/shared/errs"
)

// notKept tells SDKs for a day not to send what would be thrown away here; that
// saves the traffic of their programs.
const notKept = "86400:transaction;span;replay;profile;profile_chunk;monitor;feedback;log_item;log_byte;trace_metric;metric_bucket:organization:not_supported"

const rateLimits = "X-Sentry-Rate-Limits"

// exposed are the headers that pages may read. Without them the SDK in a browser
// cannot see that it is to slow down.
const exposed = "X-Sentry-Error, X-Sentry-Rate-Limits, Retry-After"

const allowedHeaders = "x-sentry-auth, x-requested-with, x-forwarded-for, origin, referer, accept, content-type, " +
	"authentication, authorization, content-encoding, transfer-encoding, sentry-trace, baggage"

// crossOrigin is a middleware that lets pages of any origin read the answer,
// whatever it is. Which origins may use a key is decided later.
func crossOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Expose-Headers", exposed)
		w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
		next.ServeHTTP(w, r)
	})
}

// preflight answers the question of a browser whether it may send.
func preflight(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", "POST")
	h.Set("Access-Control-Allow-Headers", allowedHeaders)
	h.Set("Access-Control-Max-Age", "3600")
	h.Del("Cache-Control")
	w.WriteHeader(http.StatusOK)
}

// explain sets the headers by which SDKs understand an error.
func explain(h http.Header, err error) {
	e, ok := errors.AsType[*errs.Error](err)
	if !ok || e.Kind == errs.Internal {
		return
	}
	h.Set("X-Sentry-Error", headerText(e.Text))
	if e.Kind == errs.RateLimited {
		seconds := max(1, int64((e.RetryAfter+time.Second-1)/time.Second))
		// Errors alone: the SDK's reports of what it lost are still welcome.
		h.Set(rateLimits, strconv.FormatInt(seconds, 10)+":error;default;security;attachment:key, "+notKept)
	}
}

// headerText is s as it may stand in a header.
func headerText(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, cutText(s, 300))
}
