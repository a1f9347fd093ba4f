package tracker

import (
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/grouping"
)

// Hash is the key of a group of events; an issue owns one or more of them.
type Hash = grouping.Hash

// ParseHash reads 32 hex digits.
func ParseHash(s string) (Hash, bool) { return grouping.ParseHash(s) }

// Reason is one part of a grouping key, for people.
type Reason = grouping.Reason

// Issue is a group of events with one cause, as far as we can tell.
type Issue struct {
	ID           int64
	Project      string
	Fingerprint  Hash   // the hash the issue was opened with
	Type         string // of the first event, like the five below
	Message      string
	Culprit      string // where it was raised: "load in app/orders.py"
	Platform     string
	Level        string
	Environment  string
	Source       Source
	Count        int64 // events ever
	Users        int64 // distinct people who met it, as far as reports named them
	FirstSeen    time.Time
	LastSeen     time.Time
	FirstRelease string
	LastRelease  string

	Resolved    bool
	ResolvedAt  time.Time // zero while unresolved
	Fix         Fix       // which events bring it back; of a resolved one
	RegressedAt time.Time // when it last came back after having been resolved; zero if never
	WasResolved time.Time // when it had been resolved before RegressedAt; zero if never
	Muted       bool      // no mail for it
	MutedUntil  time.Time // zero: no end by time
	MutedEvents int64     // left until the mute ends; 0: no end by events
	MutedUsers  int64     // left until the mute ends; 0: no end by users
	MutedIn     []Mute    // in some environments only, by their names; with what is left
	Assignee    string    // who takes care of it, as they are called there; "" is nobody
	Handled     *bool     // whether the program caught it; nil when not told
	Minified    bool      // its stack is minified and no source map applied
	Flood       bool      // takes in a flood of lookalikes, see Explosion

	// In a list, Count, Users, FirstSeen and LastSeen are those of the events that
	// match it. These say how good they are.
	CountIs Bound
	UsersIs Bound
	FirstIs Bound
	LastIs  Bound
	Trend   int64 // see ByTrend; only in lists in that order
}

// Source says which kind of program an event came from.
type Source string

const (
	Server  Source = "server"
	Browser Source = "browser"
)

// BrowserMethod is the request method that marks a report from a web page.
const BrowserMethod = "BROWSER"

// Occurrence is one event kept in full.
type Occurrence struct {
	ID      int64
	IssueID int64
	Hash    Hash // by which it came to its issue
	First   bool // the issue's first event, kept for ever
	Event   event.Event
}

// SourceOf tells a browser's event from a server's.
func SourceOf(e *event.Event) Source {
	if e.Request.Method == BrowserMethod {
		return Browser
	}
	return Server
}

// Group is one hash of an issue, with the reasons for it.
type Group struct {
	Hash      Hash
	Count     int64
	CreatedAt time.Time
	LastSeen  time.Time
	Title     string // type and message of its first event
	Why       []Reason
	Primary   bool // the issue was opened with it
}

// Outcome says what became of a reported event.
type Outcome struct {
	Status      Status
	IssueID     int64
	Fingerprint Hash
	Count       int64
	EventID     event.ID
	ProjectID   int64  // where it belongs
	Reason      string // why it is Unwanted
	Unmuted     bool   // the event ended a mute, which is alerted
}

// Status is what a report did to its issue.
type Status string

const (
	Created     Status = "created"     // a new issue
	Incremented Status = "incremented" // one more event of an issue that stays as it is
	Reopened    Status = "reopened"    // a resolved issue came back
	Duplicate   Status = "duplicate"   // this event ID was counted before; nothing changed
	Unwanted    Status = "filtered"    // the project does not want events like this one; it is not stored
	Replaced    Status = "replaced"    // this event ID was counted before, and its event gave way to this one
)
