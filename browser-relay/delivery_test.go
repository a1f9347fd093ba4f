package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func event(message string) string {
	return fmt.Sprintf(`{"type":"E","message":%q,"stack":"E: x\n    at f (http://h/a.js:1:2)"}`, message)
}

func batchOf(from, n int) string {
	var errors, metrics []string
	for i := range n {
		errors = append(errors, fmt.Sprintf(`{"event_id":"%032x","type":"E","message":"m%d","stack":""}`, from+i+1, from+i))
		metrics = append(metrics, fmt.Sprintf(`{"name":"n","type":"counter","value":1,"labels":{"i":"%d"}}`, (from+i)%100))
	}
	return fmt.Sprintf(`{"v":1,"sdk":{"name":"@monlight/browser","version":"1.0.0"},"session_id":"s","page_view":"pv%d","page":"/r","errors":[%s],"metrics":[%s]}`,
		from, strings.Join(errors, ","), strings.Join(metrics, ","))
}

const batchDoor = "/api/browser/batch?key=" + shopKey

func TestBatchIsTakenInParts(t *testing.T) {
	s := newService(t, nil)
	sent := time.Now().Add(-10 * time.Minute).UTC() // its clock is ten minutes late
	status, body, _ := ask(s, "POST", batchDoor, `{"v":1,"sdk":{"name":"@monlight/browser","version":"1.2.3"},"sent_at":"`+sent.Format(time.RFC3339Nano)+`",
		"session_id":"S","page_view":"PV","page":"/orders/:id","release":"1.0.0","environment":"staging","user_id":"u1","future":{"x":[1]},
		"errors":[{"event_id":"0123456789abcdef0123456789abcdef","type":"TypeError","message":"one","stack":"TypeError: one\n    at f (http://h/a.js:1:2)","url":"https://shop.example/orders/7",
			"timestamp":"`+sent.Add(-time.Second).Format(time.RFC3339Nano)+`","handled":false,"mechanism":"onerror","count":4,"context":{"k":"v"},
			"causes":[{"type":"Inner","message":"why","stack":""}],"breadcrumbs":[{"t":1764000000000,"category":"ui.click","message":"button","level":"info","data":{"x":1}}],
			"debug_ids":{"http://h/a.js":"6ba7b810-9dad-11d1-80b4-00c04fd430c8"}}, 7, {"stack":""}],
		"metrics":[{"name":"web_vitals_lcp","type":"histogram","value":1200},{"name":"bad","type":"gauge"},{"name":"x","type":"gauge","value":"1"}],
		"dropped":{"queue_full":3,"<script>":2}}`, "Content-Type", "text/plain;charset=UTF-8", "Origin", "http://localhost:3000", "User-Agent", "Browser/1")
	var receipt struct {
		Status          string
		Errors, Metrics int
		Rejected        []struct {
			Item   string
			Index  int
			Detail string
		}
	}
	if err := json.Unmarshal([]byte(body), &receipt); err != nil || status != 202 || receipt.Status != "accepted" || receipt.Errors != 1 || receipt.Metrics != 1 || len(receipt.Rejected) != 4 {
		t.Fatalf("%d %s", status, body)
	}
	eventually(t, "delivery", func() bool { e, p := s.upstream.counts(); return e == 1 && p == 1 })
	e := s.upstream.event("one")
	if e["event_id"] != "0123456789abcdef0123456789abcdef" || e["environment"] != "staging" || e["user_id"] != "u1" || e["release"] != "1.0.0" || e["transaction"] != "/orders/:id" {
		t.Errorf("%v", e)
	}
	at, err := time.Parse(time.RFC3339Nano, e["timestamp"].(string))
	if off := time.Since(at); err != nil || off < 0 || off > time.Minute {
		t.Errorf("happened at %v: the clock was not corrected", e["timestamp"])
	}
	extra := e["extra"].(map[string]any)
	if extra["user_agent"] != "Browser/1" || extra["session_id"] != "S" || extra["suppressed_repeats"] != 4.0 {
		t.Errorf("%v", extra)
	}
	crumbs, _ := e["breadcrumbs"].([]any)
	if len(crumbs) != 1 || crumbs[0].(map[string]any)["category"] != "ui.click" {
		t.Errorf("breadcrumbs: %v", e["breadcrumbs"])
	}
	if labels := s.upstream.points[0]["labels"].(map[string]any); labels["page"] != "/orders/:id" || labels["source"] != "browser" {
		t.Errorf("%v", labels)
	}
	_, traffic, _ := ask(s, "GET", "/api/traffic", "", "X-API-Key", testKey)
	for _, want := range []string{`"sdk":"@monlight/browser/1.2.3","what":"page","reason":"queue_full","count":3`, `"what":"page","reason":"other","count":2`, `"what":"rejected","reason":"invalid","count":4`} {
		if !strings.Contains(traffic, want) {
			t.Errorf("traffic has not %s: %s", want, traffic)
		}
	}
}

