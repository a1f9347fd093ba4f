package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// stack is the real relay with the real services behind it.
type stack struct {
	relay, tracker, collector *harness.Service
	dsn                       string
}

func startStack(t *testing.T, settings ...string) *stack {
	t.Helper()
	s := &stack{
		tracker:   harness.Start(t, "error-tracker", "RATE_LIMIT=1000000"),
		collector: harness.Start(t, "metrics-collector", "RATE_LIMIT=1000000"),
	}
	s.relay = harness.Start(t, "browser-relay", append([]string{
		"ADMIN_API_KEY=" + harness.Key, "CORS_ORIGINS=http://localhost:3000",
		"ERROR_TRACKER_URL=" + s.tracker.URL, "ERROR_TRACKER_API_KEY=" + harness.Key,
		"METRICS_COLLECTOR_URL=" + s.collector.URL, "METRICS_COLLECTOR_API_KEY=" + harness.Key,
	}, settings...)...)
	r := s.relay.Post("/api/dsn-keys", map[string]string{"project": "e2e-test"})
	var key struct {
		PublicKey string `json:"public_key"`
	}
	if err := r.JSON(&key); err != nil || r.Status != http.StatusCreated {
		t.Fatalf("create a DSN key: %d %v", r.Status, err)
	}
	s.dsn = key.PublicKey
	return s
}

// fromPage is a request as a page sends it.
func (s *stack) fromPage(path, body string) harness.Request {
	return harness.Request{Method: http.MethodPost, Path: path, Body: body, NoKey: true,
		Header: map[string]string{"X-Monlight-Key": s.dsn, "Origin": "http://localhost:3000", "Content-Type": "application/json"}}
}

// events is how many events the tracker has ever counted.
func (s *stack) events(t *testing.T) int64 {
	t.Helper()
	var stats struct{ Events int64 }
	if err := s.tracker.Get("/api/stats").JSON(&stats); err != nil {
		t.Fatal(err)
	}
	return stats.Events
}

// total is the sum of a counter in the collector.
func (s *stack) total(t *testing.T, name string) float64 {
	t.Helper()
	var answer struct {
		Data []struct{ Value float64 }
	}
	r := s.collector.Get("/api/metrics?period=6h&step=1h&agg=sum&name=" + name)
	if r.Status != http.StatusOK {
		return 0 // nobody has heard of it yet
	}
	if err := r.JSON(&answer); err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, d := range answer.Data {
		sum += d.Value
	}
	return sum
}

// waiting is how much is in the relay's spool.
func (s *stack) waiting(t *testing.T) int {
	t.Helper()
	var health struct{ Waiting int }
	if err := s.relay.Get("/health").JSON(&health); err != nil {
		t.Fatal(err)
	}
	return health.Waiting
}

// within waits for something that the services do on their own.
func within(t *testing.T, d time.Duration, what string, f func() bool) {
	t.Helper()
	for begin := time.Now(); !f(); time.Sleep(20 * time.Millisecond) {
		if time.Since(begin) > d {
			t.Fatalf("%s did not happen within %v", what, d)
		}
	}
}

