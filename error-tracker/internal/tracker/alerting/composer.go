package alerting

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/errs"
)

// Bounds of one pass.
const (
	maxPending   = 20_000 // alerts read at once; the others have their turn in a later pass
	maxChecked   = 2_000  // issues of a digest that are looked up; the others are only counted
	maxListed    = 50     // issues in the table of a digest
	queueChunk   = 500    // alerts removed in one transaction, so that reports do not wait for long
	maxRecent    = 300    // mails read at start to learn what was sent in the last interval
	maxPassFails = 3      // issues that may fail to load before the pass ends: then the store is ill
)

// Store is what a Composer needs of tracker.Store.
type Store interface {
	Issues
	Queue
}

// Issues are what alerts are about.
type Issues interface {
	Issue(ctx context.Context, id int64) (tracker.Issue, error)
	FirstOccurrence(ctx context.Context, issueID int64) (tracker.Occurrence, error)
	Occurrence(ctx context.Context, issueID, id int64) (o tracker.Occurrence, older, newer int64, err error)
	Settings(ctx context.Context, project string) (*tracker.Settings, error)
}

// Queue is the part of the Outbox of a channel that a composer needs.
type Queue interface {
	PendingAlerts(ctx context.Context, limit int) ([]tracker.Alert, error)
	QueueMails(ctx context.Context, alertIDs []int64, mails []tracker.Mail) error
	LastMailed(ctx context.Context, issueID int64, kind string) (time.Time, error)
	RecentMails(ctx context.Context, issueID int64, limit int) ([]tracker.Mail, error)
}

// KindDigest is the Mail.Kind of a mail about many issues. The other kinds are
// those of alerts.
const KindDigest = "digest"

// Composer turns pending alerts into mails. The rules:
//
//   - An issue that is new or heard of again is mailed at once, in a mail of its own, while
//     fewer than Budget such mails were made within DigestInterval.
//   - Beyond that alerts wait, and DigestInterval after the first one began to
//     wait, and not sooner than that after the last digest, all of them go into
//     one digest; or into mails of their own if they fit into the budget by then.
//     A digest uses up the budget of the interval that follows it.
//   - An issue is mailed once per kind and Window. Later alerts wait until the
//     window is over and then make one mail.
//   - Issues that are muted, resolved or gone by the time of composing are dropped.
//   - Test alerts heed none of this.
//
// What was mailed when is read from the store, so a restart changes little. A
// time that lies ahead of the clock is not believed: after a step back of the
// clock a mail may come once too often, never too late.
//
// A Composer is for one goroutine.
type Composer struct {
	Settings
	channel tracker.Channel
	writer  writer
	store   Store
	now     func() time.Time

	loaded     bool // singles and lastDigest are known
	singles    []time.Time
	lastDigest time.Time
	waiting    time.Time // when alerts began to wait for a digest; zero if none do
}

// NewComposer checks s, fills in its defaults, and returns a composer. now
// tells the time.
func NewComposer(s Settings, store Store, now func() time.Time) (*Composer, error) {
	s, err := s.Checked()
	if err != nil {
		return nil, err
	}
	return &Composer{Settings: s, channel: tracker.ByMail, writer: s, store: store, now: now}, nil
}

// writer words what a channel sends, and says to whom.
type writer interface {
	// issueLetter tells of one issue; e may be empty, times is how many alerts it
	// stands for.
	issueLetter(kind tracker.AlertKind, i tracker.Issue, e *event.Event, times int) letter
	// digest tells of many; of the issues in rest only the kind is known.
	digest(list, rest []topic) letter
	test(now time.Time) letter
	// mails puts addresses on a letter; issue and project are 0 when it is about
	// none, or several.
	mails(l letter, kind tracker.AlertKind, issue, project int64, now time.Time) []tracker.Mail
}

// Result is what a pass did.
type Result struct {
	Mails   int       // queued, one for each recipient
	Digests int       // how many of the letters were digests
	Tests   int       // and tests
	Dropped int       // alerts that nobody needs to hear of any more
	Waiting int       // alerts that are still pending
	Next    time.Time // when the next pass is due even if nothing happens; zero: never
}

// topic is what one mail is about: all pending alerts of a kind for an issue.
type topic struct {
	kind    tracker.AlertKind
	issue   int64
	project int64
	alerts  []int64
	about   *tracker.Issue // set for a digest
}

// Compose makes mails of the alerts that are due. It goes on after an issue
// that cannot be read, and returns the first such error; its alerts stay.
func (c *Composer) Compose(ctx context.Context) (Result, error) {
	return c.compose(ctx, false)
}

// ComposeTests makes mails of test alerts only.
func (c *Composer) ComposeTests(ctx context.Context) (Result, error) {
	return c.compose(ctx, true)
}

