// Package webui is the web pages of the error tracker: the list of issues, the
// page of one issue, and the mails. Pages work without JavaScript; every state
// of a page is in its address.
package webui

import (
	"context"
	"embed"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/auth"
	"github.com/monlight/monlight/shared/problem"
	"github.com/monlight/monlight/shared/status"
	"github.com/monlight/monlight/shared/webui"
)

//go:embed templates/*.html static
var files embed.FS

// Tracker is what the pages need of the domain.
type Tracker interface {
	Issues(ctx context.Context, q tracker.IssueQuery) (tracker.IssuePage, error)
	Issue(ctx context.Context, id int64) (tracker.Issue, error)
	Totals(ctx context.Context) (tracker.Totals, error)
	EventPage(ctx context.Context, q tracker.EventQuery, f func(tracker.Occurrence)) (tracker.EventPage, error)
	Occurrence(ctx context.Context, issueID, id int64) (o tracker.Occurrence, older, newer int64, err error)
	FirstOccurrence(ctx context.Context, issueID int64) (tracker.Occurrence, error)
	Attachment(ctx context.Context, issueID, occurrenceID int64, n int) (event.Attachment, error)
	Files(ctx context.Context, occurrenceID int64) ([]int, error)
	Groups(ctx context.Context, issueID int64) ([]tracker.Group, error)
	Similar(ctx context.Context, issueID int64, limit int) ([]tracker.Issue, error)
	Counts(ctx context.Context, ids []int64, in tracker.Scope, start time.Time, step time.Duration, n int) (map[int64][]int64, error)
	Projects(ctx context.Context) ([]string, error)
	ProjectList(ctx context.Context) ([]tracker.Project, error)
	Project(ctx context.Context, id int64) (tracker.Project, error)
	CreateProject(ctx context.Context, name string) (tracker.Project, error)
	CreateKey(ctx context.Context, k tracker.ProjectKey) (tracker.ProjectKey, error)
	ChangeKey(ctx context.Context, project, key int64, change func(*tracker.ProjectKey) error) (tracker.ProjectKey, error)
	Settings(ctx context.Context, project string) (*tracker.Settings, error)
	ChangeSettings(ctx context.Context, project int64, change func(*tracker.Settings) error) (*tracker.Settings, error)
	PreviewRules(ctx context.Context, project int64, rules string) (*tracker.Preview, error)
	IngestHealth(ctx context.Context, project int64, w tracker.IngestWindow) (*tracker.IngestHealth, error)
	Environments(ctx context.Context, project string) ([]string, error)
	ReleaseList(ctx context.Context, project int64) ([]tracker.Release, error)
	ReleaseOf(ctx context.Context, id int64) (tracker.Release, error)
	ReleaseCounts(ctx context.Context, id int64, start time.Time, step time.Duration, n int) ([]int64, error)
	Marks(ctx context.Context, project, environment string, in tracker.TimeRange, limit int) ([]tracker.Deploy, error)
	IssueEnvironments(ctx context.Context, issueID int64) ([]tracker.Share, error)
	IssueReleases(ctx context.Context, issueID int64) ([]tracker.Share, error)
	IssueTags(ctx context.Context, issueID int64) (tags []tracker.TagShares, whole bool, err error)

	Resolve(ctx context.Context, ids []int64, f tracker.Fix) ([]int64, error)
	Unresolve(ctx context.Context, ids []int64) ([]int64, error)
	Mute(ctx context.Context, ids []int64, m tracker.Mute) ([]int64, error)
	Unmute(ctx context.Context, ids []int64, environment string) ([]int64, error)
	Assign(ctx context.Context, ids []int64, assignee string) ([]int64, error)
	Comment(ctx context.Context, issueID int64, author, text string) (tracker.Activity, error)
	DeleteComment(ctx context.Context, issueID, id int64) error
	Activities(ctx context.Context, issueID, before int64, limit int) ([]tracker.Activity, error)
	Delete(ctx context.Context, ids []int64) ([]int64, error)
	Merge(ctx context.Context, target int64, sources []int64) error
	Unmerge(ctx context.Context, issueID int64, h tracker.Hash, at time.Time) (tracker.Issue, error)
	MergedInto(ctx context.Context, id int64) (int64, error)

	Views(ctx context.Context) ([]tracker.View, error)
	AddView(ctx context.Context, v tracker.View) (tracker.View, error)
	ChangeView(ctx context.Context, id int64, change func(*tracker.View) error) (tracker.View, error)
	DeleteView(ctx context.Context, id int64) error

	CountPendingAlerts(ctx context.Context) (int64, error)
	AlertChannels(ctx context.Context, project int64) ([]tracker.ChannelState, error)
	TestChannel(ctx context.Context, c tracker.Channel, project int64) error
	RotateWebhookKey(ctx context.Context, project int64) (tracker.Webhook, error)
	RetryMail(ctx context.Context, id int64, now time.Time) error
	Deliveries(ctx context.Context, q tracker.DeliveryQuery, limit int) ([]tracker.Mail, error)
	PastAlerts(ctx context.Context, project string, in tracker.TimeRange, limit int) ([]tracker.Alert, error)
}

