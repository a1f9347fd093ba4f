package httpapi

import (
	"net/http"
	"strconv"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/auth"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/jsonpull"
	"github.com/monlight/monlight/shared/origin"
	"github.com/monlight/monlight/shared/problem"
)

type projectJSON struct {
	ID        int64     `json:"id"`
	Name      string    `json:"name"`
	CreatedAt string    `json:"created_at"`
	Errors    int64     `json:"errors"`
	Keys      []keyJSON `json:"keys"`
}

type keyJSON struct {
	ID        int64    `json:"id"`
	PublicKey string   `json:"public_key"`
	DSN       string   `json:"dsn"`
	Label     string   `json:"label"`
	Origins   []string `json:"origins"`
	RateLimit int      `json:"rate_limit"` // events per minute; 0 is the service's limit
	Active    bool     `json:"active"`
	CreatedAt string   `json:"created_at"`
	LastUsed  *string  `json:"last_used"` // to the hour
}

func (a *api) newProject(r *http.Request, p *tracker.Project) projectJSON {
	j := projectJSON{ID: p.ID, Name: p.Name, CreatedAt: timestamp(p.CreatedAt), Errors: p.Issues, Keys: make([]keyJSON, len(p.Keys))}
	for i := range p.Keys {
		j.Keys[i] = a.newKey(r, &p.Keys[i])
	}
	return j
}

func (a *api) newKey(r *http.Request, k *tracker.ProjectKey) keyJSON {
	j := keyJSON{
		ID: k.ID, Label: k.Label, Origins: append([]string{}, k.Origins...),
		RateLimit: k.Rate, Active: k.Active, CreatedAt: timestamp(k.CreatedAt), LastUsed: orNullTime(k.UsedAt),
	}
	if !auth.ReadOnly(r) { // events could be sent with it
		j.PublicKey, j.DSN = k.Key, k.DSN(a.PublicURL(r))
	}
	return j
}

type projectsJSON struct {
	Projects []string      `json:"projects"`          // that have issues
	Details  []projectJSON `json:"details,omitempty"` // all of them, if asked for
}

// projects is GET /api/projects.
func (a *api) projects(w http.ResponseWriter, r *http.Request) error {
	names, err := a.Tracker.Projects(r.Context())
	if err != nil {
		return err
	}
	answer := projectsJSON{Projects: orEmpty(names)}
	if r.URL.Query().Get("details") == "true" {
		all, err := a.Tracker.ProjectList(r.Context())
		if err != nil {
			return err
		}
		for i := range all {
			answer.Details = append(answer.Details, a.newProject(r, &all[i]))
		}
	}
	return problem.JSON(w, http.StatusOK, answer)
}

// project is GET /api/projects/{id}.
func (a *api) project(w http.ResponseWriter, r *http.Request) error {
	p, err := a.pathProject(r)
	if err != nil {
		return err
	}
	return problem.JSON(w, http.StatusOK, a.newProject(r, &p))
}

// pathProject is the project that the path names.
func (a *api) pathProject(r *http.Request) (tracker.Project, error) {
	id, err := pathID(r, "id")
	if err != nil {
		return tracker.Project{}, err
	}
	return a.Tracker.Project(r.Context(), id)
}

// createProject is POST /api/projects.
func (a *api) createProject(w http.ResponseWriter, r *http.Request) error {
	name := ""
	err := readMembers(w, r, func(p *jsonpull.Parser, member string) error {
		var ok bool
		if member != "name" {
			return errs.New(errs.Invalid, "unknown field: %s", shortName(member))
		}
		if name, ok = p.String(); !ok {
			return errs.New(errs.Invalid, "name must be a string")
		}
		return nil
	})
	if err != nil {
		return err
	}
	p, err := a.Tracker.CreateProject(r.Context(), name)
	if err != nil {
		return err
	}
	return problem.JSON(w, http.StatusCreated, a.newProject(r, &p))
}

// createKey is POST /api/projects/{id}/keys.
func (a *api) createKey(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id")
	if err != nil {
		return err
	}
	k := tracker.ProjectKey{ProjectID: id, Active: true}
	if err := readMembers(w, r, keyMember(&k)); err != nil {
		return err
	}
	if k, err = a.Tracker.CreateKey(r.Context(), k); err != nil {
		return err
	}
	return problem.JSON(w, http.StatusCreated, a.newKey(r, &k))
}

// changeKey is POST /api/projects/{id}/keys/{key_id}: the members that are sent
// are changed.
func (a *api) changeKey(w http.ResponseWriter, r *http.Request) error {
	project, err := pathID(r, "id")
	if err != nil {
		return err
	}
	id, err := pathID(r, "key_id")
	if err != nil {
		return err
	}
	k, err := a.Tracker.ChangeKey(r.Context(), project, id, func(k *tracker.ProjectKey) error {
		return readMembers(w, r, keyMember(k))
	})
	if err != nil {
		return err
	}
	return problem.JSON(w, http.StatusOK, a.newKey(r, &k))
}

// keyMember reads what people choose for a key.
func keyMember(k *tracker.ProjectKey) func(p *jsonpull.Parser, name string) error {
	return func(p *jsonpull.Parser, name string) error {
		var ok bool
		var want string
		switch name {
		case "label":
			want = "a string"
			k.Label, ok = p.String()
		case "active":
			want = "true or false"
			k.Active, ok = p.Bool()
		case "rate_limit":
			want = "a whole number of events per minute"
			var text string
			if text, ok = p.Number(); ok {
				n, err := strconv.Atoi(text)
				k.Rate, ok = n, err == nil
			}
		case "origins":
			want = "an array of strings"
			k.Origins, ok = stringList(p, origin.MaxOrigins)
		default:
			return errs.New(errs.Invalid, "unknown field: %s", shortName(name))
		}
		if !ok {
			return errs.New(errs.Invalid, "%s must be %s", name, want)
		}
		return nil
	}
}
