package httpapi

import (
	"net/http"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/jsonpull"
	"github.com/monlight/monlight/shared/problem"
	"github.com/monlight/monlight/shared/webui"
)

type viewJSON struct {
	ID          int64  `json:"id"`
	Name        string `json:"name"`
	Default     bool   `json:"default"`
	Search      string `json:"search"`
	Project     string `json:"project"`
	Environment string `json:"environment"`
	Source      string `json:"source"`
	Time        string `json:"time"`
	State       string `json:"state"`
	Sort        string `json:"sort"`
}

func newViewJSON(v *tracker.View) viewJSON {
	return viewJSON{
		ID: v.ID, Name: v.Name, Default: v.Default, Search: v.Search, Project: v.Project, Environment: v.Environment,
		Source: string(v.Source), Time: v.Time, State: string(v.State), Sort: string(v.Sort),
	}
}

type viewsJSON struct {
	Views []viewJSON `json:"views"`
}

var errViewNotFound = errs.New(errs.NotFound, "View not found")

// views is GET /api/views.
func (a *api) views(w http.ResponseWriter, r *http.Request) error {
	all, err := a.Tracker.Views(r.Context())
	if err != nil {
		return err
	}
	answer := viewsJSON{Views: make([]viewJSON, len(all))}
	for i := range all {
		answer.Views[i] = newViewJSON(&all[i])
	}
	return problem.JSON(w, http.StatusOK, answer)
}

// addView is POST /api/views.
func (a *api) addView(w http.ResponseWriter, r *http.Request) error {
	var v tracker.View
	if err := readMembers(w, r, a.viewMember(&v)); err != nil {
		return err
	}
	v, err := a.Tracker.AddView(r.Context(), v)
	if err != nil {
		return err
	}
	return problem.JSON(w, http.StatusCreated, newViewJSON(&v))
}

// changeView is POST /api/views/{id}: the members that are sent are changed.
func (a *api) changeView(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id")
	if err != nil {
		return err
	}
	v, err := a.Tracker.ChangeView(r.Context(), id, func(v *tracker.View) error {
		return readMembers(w, r, a.viewMember(v))
	})
	if err != nil {
		return named(err, errViewNotFound)
	}
	return problem.JSON(w, http.StatusOK, newViewJSON(&v))
}

// deleteView is DELETE /api/views/{id}.
func (a *api) deleteView(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id")
	if err != nil {
		return err
	}
	if err := a.Tracker.DeleteView(r.Context(), id); err != nil {
		return named(err, errViewNotFound)
	}
	return problem.JSON(w, http.StatusOK, changeJSON{Status: "deleted", ID: id})
}

// viewMember reads what people choose for a view.
func (a *api) viewMember(v *tracker.View) func(p *jsonpull.Parser, name string) error {
	return func(p *jsonpull.Parser, name string) error {
		if name == "default" {
			var ok bool
			if v.Default, ok = p.Bool(); !ok {
				return errs.New(errs.Invalid, "default must be true or false")
			}
			return nil
		}
		to := map[string]*string{
			"name": &v.Name, "search": &v.Search, "project": &v.Project, "environment": &v.Environment, "time": &v.Time,
			"source": (*string)(&v.Source), "state": (*string)(&v.State), "sort": (*string)(&v.Sort),
		}[name]
		if to == nil {
			return errs.New(errs.Invalid, "unknown field: %s", shortName(name))
		}
		var ok bool
		if *to, ok = p.String(); !ok {
			return errs.New(errs.Invalid, "%s must be a string", name)
		}
		if name == "time" && *to != "" {
			// The page of the list has to understand it.
			if _, err := webui.ParseTime(*to, a.Now()); err != nil {
				return errs.New(errs.Invalid, "time: %v", err)
			}
		}
		return nil
	}
}
