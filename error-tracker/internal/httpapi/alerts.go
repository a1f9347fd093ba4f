package httpapi

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/jsonpull"
	"github.com/monlight/monlight/shared/problem"
)

// alertRulesJSON are tracker.AlertRules. Of the webhook's URL only the host is
// told, and of its key nothing, but to who just had it made.
type alertRulesJSON struct {
	Created       bool          `json:"created"`
	Regressed     bool          `json:"regressed"`
	Frequency     frequencyJSON `json:"frequency"`
	Mail          bool          `json:"mail"`
	Webhook       bool          `json:"webhook"`
	WebhookURL    string        `json:"webhook_url"`
	WebhookSecret string        `json:"webhook_secret,omitempty"`
}

type frequencyJSON struct {
	Events  int `json:"events"`
	Minutes int `json:"minutes"`
}

func newAlertRulesJSON(r *tracker.AlertRules) alertRulesJSON {
	return alertRulesJSON{!r.NotCreated, !r.NotRegressed, frequencyJSON(r.Frequency), !r.NotByMail, !r.NotByWebhook, r.Webhook.Masked(), freshKey(&r.Webhook)}
}

// freshKey is the key of w while it may be told.
func freshKey(w *tracker.Webhook) string {
	if !w.Fresh {
		return ""
	}
	return string(w.Key)
}

// readAlertRules reads the member alerts of settings.
func readAlertRules(p *jsonpull.Parser, name string, r *tracker.AlertRules) error {
	return object(p, name, func(member string) error {
		short := strings.TrimPrefix(member, name+".")
		if short == "webhook_url" {
			text, ok := stringOrNull(p)
			if r.Webhook.URL = tracker.Secret(text); !ok {
				return errs.New(errs.Invalid, "%s must be a string", member)
			}
			return nil
		}
		if short == "frequency" {
			return readFrequency(p, member, &r.Frequency)
		}
		not := map[string]*bool{"created": &r.NotCreated, "regressed": &r.NotRegressed, "mail": &r.NotByMail, "webhook": &r.NotByWebhook}[short]
		if not == nil {
			return errs.New(errs.Invalid, "unknown field: %s", shortName(member))
		}
		on, ok := p.Bool()
		if *not = !on; !ok {
			return errs.New(errs.Invalid, "%s must be true or false", member)
		}
		return nil
	})
}

// readFrequency reads a rule; null is none.
func readFrequency(p *jsonpull.Parser, name string, f *tracker.Frequency) error {
	if p.Null() {
		*f = tracker.Frequency{}
		return nil
	}
	return object(p, name, func(member string) error {
		to := map[string]*int{name + ".events": &f.Events, name + ".minutes": &f.Minutes}[member]
		if to == nil {
			return errs.New(errs.Invalid, "unknown field: %s", shortName(member))
		}
		text, isNumber := p.Number()
		n, err := strconv.Atoi(text)
		if *to = n; !isNumber || err != nil {
			return errs.New(errs.Invalid, "%s must be a whole number", member)
		}
		return nil
	})
}

type channelJSON struct {
	Channel string        `json:"channel"`
	On      bool          `json:"on"`
	Why     string        `json:"why"`
	Target  string        `json:"target"`
	Last    *deliveryJSON `json:"last"`
}

type deliveryJSON struct {
	Kind     string  `json:"kind"`
	IssueID  *int64  `json:"issue_id"`
	State    string  `json:"state"`
	Created  string  `json:"created_at"`
	Ended    *string `json:"ended_at"`
	Next     *string `json:"next_attempt"`
	Attempts int     `json:"attempts"`
	Error    string  `json:"error"`
}

func newDeliveryJSON(m *tracker.Mail) *deliveryJSON {
	if m == nil {
		return nil
	}
	d := &deliveryJSON{Kind: m.Kind, State: string(m.State()), Created: m.CreatedAt.UTC().Format(time.RFC3339), Attempts: m.Attempts, Error: m.LastError}
	if m.IssueID != 0 {
		d.IssueID = &m.IssueID
	}
	switch m.State() {
	case tracker.MailSent:
		d.Ended = orNullTime(m.SentAt)
	case tracker.MailGivenUp:
		d.Ended = orNullTime(m.FailedAt)
	default:
		d.Next = orNullTime(m.NextAttempt)
	}
	return d
}

// alertChannels is GET /api/projects/{id}/alerts.
func (a *api) alertChannels(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id")
	if err != nil {
		return err
	}
	states, err := a.Tracker.AlertChannels(r.Context(), id)
	if err != nil {
		return err
	}
	all := make([]channelJSON, len(states))
	for i, s := range states {
		all[i] = channelJSON{string(s.Channel), s.Off == "", s.Off, s.Target, newDeliveryJSON(s.Last)}
	}
	return problem.JSON(w, http.StatusOK, map[string][]channelJSON{"channels": all})
}

type pastAlertJSON struct {
	ID      int64  `json:"id"`
	Project string `json:"project"`
	Kind    string `json:"kind"`
	Time    string `json:"time"`
	IssueID int64  `json:"issue_id"`
	Title   string `json:"title"`
}

// pastAlerts is GET /api/alerts.
func (a *api) pastAlerts(w http.ResponseWriter, r *http.Request) error {
	v, in, err := a.timeRange(r)
	if err != nil {
		return err
	}
	alerts, err := a.Tracker.PastAlerts(r.Context(), v.Get("project"), in, page(v.Get("limit"), defaultMarks, maxMarks))
	if err != nil {
		return err
	}
	all := make([]pastAlertJSON, len(alerts))
	for i := range alerts {
		p := &alerts[i]
		all[i] = pastAlertJSON{p.ID, p.Project, string(p.Kind), timestamp(p.At), p.IssueID, p.Title}
	}
	return problem.JSON(w, http.StatusOK, map[string][]pastAlertJSON{"alerts": all})
}

// testChannel is POST /api/projects/{id}/test-alert.
func (a *api) testChannel(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id")
	if err != nil {
		return err
	}
	channel := ""
	err = readMembers(w, r, func(p *jsonpull.Parser, name string) (err error) {
		if name != "channel" {
			return errs.New(errs.Invalid, "unknown field: %s", shortName(name))
		}
		var ok bool
		if channel, ok = p.String(); !ok {
			return errs.New(errs.Invalid, "channel must be a string")
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := a.Tracker.TestChannel(r.Context(), tracker.Channel(channel), id); err != nil {
		return err
	}
	return problem.JSON(w, http.StatusAccepted, map[string]string{"status": "test alert dispatched"})
}

// rotateWebhookKey is POST /api/projects/{id}/webhook-secret.
func (a *api) rotateWebhookKey(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id")
	if err != nil {
		return err
	}
	hook, err := a.Tracker.RotateWebhookKey(r.Context(), id)
	if err != nil {
		return err
	}
	return problem.JSON(w, http.StatusOK, map[string]string{"webhook_url": hook.Masked(), "webhook_secret": freshKey(&hook)})
}
