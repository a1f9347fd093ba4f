package webui

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/errs"
)

// fakeTracker keeps issues in memory and answers as a Store does.
type fakeTracker struct {
	releases []tracker.Release
	marks    []tracker.Deploy
	issues   []tracker.Issue
	events   map[int64][]tracker.Occurrence // by issue, oldest first
	groups   map[int64][]tracker.Group
	similar  map[int64][]int64
	counts   map[int64][]int64
	mails    []tracker.Mail
	alerts   []tracker.Alert
	projects []tracker.Project
	settings tracker.Settings
	channels []tracker.ChannelState
	ingest   []tracker.IngestCount
	preview  tracker.Preview
	views    []tracker.View
	shares   []tracker.Share
	tags     []tracker.TagShares
	partly   bool               // tags are those of a part of the events
	done     []tracker.Activity // newest first
	muted    tracker.Mute
	fix      tracker.Fix
	unmuted  string // environment
	pending  int64
	merged   map[int64]int64 // where issues went
	lost     error           // what asking for that gives
	err      error           // what every call gives, if set

	query   tracker.IssueQuery
	retried []int64
	tests   int
}

func containsAll(s string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(s, w) {
			return false
		}
	}
	return true
}

func (f *fakeTracker) Issues(_ context.Context, q tracker.IssueQuery) (tracker.IssuePage, error) {
	f.query = q
	if f.err != nil {
		return tracker.IssuePage{}, f.err
	}
	var found []tracker.Issue
	for _, i := range f.issues {
		if (q.Project == "" || q.Project == i.Project) && (q.Environment == "" || q.Environment == i.Environment) &&
			(q.Source == "" || q.Source == i.Source) && q.SessionID == "" && !i.LastSeen.Before(q.Since) && inState(i, q.State) &&
			containsAll(i.Type+" "+i.Message, q.Filter.Words(false)) {
			found = append(found, i)
		}
	}
	slices.SortStableFunc(found, func(a, b tracker.Issue) int {
		ca, cb := tracker.CursorAt(a, q.Sort), tracker.CursorAt(b, q.Sort)
		return cmp.Or(cmp.Compare(cb.Value, ca.Value), cmp.Compare(b.ID, a.ID))
	})
	page := tracker.IssuePage{Total: int64(len(found))}
	if q.After != (tracker.Cursor{}) {
		for len(found) > 0 {
			c := tracker.CursorAt(found[0], q.Sort)
			found = found[1:]
			if c == q.After {
				break
			}
		}
	}
	found = found[min(q.Offset, len(found)):]
	if len(found) > q.Limit {
		found, page.More = found[:q.Limit], true
	}
	page.Issues = found
	return page, nil
}

func inState(i tracker.Issue, s tracker.State) bool {
	switch s {
	case tracker.Resolved:
		return i.Resolved
	case tracker.Muted:
		return i.Muted && !i.Resolved
	case tracker.Active:
		return !i.Muted && !i.Resolved
	case tracker.AnyState:
		return true
	}
	return !i.Resolved
}

func (f *fakeTracker) find(id int64) *tracker.Issue {
	for k := range f.issues {
		if f.issues[k].ID == id {
			return &f.issues[k]
		}
	}
	return nil
}

func (f *fakeTracker) Issue(_ context.Context, id int64) (tracker.Issue, error) {
	if i := f.find(id); i != nil && f.err == nil {
		return *i, nil
	}
	return tracker.Issue{}, cmp.Or(f.err, errs.New(errs.NotFound, "issue %d not found", id))
}

func (f *fakeTracker) Totals(context.Context) (tracker.Totals, error) {
	return tracker.Totals{Issues: int64(len(f.issues)), DatabaseBytes: 47_300_000}, f.err
}

func (f *fakeTracker) EventPage(_ context.Context, q tracker.EventQuery, show func(tracker.Occurrence)) (tracker.EventPage, error) {
	all := slices.Clone(f.events[q.Issue])
	slices.Reverse(all)
	from := 0
	switch {
	case q.Before != 0:
		for from < len(all) && all[from].ID >= q.Before {
			from++
		}
	case q.After != 0:
		for from < len(all) && all[from].ID > q.After {
			from++
		}
		from = max(0, from-q.Limit)
	}
	shown := all[from:min(from+q.Limit, len(all))]
	for _, o := range shown {
		show(o)
	}
	return tracker.EventPage{Kept: int64(len(all)), Newer: int64(from), Read: int64(len(shown))}, f.err
}

func (f *fakeTracker) MergedInto(_ context.Context, id int64) (int64, error) {
	if into := f.merged[id]; into != 0 {
		return into, f.lost
	}
	return 0, cmp.Or(f.lost, errs.New(errs.NotFound, "issue %d not found", id))
}

