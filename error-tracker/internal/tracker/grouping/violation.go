package grouping

import (
	"encoding/json"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

// violationReport is the part of a report about a content security policy that
// tells one violation from another.
type violationReport struct {
	directive string // "script-src"
	blocked   string // host, scheme, or a word like "inline"
}

// policyViolation finds a report about a content security policy. It is an
// event with a context "csp" that has the members of the report, as browsers
// name them in either kind of report.
func policyViolation(e *event.Event) (violationReport, bool) {
	for _, c := range e.Contexts {
		if c.Name != "csp" && c.Name != "csp-report" && c.Name != "csp_report" {
			continue
		}
		var members map[string]any
		if json.Unmarshal(c.Data, &members) != nil {
			return violationReport{}, false
		}
		text := func(names ...string) string {
			for _, n := range names {
				if s, ok := members[n].(string); ok && s != "" {
					return s
				}
			}
			return ""
		}
		r := violationReport{
			directive: text("effective-directive", "effective_directive", "effectiveDirective", "violated-directive", "violated_directive", "violatedDirective"),
			blocked:   text("blocked-uri", "blocked_uri", "blockedURL", "blockedUri"),
		}
		r.directive, _, _ = strings.Cut(strings.TrimSpace(r.directive), " ")
		r.blocked = blockedHost(r.blocked)
		return r, r.directive != "" || r.blocked != ""
	}
	return violationReport{}, false
}

// blockedHost is the host of an address, its scheme where it has no host, and
// a word as it is.
func blockedHost(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	if scheme, rest, ok := strings.Cut(s, "://"); ok {
		end := len(rest)
		if i := strings.IndexAny(rest, "/?#"); i >= 0 {
			end = i
		}
		host := rest[strings.LastIndexByte(rest[:end], '@')+1 : end]
		if host == "" {
			return scheme
		}
		return host
	}
	if scheme, _, ok := strings.Cut(s, ":"); ok { // data:image/png;base64,…
		return scheme
	}
	return s
}

// violation makes the key of a report about a content security policy.
func (k *key) violation(r violationReport) {
	k.Title = "Content security policy"
	k.Message = k.event.Message.Text()
	if k.Message == "" {
		k.Message = "blocked " + r.directive + " from " + r.blocked
	}
	fine, coarse := newDigest(k.event.Project, "csp"), newDigest(k.event.Project, "similar")
	fine.add(r.directive)
	fine.add(r.blocked)
	coarse.add("csp")
	coarse.add(r.directive)
	k.because("directive", r.directive)
	k.because("blocked", r.blocked)
	k.Hash, k.Similar = fine.hash(), coarse.hash()
	k.finish()
}
