package webui

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/webui"
)

// Limits of the issue page.
const (
	shownRecent      = 5
	shownSimilar     = 8
	shownIssueMails  = 8
	shownShares      = 8
	shownPlaces      = 30
	shownBreadcrumbs = 15 // the others are folded
	maxBreadcrumbs   = 200
	maxTags          = 200
	maxTextBytes     = 64 << 10
	maxHeadline      = 280 // characters
)

// issuePage is the data of issue.html.
type issuePage struct {
	ID       int64
	URL      string
	Type     string
	Message  string
	Full     string // the whole message when Message is cut
	Culprit  string
	Project  string
	ListURL  string // the project's issues
	Badges   []webui.Badge
	Resolved bool
	Muted    bool
	Mutes    []webui.Field
	Standing []muteView // mutes that are in force
	Released bool       // releases are known, so that they can be compared
	Places   []string   // environments in which it can be muted
	Fix      string     // what brings it back; "" is anything
	Assignee string

	Activity     []activityView
	MoreActivity string // where all of it is; "" if it is here
	Author       string // who commented in this browser last

	Events       int64
	Users        string
	FirstSeen    time.Time
	LastSeen     time.Time
	ResolvedAt   time.Time
	RegressedAt  time.Time
	FirstRelease string
	LastRelease  string

	Trend webui.Bars
	Stats []link

	Event        *eventView // nil when no event is kept
	Expired      bool       // the event that was asked for is not kept any more
	Nav          eventNav
	Recent       []recentEvent
	Kept         int64 // events
	Environments []webui.Portion
	Releases     []webui.Portion
	Groups       []groupView
	Similar      []similarIssue
	Mails        []mailRow
}

// eventNav are the ways to other events of the issue; "" where there is none.
type eventNav struct {
	Oldest, Older, Newer, Newest string
}

type recentEvent struct {
	URL     string
	At      time.Time
	Method  string
	Where   string // the URL it happened at, or the transaction
	Name    string // who met it, or the event's number
	Current bool
}

type groupView struct {
	Hash     string
	Title    string
	Count    int64
	LastSeen time.Time
	Why      []tracker.Reason
	Primary  bool
	Current  bool // the event shown came by it
	Splits   bool // it can leave the issue
}

type similarIssue struct {
	issueRow
	Mergeable bool
}

// eventView is one event as it is shown.
type eventView struct {
	ID       int64
	URL      string // of this very event
	EventID  string
	At       time.Time
	Received time.Time
	Facts    []webui.Field
	Ways     []webui.Field // to the other services: labels and addresses

	LogMessage string // what the program logged, when that is not the headline
	Template   string
	Params     *webui.Node

	Stack   []exception
	Threads []thread
	Raw     string // the traceback as text
	RawMade bool   // the text was made from the frames, not sent
	Sources *sourcesView

	Crumbs     []crumb
	MoreCrumbs []crumb

	Request *requestView
	User    *userView
	Session string
	// SessionURL lists the issues of the session.
	SessionURL string
	Tags       []webui.Field
	Contexts   []contextView
	Extra      *webui.Node
	Modules    []webui.Field
	Files      []fileView
	Marks      []webui.Field
	Report     *reportView // nil when nothing is known of it
}

// reportView tells how the report was made.
type reportView struct {
	Grouping     []string // the sender's own fingerprint
	Integrations string
	Packages     []webui.Field
	Images       []webui.Field // files of the stack and the IDs of their source maps
}

type crumb struct {
	At       time.Time
	Category string
	Level    string
	Bad      bool
	Message  string
	Data     *webui.Node
}

type requestView struct {
	Method  string
	URL     string
	Link    string
	Query   string
	Headers block
	Cookies block
	Body    block
	Env     block
}

type userView struct {
	Facts []webui.Field
	Data  *webui.Node
}

type contextView struct {
	Name string
	block
}

// block is a JSON value as a table when it is flat, else as a tree.
type block struct {
	Pairs []webui.Field
	Tree  *webui.Node
}

// Empty tells whether there is nothing to show.
func (b block) Empty() bool { return b.Pairs == nil && b.Tree == nil }

func blockOf(raw json.RawMessage) block {
	if pairs := webui.Pairs(raw); pairs != nil {
		return block{Pairs: pairs}
	}
	return block{Tree: webui.JSONTree(raw)}
}

var issueKeys = []webui.Key{
	{Keys: "n", Does: "newer event"}, {Keys: "p", Does: "older event"}, {Keys: "e", Does: "resolve the issue, or take that back", Changes: true},
	{Keys: "m", Does: "mute for a day, or unmute", Changes: true}, {Keys: "u", Does: "back to the list"},
}

