package httpapi

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/eventjson"
	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/search"
	"github.com/monlight/monlight/shared/errs"
)

// maxParameter is how many bytes a search or any other parameter may have.
const maxParameter = 1000

// parameters reads the query string. What cannot be decoded is an error: a
// filter that is dropped in silence gives wrong answers.
func parameters(r *http.Request) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, errs.New(errs.Invalid, "query string: %v", err)
	}
	for name, all := range values {
		for _, v := range all {
			if len(v) > maxParameter {
				return nil, errs.New(errs.Invalid, "%s is %d bytes long, the limit is %d", shortName(name), len(v), maxParameter)
			}
		}
	}
	return values, nil
}

func shortName(name string) string { return fmt.Sprintf("%q", eventjson.Cut(name, 60)) }

// issueQuery reads the parameters of the list. limit, offset, resolved and
// source are forgiving, as they always were; the newer ones are not.
func issueQuery(v url.Values, now time.Time) (tracker.IssueQuery, error) {
	q := tracker.IssueQuery{
		Project:     v.Get("project"),
		Environment: v.Get("environment"),
		SessionID:   v.Get("session_id"),
		Search:      v.Get("search"),
		Limit:       page(v.Get("limit"), tracker.DefaultPage, tracker.MaxPage),
		Offset:      offset(v.Get("offset")),
	}
	switch s := tracker.Source(v.Get("source")); s {
	case tracker.Server, tracker.Browser:
		q.Source = s
	}
	var err error
	order, cursor, paged, err := cursorOf(v)
	if err != nil {
		return q, err
	}
	if cursor.At != 0 {
		now = time.UnixMilli(cursor.At) // an age counts from when the first page was read
	}
	if q.Filter, err = search.Parse(v.Get("q")); err != nil {
		return q, err
	}
	if q.Since, err = since(v.Get("since"), now); err != nil {
		return q, err
	}
	if q.State, err = state(v); err != nil {
		return q, err
	}
	if q.Filter.Is() && v.Get("state") == "" && v.Get("resolved") == "" {
		q.State = tracker.AnyState
	}
	if q.Sort, err = sortOrder(v.Get("sort")); err != nil {
		return q, err
	}
	if paged {
		if v.Get("sort") != "" && q.Sort != order {
			return q, errs.New(errs.Invalid, "cursor is from a list with sort=%s, not sort=%s", order, q.Sort)
		}
		q.Sort, q.After, q.Offset = order, cursor, 0
	}
	return q, nil
}

// cursorOf reads the parameter cursor; ok is false if there is none.
func cursorOf(v url.Values) (order tracker.Sort, c tracker.Cursor, ok bool, err error) {
	text := v.Get("cursor")
	if text == "" {
		return "", c, false, nil
	}
	if order, c, ok = parseCursor(text); !ok {
		return "", c, false, errs.New(errs.Invalid, "cursor is not one that this list gave")
	}
	return order, c, true, nil
}

// page reads a page size: def for none, for 0 and for what is no number.
func page(text string, def, most int) int {
	n, err := strconv.Atoi(text)
	switch {
	case err != nil && isDigits(text):
		return most // a number too large to hold
	case err != nil || n <= 0:
		return def
	}
	return min(n, most)
}

