package webui

import (
	"cmp"
	"slices"
	"strings"

	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/shared/webui"
)

// reasons are the reasons in words, and what to do about them.
var reasons = map[string]struct{ label, help, tone string }{
	relay.ReasonBadKey:      {"wrong key", "The key is unknown or switched off. Is it the one of this relay?", "red"},
	relay.ReasonOrigin:      {"origin", "The page's origin is not among those of the key, or of CORS_ORIGINS. Add it on the key's page.", "red"},
	relay.ReasonDSN:         {"DSN", "The DSN names another error tracker than this relay has. ERROR_TRACKER_BASE_URL says what the right DSNs begin with.", "red"},
	relay.ReasonBot:         {"bot", "A program that says it is one. DROP_BOTS is on.", ""},
	relay.ReasonOptedOut:    {"opted out", "The browser asks not to be tracked. DROP_OPTED_OUT is on.", ""},
	relay.ReasonClientRate:  {"rate of a client", "One client sent more than RATE_LIMIT requests a minute. Behind a proxy, set TRUSTED_PROXIES.", "amber"},
	relay.ReasonKeyRate:     {"rate of the key", "All clients of the key together sent more than its limit.", "amber"},
	relay.ReasonTooLarge:    {"too large", "The body is larger than MAX_BODY_SIZE.", "amber"},
	relay.ReasonInvalid:     {"not valid", "The body is not what this address takes; the detail says what is wrong.", "amber"},
	relay.ReasonSpoolFull:   {"no room", "Too much waits for the services behind. Are they up?", "red"},
	relay.ReasonUpstream:    {"refused behind", "The service behind refused it for good; the log has its answer.", "red"},
	relay.ReasonUnavailable: {"not available", "The disk is full, or the service was stopping.", "red"},
	relay.ReasonSeries:      {"too many series", "The pages of this key use too many metric names or labels.", "amber"},
	relay.ReasonTooMany:     {"too many items", "A batch had more items than fit.", "amber"},
	relay.ReasonExpired:     {"too old", "It waited longer than SPOOL_MAX_AGE for a service behind.", "red"},
	relay.ReasonDuplicate:   {"sent again", "The page sent it twice; it was counted once.", ""},
	relay.ReasonOther:       {"other", "", ""},
}

func reasonLabel(reason string) string {
	if r, ok := reasons[reason]; ok {
		return r.label
	}
	return strings.ReplaceAll(webui.Line(reason, 40), "_", " ")
}

func reasonTone(reason string) string { return reasons[reason].tone }

// cause is what to do about a refused request.
func cause(x *relay.Rejection) string { return reasons[x.Reason].help }

// whats are the outcomes in the order of the page.
var whats = []struct{ what, title, tone string }{
	{relay.CountRequests, "Requests accepted", "green"},
	{relay.CountRefused, "Requests refused", "amber"},
	{relay.CountErrors, "Errors accepted", "green"},
	{relay.CountMetrics, "Metrics accepted", "green"},
	{relay.CountRejected, "Items not taken", "amber"},
	{relay.CountPage, "Dropped by the pages themselves", ""},
	{relay.CountDelivered, "Delivered", "green"},
	{relay.CountLost, "Lost after acceptance", "red"},
}

func sortOutcomes(counts map[[2]string]int64) []outcome {
	var list []outcome
	for _, w := range whats {
		var part []outcome
		for key, n := range counts {
			if key[0] != w.what {
				continue
			}
			o := outcome{Title: w.title, N: n, Help: reasons[key[1]].help}
			if key[1] != "" {
				o.Badge = webui.Badge{Label: reasonLabel(key[1]), Tone: w.tone}
			}
			part = append(part, o)
		}
		slices.SortFunc(part, func(a, b outcome) int {
			return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Badge.Label, b.Badge.Label))
		})
		list = append(list, part...)
	}
	return list
}
