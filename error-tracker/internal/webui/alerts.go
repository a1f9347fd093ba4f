package webui

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/auth"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/webui"
)

// Mails and alerts that the alerts page lists.
const (
	shownMails  = 50
	shownAlerts = 10
)

// alertsPage is the data of alerts.html.
type alertsPage struct {
	Mail       MailSettings
	Recipients []string // shortened, see MaskAddress
	Webhook    string   // the operator's, masked; "" for none
	Pending    int64
	Latest     []tracker.Alert
	Mails      []mailRow
}

// mailRow is a mail of a list.
type mailRow struct {
	tracker.Mail
	Kind     string // "created by webhook"
	To       string
	Subject  string
	Badge    webui.Badge
	Problem  string // why the last attempt failed; "" when none did
	IssueURL string // "" when it is about no single issue
	Tries    string // "2 attempts"
	CanRetry bool
	Back     string
}

func (p *Pages) alerts(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	d := alertsPage{Mail: p.opts.Mail}
	for _, a := range p.opts.Mail.Recipients {
		d.Recipients = append(d.Recipients, MaskAddress(a))
	}
	var err error
	if d.Pending, err = p.opts.Tracker.CountPendingAlerts(ctx); err != nil {
		return err
	}
	mails, err := p.opts.Tracker.Deliveries(ctx, tracker.DeliveryQuery{}, shownMails)
	if err != nil {
		return err
	}
	states, err := p.opts.Tracker.AlertChannels(ctx, 0)
	if err != nil {
		return err
	}
	for _, s := range states {
		if s.Channel == tracker.ByWebhook {
			d.Webhook = webui.Line(s.Target, 300)
		}
	}
	if d.Latest, err = p.opts.Tracker.PastAlerts(ctx, "", tracker.TimeRange{}, shownAlerts); err != nil {
		return err
	}
	d.Mails = p.mailRows(r, mails, p.ui.Path("/alerts"))
	return p.ui.Render(w, r, http.StatusOK, webui.Page{Name: "alerts", Title: "Alerts", Section: "/alerts", Assets: []string{"detail.css", "issue.css"}, Data: d})
}

// mailRows prepares mails for a list on the page at the address back.
func (p *Pages) mailRows(r *http.Request, mails []tracker.Mail, back string) []mailRow {
	rows := make([]mailRow, len(mails))
	for i, m := range mails {
		to := MaskAddress(m.Recipient)
		if m.Channel == tracker.ByWebhook {
			to = webui.Line(m.Recipient, 300)
		}
		row := mailRow{Mail: m, Kind: webui.Line(m.Kind, 20) + " by " + webui.Line(string(m.Channel), 20), To: to, Badge: deliveryBadge(&m), CanRetry: m.State() == tracker.MailGivenUp && !auth.ReadOnly(r),
			Subject: webui.Line(m.Subject, 160), Problem: webui.Line(m.LastError, 400),
			Tries: webui.Plural(int64(m.Attempts), "attempt", "attempts"), Back: back}
		if m.IssueID > 0 {
			row.IssueURL = p.issueURL(m.IssueID)
		}
		rows[i] = row
	}
	return rows
}

// deliveryBadge says how far a mail is.
func deliveryBadge(m *tracker.Mail) webui.Badge {
	switch m.State() {
	case tracker.MailSent:
		return webui.NewBadge("green", "check", "Sent", "accepted by its receiver "+webui.UTC(m.SentAt))
	case tracker.MailGivenUp:
		return webui.NewBadge("red", "alert", "Failed", "given up "+webui.UTC(m.FailedAt))
	case tracker.MailWaiting:
		return webui.NewBadge("amber", "clock", "Trying again", "next attempt "+webui.UTC(m.NextAttempt))
	}
	return webui.NewBadge("blue", "clock", "Queued", "")
}

// testAlert sends a test to whom the operator has named, by mail if the form does
// not say webhook.
func (p *Pages) testAlert(w http.ResponseWriter, r *http.Request) error {
	f, err := form(w, r)
	if err != nil {
		return err
	}
	channel := tracker.ByMail
	if f.Get("channel") == string(tracker.ByWebhook) {
		channel = tracker.ByWebhook
	} else if !p.opts.Mail.Configured {
		return errs.New(errs.Unavailable, "mail is not configured; missing: %s", strings.Join(p.opts.Mail.Missing, ", "))
	}
	if err := p.opts.Tracker.TestChannel(r.Context(), channel, 0); err != nil {
		return err
	}
	p.ui.Flash(w, webui.Flash{Text: "A test is on its way. Whether it was accepted is shown below in some seconds."})
	http.Redirect(w, r, p.ui.Path("/alerts"), http.StatusSeeOther)
	return nil
}

func (p *Pages) retryMail(w http.ResponseWriter, r *http.Request) error {
	id, err := strconv.ParseInt(chi.URLParam(r, "id"), 10, 64)
	if err != nil {
		return errs.New(errs.NotFound, "there is no mail %s", webui.Line(chi.URLParam(r, "id"), 30))
	}
	f, err := form(w, r)
	if err != nil {
		return err
	}
	if err := p.opts.Tracker.RetryMail(r.Context(), id, p.opts.Now()); err != nil {
		return err
	}
	p.opts.Wake()
	p.ui.Flash(w, webui.Flash{Text: "It is tried again."})
	p.back(w, r, f, "/alerts")
	return nil
}

// MaskAddress shortens a mail address to what tells its owner whose it is:
// "ann@example.com" becomes "a…@example.com". Pages end up in screenshots.
func MaskAddress(a string) string {
	a = webui.Line(a, 120)
	name, domain, ok := strings.Cut(a, "@")
	if !ok || name == "" {
		return "…"
	}
	first := []rune(name)[0]
	return string(first) + "…@" + domain
}
