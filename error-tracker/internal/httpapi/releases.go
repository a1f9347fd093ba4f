package httpapi

import (
	"net/http"
	"net/url"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/jsonpull"
	"github.com/monlight/monlight/shared/problem"
)

// Deploys, or past alerts, in one answer.
const (
	defaultMarks = 50
	maxMarks     = 200
)

type releaseJSON struct {
	ID        int64        `json:"id"`
	Release   string       `json:"release"`
	FirstSeen string       `json:"first_seen"`
	LastEvent *string      `json:"last_event"`
	Events    int64        `json:"events"`
	Errors    int64        `json:"errors"`
	New       int64        `json:"new_errors"`
	Regressed int64        `json:"regressed_errors"`
	Sessions  int64        `json:"sessions"`
	Crashed   int64        `json:"crashed_sessions"`
	CrashFree *float64     `json:"crash_free"`
	Adoption  *float64     `json:"adoption"`
	Deploys   []deployJSON `json:"deploys"`
}

type deployJSON struct {
	ID          int64  `json:"id"`
	Project     string `json:"project"`
	Release     string `json:"release"`
	Environment string `json:"environment"`
	Time        string `json:"time"`
	Name        string `json:"name"`
	URL         string `json:"url"`
	ReleaseID   int64  `json:"release_id"`
}

func newDeployJSON(d *tracker.Deploy) deployJSON {
	return deployJSON{d.ID, d.Project, d.Release, d.Environment, timestamp(d.At), d.Name, d.URL, d.ReleaseID}
}

func newDeployList(deploys []tracker.Deploy) []deployJSON {
	list := make([]deployJSON, len(deploys))
	for i := range deploys {
		list[i] = newDeployJSON(&deploys[i])
	}
	return list
}

// releases is GET /api/projects/{id}/releases.
func (a *api) releases(w http.ResponseWriter, r *http.Request) error {
	p, err := a.pathProject(r)
	if err != nil {
		return err
	}
	all, err := a.Tracker.ReleaseList(r.Context(), p.ID)
	if err != nil {
		return err
	}
	list := make([]releaseJSON, len(all))
	for i := range all {
		v := &all[i]
		list[i] = releaseJSON{
			ID: v.ID, Release: v.Name, FirstSeen: timestamp(v.Seen), LastEvent: orNullTime(v.LastEvent), Events: v.Events, Errors: v.Issues,
			New: v.New, Regressed: v.Regressed, Sessions: v.Sessions.Total, Crashed: v.Sessions.Crashed, Deploys: newDeployList(v.Deploys),
		}
		if part, ok := v.Sessions.CrashFree(); ok {
			list[i].CrashFree = &part
		}
		if v.Adoption >= 0 {
			list[i].Adoption = &v.Adoption
		}
	}
	return problem.JSON(w, http.StatusOK, map[string]any{"releases": list})
}

// deploys is GET /api/deploys.
func (a *api) deploys(w http.ResponseWriter, r *http.Request) error {
	v, in, err := a.timeRange(r)
	if err != nil {
		return err
	}
	list := a.Tracker.Deploys
	switch include := v.Get("include"); include {
	case "":
	case "releases":
		list = a.Tracker.Marks
	default:
		return errs.New(errs.Invalid, "include = %.60q, want releases", include)
	}
	all, err := list(r.Context(), v.Get("project"), v.Get("environment"), in, page(v.Get("limit"), defaultMarks, maxMarks))
	if err != nil {
		return err
	}
	return problem.JSON(w, http.StatusOK, map[string]any{"deploys": newDeployList(all)})
}

// timeRange reads the parameters, and the stretch of time that since and until are.
func (a *api) timeRange(r *http.Request) (v url.Values, in tracker.TimeRange, err error) {
	if v, err = parameters(r); err != nil {
		return v, in, err
	}
	if in.From, err = timeOrAge("since", v.Get("since"), a.Now()); err != nil {
		return v, in, err
	}
	in.To, err = timeOrAge("until", v.Get("until"), a.Now())
	return v, in, err
}

// reportDeploy is POST /api/deploys.
func (a *api) reportDeploy(w http.ResponseWriter, r *http.Request) error {
	var d tracker.Deploy
	err := readMembers(w, r, func(p *jsonpull.Parser, name string) error { return deployMember(p, name, &d) })
	if err != nil {
		return err
	}
	added, created, err := a.Tracker.ReportDeploy(r.Context(), d)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return problem.JSON(w, status, newDeployJSON(&added))
}

func deployMember(p *jsonpull.Parser, name string, d *tracker.Deploy) error {
	if name == "time" {
		text, ok := stringOrNull(p)
		if !ok {
			return errs.New(errs.Invalid, "time must be a string")
		}
		if text == "" {
			return nil
		}
		if d.At, ok = parseTime(text); !ok {
			return errs.New(errs.Invalid, "time = %.60q, want a time such as 2026-01-31T08:00:00Z", text)
		}
		return nil
	}
	fields := map[string]*string{"project": &d.Project, "release": &d.Release, "environment": &d.Environment, "name": &d.Name, "url": &d.URL}
	to := fields[name]
	if to == nil {
		return errs.New(errs.Invalid, "unknown field: %s", shortName(name))
	}
	var ok bool
	if *to, ok = stringOrNull(p); !ok {
		return errs.New(errs.Invalid, "%s must be a string", name)
	}
	return nil
}
