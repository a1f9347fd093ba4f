package sqlite

import (
	"context"
	"database/sql"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
)

// maxGroups bounds the list of the hashes of an issue.
const maxGroups = 1000

const sqlGroups = `SELECT h.hash, h.created_at, h.type, h.message, h.reasons, h.id = i.primary_hash,
	coalesce(sum(c.n), 0), coalesce(max(c.last), h.created_at)
	FROM issues i JOIN hashes h ON h.issue_id = i.id LEFT JOIN hash_hour c ON c.hash_id = h.id
	WHERE i.id = ? GROUP BY h.id ORDER BY h.id <> i.primary_hash, h.id LIMIT ?`

// Groups implements tracker.Store.
func (s *Store) Groups(ctx context.Context, issueID int64) ([]tracker.Group, error) {
	rows, err := s.db.Read().QueryContext(ctx, sqlGroups, issueID, maxGroups)
	groups, err := scanAll(rows, err, scanGroup)
	if err != nil {
		return nil, readError("list groups", err)
	}
	if len(groups) == 0 {
		return nil, notFound(issueID)
	}
	return groups, nil
}

func scanGroup(rows *sql.Rows) (tracker.Group, error) {
	var g tracker.Group
	var hash []byte
	var created, last int64
	var kind, message, reasons string
	err := rows.Scan(&hash, &created, &kind, &message, &reasons, &g.Primary, &g.Count, &last)
	if err != nil {
		return g, err
	}
	copy(g.Hash[:], hash)
	g.CreatedAt, g.LastSeen = timeOf(created), timeOf(last)
	g.Title = kind
	if message != "" {
		if g.Title != "" {
			g.Title += ": "
		}
		g.Title += message
	}
	g.Why, err = decodeReasons(reasons)
	return g, err
}

// Similar implements tracker.Store.
func (s *Store) Similar(ctx context.Context, issueID int64, limit int) ([]tracker.Issue, error) {
	limit = min(max(limit, 0), tracker.MaxPage)
	rows, err := s.db.Read().QueryContext(ctx, selectIssues(`(SELECT * FROM issues WHERE id <> ? AND id IN
		(SELECT other.issue_id FROM hashes own JOIN hashes other ON other.project_id = own.project_id AND other.similar = own.similar
		WHERE own.issue_id = ? AND own.similar <> x'' AND other.similar <> x'')
		ORDER BY last_seen DESC, id DESC LIMIT ?) i`)+" ORDER BY i.last_seen DESC, i.id DESC", issueID, issueID, limit)
	issues, err := scanAll(rows, err, s.scanIssue)
	if err != nil {
		return nil, readError("list similar issues", err)
	}
	if len(issues) == 0 {
		if err := exists(ctx, s.db.Read(), issueID); err != nil {
			return nil, err
		}
	}
	return issues, nil
}
