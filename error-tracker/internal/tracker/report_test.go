package tracker_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/grouping"
	"github.com/monlight/monlight/shared/errs"
)

const pythonText = "Traceback (most recent call last):\n  File \"/app/a.py\", line 3, in f\n    g()\napp.errors.Bad: from the text"

func eventOf(t *testing.T, r tracker.Report) *event.Event {
	t.Helper()
	e, err := r.Event()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestReportReadsTheTextOfTheTraceback(t *testing.T) {
	e := eventOf(t, tracker.Report{ExceptionType: "Bad", Message: "as told", Facts: event.Event{Traceback: pythonText}})
	if len(e.Exceptions) != 1 || e.Platform != "python" || e.Traceback != pythonText {
		t.Fatalf("event = %+v", e)
	}
	x := e.Exceptions[0]
	if x.Type != "Bad" || x.Value != "as told" || len(x.Frames) != 1 || x.Frames[0].Function != "f" || x.Frames[0].Line != 3 {
		t.Errorf("exception = %+v", x)
	}
}

func TestReportPrefersWhatTheClientToldInStructure(t *testing.T) {
	frames := []event.Frame{{Function: "told", Line: 9}}
	e := eventOf(t, tracker.Report{ExceptionType: "Bad", Message: "m", Frames: frames, Facts: event.Event{Traceback: pythonText}})
	if diff := cmp.Diff([]event.Exception{{Type: "Bad", Value: "m", Frames: frames}}, e.Exceptions); diff != "" {
		t.Errorf("frames: %s", diff)
	}
	chain := []event.Exception{{Type: "Cause", Value: "c"}, {Type: "", Frames: frames}}
	e = eventOf(t, tracker.Report{ExceptionType: "Bad", Message: "m", Frames: []event.Frame{{Function: "other"}}, Facts: event.Event{Traceback: pythonText, Exceptions: chain}})
	if diff := cmp.Diff([]event.Exception{{Type: "Cause", Value: "c"}, {Type: "Bad", Value: "m", Frames: frames}}, e.Exceptions); diff != "" {
		t.Errorf("exceptions: %s", diff)
	}
}

func TestReportFillsInWhatWasNotTold(t *testing.T) {
	e := eventOf(t, tracker.Report{UserID: "u1"})
	if e.Environment != "prod" || e.Level != "error" || e.User.ID != "u1" || len(e.Exceptions) != 1 {
		t.Errorf("event = %+v", e)
	}
	e = eventOf(t, tracker.Report{UserID: "u1", Facts: event.Event{Environment: "test", Level: "WARN", User: event.User{ID: "u2"}}})
	if e.Environment != "test" || e.Level != "warning" || e.User.ID != "u2" {
		t.Errorf("event = %+v", e)
	}
	for told, want := range map[string]string{"fatal": "fatal", "Critical": "fatal", "log": "info", "info": "info", "debug": "debug", "trace": "debug", "loud": "error", "": "error"} {
		if e := eventOf(t, tracker.Report{Facts: event.Event{Level: told}}); e.Level != want {
			t.Errorf("level %q = %q, want %q", told, e.Level, want)
		}
	}
}

func TestReportRefusesLongNamesProjectFirst(t *testing.T) {
	long := strings.Repeat("x", 201)
	for want, r := range map[string]tracker.Report{
		"project is 201 bytes long, the limit is 100":        {ExceptionType: long, Facts: event.Event{Project: long}},
		"exception_type is 201 bytes long, the limit is 200": {ExceptionType: long},
	} {
		if _, err := r.Event(); errs.KindOf(err) != errs.Invalid || err.Error() != want {
			t.Errorf("err = %v, want %s", err, want)
		}
	}
}

// recorder is a store that only remembers what it was given.
type recorder struct {
	tracker.Store
	event  *event.Event
	key    grouping.Key
	status tracker.Status
	tests  int
}

func (r *recorder) Record(_ context.Context, e *event.Event, k grouping.Key) (tracker.Outcome, error) {
	r.event, r.key = e, k
	return tracker.Outcome{Status: r.status}, nil
}

func (r *recorder) Settings(context.Context, string) (*tracker.Settings, error) {
	return &tracker.Settings{}, nil
}

func (r *recorder) OutboxOf(c tracker.Channel) tracker.Outbox {
	if c != tracker.ByWebhook {
		panic(c)
	}
	return r
}

func (r *recorder) QueueTestAlert(_ context.Context, project int64, _ time.Time) error {
	r.tests += int(project)
	return nil
}

func TestServiceStampsEventsAndTellsTheAlerts(t *testing.T) {
	now := time.Date(2026, 7, 27, 10, 0, 0, 0, time.UTC)
	alerts := 0
	store := &recorder{}
	s := tracker.NewService(store, func() time.Time { return now }, func() { alerts++ })
	for status, want := range map[tracker.Status]int{tracker.Created: 1, tracker.Reopened: 1, tracker.Incremented: 0, tracker.Duplicate: 0} {
		alerts, store.status = 0, status
		e := eventOf(t, tracker.Report{ExceptionType: "E", Facts: event.Event{Project: "p", Traceback: pythonText}})
		if _, err := s.Report(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		if alerts != want {
			t.Errorf("%s: %d alerts, want %d", status, alerts, want)
		}
		if store.event.ID.IsZero() || !store.event.ReceivedAt.Equal(now) || store.key.Hash.IsZero() {
			t.Errorf("recorded %v at %v by %s", store.event.ID, store.event.ReceivedAt, store.key.Hash)
		}
	}
	alerts = 0
	if err := s.TestAlert(t.Context(), tracker.ByWebhook, 7); err != nil || alerts != 1 || store.tests != 7 {
		t.Errorf("test alert: %v, told %d times, queued %d", err, alerts, store.tests)
	}
}

func TestServiceDoesNotBelieveWrongClocks(t *testing.T) {
	now := time.Date(2026, 7, 27, 10, 0, 0, 0, time.UTC)
	store := &recorder{}
	s := tracker.NewService(store, func() time.Time { return now }, nil)
	for told, kept := range map[time.Time]bool{
		now: true, now.Add(59 * time.Second): true, now.Add(61 * time.Second): false, now.Add(-29 * 24 * time.Hour): true,
		now.Add(-31 * 24 * time.Hour): false, time.Unix(0, 0): false, {}: false,
	} {
		if _, err := s.Report(t.Context(), &event.Event{OccurredAt: told}); err != nil {
			t.Fatal(err)
		}
		if got := store.event.OccurredAt; got.IsZero() == kept {
			t.Errorf("occurred at %v: kept as %v", told, got)
		}
	}
}
