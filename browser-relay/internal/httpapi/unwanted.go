package httpapi

import (
	"net/http"

	"github.com/monlight/monlight/browser-relay/internal/relay"
)

// Unwanted are visitors whose requests are dropped. They are answered as if they were
// taken, so that nobody sends them again.
type Unwanted struct {
	Bots     bool // programs that say they are one
	OptedOut bool // browsers that ask not to be tracked
}

// reason names what is unwanted of a request, one of relay.Reason…; "" is nothing.
func (u Unwanted) reason(r *http.Request) string {
	switch {
	case u.Bots && relay.IsBot(r.UserAgent()):
		return relay.ReasonBot
	case u.OptedOut && (r.Header.Get("Sec-Gpc") == "1" || r.Header.Get("Dnt") == "1"):
		return relay.ReasonOptedOut
	}
	return ""
}

// drop tells whether a request with a key is unwanted, and counts it.
func (a *api) drop(r *http.Request, key int64) bool {
	reason := a.Unwanted.reason(r)
	if reason == "" {
		return false
	}
	a.Traffic.Add(relay.Count{Key: key, What: relay.CountRefused, Reason: reason}, 1)
	return true
}
