package httpapi

import (
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
)

func TestAlertSettings(t *testing.T) {
	const all = `"alerts":{"created":true,"regressed":true,"frequency":{"events":0,"minutes":0},"mail":true,"webhook":true,"webhook_url":""}`
	for _, test := range []struct {
		method, target, body string
		status               int
		want                 string
	}{
		{"GET", "/api/projects/3/settings", "", 200, all},
		{"POST", "/api/projects/3/settings", `{"alerts":{"regressed":false,"mail":false}}`, 200, `"alerts":{"created":true,"regressed":false,"frequency":{"events":0,"minutes":0},"mail":false,"webhook":true,"webhook_url":""}`},
		{"POST", "/api/projects/3/settings", `{"alerts":{"webhook_url":"https://chat.example/canary"}}`, 200, `"webhook_url":"https://chat.example/…"}`},
		{"POST", "/api/projects/3/settings", `{"alerts":{"webhook_url":null}}`, 200, all},
		{"POST", "/api/projects/3/settings", `{"alerts":{"webhook_url":"ftp://chat.example/canary"}}`, 400, "webhook_url is not an address that can be posted to"},
		{"POST", "/api/projects/3/settings", `{"alerts":{"webhook_url":7}}`, 400, "alerts.webhook_url must be a string"},
		{"POST", "/api/projects/3/settings", `{"alerts":{"created":1}}`, 400, "alerts.created must be true or false"},
		{"POST", "/api/projects/3/settings", `{"alerts":{"webhook_secret":"x"}}`, 400, `unknown field: \"alerts.webhook_secret\"`},
		{"POST", "/api/projects/3/settings", `{"alerts":{"frequency":{"events":100,"minutes":5}}}`, 200, `"frequency":{"events":100,"minutes":5}`},
		{"POST", "/api/projects/3/settings", `{"alerts":{"frequency":null}}`, 200, all},
		{"POST", "/api/projects/3/settings", `{"alerts":{"frequency":{"events":1,"minutes":5}}}`, 400, "frequency is 1 events in 5 minutes, want 2 to 1000000 in 1 to 1440"},
		{"POST", "/api/projects/3/settings", `{"alerts":{"frequency":{"events":100}}}`, 400, "frequency is 100 events in 0 minutes"},
		{"POST", "/api/projects/3/settings", `{"alerts":{"frequency":{"events":"100"}}}`, 400, "alerts.frequency.events must be a whole number"},
		{"POST", "/api/projects/3/settings", `{"alerts":{"frequency":{"x":1}}}`, 400, `unknown field: \"alerts.frequency.x\"`},
		{"POST", "/api/projects/3/settings", `{"alerts":[]}`, 400, "alerts must be an object"},
		{"POST", "/api/projects/3/webhook-secret", "", 200, `{"webhook_secret":"mlwh_new","webhook_url":"https://chat.example/…"}`},
		{"POST", "/api/projects/9/webhook-secret", "", 404, ""},
		{"POST", "/api/projects/3/test-alert", `{"channel":"webhook"}`, 202, "dispatched"},
		{"POST", "/api/projects/3/test-alert", `{"channel":7}`, 400, "channel must be a string"},
		{"POST", "/api/projects/3/test-alert", `{"x":7}`, 400, "unknown field"},
		{"POST", "/api/projects/9/test-alert", `{"channel":"mail"}`, 404, ""},
		{"GET", "/api/projects/9/alerts", "", 404, ""},
	} {
		got := ask(t, projectFake(), test.method, test.target, strings.NewReader(test.body))
		if got.status != test.status || !strings.Contains(got.body, test.want) || strings.Contains(got.body, "canary") {
			t.Errorf("%s %s %s: %d %s, want %d %s", test.method, test.target, test.body, got.status, got.body, test.status, test.want)
		}
	}
	f := projectFake()
	f.settings.Alerts.Webhook = tracker.Webhook{URL: "https://chat.example/canary", Key: "mlwh_fresh", Fresh: true}
	if got := ask(t, f, "POST", "/api/projects/3/settings", strings.NewReader("")); !strings.Contains(got.body, `"webhook_secret":"mlwh_fresh"`) {
		t.Errorf("a new key is not shown: %s", got.body)
	}
	f.settings.Alerts.Webhook.Fresh = false
	if got := ask(t, f, "GET", "/api/projects/3/settings", strings.NewReader("")); strings.Contains(got.body, "mlwh_fresh") {
		t.Errorf("an old key is shown: %s", got.body)
	}
	f.err = errs.New(errs.Conflict, "no test is sent by mail: SMTP not configured")
	if got := ask(t, f, "POST", "/api/projects/3/test-alert", strings.NewReader(`{"channel":"mail"}`)); got.status != 409 {
		t.Errorf("a test by what is off: %d %s", got.status, got.body)
	}
}

