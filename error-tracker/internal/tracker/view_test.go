package tracker

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/monlight/monlight/shared/errs"
)

// oneView is a store that holds one view.
type oneView struct {
	Store
	v View
}

func (s *oneView) Views(context.Context) ([]View, error) { return []View{s.v}, nil }

func (s *oneView) InsertView(_ context.Context, v View) (View, error) {
	s.v = v
	return v, nil
}

func (s *oneView) UpdateView(_ context.Context, before, v View) error {
	if before != s.v {
		return errs.New(errs.Conflict, "it was changed")
	}
	s.v = v
	return nil
}

func TestViewsAreCompletedAndChecked(t *testing.T) {
	store := &oneView{}
	s := NewService(store, time.Now, nil)
	ctx := t.Context()
	got, err := s.AddView(ctx, View{Name: " Mobile\t", Search: " release:1.4.* ", Time: " 24h "})
	want := View{Name: "Mobile", Search: "release:1.4.*", Time: "24h", State: Active, Sort: ByLastSeen}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Fatalf("%v %s", err, diff)
	}
	for what, change := range map[string]func(*View){
		"name is empty":                func(v *View) { v.Name = " " },
		"name has 61 bytes":            func(v *View) { v.Name = strings.Repeat("x", 61) },
		"name has control characters":  func(v *View) { v.Name = "a\x00b" },
		"project has 101 bytes":        func(v *View) { v.Project = strings.Repeat("x", 101) },
		"environment has 201 bytes":    func(v *View) { v.Environment = strings.Repeat("x", 201) },
		"environment has control":      func(v *View) { v.Environment = "a\n" },
		"time has 41 bytes":            func(v *View) { v.Time = strings.Repeat("9", 41) },
		"search has 1001 bytes":        func(v *View) { v.Search = strings.Repeat("x", 1001) },
		"search: ":                     func(v *View) { v.Search = `is:lost` },
		`source = "mail"`:              func(v *View) { v.Source = "mail" },
		`state = "open", want active,`: func(v *View) { v.State = "open" },
		`sort = "name", want last_see`: func(v *View) { v.Sort = "name" },
	} {
		v := want
		change(&v)
		if _, err := s.AddView(ctx, v); errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), what) {
			t.Errorf("adding: %v, want %q", err, what)
		}
		_, err := s.ChangeView(ctx, 0, func(v *View) error { change(v); return nil })
		if errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), what) {
			t.Errorf("changing: %v, want %q", err, what)
		}
	}
	if diff := cmp.Diff(want, store.v); diff != "" {
		t.Errorf("what was refused was stored: %s", diff)
	}
	if _, err := s.ChangeView(ctx, 7, func(*View) error { return nil }); errs.KindOf(err) != errs.NotFound {
		t.Errorf("changing no view: %v", err)
	}
	_, err = s.ChangeView(ctx, 0, func(v *View) error {
		store.v.Name, v.Search = "Renamed", "x" // by somebody else, while this one was being read
		return nil
	})
	if errs.KindOf(err) != errs.Conflict || store.v.Search != want.Search {
		t.Errorf("changing a view that was changed meanwhile: %v, %+v", err, store.v)
	}
	store.v = want
	refused := errs.New(errs.Invalid, "no")
	if _, err := s.ChangeView(ctx, 0, func(*View) error { return refused }); err != refused { //nolint:errorlint // it is passed on as it is
		t.Errorf("a change that failed: %v", err)
	}
	if got, err := s.ChangeView(ctx, 0, func(v *View) error { v.ID, v.Name = 9, "Phones"; return nil }); err != nil || got.ID != 0 || store.v.Name != "Phones" || store.v.Search != want.Search {
		t.Errorf("renamed: %+v, %v", got, err)
	}
}