// Guard lets people in; [auth.Guard] is one.
type Guard interface {
	Page(next http.Handler) http.Handler
	SignIn() http.Handler
	SignOut() http.Handler
}

// MailSettings is what the alerts page tells about mail.
type MailSettings struct {
	Configured bool     // a server or service is set, and at least one recipient
	Via        string   // how mails are sent: "SMTP mail.example.com:587", "Postmark"; "" when not configured
	Missing    []string // the settings that are still needed when it is not configured
	Recipients []string
}

// Options are what the pages are built from.
type Options struct {
	Tracker Tracker
	Mail    MailSettings
	// BaseURL is the public address of the service; nil when it is not known:
	// then that of the request is shown.
	BaseURL  *url.URL
	BasePath string // the path of BaseURL: "" or "/errors"; something before the pages strips it
	Version  string
	Services []webui.Service // for the navigation, see [webui.Services]
	Status   *status.Status  // of the page of that name; nil leaves it out
	Wake     func()          // tells the alert worker that a mail became due; may be nil
	Log      *slog.Logger
	Now      func() time.Time // nil is time.Now
}

// Pages are the web pages of the error tracker.
type Pages struct {
	opts Options
	ui   *webui.UI

	mu       sync.Mutex
	sizeAt   time.Time // when size was asked for
	diskSize int64
}

