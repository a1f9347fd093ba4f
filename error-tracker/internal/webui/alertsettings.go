package webui

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/webui"
)

// alertSettingsPage is the data of alertsettings.html.
type alertSettingsPage struct {
	Since  int64 // the version that the page was made from
	URL    string
	Parent string
	Name   string
	Why    string // it could not be saved
	Secret string // the key of the webhook, shown once
	Signed bool   // it has a webhook of its own

	Created, Regressed, Mail, Webhook bool
	Events, Minutes                   string // of the rule for frequent issues; "" is none
	WebhookURL                        string // masked, or as it was sent when it could not be saved

	Channels []channelView
}

// channelView is how a channel of the project stands.
type channelView struct {
	Channel string // "mail", "webhook"
	Label   string
	Icon    string
	Off     string // why it tells nobody; "" if it does
	Target  string
	Badge   webui.Badge // of the last delivery
	Kind    string      // of the last delivery; "" if there is none
	Created time.Time
	Ended   time.Time // when it was sent or given up; zero while it is not
	Next    time.Time // the next attempt; zero if there is none
	Problem string    // why the last attempt failed; "" when none did
	Tries   string
}

func (p *Pages) alertsURL(id int64) string { return p.projectURL(id) + "/alerts" }

func (p *Pages) projectAlerts(w http.ResponseWriter, r *http.Request) error {
	t, s, err := p.pathSettings(r)
	if err != nil {
		return err
	}
	d := newAlertSettings(s)
	return p.renderAlerts(w, r, http.StatusOK, &t, &d)
}

func newAlertSettings(s *tracker.Settings) alertSettingsPage {
	a := &s.Alerts
	d := alertSettingsPage{
		Since: s.Version, Created: !a.NotCreated, Regressed: !a.NotRegressed, Mail: !a.NotByMail, Webhook: !a.NotByWebhook,
		WebhookURL: a.Webhook.Masked(), Signed: a.Webhook.URL != "",
	}
	if a.Frequency.On() {
		d.Events, d.Minutes = itoa(int64(a.Frequency.Events)), itoa(int64(a.Frequency.Minutes))
	}
	if a.Webhook.Fresh {
		d.Secret = string(a.Webhook.Key)
	}
	return d
}

// renderAlerts completes d and shows it.
func (p *Pages) renderAlerts(w http.ResponseWriter, r *http.Request, status int, t *tracker.Project, d *alertSettingsPage) error {
	states, err := p.opts.Tracker.AlertChannels(r.Context(), t.ID)
	if err != nil {
		return err
	}
	for _, s := range states {
		d.Channels = append(d.Channels, newChannelView(s))
	}
	d.URL, d.Parent, d.Name, d.Why = p.alertsURL(t.ID), p.projectURL(t.ID), projectName(t.Name), webui.Line(d.Why, 300)
	return p.ui.Render(w, r, status, webui.Page{
		Name: "alertsettings", Title: "Alerts of " + d.Name, Section: "/projects", Assets: []string{"detail.css", "form.css", "issue.css", "project.css", "alerts.css", "detail.js"}, Data: *d,
	})
}

func newChannelView(s tracker.ChannelState) channelView {
	v := channelView{Channel: string(s.Channel), Label: "Mail", Icon: "mail", Off: webui.Line(s.Off, 200), Target: webui.Line(s.Target, 300)}
	if s.Channel == tracker.ByWebhook {
		v.Label, v.Icon = "Webhook", "link"
	}
	m := s.Last
	if m == nil {
		return v
	}
	v.Kind, v.Created, v.Badge = webui.Line(m.Kind, 20), m.CreatedAt, deliveryBadge(m)
	v.Problem, v.Tries = webui.Line(m.LastError, 400), webui.Plural(int64(m.Attempts), "attempt", "attempts")
	switch m.State() {
	case tracker.MailSent:
		v.Ended = m.SentAt
	case tracker.MailGivenUp:
		v.Ended = m.FailedAt
	default:
		v.Next = m.NextAttempt
	}
	return v
}

