package sqlite

import (
	"fmt"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
)

// window are the events of an issue in a stretch of time.
type window struct{ n, first int64 } // first is an hour

// since leaves only events that came at q.Since or later. When counts are wanted,
// issues that began before are counted by the hour: all, or those named.
func (f *filtered) since(counts bool, ids []int64) error {
	if f.q.Since.IsZero() {
		return nil
	}
	from := f.q.Since.UnixMilli()
	var counted map[int64]window
	if counts && len(f.events.tags) == 0 {
		var err error
		if counted, err = f.windows(from, 0, ids); err != nil {
			return err
		}
	}
	for id, v := range f.issues {
		switch w, ok := counted[id]; {
		case v.last < from:
			delete(f.issues, id)
		case v.first >= from:
		case ok:
			v.n, v.first, v.firstIs = w.n, max(from, w.first*hourMillis), tracker.About
			if w.first*hourMillis < from {
				v.countIs = tracker.AtMost // some of that hour may have come before
			}
			v.usersIs = atMost(v.usersIs)
		case len(f.events.tags) > 0:
			v.countIs, v.usersIs = atMost(v.countIs), atMost(v.usersIs)
			v.first, v.firstIs = from, tracker.About
		}
	}
	return nil
}

// trend counts the events of two stretches of equal length.
func (f *filtered) trend() error {
	now := f.at/hourMillis + 1
	counted, err := f.windows((now-2*tracker.TrendHours)*hourMillis, now-tracker.TrendHours, nil)
	if err != nil {
		return err
	}
	for id, v := range f.issues {
		v.trend = counted[id].n
	}
	return nil
}

// windows counts events from a time on; those before the hour turn, if it is not
// 0, count as minus one. Of an hour, or an old day, in which some came before
// the time, all are counted.
func (f *filtered) windows(from, turn int64, ids []int64) (map[int64]window, error) {
	in := f.events.rows()
	where, args := "hour > ? AND last >= ? AND "+in.String(), append([]any{turn, from/hourMillis - 24, from}, in.args...)
	if ids != nil {
		where += " AND hash_id IN (SELECT id FROM hashes WHERE issue_id IN (SELECT value FROM json_each(?)))"
		args = append(args, jsonIDs(ids))
		return f.readWindows(where, args)
	}
	return f.s.windows.get(fmt.Sprint(where, args), f.commits, func() (map[int64]window, error) { return f.readWindows(where, args) })
}

func (f *filtered) readWindows(where string, args []any) (map[int64]window, error) {
	found := make(map[int64]window)
	err := f.each(func(r []int64) {
		w, ok := found[r[0]]
		if !ok {
			w.first = r[2]
		}
		found[r[0]] = window{n: w.n + r[1], first: min(w.first, r[2])}
	}, 3, `SELECT h.issue_id, w.n, w.first FROM
		(SELECT hash_id, sum(CASE WHEN hour >= ? THEN n ELSE -n END) AS n, min(hour) AS first FROM hash_hour WHERE `+where+` GROUP BY hash_id) w
		CROSS JOIN hashes h ON h.id = w.hash_id`, args...)
	return found, err
}

// maxUserRows is how many rows are read to count the people of one issue.
const maxUserRows = 1000

// usersSince counts who met the events of a page since q.Since.
func (f *filtered) usersSince(page []*numbers) error {
	if f.q.Since.IsZero() || len(f.events.tags) > 0 {
		return nil
	}
	from := f.q.Since.UnixMilli()
	in := f.events.rows()
	for _, v := range page {
		if v.first >= from && v.firstIs == tracker.Exact || v.users == 0 {
			continue
		}
		args := append([]any{v.id, from / hourMillis}, in.args...)
		err := f.each(func(r []int64) {
			if r[0] == 0 { // from before people were counted by environment
				return
			}
			v.users, v.usersIs = r[0], tracker.Exact
			switch {
			case r[1] == maxUserRows:
				v.usersIs = tracker.AtLeast
			case from%hourMillis != 0:
				v.usersIs = tracker.About
			}
		}, 2, `SELECT count(DISTINCT user), count(*) FROM (SELECT u.user FROM hashes h CROSS JOIN scope_users u ON u.hash_id = h.id
			WHERE h.issue_id = ? AND u.last >= ? AND `+in.String()+` LIMIT 1000)`, args...)
		if err != nil {
			return err
		}
	}
	return nil
}
