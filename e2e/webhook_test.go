package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// hookPath is the secret part of a webhook's URL.
const hookPath = "/services/T0/B0/canary-webhook-path-42d9"

// hook is somebody else's program that takes webhooks and checks each signature.
type hook struct {
	t      *testing.T
	server *httptest.Server

	mu     sync.Mutex
	key    string // "" checks nothing
	status int    // what it answers
	posts  []hookPost
	seen   int // requests, taken or not
}

// hookPost is the body of an alert.
type hookPost struct {
	ID, Kind, Time, Project, Environment, Release, URL, Text, Content string

	Alerts int
	Issue  *struct {
		ID                                   int64
		Title, Type, Message, Culprit, Level string
		Count                                int64
		URL                                  string
	}
	Issues []json.RawMessage
}

// newHook listens on an address ("127.0.0.1:0" for any port) until the end of the test.
func newHook(t *testing.T, address string) *hook {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	h := &hook{t: t, status: http.StatusOK}
	h.server = httptest.NewUnstartedServer(http.HandlerFunc(h.take))
	h.server.Listener.Close()
	h.server.Listener = l
	h.server.Start()
	t.Cleanup(h.server.Close)
	return h
}

func (h *hook) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seen++
	if err != nil || r.Method != http.MethodPost || r.URL.Path != hookPath || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		h.t.Errorf("%s %s %v: %v", r.Method, r.URL.Path, r.Header, err)
	}
	if h.key != "" {
		mac := hmac.New(sha256.New, []byte(h.key))
		stamp := r.Header.Get("X-Monlight-Timestamp")
		fmt.Fprintf(mac, "%s.%s", stamp, body)
		if got, want := r.Header.Get("X-Monlight-Signature"), "sha256="+hex.EncodeToString(mac.Sum(nil)); got != want {
			h.t.Errorf("signature %q of %q and a body of %d bytes, want %q", got, stamp, len(body), want)
		}
		if at, err := strconv.ParseInt(stamp, 10, 64); err != nil || time.Since(time.Unix(at, 0)).Abs() > time.Minute {
			h.t.Errorf("time stamp %q, %v", stamp, err)
		}
	}
	var p hookPost
	if err := json.Unmarshal(body, &p); err != nil {
		h.t.Errorf("%v in %s", err, body)
	}
	if w.WriteHeader(h.status); h.status < 300 {
		h.posts = append(h.posts, p)
	} else {
		fmt.Fprintf(w, "<b>not now</b> for %s", r.URL.Path)
	}
}

func (h *hook) set(key string, status int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.key, h.status = key, status
}

// wait waits until n alerts were taken, and returns them.
func (h *hook) wait(n int, limit time.Duration) []hookPost {
	h.t.Helper()
	for end := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		h.mu.Lock()
		posts := append([]hookPost{}, h.posts...)
		h.mu.Unlock()
		if len(posts) >= n {
			return posts
		}
		if time.Now().After(end) {
			h.t.Fatalf("%d alerts within %v, want %d", len(posts), limit, n)
		}
	}
}

// tried waits until n requests came, taken or not.
func (h *hook) tried(n int, limit time.Duration) {
	h.t.Helper()
	for end := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		h.mu.Lock()
		seen := h.seen
		h.mu.Unlock()
		if seen >= n {
			return
		}
		if time.Now().After(end) {
			h.t.Fatalf("%d requests within %v, want %d", seen, limit, n)
		}
	}
}

// hookProject makes a project whose webhook is h and returns its ID and key.
func hookProject(t *testing.T, s *harness.Service, h *hook) (id int64, key string) {
	t.Helper()
	var p struct{ ID int64 }
	decode(t, s.Post("/api/projects", map[string]any{"name": "e2e-test"}), 201, &p)
	var changed struct {
		Alerts struct {
			URL    string `json:"webhook_url"`
			Secret string `json:"webhook_secret"`
		}
	}
	decode(t, s.Post(fmt.Sprintf("/api/projects/%d/settings", p.ID), map[string]any{"alerts": map[string]any{"webhook_url": h.server.URL + hookPath}}), 200, &changed)
	if changed.Alerts.URL != h.server.URL+"/…" || len(changed.Alerts.Secret) < 30 {
		t.Fatalf("%+v, want the masked URL and a key", changed)
	}
	h.set(changed.Alerts.Secret, http.StatusOK)
	return p.ID, changed.Alerts.Secret
}

