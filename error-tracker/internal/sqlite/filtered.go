package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"slices"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
)

// numbers are what is known of the events of an issue that a list is about.
type numbers struct {
	id                                int64
	n, users, first, last, trend      int64
	scope                             int64 // n before tags were asked for
	countIs, usersIs, firstIs, lastIs tracker.Bound
	rows                              int // of hash_scopes that were added up
}

// filtered reads a list whose numbers are not those of the issues. All issues
// that match are looked at, by rows that are added up already.
type filtered struct {
	s      *Store
	ctx    context.Context //nolint:containedctx // of one call
	tx     *sql.Tx
	q      tracker.IssueQuery
	events *eventFilter
	at     int64 // now, or when the first page was read
	// commits of the database before the transaction began.
	commits int64
	issues  map[int64]*numbers
}

// needed tells whether the numbers of all issues are asked for. Otherwise those
// of a page are enough.
func (f *filtered) needed() bool {
	byNumber := f.q.Sort == tracker.ByCount || f.q.Sort == tracker.ByFirstSeen
	return f.events.scoped() || len(f.events.tags) > 0 || f.q.Sort == tracker.ByTrend || byNumber && !f.q.Since.IsZero()
}

// plain puts a page of the list into page that is in the order of a column.
func (f *filtered) plain(c conditions, limit int, page *tracker.IssuePage) error {
	if err := f.tx.QueryRowContext(f.ctx, "SELECT count(*) FROM issues i WHERE "+c.String(), c.args...).Scan(&page.Total); err != nil || page.Total == 0 {
		return err
	}
	query, args := pageQuery(c, f.q, limit)
	rows, err := f.tx.QueryContext(f.ctx, query, args...)
	page.Issues, err = scanAll(rows, err, f.s.scanIssue)
	if err != nil {
		return err
	}
	if len(page.Issues) > limit {
		page.Issues, page.More = page.Issues[:limit], true
	}
	if f.q.Since.IsZero() {
		return nil
	}
	f.issues = make(map[int64]*numbers)
	all := make([]*numbers, len(page.Issues))
	for i := range page.Issues {
		issue := &page.Issues[i]
		all[i] = &numbers{id: issue.ID, n: issue.Count, users: issue.Users, first: millis(issue.FirstSeen), last: millis(issue.LastSeen)}
		f.issues[issue.ID] = all[i]
	}
	if err := f.refine(all); err != nil {
		return err
	}
	for i, v := range all {
		v.put(&page.Issues[i])
	}
	return nil
}

// put makes the numbers those of an issue.
func (v *numbers) put(i *tracker.Issue) {
	i.Count, i.Users, i.Trend = v.n, v.users, v.trend
	i.FirstSeen, i.LastSeen = timeOf(v.first), timeOf(v.last)
	i.CountIs, i.UsersIs, i.FirstIs, i.LastIs = v.countIs, v.usersIs, v.firstIs, v.lastIs
}

// refine counts by time what the order of the list did not need.
func (f *filtered) refine(page []*numbers) error {
	if f.q.Sort != tracker.ByCount && f.q.Sort != tracker.ByFirstSeen {
		ids := make([]int64, len(page))
		for i, v := range page {
			ids[i] = v.id
		}
		if err := f.since(true, ids); err != nil {
			return err
		}
	}
	if f.q.Sort == tracker.ByUsers {
		return nil
	}
	return f.usersSince(page)
}

// page puts a page of the list into page.
func (f *filtered) page(c conditions, limit int, page *tracker.IssuePage) error {
	if err := f.match(c); err != nil {
		return err
	}
	for i := range f.events.tags {
		if err := f.byTag(&f.events.tags[i], i > 0); err != nil {
			return err
		}
	}
	if err := f.since(f.q.Sort == tracker.ByCount || f.q.Sort == tracker.ByFirstSeen, nil); err != nil {
		return err
	}
	if f.q.Sort == tracker.ByTrend {
		if err := f.trend(); err != nil {
			return err
		}
	}
	all := make([]*numbers, 0, len(f.issues))
	for _, v := range f.issues {
		all = append(all, v)
	}
	page.Total = int64(len(all))
	value := valueOf(f.q.Sort)
	downwards := func(a, b *numbers) int { return cmp.Or(cmp.Compare(value(b), value(a)), cmp.Compare(b.id, a.id)) }
	if after := f.q.After; after != (tracker.Cursor{}) {
		all = slices.DeleteFunc(all, func(v *numbers) bool {
			return value(v) > after.Value || value(v) == after.Value && v.id >= after.ID
		})
	}
	slices.SortFunc(all, downwards)
	all = all[min(f.q.Offset, len(all)):]
	if len(all) > limit {
		all, page.More = all[:limit], true
	}
	var err error
	page.Issues, err = f.read(all)
	return err
}

func valueOf(s tracker.Sort) func(*numbers) int64 {
	switch s {
	case tracker.ByFirstSeen:
		return func(v *numbers) int64 { return v.first }
	case tracker.ByCount:
		return func(v *numbers) int64 { return v.n }
	case tracker.ByUsers:
		return func(v *numbers) int64 { return v.users }
	case tracker.ByTrend:
		return func(v *numbers) int64 { return v.trend }
	case tracker.ByLastSeen:
	}
	return func(v *numbers) int64 { return v.last }
}

