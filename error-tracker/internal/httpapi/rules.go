package httpapi

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/jsonpull"
	"github.com/monlight/monlight/shared/problem"
)

type previewJSON struct {
	Events int           `json:"events"`
	Moved  int           `json:"moved"`
	Rules  []ruleHitJSON `json:"rules"`
	Flows  []flowJSON    `json:"flows"`
}

type ruleHitJSON struct {
	Line   int    `json:"line"`
	Rule   string `json:"rule"`
	Events int    `json:"events"`
}

type flowJSON struct {
	From   int64  `json:"from"`
	To     *int64 `json:"to"`            // null: a new error
	New    int    `json:"new,omitempty"` // its number among the new ones
	Title  string `json:"title"`         // of to
	Line   int    `json:"line"`          // of the rule; 0: none fits
	Events int    `json:"events"`
}

const previewRoute = "/api/projects/{id}/rules/preview"

// OnlyReads tells the one question that has a body, for [auth.Options]. It goes by the
// route that was found: a path can be written in more than one way.
func OnlyReads(r *http.Request) bool {
	route := chi.RouteContext(r.Context())
	return route != nil && r.Method == http.MethodPost && route.RoutePattern() == previewRoute
}

// previewRules is POST /api/projects/{id}/rules/preview. It changes nothing.
func (a *api) previewRules(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id")
	if err != nil {
		return err
	}
	rules, given := "", false
	err = readMembers(w, r, func(p *jsonpull.Parser, name string) error {
		if name != "rules" {
			return errs.New(errs.Invalid, "unknown field: %s", shortName(name))
		}
		if rules, given = p.String(); !given {
			return errs.New(errs.Invalid, "rules must be a string")
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !given {
		return errs.New(errs.Invalid, "Missing required field: rules")
	}
	v, err := a.Tracker.PreviewRules(r.Context(), id, rules)
	if err != nil {
		return err
	}
	return problem.JSON(w, http.StatusOK, newPreviewJSON(v))
}

func newPreviewJSON(v *tracker.Preview) previewJSON {
	j := previewJSON{Events: v.Events, Moved: v.Moved, Rules: make([]ruleHitJSON, len(v.Rules)), Flows: make([]flowJSON, len(v.Flows))}
	for i, r := range v.Rules {
		j.Rules[i] = ruleHitJSON{r.Line, r.Source, r.Events}
	}
	for i := range v.Flows {
		f := &v.Flows[i]
		j.Flows[i] = flowJSON{From: f.From.ID, New: f.New, Title: f.To.Type, Line: f.Line, Events: f.Events}
		if f.New == 0 {
			j.Flows[i].To = &f.To.ID
		}
	}
	return j
}
