package tracker

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/monlight/monlight/shared/errs"
)

// Activity is something that was done about an issue, or that it did.
type Activity struct {
	ID     int64
	At     time.Time
	Kind   ActivityKind
	Author string // of a comment, as they call themselves
	Text   string // of a comment; whom an issue was assigned to, "" for nobody

	Fix     Fix    // of ActResolved
	Release string // of ActRegressed: that of the event
	Mute    Mute   // of ActMuted: as it was asked for; of the two ends: where it ended
	Other   int64  // the other issue of a merge or split
}

// ActivityKind is what was done.
type ActivityKind string

const (
	ActComment      ActivityKind = "comment"
	ActResolved     ActivityKind = "resolved"
	ActAutoResolved ActivityKind = "auto_resolved" // nobody had met it for long
	ActUnresolved   ActivityKind = "unresolved"
	ActRegressed    ActivityKind = "regressed"
	ActMuted        ActivityKind = "muted"
	ActUnmuted      ActivityKind = "unmuted"    // by somebody
	ActMuteEnded    ActivityKind = "mute_ended" // by an event
	ActAssigned     ActivityKind = "assigned"
	ActMerged       ActivityKind = "merged"     // another issue became part of this one
	ActSplit        ActivityKind = "split"      // another issue was split off from this one
	ActSplitFrom    ActivityKind = "split_from" // this issue was split off from another one
)

// Limits of what people write about an issue.
const (
	MaxComment         = 10_000 // bytes
	MaxPerson          = 100    // bytes of an author or assignee
	MaxComments        = 500    // of an issue
	MaxActivities      = 200    // of an issue beside comments; the oldest give way
	MaxActivityPerPage = 100
)

// ActivityStore is the part of the store that keeps what was done.
type ActivityStore interface {
	// Activities lists what was done about an issue, newest first, at most limit
	// of it, what was before the entry with the ID before if that is not 0.
	Activities(ctx context.Context, issueID, before int64, limit int) ([]Activity, error)
	// AddComment adds an entry of kind ActComment. Conflict when there are
	// MaxComments.
	AddComment(ctx context.Context, issueID int64, author, text string, at time.Time) (Activity, error)
	// DeleteComment removes one. Other entries are NotFound.
	DeleteComment(ctx context.Context, issueID, id int64) error
}

// Comment adds a comment to an issue.
func (s *Service) Comment(ctx context.Context, issueID int64, author, text string) (Activity, error) {
	author, err := person("author", author)
	if err != nil {
		return Activity{}, err
	}
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	switch {
	case text == "":
		return Activity{}, errs.New(errs.Invalid, "text is empty, want 1 to %d bytes", MaxComment)
	case len(text) > MaxComment:
		return Activity{}, errs.New(errs.Invalid, "text has %d bytes, the limit is %d", len(text), MaxComment)
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return Activity{}, errs.New(errs.Invalid, "text has NUL characters or is not valid UTF-8")
	}
	return s.AddComment(ctx, issueID, author, text, s.now().UTC())
}

// Assign says who takes care of issues; "" is nobody.
func (s *Service) Assign(ctx context.Context, ids []int64, assignee string) ([]int64, error) {
	assignee, err := person("assignee", assignee)
	if err != nil {
		return nil, err
	}
	return s.SetAssignee(ctx, ids, assignee, s.now().UTC())
}

// person checks a name that stands for somebody.
func person(what, name string) (string, error) {
	name = strings.TrimSpace(name)
	switch {
	case len(name) > MaxPerson:
		return "", errs.New(errs.Invalid, "%s has %d bytes, the limit is %d", what, len(name), MaxPerson)
	case !printable(name):
		return "", errs.New(errs.Invalid, "%s has control characters or is not valid UTF-8", what)
	}
	return name, nil
}
