package tracker

import (
	"context"
	"testing"
	"time"
)

// shelf is a store of a few releases and deploys.
type shelf struct {
	Store
	releases []Release
	deploys  []Deploy
	fresh    []Deploy
	repeated time.Duration
}

func (s *shelf) Releases(context.Context, int64, time.Time) ([]Release, error) {
	return s.releases, nil
}
func (s *shelf) Deploys(context.Context, string, string, TimeRange, int) ([]Deploy, error) {
	return s.deploys, nil
}
func (s *shelf) NewReleases(context.Context, string, TimeRange, int) ([]Deploy, error) {
	return s.fresh, nil
}
func (s *shelf) AddDeploy(_ context.Context, d Deploy, repeated time.Duration) (Deploy, bool, error) {
	s.repeated = repeated
	return d, true, nil
}

func TestReleasesAreListedNewestFirst(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	s := NewService(&shelf{releases: []Release{{Name: "1.9", Seen: now}, {Name: "1.10", Seen: now.Add(-time.Hour)}, {Name: "1.8", Seen: now.Add(time.Hour)}}}, func() time.Time { return now }, nil)
	all, err := s.ReleaseList(t.Context(), 1)
	if err != nil || len(all) != 3 || all[0].Name != "1.10" || all[1].Name != "1.9" || all[2].Name != "1.8" {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestDeployWithoutATimeIsOfNow(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	store := &shelf{}
	s := NewService(store, func() time.Time { return now }, nil)
	d, _, err := s.ReportDeploy(t.Context(), Deploy{Project: "shop", Release: "1"})
	if err != nil || !d.At.Equal(now) || store.repeated != RepeatedDeploy {
		t.Errorf("%+v, %v, repeated %v", d, err, store.repeated)
	}
	for _, at := range []time.Time{now.Add(-366 * 24 * time.Hour), now.Add(2 * time.Minute)} {
		if _, _, err := s.ReportDeploy(t.Context(), Deploy{Project: "shop", Release: "1", At: at}); err == nil {
			t.Errorf("a deploy at %v was taken", at)
		}
	}
}

func TestMarksNameAReleaseOnce(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	s := NewService(&shelf{
		deploys: []Deploy{{ID: 1, ReleaseID: 1, At: now}},
		fresh:   []Deploy{{ReleaseID: 1, At: now.Add(time.Hour)}, {ReleaseID: 2, At: now.Add(time.Minute)}},
	}, func() time.Time { return now }, nil)
	marks, err := s.Marks(t.Context(), "", "", TimeRange{From: now}, 9)
	if err != nil || len(marks) != 2 || marks[0].ReleaseID != 2 || marks[1].ID != 1 {
		t.Errorf("%+v, %v", marks, err)
	}
}
