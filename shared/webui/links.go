package webui

import (
	"net/url"
	"strings"
	"time"
)

// Window is the stretch of time that a page shows, for the ways from one service
// to another: a span before now, or both ends. The zero Window is none.
type Window struct {
	Span     string // "24h", as a reader wrote it
	From, To time.Time
}

// Around is the Window from before t to after it.
func Around(t time.Time, before, after time.Duration) Window {
	return Window{From: t.Add(-before), To: t.Add(after)}
}

// IsZero tells whether w is none.
func (w Window) IsZero() bool { return w.Span == "" && w.From.IsZero() }

// params are the names that a service has for the ends of a stretch of time: the
// first members are an absolute one, the last is a span. The list of issues has
// no end: it shows what they are now.
var params = map[string]struct{ from, to, span string }{
	"error-tracker":     {"time", "", "time"},
	"log-viewer":        {"since", "until", "time"},
	"metrics-collector": {"from", "to", "period"},
}

// query adds w to v as the service names it.
func (w Window) query(service string, v url.Values) {
	names, ok := params[service]
	switch {
	case !ok || w.IsZero():
	case !w.From.IsZero():
		v.Set(names.from, ISO(w.From))
		if names.to != "" && !w.To.IsZero() {
			v.Set(names.to, ISO(w.To))
		}
	default:
		if _, err := ParseSpan(w.Span); err == nil {
			v.Set(names.span, w.Span)
		}
	}
}

// Link is the address of a page of another service for a stretch of time, with
// further parameters in pairs, those without a value left out. It is "" when the
// service is not installed.
func (u *UI) Link(service, path string, w Window, pairs ...string) string {
	for _, s := range u.opts.Services {
		if s.Name != service || s.URL == "" {
			continue
		}
		v := url.Values{}
		w.query(service, v)
		for i := 0; i+1 < len(pairs); i += 2 {
			if pairs[i+1] != "" {
				v.Set(pairs[i], pairs[i+1])
			}
		}
		address := strings.TrimRight(s.URL, "/") + path
		if len(v) == 0 {
			return address
		}
		return address + "?" + v.Encode()
	}
	return ""
}
