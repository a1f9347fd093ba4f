// Package httpapi is the JSON API of the error tracker.
package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/problem"
)

// Tracker is what the API needs of the domain; *tracker.Service is one.
type Tracker interface {
	Report(ctx context.Context, e *event.Event) (tracker.Outcome, error)
	Correct(ctx context.Context, e *event.Event) (tracker.Outcome, error)
	TestAlert(ctx context.Context, by tracker.Channel, project int64) error

	Issues(ctx context.Context, q tracker.IssueQuery) (tracker.IssuePage, error)
	Issue(ctx context.Context, id int64) (tracker.Issue, error)
	Totals(ctx context.Context) (tracker.Totals, error)
	CountPendingAlerts(ctx context.Context) (int64, error)
	Projects(ctx context.Context) ([]string, error)
	ProjectList(ctx context.Context) ([]tracker.Project, error)
	Project(ctx context.Context, id int64) (tracker.Project, error)
	CreateProject(ctx context.Context, name string) (tracker.Project, error)
	CreateKey(ctx context.Context, k tracker.ProjectKey) (tracker.ProjectKey, error)
	ChangeKey(ctx context.Context, project, key int64, change func(*tracker.ProjectKey) error) (tracker.ProjectKey, error)
	Settings(ctx context.Context, project string) (*tracker.Settings, error)
	AlertChannels(ctx context.Context, project int64) ([]tracker.ChannelState, error)
	TestChannel(ctx context.Context, c tracker.Channel, project int64) error
	RotateWebhookKey(ctx context.Context, project int64) (tracker.Webhook, error)
	ChangeSettings(ctx context.Context, project int64, change func(*tracker.Settings) error) (*tracker.Settings, error)
	PreviewRules(ctx context.Context, project int64, rules string) (*tracker.Preview, error)
	IngestHealth(ctx context.Context, project int64, w tracker.IngestWindow) (*tracker.IngestHealth, error)
	Environments(ctx context.Context, project string) ([]string, error)
	ReleaseList(ctx context.Context, project int64) ([]tracker.Release, error)
	ReportDeploy(ctx context.Context, d tracker.Deploy) (added tracker.Deploy, created bool, err error)
	Deploys(ctx context.Context, project, environment string, in tracker.TimeRange, limit int) ([]tracker.Deploy, error)
	PastAlerts(ctx context.Context, project string, in tracker.TimeRange, limit int) ([]tracker.Alert, error)
	Marks(ctx context.Context, project, environment string, in tracker.TimeRange, limit int) ([]tracker.Deploy, error)
	IssueEnvironments(ctx context.Context, issueID int64) ([]tracker.Share, error)
	IssueReleases(ctx context.Context, issueID int64) ([]tracker.Share, error)
	IssueTags(ctx context.Context, issueID int64) (tags []tracker.TagShares, whole bool, err error)

	Occurrences(ctx context.Context, issueID, before int64, limit int) ([]tracker.Occurrence, error)
	Occurrence(ctx context.Context, issueID, id int64) (o tracker.Occurrence, older, newer int64, err error)
	FirstOccurrence(ctx context.Context, issueID int64) (tracker.Occurrence, error)

	Attachment(ctx context.Context, issueID, occurrenceID int64, n int) (event.Attachment, error)

	Groups(ctx context.Context, issueID int64) ([]tracker.Group, error)
	Similar(ctx context.Context, issueID int64, limit int) ([]tracker.Issue, error)
	Merge(ctx context.Context, target int64, sources []int64) error
	Unmerge(ctx context.Context, issueID int64, h tracker.Hash, at time.Time) (tracker.Issue, error)
	MergedInto(ctx context.Context, id int64) (int64, error)

	Resolve(ctx context.Context, ids []int64, f tracker.Fix) ([]int64, error)
	Unresolve(ctx context.Context, ids []int64) ([]int64, error)
	Mute(ctx context.Context, ids []int64, m tracker.Mute) ([]int64, error)
	Unmute(ctx context.Context, ids []int64, environment string) ([]int64, error)
	Assign(ctx context.Context, ids []int64, assignee string) ([]int64, error)
	Comment(ctx context.Context, issueID int64, author, text string) (tracker.Activity, error)
	DeleteComment(ctx context.Context, issueID, id int64) error
	Activities(ctx context.Context, issueID, before int64, limit int) ([]tracker.Activity, error)
	Delete(ctx context.Context, ids []int64) ([]int64, error)

	Views(ctx context.Context) ([]tracker.View, error)
	AddView(ctx context.Context, v tracker.View) (tracker.View, error)
	ChangeView(ctx context.Context, id int64, change func(*tracker.View) error) (tracker.View, error)
	DeleteView(ctx context.Context, id int64) error
}

// Counter counts what becomes of reports, by project; 0 when that is not known.
type Counter interface {
	Count(project int64, kind tracker.IngestKind, what string, n int64)
}

// Options are the parts the API is built of; none may be nil.
type Options struct {
	Tracker Tracker
	Now     func() time.Time
	Log     *slog.Logger
	// AlertsOff says why no alert can be sent, naming the setting that is
	// missing; "" when alerts can be sent.
	AlertsOff string
	// Observe is told of each report that was answered: what became of it, or
	// "" with the error it was refused with.
	Observe func(tracker.Status, error)
	Counter Counter
	Room    Room
	// PublicURL is the address of the service as clients reach it, without a
	// slash at its end.
	PublicURL func(*http.Request) string
	// Backlog tells how many reports wait for the disk, of how many that may.
	Backlog func() (waiting, capacity int)
	Status  http.HandlerFunc // GET /api/status, the same in every service
}

