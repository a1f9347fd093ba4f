package alerting

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/errs"
)

// Limits of what is posted to a webhook.
const (
	maxTitle       = 300 // bytes
	maxHookMessage = 2_000
	maxHookListed  = 20 // issues of a digest
	maxChatListed  = 5  // and of those in its text for a chat, by so much of their titles
	maxChatTitle   = 150
	maxContent     = 1_900 // Discord takes 2,000 characters
)

// HookStore is what composing for webhooks needs of the store: that of the
// channel, and what was sent about one project.
type HookStore interface {
	Store
	Deliveries(ctx context.Context, q tracker.DeliveryQuery, limit int) ([]tracker.Mail, error)
}

// Hooks finds the webhook of a project; [tracker.Webhooks] does.
type Hooks interface {
	Of(ctx context.Context, project int64) (tracker.Webhook, error)
}

// HookComposer makes what is posted to webhooks, by the policy of [Composer] for
// each project on its own. While a project's webhook fails nothing but tests is
// made for it: what piled up becomes one digest.
type HookComposer struct {
	settings Settings
	store    HookStore
	hooks    Hooks
	now      func() time.Time
	lanes    map[int64]*Composer // of the projects that have pending alerts
}

// NewHookComposer returns a composer; of s, the addresses of mail are not used.
func NewHookComposer(s Settings, store HookStore, hooks Hooks, now func() time.Time) (*HookComposer, error) {
	s, err := s.checkedPolicy()
	if err != nil {
		return nil, err
	}
	s.Recipients = nil
	return &HookComposer{settings: s, store: store, hooks: hooks, now: now, lanes: map[int64]*Composer{}}, nil
}

// Compose does all that is due now. It returns an error when the store failed;
// what it had queued by then stays queued.
func (c *HookComposer) Compose(ctx context.Context) (Result, error) { return c.compose(ctx, false) }

// ComposeTests makes posts of test alerts and leaves all others pending.
func (c *HookComposer) ComposeTests(ctx context.Context) (Result, error) {
	return c.compose(ctx, true)
}

func (c *HookComposer) compose(ctx context.Context, testsOnly bool) (Result, error) {
	var res Result
	alerts, err := c.store.PendingAlerts(ctx, maxPending)
	if err != nil {
		return res, err
	}
	of := map[int64][]tracker.Alert{}
	var projects []int64
	for _, a := range alerts {
		if of[a.ProjectID] == nil {
			projects = append(projects, a.ProjectID)
		}
		of[a.ProjectID] = append(of[a.ProjectID], a)
	}
	lanes := make(map[int64]*Composer, len(projects))
	var first error
	for _, project := range projects {
		one, err := c.project(ctx, project, of[project], testsOnly, lanes)
		first = cmp.Or(first, err)
		res.Mails += one.Mails
		res.Digests += one.Digests
		res.Tests += one.Tests
		res.Dropped += one.Dropped
		res.Waiting += one.Waiting
		if !one.Next.IsZero() {
			res.Next = earlier(res.Next, one.Next)
		}
	}
	c.lanes = lanes // others begin anew, with what the store knows of them
	return res, first
}

// project composes for one project and puts its composer among lanes.
func (c *HookComposer) project(ctx context.Context, project int64, alerts []tracker.Alert, testsOnly bool, lanes map[int64]*Composer) (Result, error) {
	hook, err := c.hooks.Of(ctx, project)
	if err != nil && errs.KindOf(err) != errs.NotFound {
		return Result{Waiting: len(alerts)}, err
	}
	if hook.URL == "" {
		return c.drop(ctx, alerts)
	}
	failing, err := c.failing(ctx, project)
	if err != nil {
		return Result{Waiting: len(alerts)}, err
	}
	lane := c.lanes[project]
	if lane == nil {
		lane = &Composer{Settings: c.settings, channel: tracker.ByWebhook, now: c.now}
	}
	lanes[project] = lane
	lane.store = laneStore{c.store, project, alerts}
	lane.writer = hookWriter{c.settings, project, hook.Masked()}
	return lane.compose(ctx, testsOnly || failing)
}

