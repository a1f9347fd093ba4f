package storetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/inbound"
	"github.com/monlight/monlight/error-tracker/internal/tracker/scrub"
	"github.com/monlight/monlight/error-tracker/internal/tracker/sourcelink"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/origin"
)

func testProjects(t *testing.T, open Opener) {
	s := openDefault(t, open)
	ctx := t.Context()
	key := tracker.ProjectKey{Key: tracker.NewProjectKey(), Label: "Default", Active: true, CreatedAt: start}
	p, err := s.AddProject(ctx, "shop", key, start)
	if err != nil {
		t.Fatal(err)
	}
	if p.ID == 0 || p.Name != "shop" || len(p.Keys) != 1 || !p.CreatedAt.Equal(start) {
		t.Fatalf("added %+v", p)
	}
	key.ID, key.ProjectID, key.Project = p.Keys[0].ID, p.ID, "shop"
	found, err := s.FindKey(ctx, key.Key)
	if diff := cmp.Diff(key, found); diff != "" || err != nil {
		t.Errorf("found %v: %s", err, diff)
	}
	_, err = s.AddProject(ctx, "shop", tracker.ProjectKey{Key: tracker.NewProjectKey()}, start)
	wantKind(t, "the same name again", err, errs.Conflict)
	if names, err := s.Projects(ctx); err != nil || len(names) != 0 {
		t.Errorf("projects with issues: %v, %v", names, err)
	}

	found.Label, found.Origins, found.Rate, found.Active = "web", origin.List{"https://a.example", "https://*.b.example"}, 7, false
	changed, err := s.SaveKey(ctx, found)
	if diff := cmp.Diff(found, changed); diff != "" || err != nil {
		t.Errorf("changed %v: %s", err, diff)
	}
	if again, err := s.FindKey(ctx, key.Key); err != nil || again.Active || again.Rate != 7 {
		t.Errorf("found %+v, %v after a change", again, err)
	}
	if err := s.KeysUsed(ctx, map[int64]time.Time{key.ID: start.Add(90 * time.Minute)}); err != nil {
		t.Error(err)
	}
	if p, err = s.Project(ctx, p.ID); err != nil || !p.Keys[0].UsedAt.Equal(start.Add(90*time.Minute).Truncate(time.Hour)) {
		t.Errorf("used at %v, %v", p.Keys[0].UsedAt, err)
	}

	for i := 1; i < tracker.MaxKeysPerProject; i++ {
		if _, err := s.AddKey(ctx, tracker.ProjectKey{ProjectID: p.ID, Key: tracker.NewProjectKey(), Active: true, CreatedAt: start}); err != nil {
			t.Fatal(err)
		}
	}
	_, err = s.AddKey(ctx, tracker.ProjectKey{ProjectID: p.ID, Key: tracker.NewProjectKey(), CreatedAt: start})
	wantKind(t, "one key too many", err, errs.Conflict)

	for what, call := range map[string]func() error{
		"a project":                 func() error { _, err := s.Project(ctx, 999); return err },
		"a key of no project":       func() error { _, err := s.AddKey(ctx, tracker.ProjectKey{ProjectID: 999, Key: "x"}); return err },
		"a change of no key":        func() error { _, err := s.SaveKey(ctx, tracker.ProjectKey{ID: 999, ProjectID: p.ID}); return err },
		"a key of another project":  func() error { _, err := s.SaveKey(ctx, tracker.ProjectKey{ID: key.ID, ProjectID: 999}); return err },
		"a text that is no key":     func() error { _, err := s.FindKey(ctx, "short"); return err },
		"a key that does not exist": func() error { _, err := s.FindKey(ctx, tracker.NewProjectKey()); return err },
	} {
		wantKind(t, what, call(), errs.NotFound)
	}
}

