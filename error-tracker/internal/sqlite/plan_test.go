package sqlite

import (
	"regexp"
	"strings"
	"testing"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
)

// planOf is how SQLite would run a query, a line for each step.
func planOf(t *testing.T, s *Store, query string, args ...any) string {
	t.Helper()
	rows, err := s.db.Read().QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan.WriteString(detail + "\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}

// scans are the steps that read all of a table that grows with the events.
var scans = regexp.MustCompile(`(?m)^SCAN (o|c|u|occurrences|hash_hour|hash_users|event_ids)\b.*$`)

func TestListsReadNoMoreThanTheyNeed(t *testing.T) {
	s := benchStore(t)
	fill(t, s, 200)
	for _, tt := range listQueries {
		c, err := s.filter(tt.q)
		if err != nil {
			t.Fatal(err)
		}
		if f := (&filtered{q: tt.q, events: newEventFilter(tracker.Scope{Environment: tt.q.Environment, Filter: tt.q.Filter})}); f.needed() {
			continue // looks at all issues
		}
		query, args := pageQuery(c, tt.q, 50)
		plan := planOf(t, s, query, args...)
		if found := scans.FindString(plan); found != "" {
			t.Errorf("%s: %s\n%s", tt.name, found, plan)
		}
		count := planOf(t, s, "SELECT count(*) FROM issues i WHERE "+c.String(), c.args...)
		if found := scans.FindString(count); found != "" {
			t.Errorf("total of %s: %s\n%s", tt.name, found, count)
		}
		// What people look at most is read in the order of an index, and counted by it alone.
		if byTime := tt.q.Sort == "" || tt.q.Sort == tracker.ByFirstSeen; byTime && tt.q.State == tracker.Unresolved && tt.q.SessionID == "" {
			inner, _, _ := strings.Cut(plan, "SCAN top")
			if !strings.Contains(inner, "USING") || !strings.Contains(inner, "INDEX issues_") || strings.Contains(inner, "TEMP B-TREE") {
				t.Errorf("%s is not read by an index:\n%s", tt.name, plan)
			}
			if len(tt.q.Filter.Terms) == 0 && !strings.Contains(count, "COVERING INDEX issues_") {
				t.Errorf("total of %s is not counted by an index:\n%s", tt.name, count)
			}
		}
	}
}

func TestPagesOfAnIssueReadItsRowsOnly(t *testing.T) {
	s := benchStore(t)
	fill(t, s, 200)
	for name, query := range map[string]string{
		"occurrences":      sqlOccurrence + "WHERE o.issue_id = 7 AND o.id < 99 ORDER BY o.id DESC LIMIT 5",
		"events before":    sqlEventsBefore,
		"events after":     sqlEventsAfter,
		"events kept":      sqlEventsKept,
		"a page of events": sqlOccurrence + "WHERE o.issue_id = 7 AND o.id BETWEEN 7 AND 9 ORDER BY o.id DESC",
		"merged into":      sqlMergedInto,
		"one occurrence":   sqlOccurrence + "WHERE o.issue_id = 7 AND o.id = 70",
		"first occurrence": sqlOccurrence + sqlFirst,
		"base":             sqlBase,
		"older":            "SELECT max(id) FROM occurrences WHERE issue_id = 7 AND id < 99",
		"oldest kept":      "SELECT id FROM occurrences WHERE issue_id = 7 AND first = 0 ORDER BY id LIMIT 1",
		"groups":           sqlGroups,
		"issue of a hash":  sqlIssueOfHash,
		"environments":     sqlIssueEnvironments,
		"releases":         sqlIssueReleases,
		"tags":             sqlIssueTags,
		"users":            "SELECT 1 FROM hashes h JOIN hash_users u ON u.hash_id = h.id WHERE h.issue_id = 7 AND h.id <> 8 AND u.user = 9",
		"due mails":        "SELECT id FROM mails WHERE channel = 1 AND sent_at = 0 AND failed_at = 0 AND next_attempt <= 7 ORDER BY next_attempt, id",
		"pulses":           sqlPulses,
		"mails by webhook": "SELECT id FROM mails WHERE channel = 2 AND project_id = 7 ORDER BY id DESC LIMIT 7",
		"stale issues":     "SELECT id FROM issues WHERE resolved = 1 AND resolved_at < 7 ORDER BY resolved_at LIMIT 7",
		"recent hashes":    "SELECT created_at FROM hashes WHERE project_id = 1 AND similar = x'00' AND similar <> x'' AND created_at > 7 ORDER BY created_at DESC",
	} {
		args := []any{}
		for range strings.Count(query, "?") {
			args = append(args, 7)
		}
		plan := planOf(t, s, query, args...)
		if scan := regexp.MustCompile(`(?m)^SCAN .*$`).FindString(plan); scan != "" {
			t.Errorf("%s: %s\n%s", name, scan, plan)
		}
		// Not by the numbers of the events, which are those of all issues.
		if strings.Contains(name, "events") && !strings.Contains(plan, "INDEX occurrences_issue (issue_id=?") {
			t.Errorf("%s are not found by their issue:\n%s", name, plan)
		}
		if strings.Contains(query, "ORDER BY") && strings.Contains(query, "occurrences") && strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s sorts:\n%s", name, plan)
		}
	}
}
