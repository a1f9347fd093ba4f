package webui

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
)

// refused sends a form and returns the answer, which is no other page.
func refused(s *site, target string, form url.Values) (status int, body string) {
	s.t.Helper()
	res := s.do(http.MethodPost, target, form)
	b, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(b)
}

func TestResolveInARelease(t *testing.T) {
	f := sample(8)
	s := newSite(t, f)
	wants(t, s.get("/errors/8", 200), "Resolve in", "The next release", "The newest that it was seen in")
	for fix, form := range map[tracker.Fix]url.Values{
		{In: tracker.FixNext}:                   {"in": {"next"}},
		{In: tracker.FixThis}:                   {"in": {"this"}},
		{In: tracker.FixThis, Release: "2.0.0"}: {"in": {"this"}, "release": {" 2.0.0 "}},
	} {
		if s.post("/errors/8/resolve", form); f.fix != fix {
			t.Errorf("%v asked for %+v, want %+v", form, f.fix, fix)
		}
	}
	f.find(8).Fix = tracker.Fix{In: tracker.FixNext, Release: "shop@4.12.1"}
	wants(t, s.get("/errors/8", 200), "Resolved in the release after shop@4.12.1", "newer than shop@4.12.1 brings it back")
	_, page := s.post("/issues", url.Values{"id": {"7", "6"}, "action": {"resolve-next"}})
	wants(t, page, "2 issues resolved in the next release.")
	if f.fix != (tracker.Fix{In: tracker.FixNext}) {
		t.Errorf("in bulk it asked for %+v", f.fix)
	}
	f.find(8).LastRelease = ""
	lacks(t, s.get("/errors/8", 200), "Resolve in")
}

func TestMuteForms(t *testing.T) {
	f := sample(8)
	s := newSite(t, f)
	wants(t, s.get("/errors/8", 200), `<option value="staging">`, `name="until" value="events"`)
	for m, form := range map[tracker.Mute]url.Values{
		{Events: 100}:                      {"until": {"events"}, "count": {"100"}},
		{Users: 5, Environment: "staging"}: {"until": {"users"}, "count": {" 5 "}, "environment": {"staging"}},
		{Environment: "dev"}:               {"for": {"forever"}, "environment": {"dev"}, "count": {"100"}},
		{Until: noon.AddDate(0, 0, 7)}:     {"for": {"1w"}, "count": {"100"}},
	} {
		if s.post("/errors/8/mute", form); f.muted != m {
			t.Errorf("%v asked for %+v, want %+v", form, f.muted, m)
		}
	}
	for _, form := range []url.Values{{"until": {"events"}}, {"until": {"events"}, "count": {"0"}}, {"until": {"moons"}, "count": {"1"}}, {"until": {"users"}, "count": {"x"}}} {
		f.muted = tracker.Mute{}
		if status, _ := refused(s, "/errors/8/mute", form); status != 400 || f.muted != (tracker.Mute{}) {
			t.Errorf("%v: %d, want 400", form, status)
		}
	}
	i := f.find(8)
	i.MutedUntil = time.Time{}
	i.Muted, i.MutedEvents, i.MutedUsers = true, 99, 1
	i.MutedIn = []tracker.Mute{{Environment: "staging", Events: 7}, {Environment: "dev"}}
	page := s.get("/errors/8", 200)
	wants(t, page, "Muted everywhere until 99 more events or 1 more user", "Muted in staging until 7 more events", "Muted in dev<", `name="environment" value="staging"`)
	if s.post("/errors/8/unmute", url.Values{"environment": {"staging"}}); f.unmuted != "staging" {
		t.Errorf("ended the mute in %q", f.unmuted)
	}
}

