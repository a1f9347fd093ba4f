package httpapi

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
)

func TestTagsOfAnError(t *testing.T) {
	f := &fakeTracker{}
	if got, want := ask(t, f, "GET", "/api/errors/3/tags", nil), `{"tags":[],"other_tags":0,"complete":true}`; got.status != 200 || got.body != want {
		t.Errorf("no tags: %d %s, want %s", got.status, got.body, want)
	}
	f.tags = []tracker.TagShares{{Name: "plan", Events: 5, Values: []tracker.Share{{Value: "free", Count: 3}, {Value: "<b>", Count: 2}}}}
	f.partly = true
	want := `{"tags":[{"name":"plan","count":5,"values":[{"value":"free","count":3},{"value":"\u003cb\u003e","count":2}],"other_values":0,"other_count":0}],"other_tags":0,"complete":false}`
	if got := ask(t, f, "GET", "/api/errors/3/tags", nil); got.status != 200 || got.body != want {
		t.Errorf("a tag: %d %s, want %s", got.status, got.body, want)
	}
	f.tags = nil
	for n := range maxListedTags + 2 {
		one := tracker.TagShares{Name: fmt.Sprint("tag", n)}
		for v := range maxListedTagValues + 3 {
			one.Values = append(one.Values, tracker.Share{Value: fmt.Sprint(v), Count: 2})
		}
		f.tags = append(f.tags, one)
	}
	got := ask(t, f, "GET", "/api/errors/3/tags", nil)
	if n := strings.Count(got.body, `"name"`); n != maxListedTags || !strings.Contains(got.body, `"other_tags":2,`) {
		t.Errorf("%d tags are listed, want %d and that there are 2 more: %.300s", n, maxListedTags, got.body)
	}
	if n := strings.Count(got.body, `"value"`); n != maxListedTags*maxListedTagValues || !strings.Contains(got.body, `"other_values":3,"other_count":6}`) {
		t.Errorf("%d values are listed, want %d of each tag and that there are 3 more", n, maxListedTagValues)
	}
}

func TestWhereAMergedErrorWent(t *testing.T) {
	f := &fakeTracker{merged: map[int64]int64{44: 7}}
	for _, path := range []string{
		"GET /api/errors/44", "DELETE /api/errors/44", "GET /api/errors/44/tags", "GET /api/errors/44/groups", "GET /api/errors/44/occurrences",
		"GET /api/errors/44/occurrences/first",
	} {
		method, target, _ := strings.Cut(path, " ")
		got := ask(t, f, method, target, nil)
		if got.status != 404 || got.member(t, "detail") != "Error not found" || got.member(t, "merged_into") != 7.0 {
			t.Errorf("%s: %d %s, want 404 and merged_into 7", path, got.status, got.body)
		}
	}
	for _, path := range []string{"/api/errors/45", "/api/errors/x/tags", "/api/errors/3/occurrences/9"} {
		if got := ask(t, f, "GET", path, nil); got.status != 404 || strings.Contains(got.body, "merged_into") {
			t.Errorf("%s: %d %s, want 404 without merged_into", path, got.status, got.body)
		}
	}
	f.lost = errs.New(errs.Unavailable, "the service is stopping")
	if got := ask(t, f, "GET", "/api/errors/44", nil); got.status != 503 {
		t.Errorf("the store could not tell: %d %s, want 503", got.status, got.body)
	}
	f.lost = errors.New("canary")
	if got := ask(t, f, "GET", "/api/errors/44", nil); got.status != 500 || strings.Contains(got.body, "canary") {
		t.Errorf("the store failed: %d %s, want 500", got.status, got.body)
	}
}
