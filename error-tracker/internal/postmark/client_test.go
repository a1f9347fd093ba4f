package postmark

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/alerting"
	"github.com/monlight/monlight/shared/config"
	"github.com/monlight/monlight/shared/outbound"
)

const token = "f0e1d2c3-canary-token"

var alertMail = tracker.Mail{
	MessageID: "created.abc@example.com", Kind: "created", IssueID: 7, Recipient: "team@example.com",
	Subject: "[shop] E: boom\r\nBcc: evil@example.net (#7)", Text: "text\n", HTML: "<p>html</p>",
}

func client(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c, err := New(Options{Token: config.NewSecret(token), URL: s.URL + "/", Mail: alerting.Settings{
		BaseURL: "https://errors.example.com", From: alerting.Address{Name: "Überwachung", Addr: "errors@example.com"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestSendPostsOneMailInBothForms(t *testing.T) {
	var (
		request *http.Request
		body    struct {
			From, To, Cc, Bcc, Subject, TextBody, HtmlBody string
			TrackOpens                                     bool
			Headers                                        []struct{ Name, Value string }
		}
	)
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		request = r
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Errorf("body: %v", err)
		}
		io.WriteString(w, `{"To":"team@example.com","SubmittedAt":"2026-11-20T13:24:05Z","MessageID":"0a129aee","ErrorCode":0,"Message":"OK"}`)
	})
	if err := c.Send(t.Context(), alertMail); err != nil {
		t.Fatalf("Send = %v", err)
	}
	if request.Method != http.MethodPost || request.URL.Path != "/email" || request.Header.Get("X-Postmark-Server-Token") != token ||
		request.Header.Get("Accept") != "application/json" || request.Header.Get("Content-Type") != "application/json" {
		t.Errorf("request = %s %s %v", request.Method, request.URL, request.Header)
	}
	if body.To != "team@example.com" || body.Cc+body.Bcc != "" || body.From != "=?utf-8?q?=C3=9Cberwachung?= <errors@example.com>" {
		t.Errorf("from %q to %q", body.From, body.To)
	}
	if body.Subject != "[shop] E: boom  Bcc: evil@example.net (#7)" || body.TextBody != "text\n" || body.HtmlBody != "<p>html</p>" || body.TrackOpens {
		t.Errorf("body = %+v", body)
	}
	headers := map[string]string{}
	for _, h := range body.Headers {
		headers[h.Name] = h.Value
	}
	if headers["Message-ID"] != "<created.abc@example.com>" || headers["X-PM-KeepID"] != "true" || headers["Auto-Submitted"] != "auto-generated" || headers["References"] == "" {
		t.Errorf("headers = %v", headers)
	}
}

func TestAnswersAreClassified(t *testing.T) {
	fault := func(status, code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"ErrorCode":%d,"Message":"no \r\n because"}`, code)
		}
	}
	tests := map[string]struct {
		handler         http.HandlerFunc
		permanent, down bool
		text            string
	}{
		"inactive recipient":   {fault(422, 406), true, false, "status 422, error code 406: no    because"},
		"invalid mail":         {fault(422, 300), true, false, "300"},
		"too large":            {fault(413, 402), true, false, "413"},
		"wrong token":          {fault(401, 10), false, true, "401"},
		"sender not confirmed": {fault(422, 401), false, true, "401"},
		"no credits":           {fault(422, 405), false, true, "405"},
		"rate limit":           {fault(429, 429), false, true, "429"},
		"server error":         {fault(500, 0), false, true, "500"},
		"maintenance page": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusServiceUnavailable)
			io.WriteString(w, "<html>")
		}, false, true, "503"},
		"a proxy's page":    {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>log in</html>") }, false, true, "not of the form"},
		"an empty 200":      {func(http.ResponseWriter, *http.Request) {}, false, true, "not of the form"},
		"200 with an error": {fault(200, 300), false, true, "300"},
		"not found":         {func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }, false, true, "404"},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/email" {
				t.Errorf("followed a redirect with the token to %s", r.URL)
			}
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		}, false, true, "302"},
		"connection cut": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, false, true, "EOF"},
		"an endless answer": {func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write([]byte(strings.Repeat("x", 1<<16))); err != nil {
					return
				}
			}
		}, false, true, "not of the form"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := client(t, tt.handler).Send(t.Context(), alertMail)
			d, ok := errors.AsType[*alerting.DeliveryError](err)
			if !ok {
				t.Fatalf("Send = %v, want an *alerting.DeliveryError", err)
			}
			if d.Permanent != tt.permanent || d.Down != tt.down || !strings.Contains(d.Error(), tt.text) {
				t.Errorf("Send = %+v (%v), want permanent %t, down %t, about %q", d, d, tt.permanent, tt.down, tt.text)
			}
			if s := d.Error(); len(s) > 500 || strings.ContainsAny(s, "\r\n") || strings.Contains(s, token) {
				t.Errorf("error is long, has line breaks or the token: %q", s)
			}
		})
	}
}

func TestSendEndsWithItsContext(t *testing.T) {
	released := make(chan struct{})
	c := client(t, func(http.ResponseWriter, *http.Request) { <-released })
	defer close(released)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	d, ok := errors.AsType[*alerting.DeliveryError](c.Send(ctx, alertMail))
	if !ok || !d.Down || d.Permanent || !strings.Contains(d.Error(), "no answer in time") {
		t.Errorf("Send = %v, want a temporary failure of the service", d)
	}
}

func TestNewRefusesATokenThatIsNone(t *testing.T) {
	for _, bad := range []string{"", "a b", "a\r\nX: y", "ü"} {
		if _, err := New(Options{Token: config.NewSecret(bad), Mail: alerting.Settings{From: alerting.Address{Addr: "a@example.com"}}}); err == nil {
			t.Errorf("New takes the token %q", bad)
		}
	}
}

func TestPostmarkIsOnTheInternet(t *testing.T) {
	const variable, proxy = "POSTMARK_TEST_PROXY", "http://127.0.0.1:3128"
	switch os.Getenv(variable) {
	case "":
		for _, by := range []string{"none", proxy} { // net/http reads the environment once
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.count=1")
			cmd.Env = append(os.Environ(), variable+"="+by, "HTTPS_PROXY="+strings.TrimPrefix(by, "none"), "https_proxy=", "NO_PROXY=", "no_proxy=")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("by %s: %v\n%s", by, err, out)
			}
		}
	case "none":
		if o, err := way(defaultURL); err != nil || o.Policy != outbound.Public || o.Proxy != nil {
			t.Errorf("its own address: %+v, %v", o, err)
		}
		if o, err := way("http://127.0.0.1:1"); err != nil || o.Policy != outbound.Settings || o.Proxy != nil {
			t.Errorf("another address: %+v, %v", o, err)
		}
	default:
		if o, err := way(defaultURL); err != nil || o.Policy != outbound.Settings || o.Proxy == nil || o.Proxy.String() != proxy {
			t.Errorf("by a proxy: %+v, %v", o, err)
		}
	}
}