func offset(text string) int {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil && isDigits(text) {
		return 1<<31 - 1
	}
	if err != nil || n < 0 {
		return 0
	}
	return int(n)
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

var states = []tracker.State{tracker.Resolved, tracker.Muted, tracker.Active, tracker.AnyState}

// state reads state, or the older parameter resolved: true or 1, all, or
// anything else for the unresolved ones.
func state(v url.Values) (tracker.State, error) {
	text := v.Get("state")
	switch text {
	case "":
		switch v.Get("resolved") {
		case "true", "1":
			return tracker.Resolved, nil
		case "all":
			return tracker.AnyState, nil
		}
		return tracker.Unresolved, nil
	case "unresolved":
		return tracker.Unresolved, nil
	}
	for _, s := range states {
		if text == string(s) {
			return s, nil
		}
	}
	return "", errs.New(errs.Invalid, "state = %q, want unresolved, resolved, muted, active or all", eventjson.Cut(text, 60))
}

func sortOrder(text string) (tracker.Sort, error) {
	switch s := tracker.Sort(text); s {
	case "":
		return tracker.ByLastSeen, nil
	case tracker.ByLastSeen, tracker.ByFirstSeen, tracker.ByCount, tracker.ByUsers, tracker.ByTrend:
		return s, nil
	}
	return "", errs.New(errs.Invalid, "sort = %q, want last_seen, first_seen, count, users or trend", eventjson.Cut(text, 60))
}

// timeLayouts are beginnings of the protocol's time form; the rest of the time
// is the start of that year, month, day, ….
var timeLayouts = []string{
	time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04Z", "2006-01-02T15:04", "2006-01-02T15", "2006-01-02", "2006-01", "2006",
	"2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05", "2006-01-02 15:04",
}

// since reads the parameter of that name; see timeOrAge.
func since(text string, now time.Time) (time.Time, error) { return timeOrAge("since", text, now) }

// timeOrAge reads a time, or an age such as 24h or 7d that counts back from now;
// it is zero where there is none.
func timeOrAge(name, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if age, ok := parseAge(text); ok {
		return now.Add(-age), nil
	}
	if t, ok := parseTime(text); ok {
		return t, nil
	}
	return time.Time{}, errs.New(errs.Invalid, "%s = %q, want a time such as 2026-01-31T08:00:00Z or an age such as 24h or 7d", name, eventjson.Cut(text, 60))
}

// parseTime reads a time in any of timeLayouts. A plus sign that arrived as a
// blank, as it does in a query string that was not encoded, is understood.
func parseTime(text string) (time.Time, bool) {
	for _, s := range []string{text, strings.Replace(text, " ", "+", 1)} {
		for _, layout := range timeLayouts {
			if t, err := time.Parse(layout, s); err == nil {
				return t.UTC(), true
			}
		}
	}
	return time.Time{}, false
}

// parseAge reads a whole number and one of the units s, m, h, d and w.
func parseAge(text string) (time.Duration, bool) {
	units := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}
	if len(text) < 2 || !isDigits(text[:len(text)-1]) {
		return 0, false
	}
	unit, ok := units[text[len(text)-1]]
	n, err := strconv.ParseInt(text[:len(text)-1], 10, 64)
	if !ok || err != nil || n > int64(maxAge/unit) {
		return 0, false
	}
	return time.Duration(n) * unit, true
}

// maxAge keeps ages and mutes far from the end of time.Duration.
const maxAge = 100 * 365 * 24 * time.Hour

// cursorText is the place c in a list sorted by s, for the parameter cursor.
// Its form is nobody's business but parseCursor's.
func cursorText(s tracker.Sort, c tracker.Cursor) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%s.%d.%d.%d", s, c.Value, c.ID, c.At))
}

func parseCursor(text string) (tracker.Sort, tracker.Cursor, bool) {
	decoded, err := base64.RawURLEncoding.DecodeString(text)
	order, rest, ok := strings.Cut(string(decoded), ".")
	parts := strings.Split(rest, ".")
	if err != nil || !ok || len(parts) != 3 {
		return "", tracker.Cursor{}, false
	}
	s, err := sortOrder(order)
	if err != nil {
		return "", tracker.Cursor{}, false
	}
	var n [3]int64
	for i, p := range parts {
		if n[i], err = strconv.ParseInt(p, 10, 64); err != nil {
			return "", tracker.Cursor{}, false
		}
	}
	c := tracker.Cursor{Value: n[0], ID: n[1], At: n[2]}
	return s, c, c.ID > 0 && c.At >= 0
}
