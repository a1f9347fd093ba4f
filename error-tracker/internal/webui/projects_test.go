package webui

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/origin"
)

func withProject() *fakeTracker {
	f := sample(3)
	f.projects = []tracker.Project{{ID: 1, Name: "shop", CreatedAt: noon, Issues: 2, Keys: []tracker.ProjectKey{
		{ID: 10, ProjectID: 1, Key: "0123456789abcdef0123456789abcdef", Label: "Default", Active: true, CreatedAt: noon, UsedAt: noon},
	}}}
	return f
}

func TestProjectsAreMadeAndShown(t *testing.T) {
	s := newSite(t, withProject())
	wants(t, s.get("/projects", 200), `href="/projects/1"`, ">shop<", `href="/?project=shop"`)
	to, page := s.post("/projects", url.Values{"name": {"billing"}})
	if to != "/projects/2" {
		t.Errorf("led to %q", to)
	}
	wants(t, page, "billing", "is ready")
	res := s.do(http.MethodPost, "/projects", url.Values{"name": {""}})
	if res.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("no name: %d", res.StatusCode)
	}
	s.get("/projects/99", 404)
	if to, _ := s.post("/projects/1/keys", url.Values{"label": {"ios"}}); to != "/projects/1" {
		t.Errorf("led to %q", to)
	}
	wants(t, s.get("/projects/1", 200), ">ios<", "http://0123456789abcdef0123456789abcdef@example.com/1", "sentry_sdk.init(", "SENTRY_DSN=")
}

