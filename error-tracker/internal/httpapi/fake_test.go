package httpapi

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/errs"
)

// fakeTracker holds issues 1 to 9 that look alike, writes down what it is
// asked, and fails with err if that is set.
type fakeTracker struct {
	releases []tracker.Release
	deploys  []tracker.Deploy
	past     []tracker.Alert
	marked   tracker.TimeRange
	err      error
	outcome  tracker.Outcome
	issues   []tracker.Issue
	more     bool
	kept     []tracker.Occurrence

	reported *event.Event
	query    tracker.IssueQuery
	called   string
	ids      []int64
	target   int64
	hash     tracker.Hash
	at       time.Time
	fix      tracker.Fix
	mute     tracker.Mute
	text     string
	done     []tracker.Activity
	alerts   int
	project  tracker.Project
	settings tracker.Settings
	channels []tracker.ChannelState
	ingest   []tracker.IngestCount
	preview  tracker.Preview
	views    []tracker.View
	tags     []tracker.TagShares
	partly   bool            // tags are those of a part of the events
	merged   map[int64]int64 // where issues went
	lost     error           // what asking for that gives
}

var missing = errs.New(errs.NotFound, "the store's own words")

func (f *fakeTracker) Report(_ context.Context, e *event.Event) (tracker.Outcome, error) {
	f.reported = e
	return f.outcome, f.err
}

func (f *fakeTracker) Correct(_ context.Context, e *event.Event) (tracker.Outcome, error) {
	f.reported, f.called = e, "correct"
	return f.outcome, f.err
}

func (f *fakeTracker) TestAlert(context.Context, tracker.Channel, int64) error {
	f.alerts++
	return f.err
}

func (f *fakeTracker) Attachment(_ context.Context, _, _ int64, n int) (event.Attachment, error) {
	if n > 0 {
		return event.Attachment{}, missing
	}
	return event.Attachment{Name: "page.html", ContentType: "text/html", Data: []byte("<script>")}, f.err
}

func (f *fakeTracker) Issues(_ context.Context, q tracker.IssueQuery) (tracker.IssuePage, error) {
	f.query = q
	return tracker.IssuePage{Issues: f.issues, Total: 321, More: f.more}, f.err
}

func (f *fakeTracker) Issue(_ context.Context, id int64) (tracker.Issue, error) {
	for _, i := range f.issues {
		if i.ID == id {
			return i, f.err
		}
	}
	return tracker.Issue{}, missing
}

func (f *fakeTracker) Totals(context.Context) (tracker.Totals, error) {
	return tracker.Totals{Issues: 5, Unresolved: 3, Events: 70, Occurrences: 40, DatabaseBytes: 4096, OldestEvent: seen}, f.err
}
func (f *fakeTracker) CountPendingAlerts(context.Context) (int64, error) { return 2, f.err }
func (f *fakeTracker) Projects(context.Context) ([]string, error)        { return nil, f.err }
func (f *fakeTracker) Environments(_ context.Context, project string) ([]string, error) {
	return []string{"of " + project}, f.err
}

func (f *fakeTracker) IssueEnvironments(context.Context, int64) ([]tracker.Share, error) {
	return []tracker.Share{{Value: "prod", Count: 3}}, f.err
}
func (f *fakeTracker) IssueReleases(context.Context, int64) ([]tracker.Share, error) {
	return nil, f.err
}

func (f *fakeTracker) IssueTags(_ context.Context, id int64) ([]tracker.TagShares, bool, error) {
	if id > 9 {
		return nil, false, missing
	}
	return f.tags, !f.partly, f.err
}

func (f *fakeTracker) MergedInto(_ context.Context, id int64) (int64, error) {
	if into := f.merged[id]; into != 0 {
		return into, f.lost
	}
	return 0, cmp.Or(f.lost, missing)
}

func (f *fakeTracker) Occurrences(_ context.Context, issueID, before int64, limit int) ([]tracker.Occurrence, error) {
	if _, err := f.Issue(context.Background(), issueID); err != nil {
		return nil, err
	}
	var page []tracker.Occurrence
	for _, o := range f.kept {
		if (before == 0 || o.ID < before) && len(page) < limit {
			page = append(page, o)
		}
	}
	return page, f.err
}

func (f *fakeTracker) Occurrence(_ context.Context, issueID, id int64) (o tracker.Occurrence, older, newer int64, err error) {
	for i, o := range f.kept {
		if id == 0 || o.ID == id {
			if i > 0 {
				newer = f.kept[i-1].ID
			}
			if i+1 < len(f.kept) {
				older = f.kept[i+1].ID
			}
			return o, older, newer, f.err
		}
	}
	return o, 0, 0, missing
}

