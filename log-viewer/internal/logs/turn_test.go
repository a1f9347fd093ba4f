package logs_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/log-viewer/internal/logs/logstest"
)

func newTurnService(t *testing.T, o logs.Options) *logs.Service {
	t.Helper()
	s, err := logs.NewService(t.Context(), logstest.NewMemory(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// order is what comes within a time, as the reader gets it.
func order(t *testing.T, r *logs.Tail, within time.Duration) (got []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	for {
		b, err := r.Next(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range b.Entries {
			got = append(got, e.Message)
		}
		for _, turn := range b.Turns {
			got = append(got, fmt.Sprintf("%s %v %d", turn.Container, turn.Started, turn.RestartCount))
		}
	}
}

func TestTurnsReachTheStreamsOfTheirContainer(t *testing.T) {
	s := newTurnService(t, logs.Options{})
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	if _, err := s.Append(t.Context(), logs.Batch{
		Sources: []logs.Source{{Name: "web", Labels: logs.Labels{Service: "front"}}},
		Entries: []logs.Entry{{Source: "web", Message: "before", Time: at.UnixNano()}},
	}); err != nil {
		t.Fatal(err)
	}
	tails := map[string]*logs.Tail{
		"all":             tail(t, s, logs.Filter{}, 0),
		"its name":        tail(t, s, logs.Filter{Sources: []string{"web"}}, 0),
		"its service":     tail(t, s, logs.Filter{Services: []string{"front"}}, 0),
		"words":           tail(t, s, logs.Filter{Search: search(t, "timeout"), Levels: 1 << logs.Error}, 0),
		"another":         tail(t, s, logs.Filter{Sources: []string{"api"}}, 0),
		"another service": tail(t, s, logs.Filter{Services: []string{"back"}}, 0),
		"later":           tail(t, s, logs.Filter{Since: at.Add(time.Hour)}, 0),
		"earlier":         tail(t, s, logs.Filter{Until: at.Add(-time.Hour)}, 0),
	}
	add(t, s, "a line")
	s.Turned(logs.Turn{Container: "web", At: at, RestartCount: 1})
	s.Turned(logs.Turn{Container: "web", Started: true, At: at, RestartCount: 1})
	turns := []string{"web false 1", "web true 1"}
	for name, want := range map[string][]string{
		"all": {"a line", turns[0], turns[1]}, "its name": {"a line", turns[0], turns[1]}, "its service": {"a line", turns[0], turns[1]},
		"words": turns, "another": nil, "another service": nil, "later": {"a line"}, "earlier": nil,
	} {
		if got := order(t, tails[name], 100*time.Millisecond); !cmp.Equal(got, want) {
			t.Errorf("a stream of %s gets %q, want %q", name, got, want)
		}
	}
}

// TestTurnsComeBehindTheLinesBeforeThem has more lines wait than one batch has.
func TestTurnsComeBehindTheLinesBeforeThem(t *testing.T) {
	s := newTurnService(t, logs.Options{TailQueue: 2000})
	r := tail(t, s, logs.Filter{}, 0)
	var messages []string
	for i := range 1200 {
		messages = append(messages, fmt.Sprintf("line %d", i))
	}
	add(t, s, messages...)
	for i := range 130 { // 30 more than wait
		s.Turned(logs.Turn{Container: "web", RestartCount: i})
	}
	got := order(t, r, 200*time.Millisecond)
	if len(got) != 1300 || got[1199] != "line 1199" || got[1200] != "web false 30" || got[1299] != "web false 129" {
		t.Errorf("%d came, the last ones %q", len(got), got[max(0, len(got)-3):])
	}
}
