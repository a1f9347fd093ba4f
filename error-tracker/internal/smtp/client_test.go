package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/smtp/smtptest"
	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/alerting"
	"github.com/monlight/monlight/shared/config"
)

const password = "correct horse battery"

var settings = alerting.Settings{
	BaseURL: "https://errors.example.com",
	From:    alerting.Address{Name: "Monlight", Addr: "errors@example.com"},
}

func mailTo(recipient string) tracker.Mail {
	return tracker.Mail{
		ID: 1, MessageID: "created.abc@example.com", Kind: "created", IssueID: 7, Recipient: recipient,
		Subject: "[shop] E: boom (#7)", Text: "text\n", HTML: "<p>html</p>\n",
		CreatedAt: time.Date(2026, 11, 20, 13, 24, 5, 0, time.UTC),
	}
}

// dialled returns a client of s on loopback.
func dialled(t *testing.T, s *smtptest.Server, change func(*Options)) *Client {
	t.Helper()
	o := Options{Host: "127.0.0.1", Port: s.Port(), Mail: settings, TLSConfig: &tls.Config{RootCAs: s.Roots()}}
	if change != nil {
		change(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// piped returns a client of s that is joined to it by pipes, for tests with a
// clock that jumps.
func piped(t *testing.T, s *smtptest.Server, change func(*Options)) *Client {
	t.Helper()
	o := Options{Host: "127.0.0.1", Port: 2525, Mail: settings, TLSConfig: &tls.Config{RootCAs: s.Roots()}}
	if change != nil {
		change(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	c.dial = func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go s.Serve(far)
		return near, nil
	}
	return c
}

func login(o *Options) { o.Username, o.Password = "alerts", config.NewSecret(password) }

func failure(t *testing.T, err error) *alerting.DeliveryError {
	t.Helper()
	d, ok := errors.AsType[*alerting.DeliveryError](err)
	if !ok {
		t.Fatalf("Send = %v, want an *alerting.DeliveryError", err)
	}
	return d
}

func TestSendLogsInOverTLSOnly(t *testing.T) {
	for _, methods := range []string{"PLAIN LOGIN", "LOGIN", "CRAM-MD5 PLAIN"} {
		for _, implicit := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, implicit %t", methods, implicit), func(t *testing.T) {
				s := smtptest.Start(t, smtptest.Options{TLS: !implicit, Implicit: implicit, AuthMethods: methods, User: "alerts", Password: password})
				c := dialled(t, s, login)
				if implicit { // 465 cannot be listened on, so dial where it is
					c.o.Port = implicitTLSPort
					c.dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
						var d net.Dialer
						return d.DialContext(ctx, network, fmt.Sprintf("127.0.0.1:%d", s.Port()))
					}
				}
				if err := c.Send(t.Context(), mailTo("a@example.com")); err != nil {
					t.Fatalf("Send = %v", err)
				}
				got := s.Messages()
				if len(got) != 1 || !got[0].TLS || got[0].User != "alerts" || got[0].From != "errors@example.com" || got[0].To[0] != "a@example.com" {
					t.Fatalf("received %v, want one message over TLS by alerts", got)
				}
				if clear := s.ClearText(); strings.Contains(clear, "AUTH") || strings.Contains(clear, "MAIL") {
					t.Errorf("sent in clear text: %q", clear)
				}
			})
		}
	}
}