func (f *fakeTracker) FirstOccurrence(context.Context, int64) (tracker.Occurrence, error) {
	if len(f.kept) == 0 {
		return tracker.Occurrence{}, missing
	}
	return f.kept[len(f.kept)-1], f.err
}

func (f *fakeTracker) Groups(_ context.Context, id int64) ([]tracker.Group, error) {
	if id > 9 {
		return nil, missing
	}
	return []tracker.Group{{Title: "ValueError: bad", Count: 3, CreatedAt: seen, LastSeen: seen, Primary: true, Why: []tracker.Reason{{Kind: "type", Value: "ValueError"}}}}, f.err
}

func (f *fakeTracker) Similar(_ context.Context, id int64, limit int) ([]tracker.Issue, error) {
	return f.issues[:min(limit, len(f.issues))], f.err
}

func (f *fakeTracker) Merge(_ context.Context, target int64, sources []int64) error {
	f.called, f.target, f.ids = "merge", target, sources
	return f.err
}

func (f *fakeTracker) Unmerge(_ context.Context, id int64, h tracker.Hash, at time.Time) (tracker.Issue, error) {
	f.called, f.target, f.hash, f.at = "unmerge", id, h, at
	return tracker.Issue{ID: 77}, f.err
}

func (f *fakeTracker) change(called string, ids []int64) ([]int64, error) {
	f.called, f.ids = called, ids
	known := slices.DeleteFunc(slices.Clone(ids), func(id int64) bool { return id > 9 })
	slices.Reverse(known)
	return known, f.err
}

func (f *fakeTracker) Resolve(_ context.Context, ids []int64, fix tracker.Fix) ([]int64, error) {
	f.fix = fix
	if err := fix.Validate(); err != nil {
		return nil, err
	}
	return f.change("resolve", ids)
}
func (f *fakeTracker) Unresolve(_ context.Context, ids []int64) ([]int64, error) {
	return f.change("unresolve", ids)
}
func (f *fakeTracker) Mute(_ context.Context, ids []int64, m tracker.Mute) ([]int64, error) {
	f.mute = m
	if err := m.Validate(); err != nil {
		return nil, err
	}
	return f.change("mute", ids)
}
func (f *fakeTracker) Unmute(_ context.Context, ids []int64, environment string) ([]int64, error) {
	f.text = environment
	return f.change("unmute", ids)
}
func (f *fakeTracker) Assign(_ context.Context, ids []int64, assignee string) ([]int64, error) {
	f.text = assignee
	return f.change("assign", ids)
}
func (f *fakeTracker) Comment(_ context.Context, id int64, author, text string) (tracker.Activity, error) {
	f.called, f.target, f.text = "comment", id, author+": "+text
	return tracker.Activity{ID: 5, At: seen, Kind: tracker.ActComment, Author: author, Text: text}, f.err
}
func (f *fakeTracker) DeleteComment(_ context.Context, id, comment int64) error {
	f.called, f.target, f.ids = "delete comment", id, []int64{comment}
	if comment != 5 {
		return missing
	}
	return f.err
}
func (f *fakeTracker) Activities(_ context.Context, id, before int64, limit int) ([]tracker.Activity, error) {
	if id > 9 {
		return nil, missing
	}
	var page []tracker.Activity
	for _, a := range f.done {
		if (before == 0 || a.ID < before) && len(page) < limit {
			page = append(page, a)
		}
	}
	return page, f.err
}
func (f *fakeTracker) Delete(_ context.Context, ids []int64) ([]int64, error) {
	return f.change("delete", ids)
}

func (f *fakeTracker) ProjectList(context.Context) ([]tracker.Project, error) {
	return []tracker.Project{f.project}, f.err
}

func (f *fakeTracker) Project(_ context.Context, id int64) (tracker.Project, error) {
	if id != f.project.ID {
		return tracker.Project{}, missing
	}
	return f.project, f.err
}

func (f *fakeTracker) CreateProject(_ context.Context, name string) (tracker.Project, error) {
	f.called = "create " + name
	return f.project, f.err
}

func (f *fakeTracker) CreateKey(_ context.Context, k tracker.ProjectKey) (tracker.ProjectKey, error) {
	return k, cmp.Or(k.Validate(), f.err)
}

// counted is what was counted, as "kind what".
type counted map[string]int64

func (c counted) Count(project int64, kind tracker.IngestKind, what string, n int64) {
	if c != nil {
		c[fmt.Sprintf("%d %s %s", project, kind, what)] += n
	}
}

func (f *fakeTracker) Settings(context.Context, string) (*tracker.Settings, error) {
	return &f.settings, f.err
}

