package sqlite

import (
	"fmt"
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/search"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// fill makes n issues in three projects, in SQL because Record would take
// longer than the benchmark: each with 100 events in 20 hours and two
// environments, and 10 kept occurrences. Every third is resolved.
func fill(tb testing.TB, s *Store, n int) {
	tb.Helper()
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	statements := []struct {
		sql  string
		args []any
	}{
		{"INSERT INTO projects (id, name, created_at) VALUES (1, 'shop', 0), (2, 'blog', 0), (3, 'api', 0)", nil},
		{"INSERT INTO environments (id, project_id, name, created_at) SELECT id, id, 'prod', 0 FROM projects UNION ALL SELECT id + 3, id, 'dev', 0 FROM projects", nil},
		{"INSERT INTO releases (id, project_id, name, created_at) SELECT id, id, '1.0', 0 FROM projects", nil},
		{`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
			INSERT INTO hashes (id, project_id, hash, version, issue_id, similar, created_at, browser, first_release, type, message, culprit, platform, level, environment, minified, reasons, search)
			SELECT i, 1 + i % 3, randomblob(16), 'g1', i, randomblob(16), ? + i * 60000, i % 5 = 0, 1 + i % 3, 'ValueError', 'order ' || i || ' has no price in ' || hex(randomblob(40)), 'load_' || (i % 100) || ' in app/orders.py',
			'python', 'error', 'prod', 0, '[["type","ValueError"]]', 'valueerror' || char(10) || 'load_' || (i % 100) || ' in app/orders.py' || char(10) || 'https://shop.example.com/api/orders/' || i || char(10) || 'order ' || i || ' has no price in ' || lower(hex(randomblob(60))) FROM n`, []any{n, start}},
		{`INSERT INTO issues (id, project_id, primary_hash, count, users, kept, first_seen, last_seen, first_release, last_release, browser, resolved, resolved_at)
			SELECT id, project_id, id, 100, abs(random()) % 50, 9, created_at, created_at + abs(random()) % 864000000, first_release, first_release, browser, id % 3 = 0, CASE id % 3 WHEN 0 THEN created_at ELSE 0 END FROM hashes`, nil},
		{`WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 19)
			INSERT INTO hash_hour (hash_id, hour, environment_id, release_id, n, last) SELECT h.id, h.created_at / 3600000 + i * 3, h.project_id + (i % 2) * 3, h.first_release, 5, h.created_at + i * 10800000 FROM hashes h, n`, nil},
		{`INSERT INTO hash_scopes (environment_id, release_id, hash_id, issue_id, n, users, first, last)
			SELECT environment_id, release_id, hash_id, hash_id, sum(n), sum(n) % 40, min(hour) * 3600000, max(last) FROM hash_hour GROUP BY hash_id, environment_id, release_id`, nil},
		{`INSERT INTO hash_scopes (environment_id, release_id, hash_id, issue_id, n, users, first, last)
			SELECT environment_id, -1, hash_id, issue_id, n, users, first, last FROM hash_scopes UNION ALL
			SELECT -1, release_id, hash_id, issue_id, sum(n), max(users), min(first), max(last) FROM hash_scopes GROUP BY hash_id, release_id`, nil},
		{`INSERT INTO tags (id, project_id, name, value) WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 49)
			SELECT i + 1, 1 + i % 3, 'tag' || (i % 10), 'value ' || (i / 10) FROM n`, nil},
		// Ten tags for each hash and environment.
		{`WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9)
			INSERT INTO hash_tags (tag_id, hash_id, environment_id, release_id, issue_id, n, first, last)
			SELECT 1 + n.i + 10 * (s.hash_id % 5), s.hash_id, s.environment_id, s.release_id, s.issue_id, s.n, s.first, s.last FROM hash_scopes s, n WHERE s.environment_id >= 0 AND s.release_id >= 0`, nil},
		{`WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 19)
			INSERT INTO scope_users (hash_id, user, environment_id, release_id, first, last) SELECT h.id, n.i * 7919, h.project_id, h.first_release, h.created_at / 3600000, h.created_at / 3600000 + n.i FROM hashes h, n`, nil},
		{`WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9)
			INSERT INTO occurrences (issue_id, hash_id, first, session, received_at, payload) SELECT h.issue_id, h.id, i = 0, CASE i WHEN 3 THEN h.id % 1000 END, h.created_at, randomblob(300) FROM n, hashes h`, nil},
	}
	err := s.db.Write(tb.Context(), func(tx *sqlitedb.Tx) error {
		for _, st := range statements {
			if _, err := tx.Exec(st.sql, st.args...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := s.Compact(tb.Context()); err != nil { // out of the log
		tb.Fatal(err)
	}
}

var benchSince = time.Date(2026, 11, 5, 0, 30, 0, 0, time.UTC)

func searched(text string) search.Query {
	q, err := search.Parse(text)
	if err != nil {
		panic(err)
	}
	return q
}

var listQueries = []struct {
	name string
	q    tracker.IssueQuery
}{
	{"newest unresolved", tracker.IssueQuery{}},
	{"deep page by cursor", tracker.IssueQuery{After: tracker.Cursor{Value: time.Date(2026, 11, 5, 0, 0, 0, 0, time.UTC).UnixMilli(), ID: 1}}},
	{"deep page by offset", tracker.IssueQuery{Offset: 5000}},
	{"project", tracker.IssueQuery{Project: "blog"}},
	{"project and environment", tracker.IssueQuery{Project: "blog", Environment: "dev"}},
	{"environment", tracker.IssueQuery{Environment: "dev"}},
	{"browser", tracker.IssueQuery{Source: tracker.Browser}},
	{"any state", tracker.IssueQuery{State: tracker.AnyState}},
	{"resolved", tracker.IssueQuery{State: tracker.Resolved}},
	{"muted", tracker.IssueQuery{State: tracker.Muted}},
	{"by count", tracker.IssueQuery{Sort: tracker.ByCount}},
	{"by users in project", tracker.IssueQuery{Sort: tracker.ByUsers, Project: "blog"}},
	{"by first seen", tracker.IssueQuery{Sort: tracker.ByFirstSeen}},
	{"session", tracker.IssueQuery{SessionID: "none"}},
	{"search one word", tracker.IssueQuery{Search: "load_77"}},
	{"trend", tracker.IssueQuery{Sort: tracker.ByTrend}},
	{"by count in environment", tracker.IssueQuery{Environment: "dev", Sort: tracker.ByCount}},
	{"since", tracker.IssueQuery{Since: benchSince}},
	{"by count since", tracker.IssueQuery{Since: benchSince, Sort: tracker.ByCount}},
	{"by count in release since", tracker.IssueQuery{Since: benchSince, Sort: tracker.ByCount, Filter: searched("release:1.*")}},
	{"release glob by users", tracker.IssueQuery{Filter: searched("release:1.*"), Sort: tracker.ByUsers}},
	{"not in environment", tracker.IssueQuery{Filter: searched("-environment:dev")}},
	{"tag", tracker.IssueQuery{Filter: searched(`tag3:"value 1"`)}},
	{"tag in environment by count", tracker.IssueQuery{Environment: "dev", Sort: tracker.ByCount, Filter: searched(`has:tag3`)}},
	{"two tags, one not", tracker.IssueQuery{Filter: searched(`has:tag3 -tag4:"value 0"`)}},
	{"unhandled of a type", tracker.IssueQuery{Filter: searched(`-is:handled type:Value*`)}},
	{"search without result", tracker.IssueQuery{Search: "nothing like this", State: tracker.AnyState}},
}

// BenchmarkIssues reads a page of 50 issues with the total.
func BenchmarkIssues(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(fmt.Sprintf("of=%d", n), func(b *testing.B) {
			s := benchStore(b)
			fill(b, s, n)
			for _, tt := range listQueries {
				b.Run(tt.name, func(b *testing.B) {
					for b.Loop() {
						if _, err := s.Issues(b.Context(), tt.q); err != nil {
							b.Fatal(err)
						}
					}
					b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/page")
				})
			}
			b.Run("totals", func(b *testing.B) {
				for b.Loop() {
					if _, err := s.addUp(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/page")
			})
			b.Run("sparklines of 50 issues", func(b *testing.B) {
				page, err := s.Issues(b.Context(), tracker.IssueQuery{})
				if err != nil {
					b.Fatal(err)
				}
				var ids []int64
				for _, i := range page.Issues {
					ids = append(ids, i.ID)
				}
				start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
				for b.Loop() {
					if _, err := s.Counts(b.Context(), ids, tracker.Scope{}, start, 24*time.Hour, 14); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/page")
			})
		})
	}
}
