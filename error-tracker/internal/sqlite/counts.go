package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
)

// Limits of one look at the counters.
const (
	maxBuckets   = 2000
	maxCountIDs  = 2 * tracker.MaxPage
	maxShareRows = 200
)

// Counts implements tracker.Store.
func (s *Store) Counts(ctx context.Context, ids []int64, in tracker.Scope, start time.Time, step time.Duration, n int) (map[int64][]int64, error) {
	if err := checkBuckets(start, step, n); err != nil {
		return nil, err
	}
	if len(ids) > maxCountIDs {
		return nil, errs.New(errs.Invalid, "%d issues, the limit is %d", len(ids), maxCountIDs)
	}
	out := make(map[int64][]int64, len(ids))
	if len(ids) == 0 {
		return out, nil
	}
	for _, id := range ids {
		out[id] = nil
	}
	from, hours := start.UnixMilli()/hourMillis, int64(step/time.Hour)
	args := []any{from, hours}
	for _, id := range ids {
		args = append(args, id)
	}
	args = append(args, from, from+hours*int64(n))
	query := `SELECT h.issue_id, (c.hour - ?) / ? AS bucket, sum(c.n) FROM hashes h CROSS JOIN hash_hour c ON c.hash_id = h.id
		WHERE h.issue_id IN (` + placeholders(len(ids)) + `) AND c.hour >= ? AND c.hour < ?`
	scope := newEventFilter(in).rows()
	query += " AND " + scope.String()
	args = append(args, scope.args...)
	type row struct{ issue, bucket, n int64 }
	rows, err := s.db.Read().QueryContext(ctx, query+" GROUP BY h.issue_id, bucket", args...)
	counted, err := scanAll(rows, err, func(rows *sql.Rows) (r row, err error) {
		return r, rows.Scan(&r.issue, &r.bucket, &r.n)
	})
	if err != nil {
		return nil, readError("count events", err)
	}
	for _, r := range counted {
		if out[r.issue] == nil {
			out[r.issue] = make([]int64, n)
		}
		out[r.issue][r.bucket] = r.n
	}
	return out, nil
}

func checkBuckets(start time.Time, step time.Duration, n int) error {
	switch {
	case step < time.Hour || step%time.Hour != 0:
		return errs.New(errs.Invalid, "step is %v, want a whole number of hours", step)
	case start.UnixMilli()%hourMillis != 0:
		return errs.New(errs.Invalid, "start is %v, want the start of an hour", start)
	case n < 1 || n > maxBuckets:
		return errs.New(errs.Invalid, "%d buckets, want 1 to %d", n, maxBuckets)
	}
	return nil
}

func placeholders(n int) string {
	return strings.TrimSuffix(strings.Repeat("?,", n), ",")
}

// Projects implements tracker.Store.
func (s *Store) Projects(ctx context.Context) ([]string, error) {
	return s.names(ctx, "list projects", "SELECT name FROM projects p WHERE EXISTS (SELECT 1 FROM hashes h WHERE h.project_id = p.id) ORDER BY name")
}

// Environments implements tracker.Store.
func (s *Store) Environments(ctx context.Context, project string) ([]string, error) {
	if project == "" {
		return s.names(ctx, "list environments", "SELECT DISTINCT name FROM environments ORDER BY name")
	}
	return s.names(ctx, "list environments", `SELECT name FROM environments
		WHERE project_id = (SELECT id FROM projects WHERE name = ?) ORDER BY name`, stored(project, tracker.MaxProject))
}

func (s *Store) names(ctx context.Context, what, query string, args ...any) ([]string, error) {
	rows, err := s.db.Read().QueryContext(ctx, query, args...)
	names, err := scanAll(rows, err, func(rows *sql.Rows) (name string, err error) {
		return name, rows.Scan(&name)
	})
	return names, readError(what, err)
}

const (
	sqlIssueEnvironments = `SELECT n.name, sum(c.n) AS events FROM hashes h CROSS JOIN hash_hour c ON c.hash_id = h.id
		JOIN environments n ON n.id = c.environment_id WHERE h.issue_id = ? GROUP BY n.id ORDER BY events DESC, n.name LIMIT ?`
	sqlIssueReleases = `SELECT n.name, sum(c.n) AS events FROM hashes h CROSS JOIN hash_hour c ON c.hash_id = h.id
		JOIN releases n ON n.id = c.release_id WHERE h.issue_id = ? GROUP BY n.id ORDER BY events DESC, n.name LIMIT ?`
	sqlIssueTags = `SELECT t.name, t.value, c.n FROM hashes h CROSS JOIN hash_tags c ON c.hash_id = h.id
		JOIN tags t ON t.id = c.tag_id WHERE h.issue_id = ? LIMIT ?`
)

// IssueEnvironments implements tracker.Store.
func (s *Store) IssueEnvironments(ctx context.Context, issueID int64) ([]tracker.Share, error) {
	return s.shares(ctx, issueID, sqlIssueEnvironments)
}

// IssueReleases implements tracker.Store.
func (s *Store) IssueReleases(ctx context.Context, issueID int64) ([]tracker.Share, error) {
	return s.shares(ctx, issueID, sqlIssueReleases)
}

// maxTagShareRows bounds the counters that one look at the tags of an issue reads.
const maxTagShareRows = 20_000

// IssueTags implements tracker.Store.
func (s *Store) IssueTags(ctx context.Context, issueID int64) (tags []tracker.TagShares, whole bool, err error) {
	rows, err := s.db.Read().QueryContext(ctx, sqlIssueTags, issueID, maxTagShareRows)
	if err != nil {
		return nil, false, readError("count tags", err)
	}
	defer rows.Close()
	counts, read := map[string]map[string]int64{}, 0
	for ; rows.Next(); read++ {
		var name, value string
		var n int64
		if err := rows.Scan(&name, &value, &n); err != nil {
			return nil, false, readError("count tags", err)
		}
		if counts[name] == nil {
			counts[name] = map[string]int64{}
		}
		counts[name][value] += n
	}
	if err := rows.Err(); err != nil {
		return nil, false, readError("count tags", err)
	}
	for name, values := range counts {
		t := tracker.TagShares{Name: name}
		for value, n := range values {
			t.Events += n
			t.Values = append(t.Values, tracker.Share{Value: value, Count: n})
		}
		slices.SortFunc(t.Values, func(a, b tracker.Share) int {
			return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value))
		})
		tags = append(tags, t)
	}
	slices.SortFunc(tags, func(a, b tracker.TagShares) int {
		return cmp.Or(cmp.Compare(b.Events, a.Events), cmp.Compare(a.Name, b.Name))
	})
	if len(tags) == 0 {
		err = exists(ctx, s.db.Read(), issueID)
	}
	return tags, read < maxTagShareRows, err
}

func (s *Store) shares(ctx context.Context, issueID int64, query string) ([]tracker.Share, error) {
	rows, err := s.db.Read().QueryContext(ctx, query, issueID, maxShareRows)
	all, err := scanAll(rows, err, func(rows *sql.Rows) (v tracker.Share, err error) {
		return v, rows.Scan(&v.Value, &v.Count)
	})
	if err != nil {
		return nil, readError("count shares", err)
	}
	if len(all) == 0 {
		return nil, exists(ctx, s.db.Read(), issueID)
	}
	return all, nil
}