func (f *fakeTracker) PreviewRules(_ context.Context, _ int64, rules string) (*tracker.Preview, error) {
	s := tracker.Settings{Rules: rules}
	return &f.preview, cmp.Or(s.Validate(), f.err)
}

func (f *fakeTracker) IngestHealth(_ context.Context, project int64, w tracker.IngestWindow) (*tracker.IngestHealth, error) {
	n, err := w.Hours()
	h := &tracker.IngestHealth{Since: ingestStart, Counts: f.ingest, Hours: make([]tracker.IngestHour, n)}
	for i := range h.Hours {
		h.Hours[i] = tracker.IngestHour{Start: ingestStart.Add(time.Duration(i) * time.Hour), Accepted: int64(i), NotStored: project}
	}
	return h, cmp.Or(err, f.err)
}

var ingestStart = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

func (f *fakeTracker) AlertChannels(_ context.Context, project int64) ([]tracker.ChannelState, error) {
	if project != f.project.ID {
		return nil, missing
	}
	return f.channels, f.err
}

func (f *fakeTracker) TestChannel(_ context.Context, c tracker.Channel, project int64) error {
	if project != f.project.ID {
		return missing
	}
	f.called = fmt.Sprintf("test %s %d", c, project)
	return f.err
}

func (f *fakeTracker) RotateWebhookKey(_ context.Context, project int64) (tracker.Webhook, error) {
	if project != f.project.ID {
		return tracker.Webhook{}, missing
	}
	return tracker.Webhook{URL: "https://chat.example/secret-path", Key: "mlwh_new", Fresh: true}, f.err
}

func (f *fakeTracker) ChangeSettings(_ context.Context, project int64, change func(*tracker.Settings) error) (*tracker.Settings, error) {
	if project != f.project.ID {
		return nil, missing
	}
	version := f.settings.Version
	if err := cmp.Or(change(&f.settings), f.settings.Validate(), f.err); err != nil {
		return nil, err
	}
	if f.settings.Version != version {
		return nil, errs.New(errs.Conflict, "somebody else changed the settings")
	}
	return &f.settings, nil
}

func (f *fakeTracker) ChangeKey(_ context.Context, project, key int64, change func(*tracker.ProjectKey) error) (tracker.ProjectKey, error) {
	for i := range f.project.Keys {
		if k := &f.project.Keys[i]; k.ID == key && project == f.project.ID {
			return *k, cmp.Or(change(k), k.Validate(), f.err)
		}
	}
	return tracker.ProjectKey{}, missing
}

func (f *fakeTracker) ReleaseList(context.Context, int64) ([]tracker.Release, error) {
	return f.releases, f.err
}

func (f *fakeTracker) ReportDeploy(_ context.Context, d tracker.Deploy) (tracker.Deploy, bool, error) {
	if err := d.Validate(d.At); err != nil {
		return d, false, err
	}
	f.deploys = append(f.deploys, d)
	d.ID = int64(len(f.deploys))
	return d, len(f.deploys) == 1, f.err
}

func (f *fakeTracker) Deploys(context.Context, string, string, tracker.TimeRange, int) ([]tracker.Deploy, error) {
	return f.deploys, f.err
}

func (f *fakeTracker) PastAlerts(_ context.Context, _ string, in tracker.TimeRange, _ int) ([]tracker.Alert, error) {
	f.marked = in
	return f.past, f.err
}

func (f *fakeTracker) Marks(_ context.Context, _, _ string, in tracker.TimeRange, _ int) ([]tracker.Deploy, error) {
	f.marked = in
	return append([]tracker.Deploy{{Project: "shop", Release: "1.4.3", ReleaseID: 9, At: in.From}}, f.deploys...), f.err
}

func (f *fakeTracker) Views(context.Context) ([]tracker.View, error) { return f.views, f.err }

func (f *fakeTracker) AddView(_ context.Context, v tracker.View) (tracker.View, error) {
	v.ID = int64(len(f.views)) + 1
	f.views = append(f.views, v)
	return v, f.err
}

func (f *fakeTracker) ChangeView(_ context.Context, id int64, change func(*tracker.View) error) (tracker.View, error) {
	if id < 1 || id > int64(len(f.views)) {
		return tracker.View{}, missing
	}
	v := &f.views[id-1]
	err := change(v)
	return *v, cmp.Or(f.err, err)
}

func (f *fakeTracker) DeleteView(_ context.Context, id int64) error {
	if id < 1 || id > int64(len(f.views)) {
		return missing
	}
	f.views = slices.Delete(f.views, int(id-1), int(id))
	return f.err
}
