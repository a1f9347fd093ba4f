package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// A map that arrives after the error corrects what was reported, once for each
// event, also when the service was restarted in between.
func TestLateMapsCorrectEvents(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.db")
	s := &testService{upstream: newFakeUpstream(t)}
	s.start(t, path, nil)
	send := func(message, release, file string) {
		t.Helper()
		code, body, _ := ask(s, "POST", door, fmt.Sprintf(`{"type":"E","message":%q,"stack":"E: m\n    at a (https://h/%s:1:1)","release":%q,"url":"https://h/page"}`, message, file, release))
		if code != 201 {
			t.Fatalf("%d %s", code, body)
		}
	}
	send("first", "1", "static/app.min.js")
	send("second", "1", "static/app.min.js")
	send("another release", "2", "static/app.min.js")
	send("another file", "1", "static/other.js")
	ids := map[any]bool{s.upstream.event("first")["event_id"]: true, s.upstream.event("second")["event_id"]: true}
	if why := fmt.Sprint(s.upstream.event("first")["extra"]); !strings.Contains(why, "not_mapped:") || !strings.Contains(why, "file:/static/app.min.js") {
		t.Errorf("the event does not say why: %s", why)
	}
	s.stop()
	s.start(t, path, nil)
	if code, v := s.upload(t, "POST", "/api/source-maps?project=shop&release=1&file_url=~/static/app.min.js", appMap); code != 201 {
		t.Fatalf("%d %v", code, v)
	}
	for _, message := range []string{"first", "second"} {
		eventually(t, "the correction of "+message, func() bool { return s.upstream.event(message)["replace"] == true })
		e := s.upstream.event(message)
		if !ids[e["event_id"]] || e["traceback"] != "E: m\n    at handleClick (src/app.ts:1:1)" || e["request_url"] != "https://h/page" || strings.Contains(fmt.Sprint(e["extra"]), "not_mapped") {
			t.Errorf("%s became %v", message, e)
		}
	}
	for _, message := range []string{"another release", "another file"} {
		if e := s.upstream.event(message); e["replace"] != nil || !strings.Contains(fmt.Sprint(e["extra"]), "not_mapped") {
			t.Errorf("%s became %v", message, e)
		}
	}
	if n, _ := s.upstream.counts(); n != 4 {
		t.Errorf("%d events, want 4", n)
	}
	// A map of another project is no business of theirs.
	if code, v := s.upload(t, "POST", "/api/source-maps?project=other&release=2&file_url=/static/app.min.js", appMap); code != 201 {
		t.Fatalf("%d %v", code, v)
	}
	// And for one that waits by its debug ID the file does not matter.
	const id = "6ba7b810-9dad-41d1-80b4-00c04fd430c8"
	batch := `{"v":1,"errors":[{"type":"E","message":"by id","stack":"E: m\n    at a (https://h/x.js:1:1)","debug_ids":{"https://h/x.js":"` + id + `"}}]}`
	if code, body, _ := ask(s, "POST", "/api/browser/batch?key="+shopKey, batch); code != 202 {
		t.Fatalf("%d %s", code, body)
	}
	eventually(t, "arrival", func() bool { return s.upstream.event("by id") != nil })
	if code, v := s.upload(t, "PUT", "/api/source-maps/"+id+"?project=shop", appMap); code != 201 {
		t.Fatalf("%d %v", code, v)
	}
	eventually(t, "the correction", func() bool { return s.upstream.event("by id")["replace"] == true })
	if e := s.upstream.event("another release"); e["replace"] != nil {
		t.Errorf("a map of another project corrected %v", e)
	}
}
