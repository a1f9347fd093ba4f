package grouping_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/grouping"
	"github.com/monlight/monlight/error-tracker/internal/tracker/traceback"
	"github.com/monlight/monlight/error-tracker/internal/tracker/traceback/tracebacktest"
)

// byName finds real events by the beginning of their names.
func byName(t *testing.T, prefix string) []sample {
	t.Helper()
	found := slices.DeleteFunc(samples(t), func(s sample) bool { return !strings.HasPrefix(s.name, prefix) })
	if len(found) < 2 {
		t.Fatalf("%d events are named %s…, want 2 or more", len(found), prefix)
	}
	for _, s := range found {
		s.event.Fingerprint = nil
	}
	return found
}

// oneGroup checks that all events have one key.
func oneGroup(t *testing.T, found []sample) {
	t.Helper()
	first := grouping.Of(found[0].event)
	for _, s := range found[1:] {
		if k := grouping.Of(s.event); k.Hash != first.Hash {
			t.Errorf("%s and %s are grouped apart:\n%v\n%v", found[0].name, s.name, first.Reasons, k.Reasons)
		}
	}
}

// TestBrowsersAgree uses the same error in several browsers.
func TestBrowsersAgree(t *testing.T) {
	http := byName(t, "sentry/javascript-xbrowser-http-")
	file := slices.DeleteFunc(byName(t, "sentry/javascript-xbrowser-"), func(s sample) bool { return strings.Contains(s.name, "-http-") })
	for _, browsers := range [][]sample{http, file} {
		oneGroup(t, browsers)
		// The same stacks as the engines print them.
		var texts []sample
		for _, s := range browsers {
			x := s.event.Exceptions
			for name, text := range map[string]string{"V8": tracebacktest.V8(x), "Gecko": tracebacktest.Gecko(x)} {
				r := traceback.Chain(text, x[0].Type, x[0].Value)
				texts = append(texts, sample{s.name + " of " + name, &event.Event{Project: "shop", Platform: r.Platform, Exceptions: r.Exceptions}})
			}
		}
		oneGroup(t, texts)
	}
}

// TestLabelledCrashesStayTogether uses crashes that people put together by hand.
func TestLabelledCrashesStayTogether(t *testing.T) {
	for _, label := range []string{"sentry/group_332_event_", "sentry/group_432_event_"} {
		oneGroup(t, byName(t, label))
	}
}

// TestDifferentRealErrorsStayApart counts the groups of all real events. Those
// that share one are named: they are the same error.
func TestDifferentRealErrorsStayApart(t *testing.T) {
	same := [][]string{
		{"bugsink/111", "bugsink/130-w-tuple"},
		{"bugsink/top-level-logentry-as-str", "bugsink/top-level-message-as-str"},
		{"sentry/javascript-xbrowser-chrome", "sentry/javascript-xbrowser-firefox"},
		{"sentry/javascript-xbrowser-http-chrome", "sentry/javascript-xbrowser-http-edge"},
		{"sentry/group_332_event_332", "sentry/group_332_event_353"},
		{"sentry/group_432_event_432", "sentry/group_432_event_453"},
		{"sentry/mobile1-xeh", "sentry/mobile1-xeq"}, // a crash in the same call-back of the system
	}
	groups := map[grouping.Hash][]string{}
	for _, s := range samples(t) {
		s.event.Fingerprint = nil
		h := grouping.Of(s.event).Hash
		groups[h] = append(groups[h], s.name)
	}
	for _, names := range groups {
		if len(names) > 1 && !slices.ContainsFunc(same, func(known []string) bool { return slices.Equal(known, names) }) {
			t.Errorf("these are one group: %v", names)
		}
	}
}
