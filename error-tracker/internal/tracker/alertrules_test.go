package tracker_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
)

func TestRulesSayWhatGoesOut(t *testing.T) {
	kinds := []tracker.AlertKind{tracker.AlertCreated, tracker.AlertRegressed, tracker.AlertUnmuted}
	for _, tt := range []struct {
		rules         tracker.AlertRules
		mail, webhook string
	}{
		{tracker.AlertRules{}, "created regressed unmuted", "created regressed unmuted"},
		{tracker.AlertRules{NotCreated: true}, "regressed unmuted", "regressed unmuted"},
		{tracker.AlertRules{NotRegressed: true}, "created", "created"},
		{tracker.AlertRules{NotByMail: true}, "", "created regressed unmuted"},
		{tracker.AlertRules{NotByWebhook: true, NotCreated: true}, "regressed unmuted", ""},
	} {
		for by, want := range map[tracker.Channel]string{tracker.ByMail: tt.mail, tracker.ByWebhook: tt.webhook} {
			var got []string
			for _, k := range kinds {
				if tt.rules.Wants(by, k) {
					got = append(got, string(k))
				}
			}
			if text := strings.Join(got, " "); text != want {
				t.Errorf("%+v by %s: %q, want %q", tt.rules, by, text, want)
			}
		}
	}
}

func TestWebhookAddresses(t *testing.T) {
	for _, good := range []string{"", "https://hooks.slack.example/services/T0/B0/x", "http://10.0.0.1:8080/", "https://[::1]:8443/x?key=y"} {
		if err := (&tracker.Webhook{URL: tracker.Secret(good)}).Validate(); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"hooks.slack.example/x", "ftp://a/x", "file:///etc/passwd", "https://", "https://user:pass@a/x", "https://a/x#y", "https://a/x y", "https://a/\u202ex", "javascript:alert(1)", "https://a/" + strings.Repeat("x", tracker.MaxWebhookURL)} {
		err := (&tracker.Webhook{URL: tracker.Secret(bad)}).Validate()
		if err == nil || len(bad) > len("https://") && strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v, want an error that does not tell it", bad, err)
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	w := tracker.Webhook{URL: "https://chat.example/canary", Key: "canary"}
	s := tracker.Settings{Alerts: tracker.AlertRules{Webhook: w}}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if text := fmt.Sprintf(format, w) + fmt.Sprintf(format, &s); strings.Contains(text, "canary") || strings.Contains(text, "63616e617279") {
			t.Errorf("%s prints it: %s", format, text)
		}
	}
	if got := w.Masked(); got != "https://chat.example/…" {
		t.Errorf("masked %q", got)
	}
}
