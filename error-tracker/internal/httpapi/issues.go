package httpapi

import (
	"net/http"
	"strings"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/eventjson"
	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/problem"
)

const maxListedMessage = 1 << 10 // the detail has the whole message

// issueJSON is an issue in a list. The members of the first protocol come
// first; clients may rely on none of them being null or missing.
type issueJSON struct {
	ID            int64   `json:"id"`
	Fingerprint   string  `json:"fingerprint"`
	Project       string  `json:"project"`
	Environment   string  `json:"environment"`
	ExceptionType string  `json:"exception_type"`
	Message       string  `json:"message"`
	Count         int64   `json:"count"`
	FirstSeen     string  `json:"first_seen"`
	LastSeen      string  `json:"last_seen"`
	Resolved      bool    `json:"resolved"`
	ResolvedAt    *string `json:"resolved_at"`
	Source        string  `json:"source"`

	Users        int64   `json:"users"`
	Culprit      string  `json:"culprit"`
	Platform     string  `json:"platform"`
	Level        string  `json:"level"`
	Handled      *bool   `json:"handled"`
	FirstRelease string  `json:"first_release"`
	LastRelease  string  `json:"last_release"`
	RegressedAt  *string `json:"regressed_at"`
	Muted        bool    `json:"muted"`
	MutedUntil   *string `json:"muted_until"`
	Minified     bool    `json:"minified"`
	Flood        bool    `json:"flood"`

	ResolvedIn  *fixJSON   `json:"resolved_in"`
	MutedEvents int64      `json:"muted_events"`
	MutedUsers  int64      `json:"muted_users"`
	MutedIn     []muteJSON `json:"muted_in"`
	Assignee    *string    `json:"assignee"`

	// Only where a list is about some of the events, and not exact.
	Approximate map[string]string `json:"approximate,omitempty"`
	Trend       *int64            `json:"trend,omitempty"`
}

// fixJSON says which events bring a resolved issue back.
type fixJSON struct {
	In      string `json:"in"`
	Release string `json:"release"`
}

// newFixJSON is nil where any event does.
func newFixJSON(f tracker.Fix) *fixJSON {
	if f.In == tracker.FixAnywhere {
		return nil
	}
	return &fixJSON{string(f.In), f.Release}
}

// muteJSON is a mute; 0 and null are no end.
type muteJSON struct {
	Environment string  `json:"environment"`
	Until       *string `json:"until"`
	Events      int64   `json:"events"`
	Users       int64   `json:"users"`
}

func newMuteJSON(m tracker.Mute) muteJSON {
	return muteJSON{m.Environment, orNullTime(m.Until), m.Events, m.Users}
}

func newMuteList(mutes []tracker.Mute) []muteJSON {
	list := make([]muteJSON, len(mutes))
	for i, m := range mutes {
		list[i] = newMuteJSON(m)
	}
	return list
}

func newIssueJSON(i *tracker.Issue) issueJSON {
	return issueJSON{
		ID: i.ID, Fingerprint: i.Fingerprint.String(), Project: i.Project, Environment: i.Environment,
		ExceptionType: i.Type, Message: i.Message, Count: i.Count,
		FirstSeen: timestamp(i.FirstSeen), LastSeen: timestamp(i.LastSeen),
		Resolved: i.Resolved, ResolvedAt: orNullTime(i.ResolvedAt), Source: string(i.Source),
		Users: i.Users, Culprit: i.Culprit, Platform: i.Platform, Level: i.Level, Handled: i.Handled,
		FirstRelease: i.FirstRelease, LastRelease: i.LastRelease, RegressedAt: orNullTime(i.RegressedAt),
		Muted: i.Muted, MutedUntil: orNullTime(i.MutedUntil), Minified: i.Minified, Flood: i.Flood,
		ResolvedIn: newFixJSON(i.Fix), MutedEvents: i.MutedEvents, MutedUsers: i.MutedUsers, MutedIn: newMuteList(i.MutedIn), Assignee: orNullText(i.Assignee),
	}
}

// bounds says which numbers of a list are not exact, and how.
func bounds(i *tracker.Issue) map[string]string {
	var m map[string]string
	for _, b := range []struct {
		name string
		is   tracker.Bound
	}{{"count", i.CountIs}, {"users", i.UsersIs}, {"first_seen", i.FirstIs}, {"last_seen", i.LastIs}} {
		if b.is == tracker.Exact {
			continue
		}
		if m == nil {
			m = make(map[string]string)
		}
		m[b.name] = map[tracker.Bound]string{tracker.AtMost: "at most", tracker.AtLeast: "at least", tracker.About: "about"}[b.is]
	}
	return m
}

func newIssueList(issues []tracker.Issue) []issueJSON {
	list := make([]issueJSON, len(issues)) // an empty list is [], not null
	for i := range issues {
		list[i] = newIssueJSON(&issues[i])
		list[i].Message = eventjson.Cut(list[i].Message, maxListedMessage)
	}
	return list
}

type listJSON struct {
	Errors     []issueJSON `json:"errors"`
	Total      int64       `json:"total"`
	Limit      int         `json:"limit"`
	Offset     int         `json:"offset"`
	NextCursor string      `json:"next_cursor,omitempty"`
}

