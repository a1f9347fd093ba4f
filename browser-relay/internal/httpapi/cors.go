package httpapi

import (
	"net/http"
	"strings"

	"github.com/monlight/monlight/browser-relay/internal/relay"
)

// preflightAge is how many seconds browsers may remember a preflight.
const preflightAge = "86400"

// allowOrigin sets the headers by which a browser lets the page read the answer.
// They must be on every answer, or the page cannot tell 429 from a dead network.
func allowOrigin(w http.ResponseWriter, r *http.Request, match relay.Match, origin string) {
	h := w.Header()
	h.Add("Vary", "Origin")
	if origin == "" || match == relay.NotAllowed {
		return
	}
	h.Set("Access-Control-Expose-Headers", "Retry-After")
	if match == relay.ByAny {
		h.Set("Access-Control-Allow-Origin", "*")
		return
	}
	h.Set("Access-Control-Allow-Origin", origin)
	// Beacons of the first SDK carry credentials. We have no use for them, but
	// browsers want to hear that they may. Not with every origin allowed.
	if !strings.HasSuffix(r.URL.Path, "/batch") {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
}

// preflight answers a preflight of an allowed origin.
func preflight(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", "POST, OPTIONS")
	h.Set("Access-Control-Allow-Headers", "X-Monlight-Key, Content-Type")
	h.Set("Access-Control-Max-Age", preflightAge)
	h.Del("Cache-Control")
	w.WriteHeader(http.StatusNoContent)
}