// drop removes alerts of a project that has no webhook.
func (c *HookComposer) drop(ctx context.Context, alerts []tracker.Alert) (res Result, err error) {
	for part := range slices.Chunk(alerts, queueChunk) {
		ids := make([]int64, len(part))
		for i, a := range part {
			ids[i] = a.ID
		}
		if err := c.store.QueueMails(ctx, ids, nil); err != nil {
			res.Waiting = len(alerts)
			return res, err
		}
	}
	return res, nil
}

// failing tells whether something for the project waits to be tried again.
func (c *HookComposer) failing(ctx context.Context, project int64) (bool, error) {
	recent, err := c.store.Deliveries(ctx, tracker.DeliveryQuery{Channel: tracker.ByWebhook, ProjectID: project}, 2*c.settings.Budget+maxHookListed)
	return slices.ContainsFunc(recent, func(m tracker.Mail) bool {
		return m.ProjectID == project && m.Attempts > 0 && m.SentAt.IsZero() && m.FailedAt.IsZero()
	}), err
}

// laneStore is the store as the composer of one project sees it.
type laneStore struct {
	HookStore
	project int64
	alerts  []tracker.Alert
}

// PendingAlerts implements Store.
func (s laneStore) PendingAlerts(context.Context, int) ([]tracker.Alert, error) { return s.alerts, nil }

// RecentMails implements Store.
func (s laneStore) RecentMails(ctx context.Context, issue int64, limit int) ([]tracker.Mail, error) {
	return s.Deliveries(ctx, tracker.DeliveryQuery{Channel: tracker.ByWebhook, ProjectID: s.project, IssueID: issue}, limit)
}

// post is the body of what is posted. docs/alerts.md describes it: members may be
// added, and none changes its meaning. text is for Slack and what takes the same,
// content for Discord.
type post struct {
	ID          string      `json:"id"`
	Kind        string      `json:"kind"`
	Time        string      `json:"time"`
	Project     string      `json:"project"`
	Environment string      `json:"environment"`
	Release     string      `json:"release"`
	Alerts      int         `json:"alerts"`
	Issue       *postIssue  `json:"issue"`
	Issues      []postIssue `json:"issues"`
	URL         string      `json:"url"`
	Text        string      `json:"text"`
	Content     string      `json:"content"`
	// Mentions keeps Discord from calling people whom an error's text names.
	Mentions struct {
		Parse []string `json:"parse"`
	} `json:"allowed_mentions"`
}

type postIssue struct {
	ID        int64  `json:"id"`
	Title     string `json:"title"`
	Type      string `json:"type"`
	Message   string `json:"message"`
	Culprit   string `json:"culprit"`
	Level     string `json:"level"`
	Count     int64  `json:"count"`
	Users     int64  `json:"users"`
	FirstSeen string `json:"first_seen"`
	LastSeen  string `json:"last_seen"`
	URL       string `json:"url"`
}

// hookWriter words what is posted to the webhook of one project.
type hookWriter struct {
	Settings
	project   int64
	recipient string // its masked URL
}

var _ writer = hookWriter{}

func (w hookWriter) issue(i *tracker.Issue) postIssue {
	message, _ := block(i.Message, maxHookMessage)
	return postIssue{
		ID: i.ID, Title: oneLine(issueTitle(i), maxTitle), Type: oneLine(i.Type, maxField), Message: message, Culprit: oneLine(i.Culprit, maxField), Level: oneLine(i.Level, maxField),
		Count: i.Count, Users: i.Users, FirstSeen: stamp(i.FirstSeen), LastSeen: stamp(i.LastSeen), URL: w.BaseURL + "/errors/" + strconv.FormatInt(i.ID, 10),
	}
}

func issueTitle(i *tracker.Issue) string {
	if i.Message == "" {
		return cmp.Or(i.Type, "Error")
	}
	return cmp.Or(i.Type, "Error") + ": " + i.Message
}

