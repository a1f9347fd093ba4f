package tracker

import (
	"context"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker/grouprules"
	"github.com/monlight/monlight/error-tracker/internal/tracker/inbound"
	"github.com/monlight/monlight/error-tracker/internal/tracker/scrub"
	"github.com/monlight/monlight/error-tracker/internal/tracker/sourcelink"
	"github.com/monlight/monlight/shared/errs"
)

// Settings are what people choose for a project. The zero value is what a project
// starts with.
type Settings struct {
	ProjectID int64 // whose they are; 0 if they were never changed
	Version   int64 // how often they were changed

	Scrub       scrub.Rules      // what is removed from events before they are stored
	Filters     inbound.Rules    // which events are not stored
	Rules       string           // how events are grouped, see [grouprules.Parse]
	Editor      sourcelink.Rules // how the page of an issue leads to the sources
	AutoResolve int              // days after which an issue that nobody met is resolved; 0: never
	Alerts      AlertRules       // what people are told, and how
}

// Limits of settings.
const (
	MaxScrubNames = 100
	MaxScrubName  = 100 // bytes

	MaxAutoResolve = 3650 // days
)

// Validate says what is wrong with settings.
func (s *Settings) Validate() error {
	if s.AutoResolve < 0 || s.AutoResolve > MaxAutoResolve {
		return errs.New(errs.Invalid, "auto_resolve_days is %d, want 0 to %d, 0 being never", s.AutoResolve, MaxAutoResolve)
	}
	for _, list := range []struct {
		what  string
		names []string
	}{{"scrub.remove", s.Scrub.Remove}, {"scrub.keep", s.Scrub.Keep}} {
		if n := len(list.names); n > MaxScrubNames {
			return errs.New(errs.Invalid, "%s has %d names, the limit is %d", list.what, n, MaxScrubNames)
		}
		for _, name := range list.names {
			if strings.TrimSpace(name) == "" || len(name) > MaxScrubName || !printable(name) {
				return errs.New(errs.Invalid, "%s has the name %.60q, want 1 to %d bytes without control characters", list.what, name, MaxScrubName)
			}
		}
	}
	if err := s.Filters.Validate(); err != nil {
		return err
	}
	if err := s.Editor.Validate(); err != nil {
		return errs.New(errs.Invalid, "editor: %v", err)
	}
	if err := s.Alerts.Frequency.Validate(); err != nil {
		return err
	}
	if err := s.Alerts.Webhook.Validate(); err != nil {
		return err
	}
	_, err := parseRules(s.Rules)
	return err
}

// parseRules reads rules; the error says where in them it is.
func parseRules(text string) (grouprules.Rules, error) {
	rules, err := grouprules.Parse(text)
	if err != nil {
		return nil, errs.New(errs.Invalid, "rules, %v", err)
	}
	return rules, nil
}

// SettingsStore is the part of the store that keeps settings.
type SettingsStore interface {
	// Settings returns those of the project of that name, as it starts with when
	// there is none. Asking often is cheap; the result is not to be changed.
	Settings(ctx context.Context, project string) (*Settings, error)
	// AutoResolving lists the projects that have Settings.AutoResolve, with its days.
	AutoResolving(ctx context.Context) (map[int64]int, error)
	// SaveSettings replaces those of a project, which then have the next version.
	// Conflict when the version of s is not theirs any more: somebody else
	// changed them in between.
	SaveSettings(ctx context.Context, project int64, s *Settings) error
}

// ChangeSettings lets change edit a copy of the settings of a project and stores
// the result. change may set the version that its caller saw; Conflict when the
// settings have another one. A webhook that has no key, or another URL than
// before, gets a new key, which the result alone says is Fresh.
func (s *Service) ChangeSettings(ctx context.Context, project int64, change func(*Settings) error) (*Settings, error) {
	p, err := s.Project(ctx, project)
	if err != nil {
		return nil, err
	}
	now, err := s.Settings(ctx, p.Name)
	if err != nil {
		return nil, err
	}
	changed := *now
	if err := change(&changed); err != nil {
		return nil, err
	}
	changed.Alerts.Webhook.keep(now.Alerts.Webhook)
	if err := changed.Validate(); err != nil {
		return nil, err
	}
	if err := s.SaveSettings(ctx, project, &changed); err != nil {
		return nil, err
	}
	changed.ProjectID, changed.Version = project, changed.Version+1
	return &changed, nil
}
