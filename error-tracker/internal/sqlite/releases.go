package sqlite

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
)

// shownDeploys is how many deploys a release comes with.
const shownDeploys = 20

// sqlReleases reads releases with what is added up already.
const sqlReleases = `SELECT r.id, r.project_id, p.name, r.name, r.created_at, coalesce(s.n, 0), coalesce(s.issues, 0), coalesce(s.last, 0),
	(SELECT count(*) FROM issues i WHERE i.first_release = r.id AND i.first_release <> 0),
	(SELECT count(*) FROM issues i WHERE i.regressed_release = r.id AND i.regressed_release <> 0)
	FROM releases r JOIN projects p ON p.id = r.project_id
	LEFT JOIN (SELECT s.release_id, sum(s.n) AS n, count(DISTINCT s.issue_id) AS issues, max(s.last) AS last FROM hash_scopes s JOIN issues i ON i.id = s.issue_id
		WHERE s.environment_id = -1 AND s.release_id IN (SELECT id FROM releases WHERE %which%) GROUP BY s.release_id) s ON s.release_id = r.id
	WHERE r.id IN (SELECT id FROM releases WHERE %which%)`

const (
	whichOfProject = "project_id = ? ORDER BY created_at DESC, id DESC LIMIT 1000"
	whichByID      = "id = ?"
)

// Releases implements tracker.ReleaseStore.
func (s *Store) Releases(ctx context.Context, project int64, now time.Time) ([]tracker.Release, error) {
	all, err := s.releases(ctx, whichOfProject, project)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return all, s.completeReleases(ctx, project, all, now)
}

// ReleaseByID implements tracker.ReleaseStore.
func (s *Store) ReleaseByID(ctx context.Context, id int64, now time.Time) (tracker.Release, error) {
	all, err := s.releases(ctx, whichByID, id)
	if err != nil {
		return tracker.Release{}, err
	}
	if len(all) == 0 {
		return tracker.Release{}, errs.New(errs.NotFound, "release %d not found", id)
	}
	return all[0], s.completeReleases(ctx, all[0].ProjectID, all, now)
}

func (s *Store) releases(ctx context.Context, which string, arg int64) ([]tracker.Release, error) {
	rows, err := s.db.Read().QueryContext(ctx, strings.ReplaceAll(sqlReleases, "%which%", which), arg, arg)
	all, err := scanAll(rows, err, func(rows *sql.Rows) (r tracker.Release, err error) {
		var seen, last int64
		err = rows.Scan(&r.ID, &r.ProjectID, &r.Project, &r.Name, &seen, &r.Events, &r.Issues, &last, &r.New, &r.Regressed)
		r.Seen, r.LastEvent = timeOf(seen), timeOf(last)
		return r, err
	})
	return all, readError("list releases", err)
}

// completeReleases adds sessions, adoption and deploys.
func (s *Store) completeReleases(ctx context.Context, project int64, all []tracker.Release, now time.Time) error {
	at := make(map[string]*tracker.Release, len(all))
	byID := make(map[int64]*tracker.Release, len(all))
	for i := range all {
		at[all[i].Name], byID[all[i].ID] = &all[i], &all[i]
	}
	sessions, err := s.SessionsByRelease(ctx, project, "", now.AddDate(0, 0, -tracker.SessionDays))
	if err != nil {
		return err
	}
	for _, c := range sessions {
		if r := at[c.Release]; r != nil {
			r.Sessions = c
		}
	}
	day := now.Add(-24 * time.Hour)
	if sessions, err = s.SessionsByRelease(ctx, project, "", day); err != nil {
		return err
	}
	var total int64
	for _, c := range sessions {
		total += c.Total
		if r := at[c.Release]; r != nil {
			r.Recent = c.Total
		}
	}
	for i := range all {
		all[i].Adoption = -1
		if total > 0 {
			all[i].Adoption = float64(all[i].Recent) / float64(total)
		}
	}
	return s.addDeploys(ctx, project, byID)
}

const sqlDeploys = `SELECT d.id, p.name, r.name, r.id, coalesce(e.name, ''), d.at, d.name, d.url FROM deploys d
	JOIN projects p ON p.id = d.project_id JOIN releases r ON r.id = d.release_id LEFT JOIN environments e ON e.id = d.environment_id `

func scanDeploy(rows *sql.Rows) (d tracker.Deploy, err error) {
	var at int64
	err = rows.Scan(&d.ID, &d.Project, &d.Release, &d.ReleaseID, &d.Environment, &at, &d.Name, &d.URL)
	d.At = timeOf(at)
	return d, err
}

func (s *Store) addDeploys(ctx context.Context, project int64, releases map[int64]*tracker.Release) error {
	rows, err := s.db.Read().QueryContext(ctx, sqlDeploys+"WHERE d.project_id = ? ORDER BY d.at DESC, d.id DESC", project)
	all, err := scanAll(rows, err, scanDeploy)
	if err != nil {
		return readError("list deploys", err)
	}
	for _, d := range all {
		if r := releases[d.ReleaseID]; r != nil && len(r.Deploys) < shownDeploys {
			r.Deploys = append(r.Deploys, d)
		}
	}
	return nil
}

// ReleaseCounts implements tracker.ReleaseStore.
func (s *Store) ReleaseCounts(ctx context.Context, id int64, start time.Time, step time.Duration, n int) ([]int64, error) {
	if err := checkBuckets(start, step, n); err != nil {
		return nil, err
	}
	from, hours := hourOf(start), int64(step/time.Hour)
	// Only hashes that met the release are looked at.
	rows, err := s.db.Read().QueryContext(ctx, `SELECT (c.hour - ?) / ? AS bucket, sum(c.n) FROM hash_scopes s CROSS JOIN hash_hour c ON c.hash_id = s.hash_id
		WHERE s.environment_id = -1 AND s.release_id = ? AND s.last >= ? AND c.hour >= ? AND c.hour < ? AND c.release_id = ?
		AND s.issue_id IN (SELECT id FROM issues) GROUP BY bucket`,
		from, hours, id, start.UnixMilli(), from, from+hours*int64(n), id)
	counts := make([]int64, n)
	_, err = scanAll(rows, err, func(rows *sql.Rows) (struct{}, error) {
		var bucket, events int64
		err := rows.Scan(&bucket, &events)
		if err == nil {
			counts[bucket] = events
		}
		return struct{}{}, err
	})
	return counts, readError("count events of a release", err)
}