// stamp is a time of the body, "" for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// issueLetter implements writer.
func (w hookWriter) issueLetter(kind tracker.AlertKind, i tracker.Issue, e *event.Event, times int) letter {
	about := w.issue(&i)
	p := &post{
		Kind: string(kind), Project: oneLine(i.Project, maxField), Environment: oneLine(cmp.Or(e.Environment, i.Environment), maxField),
		Release: oneLine(cmp.Or(e.Release, i.LastRelease), maxField), Alerts: times, Issue: &about, URL: about.URL,
	}
	said := chat{headlines[kind]}
	if p.Project != "" {
		said.plain(" in ").code(p.Project)
	}
	said.plain(": ").code(about.Title)
	if about.Culprit != "" {
		said.plain(" at ").code(about.Culprit)
	}
	var facts []string
	for _, f := range []string{p.Environment, p.Release} {
		if f != "" {
			facts = append(facts, codeSpan(f))
		}
	}
	facts = append(facts, plural(i.Count, "event"))
	said.plain(" (" + strings.Join(facts, ", ") + ")\n" + about.URL)
	p.say(said.text)
	return letter{subject: issueSubject(backs[kind], i), post: p}
}

// headlines are what alerts about one issue begin with in a chat.
var headlines = map[tracker.AlertKind]string{
	tracker.AlertCreated: "New error", tracker.AlertRegressed: "Regressed error", tracker.AlertUnmuted: "Unmuted error", tracker.AlertFrequent: "Frequent error",
}

// digest implements writer.
func (w hookWriter) digest(list, rest []topic) letter {
	total := len(list) + len(rest)
	slices.SortStableFunc(list, func(a, b topic) int { return cmp.Compare(b.about.Count, a.about.Count) })
	p := &post{Kind: KindDigest, Alerts: total, Issues: []postIssue{}, URL: w.BaseURL + "/"}
	for _, t := range list[:min(len(list), maxHookListed)] {
		p.Project = oneLine(t.about.Project, maxField)
		p.Issues = append(p.Issues, w.issue(t.about))
	}
	said := chat{plural(int64(total), "error")}
	if p.Project != "" {
		said.plain(" in ").code(p.Project)
	}
	said.plain(fmt.Sprintf(" since the last alert, told of in one message because there are more than %s within %s:", number(int64(w.Budget)), span(w.DigestInterval)))
	for i := range p.Issues[:min(len(p.Issues), maxChatListed)] {
		said.plain("\n• ").code(oneLine(p.Issues[i].Title, maxChatTitle)).plain(" (" + plural(p.Issues[i].Count, "event") + ") " + p.Issues[i].URL)
	}
	if more := total - min(len(p.Issues), maxChatListed); more > 0 {
		said.plain("\nand " + number(int64(more)) + " more: " + p.URL)
	}
	p.say(said.text)
	return letter{subject: flat(fmt.Sprintf("[%s] %s (digest)", cmp.Or(p.Project, "error-tracker"), plural(int64(total), "error"))), post: p}
}

// test implements writer.
func (w hookWriter) test(time.Time) letter {
	p := &post{Kind: string(tracker.AlertTest), Alerts: 1, URL: w.BaseURL + "/"}
	p.say("Test of Monlight's error tracker: alerts arrive here.\n" + p.URL)
	return letter{subject: "[error-tracker] webhook test", post: p}
}

// mails implements writer.
func (w hookWriter) mails(l letter, kind tracker.AlertKind, issue, _ int64, now time.Time) []tracker.Mail {
	p := *l.post
	p.ID, p.Time = token(kind), stamp(now)
	p.Mentions.Parse = []string{}
	body, err := json.Marshal(p)
	if err != nil {
		panic(err) //nolint:forbidigo // of texts and numbers, which JSON can always say
	}
	return []tracker.Mail{{
		Channel: tracker.ByWebhook, MessageID: p.ID, Kind: string(kind), IssueID: issue, ProjectID: w.project, Recipient: w.recipient,
		Subject: l.subject, Text: string(body), CreatedAt: now, NextAttempt: now,
	}}
}

// say sets what chats show. Slack and Mattermost read &, < and > as the beginning of
// something, Discord as they stand.
func (p *post) say(text string) {
	p.Text = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
	p.Content, _ = cut(text, maxContent)
}

// chat is a text for people in a chat.
type chat struct{ text string }

func (c *chat) plain(text string) *chat {
	c.text += text
	return c
}

// code adds what came from outside. In code nothing is a link, a mention or a
// format, in any of the chats.
func (c *chat) code(text string) *chat { return c.plain(codeSpan(text)) }

func codeSpan(text string) string { return "`" + strings.ReplaceAll(text, "`", "'") + "`" }
