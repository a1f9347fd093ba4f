package tracker

import (
	"context"
	"net/url"
	"slices"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker/release"
	"github.com/monlight/monlight/shared/errs"
)

// Limits of releases and deploys.
const (
	MaxReleaseName = 200  // bytes
	MaxDeployName  = 200  // bytes
	MaxDeployURL   = 1000 // bytes
	MaxDeploys     = 1000 // of a project; the oldest give way
	MaxReleases    = 1000 // listed of a project, those that were heard of last
	// SessionDays is how far back sessions are counted: they are kept no longer.
	SessionDays = 90
	// maxDeployAge is how old a deploy may be when it is told.
	maxDeployAge = 365 * 24 * time.Hour
	// RepeatedDeploy is how long a deploy without a time of its own is taken for
	// the same one that was told before.
	RepeatedDeploy = 10 * time.Minute
)

// Release is what happened in a release of a project.
type Release struct {
	ID        int64
	ProjectID int64
	Project   string
	Name      string
	Seen      time.Time // when it was first heard of
	LastEvent time.Time // zero: there was none
	Events    int64
	Issues    int64    // with events in it
	New       int64    // issues that began in it
	Regressed int64    // issues that came back in it, and not in a later one
	Sessions  Sessions // of SessionDays
	Recent    int64    // sessions of the last 24 hours
	// Adoption is the part of the project's sessions of the last 24 hours, 0 to 1;
	// below 0 when there were none.
	Adoption float64
	Deploys  []Deploy // newest first, at most 20
}

// CrashFree is the part of the sessions that did not crash, 0 to 1; ok is false
// when no session is known.
func (s Sessions) CrashFree() (part float64, ok bool) {
	if s.Total <= 0 {
		return 0, false
	}
	return 1 - float64(min(s.Crashed, s.Total))/float64(s.Total), true
}

// Deploy says when a release went into an environment.
type Deploy struct {
	ID          int64
	Project     string
	Release     string
	ReleaseID   int64
	Environment string // "" is not told
	At          time.Time
	Name        string
	URL         string
}

// Validate says what is wrong with a deploy that is told at now.
func (d *Deploy) Validate(now time.Time) error {
	for _, f := range []struct {
		name, text string
		most       int
		needed     bool
	}{
		{"project", d.Project, MaxProject, true}, {"release", d.Release, MaxReleaseName, true},
		{"environment", d.Environment, MaxReleaseName, false}, {"name", d.Name, MaxDeployName, false}, {"url", d.URL, MaxDeployURL, false},
	} {
		switch {
		case f.needed && f.text == "":
			return errs.New(errs.Invalid, "%s is empty, want 1 to %d bytes", f.name, f.most)
		case len(f.text) > f.most:
			return errs.New(errs.Invalid, "%s has %d bytes, the limit is %d", f.name, len(f.text), f.most)
		case !printable(f.text):
			return errs.New(errs.Invalid, "%s has control characters or is not valid UTF-8", f.name)
		}
	}
	if d.URL != "" {
		if u, err := url.Parse(d.URL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return errs.New(errs.Invalid, "url = %.60q, want an address that begins with https:// or http://", d.URL)
		}
	}
	if d.At.After(now.Add(maxAhead)) || d.At.Before(now.Add(-maxDeployAge)) {
		return errs.New(errs.Invalid, "time is %s, want one of the last 365 days", d.At.UTC().Format(time.RFC3339))
	}
	return nil
}

// TimeRange is a stretch of time. A zero end is open.
type TimeRange struct{ From, To time.Time }

// ReleaseStore is the part of the store that knows releases and deploys.
type ReleaseStore interface {
	// Releases lists what happened in the releases of a project, in no order, as
	// of now; at most MaxReleases.
	Releases(ctx context.Context, project int64, now time.Time) ([]Release, error)
	// ReleaseByID is one of them.
	ReleaseByID(ctx context.Context, id int64, now time.Time) (Release, error)
	// ReleaseCounts counts the events of a release, as Counts does.
	ReleaseCounts(ctx context.Context, id int64, start time.Time, step time.Duration, n int) ([]int64, error)
	// AddDeploy stores a deploy; created is false when it was told before, which
	// is so when project, release, environment and time are the same. With
	// repeated, one of the same release and environment counts as the same when
	// it is the newest of the environment and no older than that.
	AddDeploy(ctx context.Context, d Deploy, repeated time.Duration) (added Deploy, created bool, err error)
	// Deploys lists the deploys of a stretch of time, both ends included, newest
	// first: of one project and one environment, or of all for "".
	Deploys(ctx context.Context, project, environment string, in TimeRange, limit int) ([]Deploy, error)
	// NewReleases lists the releases of a project, or of all, that were first
	// heard of in a stretch of time, as deploys without ID. Newest first.
	NewReleases(ctx context.Context, project string, in TimeRange, limit int) ([]Deploy, error)
}

// ReleaseList lists the releases of a project, the newest first.
func (s *Service) ReleaseList(ctx context.Context, project int64) ([]Release, error) {
	all, err := s.Releases(ctx, project, s.now().UTC())
	if err != nil {
		return nil, err
	}
	order := make([]release.Release, len(all))
	place := make(map[string]int, len(all))
	for i := range all {
		order[i] = release.Release{Name: all[i].Name, Seen: all[i].Seen}
	}
	release.Sort(order)
	for i, r := range order {
		place[r.Name] = i
	}
	slices.SortFunc(all, func(a, b Release) int { return place[b.Name] - place[a.Name] })
	return all, nil
}

// ReleaseOf is one release as of now.
func (s *Service) ReleaseOf(ctx context.Context, id int64) (Release, error) {
	return s.ReleaseByID(ctx, id, s.now().UTC())
}

// ReportDeploy stores a deploy. Without a time it is one of now.
func (s *Service) ReportDeploy(ctx context.Context, d Deploy) (added Deploy, created bool, err error) {
	now := s.now().UTC()
	var repeated time.Duration
	if d.At.IsZero() {
		d.At, repeated = now, RepeatedDeploy
	}
	if err := d.Validate(now); err != nil {
		return Deploy{}, false, err
	}
	return s.AddDeploy(ctx, d, repeated)
}

// Marks are the deploys of a stretch of time, and the releases that were first
// heard of in it without one: what a chart shows beside the events. Newest first,
// at most limit.
func (s *Service) Marks(ctx context.Context, project, environment string, in TimeRange, limit int) ([]Deploy, error) {
	marks, err := s.Deploys(ctx, project, environment, in, limit)
	if err != nil {
		return nil, err
	}
	fresh, err := s.NewReleases(ctx, project, in, limit)
	if err != nil {
		return nil, err
	}
	for _, r := range fresh {
		if !slices.ContainsFunc(marks, func(d Deploy) bool { return d.ReleaseID == r.ReleaseID }) {
			marks = append(marks, r)
		}
	}
	slices.SortStableFunc(marks, func(a, b Deploy) int { return b.At.Compare(a.At) })
	return marks[:min(limit, len(marks))], nil
}