// New makes the pages. An error means that the program itself is wrong, or BasePath.
func New(o Options) (*Pages, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Wake == nil {
		o.Wake = func() {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	p := &Pages{opts: o}
	templates, err := fs.Sub(files, "templates")
	if err != nil {
		return nil, err
	}
	static, err := fs.Sub(files, "static")
	if err != nil {
		return nil, err
	}
	p.ui, err = webui.New(webui.Options{
		Service:  "error-tracker",
		Search:   "Search issues",
		Version:  o.Version,
		BasePath: o.BasePath,
		Services: o.Services,
		Sections: []webui.Section{{Path: "/", Label: "Issues"}, {Path: "/releases", Label: "Releases"}, {Path: "/projects", Label: "Projects"}, {Path: "/alerts", Label: "Alerts"}},
		Pages:    templates,
		Assets:   static,
		// What people come to first, by themselves or from a mail.
		Joined: map[string][]string{
			"list-all.css":  {"list.css"},
			"list-all.js":   {"refresh.js", "select.js"},
			"issue-all.css": {"detail.css", "form.css", "issue.css", "activity.css"},
			"issue-all.js":  {"detail.js"},
		},
		Storage: p.storage,
		Log:     o.Log,
		Now:     o.Now,
	})
	return p, err
}

// SignInPage shows the sign-in page, for [auth.Options].
func (p *Pages) SignInPage(w http.ResponseWriter, r *http.Request, page auth.SignInPage) {
	p.ui.SignIn(w, r, page)
}

// RefusalPage shows what a key cannot do, for [auth.Options].
func (p *Pages) RefusalPage(w http.ResponseWriter, r *http.Request, err error) { p.ui.Error(w, r, err) }

// NotFound answers with the page for an address that does not exist.
func (p *Pages) NotFound(w http.ResponseWriter, r *http.Request) { p.ui.NotFound(w, r) }

// Mount adds the pages to r. All but the assets and the sign-in form are behind
// guard.Page, which also refuses forms that were sent from other sites.
func (p *Pages) Mount(r chi.Router, guard Guard) {
	get(r, "/assets/{name}", p.ui.Assets().ServeHTTP)
	get(r, "/favicon.ico", p.ui.Favicon().ServeHTTP)
	r.Post("/sign-in", guard.SignIn().ServeHTTP)
	r.Post("/sign-out", guard.SignOut().ServeHTTP)
	get(r, "/sign-in", p.goTo("/"))
	get(r, "/sign-out", p.goTo("/"))

	r.Group(func(r chi.Router) {
		r.Use(guard.Page)
		h := func(f problem.HandlerFunc) http.HandlerFunc { return p.ui.Handle(f) }
		get(r, "/", h(p.issues))
		get(r, "/index.html", h(p.issues))
		get(r, "/issues", p.goTo("/"))
		get(r, "/search", h(p.searchHelp))
		get(r, "/views", h(p.savedViews))
		get(r, "/views/*", p.goTo("/views"))
		r.Post("/views", h(p.saveView))
		r.Post("/views/{id:[0-9]+}", h(p.changeView))
		get(r, "/releases", h(p.releases))
		get(r, "/releases/{id:[0-9]+}", h(p.release))
		r.Post("/issues", h(p.bulk))
		get(r, "/errors/{id:[0-9]+}.md", h(p.ofIssue(p.markdown)))
		get(r, "/errors/{id:[0-9]+}", h(p.ofIssue(p.issue)))
		get(r, "/errors/{id:[0-9]+}/events", h(p.ofIssue(p.events)))
		get(r, "/errors/{id:[0-9]+}/events/{event:[0-9]+}/files/{n:[0-9]+}", h(p.ofIssue(p.file)))
		get(r, "/errors/{id:[0-9]+}/tags", h(p.ofIssue(p.tags)))
		get(r, "/errors/{id:[0-9]+}/delete", h(p.ofIssue(p.confirmDelete)))
		get(r, "/errors/{id:[0-9]+}/{action:[a-z]+}", h(p.backToIssue))
		r.Post("/errors/{id:[0-9]+}/{action:[a-z]+}", h(p.ofIssue(p.change)))
		get(r, "/projects", h(p.projects))
		r.Post("/projects", h(p.createProject))
		get(r, "/projects/{id:[0-9]+}", h(p.project))
		get(r, "/projects/{id:[0-9]+}/settings", h(p.projectSettings))
		r.Post("/projects/{id:[0-9]+}/settings", h(p.changeSettings))
		get(r, "/projects/{id:[0-9]+}/rules", h(p.rules))
		r.Post("/projects/{id:[0-9]+}/rules", h(p.changeRules))
		get(r, "/projects/{id:[0-9]+}/alerts", h(p.projectAlerts))
		r.Post("/projects/{id:[0-9]+}/alerts", h(p.changeAlerts))
		r.Post("/projects/{id:[0-9]+}/alerts/test", h(p.testChannel))
		r.Post("/projects/{id:[0-9]+}/alerts/secret", h(p.rotateWebhookKey))
		get(r, "/projects/{id:[0-9]+}/alerts/*", h(p.backToProject("/alerts")))
		get(r, "/projects/{id:[0-9]+}/*", h(p.backToProject("")))
		r.Post("/projects/{id:[0-9]+}/keys", h(p.createKey))
		r.Post("/projects/{id:[0-9]+}/keys/{key:[0-9]+}", h(p.changeKey))
		if p.opts.Status != nil {
			get(r, "/status", h(status.Page(p.ui, p.opts.Status)))
		}
		get(r, "/ingest", h(p.ingest))
		get(r, "/alerts", h(p.alerts))
		get(r, "/alerts/*", p.goTo("/alerts"))
		r.Post("/alerts/test", h(p.testAlert))
		r.Post("/alerts/{id:[0-9]+}/retry", h(p.retryMail))
	})
}

// get adds a route for GET and HEAD.
func get(r chi.Router, pattern string, h http.HandlerFunc) {
	r.Get(pattern, h)
	r.Head(pattern, h)
}

// goTo redirects: to pages from addresses that only take forms, where a reader
// lands who signed in anew when sending one.
func (p *Pages) goTo(path string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, p.ui.Path(path), http.StatusSeeOther)
	}
}

func (p *Pages) backToIssue(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	http.Redirect(w, r, p.ui.Path("/errors/"+strconv.FormatInt(id, 10)), http.StatusSeeOther)
	return nil
}

func pathID(r *http.Request) (int64, error) { return pathNumber(r, "id", "issue") }

// storageAge is how old the size in the footer may be.
const storageAge = 30 * time.Second

func (p *Pages) storage(ctx context.Context) (int64, error) {
	now := p.opts.Now()
	p.mu.Lock()
	size, fresh := p.diskSize, !p.sizeAt.IsZero() && now.Sub(p.sizeAt) < storageAge
	p.mu.Unlock()
	if fresh {
		return size, nil
	}
	t, err := p.opts.Tracker.Totals(ctx)
	if err != nil {
		return 0, err
	}
	p.mu.Lock()
	p.diskSize, p.sizeAt = t.DatabaseBytes, now
	p.mu.Unlock()
	return t.DatabaseBytes, nil
}