func (p *Pages) issue(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	i, err := p.opts.Tracker.Issue(r.Context(), id)
	if err != nil {
		return err
	}
	d, err := p.issueData(r, &i)
	if err != nil {
		return err
	}
	title := d.Type
	if d.Message != "" {
		title += ": " + webui.Cut(d.Message, 80)
	}
	return p.ui.Render(w, r, http.StatusOK, webui.Page{
		Name: "issue", Title: title + " (#" + itoa(id) + ")", Section: "/", Assets: []string{"issue-all.css", "issue-all.js"}, Keys: issueKeys, Data: d,
	})
}

func (p *Pages) issueData(r *http.Request, i *tracker.Issue) (*issuePage, error) {
	ctx, now := r.Context(), p.opts.Now()
	f := filter{State: "all", Project: i.Project}
	d := &issuePage{
		ID: i.ID, URL: p.issueURL(i.ID), Type: webui.Line(i.Type, 200), Message: webui.Line(i.Message, maxHeadline),
		Culprit: webui.Line(i.Culprit, 200), Project: webui.Line(i.Project, 100), ListURL: p.listURL(f),
		Badges: badges(i, now, false), Resolved: i.Resolved, Muted: i.Muted, Standing: muteViews(i),
		Released: i.LastRelease != "", Fix: webui.Line(i.Fix.Release, 100), Assignee: webui.Line(i.Assignee, tracker.MaxPerson), Author: authorOf(r),
		Events: i.Count, Users: people(i.Users, webui.Number), FirstSeen: i.FirstSeen, LastSeen: i.LastSeen, ResolvedAt: i.ResolvedAt, RegressedAt: i.RegressedAt,
		FirstRelease: webui.Line(i.FirstRelease, 100), LastRelease: webui.Line(i.LastRelease, 100),
	}
	if d.Type == "" {
		d.Type = "Error"
	}
	if len(i.Message) > maxHeadline || strings.Contains(strings.TrimSpace(i.Message), "\n") {
		d.Full = webui.Clip(i.Message, maxTextBytes)
	}
	for _, m := range mutes {
		d.Mutes = append(d.Mutes, webui.Field{Name: m.Value, Value: m.Label})
	}
	if err := p.activity(ctx, d, r.URL.Query()); err != nil {
		return nil, err
	}
	if err := p.trend(r, d, i.Project, now); err != nil {
		return nil, err
	}
	if err := p.event(r, d, i.Project); err != nil {
		return nil, err
	}
	if err := p.shares(r, d); err != nil {
		return nil, err
	}
	groups, err := p.opts.Tracker.Groups(ctx, i.ID)
	if err != nil {
		return nil, err
	}
	for k := range groups {
		g := &groups[k]
		v := groupView{Hash: g.Hash.String(), Title: webui.Line(g.Title, 200), Count: g.Count, LastSeen: g.LastSeen, Primary: g.Primary, Splits: len(groups) > 1}
		for _, why := range g.Why {
			v.Why = append(v.Why, tracker.Reason{Kind: webui.Line(why.Kind, 40), Value: webui.Line(why.Value, 240)})
		}
		d.Groups = append(d.Groups, v)
	}
	similar, err := p.opts.Tracker.Similar(ctx, i.ID, shownSimilar)
	if err != nil {
		return nil, err
	}
	for k := range similar {
		d.Similar = append(d.Similar, similarIssue{p.row(&similar[k], now), similar[k].Project == i.Project})
	}
	mails, err := p.opts.Tracker.Deliveries(ctx, tracker.DeliveryQuery{IssueID: i.ID}, shownIssueMails)
	if err != nil {
		return nil, err
	}
	d.Mails = p.mailRows(r, mails, d.URL)
	return d, nil
}

func (p *Pages) trend(r *http.Request, d *issuePage, project string, now time.Time) error {
	stats := r.URL.Query().Get("stats")
	t := trendOf(stats, now)
	counts, err := p.opts.Tracker.Counts(r.Context(), []int64{d.ID}, tracker.Scope{}, t.start, t.step, t.n)
	if err != nil {
		return err
	}
	d.Trend = webui.NewBars(t.label, "events", t.start, t.step, t.fill(counts[d.ID]))
	if err := p.mark(r.Context(), &d.Trend, project, t.start); err != nil {
		return err
	}
	suffix := ""
	if e := r.URL.Query().Get("event"); e != "" {
		if n, err := strconv.ParseInt(e, 10, 64); err == nil && n > 0 {
			suffix = "event=" + itoa(n)
		}
	}
	with := func(s string) string {
		q := strings.Trim(suffix+"&"+s, "&")
		if q == "" {
			return d.URL
		}
		return d.URL + "?" + q
	}
	d.Stats = []link{{"24 h", with(""), stats != "14d"}, {"14 d", with("stats=14d"), stats == "14d"}}
	return nil
}

