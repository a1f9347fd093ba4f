package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// maxListedDeploys bounds one list of deploys.
const maxListedDeploys = 1000

// AddDeploy implements tracker.ReleaseStore.
func (s *Store) AddDeploy(ctx context.Context, d tracker.Deploy, repeated time.Duration) (added tracker.Deploy, created bool, err error) {
	var id int64
	err = s.db.Write(ctx, func(tx *sqlitedb.Tx) (err error) {
		tx.OnRollback(s.mem.lost)
		id, created, err = s.addDeploy(tx, &d, repeated)
		return err
	})
	if err != nil {
		return tracker.Deploy{}, false, fmt.Errorf("add deploy: %w", err)
	}
	rows, err := s.db.Read().QueryContext(ctx, sqlDeploys+"WHERE d.id = ?", id)
	all, err := scanAll(rows, err, scanDeploy)
	if err != nil || len(all) != 1 {
		return tracker.Deploy{}, false, readError("read deploy", cmp.Or(err, errs.New(errs.NotFound, "deploy %d not found", id)))
	}
	return all[0], created, nil
}

func (s *Store) addDeploy(tx *sqlitedb.Tx, d *tracker.Deploy, repeated time.Duration) (id int64, created bool, err error) {
	var project int64
	err = tx.QueryRow("SELECT id FROM projects WHERE name = ?", stored(d.Project, tracker.MaxProject)).Scan(&project)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, errs.New(errs.NotFound, "there is no project %q", d.Project)
	}
	if err != nil {
		return 0, false, err
	}
	at := d.At.UnixMilli()
	release, err := s.mem.release(tx, project, stored(d.Release, maxShortText), s.now().UnixMilli())
	if err != nil {
		return 0, false, err
	}
	environment, err := s.mem.environment(tx, project, stored(d.Environment, maxShortText), s.now().UnixMilli())
	if err != nil {
		return 0, false, err
	}
	var last, lastRelease int64
	err = tx.QueryRow("SELECT id, release_id FROM deploys WHERE project_id = ? AND environment_id = ? AND at > ? ORDER BY at DESC, id DESC LIMIT 1",
		project, environment, at-repeated.Milliseconds()).Scan(&last, &lastRelease)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, false, err
	}
	if repeated > 0 && err == nil && lastRelease == release {
		return last, false, nil
	}
	res, err := tx.Exec(`INSERT INTO deploys (project_id, release_id, environment_id, at, name, url) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		project, release, environment, at, stored(d.Name, tracker.MaxDeployName), stored(d.URL, tracker.MaxDeployURL))
	if err != nil {
		return 0, false, err
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, false, err
	}
	if n == 0 {
		err = tx.QueryRow("SELECT id FROM deploys WHERE project_id = ? AND release_id = ? AND environment_id = ? AND at = ?", project, release, environment, at).Scan(&id)
		return id, false, err
	}
	if id, err = res.LastInsertId(); err != nil {
		return 0, false, err
	}
	_, err = tx.Exec("DELETE FROM deploys WHERE id IN (SELECT id FROM deploys WHERE project_id = ? AND id <> ? ORDER BY at DESC, id DESC LIMIT -1 OFFSET ?)",
		project, id, tracker.MaxDeploys-1)
	return id, true, err
}

// Deploys implements tracker.ReleaseStore.
func (s *Store) Deploys(ctx context.Context, project, environment string, in tracker.TimeRange, limit int) ([]tracker.Deploy, error) {
	query, args := sqlDeploys+"WHERE d.at BETWEEN ? AND ?", between(in)
	if project != "" {
		query += " AND d.project_id = (SELECT id FROM projects WHERE name = ?)"
		args = append(args, stored(project, tracker.MaxProject))
	}
	if environment != "" {
		query += " AND e.name = ?"
		args = append(args, stored(environment, maxShortText))
	}
	return s.listDeploys(ctx, query+" ORDER BY d.at DESC, d.id DESC LIMIT ?", append(args, min(limit, maxListedDeploys)))
}

// NewReleases implements tracker.ReleaseStore.
func (s *Store) NewReleases(ctx context.Context, project string, in tracker.TimeRange, limit int) ([]tracker.Deploy, error) {
	query, args := "SELECT 0, p.name, r.name, r.id, '', r.created_at, '', '' FROM releases r JOIN projects p ON p.id = r.project_id WHERE r.created_at BETWEEN ? AND ?", between(in)
	if project != "" {
		query += " AND p.name = ?"
		args = append(args, stored(project, tracker.MaxProject))
	}
	return s.listDeploys(ctx, query+" ORDER BY r.created_at DESC, r.id DESC LIMIT ?", append(args, min(limit, maxListedDeploys)))
}

// between are the two ends of a stretch of time, in milliseconds.
func between(in tracker.TimeRange) []any {
	to := int64(math.MaxInt64)
	if !in.To.IsZero() {
		to = in.To.UnixMilli()
	}
	return []any{millis(in.From), to}
}

func (s *Store) listDeploys(ctx context.Context, query string, args []any) ([]tracker.Deploy, error) {
	rows, err := s.db.Read().QueryContext(ctx, query, args...)
	all, err := scanAll(rows, err, scanDeploy)
	return all, readError("list deploys", err)
}