func decode(t *testing.T, r harness.Response, status int, into any) {
	t.Helper()
	if r.Status != status {
		t.Fatalf("%d %s, want %d", r.Status, r.Body, status)
	}
	if err := json.Unmarshal([]byte(r.Body), into); err != nil {
		t.Fatalf("%v in %s", err, r.Body)
	}
}

// lastDelivery is the state of the newest delivery of a project by webhook, and its error.
func lastDelivery(t *testing.T, s *harness.Service, project int64) (state, problem string) {
	t.Helper()
	var all struct {
		Channels []struct {
			Channel string
			Last    *struct{ State, Error string }
		}
	}
	decode(t, s.Get(fmt.Sprintf("/api/projects/%d/alerts", project)), 200, &all)
	for _, c := range all.Channels {
		if c.Channel == "webhook" && c.Last != nil {
			return c.Last.State, c.Last.Error
		}
	}
	return "", ""
}

// awaitDelivery waits until the newest delivery of a project by webhook has a state.
func awaitDelivery(t *testing.T, s *harness.Service, project int64, want string) (problem string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		state, problem := lastDelivery(t, s, project)
		if state == want {
			return problem
		}
		if time.Now().After(end) {
			t.Fatalf("the last delivery is %q (%s), want %q", state, problem, want)
		}
	}
}

func TestWebhooksForNewAndReturningIssues(t *testing.T) {
	h := newHook(t, "127.0.0.1:0")
	s := harness.Start(t, "error-tracker", "ALERT_WEBHOOK_PRIVATE=true", "RATE_LIMIT=1000000")
	project, key := hookProject(t, s, h)
	id := report(t, s, with(smokeReport, map[string]any{"environment": "prod", "release": "1.2.3"}), 201).ID
	p := h.wait(1, 20*time.Second)[0]
	link := fmt.Sprintf("%s/errors/%d", s.URL, id)
	if p.Kind != "created" || p.Project != "e2e-test" || p.Environment != "prod" || p.Release != "1.2.3" || p.ID == "" || p.Time == "" || p.URL != link {
		t.Errorf("%+v", p)
	}
	if i := p.Issue; i == nil || i.ID != id || i.Title != "TestError: End-to-end test error" || i.Culprit == "" || i.Count != 1 || i.URL != link {
		t.Errorf("issue %+v", p.Issue)
	}
	if !strings.Contains(p.Text, link) || p.Content == "" {
		t.Errorf("text %q, content %q", p.Text, p.Content)
	}
	awaitDelivery(t, s, project, "sent")

	report(t, s, smokeReport, 200) // no alert
	s.Post(fmt.Sprintf("/api/errors/%d/resolve", id), nil)
	report(t, s, smokeReport, 201)
	if p := h.wait(2, 20*time.Second)[1]; p.Kind != "regressed" || p.Issue.ID != id {
		t.Errorf("%+v", p)
	}

	// A new key takes the place of the old one at once.
	var rotated struct {
		Secret string `json:"webhook_secret"`
	}
	decode(t, s.Post(fmt.Sprintf("/api/projects/%d/webhook-secret", project), nil), 200, &rotated)
	if rotated.Secret == key || rotated.Secret == "" {
		t.Fatalf("rotated to %q", rotated.Secret)
	}
	h.set(rotated.Secret, http.StatusOK)
	decode(t, s.Post(fmt.Sprintf("/api/projects/%d/test-alert", project), map[string]any{"channel": "webhook"}), 202, &struct{}{})
	if p := h.wait(3, 20*time.Second)[2]; p.Kind != "test" {
		t.Errorf("%+v", p)
	}
	for i, p := range h.wait(3, 0) {
		for _, q := range h.wait(3, 0)[i+1:] {
			if p.ID == q.ID {
				t.Errorf("two alerts have the ID %s", p.ID)
			}
		}
	}

	// Kinds and channels are the project's choice.
	decode(t, s.Post(fmt.Sprintf("/api/projects/%d/settings", project), map[string]any{"alerts": map[string]any{"created": false}}), 200, &struct{}{})
	report(t, s, with(smokeReport, map[string]any{"exception_type": "Unwanted"}), 201)
	decode(t, s.Post(fmt.Sprintf("/api/projects/%d/test-alert", project), map[string]any{"channel": "webhook"}), 202, &struct{}{})
	if p := h.wait(4, 20*time.Second)[3]; p.Kind != "test" {
		t.Errorf("an unwanted alert: %+v", p)
	}
	if text := s.Get("/metrics").Body; !strings.Contains(text, "error_tracker_webhooks_sent_total 4") {
		t.Error("/metrics does not count the webhooks")
	}
	if got := s.Post(fmt.Sprintf("/api/projects/%d/test-alert", project), map[string]any{"channel": "mail"}); got.Status != 409 {
		t.Errorf("a test by mail without a mail server: %d %s", got.Status, got.Body)
	}
}

