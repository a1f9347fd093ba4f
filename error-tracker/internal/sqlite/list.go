package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
)

// conditions is a WHERE clause on issues, named i, that is put together from
// constant pieces; everything from outside is a parameter.
type conditions struct {
	sql  []string
	args []any
}

func (c *conditions) add(sql string, args ...any) {
	c.sql = append(c.sql, sql)
	c.args = append(c.args, args...)
}

func (c *conditions) String() string {
	if len(c.sql) == 0 {
		return "1"
	}
	return strings.Join(c.sql, " AND ")
}

// filter is the part of q that says which issues, without the search.
func (s *Store) filter(q tracker.IssueQuery) (c conditions, err error) {
	now := s.now().UnixMilli()
	switch q.State {
	case tracker.Unresolved:
		c.add("i.resolved = 0")
	case tracker.Resolved:
		c.add("i.resolved = 1")
	case tracker.Muted:
		c.add("i.resolved = 0 AND "+sqlMuted, now)
	case tracker.Active:
		c.add("i.resolved = 0 AND NOT ("+sqlMuted+")", now)
	case tracker.AnyState:
	default:
		return c, errs.New(errs.Invalid, "state is %q", cut(string(q.State), 40))
	}
	if q.Project != "" {
		c.add("i.project_id = (SELECT id FROM projects WHERE name = ?)", stored(q.Project, tracker.MaxProject))
	}
	switch q.Source {
	case "":
	case tracker.Browser:
		c.add("i.browser = 1")
	case tracker.Server:
		c.add("i.browser = 0")
	default:
		return c, errs.New(errs.Invalid, "source is %q, want %q or %q", cut(string(q.Source), 40), tracker.Server, tracker.Browser)
	}
	if q.SessionID != "" {
		c.add("i.id IN (SELECT issue_id FROM occurrences WHERE session = ?)", digest64([]byte(q.SessionID)))
	}
	if !q.Since.IsZero() {
		c.add("i.last_seen >= ?", q.Since.UnixMilli())
	}
	c.terms(q.Filter, now)
	return c, nil
}

// orders are the columns of the sorts; the ID breaks ties in the same direction.
var orders = map[tracker.Sort]string{
	"":                  "last_seen",
	tracker.ByLastSeen:  "last_seen",
	tracker.ByFirstSeen: "first_seen",
	tracker.ByCount:     "count",
	tracker.ByUsers:     "users",
	tracker.ByTrend:     "", // never read from a column
}

// sqlIssue reads issues; %i% is something with the rows of issues in it, named i.
const sqlIssue = `SELECT i.id, p.name, h.hash, h.type, h.message, h.culprit, h.platform, h.level, h.environment,
	i.browser, i.count, i.users, i.first_seen, i.last_seen, coalesce(fr.name, ''), coalesce(lr.name, ''),
	i.resolved, i.resolved_at, i.regressed_at, i.was_resolved, i.muted, i.muted_until, h.handled, h.minified, i.flood,
	i.fixed_in, i.fixed_release, i.mute_events, i.mute_users, i.assignee, CASE WHEN i.mutes > 0 THEN (
		SELECT json_group_array(json_array(e.name, m.until, m.events, m.users) ORDER BY e.name) FROM issue_mutes m JOIN environments e ON e.id = m.environment_id
		WHERE m.issue_id = i.id) END
	FROM %i% JOIN hashes h ON h.id = i.primary_hash JOIN projects p ON p.id = i.project_id
	LEFT JOIN releases fr ON fr.id = i.first_release LEFT JOIN releases lr ON lr.id = i.last_release`

// selectIssues is sqlIssue from somewhere.
func selectIssues(from string) string { return strings.Replace(sqlIssue, "%i%", from, 1) }

// Issues implements tracker.Store.
func (s *Store) Issues(ctx context.Context, q tracker.IssueQuery) (tracker.IssuePage, error) {
	var page tracker.IssuePage
	c, err := s.filter(q)
	if err != nil {
		return page, err
	}
	limit := q.Limit
	if limit <= 0 {
		limit = tracker.DefaultPage
	}
	limit = min(limit, tracker.MaxPage)
	if err := check(q); err != nil {
		return page, err
	}
	commits := s.db.Stats().Commits
	// One snapshot, so that the total belongs to the page.
	tx, err := s.db.Read().BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return page, readError("list issues", err)
	}
	defer tx.Rollback()
	if terms := append(searchTerms(q.Search), foldAll(q.Filter.Words(false))...); len(terms) > 0 {
		if err := c.search(ctx, tx, terms); err != nil {
			return page, readError("search issues", err)
		}
	}
	now := s.now()
	if q.After.At != 0 {
		now = timeOf(q.After.At)
	}
	if q.Sort == tracker.ByTrend || !q.Since.IsZero() {
		page.At = now
	}
	f := &filtered{
		s: s, ctx: ctx, tx: tx, q: q, at: now.UnixMilli(), commits: commits,
		events: newEventFilter(tracker.Scope{Environment: q.Environment, Filter: q.Filter}),
	}
	if f.needed() {
		err = f.page(c, limit, &page)
	} else {
		err = f.plain(c, limit, &page)
	}
	return page, readError("list issues", err)
}