type api struct{ Options }

// Routes adds the API to r, whose middleware has already checked who calls and
// how much they send.
func Routes(r chi.Router, o Options) {
	a := &api{o}
	h := func(f problem.HandlerFunc) http.HandlerFunc { return problem.Handler(o.Log, f) }
	e := func(f problem.HandlerFunc) http.HandlerFunc { return h(a.ofError(f)) }

	r.Post("/api/errors", h(a.report))
	r.Post("/api/errors/batch", h(a.reportBatch))
	r.Get("/api/errors", h(a.list))
	r.Post("/api/errors/bulk", h(a.bulk))
	// Digits alone, so that what stands beside it is no error: batch and bulk do not have these methods.
	r.Get("/api/errors/{id:[0-9]+}", e(a.detail))
	r.Delete("/api/errors/{id:[0-9]+}", e(a.change("delete")))
	r.Post("/api/errors/{id}/resolve", e(a.change("resolve")))
	r.Post("/api/errors/{id}/unresolve", e(a.change("unresolve")))
	r.Post("/api/errors/{id}/mute", e(a.change("mute")))
	r.Post("/api/errors/{id}/unmute", e(a.change("unmute")))
	r.Post("/api/errors/{id}/assign", e(a.change("assign")))
	r.Get("/api/errors/{id}/activity", e(a.activity))
	r.Post("/api/errors/{id}/comments", e(a.comment))
	r.Delete("/api/errors/{id}/comments/{comment_id}", e(a.deleteComment))
	r.Post("/api/errors/{id}/merge", e(a.merge))
	r.Post("/api/errors/{id}/unmerge", e(a.unmerge))
	r.Get("/api/errors/{id}/groups", e(a.groups))
	r.Get("/api/errors/{id}/tags", e(a.tags))
	r.Get("/api/errors/{id}/similar", e(a.similar))
	r.Get("/api/errors/{id}/occurrences", e(a.occurrences))
	r.Get("/api/errors/{id}/occurrences/{occurrence_id}", e(a.occurrence))
	r.Get("/api/errors/{id}/occurrences/{occurrence_id}/attachments/{n}", e(a.attachment))
	r.Get("/api/projects", h(a.projects))
	r.Post("/api/projects", h(a.createProject))
	r.Get("/api/projects/{id}", h(a.project))
	r.Get("/api/projects/{id}/settings", h(a.settings))
	r.Post("/api/projects/{id}/settings", h(a.changeSettings))
	r.Get("/api/projects/{id}/alerts", h(a.alertChannels))
	r.Post("/api/projects/{id}/test-alert", h(a.testChannel))
	r.Post("/api/projects/{id}/webhook-secret", h(a.rotateWebhookKey))
	r.Post(previewRoute, h(a.previewRules))
	r.Post("/api/projects/{id}/keys", h(a.createKey))
	r.Post("/api/projects/{id}/keys/{key_id}", h(a.changeKey))
	r.Get("/api/environments", h(a.environments))
	r.Get("/api/projects/{id}/releases", h(a.releases))
	r.Get("/api/alerts", h(a.pastAlerts))
	r.Get("/api/deploys", h(a.deploys))
	r.Post("/api/deploys", h(a.reportDeploy))
	r.Get("/api/views", h(a.views))
	r.Post("/api/views", h(a.addView))
	r.Post("/api/views/{id}", h(a.changeView))
	r.Delete("/api/views/{id}", h(a.deleteView))
	r.Get("/api/stats", h(a.stats))
	r.Get("/api/ingest", h(a.ingestHealth))
	r.Post("/api/test-alert", h(a.testAlert))
	r.Get("/api/status", a.Status)
}

// pathID reads a positive whole number from the path. Anything else names no
// resource at all.
func pathID(r *http.Request, name string) (int64, error) {
	text := chi.URLParam(r, name)
	var id int64
	for _, c := range []byte(text) {
		if c < '0' || c > '9' || id > (1<<63-1-9)/10 {
			return 0, errNotFound
		}
		id = id*10 + int64(c-'0')
	}
	if id == 0 {
		return 0, errNotFound
	}
	return id, nil
}

var (
	errNotFound           = errs.New(errs.NotFound, "Not found")
	errErrorNotFound      = errs.New(errs.NotFound, "Error not found")
	errCommentNotFound    = errs.New(errs.NotFound, "Comment not found")
	errOccurrenceNotFound = errs.New(errs.NotFound, "Occurrence not found")
)

// named puts the protocol's words for a missing thing in place of the store's.
func named(err, missing error) error {
	if err != nil && errs.KindOf(err) == errs.NotFound {
		return missing
	}
	return err
}

// ofError is f for the path of an error: if that one became part of another one,
// the answer that it is not there names it.
func (a *api) ofError(f problem.HandlerFunc) problem.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		err := f(w, r)
		if errs.KindOf(err) != errs.NotFound {
			return err
		}
		id, wrong := pathID(r, "id")
		if wrong != nil {
			return err
		}
		into, unknown := a.Tracker.MergedInto(r.Context(), id)
		switch {
		case unknown == nil:
			return problem.With(err, "merged_into", into)
		case errs.KindOf(unknown) != errs.NotFound:
			return unknown
		}
		return err
	}
}
