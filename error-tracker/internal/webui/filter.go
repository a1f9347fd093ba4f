package webui

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/search"
	"github.com/monlight/monlight/shared/webui"
)

// Limits of what an address can say, in bytes; the rest is not looked at.
const (
	maxSearchBytes = search.MaxBytes
	maxNameBytes   = 200 // of a project, an environment, a session
)

// filter is the state of the issue list as its address has it.
type filter struct {
	Search      string // as the reader wrote it
	Query       search.Query
	SearchError string
	Project     string
	Environment string
	Source      string // "", "server" or "browser"
	State       string // "open", "resolved", "muted" or "all"
	Session     string
	Sort        string // a tracker.Sort; "" is last_seen
	Time        string // as the reader wrote it
	TimeError   string
	Since       time.Time
	Stats       string // "" for 24 hours, "14d"
	Refresh     webui.RefreshChoice
	Offset      int // of the page's first issue; only a number to show when After is set
	After       webui.Cursor
	At          int64 // when the first page was read, Unix milliseconds
	Explicit    bool  // the list begins with a saved view: an address that asks for all open issues has to say so
}

// states are the choices of the state control; the first is the default.
var states = []struct {
	Value string
	Label string
	State tracker.State
}{
	{"open", "Open", tracker.Active},
	{"muted", "Muted", tracker.Muted},
	{"resolved", "Resolved", tracker.Resolved},
	{"all", "All", tracker.AnyState},
}

var sorts = []webui.Field{
	{Name: "", Value: "Last seen"},
	{Name: string(tracker.ByFirstSeen), Value: "First seen"},
	{Name: string(tracker.ByCount), Value: "Events"},
	{Name: string(tracker.ByUsers), Value: "Users"},
	{Name: string(tracker.ByTrend), Value: "Trend"},
}

// readFilter reads the members of the address of a list. What it does not know is left out: an
// old bookmark shows a list, never an error.
func readFilter(q url.Values, now time.Time) filter {
	f := filter{
		Search:      limit(strings.TrimSpace(q.Get("search")), maxSearchBytes),
		Project:     limit(q.Get("project"), maxNameBytes),
		Environment: limit(q.Get("environment"), maxNameBytes),
		Session:     limit(q.Get("session_id"), maxNameBytes),
		Time:        limit(strings.TrimSpace(q.Get("time")), 40),
		State:       states[0].Value,
		Refresh:     webui.ParseRefresh(q.Get("refresh")),
	}
	if query, err := search.Parse(f.Search); err != nil {
		f.SearchError = err.Error()
	} else {
		f.Query = query
	}
	if s := q.Get("source"); s == string(tracker.Server) || s == string(tracker.Browser) {
		f.Source = s
	}
	if s := q.Get("resolved"); s == "true" || s == "1" {
		f.State = "resolved"
	}
	for _, s := range states {
		if q.Get("state") == s.Value {
			f.State = s.Value
		}
	}
	for _, s := range sorts[1:] {
		if q.Get("sort") == s.Name {
			f.Sort = s.Name
		}
	}
	if q.Get("stats") == "14d" {
		f.Stats = "14d"
	}
	if c, ok := webui.ParseCursor(q.Get("after")); ok {
		f.After = c
		if at, err := strconv.ParseInt(q.Get("at"), 10, 64); err == nil && at > 0 && at <= now.UnixMilli() {
			f.At, now = at, time.UnixMilli(at)
		}
	}
	if f.Time != "" && !strings.EqualFold(f.Time, "all time") && !strings.EqualFold(f.Time, "all") {
		since, err := webui.ParseTime(f.Time, now)
		if err != nil {
			f.TimeError = err.Error()
		} else {
			f.Since = since
		}
	} else {
		f.Time = ""
	}
	if n, err := strconv.Atoi(q.Get("offset")); err == nil && n > 0 && n <= 1_000_000_000 {
		f.Offset = n
	}
	return f
}

// limit cuts s to n bytes without breaking a character.
func limit(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}

// query is what the list asks the tracker for.
func (f filter) query() tracker.IssueQuery {
	q := tracker.IssueQuery{
		Project: f.Project, Environment: f.Environment, Source: tracker.Source(f.Source), SessionID: f.Session,
		Since: f.Since, Filter: f.Query, Sort: tracker.Sort(f.Sort), Limit: tracker.DefaultPage,
		After: tracker.Cursor{Value: f.After.Value, ID: f.After.ID, At: f.At},
	}
	if q.Sort == "" {
		q.Sort = tracker.ByLastSeen
	}
	if q.After == (tracker.Cursor{}) {
		q.Offset = f.Offset
	}
	for _, s := range states {
		if s.Value == f.State {
			q.State = s.State
		}
	}
	if f.Query.Is() {
		q.State = tracker.AnyState
	}
	return q
}

// narrowed tells whether a filter other than the state is set.
func (f filter) narrowed() bool {
	return f.Search != "" || f.Project != "" || f.Environment != "" || f.Source != "" || f.Session != "" || !f.Since.IsZero()
}

// values are the filter as the members of an address, without the place in the list.
func (f filter) values() url.Values {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	set("search", f.Search)
	set("project", f.Project)
	set("environment", f.Environment)
	set("source", f.Source)
	set("session_id", f.Session)
	set("sort", f.Sort)
	set("time", f.Time)
	set("stats", f.Stats)
	set("refresh", f.Refresh.Value)
	if f.State != states[0].Value || f.Explicit && len(v) == 0 {
		set("state", f.State)
	}
	return v
}

// url is the address of the first page of the list with this filter.
func (p *Pages) listURL(f filter) string { return p.ui.Path("/") + encode(f.values()) }

func (p *Pages) pageURL(f filter, offset int, after tracker.Cursor) string {
	v := f.values()
	if offset > 0 {
		v.Set("offset", strconv.Itoa(offset))
	}
	if after != (tracker.Cursor{}) {
		v.Set("after", webui.Cursor{Value: after.Value, ID: after.ID}.String())
		if after.At != 0 {
			v.Set("at", itoa(after.At))
		}
	}
	return p.ui.Path("/") + encode(v)
}

func encode(v url.Values) string {
	if len(v) == 0 {
		return ""
	}
	return "?" + v.Encode()
}