// A page that got no answer sends again: nothing counts twice, also when it
// says another time of sending.
func TestRepeatedBatchCountsOnce(t *testing.T) {
	s := newService(t, nil)
	for range 3 {
		if status, body, _ := ask(s, "POST", batchDoor, batchOf(0, 5)); status != 202 {
			t.Fatalf("%d %s", status, body)
		}
	}
	if status, _, _ := ask(s, "POST", batchDoor, strings.Replace(batchOf(0, 5), `"v":1`, `"v":1,"sent_at":"2026-01-01T00:00:00Z"`, 1)); status != 202 {
		t.Fatal(status)
	}
	if status, _, _ := ask(s, "POST", batchDoor, batchOf(5, 5)); status != 202 {
		t.Fatal(status)
	}
	eventually(t, "delivery", func() bool { e, p := s.upstream.counts(); return e == 10 && p >= 10 })
	time.Sleep(20 * time.Millisecond) // for what should not come
	if e, p := s.upstream.counts(); e != 10 || p != 10 {
		t.Errorf("%d events and %d points, want 10 and 10", e, p)
	}
}

// The services behind in every bad mood: what was accepted arrives, once, when
// they are well again, and what was refused was said so.
func TestBadUpstreams(t *testing.T) {
	hang := func(_ http.ResponseWriter, r *http.Request) bool {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		return true
	}
	slowly := func(w http.ResponseWriter, r *http.Request) bool {
		for range 100 {
			if _, err := w.Write([]byte(" ")); err != nil {
				return true
			}
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
				return true
			case <-time.After(time.Second):
			}
		}
		return true
	}
	huge := func(w http.ResponseWriter, r *http.Request) bool {
		chunk := []byte(strings.Repeat(" ", 1<<20))
		for range 1024 {
			if _, err := w.Write(chunk); err != nil {
				return true
			}
		}
		return true
	}
	text := func(w http.ResponseWriter, _ *http.Request) bool {
		_, _ = io.WriteString(w, "<html>welcome to the proxy</html>")
		return true
	}
	reset := func(w http.ResponseWriter, _ *http.Request) bool {
		if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = c.Close()
		}
		return true
	}
	tests := map[string]struct {
		mood   func(w http.ResponseWriter, r *http.Request) bool
		status int // of a single event; 202: it is kept
	}{
		"resets":                  {reset, 202},
		"hangs":                   {hang, 202},
		"answers a byte a second": {slowly, 202},
		"answers without end":     {huge, 202},
		"answers something else":  {text, 202},
		"500":                     {answerWith(500), 202},
		"502":                     {answerWith(502), 202},
		"503 with Retry-After":    {answerWith(503, "Retry-After", "1"), 202},
		"429 with Retry-After":    {answerWith(429, "Retry-After", "1"), 202},
		"redirects":               {answerWith(302, "Location", "/elsewhere"), 502},
		"400":                     {answerWith(400), 502},
		"401":                     {answerWith(401), 502},
		"422 and a detail":        {answerWith(422), 502},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, nil)
			s.upstream.behave(test.mood)
			begin := time.Now()
			code, body, _ := ask(s, "POST", door, event("x"))
			took := time.Since(begin)
			if code != test.status || took > 4*time.Second {
				t.Errorf("%d %s after %s, want %d", code, body, took, test.status)
			}
			if code == 502 && detail(t, body) != "Upstream error" {
				t.Errorf("%s", body)
			}
			// The next page does not wait for one that is known to be down.
			begin = time.Now()
			batch, body, _ := ask(s, "POST", batchDoor, batchOf(0, 3))
			if batch != 202 || time.Since(begin) > time.Second {
				t.Errorf("batch: %d %s after %s", batch, body, time.Since(begin))
			}
			if strings.HasPrefix(name, "4") && name != "401" && name != "429 with Retry-After" {
				return // refused for good: given up
			}
			s.upstream.behave(nil)
			want := 3
			if test.status == 202 {
				want++
			}
			eventually(t, "delivery", func() bool { e, p := s.upstream.counts(); return e == want && p == 3 })
		})
	}
}

