package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// withMail is the settings of a service that sends to m.
func withMail(m *harness.Mailbox) []string {
	return []string{"SMTP_HOST=127.0.0.1", "SMTP_PORT=" + m.Port(), "SMTP_TLS=none", "SMTP_FROM=monlight@example.com", "ALERT_EMAILS=dev@example.com, ops@example.com", "RATE_LIMIT=1000000"}
}

func TestMailsForNewAndReturningIssues(t *testing.T) {
	box := harness.NewMailbox(t, "127.0.0.1:0")
	s := harness.Start(t, "error-tracker", withMail(box)...)
	id := report(t, s, with(smokeReport, map[string]any{"request_method": "POST", "request_url": "https://shop.example/pay"}), 201).ID
	mails := box.Wait(2, 10*time.Second)
	to := map[string]bool{}
	for _, m := range mails {
		header, subject, parts, err := m.Read()
		if err != nil {
			t.Fatalf("%v in\n%s", err, m.Raw)
		}
		to[strings.Trim(header.Get("To"), "<>")] = true
		if want := fmt.Sprintf("[e2e-test] TestError: End-to-end test error (#%d)", id); subject != want {
			t.Errorf("subject %q, want %q", subject, want)
		}
		for _, name := range []string{"Date", "Message-Id", "Mime-Version", "From", "Auto-Submitted"} {
			if header.Get(name) == "" {
				t.Errorf("the mail has no %s", name)
			}
		}
		link := fmt.Sprintf("%s/errors/%d", s.URL, id)
		for media, text := range parts {
			for _, want := range []string{link, "TestError", "End-to-end test error", "test_function", "POST", "https://shop.example/pay"} {
				if !strings.Contains(text, want) {
					t.Errorf("%s part lacks %q:\n%s", media, want, text)
				}
			}
		}
		if len(parts) != 2 {
			t.Errorf("parts %v, want text and HTML", parts)
		}
	}
	if !to["dev@example.com"] || !to["ops@example.com"] {
		t.Errorf("mails went to %v", to)
	}

	report(t, s, smokeReport, 200)
	s.Post(fmt.Sprintf("/api/errors/%d/resolve", id), nil)
	report(t, s, smokeReport, 201)
	mails = box.Wait(4, 10*time.Second)
	time.Sleep(300 * time.Millisecond) // a mail for the repeated report would come now
	if n := len(box.Mails()); n != 4 {
		t.Errorf("%d mails for one new issue, one repeat and one return, to two people, want 4", n)
	}
	if _, _, parts, err := mails[3].Read(); err != nil || !strings.Contains(strings.ToLower(parts["text/plain"]), "back") && !strings.Contains(strings.ToLower(parts["text/plain"]), "regress") {
		t.Errorf("the mail about a returned issue does not say so (%v):\n%s", err, parts["text/plain"])
	}
	if got := s.Post("/api/test-alert", nil); got.Status != http.StatusAccepted || !strings.Contains(got.Body, `"status":"test alert dispatched"`) {
		t.Errorf("test alert = %d %s", got.Status, got.Body)
	}
	mails = box.Wait(6, 10*time.Second)
	if _, subject, _, err := mails[5].Read(); err != nil || subject != "[error-tracker] SMTP test alert" {
		t.Errorf("test mail: subject %q, %v", subject, err)
	}

	// What was told stays known, also to the process after a kill.
	s.Kill()
	s.Restart()
	var past struct {
		Alerts []struct {
			Kind  string `json:"kind"`
			Issue int64  `json:"issue_id"`
			Title string `json:"title"`
		} `json:"alerts"`
	}
	if err := s.Get("/api/alerts?since=1h&project=e2e-test").JSON(&past); err != nil {
		t.Fatal(err)
	}
	kinds := []string{}
	for _, a := range past.Alerts {
		kinds = append(kinds, a.Kind)
		if a.Issue != id || a.Title != "TestError: End-to-end test error" {
			t.Errorf("a past alert is %+v, want one of issue %d", a, id)
		}
	}
	if !slices.Equal(kinds, []string{"regressed", "created"}) {
		t.Errorf("past alerts are %v, want those that were mailed, newest first", kinds)
	}
}

