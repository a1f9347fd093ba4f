package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/postmark"
	"github.com/monlight/monlight/error-tracker/internal/smtp"
	"github.com/monlight/monlight/error-tracker/internal/tracker/alerting"
	"github.com/monlight/monlight/error-tracker/internal/webui"
	"github.com/monlight/monlight/error-tracker/internal/worker"
	"github.com/monlight/monlight/shared/config"
)

const defaultSender = "errors@example.com"

// mail is how alerts reach people.
type mail struct {
	transport worker.Transport // nil while alerts are off
	settings  alerting.Settings
	missing   []string // what has to be set for alerts, nil when they are on
}

// mailVariables are the settings of both transports as they stand.
type mailVariables struct {
	smtpHost, smtpUsername, smtpFrom string
	smtpPort                         int
	smtpPassword                     config.Secret
	smtpTLS                          string
	postmarkToken                    config.Secret
	postmarkFrom                     string
	recipients                       []string
	window, digest                   time.Duration
	budget                           int
}

func loadMail(env *config.Env, publicURL string) mail {
	v := mailVariables{
		smtpHost:     env.String("SMTP_HOST", "", "mail server for alerts; unset sends none"),
		smtpPort:     env.Int("SMTP_PORT", 25, 1, 65535, "its port; 465 is TLS from the start"),
		smtpUsername: env.String("SMTP_USERNAME", "", "user name at the mail server"),
		smtpPassword: env.OptionalSecret("SMTP_PASSWORD", "password at the mail server"),
		smtpFrom:     env.String("SMTP_FROM", defaultSender, "sender of alerts"),
		smtpTLS: env.Enum("SMTP_TLS", "auto", []string{"auto", "required", "opportunistic", "none"},
			"required sends over TLS or not at all; auto is required, but opportunistic for a server on this machine or network that wants no password"),
		postmarkToken: env.OptionalSecret("POSTMARK_API_TOKEN", "server token of Postmark, instead of SMTP_HOST"),
		postmarkFrom:  env.String("POSTMARK_FROM_EMAIL", defaultSender, "sender of alerts by Postmark"),
		recipients:    env.List("ALERT_EMAILS", "who gets alerts; unset sends none"),
		window:        env.Duration("ALERT_WINDOW", alerting.DefaultWindow, time.Second, alerting.MaxWindow, "shortest time between two mails of a kind about an issue"),
		digest:        env.Duration("ALERT_DIGEST_INTERVAL", alerting.DefaultDigestInterval, time.Second, day, "time in which ALERT_BUDGET mails are sent one by one; further alerts become one digest"),
		budget:        env.Int("ALERT_BUDGET", alerting.DefaultBudget, 1, 1000, "see ALERT_DIGEST_INTERVAL"),
	}
	m, err := v.mail(publicURL)
	if err != nil {
		env.Fail("%v", err)
	}
	if v.smtpHost != "" && !v.postmarkToken.IsZero() {
		env.Fail("SMTP_HOST and POSTMARK_API_TOKEN are both set, want one of them")
	}
	return m
}

// mail checks the variables that belong together. It does not connect.
func (v *mailVariables) mail(publicURL string) (mail, error) {
	m := mail{settings: alerting.Settings{BaseURL: publicURL, Window: v.window, DigestInterval: v.digest, Budget: v.budget}}
	if v.smtpHost == "" && v.postmarkToken.IsZero() {
		m.missing = append(m.missing, "SMTP_HOST")
	}
	if len(v.recipients) == 0 {
		m.missing = append(m.missing, "ALERT_EMAILS")
	}
	if m.missing != nil {
		return m, nil
	}
	sender, from := "SMTP_FROM", v.smtpFrom
	if v.smtpHost == "" {
		sender, from = "POSTMARK_FROM_EMAIL", v.postmarkFrom
	}
	var err error
	if m.settings.From, err = alerting.ParseAddress(from); err != nil {
		return m, fmt.Errorf("%s: %w", sender, err)
	}
	if m.settings.Recipients, err = alerting.ParseRecipients(v.recipients); err != nil {
		return m, fmt.Errorf("ALERT_EMAILS: %w", err)
	}
	if m.settings, err = m.settings.Checked(); err != nil {
		return m, fmt.Errorf("settings of alerts: %w", err)
	}
	m.transport, err = v.transport(m.settings)
	return m, err
}

func (v *mailVariables) transport(s alerting.Settings) (worker.Transport, error) {
	if v.smtpHost == "" {
		c, err := postmark.New(postmark.Options{Token: v.postmarkToken, Mail: s})
		if err != nil {
			return nil, fmt.Errorf("POSTMARK_API_TOKEN: %w", err)
		}
		return c, nil
	}
	policy := smtp.Policy(v.smtpTLS)
	if v.smtpTLS == "auto" {
		policy = smtp.Auto
	}
	c, err := smtp.New(smtp.Options{
		Host: v.smtpHost, Port: v.smtpPort, Username: v.smtpUsername, Password: v.smtpPassword, TLS: policy, Mail: s,
	})
	if err != nil {
		return nil, fmt.Errorf("SMTP_HOST, SMTP_USERNAME, SMTP_TLS: %w", err)
	}
	return c, nil
}

// off says why no alerts are sent, "" when they are.
func (m *mail) off() string {
	if m.missing == nil {
		return ""
	}
	return "SMTP not configured: " + m.missing[0] + " is not set"
}

// whom is who gets mails, as far as a page may show it: pages end up in screenshots.
func (m *mail) whom() string {
	var all []string
	for _, a := range m.settings.Recipients {
		all = append(all, webui.MaskAddress(a.Addr))
	}
	return strings.Join(all, ", ")
}

// composer returns what makes mails of alerts, nil when alerts are off.
func (m *mail) composer(store alerting.Store) (worker.Composer, error) {
	if m.transport == nil {
		return nil, nil
	}
	return alerting.NewComposer(m.settings, store, time.Now)
}

// page is what the web page about alerts tells.
func (m *mail) page() webui.MailSettings {
	p := webui.MailSettings{Configured: m.transport != nil, Missing: m.missing}
	if m.transport != nil {
		p.Via = m.transport.String()
	}
	for _, a := range m.settings.Recipients {
		p.Recipients = append(p.Recipients, a.Addr)
	}
	return p
}