// Without a spool, or with a full one, pages are told.
func TestSpoolThatIsOffOrFull(t *testing.T) {
	s := newService(t, map[string]string{"SPOOL_MAX_BYTES": "0"})
	if code, _, _ := ask(s, "POST", door, event("x")); code != 201 {
		t.Errorf("healthy: %d", code)
	}
	s.upstream.behave(answerWith(503))
	for _, target := range []string{door, "/api/browser/metrics?key=" + shopKey} {
		body := event("x")
		if strings.Contains(target, "metrics") {
			body = `{"metrics":[{"name":"n","type":"gauge","value":1}]}`
		}
		if code, text, _ := ask(s, "POST", target, body); code != 502 || detail(t, text) != "Upstream error" {
			t.Errorf("%s: %d %s", target, code, text)
		}
	}
	if code, _, h := ask(s, "POST", batchDoor, batchOf(0, 1)); code != 503 || h.Get("Retry-After") == "" {
		t.Errorf("batch: %d %v", code, h)
	}

	full := newService(t, map[string]string{"SPOOL_MAX_BYTES": "4096", "RATE_LIMIT": "10000"})
	full.upstream.behave(answerWith(503, "Retry-After", "300"))
	kept, refused := 0, 0
	for i := range 30 {
		switch code, _, h := ask(full, "POST", batchDoor, batchOf(i, 1)); code {
		case 202:
			kept++
		case 503:
			refused++
			if h.Get("Retry-After") == "" {
				t.Error("503 without Retry-After")
			}
		default:
			t.Errorf("%d", code)
		}
	}
	if kept == 0 || refused == 0 {
		t.Errorf("%d kept, %d refused", kept, refused)
	}
	// Another key still finds room.
	_, text, _ := ask(full, "POST", "/api/dsn-keys", `{"project":"other"}`, "X-API-Key", testKey)
	var other struct {
		PublicKey string `json:"public_key"`
	}
	_ = json.Unmarshal([]byte(text), &other)
	if code, body, _ := ask(full, "POST", "/api/browser/errors?key="+other.PublicKey, event("y")); code != 202 {
		t.Errorf("another key: %d %s", code, body)
	}
}

// What waits survives a restart, in its order, and a metric whose request was
// cut off is not counted twice.
func TestSpoolSurvivesARestart(t *testing.T) {
	s := &testService{upstream: newFakeUpstream(t)}
	path := filepath.Join(t.TempDir(), "r.db")
	s.start(t, path, nil)
	// The collector stores, but its answers get lost.
	unwell := answerWith(503)
	s.upstream.behave(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasPrefix(r.URL.Path, "/api/metrics") {
			s.upstream.behave(nil)
			s.upstream.ServeHTTP(&discard{header: http.Header{}}, r)
		}
		s.upstream.behave(unwell)
		return unwell(w, r)
	})
	for i := range 20 {
		if code, body, _ := ask(s, "POST", batchDoor, batchOf(i*10, 10)); code != 202 {
			t.Fatalf("%d %s", code, body)
		}
	}
	s.stop()
	s.upstream.behave(nil)
	s.start(t, path, nil)
	eventually(t, "delivery", func() bool { e, p := s.upstream.counts(); return e == 200 && p >= 200 })
	time.Sleep(20 * time.Millisecond)
	if e, p := s.upstream.counts(); e != 200 || p != 200 {
		t.Errorf("%d events and %d points, want 200 of each", e, p)
	}
	for i, id := range s.upstream.order {
		if id != fmt.Sprintf("%032x", i+1) {
			t.Fatalf("event %d is %s: not in order", i, id)
		}
	}
	if n := len(s.upstream.keys); n > 15 {
		t.Errorf("%d requests for 20 batches of metrics, want them put together", n)
	}
}

type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}

// An event that makes the tracker fail is given up, and holds up nobody for
// long, whether the tracker takes batches or not.
func TestPoisonIsGivenUp(t *testing.T) {
	for name, noBatches := range map[string]bool{"in batches": false, "one by one": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, nil)
			s.upstream.poison, s.upstream.noBatches = "m1", noBatches
			s.upstream.behave(answerWith(503)) // so that they come together
			if code, _, _ := ask(s, "POST", batchDoor, batchOf(0, 5)); code != 202 {
				t.Fatal(code)
			}
			s.upstream.behave(nil)
			eventually(t, "delivery of the others", func() bool { e, _ := s.upstream.counts(); return e == 4 })
			eventually(t, "count of the loss", func() bool {
				_, traffic, _ := ask(s, "GET", "/api/traffic", "", "X-API-Key", testKey)
				return strings.Contains(traffic, `"what":"lost","reason":"upstream","count":1`)
			})
			eventually(t, "end of the wait", func() bool {
				_, body, _ := ask(s, "GET", "/health", "")
				return !strings.Contains(body, "waiting")
			})
		})
	}
}
