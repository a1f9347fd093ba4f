package httpapi

import (
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
)

func TestDeploys(t *testing.T) {
	f := &fakeTracker{}
	body := `{"project":"shop","release":"1.4.2","environment":"prod","time":"2026-07-27T09:00:00Z","name":"run 7","url":"https://ci.example.com/7"}`
	want := `{"id":1,"project":"shop","release":"1.4.2","environment":"prod","time":"2026-07-27T09:00:00Z","name":"run 7","url":"https://ci.example.com/7","release_id":0}`
	if got := ask(t, f, "POST", "/api/deploys", strings.NewReader(body)); got.status != 201 || got.body != want {
		t.Errorf("%d %s\nwant %s", got.status, got.body, want)
	}
	if got := ask(t, f, "POST", "/api/deploys", strings.NewReader(body)); got.status != 200 {
		t.Errorf("told again: %d %s", got.status, got.body)
	}
	if got := ask(t, f, "GET", "/api/deploys?project=shop&since=24h", nil); got.status != 200 || !strings.HasPrefix(got.body, `{"deploys":[{"id":0,"project":"shop"`) {
		t.Errorf("%d %s", got.status, got.body)
	}
	// What metrics are shown with: a stretch of time, with the releases that are new.
	got := ask(t, f, "GET", "/api/deploys?include=releases&since=2026-07-27T08:00:00Z&until=2026-07-27T10:00:00Z", nil)
	if at := f.marked; got.status != 200 || !strings.HasPrefix(got.body, `{"deploys":[{"id":0,"project":"shop","release":"1.4.3","environment":"","time":"2026-07-27T08:00:00Z","name":"","url":"","release_id":9},{`) ||
		at.To.Sub(at.From) != 2*time.Hour {
		t.Errorf("with releases, of %v: %d %s", f.marked, got.status, got.body)
	}
	for query, want := range map[string]string{
		"since=soon": `since = "soon", want a time such as 2026-01-31T08:00:00Z or an age such as 24h or 7d`,
		"until=soon": `until = "soon", want a time such as 2026-01-31T08:00:00Z or an age such as 24h or 7d`,
		"include=x":  `include = "x", want releases`,
	} {
		if got := ask(t, f, "GET", "/api/deploys?"+query, nil); got.status != 400 || got.member(t, "detail") != want {
			t.Errorf("%s: %d %s, want %q", query, got.status, got.body, want)
		}
	}
	for body, want := range map[string]string{
		`{"release":"1"}`:    "project is empty, want 1 to 100 bytes",
		`{"project":"shop"}`: "release is empty, want 1 to 200 bytes",
		`{"project":"shop","release":"` + strings.Repeat("x", 201) + `"}`: "release has 201 bytes, the limit is 200",
		`{"project":"shop","release":"1","url":"javascript:x"}`:           `url = "javascript:x", want an address that begins with https:// or http://`,
		`{"project":"shop","release":"1","time":"now"}`:                   `time = "now", want a time such as 2026-01-31T08:00:00Z`,
		`{"project":"shop","release":7}`:                                  "release must be a string",
		`{"project":"shop","version":"7"}`:                                `unknown field: "version"`,
		`[]`:                                                              "Request body must be a JSON object",
	} {
		if got := ask(t, &fakeTracker{}, "POST", "/api/deploys", strings.NewReader(body)); got.status != 400 || got.member(t, "detail") != want {
			t.Errorf("%.80s: %d %s, want %s", body, got.status, got.body, want)
		}
	}
}

func TestReleases(t *testing.T) {
	f := &fakeTracker{project: tracker.Project{ID: 1}, releases: []tracker.Release{
		{ID: 8, Name: "2.0", Seen: time.Unix(1e9, 0), Events: 5, Issues: 2, New: 1, Sessions: tracker.Sessions{Total: 4, Crashed: 1}, Adoption: 0.5},
		{ID: 7, Name: "1.0", Seen: time.Unix(9e8, 0), LastEvent: time.Unix(1e9, 0), Regressed: 1, Adoption: -1},
	}}
	got := ask(t, f, "GET", "/api/projects/1/releases", nil)
	want := `{"releases":[{"id":8,"release":"2.0","first_seen":"2001-09-09T01:46:40Z","last_event":null,"events":5,"errors":2,"new_errors":1,"regressed_errors":0,` +
		`"sessions":4,"crashed_sessions":1,"crash_free":0.75,"adoption":0.5,"deploys":[]},` +
		`{"id":7,"release":"1.0","first_seen":"1998-07-09T16:00:00Z","last_event":"2001-09-09T01:46:40Z","events":0,"errors":0,"new_errors":0,"regressed_errors":1,` +
		`"sessions":0,"crashed_sessions":0,"crash_free":null,"adoption":null,"deploys":[]}]}`
	if got.status != 200 || got.body != want {
		t.Errorf("%d %s\nwant %s", got.status, got.body, want)
	}
}
