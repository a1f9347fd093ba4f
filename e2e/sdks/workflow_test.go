//go:build sdks

package sdks

import (
	"fmt"
	"net/url"
	"slices"
	"testing"

	"github.com/monlight/monlight/e2e/harness"
)

// A program that is deployed anew brings an issue back only when it is newer than
// what the issue was resolved in.
func TestReleasesBringIssuesBack(t *testing.T) {
	s := harness.Start(t, "error-tracker")
	w := newWire(t, s)
	const project = "releases"
	_, dsn := newProject(t, s, w, project, 0)
	type issue struct {
		ID         int64
		Type       string `json:"exception_type"`
		Count      int64
		Resolved   bool
		ResolvedIn *struct{ In, Release string } `json:"resolved_in"`
		LastSeen   string                        `json:"last_seen"`
		Release    string                        `json:"last_release"`
	}
	run := func(release string) issue {
		t.Helper()
		program("RELEASE="+release, python("new"), "python/shop.py", "plain")(t, dsn)
		var list struct{ Errors []issue }
		if err := s.Get("/api/errors?state=all&project=" + url.QueryEscape(project)).JSON(&list); err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(list.Errors, func(i issue) bool { return i.Type == "ValueError" })
		if i < 0 {
			t.Fatalf("no ValueError among %+v", list.Errors)
		}
		return list.Errors[i]
	}
	first := run("1.0.0")
	if res := s.Post(fmt.Sprintf("/api/errors/%d/resolve", first.ID), map[string]any{"in": "next"}); res.Status != 200 {
		t.Fatalf("resolve: %d %s", res.Status, res.Body)
	}
	for n, step := range []struct {
		release  string
		resolved bool
	}{{"1.0.0", true}, {"0.9.7", true}, {"1.1.0", false}} {
		got := run(step.release)
		if got.ID != first.ID || got.Resolved != step.resolved || got.Count != int64(n+2) || got.Release != step.release {
			t.Errorf("after an event of %s: %+v, want issue %d with %d events, resolved %v", step.release, got, first.ID, n+2, step.resolved)
		}
		if in := got.ResolvedIn; step.resolved && (in == nil || in.In != "next" || in.Release != "1.0.0") {
			t.Errorf("after an event of %s it is resolved in %+v, want next after 1.0.0", step.release, in)
		}
	}
	var done struct {
		Activity []struct{ Kind, Release string }
	}
	if err := s.Get(fmt.Sprintf("/api/errors/%d/activity", first.ID)).JSON(&done); err != nil || len(done.Activity) != 2 ||
		done.Activity[0].Kind != "regressed" || done.Activity[0].Release != "1.1.0" || done.Activity[1].Kind != "resolved" {
		t.Errorf("activity %+v, %v, want resolved, then regressed in 1.1.0", done, err)
	}
}
