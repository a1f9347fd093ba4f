package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Whatever a page sends to whichever door: the answer is a 2xx or a 4xx, and what is
// passed on is of the key's project and within what the services behind take.
func FuzzDoors(f *testing.F) {
	s := newService(f, map[string]string{"RATE_LIMIT": "1000000", "KEY_RATE_LIMIT": "1000000", "MAX_BODY_SIZE": "1MB"})
	paths := []string{"/api/browser/errors", "/api/browser/metrics", "/api/browser/batch", tunnelPath}
	for i, body := range []string{
		`{"type":"E","message":"m","stack":"E: m\n    at a (https://h/a.js:1:1)","release":"1","context":{"user_id":"u","environment":"e"},"timestamp":"2026-01-01T00:00:00Z"}`,
		`{"metrics":[{"name":"lcp","type":"histogram","value":1,"labels":{"project":"forged","session_id":"S","n":1},"timestamp":9e12}],"url":"https://h/p?x"}`,
		`{"v":1,"sdk":{"name":"n","version":"v"},"sent_at":1,"errors":[{"type":"E","causes":[{"type":"C","message":"c","stack":"f@https://h/a.js:1:2"}],"breadcrumbs":[{"t":1,"data":[1]}],"debug_ids":{"https://h/a.js":"6ba7b810-9dad-41d1-80b4-00c04fd430c8"},"count":3},7],"metrics":[{"name":"c","type":"counter","value":-1}],"dropped":{"queue":1}}`,
	} {
		f.Add(byte(i), []byte(body))
	}
	f.Add(byte(len(paths)-1), []byte(sentryEvent(dsnOf(s.upstream.URL, "7"), eventID(1))))
	f.Fuzz(func(t *testing.T, door byte, body []byte) {
		code, answer, _ := ask(s, http.MethodPost, paths[int(door)%len(paths)]+"?key="+shopKey, string(body))
		if code/100 != 2 && code/100 != 4 {
			t.Fatalf("%d %s", code, answer)
		}
		events, points := s.upstream.take()
		for _, e := range events {
			checkEvent(t, e)
		}
		for _, p := range points {
			checkPoint(t, p)
		}
	})
}

// take returns what came since the last time.
func (u *fakeUpstream) take() (events, points []map[string]any) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, e := range u.events {
		events = append(events, e)
	}
	points = u.points
	u.points = nil
	clear(u.events)
	return events, points
}

func checkEvent(t *testing.T, e map[string]any) {
	t.Helper()
	text, err := json.Marshal(e)
	id, _ := e["event_id"].(string)
	if err != nil || e["project"] != "shop" || e["request_method"] != "BROWSER" || len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "" {
		t.Errorf("event %.300s: %v", text, err)
	}
	for name, limit := range map[string]int{"exception_type": 300, "message": 20 << 10, "traceback": 60 << 10, "environment": 300, "release": 300, "user_id": 600} {
		if v, _ := e[name].(string); len(v) > limit {
			t.Errorf("%s has %d bytes", name, len(v))
		}
	}
}

func checkPoint(t *testing.T, p map[string]any) {
	t.Helper()
	labels, _ := p["labels"].(map[string]any)
	name, _ := p["name"].(string)
	at, err := time.Parse(time.RFC3339Nano, p["timestamp"].(string))
	if p["project"] != "shop" || labels["project"] != "shop" || labels["source"] != "browser" || labels["session_id"] != nil || len(labels) > 23 ||
		name == "" || strings.HasPrefix(name, "http_request") && (name == "http_requests_total" || name == "http_request_duration_seconds") ||
		err != nil || at.After(time.Now().Add(time.Second)) || at.Before(time.Now().Add(-25*time.Hour)) {
		t.Errorf("point %v: %v", p, err)
	}
}

// Text that grows when it is encoded still fits what the error tracker takes.
func TestReportsFitWhateverIsInThem(t *testing.T) {
	s := newService(t, map[string]string{"MAX_BODY_SIZE": "1MB"})
	for name, text := range map[string]string{"markup": "<", "quotes": `\"`, "controls": `\u0001`, "not UTF-8": "\xff", "wide": "\U0001F600"} {
		long := strings.Repeat(text, 16<<10)
		cause := `{"type":"` + long[:len(text)*100] + `","message":"` + long + `","stack":"` + long + `"}`
		if room := 900_000 / len(cause); room > 0 {
			cause += strings.Repeat(","+cause, min(9, room-1))
		}
		body := `{"type":"E","message":"` + name + long[:len(text)*8<<10] + `","stack":"","causes":[` + cause + `]}`
		if len(body) > 1<<20 {
			t.Fatalf("%s: the body has %d bytes", name, len(body))
		}
		if code, answer, _ := ask(s, http.MethodPost, door, body); code != 201 {
			t.Errorf("%s: %d %s", name, code, answer)
		}
	}
	s.upstream.mu.Lock()
	defer s.upstream.mu.Unlock()
	if s.upstream.largest == 0 || s.upstream.largest > 256<<10 {
		t.Errorf("the largest report has %d bytes", s.upstream.largest)
	}
}
