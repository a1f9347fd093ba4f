package storetest

import (
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
)

// testReleases: what happened in each release, beside those of another project.
func testReleases(t *testing.T, open Opener) {
	s := openDefault(t, open)
	now := fixedNow()
	report := func(n int, release string, hours int) int64 {
		r := newReport(n, start.Add(time.Duration(hours)*time.Hour))
		r.Release = release
		return record(t, s, r).IssueID
	}
	a := report(1, "1.0", 0)
	report(2, "1.0", 1)
	report(3, "1.1", 2)
	report(3, "1.1", 3)
	_, err := s.Resolve(t.Context(), []int64{a}, tracker.Fix{}, start.Add(4*time.Hour))
	noError(t, "Resolve", err)
	report(1, "1.1", 5)
	report(4, "", 6)
	other := newReport(9, start)
	other.Project, other.Release = "blog", "1.0"
	record(t, s, other)
	projects, err := s.ProjectList(t.Context())
	noError(t, "ProjectList", err)
	var shop int64
	for _, p := range projects {
		if p.Name == "shop" {
			shop = p.ID
		}
	}
	noError(t, "CountSessions", s.CountSessions(t.Context(), shop, []tracker.Sessions{
		{Release: "1.0", Hour: now.Add(-30 * time.Hour), Total: 8, Crashed: 1}, {Release: "1.0", Hour: now.Add(-2 * time.Hour), Total: 2, Crashed: 1},
		{Release: "1.1", Hour: now.Add(-time.Hour), Total: 6}, {Release: "2.0", Hour: now.Add(-time.Hour), Total: 0, Crashed: 0, Errored: 1},
	}))
	all, err := s.Releases(t.Context(), shop, now)
	noError(t, "Releases", err)
	got := map[string]tracker.Release{}
	for _, r := range all {
		got[r.Name] = r
	}
	if len(all) != 3 {
		t.Fatalf("releases %+v, want three", all)
	}
	one, two, none := got["1.0"], got["1.1"], got["2.0"]
	if one.Events != 2 || one.Issues != 2 || one.New != 2 || one.Regressed != 0 || !one.LastEvent.Equal(start.Add(time.Hour)) || one.Project != "shop" {
		t.Errorf("1.0: %+v", one)
	}
	if two.Events != 3 || two.Issues != 2 || two.New != 1 || two.Regressed != 1 {
		t.Errorf("1.1: %+v", two)
	}
	if none.Events != 0 || !none.LastEvent.IsZero() {
		t.Errorf("2.0: %+v", none)
	}
	if part, ok := one.Sessions.CrashFree(); part != 0.8 || !ok || one.Adoption != 0.25 || two.Adoption != 0.75 || none.Adoption != 0 {
		t.Errorf("sessions %+v, adoption %v, %v, %v", one.Sessions, one.Adoption, two.Adoption, none.Adoption)
	}
	if _, ok := none.Sessions.CrashFree(); ok {
		t.Error("a release without sessions has a rate")
	}
	same, err := s.ReleaseByID(t.Context(), two.ID, now)
	noError(t, "ReleaseByID", err)
	equal(t, "one release", same, two)
	_, err = s.ReleaseByID(t.Context(), 999_999, now)
	wantKind(t, "unknown release", err, errs.NotFound)
	counts, err := s.ReleaseCounts(t.Context(), two.ID, start.Truncate(time.Hour), time.Hour, 6)
	noError(t, "ReleaseCounts", err)
	equal(t, "events of a release", counts, []int64{0, 0, 1, 1, 0, 1})
	for text, want := range map[string]int64{"first_release:1.0": 3, "project:shop first_release:1.0": 2, "regressed_release:1.1": 1, "regressed_release:1.0": 0, "-first_release:* project:shop": 1} {
		if n := list(t, s, tracker.IssueQuery{State: tracker.AnyState, Filter: searched(t, text)}).Total; n != want {
			t.Errorf("%s finds %d issues, want %d", text, n, want)
		}
	}
}

func testDeploys(t *testing.T, open Opener) {
	s := openDefault(t, open)
	ctx := t.Context()
	_, _, err := s.AddDeploy(ctx, tracker.Deploy{Project: "shop", Release: "1.0", At: start}, 0)
	wantKind(t, "a project that is not there", err, errs.NotFound)
	record(t, s, newReport(1, start.Add(-100*time.Hour)))
	add := func(release, env string, at time.Time, repeated time.Duration, fresh bool) tracker.Deploy {
		t.Helper()
		d, created, err := s.AddDeploy(ctx, tracker.Deploy{Project: "shop", Release: release, Environment: env, At: at, Name: "n", URL: "https://ci.example/1"}, repeated)
		noError(t, "AddDeploy", err)
		if created != fresh {
			t.Errorf("deploy of %s to %q at %v: created %v, want %v", release, env, at, created, fresh)
		}
		return d
	}
	const min = time.Minute
	first := add("1.0", "prod", start, 0, true)
	equal(t, "told again", add("1.0", "prod", start, 0, false), first)
	add("1.0", "", start, 0, true)
	add("1.0", "prod", start.Add(5*min), 0, true) // has a time of its own
	last := add("1.1", "prod", start.Add(6*min), 10*min, true)
	equal(t, "told again without a time", add("1.1", "prod", start.Add(7*min), 10*min, false), last)
	add("1.0", "prod", start.Add(8*min), 10*min, true) // back again
	add("1.0", "prod", start.Add(30*min), 10*min, true)
	if first.Name != "n" || first.URL != "https://ci.example/1" || !first.At.Equal(start) || first.Environment != "prod" || first.Project != "shop" {
		t.Errorf("deploy %+v", first)
	}
	for _, tt := range []struct {
		project, env string
		from, to     time.Time
		want         int
	}{
		{want: 6}, {"shop", "prod", time.Time{}, time.Time{}, 5}, {"shop", "dev", time.Time{}, time.Time{}, 0}, {project: "blog"},
		{"shop", "", start.Add(8 * min), time.Time{}, 2}, {"shop", "", start.Add(5 * min), start.Add(8 * min), 3}, {"", "", time.Time{}, start.Add(-1), 0},
	} {
		got, err := s.Deploys(ctx, tt.project, tt.env, tracker.TimeRange{From: tt.from, To: tt.to}, 10)
		noError(t, "Deploys", err)
		if len(got) != tt.want {
			t.Errorf("deploys of %+v: %d", tt, len(got))
		}
	}
	fresh, err := s.NewReleases(ctx, "shop", tracker.TimeRange{From: start}, 10)
	noError(t, "NewReleases", err)
	if len(fresh) != 2 || fresh[0].ID != 0 || !strings.HasPrefix(fresh[0].Release, "1.") {
		t.Errorf("new releases %+v, want two", fresh)
	}
	before, err := s.NewReleases(ctx, "", tracker.TimeRange{To: fresh[len(fresh)-1].At.Add(-time.Second)}, 10)
	noError(t, "NewReleases", err)
	if len(before) != 0 {
		t.Errorf("new releases before there were any: %+v", before)
	}
}
