package webui

import (
	"io"
	"net/http"
	"net/url"
	"testing"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
)

func TestRulesAreTriedAndSaved(t *testing.T) {
	f := withProject()
	f.preview = tracker.Preview{
		Events: 5, Moved: 3, Rules: []tracker.PreviewRule{{Line: 2, Source: "type:A -> <a>", Events: 3}},
		Flows: []tracker.PreviewFlow{
			{From: tracker.Issue{ID: 7, Type: "TimeoutError", Message: "after 5 s"}, To: tracker.Issue{Type: "NewThing"}, New: 1, Line: 2, Events: 3},
			{From: tracker.Issue{ID: 8, Type: "Other"}, To: tracker.Issue{ID: 8, Type: "Other"}, Events: 2},
		},
	}
	s := newSite(t, f)
	send := func(form url.Values, status int) string {
		t.Helper()
		res := s.do(http.MethodPost, "/projects/1/rules", form)
		text, _ := io.ReadAll(res.Body)
		if res.StatusCode != status {
			t.Errorf("%v: %d, want %d", form, res.StatusCode, status)
		}
		return string(text)
	}
	wants(t, s.get("/projects/1", 200), `href="/projects/1/rules"`)
	wants(t, s.get("/projects/1/rules", 200), `name="version" value="0"`)
	form := url.Values{"version": {"0"}, "action": {"preview"}, "rules": {"#\r\ntype:A -> <a>"}}
	page := send(form, 200)
	wants(t, page, "<b>3</b> would go elsewhere", "type:A -&gt; &lt;a&gt;", `href="/errors/7"`, "after 5 s", "New issue 1", "NewThing", "stays there", ">#\ntype:A -&gt; &lt;a&gt;</textarea>")
	if f.settings.Rules != "" {
		t.Errorf("trying saved %q", f.settings.Rules)
	}
	form.Set("rules", "type:A")
	wants(t, send(form, 422), "rules, line 1, column 7: ", ">type:A</textarea>")
	form.Set("action", "save")
	wants(t, send(form, 422), "rules, line 1, column 7: ")
	form.Set("rules", "type:A -> a")
	if to, page := s.post("/projects/1/rules", form); to != "/projects/1/rules" || f.settings.Rules != "type:A -> a" {
		t.Errorf("led to %q, rules %q", to, f.settings.Rules)
	} else {
		wants(t, page, "Saved", ">type:A -&gt; a</textarea>", `name="version" value="1"`)
	}
	form.Set("rules", "type:B -> b")
	wants(t, send(form, 409), "Somebody else saved settings", ">type:B -&gt; b</textarea>", `name="version" value="1"`)
	send(url.Values{"rules": {""}}, 400)
	f.preview = tracker.Preview{}
	wants(t, send(url.Values{"version": {"1"}, "action": {"preview"}}, 200), "nothing to try them on")
	s.get("/projects/99/rules", 404)
}
