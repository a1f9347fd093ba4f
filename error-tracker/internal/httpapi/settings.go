package httpapi

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/inbound"
	"github.com/monlight/monlight/error-tracker/internal/tracker/sourcelink"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/jsonpull"
	"github.com/monlight/monlight/shared/problem"
)

type settingsJSON struct {
	Version         int64          `json:"version"`
	Scrub           scrubJSON      `json:"scrub"`
	Filters         filtersJSON    `json:"filters"`
	Rules           string         `json:"rules"`
	Alerts          alertRulesJSON `json:"alerts"`
	AutoResolveDays int            `json:"auto_resolve_days"`
	Editor          editorJSON     `json:"editor"`
}

type editorJSON struct {
	Template string        `json:"template"`
	Mappings []mappingJSON `json:"mappings"`
}

type mappingJSON struct {
	From string `json:"from"`
	To   string `json:"to"`
}

func newEditorJSON(r *sourcelink.Rules) editorJSON {
	j := editorJSON{Template: r.Template, Mappings: make([]mappingJSON, len(r.Mappings))}
	for i, m := range r.Mappings {
		j.Mappings[i] = mappingJSON(m)
	}
	return j
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
		Alerts:          newAlertRulesJSON(&s.Alerts),
		AutoResolveDays: s.AutoResolve,
		Editor:          newEditorJSON(&s.Editor),
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
	case "editor":
		return object(p, name, func(member string) error { return editorMember(p, member, &s.Editor) })
	case "alerts":
		return readAlertRules(p, name, &s.Alerts)
	case "filters":
		f := &s.Filters
		return choices(p, name, switches{"localhost": &f.Localhost, "extensions": &f.Extensions, "crawlers": &f.Crawlers}, lists{"messages": &f.Messages}, inbound.MaxMessages)
	}
	return errs.New(errs.Invalid, "unknown field: %s", shortName(name))
}

// editorMember reads how places of frames become addresses.
func editorMember(p *jsonpull.Parser, member string, r *sourcelink.Rules) error {
	text := func(member string, to *string) error {
		var ok bool
		if *to, ok = p.String(); !ok {
			return errs.New(errs.Invalid, "%s must be a string", member)
		}
		return nil
	}
	switch member {
	case "editor.template":
		return text(member, &r.Template)
	case "editor.mappings":
		if p.Kind() != jsonpull.Array {
			return errs.New(errs.Invalid, "%s must be an array", member)
		}
		r.Mappings = nil
		var bad error
		for range p.Array() {
			var m sourcelink.Mapping
			err := object(p, member, func(part string) error {
				switch part {
				case member + ".from":
					return text(part, &m.From)
				case member + ".to":
					return text(part, &m.To)
				}
				return errs.New(errs.Invalid, "unknown field: %s", shortName(part))
			})
			if bad == nil {
				bad = err
			}
			if len(r.Mappings) <= sourcelink.MaxMappings {
				r.Mappings = append(r.Mappings, m)
			}
		}
		return bad
	}
	return errs.New(errs.Invalid, "unknown field: %s", shortName(member))
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