func TestChannelsTellTheirLastDelivery(t *testing.T) {
	f := projectFake()
	at := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	f.channels = []tracker.ChannelState{
		{Channel: tracker.ByMail, Off: "switched off for this project", Last: &tracker.Mail{Kind: "created", IssueID: 4, CreatedAt: at, SentAt: at.Add(time.Second), Attempts: 1}},
		{Channel: tracker.ByWebhook, Target: "https://chat.example/…", Last: &tracker.Mail{Kind: "test", CreatedAt: at, NextAttempt: at.Add(time.Minute), Attempts: 2, LastError: "webhook: status 500: <b>"}},
	}
	const want = `{"channels":[{"channel":"mail","on":false,"why":"switched off for this project","target":"","last":{"kind":"created","issue_id":4,"state":"sent","created_at":"2026-11-20T10:00:00Z","ended_at":"2026-11-20T10:00:01Z","next_attempt":null,"attempts":1,"error":""}},` +
		`{"channel":"webhook","on":true,"why":"","target":"https://chat.example/…","last":{"kind":"test","issue_id":null,"state":"waiting","created_at":"2026-11-20T10:00:00Z","ended_at":null,"next_attempt":"2026-11-20T10:01:00Z","attempts":2,"error":"webhook: status 500: \u003cb\u003e"}}]}`
	if got := ask(t, f, "GET", "/api/projects/3/alerts", strings.NewReader("")); got.status != 200 || strings.TrimSpace(got.body) != want {
		t.Errorf("%d %s\nwant %s", got.status, got.body, want)
	}
}

func TestPastAlerts(t *testing.T) {
	f := &fakeTracker{past: []tracker.Alert{{
		ID: 4, Kind: tracker.AlertRegressed, IssueID: 7, ProjectID: 1, At: time.Date(2026, 7, 27, 9, 0, 0, 5e6, time.UTC), Project: "shop", Title: "<b>\x01",
	}}}
	want := `{"alerts":[{"id":4,"project":"shop","kind":"regressed","time":"2026-07-27T09:00:00Z","issue_id":7,"title":"\u003cb\u003e\u0001"}]}`
	if got := ask(t, f, "GET", "/api/alerts?project=shop&since=2026-07-27T08:00:00Z&until=2026-07-27T10:00:00Z", nil); got.status != 200 || got.body != want || f.marked.To.Sub(f.marked.From) != 2*time.Hour {
		t.Errorf("of %v: %d %s\nwant %s", f.marked, got.status, got.body, want)
	}
	for _, name := range []string{"since", "until"} {
		want := name + ` = "soon", want a time such as 2026-01-31T08:00:00Z or an age such as 24h or 7d`
		if got := ask(t, f, "GET", "/api/alerts?"+name+"=soon", nil); got.status != 400 || got.member(t, "detail") != want {
			t.Errorf("%d %s, want %s", got.status, got.body, want)
		}
	}
	if got := ask(t, &fakeTracker{}, "GET", "/api/alerts", nil); got.body != `{"alerts":[]}` {
		t.Errorf("without any: %s", got.body)
	}
}