func TestAMailServerThatIsDownDelaysNobodyAndLosesNothing(t *testing.T) {
	box := harness.NewMailbox(t, "127.0.0.1:0")
	settings := withMail(box)
	address := box.Address()
	box.Close()
	s := harness.Start(t, "error-tracker", settings...)
	start := time.Now()
	report(t, s, smokeReport, 201)
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("a report took %v while the mail server is down", took)
	}
	time.Sleep(500 * time.Millisecond) // the first attempt fails
	s.Kill()

	box = harness.NewMailbox(t, address)
	s.Restart()
	mails := box.Wait(2, 90*time.Second)
	ids := map[string]bool{}
	for _, m := range mails {
		header, _, _, err := m.Read()
		if err != nil {
			t.Fatal(err)
		}
		ids[header.Get("Message-Id")] = true
	}
	time.Sleep(500 * time.Millisecond)
	if n := len(box.Mails()); n != 2 || len(ids) != 2 {
		t.Errorf("%d mails with %d message ids after the server came back, want 2 and 2", n, len(ids))
	}
	s.Kill()
	s.Restart()
	time.Sleep(time.Second)
	if n := len(box.Mails()); n != 2 {
		t.Errorf("%d mails after another restart, want the 2 from before", n)
	}
}

func TestNothingOfAReportReachesTheHeadersOrTheCommands(t *testing.T) {
	box := harness.NewMailbox(t, "127.0.0.1:0")
	s := harness.Start(t, "error-tracker", withMail(box)...)
	evil := "x\r\nBcc: victim@example.com\r\n\r\nbody\r\n.\r\nMAIL FROM:<evil@example.com>\r\n"
	for _, member := range []string{"project", "exception_type", "message", "traceback", "request_url", "request_method", "user_id", "environment", "release"} {
		report(t, s, with(smokeReport, map[string]any{member: evil + member, "exception_type": "Evil" + member}), 201)
	}
	report(t, s, with(smokeReport, map[string]any{"exception_type": evil}), 201)
	box.Wait(2, 20*time.Second)
	time.Sleep(time.Second) // the rest may come in a digest
	for _, m := range box.Mails() {
		header, subject, parts, err := m.Read()
		if err != nil {
			t.Fatalf("%v in\n%s", err, m.Raw)
		}
		if header.Get("Bcc") != "" || strings.ContainsAny(subject, "\r\n") || len(m.To) != 1 || !strings.Contains(m.From, "monlight@example.com") {
			t.Errorf("injected: from %q to %q, bcc %q, subject %q", m.From, m.To, header.Get("Bcc"), subject)
		}
		if len(parts) != 2 {
			t.Errorf("parts %v", parts)
		}
	}
	if odd := box.Odd(); len(odd) != 0 {
		t.Errorf("the mail server was sent %q as commands", odd)
	}
}

func TestAStormIsAFewMails(t *testing.T) {
	box := harness.NewMailbox(t, "127.0.0.1:0")
	s := harness.Start(t, "error-tracker", append(withMail(box), "ALERT_DIGEST_INTERVAL=3s")...)
	for i := range 300 {
		s.Post("/api/errors", harness.Report{
			"project": "storm", "exception_type": fmt.Sprintf("Error%s", letters(i)), "message": "m", "traceback": "",
		})
	}
	if n := list(t, s, "?limit=1").Total; n < 200 {
		t.Fatalf("%d issues, this is no storm", n)
	}
	time.Sleep(8 * time.Second)
	mails := box.Mails()
	digest := false
	for _, m := range mails {
		if _, subject, _, err := m.Read(); err == nil && strings.Contains(subject, "(digest)") {
			digest = true
		}
	}
	if len(mails) > 60 || !digest {
		t.Errorf("300 new issues made %d mails to two people, a digest among them: %v", len(mails), digest)
	}
	t.Logf("300 new issues: %d mails to two people", len(mails))
}

func TestAMailIsTriedAgainWhileTheServiceRuns(t *testing.T) {
	t.Parallel() // it waits for the first repeat, a minute later
	box := harness.NewMailbox(t, "127.0.0.1:0")
	settings := withMail(box)
	address := box.Address()
	box.Close()
	s := harness.Start(t, "error-tracker", settings...)
	id := report(t, s, smokeReport, 201).ID
	time.Sleep(2 * time.Second) // the first attempt fails
	if text := s.Get("/metrics").Body; !strings.Contains(text, "error_tracker_mail_down 1") || strings.Contains(text, "error_tracker_mail_attempts_failed_total 0") {
		t.Error("/metrics does not tell that mails fail")
	}
	box = harness.NewMailbox(t, address)
	mails := box.Wait(2, 100*time.Second)
	for _, m := range mails {
		if _, subject, _, err := m.Read(); err != nil || !strings.Contains(subject, fmt.Sprintf("(#%d)", id)) {
			t.Errorf("subject %q, %v", subject, err)
		}
	}
	if text := s.Get("/metrics").Body; !strings.Contains(text, "error_tracker_mail_down 0") || !strings.Contains(text, "error_tracker_mails_sent_total 2") {
		t.Error("/metrics does not tell that mails pass again")
	}
}

// letters writes n in letters, so that it is no number to the grouping.
func letters(n int) string {
	return string([]rune{'A' + rune(n/26/26%26), 'a' + rune(n/26%26), 'a' + rune(n%26)})
}
