package httpapi

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/inbound"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/jsonpull"
	"github.com/monlight/monlight/shared/problem"
)

type settingsJSON struct {
	Version         int64       `json:"version"`
	Scrub           scrubJSON   `json:"scrub"`
	Filters         filtersJSON `json:"filters"`
	Rules           string      `json:"rules"`
	AutoResolveDays int         `json:"auto_resolve_days"`
}

type filtersJSON struct {
	Localhost  bool     `json:"localhost"`
	Extensions bool     `json:"extensions"`
	Crawlers   bool     `json:"crawlers"`
	Messages   []string `json:"messages"`
}

type scrubJSON struct {
	Off    bool     `json:"off"`
	Remove []string `json:"remove"`
	Keep   []string `json:"keep"`
	DropIP bool     `json:"drop_ip"`
}

func newSettingsJSON(s *tracker.Settings) settingsJSON {
	return settingsJSON{
		Version:         s.Version,
		Scrub:           scrubJSON{s.Scrub.Off, orEmpty(s.Scrub.Remove), orEmpty(s.Scrub.Keep), s.Scrub.DropIP},
		Filters:         filtersJSON{s.Filters.Localhost, s.Filters.Extensions, s.Filters.Crawlers, orEmpty(s.Filters.Messages)},
		Rules:           s.Rules,
		AutoResolveDays: s.AutoResolve,
	}
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
	case "rules":
		var ok bool
		if s.Rules, ok = p.String(); !ok {
			return errs.New(errs.Invalid, "rules must be a string")
		}
		return nil
	case "auto_resolve_days":
		text, isNumber := p.Number()
		n, err := strconv.Atoi(text)
		if s.AutoResolve = n; !isNumber || err != nil {
			return errs.New(errs.Invalid, "auto_resolve_days must be a whole number")
		}
		return nil
	case "scrub":
		return choices(p, name, switches{"off": &s.Scrub.Off, "drop_ip": &s.Scrub.DropIP}, lists{"remove": &s.Scrub.Remove, "keep": &s.Scrub.Keep}, tracker.MaxScrubNames)
	case "filters":
		f := &s.Filters
		return choices(p, name, switches{"localhost": &f.Localhost, "extensions": &f.Extensions, "crawlers": &f.Crawlers}, lists{"messages": &f.Messages}, inbound.MaxMessages)
	}
	return errs.New(errs.Invalid, "unknown field: %s", shortName(name))
}

// switches and lists are members of an object, by their names.
type (
	switches map[string]*bool
	lists    map[string]*[]string
)

// choices reads an object of switches, and of lists of at most so many strings.
func choices(p *jsonpull.Parser, name string, on switches, of lists, most int) error {
	return object(p, name, func(member string) error {
		short := strings.TrimPrefix(member, name+".")
		if to := on[short]; to != nil {
			var ok bool
			if *to, ok = p.Bool(); !ok {
				return errs.New(errs.Invalid, "%s must be true or false", member)
			}
			return nil
		}
		if to := of[short]; to != nil {
			var ok bool
			if *to, ok = stringList(p, most); !ok {
				return errs.New(errs.Invalid, "%s must be an array of strings", member)
			}
			return nil
		}
		return errs.New(errs.Invalid, "unknown field: %s", shortName(member))
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