func TestCommentsAndActivity(t *testing.T) {
	f := sample(8)
	s := newSite(t, f)
	wants(t, s.get("/errors/8", 200), "Nothing was done about it yet.")
	_, page := s.post("/errors/8/comment", url.Values{"author": {`Ann "<i>"`}, "text": {"<script>alert(1)</script>\nsecond line"}})
	wants(t, page, "Comment added.", "Ann &#34;&lt;i&gt;&#34;", "&lt;script&gt;alert(1)&lt;/script&gt;\nsecond line", `name="author" maxlength="100" value="Ann &#34;&lt;i&gt;&#34;"`)
	lacks(t, page, "<script>alert", "Nothing was done")
	if status, _ := refused(s, "/errors/8/uncomment", url.Values{"comment": {"x"}}); status != 400 {
		t.Errorf("a comment without a number: %d", status)
	}
	if status, _ := refused(s, "/errors/8/uncomment", url.Values{"comment": {"99"}}); status != 404 {
		t.Errorf("an unknown comment: %d", status)
	}
	_, page = s.post("/errors/8/uncomment", url.Values{"comment": {"1"}})
	wants(t, page, "Comment deleted.", "Nothing was done")

	_, page = s.post("/errors/8/assign", url.Values{"assignee": {"<b>bob</b>"}})
	wants(t, page, "1 issue assigned to &lt;b&gt;bob&lt;/b&gt;.", `value="&lt;b&gt;bob&lt;/b&gt;"`)
	_, page = s.post("/errors/8/assign", url.Values{"assignee": {" "}})
	wants(t, page, "1 issue assigned to nobody.")

	f.done = []tracker.Activity{
		{Kind: tracker.ActSplitFrom, Other: 3}, {Kind: tracker.ActSplit, Other: 4}, {Kind: tracker.ActMerged, Other: 77},
		{Kind: tracker.ActAssigned, Text: "bob"}, {Kind: tracker.ActAssigned},
		{Kind: tracker.ActMuteEnded, Mute: tracker.Mute{Environment: "dev"}}, {Kind: tracker.ActUnmuted}, {Kind: tracker.ActMuted, Mute: tracker.Mute{Environment: "dev", Users: 3, Events: 2}},
		{Kind: tracker.ActRegressed, Release: "1.1"}, {Kind: tracker.ActUnresolved}, {Kind: tracker.ActAutoResolved},
		{Kind: tracker.ActResolved, Fix: tracker.Fix{In: tracker.FixThis, Release: "1.0"}}, {Kind: tracker.ActComment, Text: "hm"},
	}
	page = s.get("/errors/8", 200)
	wants(t, page, `Split off from</span> <a href="/errors/3">#3</a>`, `Split off:</span> <a href="/errors/4">#4</a>`, "Issue #77 became part of this one",
		"Assigned to bob", "Assigned to nobody", "Mute ended in dev: its number was reached", ">Unmuted<", "Muted in dev until 2 more events or 3 more users",
		"Came back in 1.1", "Unresolved again", "Resolved by itself", "Resolved in 1.0", "Somebody")
	lacks(t, page, "Show all")

	f.done = nil
	for range shownActivity + 5 {
		f.done = append(f.done, tracker.Activity{Kind: tracker.ActUnresolved})
	}
	page = s.get("/errors/8", 200)
	wants(t, page, `href="/errors/8?activity=all#activity"`)
	if n := strings.Count(page, "Unresolved again"); n != shownActivity {
		t.Errorf("%d entries are shown, want %d", n, shownActivity)
	}
	if n := strings.Count(s.get("/errors/8?activity=all", 200), "Unresolved again"); n != shownActivity+5 {
		t.Errorf("%d of all entries are shown, want %d", n, shownActivity+5)
	}
}

func TestAutoResolveSetting(t *testing.T) {
	f := sample(1)
	f.projects = []tracker.Project{{ID: 1, Name: "shop"}}
	s := newSite(t, f)
	form := func(days string) url.Values {
		return url.Values{"version": {itoa(f.settings.Version)}, "auto_resolve": {days}}
	}
	for days, want := range map[string]int{"14": 14, " 30 ": 30, "": 0} {
		if _, page := s.post("/projects/1/settings", form(days)); f.settings.AutoResolve != want || !strings.Contains(page, "Saved.") {
			t.Errorf("%q: saved %d, want %d", days, f.settings.AutoResolve, want)
		}
	}
	s.post("/projects/1/settings", form("14"))
	for days, want := range map[string]string{"soon": "auto_resolve = &#34;soon&#34;, want a whole number of days", "3651": "auto_resolve_days is 3651, want 0 to 3650"} {
		if status, page := refused(s, "/projects/1/settings", form(days)); status != 422 || !strings.Contains(page, want) || !strings.Contains(page, `maxlength="4" value="`+days+`"`) || f.settings.AutoResolve != 14 {
			t.Errorf("%q: %d, saved %d, want %q", days, status, f.settings.AutoResolve, want)
		}
	}
	wants(t, s.get("/projects/1/settings", 200), `name="auto_resolve" inputmode="numeric" pattern="[0-9]*" maxlength="4" value="14"`)
}
