package tracker_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/release"
	"github.com/monlight/monlight/shared/errs"
)

func TestWhatBringsAnIssueBack(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	fixed := release.Release{Name: "1.1.0", Seen: day(2)}
	for name, tt := range map[string]struct {
		in   tracker.FixIn
		of   release.Release
		want bool
	}{
		"any event":               {tracker.FixAnywhere, release.Release{Name: "0.1", Seen: day(1)}, true},
		"any event of no release": {tracker.FixAnywhere, release.Release{}, true},
		"an older one":            {tracker.FixThis, release.Release{Name: "1.0.9", Seen: day(3)}, false},
		"the same":                {tracker.FixThis, release.Release{Name: "1.1.0", Seen: day(2)}, false},
		"the same, in the next":   {tracker.FixNext, release.Release{Name: "1.1.0", Seen: day(2)}, false},
		"a newer one":             {tracker.FixThis, release.Release{Name: "1.1.1", Seen: day(3)}, true},
		"a newer one, in next":    {tracker.FixNext, release.Release{Name: "1.2.0", Seen: day(3)}, true},
		"no release":              {tracker.FixNext, release.Release{Seen: day(9)}, false},
		"a name, seen later":      {tracker.FixNext, release.Release{Name: "f00", Seen: day(3)}, true},
		"a name, seen before":     {tracker.FixNext, release.Release{Name: "f00", Seen: day(1)}, false},
	} {
		if got := (tracker.Fix{In: tt.in, Release: fixed.Name}).Reopens(fixed, tt.of); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

func TestMutesRunDown(t *testing.T) {
	for name, tt := range map[string]struct {
		mute  tracker.Mute
		users []bool // whether each event is of somebody new
		ended int    // the event that ends it, from 1; 0: none
	}{
		"none":                 {tracker.Mute{}, []bool{true, true}, 0},
		"events":               {tracker.Mute{Events: 2}, []bool{true, false, true}, 2},
		"people":               {tracker.Mute{Users: 2}, []bool{true, false, true}, 3},
		"whatever comes first": {tracker.Mute{Events: 3, Users: 1}, []bool{false, true, false}, 2},
	} {
		ended := 0
		for n, newUser := range tt.users {
			if ended == 0 && tt.mute.Counts(newUser) {
				ended = n + 1
			}
		}
		if ended != tt.ended {
			t.Errorf("%s: ended by event %d, want %d", name, ended, tt.ended)
		}
	}
}

// notes is a store that takes what it is given.
type notes struct {
	tracker.Store
	author, text, assignee string
}

func (n *notes) AddComment(_ context.Context, _ int64, author, text string, at time.Time) (tracker.Activity, error) {
	n.author, n.text = author, text
	return tracker.Activity{At: at, Author: author, Text: text}, nil
}

func (n *notes) SetAssignee(_ context.Context, ids []int64, assignee string, _ time.Time) ([]int64, error) {
	n.assignee = assignee
	return ids, nil
}

func TestWhatPeopleWriteIsBounded(t *testing.T) {
	n := new(notes)
	s := tracker.NewService(n, time.Now, nil)
	for text, want := range map[string]string{
		"":                         "text is empty, want 1 to 10000 bytes",
		" \r\n ":                   "text is empty, want 1 to 10000 bytes",
		strings.Repeat("x", 10001): "text has 10001 bytes, the limit is 10000",
		"a\x00b":                   "text has NUL characters or is not valid UTF-8",
		"a\xff":                    "text has NUL characters or is not valid UTF-8",
	} {
		if _, err := s.Comment(t.Context(), 1, "", text); err == nil || err.Error() != want || errs.KindOf(err) != errs.Invalid || n.text != "" {
			t.Errorf("Comment(%.20q) = %v, want %q", text, err, want)
		}
	}
	for name, want := range map[string]string{
		strings.Repeat("x", 101): "has 101 bytes, the limit is 100",
		"a\nb":                   "has control characters or is not valid UTF-8",
	} {
		if _, err := s.Comment(t.Context(), 1, name, "x"); err == nil || err.Error() != "author "+want {
			t.Errorf("author %.20q: %v", name, err)
		}
		if _, err := s.Assign(t.Context(), []int64{1}, name); err == nil || err.Error() != "assignee "+want {
			t.Errorf("assignee %.20q: %v", name, err)
		}
	}
	if _, err := s.Comment(t.Context(), 1, " Ann ", " one\r\ntwo\n"); err != nil || n.author != "Ann" || n.text != "one\ntwo" {
		t.Errorf("%v, by %q: %q", err, n.author, n.text)
	}
	if _, err := s.Assign(t.Context(), []int64{1}, " bob "); err != nil || n.assignee != "bob" {
		t.Errorf("%v, %q", err, n.assignee)
	}
	if _, err := s.Comment(t.Context(), 1, "", strings.Repeat("x", tracker.MaxComment)); err != nil {
		t.Errorf("a comment of the longest kind: %v", err)
	}
}