// A webhook that is away, kill -9, and one that fails for others: nothing is lost,
// nobody waits, and what fails says why.
func TestAWebhookThatFailsDelaysNobodyAndLosesNothing(t *testing.T) {
	h := newHook(t, "127.0.0.1:0")
	s := harness.Start(t, "error-tracker", "ALERT_WEBHOOK_PRIVATE=true", "RATE_LIMIT=1000000")
	project, key := hookProject(t, s, h)
	h.set(key, http.StatusInternalServerError)
	id := report(t, s, smokeReport, 201).ID
	h.tried(1, 20*time.Second)
	if problem := awaitDelivery(t, s, project, "waiting"); !strings.Contains(problem, "status 500: <b>not now</b> for …") {
		t.Errorf("the reason is %q", problem)
	}
	if text := s.Get(fmt.Sprintf("/projects/%d/alerts", project)).Body; !strings.Contains(text, "&lt;b&gt;not now&lt;/b&gt;") || !strings.Contains(text, "Next try") || strings.Contains(text, "<b>not now") {
		t.Error("the page does not tell of the failure, or not as text")
	}
	report(t, s, with(smokeReport, map[string]any{"exception_type": "WhileAway"}), 201)
	s.Kill()
	h.set(key, http.StatusOK)
	s.Restart()
	posts := h.wait(1, 100*time.Second) // the second attempt comes a minute after the first
	if posts[0].Issue == nil || posts[0].Issue.ID != id {
		t.Errorf("%+v, want the alert from before the kill", posts[0])
	}
	posts = h.wait(2, 30*time.Second)
	if posts[1].Issue == nil || posts[1].Issue.Type != "WhileAway" || posts[0].ID == posts[1].ID {
		t.Errorf("%+v, want what came while it failed", posts[1])
	}
	awaitDelivery(t, s, project, "sent") // else it may come once more, by the same ID
	s.Kill()
	s.Restart()
	decode(t, s.Post(fmt.Sprintf("/api/projects/%d/test-alert", project), map[string]any{"channel": "webhook"}), 202, &struct{}{})
	if posts := h.wait(3, 20*time.Second); len(posts) != 3 || posts[2].Kind != "test" {
		t.Errorf("after another restart: %+v", posts)
	}
}

