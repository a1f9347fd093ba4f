package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/monlight/monlight/e2e/harness"
)

// Keys and passwords of the settings must not turn up anywhere.
func TestSecretsAreNotInLogsAnswersOrTheDatabase(t *testing.T) {
	canaries := []string{"canary-smtp-password-81f3", "canary-postmark-token-77aa", harness.Key}
	s := harness.Start(t, "error-tracker", "LOG_LEVEL=debug", "SMTP_HOST=127.0.0.1", "SMTP_PORT=1", "SMTP_USERNAME=user",
		"SMTP_PASSWORD="+canaries[0], "ALERT_EMAILS=a@example.com", "POSTMARK_FROM_EMAIL=x@example.com")
	var answers strings.Builder
	note := func(r harness.Response) { answers.WriteString(r.Body); answers.WriteString(headerText(r)) }
	report(t, s, smokeReport, 201)
	for _, path := range []string{"/api/errors", "/api/errors/1", "/api/projects", "/api/stats", "/metrics", "/health", "/api/nothing", "/"} {
		note(s.Get(path))
		note(s.Do(harness.Request{Path: path, NoKey: true}))
	}
	note(s.Post("/api/test-alert", nil))
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

func headerText(r harness.Response) string {
	var b strings.Builder
	for name, values := range r.Header {
		b.WriteString(name + ": " + strings.Join(values, ", ") + "\n")
	}
	return b.String()
}