func (f *fakeTracker) Occurrence(_ context.Context, issue, id int64) (o tracker.Occurrence, older, newer int64, err error) {
	all := f.events[issue]
	for k := range all {
		if all[k].ID == id || id == 0 && k == len(all)-1 {
			if k > 0 {
				older = all[k-1].ID
			}
			if k+1 < len(all) {
				newer = all[k+1].ID
			}
			return all[k], older, newer, f.err
		}
	}
	return o, 0, 0, errs.New(errs.NotFound, "event %d not found", id)
}

func (f *fakeTracker) FirstOccurrence(_ context.Context, id int64) (tracker.Occurrence, error) {
	if len(f.events[id]) == 0 {
		return tracker.Occurrence{}, errs.New(errs.NotFound, "no event")
	}
	return f.events[id][0], f.err
}

func (f *fakeTracker) Attachment(_ context.Context, issue, id int64, n int) (event.Attachment, error) {
	for _, o := range f.events[issue] {
		if o.ID == id && n < len(o.Event.Attachments) && o.Event.Attachments[n].Data != nil {
			return o.Event.Attachments[n], f.err
		}
	}
	return event.Attachment{}, errs.New(errs.NotFound, "no file")
}

func (f *fakeTracker) Files(_ context.Context, id int64) (kept []int, err error) {
	for _, events := range f.events {
		for _, o := range events {
			for n, a := range o.Event.Attachments {
				if o.ID == id && a.Data != nil {
					kept = append(kept, n)
				}
			}
		}
	}
	return kept, f.err
}

func (f *fakeTracker) Groups(_ context.Context, id int64) ([]tracker.Group, error) {
	return f.groups[id], f.err
}

func (f *fakeTracker) Similar(_ context.Context, id int64, _ int) ([]tracker.Issue, error) {
	var out []tracker.Issue
	for _, s := range f.similar[id] {
		if i := f.find(s); i != nil {
			out = append(out, *i)
		}
	}
	return out, f.err
}

func (f *fakeTracker) Counts(_ context.Context, ids []int64, _ tracker.Scope, _ time.Time, _ time.Duration, n int) (map[int64][]int64, error) {
	out := map[int64][]int64{}
	for _, id := range ids {
		if c := f.counts[id]; c != nil {
			out[id] = c[:n]
		}
	}
	return out, f.err
}