func (c *Composer) compose(ctx context.Context, testsOnly bool) (Result, error) {
	var res Result
	alerts, err := c.store.PendingAlerts(ctx, maxPending)
	if err != nil {
		return res, err
	}
	res.Waiting = len(alerts)
	if len(alerts) == 0 {
		c.waiting = time.Time{}
		return res, nil
	}
	if err := c.load(ctx); err != nil {
		return res, err
	}
	now := c.now()
	tests, topics := sortOut(alerts)
	for _, t := range tests {
		if err := c.queue(ctx, t.alerts, c.writer.mails(c.writer.test(now), tracker.AlertTest, 0, t.project, now), &res); err != nil {
			return res, err
		}
		res.Tests++
	}
	if testsOnly {
		return res, nil
	}
	if c.waiting.After(now) {
		c.waiting = now
	}
	if !c.waiting.IsZero() {
		due := c.digestDue(now)
		if now.Before(due) {
			res.Next = due
			return res, nil
		}
		return res, c.flush(ctx, topics, now, &res)
	}
	return res, c.single(ctx, topics, now, &res)
}

// sortOut puts alerts about the same together, in the order of the first of each.
func sortOut(alerts []tracker.Alert) (tests, topics []topic) {
	type key struct {
		kind  tracker.AlertKind
		issue int64
	}
	asked := map[int64]int{} // tests of a project, by their place
	at := make(map[key]int, len(alerts))
	for _, a := range alerts {
		if a.Kind == tracker.AlertTest {
			i, ok := asked[a.ProjectID]
			if !ok {
				i = len(tests)
				asked[a.ProjectID] = i
				tests = append(tests, topic{kind: a.Kind, project: a.ProjectID})
			}
			tests[i].alerts = append(tests[i].alerts, a.ID)
			continue
		}
		k := key{a.Kind, a.IssueID}
		i, ok := at[k]
		if !ok {
			i = len(topics)
			at[k] = i
			topics = append(topics, topic{kind: a.Kind, issue: a.IssueID, project: a.ProjectID})
		}
		topics[i].alerts = append(topics[i].alerts, a.ID)
	}
	return tests, topics
}

// single mails the topics one by one until the budget is used up. The first
// that does not fit begins the wait for a digest.
func (c *Composer) single(ctx context.Context, topics []topic, now time.Time, res *Result) error {
	var first error
	fails := 0
	for _, t := range topics {
		held, err := c.heldUntil(ctx, t, now)
		if err == nil && !held.IsZero() {
			res.Next = earlier(res.Next, held)
			continue
		}
		var issue tracker.Issue
		if err == nil {
			issue, err = c.look(ctx, t)
		}
		switch {
		case errs.KindOf(err) == errs.NotFound:
			if err := c.queue(ctx, t.alerts, nil, res); err != nil {
				return err
			}
			res.Dropped += len(t.alerts)
			continue
		case err == nil && c.room(now) <= 0:
			c.waiting = now
			res.Next = earlier(res.Next, c.digestDue(now))
			return first
		case err == nil:
			err = c.mailIssue(ctx, t, issue, now, res)
		}
		if err != nil {
			first = cmp.Or(first, err)
			if fails++; fails >= maxPassFails || ctx.Err() != nil {
				return first
			}
		}
	}
	return first
}

// flush ends a wait: it makes one digest of all topics that are not held, or
// single mails if there are so few that they fit.
func (c *Composer) flush(ctx context.Context, topics []topic, now time.Time, res *Result) error {
	var (
		list    []topic
		rest    []topic // not looked up
		ids     []int64
		dropped []int64
		first   error
		fails   int
	)
	for _, t := range topics {
		if len(list) >= maxChecked {
			rest = append(rest, t)
			ids = append(ids, t.alerts...)
			continue
		}
		held, err := c.heldUntil(ctx, t, now)
		if err == nil && !held.IsZero() {
			res.Next = earlier(res.Next, held)
			continue
		}
		var issue tracker.Issue
		if err == nil {
			issue, err = c.look(ctx, t)
		}
		if errs.KindOf(err) == errs.NotFound {
			dropped = append(dropped, t.alerts...)
			continue
		}
		if err != nil {
			first = cmp.Or(first, err)
			if fails++; fails >= maxPassFails || ctx.Err() != nil {
				return first
			}
			continue
		}
		// There may be thousands, and only some words of each will be shown.
		message, _ := cut(issue.Message, 2*maxRowMessage)
		issue.Message = strings.Clone(message)
		t.about = &issue
		list = append(list, t)
		ids = append(ids, t.alerts...)
	}
	if err := c.queue(ctx, dropped, nil, res); err != nil {
		return err
	}
	res.Dropped += len(dropped)
	if len(rest) == 0 && (len(list) == 0 || len(list) <= c.room(now)) {
		c.waiting = time.Time{}
		return cmp.Or(first, c.single(ctx, list, now, res))
	}
	l := c.writer.digest(list, rest)
	if err := c.queue(ctx, ids, c.writer.mails(l, KindDigest, 0, 0, now), res); err != nil {
		return err
	}
	res.Digests++
	c.lastDigest, c.waiting = now, time.Time{}
	return first
}