// event reads the event that the address names, else the newest one. An event
// that is no longer kept is replaced by the newest, and the page says so.
func (p *Pages) event(r *http.Request, d *issuePage, project string) error {
	ctx := r.Context()
	want, err := strconv.ParseInt(r.URL.Query().Get("event"), 10, 64)
	if err != nil || want < 0 {
		want = 0
	}
	o, older, newer, err := p.opts.Tracker.Occurrence(ctx, d.ID, want)
	if errs.KindOf(err) == errs.NotFound && want != 0 {
		o, older, newer, err = p.opts.Tracker.Occurrence(ctx, d.ID, 0)
		d.Expired = true
	}
	if errs.KindOf(err) == errs.NotFound {
		return nil // nothing is kept
	}
	if err != nil {
		return err
	}
	settings, err := p.opts.Tracker.Settings(ctx, project)
	if err != nil {
		return err
	}
	d.Event = p.eventOf(&o, &settings.Editor)
	d.Event.URL = d.URL + "?event=" + itoa(o.ID)
	d.Event.Ways = p.waysFrom(&o.Event)
	if d.Event.Files, err = p.files(r, d.URL, &o); err != nil {
		return err
	}
	at := func(id int64) string { return d.URL + "?event=" + itoa(id) }
	if older != 0 {
		d.Nav.Older = at(older)
		first, err := p.opts.Tracker.FirstOccurrence(ctx, d.ID)
		if err != nil && errs.KindOf(err) != errs.NotFound {
			return err
		}
		if err == nil && first.ID != o.ID {
			d.Nav.Oldest = at(first.ID)
		}
	}
	if newer != 0 {
		d.Nav.Newer, d.Nav.Newest = at(newer), d.URL
	}
	page, err := p.opts.Tracker.EventPage(ctx, tracker.EventQuery{Issue: d.ID, Limit: shownRecent}, func(r tracker.Occurrence) {
		e := &r.Event
		v := recentEvent{URL: at(r.ID), At: happened(e), Name: userName(&e.User), Current: r.ID == o.ID}
		v.Method, v.Where = placeOf(e)
		if v.Name == "" {
			v.Name = "Event " + itoa(r.ID)
		}
		d.Recent = append(d.Recent, v)
	})
	d.Kept = page.Kept
	return err
}

// placeOf is where an event happened, for a list: the method and address of the
// request, or the transaction.
func placeOf(e *event.Event) (method, where string) {
	method, where = webui.Line(e.Request.Method, 12), webui.Line(e.Request.URL, 200)
	if where == "" {
		where = webui.Line(e.Transaction, 200)
	}
	return method, where
}

func (p *Pages) shares(r *http.Request, d *issuePage) error {
	envs, err := p.opts.Tracker.IssueEnvironments(r.Context(), d.ID)
	if err != nil {
		return err
	}
	releases, err := p.opts.Tracker.IssueReleases(r.Context(), d.ID)
	if err != nil {
		return err
	}
	d.Environments, d.Releases = portions(envs), portions(releases)
	for _, e := range envs[:min(len(envs), shownPlaces)] {
		if e.Value != "" {
			d.Places = append(d.Places, e.Value)
		}
	}
	return nil
}

// portions are the largest shares; the others become one.
func portions(shares []tracker.Share) []webui.Portion {
	var labels []string
	var counts []int64
	var others int64
	for i, s := range shares {
		if i >= shownShares {
			others += s.Count
			continue
		}
		label := webui.Line(s.Value, 100)
		if label == "" {
			label = "(none)"
		}
		labels, counts = append(labels, label), append(counts, s.Count)
	}
	if others > 0 {
		labels, counts = append(labels, webui.Plural(int64(len(shares)-shownShares), "other", "others")), append(counts, others)
	}
	return webui.Portions(labels, counts, 0)
}

// happened is the sender's time of an event, or when it came in.
func happened(e *event.Event) time.Time {
	if e.OccurredAt.IsZero() {
		return e.ReceivedAt
	}
	return e.OccurredAt
}

func userName(u *event.User) string {
	for _, s := range []string{u.Email, u.Username, u.ID, u.IP} {
		if s != "" {
			return webui.Line(s, 80)
		}
	}
	return ""
}