// list is GET /api/errors.
func (a *api) list(w http.ResponseWriter, r *http.Request) error {
	v, err := parameters(r)
	if err != nil {
		return err
	}
	q, err := issueQuery(v, a.Now())
	if err != nil {
		return err
	}
	page, err := a.Tracker.Issues(r.Context(), q)
	if err != nil {
		return err
	}
	list := newIssueList(page.Issues)
	for i := range list {
		list[i].Approximate = bounds(&page.Issues[i])
	}
	if q.Sort == tracker.ByTrend {
		for i := range page.Issues {
			list[i].Trend = &page.Issues[i].Trend
		}
	}
	answer := listJSON{Errors: list, Total: page.Total, Limit: q.Limit, Offset: q.Offset}
	if c := page.Next(q.Sort); c != (tracker.Cursor{}) {
		answer.NextCursor = cursorText(q.Sort, c)
	}
	return problem.JSON(w, http.StatusOK, answer)
}

type detailJSON struct {
	issueJSON
	Traceback    string           `json:"traceback"`
	Environments []shareJSON      `json:"environments"`
	Releases     []shareJSON      `json:"releases"`
	Occurrences  []occurrenceJSON `json:"occurrences"`
}

type shareJSON struct {
	Value string `json:"value"`
	Count int64  `json:"count"`
}

func newShareList(shares []tracker.Share) []shareJSON {
	list := make([]shareJSON, len(shares))
	for i, s := range shares {
		list[i] = shareJSON(s)
	}
	return list
}

// detail is GET /api/errors/{id}.
func (a *api) detail(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id")
	if err != nil {
		return err
	}
	v, err := parameters(r)
	if err != nil {
		return err
	}
	answer, err := a.newDetail(r, id, page(v.Get("occurrences"), tracker.DefaultOccurrences, tracker.MaxOccurrencesPerPage))
	if err != nil {
		return named(err, errErrorNotFound)
	}
	return problem.JSON(w, http.StatusOK, answer)
}

func (a *api) newDetail(r *http.Request, id int64, occurrences int) (*detailJSON, error) {
	ctx := r.Context()
	issue, err := a.Tracker.Issue(ctx, id)
	if err != nil {
		return nil, err
	}
	first, err := a.Tracker.FirstOccurrence(ctx, id)
	if err != nil {
		return nil, err
	}
	newest, err := a.Tracker.Occurrences(ctx, id, 0, occurrences)
	if err != nil {
		return nil, err
	}
	environments, err := a.Tracker.IssueEnvironments(ctx, id)
	if err != nil {
		return nil, err
	}
	releases, err := a.Tracker.IssueReleases(ctx, id)
	if err != nil {
		return nil, err
	}
	answer := &detailJSON{
		issueJSON:    newIssueJSON(&issue),
		Traceback:    tracebackText(&first.Event),
		Environments: newShareList(environments),
		Releases:     newShareList(releases),
		Occurrences:  newOccurrenceList(newest),
	}
	// An issue keeps the beginning of a very long message, its first event all of it.
	if whole := first.Event.Summary(); len(whole) > len(issue.Message) && len(issue.Message) > maxListedMessage &&
		strings.HasPrefix(whole, issue.Message[:maxListedMessage]) {
		answer.Message = whole
	}
	return answer, nil
}

// groups is GET /api/errors/{id}/groups.
func (a *api) groups(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id")
	if err != nil {
		return err
	}
	groups, err := a.Tracker.Groups(r.Context(), id)
	if err != nil {
		return named(err, errErrorNotFound)
	}
	list := make([]groupJSON, len(groups))
	for i := range groups {
		list[i] = newGroupJSON(&groups[i])
	}
	return problem.JSON(w, http.StatusOK, map[string]any{"groups": list})
}

type groupJSON struct {
	Fingerprint string       `json:"fingerprint"`
	Primary     bool         `json:"primary"`
	Title       string       `json:"title"`
	Count       int64        `json:"count"`
	CreatedAt   string       `json:"created_at"`
	LastSeen    string       `json:"last_seen"`
	Why         []reasonJSON `json:"why"`
}

type reasonJSON struct {
	Kind  string `json:"kind"`
	Value string `json:"value"`
}

func newGroupJSON(g *tracker.Group) groupJSON {
	why := make([]reasonJSON, len(g.Why))
	for i, reason := range g.Why {
		why[i] = reasonJSON(reason)
	}
	return groupJSON{
		Fingerprint: g.Hash.String(), Primary: g.Primary, Title: g.Title, Count: g.Count,
		CreatedAt: timestamp(g.CreatedAt), LastSeen: timestamp(g.LastSeen), Why: why,
	}
}

// similar is GET /api/errors/{id}/similar.
func (a *api) similar(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id")
	if err != nil {
		return err
	}
	v, err := parameters(r)
	if err != nil {
		return err
	}
	issues, err := a.Tracker.Similar(r.Context(), id, page(v.Get("limit"), 20, tracker.MaxPage))
	if err != nil {
		return named(err, errErrorNotFound)
	}
	return problem.JSON(w, http.StatusOK, map[string]any{"errors": newIssueList(issues)})
}

// timestamp is t in the protocol's form.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// orNullTime is t in the protocol's form, nil for the zero time.
func orNullTime(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := timestamp(t)
	return &s
}

// orNullText is s, nil for "".
func orNullText(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
