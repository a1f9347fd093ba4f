package tracker

import (
	"context"
	"strings"
	"sync"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/grouping"
	"github.com/monlight/monlight/error-tracker/internal/tracker/grouprules"
	"github.com/monlight/monlight/error-tracker/internal/tracker/inbound"
	"github.com/monlight/monlight/error-tracker/internal/tracker/scrub"
)

// policy is what the settings of a project do to its events, made ready. It is
// used by many goroutines.
type policy struct {
	settings *Settings // that it was made of
	filter   *inbound.Filter
	scrub    *scrub.Scrubber
	rules    grouprules.Rules
}

func newPolicy(s *Settings) *policy {
	// Rules are checked before they are saved. If a later release wrote some that
	// this one does not know, events are grouped without.
	rules, _ := parseRules(s.Rules)
	return &policy{settings: s, filter: inbound.New(s.Filters), scrub: scrub.New(s.Scrub), rules: rules}
}

// keyOf is the place of an event among the issues: by the first rule that fits
// it, else by what its sender said, else by the built-in rules.
func keyOf(e *event.Event, rules grouprules.Rules) (grouping.Key, *grouprules.Rule) {
	r := rules.Match(e)
	if r == nil {
		return grouping.Of(e), nil
	}
	return grouping.ByRule(e, r.Source, r.Fingerprint), r
}

// maxPolicies bounds how many are at hand.
const maxPolicies = 256

// policies remembers the policy of each project. A store returns the same
// settings until they are changed, which is how a change is noticed.
type policies struct {
	mu     sync.RWMutex
	byName map[string]*policy
}

// policy returns that of the project of that name.
func (s *Service) policy(ctx context.Context, project string) (*policy, error) {
	settings, err := s.Settings(ctx, project)
	if err != nil {
		return nil, err
	}
	c := &s.policies
	c.mu.RLock()
	p := c.byName[project]
	c.mu.RUnlock()
	if p != nil && p.settings == settings {
		return p, nil
	}
	p = newPolicy(settings)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byName == nil {
		c.byName = make(map[string]*policy)
	}
	if len(c.byName) >= maxPolicies {
		for any := range c.byName { // the order of maps is random enough
			delete(c.byName, any)
			break
		}
	}
	c.byName[strings.Clone(project)] = p // the name may share the memory of a body
	return p, nil
}