// each runs f for the rows of a query, which are all whole numbers.
func (f *filtered) each(do func([]int64), columns int, query string, args ...any) error {
	rows, err := f.tx.QueryContext(f.ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	row, dest := make([]int64, columns), make([]any, columns)
	for i := range row {
		dest[i] = &row[i]
	}
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		do(row)
	}
	return rows.Err()
}

// match finds the issues that fit c and have events in the scope that is asked for.
func (f *filtered) match(c conditions) error {
	f.issues = make(map[int64]*numbers)
	if !f.events.scoped() {
		return f.each(func(r []int64) {
			f.issues[r[0]] = &numbers{id: r[0], n: r[1], users: r[2], first: r[3], last: r[4]}
		}, 5, "SELECT i.id, i.count, i.users, i.first_seen, i.last_seen FROM issues i WHERE "+c.String(), c.args...)
	}
	in := f.events.scopes()
	return f.each(func(r []int64) {
		v := f.issues[r[0]]
		if v == nil {
			v = &numbers{id: r[0], first: r[3], last: r[4]}
			f.issues[r[0]] = v
		}
		v.n += r[1]
		v.first, v.last = min(v.first, r[3]), max(v.last, r[4])
		// The same people may be in several rows.
		v.users = max(v.users, r[2])
		if v.rows++; v.rows > 1 && v.users > 0 || r[5] != 0 {
			v.usersIs = tracker.AtLeast
		}
	}, 6, "SELECT s.issue_id, s.n, s.users, s.first, s.last, s.partial FROM hash_scopes s CROSS JOIN issues i ON i.id = s.issue_id WHERE "+
		in.String()+" AND "+c.String(), append(in.args, c.args...)...)
}

// byTag keeps the issues with events that have a tag, or have it not. Of events
// with several tags it is only known how many have each.
func (f *filtered) byTag(t *tagFilter, further bool) error {
	type tagged struct{ n, first, last int64 }
	found := make(map[int64]*tagged)
	in := f.events.rows()
	err := f.each(func(r []int64) {
		v := found[r[0]]
		if v == nil {
			v = &tagged{first: r[2], last: r[3]}
			found[r[0]] = v
		}
		v.n, v.first, v.last = v.n+r[1], min(v.first, r[2]), max(v.last, r[3])
	}, 4, "SELECT issue_id, n, first, last FROM hash_tags WHERE tag_id IN (SELECT id FROM tags WHERE "+t.String()+") AND "+in.String(),
		slices.Concat(t.args, in.args)...)
	if err != nil {
		return err
	}
	for id, v := range f.issues {
		if !further {
			v.scope = v.n
		}
		w := found[id]
		switch {
		case t.not && w == nil:
		case t.not:
			rest := v.scope - w.n
			if rest <= 0 {
				delete(f.issues, id)
				continue
			}
			v.n = min(v.n, rest)
			v.firstIs, v.lastIs, v.usersIs = tracker.About, tracker.About, atMost(v.usersIs)
			if further {
				v.countIs = tracker.AtMost
			}
		case w == nil:
			delete(f.issues, id)
		case further:
			v.n, v.countIs = min(v.n, w.n), tracker.AtMost
			v.first, v.firstIs = max(v.first, w.first), tracker.About
			v.last, v.lastIs = min(v.last, w.last), tracker.About
			v.usersIs = atMost(v.usersIs)
		default:
			v.n, v.first, v.last = w.n, w.first, w.last
			v.tagUsers(t.one)
		}
	}
	return nil
}

// tagUsers is what is known of who met the events with a tag.
func (v *numbers) tagUsers(one bool) {
	switch {
	case one:
		v.users, v.usersIs = 1, tracker.Exact
	case v.usersIs == tracker.AtLeast: // not even how many there are without the tag
		v.users, v.usersIs = min(v.users, v.n), tracker.About
	case v.users > 0:
		v.users, v.usersIs = min(v.users, v.n), tracker.AtMost
	}
}

func atMost(b tracker.Bound) tracker.Bound {
	if b == tracker.Exact || b == tracker.AtMost {
		return tracker.AtMost
	}
	return tracker.About
}

// read fetches the rows of a page and puts the numbers into them.
func (f *filtered) read(page []*numbers) ([]tracker.Issue, error) {
	if len(page) == 0 {
		return nil, nil
	}
	ids := make([]int64, len(page))
	for i, v := range page {
		ids[i] = v.id
	}
	rows, err := f.tx.QueryContext(f.ctx, selectIssues("issues i")+" WHERE i.id IN (SELECT value FROM json_each(?))", jsonIDs(ids))
	issues, err := scanAll(rows, err, f.s.scanIssue)
	if err != nil {
		return nil, err
	}
	if err := f.refine(page); err != nil {
		return nil, err
	}
	at := make(map[int64]int, len(issues))
	for i := range issues {
		at[issues[i].ID] = i
	}
	out := make([]tracker.Issue, 0, len(page))
	for _, v := range page {
		i, ok := at[v.id]
		if !ok {
			continue
		}
		issue := issues[i]
		v.put(&issue)
		out = append(out, issue)
	}
	return out, nil
}
