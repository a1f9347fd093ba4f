package storetest

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
)

func testViews(t *testing.T, open Opener) {
	s := openDefault(t, open)
	ctx := t.Context()
	want := func(what string, want ...tracker.View) {
		t.Helper()
		got, err := s.Views(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	add := func(v tracker.View) tracker.View {
		t.Helper()
		added, err := s.InsertView(ctx, v)
		if err != nil {
			t.Fatal(err)
		}
		if v.ID = added.ID; added.ID == 0 || added != v {
			t.Fatalf("added %+v, got %+v", v, added)
		}
		return added
	}
	want("no views")
	full := add(tracker.View{
		Name: "mobile é", Default: true, Search: `release:1.4.* "no address"`, Project: "shop", Environment: "prod", Source: tracker.Browser,
		Time: "24h", State: tracker.AnyState, Sort: tracker.ByCount,
	})
	plain := add(tracker.View{Name: "Before", State: tracker.Active, Sort: tracker.ByLastSeen})
	want("by name", plain, full)

	_, err := s.InsertView(ctx, tracker.View{Name: "MOBILE é"})
	wantKind(t, "a name that is taken, in another case", err, errs.Conflict)
	before, first := full, plain
	plain.Default, full.Default = true, false
	if err := s.UpdateView(ctx, first, plain); err != nil {
		t.Fatal(err)
	}
	want("another default", plain, full)
	taken := full
	taken.Name = "before"
	wantKind(t, "renaming to a name that is taken", s.UpdateView(ctx, full, taken), errs.Conflict)
	now := full
	full.Name, full.Search, full.State = "Mobile É", "x", tracker.Muted
	// It is the default no more: who still thinks so does not make it that again.
	wantKind(t, "changing what it was before", s.UpdateView(ctx, before, full), errs.Conflict)
	if err := s.UpdateView(ctx, now, full); err != nil {
		t.Fatal(err)
	}
	want("renamed to its own name in another case", plain, full)
	for what, change := range map[string]func(*tracker.View){
		"name": func(v *tracker.View) { v.Name = "mobile É" }, "default": func(v *tracker.View) { v.Default = true },
		"search": func(v *tracker.View) { v.Search = "" }, "project": func(v *tracker.View) { v.Project = "Shop" },
		"environment": func(v *tracker.View) { v.Environment = "" }, "source": func(v *tracker.View) { v.Source = "" },
		"time": func(v *tracker.View) { v.Time = "1h" }, "state": func(v *tracker.View) { v.State = tracker.Active }, "sort": func(v *tracker.View) { v.Sort = tracker.ByUsers },
	} {
		other := full
		change(&other)
		wantKind(t, "a view with another "+what, s.UpdateView(ctx, other, full), errs.Conflict)
	}

	// A change that is refused leaves the default what it was.
	wantKind(t, "changing no view", s.UpdateView(ctx, plain, tracker.View{ID: 999, Name: "x", Default: true}), errs.NotFound)
	wantKind(t, "deleting no view", s.DeleteView(ctx, 999), errs.NotFound)
	want("after changes that were refused", plain, full)
	if err := s.DeleteView(ctx, plain.ID); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "deleting it again", s.DeleteView(ctx, plain.ID), errs.NotFound)
	want("one is deleted", full)

	for n := 1; n < tracker.MaxViews; n++ {
		add(tracker.View{Name: fmt.Sprintf("view %d", n)})
	}
	_, err = s.InsertView(ctx, tracker.View{Name: "one more", Default: true})
	wantKind(t, "more views than may be", err, errs.Conflict)
}
