package webui

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
)

func withChannels() *fakeTracker {
	f := withProject()
	f.channels = []tracker.ChannelState{
		{Channel: tracker.ByMail, Off: "SMTP not configured: SMTP_HOST is not set"},
		{Channel: tracker.ByWebhook, Target: "https://chat.example/…", Last: &tracker.Mail{
			Kind: "created", CreatedAt: noon, Attempts: 3, NextAttempt: noon.Add(time.Minute), LastError: `webhook: status 500: <script>pwned()</script>` + "\u202e" + strings.Repeat("x", 1000),
		}},
	}
	return f
}

func TestAlertSettingsAreChanged(t *testing.T) {
	f := withChannels()
	s := newSite(t, f)
	wants(t, s.get("/projects/1", 200), `href="/projects/1/alerts"`)
	page := s.get("/projects/1/alerts", 200)
	wants(t, page, `name="created" value="1" checked`, `name="webhook" value="1" checked`, "SMTP_HOST is not set", "Trying again", "3 attempts", "Next try", "status 500: &lt;script&gt;", "[U&#43;202E]")
	lacks(t, page, "<script>pwned", strings.Repeat("x", 400), "\u202e", "Signing key of the webhook", "Make a new signing key")

	to, page := s.post("/projects/1/alerts", url.Values{"version": {"0"}, "created": {"1"}, "webhook": {"1"}, "events": {"100"}, "minutes": {" 5 "}, "webhook_url": {"https://chat.example/canary"}})
	if a := f.settings.Alerts; to != "/projects/1/alerts" || a.NotCreated || !a.NotRegressed || !a.NotByMail || a.NotByWebhook || a.Frequency != (tracker.Frequency{Events: 100, Minutes: 5}) || string(a.Webhook.URL) != "https://chat.example/canary" {
		t.Errorf("led to %q, rules %+v", to, a)
	}
	wants(t, page, "Saved", `name="events" inputmode="numeric" pattern="[0-9]*" maxlength="7" value="100"`, `value="https://chat.example/…"`, "Make a new signing key")
	lacks(t, page, "canary")

	res := s.do(http.MethodPost, "/projects/1/alerts/secret", url.Values{})
	text, _ := io.ReadAll(res.Body)
	wants(t, string(text), "mlwh_rotated", "Shown only now")
	if res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("a page with a key may be stored: %q", res.Header.Get("Cache-Control"))
	}
	lacks(t, s.get("/projects/1/alerts", 200), "mlwh_rotated")

	res = s.do(http.MethodPost, "/projects/1/alerts", url.Values{"version": {"1"}, "webhook_url": {"ftp://x/"}})
	text, _ = io.ReadAll(res.Body)
	if res.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a bad address: %d", res.StatusCode)
	}
	wants(t, string(text), "is not an address that can be posted to", `value="ftp://x/"`)
	for sent, want := range map[string]string{"many": "events = &#34;many&#34;, want a whole number", "1": "frequency is 1 events in 0 minutes"} {
		res = s.do(http.MethodPost, "/projects/1/alerts", url.Values{"version": {"1"}, "events": {sent}})
		text, _ = io.ReadAll(res.Body)
		wants(t, string(text), want, `value="`+sent+`"`)
	}
	res = s.do(http.MethodPost, "/projects/1/alerts", url.Values{"version": {"0"}, "webhook_url": {""}})
	text, _ = io.ReadAll(res.Body)
	if res.StatusCode != http.StatusConflict {
		t.Errorf("a late change: %d", res.StatusCode)
	}
	wants(t, string(text), "Somebody else saved settings", `name="version" value="1"`)
	s.get("/projects/99/alerts", 404)
}

func TestChannelsAreTested(t *testing.T) {
	f := withChannels()
	s := newSite(t, f)
	_, page := s.post("/projects/1/alerts/test", url.Values{"channel": {"webhook"}})
	wants(t, page, "A test is on its way")
	_, page = s.post("/projects/1/alerts/test", url.Values{"channel": {"mail"}})
	wants(t, page, "no test is sent by mail: SMTP not configured")
	if f.tests != 2 {
		t.Errorf("%d tests", f.tests)
	}
	if res := s.do(http.MethodGet, "/projects/1/alerts/test", nil); res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/projects/1/alerts" {
		t.Errorf("GET of a form's address: %d to %q", res.StatusCode, res.Header.Get("Location"))
	}
}
