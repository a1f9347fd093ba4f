package httpapi

import (
	"net/http"
	"strconv"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/scrub"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/jsonpull"
	"github.com/monlight/monlight/shared/problem"
)

type settingsJSON struct {
	Version int64     `json:"version"`
	Scrub   scrubJSON `json:"scrub"`
}

type scrubJSON struct {
	Off    bool     `json:"off"`
	Remove []string `json:"remove"`
	Keep   []string `json:"keep"`
	DropIP bool     `json:"drop_ip"`
}

func newSettingsJSON(s *tracker.Settings) settingsJSON {
	return settingsJSON{Version: s.Version, Scrub: scrubJSON{s.Scrub.Off, orEmpty(s.Scrub.Remove), orEmpty(s.Scrub.Keep), s.Scrub.DropIP}}
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
// are changed, with version only if the settings still have it.
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
	switch name {
	case "version":
		text, isNumber := p.Number()
		n, err := strconv.ParseInt(text, 10, 64)
		if s.Version = n; !isNumber || err != nil {
			return errs.New(errs.Invalid, "version must be a whole number")
		}
		return nil
	case "scrub":
		return scrubMember(p, name, &s.Scrub)
	}
	return errs.New(errs.Invalid, "unknown field: %s", shortName(name))
}

func scrubMember(p *jsonpull.Parser, name string, s *scrub.Rules) error {
	return object(p, name, func(name string) error {
		var ok bool
		want := "true or false"
		switch name {
		case "scrub.off":
			s.Off, ok = p.Bool()
		case "scrub.drop_ip":
			s.DropIP, ok = p.Bool()
		case "scrub.remove":
			want = "an array of strings"
			s.Remove, ok = stringList(p, tracker.MaxScrubNames)
		case "scrub.keep":
			want = "an array of strings"
			s.Keep, ok = stringList(p, tracker.MaxScrubNames)
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
