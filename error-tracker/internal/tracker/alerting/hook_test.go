package alerting

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/alerting/alerttest"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/errs"
)

// hookWorld is projects 1 and 2 with webhooks, and 3 without, at a time of its own.
type hookWorld struct {
	t *testing.T
	*alerttest.Store
	*HookComposer
	clock time.Time
}

func (w *hookWorld) Of(_ context.Context, project int64) (tracker.Webhook, error) {
	switch project {
	case 0, 1, 2:
		return tracker.Webhook{URL: tracker.Secret(fmt.Sprintf("https://chat%d.example/canary", project))}, nil
	case 3:
		return tracker.Webhook{}, nil
	}
	return tracker.Webhook{}, errs.New(errs.NotFound, "no project %d", project)
}

func newHookWorld(t *testing.T) *hookWorld {
	w := &hookWorld{t: t, Store: &alerttest.Store{}, clock: time.Date(2026, 11, 20, 13, 0, 0, 0, time.UTC)}
	w.restart()
	return w
}

func (w *hookWorld) restart() {
	c, err := NewHookComposer(Settings{BaseURL: "https://errors.example.com/"}, w.Store, w, func() time.Time { return w.clock })
	if err != nil {
		w.t.Fatal(err)
	}
	w.HookComposer = c
}

func (w *hookWorld) report(project, id int64, kind tracker.AlertKind) {
	name := fmt.Sprintf("project%d", project)
	w.InProject(name, project)
	if _, err := w.Issue(context.Background(), id); err != nil {
		w.Put(tracker.Issue{ID: id, Project: name, Type: "ValueError", Message: fmt.Sprintf("bad order %d", id), Culprit: "load in app.py", Environment: "prod", Count: id, FirstSeen: w.clock, LastSeen: w.clock}, event.Event{Release: "1.2.3"})
	}
	w.Alert(kind, id, w.clock)
}

