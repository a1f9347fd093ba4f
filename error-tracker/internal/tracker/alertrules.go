package tracker

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/url"
	"strings"

	"github.com/monlight/monlight/shared/errs"
)

// AlertRules are which alerts of a project go out, and by which channels. The
// zero value sends what is new or back by all.
type AlertRules struct {
	NotCreated   bool // nobody is told of new issues
	NotRegressed bool // nor of those that are back, from being resolved or muted
	Frequency    Frequency
	NotByMail    bool
	NotByWebhook bool // neither by Webhook nor by the one that the operator has set for all projects
	Webhook      Webhook
}

// Wants tells whether alerts of a kind go out by a channel.
func (r *AlertRules) Wants(by Channel, kind AlertKind) bool {
	switch {
	case by == ByMail && r.NotByMail, by == ByWebhook && r.NotByWebhook:
		return false
	case kind == AlertCreated:
		return !r.NotCreated
	case kind == AlertRegressed, kind == AlertUnmuted:
		return !r.NotRegressed
	case kind == AlertFrequent:
		return r.Frequency.On()
	}
	return true
}

// MaxWebhookURL is the longest URL of a webhook, in bytes.
const MaxWebhookURL = 2000

// hidden stands for what is not shown of a secret.
const hidden = "…"

// Secret is a text that does not print.
type Secret string

// String returns "…".
func (Secret) String() string { return hidden }

// Format writes "…" for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, hidden) }

// LogValue returns "…", for log/slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText returns "…", for encoders.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// Webhook is where alerts are posted to. The zero value is none. Its URL is a
// secret: those of chat services hold the key in their path.
type Webhook struct {
	URL      Secret
	Key      Secret // of the signature; empty if the operator's webhook has none
	Operator bool   // it comes from the service's own settings
	Fresh    bool   // Key was made just now, and is to be shown this once
}

// Masked is as much of the URL as people may see: "https://chat.example/…", or ""
// for none.
func (w *Webhook) Masked() string {
	if w.URL == "" {
		return ""
	}
	u, err := url.Parse(string(w.URL))
	if err != nil || u.Host == "" {
		return hidden
	}
	return u.Scheme + "://" + u.Host + "/" + hidden
}

// Validate says what is wrong with the URL, without telling it.
func (w *Webhook) Validate() error {
	if w.URL == "" {
		return nil
	}
	text := string(w.URL)
	if len(text) > MaxWebhookURL {
		return errs.New(errs.Invalid, "webhook_url has %d bytes, the limit is %d", len(text), MaxWebhookURL)
	}
	u, err := url.Parse(text)
	plain := !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f })
	if err != nil || !plain || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return errs.New(errs.Invalid, "webhook_url is not an address that can be posted to: want http:// or https:// with a host, without user, spaces or #")
	}
	return nil
}

// webhookKeyPrefix tells the keys from other random texts, for people and for
// programs that look for secrets.
const webhookKeyPrefix = "mlwh_"

// keep completes w, which is to take the place of was: the masked URL stands for
// the old one, and a webhook without a key, or at another URL, gets a new key.
func (w *Webhook) keep(was Webhook) {
	w.URL = Secret(strings.TrimSpace(string(w.URL)))
	if masked := was.Masked(); masked != "" && string(w.URL) == masked {
		w.URL = was.URL
	}
	switch {
	case w.URL == "":
		*w = Webhook{}
	case w.URL != was.URL, w.Key == "":
		w.Key, w.Fresh = Secret(webhookKeyPrefix+rand.Text()), true
	}
}

// Webhooks finds the webhook of a project.
type Webhooks struct {
	Projects ProjectStore
	Settings SettingsStore
	Operator Webhook // for projects without one of their own
}

// Of returns where alerts of a project are posted to, nowhere being the zero
// value; of 0 that is the operator's. NotFound when there is no such project.
func (w *Webhooks) Of(ctx context.Context, project int64) (Webhook, error) {
	if project == 0 {
		return w.Operator, nil
	}
	p, err := w.Projects.Project(ctx, project)
	if err != nil {
		return Webhook{}, err
	}
	s, err := w.Settings.Settings(ctx, p.Name)
	switch {
	case err != nil:
		return Webhook{}, err
	case s.Alerts.NotByWebhook:
		return Webhook{}, nil
	case s.Alerts.Webhook.URL != "":
		return s.Alerts.Webhook, nil
	}
	return w.Operator, nil
}