// Nothing but a greeting may leave in clear text when TLS is required, whatever
// stands between us and the server does.
func TestRequiredTLSNeverSendsInClear(t *testing.T) {
	tests := map[string]struct {
		server smtptest.Options
		stage  string
		text   string
	}{
		"STARTTLS stripped":         {smtptest.Options{AuthMethods: "PLAIN"}, "starttls", "does not offer STARTTLS"},
		"STARTTLS refused":          {smtptest.Options{TLS: true, Reply: always(smtptest.StartTLS, "454 not now")}, "starttls", "454 not now"},
		"certificate of another":    {smtptest.Options{TLS: true, Name: "other.example.com"}, "starttls", "certificate"},
		"TLS 1.1 only":              {smtptest.Options{TLS: true, MaxTLS: tls.VersionTLS11}, "starttls", "protocol version"},
		"words ahead of handshake":  {smtptest.Options{TLS: true, Inject: "250 AUTH PLAIN\r\n"}, "starttls", "between STARTTLS and the handshake"},
		"EHLO answered with nobody": {smtptest.Options{Reply: always(smtptest.Ehlo, "250 hello")}, "starttls", "does not offer STARTTLS"},
		"EHLO refused": {smtptest.Options{TLS: true, Reply: func() map[smtptest.Stage]func(int) string {
			return map[smtptest.Stage]func(int) string{smtptest.Ehlo: func(n int) string {
				if n == 1 {
					return "502 what?"
				}
				return "250 hello"
			}}
		}()}, "starttls", "does not offer STARTTLS"},
	}
	for name, tt := range tests {
		for _, credentials := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, credentials %t", name, credentials), func(t *testing.T) {
				tt.server.User, tt.server.Password = "alerts", password
				s := smtptest.Start(t, tt.server)
				c := dialled(t, s, func(o *Options) {
					o.TLS = Required
					if credentials {
						login(o)
					}
				})
				d := failure(t, c.Send(t.Context(), mailTo("a@example.com")))
				if d.Stage != tt.stage || !d.Down || d.Permanent || !strings.Contains(d.Error(), tt.text) {
					t.Errorf("Send = %+v (%v), want stage %q, down, not permanent, about %q", d, d, tt.stage, tt.text)
				}
				for _, word := range []string{"MAIL", "AUTH", "DATA", "boom", password} {
					if strings.Contains(s.ClearText(), word) {
						t.Errorf("clear text holds %q: %q", word, s.ClearText())
					}
				}
				if n := len(s.Messages()); n != 0 {
					t.Errorf("%d messages were taken", n)
				}
			})
		}
	}
}

func always(at smtptest.Stage, text string) map[smtptest.Stage]func(int) string {
	return map[smtptest.Stage]func(int) string{at: func(int) string { return text }}
}

func TestOpportunisticTLS(t *testing.T) {
	tests := map[string]struct {
		server  smtptest.Options
		wantTLS bool
	}{
		"offered":                      {smtptest.Options{TLS: true}, true},
		"offered by an unknown server": {smtptest.Options{TLS: true, Name: "other.example.com"}, true},
		"not offered":                  {smtptest.Options{}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := smtptest.Start(t, tt.server)
			c := dialled(t, s, nil) // Auto, loopback, no credentials
			if c.Policy() != Opportunistic {
				t.Fatalf("policy = %q, want %q", c.Policy(), Opportunistic)
			}
			if err := c.Send(t.Context(), mailTo("a@example.com")); err != nil {
				t.Fatalf("Send = %v", err)
			}
			if got := s.Messages(); len(got) != 1 || got[0].TLS != tt.wantTLS {
				t.Errorf("received %v, want one message, TLS %t", got, tt.wantTLS)
			}
		})
	}
}