func (w *hookWorld) compose() Result {
	w.t.Helper()
	res, err := w.Compose(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return res
}

// posts are the bodies of what was made for a project, by kind.
func (w *hookWorld) posts(project int64) map[string][]post {
	w.t.Helper()
	all := map[string][]post{}
	for _, m := range w.Mails() {
		if m.ProjectID != project {
			continue
		}
		var p post
		if err := json.Unmarshal([]byte(m.Text), &p); err != nil {
			w.t.Fatalf("%v in %s", err, m.Text)
		}
		if p.ID != m.MessageID || p.Kind != m.Kind || m.Recipient != fmt.Sprintf("https://chat%d.example/…", project) || strings.Contains(m.Text, "canary") {
			w.t.Errorf("%+v", m)
		}
		all[p.Kind] = append(all[p.Kind], p)
	}
	return all
}

func TestProjectsArePostedToOnTheirOwn(t *testing.T) {
	w := newHookWorld(t)
	for i := range int64(30) {
		w.report(1, i+1, tracker.AlertCreated) // a storm
	}
	w.report(2, 100, tracker.AlertCreated)
	w.report(3, 200, tracker.AlertCreated)
	w.report(4, 300, tracker.AlertCreated)
	res := w.compose()
	if res.Mails != 11 || res.Waiting != 20 {
		t.Errorf("%+v, want 10 posts for the storm and 1 for the other, 20 waiting", res)
	}
	if one := w.posts(1); len(one["created"]) != DefaultBudget || len(one) != 1 {
		t.Errorf("the storm: %d created of %d kinds", len(one["created"]), len(one))
	}
	w.restart()
	w.compose()
	w.clock = w.clock.Add(DefaultDigestInterval)
	w.compose()
	one := w.posts(1)
	if len(one["created"]) != DefaultBudget || len(one["digest"]) != 1 || len(w.Alerts()) != 0 {
		t.Fatalf("after the interval: %d created, %d digests, %d left", len(one["created"]), len(one["digest"]), len(w.Alerts()))
	}
	d := one["digest"][0]
	if d.Alerts != 20 || len(d.Issues) != maxHookListed || d.Issues[0].Count < d.Issues[1].Count || d.Project != "project1" || !strings.Contains(d.Text, "and 15 more") {
		t.Errorf("digest %+v", d)
	}
	if two := w.posts(2); len(two["created"]) != 1 {
		t.Errorf("the other project: %v", two)
	}
}

func TestAPostTellsOfItsIssue(t *testing.T) {
	w := newHookWorld(t)
	w.report(1, 7, tracker.AlertRegressed)
	w.compose()
	p := w.posts(1)["regressed"][0]
	want := post{
		ID: p.ID, Kind: "regressed", Time: "2026-11-20T13:00:00Z", Project: "project1", Environment: "prod", Release: "1.2.3", Alerts: 1, URL: "https://errors.example.com/errors/7",
		Text:    "Regressed error in `project1`: `ValueError: bad order 7` at `load in app.py` (`prod`, `1.2.3`, 7 events)\nhttps://errors.example.com/errors/7",
		Content: p.Content,
	}
	if i := p.Issue; i.ID != 7 || i.Title != "ValueError: bad order 7" || i.Culprit != "load in app.py" || i.Count != 7 || i.URL != want.URL || i.FirstSeen != want.Time {
		t.Errorf("issue %+v", i)
	}
	if want.Issue, want.Mentions = p.Issue, p.Mentions; fmt.Sprint(p) != fmt.Sprint(want) || p.Content != p.Text {
		t.Errorf("got  %+v\nwant %+v", p, want)
	}
	if first := p.ID; first == "" {
		t.Error("no ID")
	}
	w.report(1, 7, tracker.AlertRegressed)
	if res := w.compose(); res.Mails != 0 || res.Next != w.clock.Add(DefaultWindow) {
		t.Errorf("again within the window: %+v", res)
	}
}

// What an error says calls nobody in a chat and is no link there.
func TestChatsAreNotTalkedInto(t *testing.T) {
	w := newHookWorld(t)
	w.InProject("evil", 1)
	w.Put(tracker.Issue{ID: 9, Project: "evil", Type: "E", Message: "<!channel> @everyone ` [x](https://evil.example) <https://evil.example|x>\n@here & \u202e", Count: 1}, event.Event{})
	w.Alert(tracker.AlertCreated, 9, w.clock)
	w.compose()
	p := w.posts(1)["created"][0]
	if strings.ContainsAny(p.Text, "<>\u202e") || strings.Contains(p.Text, "& ") || len(p.Mentions.Parse) != 0 {
		t.Errorf("text %q", p.Text)
	}
	if !strings.Contains(p.Content, "`E: <!channel> @everyone ' [x](https://evil.example)") || strings.Count(p.Content, "`")%2 != 0 {
		t.Errorf("content %q", p.Content)
	}
	if !strings.Contains(w.Mails()[0].Text, `"allowed_mentions":{"parse":[]}`) {
		t.Errorf("Discord may mention people: %s", w.Mails()[0].Text)
	}
}

func TestRulesHoldForEachChannel(t *testing.T) {
	w := newHookWorld(t)
	w.Rules("project1", tracker.AlertRules{NotCreated: true})
	w.Rules("project2", tracker.AlertRules{NotByMail: true})
	w.report(1, 1, tracker.AlertCreated)
	w.report(1, 2, tracker.AlertRegressed)
	w.report(2, 3, tracker.AlertCreated)
	if res := w.compose(); res.Mails != 2 || res.Dropped != 1 {
		t.Errorf("%+v, want 2 posts, 1 dropped", res)
	}
	m := newWorld(t)
	m.Rules("shop", tracker.AlertRules{NotByMail: true})
	m.report(tracker.AlertCreated, 1)
	if res := m.compose(); res.Mails != 0 || res.Dropped != 1 {
		t.Errorf("mail that is switched off: %+v", res)
	}
}

// While a webhook fails, what is new waits for it and becomes one digest.
func TestAWebhookThatFailsGathersItsAlerts(t *testing.T) {
	w := newHookWorld(t)
	w.report(1, 1, tracker.AlertCreated)
	w.compose()
	id := w.Mails()[0].ID
	if err := w.MailFailed(t.Context(), id, w.clock, "away", w.clock.Add(time.Minute), false); err != nil {
		t.Fatal(err)
	}
	for i := range int64(40) {
		w.report(1, 100+i, tracker.AlertCreated)
	}
	w.report(2, 200, tracker.AlertCreated)
	if err := w.QueueTestAlert(t.Context(), 1, w.clock); err != nil {
		t.Fatal(err)
	}
	w.compose()
	if one, two := w.posts(1), w.posts(2); len(one["created"]) != 1 || len(one["test"]) != 1 || len(two["created"]) != 1 {
		t.Errorf("while it fails: %d created and %d tests, elsewhere %d", len(one["created"]), len(one["test"]), len(two["created"]))
	}
	if err := w.MailSent(t.Context(), id, w.clock); err != nil {
		t.Fatal(err)
	}
	w.compose()
	w.clock = w.clock.Add(DefaultDigestInterval)
	w.compose()
	if one := w.posts(1); len(one["created"]) != DefaultBudget || len(one["digest"]) != 1 || one["digest"][0].Alerts != 31 {
		t.Errorf("afterwards: %d created, %d digests", len(one["created"]), len(one["digest"]))
	}
}