// check refuses what pageQuery could not put into a query.
func check(q tracker.IssueQuery) error {
	if _, ok := orders[q.Sort]; !ok {
		return errs.New(errs.Invalid, "sort is %q", cut(string(q.Sort), 40))
	}
	if q.Offset < 0 {
		return errs.New(errs.Invalid, "offset is %d, want 0 or more", q.Offset)
	}
	return nil
}

// pageQuery reads one issue more than the page has, to tell whether there are more.
func pageQuery(c conditions, q tracker.IssueQuery, limit int) (query string, args []any) {
	order := orders[q.Sort]
	if q.After != (tracker.Cursor{}) {
		c.add("(i."+order+", i.id) < (?, ?)", q.After.Value, q.After.ID)
	}
	by := " ORDER BY i." + order + " DESC, i.id DESC"
	// Only the IDs go through the sort; those of the page then meet their rows and texts.
	from := "(SELECT i.id FROM issues i WHERE " + c.String() + by + " LIMIT ? OFFSET ?) top CROSS JOIN issues i ON i.id = top.id"
	return selectIssues(from) + by, append(c.args, limit+1, q.Offset)
}

// Issue implements tracker.Store.
func (s *Store) Issue(ctx context.Context, id int64) (tracker.Issue, error) {
	rows, err := s.db.Read().QueryContext(ctx, selectIssues("issues i")+" WHERE i.id = ?", id)
	return s.oneIssue(id, rows, err)
}

func (s *Store) oneIssue(id int64, rows *sql.Rows, err error) (tracker.Issue, error) {
	issues, err := scanAll(rows, err, s.scanIssue)
	if err != nil {
		return tracker.Issue{}, readError("read issue", err)
	}
	if len(issues) == 0 {
		return tracker.Issue{}, notFound(id)
	}
	return issues[0], nil
}

// scanIssue reads a row of sqlIssue.
func (s *Store) scanIssue(rows *sql.Rows) (tracker.Issue, error) {
	var i tracker.Issue
	var hash []byte
	var browser bool
	var first, last, resolved, regressed, was, until int64
	var handled sql.NullBool
	var fixedIn string
	var mutes sql.NullString
	err := rows.Scan(&i.ID, &i.Project, &hash, &i.Type, &i.Message, &i.Culprit, &i.Platform, &i.Level, &i.Environment,
		&browser, &i.Count, &i.Users, &first, &last, &i.FirstRelease, &i.LastRelease,
		&i.Resolved, &resolved, &regressed, &was, &i.Muted, &until, &handled, &i.Minified, &i.Flood,
		&fixedIn, &i.Fix.Release, &i.MutedEvents, &i.MutedUsers, &i.Assignee, &mutes)
	if err != nil {
		return i, err
	}
	if len(hash) != len(i.Fingerprint) {
		return i, errors.New("stored hash has a wrong length")
	}
	copy(i.Fingerprint[:], hash)
	i.Source = tracker.Server
	if browser {
		i.Source = tracker.Browser
	}
	i.FirstSeen, i.LastSeen = timeOf(first), timeOf(last)
	i.ResolvedAt, i.RegressedAt, i.WasResolved, i.MutedUntil = timeOf(resolved), timeOf(regressed), timeOf(was), timeOf(until)
	i.Fix.In = tracker.FixIn(fixedIn)
	now := s.now()
	if i.Muted && until != 0 && until <= now.UnixMilli() {
		// It has ended, whether or not anybody wrote that down.
		i.Muted, i.MutedUntil, i.MutedEvents, i.MutedUsers = false, time.Time{}, 0, 0
	}
	if mutes.Valid {
		i.MutedIn, err = decodeMutes(mutes.String, now)
		if err != nil {
			return i, err
		}
	}
	if handled.Valid {
		i.Handled = &handled.Bool
	}
	return i, nil
}

// decodeMutes reads what sqlIssue tells of the mutes in environments, and leaves
// out those that have ended.
func decodeMutes(text string, now time.Time) ([]tracker.Mute, error) {
	var rows [][4]any
	if err := json.Unmarshal([]byte(text), &rows); err != nil {
		return nil, fmt.Errorf("mutes: %w", err)
	}
	var all []tracker.Mute
	for _, r := range rows {
		name, _ := r[0].(string)
		until, _ := r[1].(float64)
		events, _ := r[2].(float64)
		users, _ := r[3].(float64)
		m := tracker.Mute{Environment: name, Until: timeOf(int64(until)), Events: int64(events), Users: int64(users)}
		if !m.Ended(now) {
			all = append(all, m)
		}
	}
	return all, nil
}