func TestKeysAreChanged(t *testing.T) {
	f := withProject()
	s := newSite(t, f)
	key := &f.projects[0].Keys[0]
	s.post("/projects/1/keys/10", url.Values{"label": {" web "}, "origins": {"https://a.example/\r\nhttps://*.b.example"}, "rate": {"90"}})
	if key.Label != "web" || key.Rate != 90 || !key.Active || len(key.Origins) != 2 || !(key.Origins.Allows("https://x.b.example")) {
		t.Errorf("key %+v", key)
	}
	_, page := s.post("/projects/1/keys/10", url.Values{"action": {"disable"}})
	wants(t, page, "The key is off", "Switch on", "Undo")
	lacks(t, page, "sentry_sdk.init(")
	if key.Active || key.Label != "web" || key.Rate != 90 {
		t.Errorf("key %+v after it was switched off", key)
	}
	s.post("/projects/1/keys/10", url.Values{"label": {""}, "origins": {""}, "rate": {""}})
	if key.Rate != 0 || len(key.Origins) != 0 {
		t.Errorf("key %+v after all was emptied", key)
	}
	key.Origins = origin.List{}
	for name, bad := range map[string]url.Values{
		"rate": {"rate": {"many"}}, "a large rate": {"rate": {"99999999"}}, "origin": {"origins": {"https://a.example/path"}},
	} {
		if res := s.do(http.MethodPost, "/projects/1/keys/10", bad); res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
	if res := s.do(http.MethodPost, "/projects/1/keys/77", url.Values{}); res.StatusCode != http.StatusNotFound {
		t.Errorf("no such key: %d", res.StatusCode)
	}
}

func TestSettingsAreChanged(t *testing.T) {
	f := withProject()
	s := newSite(t, f)
	wants(t, s.get("/projects/1", 200), `href="/projects/1/settings"`)
	to, page := s.post("/projects/1/settings", url.Values{"version": {"0"}, "remove": {" customer_no \r\n\r\nplate"}, "keep": {"auth_method"}, "drop_ip": {"1"}})
	if r := f.settings.Scrub; to != "/projects/1/settings" || len(r.Remove) != 2 || r.Remove[0] != "customer_no" || len(r.Keep) != 1 || !r.DropIP || r.Off {
		t.Errorf("led to %q, rules %+v", to, r)
	}
	wants(t, page, "Saved", "customer_no\nplate", `name="drop_ip" value="1" checked`)
	res := s.do(http.MethodPost, "/projects/1/settings", url.Values{"version": {"1"}, "remove": {strings.Repeat("x", 101)}})
	if res.StatusCode != http.StatusUnprocessableEntity || len(f.settings.Scrub.Remove) != 2 {
		t.Errorf("a name that is too long: %d, rules %+v", res.StatusCode, f.settings.Scrub)
	}
	s.get("/projects/99/settings", 404)

	// Somebody who loaded the page before that change is told, and may insist.
	late := url.Values{"version": {"0"}, "remove": {"late"}}
	res = s.do(http.MethodPost, "/projects/1/settings", late)
	text, _ := io.ReadAll(res.Body)
	page = string(text)
	if res.StatusCode != http.StatusConflict || f.settings.Scrub.Remove[0] != "customer_no" {
		t.Errorf("a late change: %d, rules %+v", res.StatusCode, f.settings.Scrub)
	}
	wants(t, page, "Somebody else saved settings", ">late</textarea>", `name="version" value="1"`)
	late.Set("version", "1")
	if s.post("/projects/1/settings", late); f.settings.Scrub.Remove[0] != "late" || f.settings.Version != 2 {
		t.Errorf("insisting: %+v", f.settings)
	}
	if res := s.do(http.MethodPost, "/projects/1/settings", url.Values{}); res.StatusCode != http.StatusBadRequest {
		t.Errorf("without a version: %d", res.StatusCode)
	}
}

func TestFramesLeadToTheSources(t *testing.T) {
	f := sample(4)
	f.projects = withProject().projects
	s := newSite(t, f)
	save := func(template, mappings string) (page string, status int) {
		res := s.do(http.MethodPost, "/projects/1/settings", url.Values{"version": {itoa(f.settings.Version)}, "template": {template}, "mappings": {mappings}})
		b, _ := io.ReadAll(res.Body)
		return string(b), res.StatusCode
	}
	if page := s.get("/errors/4", 200); strings.Contains(page, "vscode:") {
		t.Error("a link without a template")
	}
	if _, status := save(" vscode://file/{path}:{line} ", ""); status != http.StatusSeeOther || f.settings.Editor.Template != "vscode://file/{path}:{line}" {
		t.Fatalf("%d, %+v", status, f.settings.Editor)
	}
	e := &f.events[4][len(f.events[4])-1].Event
	yes, no := true, false
	e.Release = "1.4.2"
	e.Exceptions = []event.Exception{{Type: "E", Frames: []event.Frame{
		{Function: "lib", Filename: "lib/x.py", AbsPath: "/usr/lib/x.py", Line: 1, InApp: &no},
		{Function: "up", Filename: "../../evil.py", Line: 2, InApp: &yes},
		{Function: "quote", Filename: `a"><b>.py`, Line: 3, InApp: &yes},
		{Function: "ship", Filename: "app/orders.py", AbsPath: "/srv/shop/app/orders.py", Line: 214, InApp: &yes},
	}}}
	page := s.get("/errors/4", 200)
	wants(t, page, `<a href="vscode://file/srv/shop/app/orders.py:214">app/orders.py:214</a>`, `<a href="vscode://file/a%22%3E%3Cb%3E.py:3">`)
	if n := strings.Count(page, "vscode:"); n != 2 {
		t.Errorf("%d links, want 2: none for libraries and for paths that lead upwards", n)
	}
	if _, status := save("https://git.example/shop/blob/{release}/{path}#L{line}", "/srv/shop/ =>\r\n"); status != http.StatusSeeOther {
		t.Fatal(status)
	}
	page = s.get("/errors/4", 200)
	wants(t, page, `<a href="https://git.example/shop/blob/1.4.2/app/orders.py#L214" rel="noopener noreferrer" target="_blank">app/orders.py:214</a>`)
	if n := strings.Count(page, "git.example"); n != 1 {
		t.Errorf("%d links, want the one that the mapping fits", n)
	}
	for template, mappings := range map[string]string{"javascript://x/{path}": "", "data:text/html,{path}": "", "https://git.example/": "", "vscode://file/{path}": "a -> b"} {
		page, status := save(template, mappings)
		if status != http.StatusUnprocessableEntity || !strings.HasPrefix(f.settings.Editor.Template, "https://git.example/shop") {
			t.Errorf("%s: %d, %+v", template, status, f.settings.Editor)
		}
		wants(t, page, "ditor: ", `name="template" value="`+template+`"`, strings.ReplaceAll(mappings, ">", "&gt;")+"</textarea>")
	}
}
