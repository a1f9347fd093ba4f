package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// A source map that comes after the errors: the tracker first says why there are no
// sources, then moves the events to the issue that they belong to, with their times
// and without counting them again.
func TestALateSourceMapRegroupsEvents(t *testing.T) {
	s := startStack(t)
	const upload = "/api/source-maps?project=e2e-test&release=%s&file_url=/static/app.min.js"
	const appMap = `{"version":3,"sources":["src/cart.ts"],"sourcesContent":["export function total() {\n  return price.amount;\n}"],"names":["total"],"mappings":"AACE,CAACA"}`
	send := func(release string) {
		t.Helper()
		// Each build has other names for the same function.
		event := fmt.Sprintf(`{"type":"TypeError","message":"price is undefined","release":%q,"stack":"TypeError: price is undefined\n    at f%s (https://shop.example/static/app.min.js:1:1)"}`, release, release)
		if r := s.relay.Do(s.fromPage("/api/browser/errors", event)); r.Status != 201 && r.Status != 200 {
			t.Fatalf("event: %d %s", r.Status, r.Body)
		}
	}
	type issue struct {
		ID      int64
		Count   int64
		Culprit string
	}
	list := func() (found []issue) {
		var answer struct{ Errors []issue }
		if err := s.tracker.Get("/api/errors?project=e2e-test").JSON(&answer); err != nil {
			t.Fatal(err)
		}
		return answer.Errors
	}
	if r := s.relay.Post(fmt.Sprintf(upload, "1"), appMap); r.Status != 201 {
		t.Fatalf("upload: %d %s", r.Status, r.Body)
	}
	send("1")
	for range 3 {
		send("2")
	}
	issues := list()
	if len(issues) != 2 || issues[0].Count != 3 || issues[1].Culprit != "src/cart.ts" {
		t.Fatalf("before the map: %+v", issues)
	}
	if r := s.tracker.Get(fmt.Sprintf("/api/errors/%d", issues[0].ID)); !strings.Contains(r.Body, `release \"2\" has no source maps`) {
		t.Errorf("the event does not say why it has no sources: %s", r.Body)
	}
	if r := s.relay.Post(fmt.Sprintf(upload, "2"), appMap); r.Status != 201 {
		t.Fatalf("upload: %d %s", r.Status, r.Body)
	}
	within(t, 30*time.Second, "the move of the events", func() bool { now := list(); return len(now) == 1 && now[0].Count == 4 })
	if n := s.events(t); n != 4 {
		t.Errorf("the tracker counts %d events, want 4", n)
	}
	r := s.tracker.Get(fmt.Sprintf("/api/errors/%d", list()[0].ID))
	if strings.Contains(r.Body, "has no source maps") || strings.Count(r.Body, `"release":"2"`) < 3 {
		t.Errorf("the issue after the move: %s", r.Body)
	}
}
