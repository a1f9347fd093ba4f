package sentry

import (
	"encoding/json"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/errs"
)

// Browsers report violations of a page's content security policy in two forms:
// {"csp-report": {…}} for report-uri, and [{"type": "csp-violation", "url": …,
// "body": {…}}, …] for report-to.

// decodeViolations reads a report in either form. Reports about other things in
// the second form are left out.
func decodeViolations(body []byte) ([]event.Event, error) {
	var one struct {
		Report map[string]any `json:"csp-report"`
	}
	if json.Unmarshal(body, &one) == nil && one.Report != nil {
		return []event.Event{violation(one.Report, "")}, nil
	}
	var many []struct {
		Type string         `json:"type"`
		URL  string         `json:"url"`
		Body map[string]any `json:"body"`
	}
	if err := json.Unmarshal(body, &many); err != nil {
		return nil, errs.Wrap(errs.Invalid, err, "the body is no report about a content security policy")
	}
	var all []event.Event
	for _, r := range many {
		if r.Type == "csp-violation" && r.Body != nil && len(all) < maxViolations {
			all = append(all, violation(r.Body, r.URL))
		}
	}
	return all, nil
}

func violation(report map[string]any, page string) event.Event {
	get := func(names ...string) string {
		for _, n := range names {
			if s, ok := report[n].(string); ok && s != "" {
				return s
			}
		}
		return ""
	}
	if page == "" {
		page = get("document-uri", "documentURL")
	}
	directive, _, _ := strings.Cut(get("effective-directive", "effectiveDirective", "violated-directive", "violatedDirective"), " ")
	blocked := get("blocked-uri", "blockedURL")
	e := event.Event{
		Platform: "javascript", Level: "error", Logger: "csp",
		Message: event.Message{Formatted: "Blocked " + orText(directive, "something") + " from " + orText(blocked, "somewhere")},
		Request: event.Request{URL: page},
	}
	if data, err := json.Marshal(report); err == nil {
		e.Contexts = []event.Context{{Name: "csp", Data: data}}
	}
	if ref := get("referrer"); ref != "" {
		if headers, err := json.Marshal(map[string]string{"Referer": ref}); err == nil {
			e.Request.Headers = headers
		}
	}
	for _, t := range []event.Tag{{Name: "effective-directive", Value: directive}, {Name: "blocked-uri", Value: blocked}} {
		if t.Value != "" {
			t.Value = cutText(t.Value, 200)
			e.Tags = append(e.Tags, t)
		}
	}
	return e
}

func orText(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func cutText(s string, n int) string {
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "")
	}
	return s
}
