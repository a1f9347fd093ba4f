package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// Keys and passwords of the settings must not turn up anywhere.
func TestSecretsAreNotInLogsAnswersOrTheDatabase(t *testing.T) {
	canaries := []string{"canary-smtp-password-81f3", "canary-postmark-token-77aa", harness.Key, "canary-webhook-path-5c20", "canary-webhook-key-d91e"}
	s := harness.Start(t, "error-tracker", "LOG_LEVEL=debug", "SMTP_HOST=127.0.0.1", "SMTP_PORT=1", "SMTP_USERNAME=user",
		"SMTP_PASSWORD="+canaries[0], "ALERT_EMAILS=a@example.com", "POSTMARK_FROM_EMAIL=x@example.com",
		"ALERT_WEBHOOK_URL=http://127.0.0.1:1/"+canaries[3], "ALERT_WEBHOOK_SECRET="+canaries[4])
	var answers strings.Builder
	note := func(r harness.Response) { answers.WriteString(r.Body); answers.WriteString(headerText(r)) }
	report(t, s, smokeReport, 201)
	for _, path := range []string{"/api/errors", "/api/errors/1", "/api/projects", "/api/stats", "/metrics", "/health", "/api/nothing", "/"} {
		note(s.Get(path))
		note(s.Do(harness.Request{Path: path, NoKey: true}))
	}
	note(s.Post("/api/test-alert", nil))
	note(s.Post("/api/projects/1/test-alert", map[string]any{"channel": "webhook"}))
	awaitDelivery(t, s, 1, "waiting") // for a server that is not there
	for _, path := range []string{"/alerts", "/projects/1/alerts", "/errors/1", "/api/projects/1/alerts", "/api/projects/1/settings"} {
		note(s.Get(path))
	}
	note(s.Post("/api/errors", "{"))
	note(s.Do(harness.Request{Path: "/api/errors?api_key=" + harness.Key, NoKey: true}))
	note(s.Do(harness.Request{Method: "POST", Path: "/sign-in", NoKey: true, Body: "key=" + harness.Key + "&return=/", Header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}}))
	s.Stop()
	files, err := filepath.Glob(filepath.Join(s.Dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("files of the database: %v, %v", files, err)
	}
	places := map[string]string{"log": s.Log(), "answers": answers.String()}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		places[filepath.Base(f)] = string(text)
	}
	for place, text := range places {
		for _, c := range canaries {
			if strings.Contains(text, c) {
				i := strings.Index(text, c)
				t.Errorf("%s holds the secret %q: …%q", place, c, text[max(0, i-60):i])
			}
		}
	}
	if !strings.Contains(places["log"], `"level":"debug"`) && !strings.Contains(places["log"], `"level":"DEBUG"`) {
		t.Error("the service did not log at debug level: this test saw too little")
	}
}

// The webhook of a project is kept in the database, since what is sent is signed
// anew each time. Its path and its key are nowhere else, but in the one answer that
// the key was made for.
func TestWebhooksOfProjectsAreShownOnce(t *testing.T) {
	h := newHook(t, "127.0.0.1:0")
	s := harness.Start(t, "error-tracker", "LOG_LEVEL=debug", "ALERT_WEBHOOK_PRIVATE=true")
	project, key := hookProject(t, s, h)
	h.set(key, http.StatusInternalServerError)
	report(t, s, smokeReport, 201)
	awaitDelivery(t, s, project, "waiting")
	base := fmt.Sprintf("/projects/%d", project)
	answers := ""
	for _, path := range []string{"/alerts", base, base + "/alerts", base + "/settings", "/errors/1", "/api" + base, "/api" + base + "/alerts", "/api" + base + "/settings", "/api/projects", "/api/status", "/metrics"} {
		r := s.Get(path)
		if r.Status != 200 {
			t.Fatalf("%s: %d", path, r.Status)
		}
		answers += r.Body + headerText(r)
	}
	r := s.Post("/api"+base+"/settings", map[string]any{"alerts": map[string]any{"webhook_url": h.server.URL + "/…", "regressed": false}})
	answers += r.Body + headerText(r)
	if !strings.Contains(r.Body, h.server.URL+"/…") {
		t.Errorf("the webhook is gone: %s", r.Body)
	}
	h.set(key, http.StatusOK)
	s.Post("/api"+base+"/test-alert", map[string]any{"channel": "webhook"})
	h.wait(1, 20*time.Second) // by the same URL and key as before
	s.Stop()
	for place, text := range map[string]string{"log": s.Log(), "answers": answers} {
		for _, secret := range []string{hookPath, key} {
			if i := strings.Index(text, secret); i >= 0 {
				t.Errorf("%s holds the secret %q: …%q", place, secret, text[max(0, i-60):i])
			}
		}
	}
	text, err := os.ReadFile(s.Database())
	if err != nil || !strings.Contains(string(text), key) {
		t.Errorf("the key is not in the database: this test saw too little (%v)", err)
	}
}

func headerText(r harness.Response) string {
	var b strings.Builder
	for name, values := range r.Header {
		b.WriteString(name + ": " + strings.Join(values, ", ") + "\n")
	}
	return b.String()
}