// The steps of the first release's smoke test that concern the relay.
func TestRelayPassesTheSmokeTest(t *testing.T) {
	s := startStack(t)
	if len(s.dsn) != 32 || strings.Trim(s.dsn, "0123456789abcdef") != "" {
		t.Errorf("DSN key %q, want 32 hex digits", s.dsn)
	}
	if r := s.relay.Post("/api/dsn-keys", `{"project":"second"}`); !strings.Contains(r.Body, `"public_key":"`) {
		t.Errorf("no compact public_key in %s", r.Body)
	}
	if r := s.relay.Get("/api/dsn-keys"); r.Status != 200 || !strings.Contains(r.Body, s.dsn) {
		t.Errorf("list of keys: %d %s", r.Status, r.Body)
	}
	const event = `{"type":"TypeError","message":"Cannot read property of undefined","stack":"TypeError: x\n    at foo (http://localhost:3000/static/app.min.js:1:100)",
		"url":"http://localhost:3000/test","user_agent":"Mozilla/5.0","session_id":"e2e-session","environment":"test"}`
	if r := s.relay.Do(s.fromPage("/api/browser/errors", event)); r.Status != 201 || r.Header.Get("Access-Control-Allow-Origin") != "http://localhost:3000" {
		t.Fatalf("error: %d %s", r.Status, r.Body)
	}
	const metrics = `{"metrics":[{"name":"web_vitals_lcp","type":"histogram","value":2500,"labels":{"page":"/test"}},
		{"name":"web_vitals_inp","type":"histogram","value":100},{"name":"web_vitals_cls","type":"histogram","value":0.1}],"session_id":"e2e-session","url":"http://localhost:3000/test"}`
	if r := s.relay.Do(s.fromPage("/api/browser/metrics", metrics)); r.Status != 202 || !strings.Contains(r.Body, `"accepted"`) {
		t.Fatalf("metrics: %d %s", r.Status, r.Body)
	}
	if r := s.collector.Get("/api/metrics/names"); !strings.Contains(r.Body, "web_vitals_lcp") {
		t.Errorf("names at once: %s", r.Body)
	}
	if r := s.collector.Get("/api/dashboard?project=e2e-test"); !strings.Contains(r.Body, `"lcp"`) {
		t.Errorf("the dashboard of the project has no vitals: %s", r.Body)
	}
	if r := s.tracker.Get("/api/errors?project=e2e-test&source=browser"); !strings.Contains(r.Body, `"TypeError"`) {
		t.Errorf("list of errors: %s", r.Body)
	}
	// A beacon of the first SDK.
	beacon := harness.Request{Method: http.MethodPost, Path: "/api/browser/metrics?key=" + s.dsn, Body: metrics, NoKey: true,
		Header: map[string]string{"Origin": "http://localhost:3000", "Content-Type": "application/json"}}
	if r := s.relay.Do(beacon); r.Status != 202 || r.Header.Get("Access-Control-Allow-Credentials") != "true" {
		t.Errorf("beacon: %d %v", r.Status, r.Header)
	}
	limited := false
	for range 301 {
		if limited = s.relay.Do(s.fromPage("/api/browser/errors", event)).Status == 429; limited {
			break
		}
	}
	if !limited {
		t.Error("no 429 in 301 requests")
	}
	for _, service := range []*harness.Service{s.relay, s.collector, s.tracker} {
		if code, took := service.Stop(); code != 0 || took > 10*time.Second {
			t.Errorf("stop: code %d after %v", code, took)
		}
	}
}

// A batch shows up in both services with all that it said.
func TestBatchReachesBothServices(t *testing.T) {
	s := startStack(t)
	const id = "6ba7b8109dad11d180b400c04fd430c8"
	r := s.relay.Do(harness.Request{Method: http.MethodPost, Path: "/api/browser/batch?key=" + s.dsn, NoKey: true, Header: map[string]string{"Content-Type": "text/plain"},
		Body: `{"v":1,"sdk":{"name":"@monlight/browser","version":"1.0.0"},"session_id":"S1","page":"/cart","release":"2.0","environment":"staging","user_id":"u9",
		"errors":[{"event_id":"` + id + `","type":"RangeError","message":"too far","stack":"RangeError: too far\n    at go (https://h/app.js:10:5)","url":"https://h/cart",
		"handled":false,"mechanism":"onerror","breadcrumbs":[{"t":"` + time.Now().UTC().Format(time.RFC3339Nano) + `","category":"ui.click","message":"button.go"}]}],
		"metrics":[{"name":"cart_opened","type":"counter","value":2}]}`})
	if r.Status != 202 {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	within(t, 5*time.Second, "delivery", func() bool { return s.events(t) == 1 && s.total(t, "cart_opened") == 2 })
	var list struct {
		Errors []struct {
			ID                   int64
			Culprit, Environment string
		}
	}
	if err := s.tracker.Get("/api/errors?session_id=S1").JSON(&list); err != nil || len(list.Errors) != 1 || list.Errors[0].Environment != "staging" {
		t.Fatalf("%+v %v", list, err)
	}
	occurrence := s.tracker.Get(fmt.Sprintf("/api/errors/%d/occurrences/latest", list.Errors[0].ID))
	for _, want := range []string{`"event_id":"` + id + `"`, `"category":"ui.click"`, `"release":"2.0"`, `"user_id":"u9"`, `"transaction":"/cart"`, `"name":"@monlight/browser"`} {
		if !strings.Contains(occurrence.Body, want) {
			t.Errorf("the occurrence has not %s: %s", want, occurrence.Body)
		}
	}
}

func batch(worker, n int) string {
	var errors, metrics []string
	for i := range 3 {
		errors = append(errors, fmt.Sprintf(`{"event_id":"%08x%08x%016x","type":"E%d","message":"m","stack":"E: m\n    at f (https://h/a.js:1:2)"}`, worker+1, n+1, i+1, n%5))
		metrics = append(metrics, `{"name":"killed_counter","type":"counter","value":1}`)
	}
	b, _ := json.Marshal(fmt.Sprintf("%d-%d", worker, n))
	return fmt.Sprintf(`{"v":1,"session_id":%s,"page_view":"p","page":"/r","errors":[%s],"metrics":[%s]}`, b, strings.Join(errors, ","), strings.Join(metrics, ","))
}
