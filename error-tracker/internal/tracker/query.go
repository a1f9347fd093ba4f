package tracker

import (
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker/search"
)

// IssueQuery selects issues. The zero value selects the newest unresolved ones.
type IssueQuery struct {
	Project     string
	Environment string    // issues with at least one event there, and the numbers of these events
	Source      Source    // "" for both
	SessionID   string    // issues with a kept event of this browser session
	Since       time.Time // last seen then or later, and the numbers of the events since
	State       State
	Search      string // words and "quoted phrases"; all must be found in type, message, culprit, release or URL
	Filter      search.Query
	Sort        Sort
	Limit       int    // 1 to MaxPage
	Offset      int    // for clients of the first API; After is steadier
	After       Cursor // issues that come after this one in the order of Sort
}

// State selects by what was done about an issue.
type State string

const (
	Unresolved State = "" // includes muted ones
	Resolved   State = "resolved"
	Muted      State = "muted"  // unresolved and muted
	Active     State = "active" // unresolved and not muted
	AnyState   State = "all"
)

// Sort is an order of issues, always downwards and with the ID as tie-break.
type Sort string

const (
	ByLastSeen  Sort = "last_seen"
	ByFirstSeen Sort = "first_seen"
	ByCount     Sort = "count"
	ByUsers     Sort = "users"
	// ByTrend is by how many more events there were in the last TrendHours hours,
	// the present one included, than in as many before.
	ByTrend Sort = "trend"
)

// TrendHours is half of the time that a trend looks at.
const TrendHours = 24

// Bound says how a number that is shown is related to the true one.
type Bound int

const (
	Exact Bound = iota
	AtMost
	AtLeast
	About
)

// String is the sign that stands before a number: "", "≤", "≥" or "~".
func (b Bound) String() string {
	switch b {
	case AtMost:
		return "≤"
	case AtLeast:
		return "≥"
	case About:
		return "~"
	case Exact:
	}
	return ""
}

// Scope says which events are counted: those in the environment, if one is
// named, and by the terms of Filter on environment and release.
type Scope struct {
	Environment string
	Filter      search.Query
}

// Cursor is a place in a sorted list: the sort value and ID of the last issue
// of a page. Times are Unix milliseconds. The zero Cursor is the beginning.
//
// At is when the first page was read, in Unix milliseconds, or 0. It keeps the
// stretch of time that numbers are about in its place from page to page.
type Cursor struct {
	Value int64
	ID    int64
	At    int64
}

// CursorAt is the place of i in a list sorted by s.
func CursorAt(i Issue, s Sort) Cursor {
	c := Cursor{ID: i.ID}
	switch s {
	case ByFirstSeen:
		c.Value = i.FirstSeen.UnixMilli()
	case ByCount:
		c.Value = i.Count
	case ByUsers:
		c.Value = i.Users
	case ByTrend:
		c.Value = i.Trend
	default:
		c.Value = i.LastSeen.UnixMilli()
	}
	return c
}

// IssuePage is one page of a list of issues.
type IssuePage struct {
	Issues []Issue
	Total  int64 // all issues that match, on this page or not
	More   bool  // there are issues after the last one
	// At is when the list was read, where what it shows depends on that.
	At time.Time
}

// Next is where the page after this one begins.
func (p *IssuePage) Next(s Sort) Cursor {
	if !p.More || len(p.Issues) == 0 {
		return Cursor{}
	}
	c := CursorAt(p.Issues[len(p.Issues)-1], s)
	if !p.At.IsZero() {
		c.At = p.At.UnixMilli()
	}
	return c
}

// EventQuery asks for a page of the kept events of an issue: the newest ones, or
// those next to a place between two events. The place is told by an event's ID,
// and stays where it is when that event leaves.
type EventQuery struct {
	Issue  int64
	Before int64 // the events older than this one; 0: from the newest on
	After  int64 // the events newer than this one, if Before is 0
	Limit  int   // 1 to MaxOccurrencesPerPage
}

// EventPage tells where a page stands among the kept events of an issue.
type EventPage struct {
	Kept  int64 // all of them
	Newer int64 // of them before the page
	Read  int64 // of them on the page
}

// Older is how many kept events come after the page.
func (p EventPage) Older() int64 { return p.Kept - p.Newer - p.Read }

// Limits of the lists.
const (
	DefaultPage           = 50
	MaxPage               = 200
	DefaultOccurrences    = 5 // the API's, unless asked for more
	MaxOccurrencesPerPage = 100
	MaxUsers              = 10_000 // people told apart for each hash: an issue that shows so many has that many or more
)

// Bucket is a number of events in one step of time.
type Bucket struct {
	Start time.Time
	Count int64
}

// Totals is what the service holds.
type Totals struct {
	Issues        int64
	Unresolved    int64
	Occurrences   int64
	Events        int64 // ever counted by the issues that are still there
	DatabaseBytes int64
	OldestEvent   time.Time
}