func (f *fakeTracker) names(of func(tracker.Issue) string) []string {
	var out []string
	for _, i := range f.issues {
		if s := of(i); !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	slices.Sort(out)
	return out
}

func (f *fakeTracker) Projects(context.Context) ([]string, error) {
	return f.names(func(i tracker.Issue) string { return i.Project }), f.err
}

func (f *fakeTracker) Environments(context.Context, string) ([]string, error) {
	return f.names(func(i tracker.Issue) string { return i.Environment }), f.err
}

func (f *fakeTracker) IssueEnvironments(context.Context, int64) ([]tracker.Share, error) {
	return f.shares, f.err
}

func (f *fakeTracker) IssueReleases(context.Context, int64) ([]tracker.Share, error) {
	return f.shares, f.err
}

func (f *fakeTracker) each(ids []int64, change func(i *tracker.Issue)) ([]int64, error) {
	var done []int64
	for _, id := range ids {
		if i := f.find(id); i != nil {
			change(i)
			done = append(done, id)
		}
	}
	return done, f.err
}

func (f *fakeTracker) Resolve(_ context.Context, ids []int64, fix tracker.Fix) ([]int64, error) {
	return f.each(ids, func(i *tracker.Issue) { f.fix = fix; i.Resolved, i.ResolvedAt, i.Fix = true, noon, fix })
}

func (f *fakeTracker) Unresolve(_ context.Context, ids []int64) ([]int64, error) {
	return f.each(ids, func(i *tracker.Issue) { i.Resolved = false })
}

func (f *fakeTracker) Mute(_ context.Context, ids []int64, m tracker.Mute) ([]int64, error) {
	return f.each(ids, func(i *tracker.Issue) { f.muted = m; i.Muted, i.MutedUntil = true, m.Until })
}

func (f *fakeTracker) Unmute(_ context.Context, ids []int64, environment string) ([]int64, error) {
	return f.each(ids, func(i *tracker.Issue) { f.unmuted = environment; i.Muted, i.MutedUntil = false, time.Time{} })
}

func (f *fakeTracker) Assign(_ context.Context, ids []int64, assignee string) ([]int64, error) {
	return f.each(ids, func(i *tracker.Issue) { i.Assignee = assignee })
}

func (f *fakeTracker) Comment(_ context.Context, id int64, author, text string) (tracker.Activity, error) {
	if f.find(id) == nil {
		return tracker.Activity{}, errs.New(errs.NotFound, "issue %d not found", id)
	}
	a := tracker.Activity{ID: int64(len(f.done) + 1), At: noon, Kind: tracker.ActComment, Author: author, Text: text}
	f.done = append([]tracker.Activity{a}, f.done...)
	return a, f.err
}

func (f *fakeTracker) DeleteComment(_ context.Context, _, id int64) error {
	n := len(f.done)
	f.done = slices.DeleteFunc(f.done, func(a tracker.Activity) bool { return a.ID == id && a.Kind == tracker.ActComment })
	if len(f.done) == n {
		return errs.New(errs.NotFound, "there is no comment %d", id)
	}
	return f.err
}

func (f *fakeTracker) Activities(_ context.Context, _, _ int64, limit int) ([]tracker.Activity, error) {
	return f.done[:min(limit, len(f.done))], f.err
}

func (f *fakeTracker) Delete(_ context.Context, ids []int64) ([]int64, error) {
	done, err := f.each(ids, func(*tracker.Issue) {})
	f.issues = slices.DeleteFunc(f.issues, func(i tracker.Issue) bool { return slices.Contains(ids, i.ID) })
	return done, err
}

func (f *fakeTracker) Merge(ctx context.Context, target int64, sources []int64) error {
	if f.find(target) == nil {
		return errs.New(errs.NotFound, "issue %d not found", target)
	}
	for _, s := range sources {
		i := f.find(s)
		if i == nil {
			return errs.New(errs.NotFound, "issue %d not found", s)
		}
		if i.Project != f.find(target).Project {
			return errs.New(errs.Invalid, "issue %d belongs to another project", s)
		}
	}
	for _, s := range sources {
		f.groups[target] = append(f.groups[target], f.groups[s]...)
	}
	_, err := f.Delete(ctx, sources)
	return err
}

func (f *fakeTracker) Unmerge(_ context.Context, id int64, h tracker.Hash, at time.Time) (tracker.Issue, error) {
	groups := f.groups[id]
	if len(groups) < 2 {
		return tracker.Issue{}, errs.New(errs.Conflict, "the last hash of an issue cannot leave it")
	}
	for k, g := range groups {
		if g.Hash == h {
			f.groups[id] = slices.Delete(slices.Clone(groups), k, k+1)
			split := *f.find(id)
			split.ID = 9000 + int64(len(f.issues))
			split.FirstSeen = at
			f.issues = append(f.issues, split)
			return split, f.err
		}
	}
	return tracker.Issue{}, errs.New(errs.NotFound, "issue %d has no hash %s", id, h)
}

func (f *fakeTracker) CountPendingAlerts(context.Context) (int64, error) { return f.pending, f.err }

func (f *fakeTracker) AlertChannels(context.Context, int64) ([]tracker.ChannelState, error) {
	return f.channels, f.err
}

func (f *fakeTracker) TestChannel(_ context.Context, c tracker.Channel, project int64) error {
	f.tests++
	for _, s := range f.channels {
		if s.Channel == c && s.Off != "" {
			return errs.New(errs.Conflict, "no test is sent by %s: %s", c, s.Off)
		}
	}
	return f.err
}

func (f *fakeTracker) RotateWebhookKey(context.Context, int64) (tracker.Webhook, error) {
	f.settings.Alerts.Webhook.Key = "mlwh_rotated"
	return f.settings.Alerts.Webhook, f.err
}

func (f *fakeTracker) RetryMail(_ context.Context, id int64, _ time.Time) error {
	f.retried = append(f.retried, id)
	return f.err
}

func (f *fakeTracker) Deliveries(_ context.Context, q tracker.DeliveryQuery, limit int) ([]tracker.Mail, error) {
	var out []tracker.Mail
	for _, m := range f.mails {
		if (q.IssueID == 0 || m.IssueID == q.IssueID) && len(out) < limit {
			out = append(out, m)
		}
	}
	return out, f.err
}

func (f *fakeTracker) PastAlerts(_ context.Context, project string, _ tracker.TimeRange, limit int) ([]tracker.Alert, error) {
	var out []tracker.Alert
	for _, a := range f.alerts {
		if (project == "" || a.Project == project) && len(out) < limit {
			out = append(out, a)
		}
	}
	return out, f.err
}

func (f *fakeTracker) ProjectList(context.Context) ([]tracker.Project, error) {
	return f.projects, f.err
}

func (f *fakeTracker) Project(_ context.Context, id int64) (tracker.Project, error) {
	for _, p := range f.projects {
		if p.ID == id {
			return p, f.err
		}
	}
	return tracker.Project{}, errs.New(errs.NotFound, "there is no project %d", id)
}

func (f *fakeTracker) CreateProject(_ context.Context, name string) (tracker.Project, error) {
	if name == "" {
		return tracker.Project{}, errs.New(errs.Invalid, "name is empty, want 1 to 100 bytes")
	}
	p := tracker.Project{ID: int64(len(f.projects) + 1), Name: name}
	f.projects = append(f.projects, p)
	return p, f.err
}

func (f *fakeTracker) CreateKey(_ context.Context, k tracker.ProjectKey) (tracker.ProjectKey, error) {
	for i := range f.projects {
		if f.projects[i].ID == k.ProjectID {
			k.ID = int64(10*(i+1) + len(f.projects[i].Keys))
			f.projects[i].Keys = append(f.projects[i].Keys, k)
			return k, f.err
		}
	}
	return k, errs.New(errs.NotFound, "there is no project %d", k.ProjectID)
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

func (f *fakeTracker) ChangeSettings(_ context.Context, _ int64, change func(*tracker.Settings) error) (*tracker.Settings, error) {
	changed := f.settings
	if err := change(&changed); err != nil {
		return nil, err
	}
	if err := changed.Validate(); err != nil {
		return nil, err
	}
	if changed.Version != f.settings.Version {
		return nil, errs.New(errs.Conflict, "somebody else changed the settings")
	}
	changed.Version++
	f.settings = changed
	return &f.settings, f.err
}

func (f *fakeTracker) ChangeKey(_ context.Context, project, key int64, change func(*tracker.ProjectKey) error) (tracker.ProjectKey, error) {
	for i := range f.projects {
		for k := range f.projects[i].Keys {
			if v := &f.projects[i].Keys[k]; f.projects[i].ID == project && v.ID == key {
				err := change(v)
				if err == nil {
					err = v.Validate()
				}
				return *v, err
			}
		}
	}
	return tracker.ProjectKey{}, errs.New(errs.NotFound, "project %d has no key %d", project, key)
}

func (f *fakeTracker) ReleaseList(context.Context, int64) ([]tracker.Release, error) {
	return f.releases, f.err
}

func (f *fakeTracker) ReleaseOf(_ context.Context, id int64) (tracker.Release, error) {
	for _, r := range f.releases {
		if r.ID == id {
			return r, f.err
		}
	}
	return tracker.Release{}, errs.New(errs.NotFound, "release %d not found", id)
}

func (f *fakeTracker) ReleaseCounts(_ context.Context, id int64, _ time.Time, _ time.Duration, n int) ([]int64, error) {
	counts := make([]int64, n)
	counts[n-1] = id
	return counts, f.err
}

func (f *fakeTracker) Marks(context.Context, string, string, tracker.TimeRange, int) ([]tracker.Deploy, error) {
	return f.marks, f.err
}

func (f *fakeTracker) Views(context.Context) ([]tracker.View, error) { return f.views, f.err }

func (f *fakeTracker) AddView(_ context.Context, v tracker.View) (tracker.View, error) {
	if v.Name == "" {
		return v, errs.New(errs.Invalid, "name is empty")
	}
	for i := range f.views {
		if f.views[i].Name == v.Name {
			return v, errs.New(errs.Conflict, "there is a view %q already", v.Name)
		}
	}
	v.ID = int64(len(f.views)) + 1
	f.views = append(f.views, v)
	return v, f.err
}

func (f *fakeTracker) ChangeView(_ context.Context, id int64, change func(*tracker.View) error) (tracker.View, error) {
	for i := range f.views {
		if f.views[i].ID == id {
			changed := f.views[i]
			if err := change(&changed); err != nil {
				return changed, err
			}
			if changed.ID = id; changed.Name == "" {
				return changed, errs.New(errs.Invalid, "name is empty")
			}
			for k := range f.views {
				if f.views[k].Default = f.views[k].Default && !changed.Default; k != i && f.views[k].Name == changed.Name {
					return changed, errs.New(errs.Conflict, "there is a view %q already", changed.Name)
				}
			}
			f.views[i] = changed
			return changed, f.err
		}
	}
	return tracker.View{}, errs.New(errs.NotFound, "there is no view %d", id)
}

func (f *fakeTracker) DeleteView(_ context.Context, id int64) error {
	f.views = slices.DeleteFunc(f.views, func(v tracker.View) bool { return v.ID == id })
	return f.err
}

func (f *fakeTracker) IssueTags(context.Context, int64) ([]tracker.TagShares, bool, error) {
	return f.tags, !f.partly, f.err
}