// mailIssue writes and queues the mail about one issue.
func (c *Composer) mailIssue(ctx context.Context, t topic, issue tracker.Issue, now time.Time, res *Result) error {
	var (
		o   tracker.Occurrence
		err error
	)
	if backs[t.kind] != "" {
		o, _, _, err = c.store.Occurrence(ctx, t.issue, 0)
	} else {
		o, err = c.store.FirstOccurrence(ctx, t.issue)
	}
	if err != nil && errs.KindOf(err) != errs.NotFound {
		return err
	}
	l := c.writer.issueLetter(t.kind, issue, &o.Event, len(t.alerts))
	if err := c.queue(ctx, t.alerts, c.writer.mails(l, t.kind, t.issue, t.project, now), res); err != nil {
		return err
	}
	c.singles = append(c.singles, now)
	return nil
}

// look returns the issue of t, or a NotFound error if there is nothing to tell
// about it any more.
func (c *Composer) look(ctx context.Context, t topic) (tracker.Issue, error) {
	issue, err := c.store.Issue(ctx, t.issue)
	if err == nil && (issue.Muted || issue.Resolved) {
		return issue, errs.New(errs.NotFound, "issue %d is muted or resolved", t.issue)
	}
	if err != nil {
		return issue, err
	}
	s, err := c.store.Settings(ctx, issue.Project)
	if err == nil && !s.Alerts.Wants(c.channel, t.kind) {
		return issue, errs.New(errs.NotFound, "alerts of the kind %s do not go out for issue %d by %s", t.kind, t.issue, c.channel)
	}
	return issue, err
}

// heldUntil is when the window of an earlier mail about t ends, or zero if none
// is open.
func (c *Composer) heldUntil(ctx context.Context, t topic, now time.Time) (time.Time, error) {
	last, err := c.store.LastMailed(ctx, t.issue, string(t.kind))
	if err != nil {
		return time.Time{}, err
	}
	if end := last.Add(c.Window); !last.IsZero() && !last.After(now) && end.After(now) {
		return end, nil
	}
	return time.Time{}, nil
}

// room is how many mails about single issues may be made now.
func (c *Composer) room(now time.Time) int {
	if c.within(c.lastDigest, now) {
		return 0
	}
	c.singles = slices.DeleteFunc(c.singles, func(t time.Time) bool { return !c.within(t, now) })
	return c.Budget - len(c.singles)
}

// within tells whether t is in the digest interval that ends now.
func (c *Composer) within(t, now time.Time) bool {
	return !t.IsZero() && !t.After(now) && now.Sub(t) < c.DigestInterval
}

// digestDue is when the wait that goes on ends.
func (c *Composer) digestDue(now time.Time) time.Time {
	if c.within(c.lastDigest, now) {
		return c.lastDigest.Add(c.DigestInterval)
	}
	return c.waiting.Add(c.DigestInterval)
}

// load learns from the store what was mailed within the last interval.
func (c *Composer) load(ctx context.Context) error {
	if c.loaded {
		return nil
	}
	// A few more than the budget can have made, for digests and tests between.
	limit := min((c.Budget+5)*max(1, len(c.Recipients)), maxRecent)
	recent, err := c.store.RecentMails(ctx, 0, limit)
	if err != nil {
		return err
	}
	c.singles, c.lastDigest = nil, time.Time{}
	type key struct {
		kind  string
		issue int64
		at    int64
	}
	seen := map[key]bool{}
	for _, m := range recent {
		switch k := (key{m.Kind, m.IssueID, m.CreatedAt.UnixMilli()}); {
		case m.Kind == KindDigest:
			if m.CreatedAt.After(c.lastDigest) {
				c.lastDigest = m.CreatedAt
			}
		case m.IssueID != 0 && !seen[k]: // one for each recipient
			seen[k] = true
			c.singles = append(c.singles, m.CreatedAt)
		}
	}
	c.loaded = true
	return nil
}

// queue removes the alerts and stores the mails made for them. A long list of
// alerts is removed in steps, the mails with the first: a crash in between
// repeats some in a later digest and loses none.
func (c *Composer) queue(ctx context.Context, alerts []int64, mails []tracker.Mail, res *Result) error {
	n := len(mails)
	for part := range slices.Chunk(alerts, queueChunk) {
		if err := c.store.QueueMails(ctx, part, mails); err != nil {
			c.loaded = false // it may have happened all the same
			return err
		}
		res.Waiting -= len(part)
		mails = nil
	}
	res.Mails += n
	return nil
}

// mails addresses l to every recipient.
func (s Settings) mails(l letter, kind tracker.AlertKind, issue, project int64, now time.Time) []tracker.Mail {
	out := make([]tracker.Mail, len(s.Recipients))
	for i, to := range s.Recipients {
		out[i] = tracker.Mail{
			Channel:   tracker.ByMail,
			MessageID: token(kind) + "@" + s.From.Domain(),
			Kind:      string(kind), IssueID: issue, ProjectID: project, Recipient: to.Addr,
			Subject: l.subject, Text: l.text, HTML: l.html,
			CreatedAt: now, NextAttempt: now,
		}
	}
	return out
}

// instance tells this installation from others, in names that mail programs
// compare.
func (s Settings) instance() string {
	sum := sha256.Sum256([]byte(s.BaseURL))
	return hex.EncodeToString(sum[:6])
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

// token is what tells a message of a kind from all others.
func token(kind tracker.AlertKind) string { return string(kind) + "." + rand.Text()[:16] }
