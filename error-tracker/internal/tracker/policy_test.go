package tracker_test

import (
	"context"
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/inbound"
	"github.com/monlight/monlight/error-tracker/internal/tracker/scrub"
)

// chosen is a recorder whose projects have settings.
type chosen struct {
	recorder
	settings map[string]*tracker.Settings
}

func (c *chosen) Settings(_ context.Context, project string) (*tracker.Settings, error) {
	if s := c.settings[project]; s != nil {
		return s, nil
	}
	return &tracker.Settings{}, nil
}

func TestSettingsHoldFromTheNextEventOn(t *testing.T) {
	store := &chosen{settings: map[string]*tracker.Settings{}}
	store.status = tracker.Incremented
	s := tracker.NewService(store, time.Now, nil)
	stored := func(project string) string {
		t.Helper()
		e := &event.Event{Project: project, Tags: []event.Tag{{Name: "plate", Value: "B-MN 4711"}}}
		if _, err := s.Report(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		return store.event.Tags[0].Value
	}
	const gone, kept = "[removed: rule of the project]", "B-MN 4711"
	plate := &tracker.Settings{Scrub: scrub.Rules{Remove: []string{"plate"}}}
	for _, step := range []struct {
		shop       *tracker.Settings
		shop1, app string
	}{{nil, kept, kept}, {plate, gone, kept}, {plate, gone, kept}, {&tracker.Settings{}, kept, kept}, {plate, gone, kept}} {
		store.settings["shop"] = step.shop
		if got := stored("shop"); got != step.shop1 {
			t.Errorf("with %+v: %q, want %q", step.shop, got, step.shop1)
		}
		if got := stored("app"); got != step.app {
			t.Errorf("another project with %+v: %q, want %q", step.shop, got, step.app)
		}
	}
}

func TestUnwantedEventsAreNotStored(t *testing.T) {
	store := &chosen{settings: map[string]*tracker.Settings{"shop": {ProjectID: 7, Filters: inbound.Rules{Messages: []string{"*password=hunter2*"}}}}}
	store.status = tracker.Created
	alerts := 0
	s := tracker.NewService(store, time.Now, func() { alerts++ })
	for _, report := range []func(context.Context, *event.Event) (tracker.Outcome, error){s.Report, s.Correct} {
		// The pattern is about what the program said, not about what is left of it.
		out, err := report(t.Context(), &event.Event{Project: "shop", Exceptions: []event.Exception{{Type: "E", Value: "cannot log in: password=hunter2"}}})
		if err != nil || out.Status != tracker.Unwanted || out.Reason != inbound.Message || out.ProjectID != 7 || out.EventID.IsZero() || store.event != nil || alerts != 0 {
			t.Errorf("%+v, %v, stored %v, %d alerts", out, err, store.event, alerts)
		}
	}
	if out, err := s.Report(t.Context(), &event.Event{Project: "app", Exceptions: []event.Exception{{Value: "password=hunter2"}}}); err != nil || out.Status != tracker.Created {
		t.Errorf("another project: %+v, %v", out, err)
	}
}

// A project with rules of its own costs no more than one without: what its
// settings mean is worked out once.
func BenchmarkReportWithOwnRules(b *testing.B) {
	names := make([]string, tracker.MaxScrubNames)
	for i := range names {
		names[i] = "customer_number_" + string(rune('a'+i%26)) + string(rune('a'+i/26))
	}
	for name, settings := range map[string]*tracker.Settings{"none": {}, "100 names": {Scrub: scrub.Rules{Remove: names}}} {
		b.Run(name, func(b *testing.B) {
			store := &chosen{settings: map[string]*tracker.Settings{"shop": settings}}
			s := tracker.NewService(store, time.Now, nil)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Report(b.Context(), &event.Event{Project: "shop", Exceptions: []event.Exception{{Type: "E", Value: "v"}}}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
