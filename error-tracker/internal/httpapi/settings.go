package httpapi

import (
	"net/http"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/jsonpull"
	"github.com/monlight/monlight/shared/problem"
)

type settingsJSON struct {
	Scrub scrubJSON `json:"scrub"`
}

type scrubJSON struct {
	Off    bool     `json:"off"`
	Remove []string `json:"remove"`
	Keep   []string `json:"keep"`
	DropIP bool     `json:"drop_ip"`
}

func newSettingsJSON(s *tracker.Settings) settingsJSON {
	return settingsJSON{Scrub: scrubJSON{s.Scrub.Off, orEmpty(s.Scrub.Remove), orEmpty(s.Scrub.Keep), s.Scrub.DropIP}}
}

// settings is GET /api/projects/{id}/settings.
func (a *api) settings(w http.ResponseWriter, r *http.Request) error {
	p, err := a.pathProject(r)
	if err != nil {
		return err
	}
	s, err := a.Tracker.Settings(r.Context(), p.Name)
	if err != nil {
		return err
	}
	return problem.JSON(w, http.StatusOK, newSettingsJSON(s))
}

// changeSettings is POST /api/projects/{id}/settings: the members that are sent
// are changed.
func (a *api) changeSettings(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id")
	if err != nil {
		return err
	}
	s, err := a.Tracker.ChangeSettings(r.Context(), id, func(s *tracker.Settings) error {
		return readMembers(w, r, func(p *jsonpull.Parser, name string) error { return settingsMember(p, name, s) })
	})
	if err != nil {
		return err
	}
	return problem.JSON(w, http.StatusOK, newSettingsJSON(s))
}

func settingsMember(p *jsonpull.Parser, name string, s *tracker.Settings) error {
	if name != "scrub" {
		return errs.New(errs.Invalid, "unknown field: %s", shortName(name))
	}
	return object(p, name, func(name string) error {
		var ok bool
		want := "true or false"
		switch name {
		case "scrub.off":
			s.Scrub.Off, ok = p.Bool()
		case "scrub.drop_ip":
			s.Scrub.DropIP, ok = p.Bool()
		case "scrub.remove":
			want = "an array of strings"
			s.Scrub.Remove, ok = stringList(p, tracker.MaxScrubNames)
		case "scrub.keep":
			want = "an array of strings"
			s.Scrub.Keep, ok = stringList(p, tracker.MaxScrubNames)
		default:
			return errs.New(errs.Invalid, "unknown field: %s", shortName(name))
		}
		if !ok {
			return errs.New(errs.Invalid, "%s must be %s", name, want)
		}
		return nil
	})
}

// object calls member for each member of an object, with its name behind that of
// the object. Its first error is returned.
func object(p *jsonpull.Parser, name string, member func(name string) error) error {
	if p.Kind() != jsonpull.Object {
		return errs.New(errs.Invalid, "%s must be an object", name)
	}
	var bad error
	for m := range p.Object() {
		if err := member(name + "." + m); bad == nil {
			bad = err
		}
	}
	return bad
}

// stringList reads an array of strings; of a longer one than may be, one more
// than that.
func stringList(p *jsonpull.Parser, most int) (list []string, ok bool) {
	if p.Kind() != jsonpull.Array {
		return nil, false
	}
	ok = true
	for range p.Array() {
		s, isText := p.String()
		ok = ok && isText
		if len(list) <= most {
			list = append(list, s)
		}
	}
	return list, ok
}
