package tracker

import (
	"context"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker/search"
	"github.com/monlight/monlight/shared/errs"
)

// View is a filter of the list of issues that people gave a name. It is the same
// for all who look at the list.
type View struct {
	ID      int64
	Name    string
	Default bool // the list begins with it; at most one does

	Search      string // in the language of [search.Parse]
	Project     string
	Environment string
	Source      Source // "" for both
	Time        string // since when, as people write it: "24h"; "" is ever
	State       State  // Active, Muted, Resolved or AnyState
	Sort        Sort
}

// Limits of views. Lengths are bytes.
const (
	MaxViews    = 30
	MaxViewName = 60
	MaxViewPart = 200 // of an environment
	MaxViewTime = 40
)

// complete trims the name and puts what is meant in the place of what is not said.
func (v *View) complete() {
	v.Name, v.Search, v.Time = strings.TrimSpace(v.Name), strings.TrimSpace(v.Search), strings.TrimSpace(v.Time)
	if v.State == "" {
		v.State = Active
	}
	if v.Sort == "" {
		v.Sort = ByLastSeen
	}
}

// validate says what is wrong with a view that is complete.
func (v *View) validate() error {
	if v.Name == "" {
		return errs.New(errs.Invalid, "name is empty, want 1 to %d bytes", MaxViewName)
	}
	for _, part := range []struct {
		what, text string
		most       int
	}{
		{"name", v.Name, MaxViewName}, {"project", v.Project, MaxProject}, {"environment", v.Environment, MaxViewPart},
		{"time", v.Time, MaxViewTime}, {"search", v.Search, search.MaxBytes},
	} {
		if n := len(part.text); n > part.most {
			return errs.New(errs.Invalid, "%s has %d bytes, the limit is %d", part.what, n, part.most)
		}
		if !printable(part.text) {
			return errs.New(errs.Invalid, "%s has control characters or is not valid UTF-8", part.what)
		}
	}
	switch v.Source {
	case "", Server, Browser:
	default:
		return errs.New(errs.Invalid, "source = %.60q, want server, browser or nothing for both", string(v.Source))
	}
	switch v.State {
	case Active, Muted, Resolved, AnyState:
	default:
		return errs.New(errs.Invalid, "state = %.60q, want active, muted, resolved or all", string(v.State))
	}
	switch v.Sort {
	case ByLastSeen, ByFirstSeen, ByCount, ByUsers, ByTrend:
	default:
		return errs.New(errs.Invalid, "sort = %.60q, want last_seen, first_seen, count, users or trend", string(v.Sort))
	}
	if _, err := search.Parse(v.Search); err != nil {
		return errs.New(errs.Invalid, "search: %v", err)
	}
	return nil
}

// ViewStore is the part of the store that keeps views.
type ViewStore interface {
	Views(ctx context.Context) ([]View, error) // by name
	// InsertView adds a view and returns it with its ID. Conflict when there is one
	// of that name, in whatever case, or there are MaxViews.
	InsertView(ctx context.Context, v View) (View, error)
	// UpdateView stores v in the place of before, which has its ID. Conflict when
	// another one has its name, or the view is not what it was.
	UpdateView(ctx context.Context, before, v View) error
	DeleteView(ctx context.Context, id int64) error
}

// AddView stores a new view. With v.Default another one stops being that.
func (s *Service) AddView(ctx context.Context, v View) (View, error) {
	v.complete()
	if err := v.validate(); err != nil {
		return View{}, err
	}
	return s.InsertView(ctx, v)
}

// ChangeView lets change edit a view and stores the result. Conflict when
// somebody else changed the view in the meantime.
func (s *Service) ChangeView(ctx context.Context, id int64, change func(*View) error) (View, error) {
	all, err := s.Views(ctx)
	if err != nil {
		return View{}, err
	}
	for _, v := range all {
		if v.ID != id {
			continue
		}
		before := v
		if err := change(&v); err != nil {
			return View{}, err
		}
		v.ID = id
		v.complete()
		if err := v.validate(); err != nil {
			return View{}, err
		}
		return v, s.UpdateView(ctx, before, v)
	}
	return View{}, errs.New(errs.NotFound, "there is no view %d", id)
}
