package main

import (
	"strings"
	"testing"
)

// Unwanted visitors are let go politely, counted, and nothing of theirs goes on; without
// the settings they are visitors like others.
func TestUnwantedVisitorsAreDropped(t *testing.T) {
	requests := []struct{ path, body string }{
		{"/api/browser/errors?key=" + shopKey, `{"type":"E","message":"m","stack":""}`},
		{"/api/browser/metrics?key=" + shopKey, `{"metrics":[{"name":"a","type":"gauge","value":1}]}`},
		{"/api/browser/batch?key=" + shopKey, `{"v":1,"errors":[{"type":"E","message":"m"}]}`},
		{tunnelPath, ""},
	}
	visitors := map[string][]string{
		"bot":       {"User-Agent", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"},
		"opted_out": {"Sec-GPC", "1"},
		"dnt":       {"DNT", "1"},
	}
	s := newService(t, map[string]string{"DROP_BOTS": "true", "DROP_OPTED_OUT": "true"})
	requests[3].body = sentryEvent(dsnOf(s.upstream.URL, "7"), eventID(1))
	for name, header := range visitors {
		for _, r := range requests {
			code, answer, h := ask(s, "POST", r.path, r.body, append(header, "Origin", "http://localhost:3000")...)
			if code/100 != 2 || h.Get("Access-Control-Allow-Origin") == "" {
				t.Errorf("%s to %s: %d %s", name, r.path, code, answer)
			}
		}
		if code, _, _ := ask(s, "POST", "/api/browser/errors?key=wrong", "", header...); code != 401 {
			t.Errorf("%s with a wrong key: %d", name, code)
		}
	}
	if n := waiting(t, s); n != 0 || s.upstream.hits != 0 {
		t.Errorf("%d wait, %d went on", n, s.upstream.hits)
	}
	_, traffic, _ := ask(s, "GET", "/api/traffic", "", "X-API-Key", testKey)
	for _, want := range []string{`"reason":"bot"`, `"reason":"opted_out"`} {
		if !strings.Contains(traffic, want) {
			t.Errorf("%s is not counted: %s", want, traffic)
		}
	}

	open := newService(t, nil)
	requests[3].body = sentryEvent(dsnOf(open.upstream.URL, "7"), eventID(1))
	for name, header := range visitors {
		for _, r := range requests {
			if code, answer, _ := ask(open, "POST", r.path, r.body, header...); code/100 != 2 || strings.Contains(answer, "dropped") {
				t.Errorf("%s to %s without the settings: %d %s", name, r.path, code, answer)
			}
		}
	}
	if _, there := open.upstream.envelope(eventID(1)); !there {
		t.Error("nothing went on without the settings")
	}
}