func (p *Pages) changeAlerts(w http.ResponseWriter, r *http.Request) error {
	t, err := p.pathProject(r)
	if err != nil {
		return err
	}
	f, err := form(w, r)
	if err != nil {
		return err
	}
	since, err := madeFrom(f)
	if err != nil {
		return err
	}
	var sent, now tracker.Settings
	changed, err := p.opts.Tracker.ChangeSettings(r.Context(), t.ID, func(s *tracker.Settings) error {
		now = *s
		a := &s.Alerts
		a.NotCreated, a.NotRegressed = f.Get("created") == "", f.Get("regressed") == ""
		a.NotByMail, a.NotByWebhook = f.Get("mail") == "", f.Get("webhook") == ""
		a.Webhook.URL = tracker.Secret(f.Get("webhook_url"))
		var mistake error
		a.Frequency, mistake = frequencyOf(f)
		s.Version = since
		sent = *s
		return mistake
	})
	if k := errs.KindOf(err); k == errs.Invalid || k == errs.Conflict {
		d := newAlertSettings(&sent)
		d.Events, d.Minutes = webui.Line(f.Get("events"), 30), webui.Line(f.Get("minutes"), 30)
		d.WebhookURL, d.Signed = webui.Line(f.Get("webhook_url"), tracker.MaxWebhookURL), now.Alerts.Webhook.URL != ""
		status := http.StatusUnprocessableEntity
		if d.Why = err.Error(); k == errs.Conflict {
			// Who read the message may save over what the other one chose.
			status, d.Why, d.Since = http.StatusConflict, changedByOther, now.Version
		}
		return p.renderAlerts(w, r, status, &t, &d)
	}
	if err != nil {
		return err
	}
	if changed.Alerts.Webhook.Fresh {
		d := newAlertSettings(changed)
		return p.renderAlerts(w, r, http.StatusOK, &t, &d)
	}
	p.ui.Flash(w, webui.Flash{Text: "Saved. It holds for alerts from now on."})
	http.Redirect(w, r, p.alertsURL(t.ID), http.StatusSeeOther)
	return nil
}

// frequencyOf is the rule that a form has; both fields empty are none.
func frequencyOf(f url.Values) (rule tracker.Frequency, err error) {
	for name, n := range map[string]*int{"events": &rule.Events, "minutes": &rule.Minutes} {
		text := strings.TrimSpace(f.Get(name))
		if text == "" {
			continue
		}
		if *n, err = strconv.Atoi(text); err != nil {
			return rule, errs.New(errs.Invalid, "%s = %q, want a whole number", name, webui.Line(text, 30))
		}
	}
	return rule, nil
}

// testChannel queues a test. Its result is on the page by the next look at it.
func (p *Pages) testChannel(w http.ResponseWriter, r *http.Request) error {
	id, err := pathNumber(r, "id", "project")
	if err != nil {
		return err
	}
	f, err := form(w, r)
	if err != nil {
		return err
	}
	err = p.opts.Tracker.TestChannel(r.Context(), tracker.Channel(f.Get("channel")), id)
	switch errs.KindOf(err) {
	case errs.Conflict:
		p.ui.Flash(w, webui.Flash{Text: webui.Line(err.Error(), 300)})
	default:
		if err != nil {
			return err
		}
		p.ui.Flash(w, webui.Flash{Text: "A test is on its way. What became of it is shown here in some seconds: load the page again."})
	}
	http.Redirect(w, r, p.alertsURL(id), http.StatusSeeOther)
	return nil
}

// rotateWebhookKey answers with the page itself: the key is shown this once, and
// is neither in a cookie nor in an address.
func (p *Pages) rotateWebhookKey(w http.ResponseWriter, r *http.Request) error {
	t, err := p.pathProject(r)
	if err != nil {
		return err
	}
	if _, err := form(w, r); err != nil {
		return err
	}
	hook, err := p.opts.Tracker.RotateWebhookKey(r.Context(), t.ID)
	if err != nil {
		return err
	}
	s, err := p.opts.Tracker.Settings(r.Context(), t.Name)
	if err != nil {
		return err
	}
	d := newAlertSettings(s)
	d.Secret = string(hook.Key)
	return p.renderAlerts(w, r, http.StatusOK, &t, &d)
}
