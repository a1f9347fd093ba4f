package webui

import (
	"slices"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/sourcelink"
	"github.com/monlight/monlight/shared/webui"
)

// eventOf prepares an event for the page; to says how its frames lead to the sources.
func (p *Pages) eventOf(o *tracker.Occurrence, to *sourcelink.Rules) *eventView {
	e := &o.Event
	v := &eventView{
		ID: o.ID, At: happened(e), Received: e.ReceivedAt,
		Stack: stackOf(e, to), Threads: threadsOf(e, to), Extra: webui.JSONTree(e.Extra), User: userOf(&e.User), Request: requestOf(&e.Request),
	}
	if v.Sources = sourcesOf(e.Extra); v.Sources != nil {
		v.Extra = withoutSources(v.Extra)
	}
	if !e.ID.IsZero() {
		v.EventID = e.ID.String()
	}
	v.Facts = factsOf(e)
	if v.EventID != "" {
		v.Facts = append(v.Facts, webui.Field{Name: "Event ID", Value: v.EventID})
	}
	if text := e.Message.Text(); text != "" && len(e.Exceptions) > 0 || e.Message.Params != nil {
		v.LogMessage = webui.Clip(text, maxTextBytes)
		if e.Message.Template != e.Message.Formatted {
			v.Template = webui.Clip(e.Message.Template, 4<<10)
		}
		v.Params = webui.JSONTree(e.Message.Params)
	}
	v.Raw = webui.Clip(strings.TrimRight(e.Traceback, "\n"), maxTextBytes)
	if v.Raw == "" {
		v.Raw, v.RawMade = webui.Clip(stackText(e), maxTextBytes), true
	}
	v.Crumbs, v.MoreCrumbs = crumbsOf(e.Breadcrumbs)
	if s := tracker.SessionID(e); s != "" {
		v.Session = webui.Line(s, 80)
		v.SessionURL = p.listURL(filter{State: "all", Session: s})
	}
	for i, t := range e.Tags {
		if i == maxTags {
			break
		}
		v.Tags = append(v.Tags, webui.Field{Name: webui.Line(t.Name, 80), Value: webui.Line(t.Value, 300)})
	}
	for _, c := range e.Contexts {
		if b := blockOf(c.Data); !b.Empty() {
			v.Contexts = append(v.Contexts, contextView{webui.Line(c.Name, 80), b})
		}
	}
	for i, m := range e.Modules {
		if i == 1000 {
			break
		}
		v.Modules = append(v.Modules, webui.Field{Name: webui.Line(m.Name, 100), Value: webui.Line(m.Value, 60)})
	}
	for _, m := range e.Marks {
		v.Marks = append(v.Marks, webui.Field{Name: webui.Line(m.Path, 240), Value: webui.Line(m.Note, 240)})
	}
	v.Report = reportOf(e)
	return v
}

func reportOf(e *event.Event) *reportView {
	if len(e.Fingerprint)+len(e.SDK.Integrations)+len(e.SDK.Packages)+len(e.DebugImages) == 0 {
		return nil
	}
	v := &reportView{Integrations: webui.Line(strings.Join(e.SDK.Integrations, ", "), 2000)}
	for _, part := range e.Fingerprint {
		v.Grouping = append(v.Grouping, webui.Line(part, 240))
	}
	for _, p := range e.SDK.Packages {
		v.Packages = append(v.Packages, webui.Field{Name: webui.Line(p.Name, 100), Value: webui.Line(p.Value, 60)})
	}
	for i, d := range e.DebugImages {
		if i == maxTags {
			break
		}
		v.Images = append(v.Images, webui.Field{Name: webui.Line(d.CodeFile, 240), Value: webui.Line(d.DebugID, 60)})
	}
	return v
}

func factsOf(e *event.Event) []webui.Field {
	sdk := strings.TrimSpace(e.SDK.Name + " " + e.SDK.Version)
	var out []webui.Field
	for _, f := range []webui.Field{
		{Name: "Level", Value: e.Level}, {Name: "Environment", Value: e.Environment}, {Name: "Release", Value: e.Release},
		{Name: "Distribution", Value: e.Dist}, {Name: "Transaction", Value: e.Transaction}, {Name: "Logger", Value: e.Logger},
		{Name: "Server", Value: e.ServerName}, {Name: "Platform", Value: e.Platform}, {Name: "SDK", Value: sdk},
	} {
		if f.Value != "" {
			f.Value = webui.Line(f.Value, 240)
			out = append(out, f)
		}
	}
	return out
}

// crumbsOf shows breadcrumbs newest first: the first ones, and the rest.
func crumbsOf(crumbs []event.Breadcrumb) (shown, more []crumb) {
	var all []crumb
	for i := len(crumbs) - 1; i >= 0 && len(all) < maxBreadcrumbs; i-- {
		c := &crumbs[i]
		v := crumb{At: c.At, Category: webui.Line(c.Category, 60), Level: webui.Line(c.Level, 12), Message: webui.Clip(c.Message, 2<<10), Data: webui.JSONTree(c.Data)}
		if v.Category == "" {
			v.Category = webui.Line(c.Type, 60)
		}
		v.Bad = slices.Contains([]string{"error", "fatal", "critical", "warning"}, strings.ToLower(c.Level))
		if !v.Bad {
			v.Level = ""
		}
		all = append(all, v)
	}
	if len(all) <= shownBreadcrumbs {
		return all, nil
	}
	return all[:shownBreadcrumbs], all[shownBreadcrumbs:]
}

func requestOf(r *event.Request) *requestView {
	v := &requestView{
		Method: webui.Line(r.Method, 20), URL: webui.Line(r.URL, 2000), Link: webui.WebURL(r.URL), Query: webui.Line(r.Query, 2000),
		Headers: blockOf(r.Headers), Cookies: blockOf(r.Cookies), Body: blockOf(r.Body), Env: blockOf(r.Env),
	}
	if v.Method == "" && v.URL == "" && v.Query == "" && v.Headers.Empty() && v.Cookies.Empty() && v.Body.Empty() && v.Env.Empty() {
		return nil
	}
	return v
}

func userOf(u *event.User) *userView {
	v := &userView{Data: webui.JSONTree(u.Data)}
	for _, f := range []webui.Field{{Name: "ID", Value: u.ID}, {Name: "Email", Value: u.Email}, {Name: "Username", Value: u.Username}, {Name: "IP address", Value: u.IP}} {
		if f.Value != "" {
			f.Value = webui.Line(f.Value, 240)
			v.Facts = append(v.Facts, f)
		}
	}
	if v.Facts == nil && v.Data == nil {
		return nil
	}
	return v
}
