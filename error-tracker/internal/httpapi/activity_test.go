package httpapi

import (
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
)

func TestActivity(t *testing.T) {
	at := time.Date(2026, 7, 27, 10, 0, 0, 0, time.UTC)
	f := &fakeTracker{done: []tracker.Activity{
		{ID: 12, At: at, Kind: tracker.ActComment, Author: "Ann", Text: "a <b>"},
		{ID: 11, At: at, Kind: tracker.ActComment, Text: "b"},
		{ID: 10, At: at, Kind: tracker.ActAssigned},
		{ID: 9, At: at, Kind: tracker.ActRegressed, Release: "1.1"},
		{ID: 8, At: at, Kind: tracker.ActResolved, Fix: tracker.Fix{In: tracker.FixNext, Release: "1.0"}},
		{ID: 7, At: at, Kind: tracker.ActResolved},
		{ID: 6, At: at, Kind: tracker.ActMuteEnded, Mute: tracker.Mute{Environment: "dev"}},
		{ID: 5, At: at, Kind: tracker.ActMuted, Mute: tracker.Mute{Environment: "dev", Events: 9}},
		{ID: 4, At: at, Kind: tracker.ActUnmuted},
		{ID: 3, At: at, Kind: tracker.ActMerged, Other: 77},
	}}
	const same = `,"at":"2026-07-27T10:00:00Z","kind":`
	want := []string{
		`{"id":12` + same + `"comment","author":"Ann","text":"a \u003cb\u003e"}`,
		`{"id":11` + same + `"comment","author":null,"text":"b"}`,
		`{"id":10` + same + `"assigned","assignee":null}`,
		`{"id":9` + same + `"regressed","release":"1.1"}`,
		`{"id":8` + same + `"resolved","resolved_in":{"in":"next","release":"1.0"}}`,
		`{"id":7` + same + `"resolved"}`,
		`{"id":6` + same + `"mute_ended","environment":"dev"}`,
		`{"id":5` + same + `"muted","mute":{"environment":"dev","until":null,"events":9,"users":0}}`,
		`{"id":4` + same + `"unmuted","environment":null}`,
		`{"id":3` + same + `"merged","error_id":77}`,
	}
	got := ask(t, f, "GET", "/api/errors/3/activity", nil)
	if all := `{"activity":[` + strings.Join(want, ",") + `]}`; got.status != 200 || got.body != all {
		t.Errorf("%d %s\nwant %s", got.status, got.body, all)
	}
	var pages []string
	for path := "/api/errors/3/activity?limit=4"; path != ""; {
		got := ask(t, f, "GET", path, nil)
		_, rest, _ := strings.Cut(got.body, `{"activity":[`)
		list, _, _ := strings.Cut(rest, "]")
		pages = append(pages, list)
		path = ""
		if strings.Contains(got.body, "next_cursor") {
			path = "/api/errors/3/activity?limit=4&cursor=" + got.member(t, "next_cursor").(string)
		}
	}
	if got, want := strings.Join(pages, ","), strings.Join(want, ","); got != want || len(pages) != 3 {
		t.Errorf("%d pages %s\nwant %s", len(pages), got, want)
	}
	if got := ask(t, f, "GET", "/api/errors/3/activity?cursor=x", nil); got.status != 400 {
		t.Errorf("bad cursor: %d %s", got.status, got.body)
	}
	if got := ask(t, f, "GET", "/api/errors/10/activity", nil); got.status != 404 || got.member(t, "detail") != "Error not found" {
		t.Errorf("unknown issue: %d %s", got.status, got.body)
	}
}

func TestComments(t *testing.T) {
	f := &fakeTracker{}
	got := ask(t, f, "POST", "/api/errors/3/comments", strings.NewReader(`{"author":"Ann","text":"seen in the lab"}`))
	if got.status != 201 || f.target != 3 || f.text != "Ann: seen in the lab" || got.member(t, "kind") != "comment" || got.member(t, "id") != 5.0 {
		t.Errorf("%d %s, %q on %d", got.status, got.body, f.text, f.target)
	}
	got = ask(t, f, "DELETE", "/api/errors/3/comments/5", nil)
	if got.status != 200 || got.body != `{"status":"deleted","id":5}` || f.called != "delete comment" || f.target != 3 {
		t.Errorf("%d %s, called %q", got.status, got.body, f.called)
	}
	if got := ask(t, f, "DELETE", "/api/errors/3/comments/6", nil); got.status != 404 || got.member(t, "detail") != "Comment not found" {
		t.Errorf("unknown comment: %d %s", got.status, got.body)
	}
	for body, want := range map[string]string{
		`{"text":5}`: "text must be a string", `{"txt":"a"}`: `unknown field: "txt"`, `[]`: "Request body must be a JSON object",
	} {
		f := &fakeTracker{}
		if got := ask(t, f, "POST", "/api/errors/3/comments", strings.NewReader(body)); got.status != 400 || got.member(t, "detail") != want || f.called != "" {
			t.Errorf("%s: %d %s, want %s", body, got.status, got.body, want)
		}
	}
}