func TestPolicy(t *testing.T) {
	tests := []struct {
		set         Policy
		host        string
		port        int
		credentials bool
		want        Policy // "" wants an error
	}{
		{Auto, "mail.example.com", 25, false, Required},
		{Auto, "mail.example.com", 587, true, Required},
		{Auto, "mail.example.com", 465, false, Required},
		{Auto, "localhost", 25, false, Opportunistic},
		{Auto, "127.0.0.1", 1025, false, Opportunistic},
		{Auto, "::1", 25, false, Opportunistic},
		{Auto, "::ffff:10.0.0.1", 25, false, Opportunistic},
		{Auto, "192.168.1.9", 25, false, Opportunistic},
		{Auto, "mailpit", 1025, false, Opportunistic},
		{Auto, "localhost", 25, true, Required},
		{Auto, "mailpit", 465, false, Required},
		{Auto, "8.8.8.8", 25, false, Required},
		{Auto, "172.32.0.1", 25, false, Required},
		{Auto, "localhost.example.com", 25, false, Required},
		{Auto, "mail.local", 25, false, Required},
		{Required, "localhost", 25, false, Required},
		{Opportunistic, "mail.example.com", 25, false, Opportunistic},
		{Opportunistic, "mail.example.com", 25, true, Required},
		{None, "mail.example.com", 25, false, None},
		{None, "mail.example.com", 25, true, ""},
		{None, "mail.example.com", 465, false, ""},
		{"yes", "mail.example.com", 25, false, ""},
	}
	for _, tt := range tests {
		o := Options{Host: tt.host, Port: tt.port, TLS: tt.set, Mail: settings}
		if tt.credentials {
			login(&o)
		}
		c, err := New(o)
		switch {
		case tt.want == "" && err == nil:
			t.Errorf("policy %q for %s:%d, credentials %t: got %q, want an error", tt.set, tt.host, tt.port, tt.credentials, c.Policy())
		case tt.want != "" && err != nil:
			t.Errorf("policy %q for %s:%d, credentials %t: %v", tt.set, tt.host, tt.port, tt.credentials, err)
		case err == nil && c.Policy() != tt.want:
			t.Errorf("policy %q for %s:%d, credentials %t: got %q, want %q", tt.set, tt.host, tt.port, tt.credentials, c.Policy(), tt.want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	tests := map[string]struct {
		o    Options
		want string
	}{
		"no host":            {Options{Port: 25, Mail: settings}, "host is empty"},
		"host with a port":   {Options{Host: "mail:25", Port: 25, Mail: settings}, "host is"},
		"host with a break":  {Options{Host: "mail\r\nQUIT", Port: 25, Mail: settings}, "host is"},
		"port 0":             {Options{Host: "mail", Mail: settings}, "port is 0"},
		"port 70000":         {Options{Host: "mail", Port: 70000, Mail: settings}, "port is 70000"},
		"NUL in credentials": {Options{Host: "mail", Port: 25, Mail: settings, Username: "a\x00b", Password: config.NewSecret("x")}, "zero byte"},
		"no sender":          {Options{Host: "mail", Port: 25}, "sender"},
	}
	for name, tt := range tests {
		if _, err := New(tt.o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: New = %v, want an error about %q", name, err, tt.want)
		}
	}
}

func TestRefusalsAreClassified(t *testing.T) {
	tests := map[string]struct {
		at        smtptest.Stage
		reply     string
		stage     string
		permanent bool
		down      bool
	}{
		"server is busy":          {smtptest.Connect, "421 too many connections", "greeting", false, true},
		"server wants nobody":     {smtptest.Connect, "554 no service", "greeting", false, true},
		"sender is greylisted":    {smtptest.Mail, "451 later", "mail", false, false},
		"sender is refused":       {smtptest.Mail, "550 not you", "mail", true, false},
		"recipient is greylisted": {smtptest.Rcpt, "450 4.2.0 greylisted", "rcpt", false, false},
		"no such recipient":       {smtptest.Rcpt, "550 5.1.1 nobody here", "rcpt", true, false},
		"several lines":           {smtptest.Rcpt, "550-5.1.1 nobody\r\n550 here", "rcpt", true, false},
		"no data now":             {smtptest.Data, "451 later", "data", false, false},
		"no data ever":            {smtptest.Data, "554 no", "data", true, false},
		"message is put off":      {smtptest.Message, "452 disk full", "message", false, false},
		"message is spam":         {smtptest.Message, "554 spam", "message", true, false},
		"server shuts down":       {smtptest.Message, "421 shutting down", "message", false, true},
		"not SMTP at all":         {smtptest.Connect, "HTTP/1.1 400 Bad Request", "greeting", false, true},
		"code below 200":          {smtptest.Connect, "120 wait", "greeting", false, true},
		"codes that differ":       {smtptest.Mail, "250-a\r\n550 b", "mail", false, true},
		"a line of 100,000 bytes": {smtptest.Ehlo, "250 " + strings.Repeat("x", 100_000), "ehlo", false, true},
		"100,000 lines":           {smtptest.Ehlo, strings.Repeat("250-x\r\n", 100_000) + "250 x", "ehlo", false, true},
		"a code alone":            {smtptest.Rcpt, "550", "rcpt", true, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := smtptest.Start(t, smtptest.Options{Reply: map[smtptest.Stage]func(int) string{
				tt.at: func(n int) string {
					if n == 1 {
						return tt.reply
					}
					return ""
				},
			}})
			c := dialled(t, s, nil)
			d := failure(t, c.Send(t.Context(), mailTo("a@example.com")))
			if d.Stage != tt.stage || d.Permanent != tt.permanent || d.Down != tt.down {
				t.Errorf("Send = %+v (%v), want stage %q, permanent %t, down %t", d, d, tt.stage, tt.permanent, tt.down)
			}
			if n := len(d.Error()); n > 500 || strings.ContainsAny(d.Error(), "\r\n") {
				t.Errorf("error has %d bytes or a line break: %q", n, d.Error())
			}
			if n := len(s.Messages()); n != 0 {
				t.Fatalf("%d messages were taken", n)
			}
			// The next mail gets through, on the same connection if that still works.
			if err := c.Send(t.Context(), mailTo("b@example.com")); err != nil {
				t.Errorf("the mail after that: %v", err)
			}
			if got := s.Messages(); len(got) != 1 || len(got[0].To) != 1 || got[0].To[0] != "b@example.com" {
				t.Errorf("received %v, want the second mail alone", got)
			}
		})
	}
}

func TestSilentServerIsLeftInTime(t *testing.T) {
	stages := []smtptest.Stage{
		smtptest.Connect, smtptest.Ehlo, smtptest.StartTLS, smtptest.Auth, smtptest.Mail,
		smtptest.Rcpt, smtptest.Data, smtptest.Body, smtptest.Message,
	}
	for _, stage := range stages {
		t.Run(string(stage), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := smtptest.New(t, smtptest.Options{TLS: true, AuthMethods: "PLAIN", User: "alerts", Password: password, HangAt: stage})
				c := piped(t, s, login)
				began := time.Now()
				d := failure(t, c.Send(t.Context(), mailTo("a@example.com")))
				if took := time.Since(began); took > mailTimeout || took < stepTimeout {
					t.Errorf("Send took %v, want %v to %v", took, stepTimeout, mailTimeout)
				}
				if !d.Down || d.Permanent || !strings.Contains(d.Error(), "did not answer in time") {
					t.Errorf("Send = %+v (%v), want a temporary failure of the server", d, d)
				}
				c.Close()
				s.Close()
			})
		})
	}
}

func TestServerOfOneByteASecondIsLeftInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := smtptest.New(t, smtptest.Options{SlowAfter: time.Second})
		c := piped(t, s, nil)
		began := time.Now()
		d := failure(t, c.Send(t.Context(), mailTo("a@example.com")))
		if took := time.Since(began); took > mailTimeout {
			t.Errorf("Send took %v, want at most %v", took, mailTimeout)
		}
		if !d.Down || d.Permanent {
			t.Errorf("Send = %+v (%v), want a temporary failure of the server", d, d)
		}
		c.Close()
		s.Close()
	})
}

func TestSendEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := smtptest.New(t, smtptest.Options{HangAt: smtptest.Message})
		c := piped(t, s, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		err := c.Send(ctx, mailTo("a@example.com"))
		if took := time.Since(began); err == nil || took != 3*time.Second {
			t.Errorf("Send = %v after %v, want an error after 3s", err, took)
		}
		c.Close()
		s.Close()
	})
}

func TestServerThatHangsUp(t *testing.T) {
	for _, stage := range []smtptest.Stage{
		smtptest.Connect, smtptest.Ehlo, smtptest.StartTLS, smtptest.Auth, smtptest.Mail,
		smtptest.Rcpt, smtptest.Data, smtptest.Body, smtptest.Message,
	} {
		t.Run(string(stage), func(t *testing.T) {
			s := smtptest.Start(t, smtptest.Options{TLS: true, AuthMethods: "PLAIN", User: "alerts", Password: password, CloseAt: stage, CloseOn: 1})
			c := dialled(t, s, login)
			d := failure(t, c.Send(t.Context(), mailTo("a@example.com")))
			if !d.Down || d.Permanent {
				t.Errorf("Send = %+v (%v), want a temporary failure of the server", d, d)
			}
			if err := c.Send(t.Context(), mailTo("a@example.com")); err != nil {
				t.Errorf("second attempt: %v", err)
			}
			if n := len(s.Messages()); n != 1 {
				t.Errorf("%d messages were taken, want 1", n)
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	s := smtptest.Start(t, smtptest.Options{})
	c := dialled(t, s, nil)
	s.Close()
	if d := failure(t, c.Send(t.Context(), mailTo("a@example.com"))); d.Stage != "connect" || !d.Down || d.Permanent {
		t.Errorf("Send = %+v (%v), want a failure to connect", d, d)
	}
}

func TestBurstGoesOverOneConnection(t *testing.T) {
	s := smtptest.Start(t, smtptest.Options{TLS: true})
	c := dialled(t, s, nil)
	for i := range maxPerConn + 1 {
		if err := c.Send(t.Context(), mailTo(fmt.Sprintf("a%d@example.com", i))); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.Connections(); n != 2 {
		t.Errorf("%d mails went over %d connections, want 2 of at most %d mails", maxPerConn+1, n, maxPerConn)
	}
	c.Close()
	if commands := s.Commands(); commands[len(commands)-1] != "QUIT" {
		t.Errorf("last command = %q, want QUIT", commands[len(commands)-1])
	}
	if err := c.Send(t.Context(), mailTo("b@example.com")); err != nil || s.Connections() != 3 {
		t.Errorf("after Close: Send = %v over connection %d, want a third one", err, s.Connections())
	}
}

func TestConnectionThatDiedWhileIdleIsReplaced(t *testing.T) {
	s := smtptest.Start(t, smtptest.Options{Reply: map[smtptest.Stage]func(int) string{
		smtptest.Mail: func(n int) string {
			if n == 2 {
				return "421 idle for too long"
			}
			return ""
		},
	}})
	c := dialled(t, s, nil)
	for range 2 {
		if err := c.Send(t.Context(), mailTo("a@example.com")); err != nil {
			t.Fatalf("Send = %v, want it to connect again", err)
		}
	}
	if len(s.Messages()) != 2 || s.Connections() != 2 {
		t.Errorf("%d messages over %d connections, want 2 over 2", len(s.Messages()), s.Connections())
	}
}

func TestIdleConnectionIsNotTrusted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := smtptest.New(t, smtptest.Options{})
		c := piped(t, s, nil)
		for range 2 {
			if err := c.Send(t.Context(), mailTo("a@example.com")); err != nil {
				t.Fatal(err)
			}
			time.Sleep(maxIdle + time.Second)
		}
		if n := s.Connections(); n != 2 {
			t.Errorf("%d connections, want a second one after %v of idling", n, maxIdle)
		}
		c.Close()
		s.Close()
	})
}

func TestCredentialsAreNotInErrors(t *testing.T) {
	s := smtptest.Start(t, smtptest.Options{TLS: true, AuthMethods: "PLAIN", User: "alerts", Password: "another"}) // and echoes what it got
	c := dialled(t, s, login)
	d := failure(t, c.Send(t.Context(), mailTo("a@example.com")))
	if d.Stage != "auth" || !d.Down || d.Permanent || !strings.Contains(d.Error(), "[redacted]") || strings.Contains(d.Error(), password) {
		t.Errorf("Send = %+v (%v), want a failure to log in with the password redacted", d, d)
	}
	if s := fmt.Sprintf("%v %+v %#v", c.o, c.o, c.o); strings.Contains(s, password) {
		t.Error("options print the password")
	}
}

func TestServerWithoutAKnownLogIn(t *testing.T) {
	s := smtptest.Start(t, smtptest.Options{TLS: true, AuthMethods: "GSSAPI CRAM-MD5"})
	d := failure(t, dialled(t, s, login).Send(t.Context(), mailTo("a@example.com")))
	if d.Stage != "auth" || !strings.Contains(d.Error(), "GSSAPI") {
		t.Errorf("Send = %v, want an error that names what is offered", d)
	}
}

func TestEnvelopeCannotBeInjected(t *testing.T) {
	s := smtptest.Start(t, smtptest.Options{})
	c := dialled(t, s, nil)
	err := c.Send(t.Context(), mailTo("a@example.com>\r\nRCPT TO:<evil@example.net"))
	if err == nil {
		t.Error("Send takes a recipient with a line break")
	}
	for _, command := range s.Commands() {
		if strings.Contains(command, "evil") {
			t.Errorf("server got the command %q", command)
		}
	}
}