// What people put into a project's settings leads to the internet only, unless the
// operator allows more.
func TestWebhooksDoNotLeadInside(t *testing.T) {
	h := newHook(t, "127.0.0.1:0")
	s := harness.Start(t, "error-tracker", "RATE_LIMIT=1000000")
	project, _ := hookProject(t, s, h)
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(h.server.URL, "http://"))
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "169.254.169.254"} {
		decode(t, s.Post(fmt.Sprintf("/api/projects/%d/settings", project), map[string]any{"alerts": map[string]any{"webhook_url": "http://" + host + ":" + port + hookPath}}), 200, &struct{}{})
		decode(t, s.Post(fmt.Sprintf("/api/projects/%d/test-alert", project), map[string]any{"channel": "webhook"}), 202, &struct{}{})
		if problem := awaitDelivery(t, s, project, "waiting"); !strings.Contains(problem, "not an address that is called") {
			t.Errorf("%s: %q", host, problem)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.seen != 0 {
		t.Errorf("%d requests arrived inside", h.seen)
	}
}

// The operator's webhook is for projects without one of their own.
func TestTheOperatorsWebhook(t *testing.T) {
	h := newHook(t, "127.0.0.1:0")
	h.set("canary-operator-key-77", http.StatusOK)
	s := harness.Start(t, "error-tracker", "ALERT_WEBHOOK_URL="+h.server.URL+hookPath, "ALERT_WEBHOOK_SECRET=canary-operator-key-77", "RATE_LIMIT=1000000")
	report(t, s, smokeReport, 201)
	if p := h.wait(1, 20*time.Second)[0]; p.Kind != "created" || p.Project != "e2e-test" {
		t.Errorf("%+v", p)
	}
	if text := s.Log(); strings.Contains(text, "canary") {
		t.Error("the log tells the webhook")
	}
}

// So many events within so many minutes are one alert, whatever is killed between.
func TestFrequentIssues(t *testing.T) {
	t.Parallel() // it waits for looks at the counters, 15 seconds apart
	h := newHook(t, "127.0.0.1:0")
	s := harness.Start(t, "error-tracker", "ALERT_WEBHOOK_PRIVATE=true", "RATE_LIMIT=1000000")
	project, _ := hookProject(t, s, h)
	rule := map[string]any{"alerts": map[string]any{"created": false, "frequency": map[string]any{"events": 80, "minutes": 10}}}
	decode(t, s.Post(fmt.Sprintf("/api/projects/%d/settings", project), rule), 200, &struct{}{})
	muted := with(smokeReport, map[string]any{"exception_type": "Muted"})
	rare := with(smokeReport, map[string]any{"exception_type": "Rare"})
	id := report(t, s, smokeReport, 201).ID
	mutedID := report(t, s, muted, 201).ID
	decode(t, s.Post(fmt.Sprintf("/api/errors/%d/mute", mutedID), nil), 200, &struct{}{})
	report(t, s, rare, 201)
	for range 59 {
		report(t, s, smokeReport, 200)
		report(t, s, muted, 200)
		report(t, s, muted, 200)
		report(t, s, rare, 200)
	}
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if n := harness.Count(t, s.Database(), "SELECT count(*) FROM pulses WHERE counted >= 60"); n >= 3 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("nobody looks at how often issues happen")
		}
	}
	for range 10 {
		report(t, s, smokeReport, 200)
	}
	s.Kill()
	s.Restart()
	for range 10 { // 80 in all, more than are kept in full
		report(t, s, smokeReport, 200)
	}
	p := h.wait(1, 60*time.Second)[0]
	if p.Kind != "frequent" || p.Issue == nil || p.Issue.ID != id || p.Issue.Count != 80 || !strings.HasPrefix(p.Text, "Frequent error in ") {
		t.Errorf("%+v", p)
	}
	for range 100 {
		report(t, s, smokeReport, 200)
	}
	for end := time.Now().Add(60 * time.Second); harness.Count(t, s.Database(), "SELECT count(*) FROM pulses WHERE counted = 180") == 0; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nobody looks again")
		}
	}
	decode(t, s.Post(fmt.Sprintf("/api/projects/%d/test-alert", project), map[string]any{"channel": "webhook"}), 202, &struct{}{})
	if p := h.wait(2, 20*time.Second)[1]; p.Kind != "test" {
		t.Errorf("one more alert for a burst that goes on, or one for others: %+v", p)
	}
}