func testProjectsOfReports(t *testing.T, open Opener) {
	s := openDefault(t, open)
	record(t, s, newReport(1, start))
	all, err := s.ProjectList(t.Context())
	if err != nil || len(all) != 1 || len(all[0].Keys) != 1 || !all[0].Keys[0].Active || all[0].Issues != 1 {
		t.Fatalf("projects %+v, %v", all, err)
	}
	if k, err := s.FindKey(t.Context(), all[0].Keys[0].Key); err != nil || k.Project != all[0].Name {
		t.Errorf("key %+v, %v", k, err)
	}
}

func testManyProjects(t *testing.T, open Opener) {
	s := openDefault(t, open)
	key := tracker.ProjectKey{Key: tracker.NewProjectKey(), Active: true, CreatedAt: start}
	made, err := s.AddProject(t.Context(), "made by hand", key, start)
	if err != nil {
		t.Fatal(err)
	}
	// More than there may be: those without issues make room, but not this one.
	report := func(from, to int) (ids []int64) {
		var mu sync.Mutex
		var wait sync.WaitGroup
		for i := from; i < to; i++ {
			wait.Go(func() { // together they share the disk's time
				r := newReport(i, start)
				r.Project = fmt.Sprint("project ", i)
				out, err := s.Record(t.Context(), &r.Event, r.key)
				if err != nil {
					t.Errorf("project %d: %v", i, err)
				}
				mu.Lock()
				ids = append(ids, out.IssueID)
				mu.Unlock()
			})
		}
		wait.Wait()
		return ids
	}
	const most = 999 // beside the one made by hand
	if _, err := s.Delete(t.Context(), report(0, most)); err != nil {
		t.Fatal(err)
	}
	report(most, most+20)
	if p, err := s.Project(t.Context(), made.ID); err != nil || len(p.Keys) != 1 {
		t.Errorf("project %+v, %v", p, err)
	}
}

func testSettings(t *testing.T, open Opener) {
	s := openDefault(t, open)
	ctx := t.Context()
	p, err := s.AddProject(ctx, "shop", tracker.ProjectKey{Key: tracker.NewProjectKey(), Active: true, CreatedAt: start}, start)
	if err != nil {
		t.Fatal(err)
	}
	get := func(project string, want tracker.Settings) {
		t.Helper()
		for range 2 { // from the disk and from memory
			got, err := s.Settings(ctx, project)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, *got); diff != "" {
				t.Errorf("settings of %q: %s", project, diff)
			}
		}
	}
	get("shop", tracker.Settings{})
	get("unknown", tracker.Settings{})
	want := fullSettings()
	if err := s.SaveSettings(ctx, p.ID, &want); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "settings made from those that somebody changed", s.SaveSettings(ctx, p.ID, &tracker.Settings{}), errs.Conflict)
	want.ProjectID, want.Version = p.ID, 1
	get("shop", want)
	get("unknown", tracker.Settings{})
	if err := s.SaveSettings(ctx, p.ID, &tracker.Settings{Version: 1}); err != nil {
		t.Fatal(err)
	}
	get("shop", tracker.Settings{ProjectID: p.ID, Version: 2})
	wantKind(t, "settings made from older ones", s.SaveSettings(ctx, p.ID, &want), errs.Conflict)
	wantKind(t, "settings of a version that is yet to come", s.SaveSettings(ctx, p.ID, &tracker.Settings{Version: 3}), errs.Conflict)
	get("shop", tracker.Settings{ProjectID: p.ID, Version: 2})
	wantKind(t, "settings of no project", s.SaveSettings(ctx, 999, &want), errs.NotFound)
}

// fullSettings has a value in every field.
func fullSettings() tracker.Settings {
	return tracker.Settings{
		Scrub:   scrub.Rules{Off: true, Remove: []string{"a", "b c"}, Keep: []string{"é"}, DropIP: true},
		Filters: inbound.Rules{Localhost: true, Extensions: true, Crawlers: true, Messages: []string{"*a*", "é"}},
		Rules:   "type:A -> \"é\"\n",
		Editor:  sourcelink.Rules{Template: "vscode://file/{path}", Mappings: []sourcelink.Mapping{{From: "/srv", To: "é"}, {From: "a", To: ""}}},
	}
}
