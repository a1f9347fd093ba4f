package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// keepIngest is how long counters of ingest and sessions, and past alerts, are kept.
const keepIngest = 90 * 24 * time.Hour

// maxSessionRows bounds what one look at the sessions reads.
const maxSessionRows = 1000

func hourOf(t time.Time) int64 { return t.UnixMilli() / hourMillis }

// CountIngest implements tracker.IngestStore.
func (s *Store) CountIngest(ctx context.Context, counts []tracker.IngestCount) error {
	err := s.db.Write(ctx, func(tx *sqlitedb.Tx) error {
		for i := range counts {
			if err := countIngest(tx, &counts[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("count ingest: %w", err)
	}
	return nil
}

func countIngest(tx *sqlitedb.Tx, c *tracker.IngestCount) error {
	what, hour := stored(c.What, maxShortText), hourOf(c.Hour)
	for {
		res, err := tx.Exec("UPDATE ingest SET n = n + ? WHERE project_id = ? AND hour = ? AND kind = ? AND what = ?", c.Count, c.Project, hour, string(c.Kind), what)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); n > 0 || err != nil {
			return err
		}
		var others int
		err = tx.QueryRow("SELECT count(*) FROM ingest WHERE project_id = ? AND hour = ? AND kind = ?", c.Project, hour, string(c.Kind)).Scan(&others)
		if err != nil {
			return err
		}
		if others >= tracker.MaxIngestWhats && what != tracker.OtherWhat {
			what = tracker.OtherWhat
			continue
		}
		_, err = tx.Exec("INSERT INTO ingest (project_id, hour, kind, what, n) VALUES (?, ?, ?, ?, ?)", c.Project, hour, string(c.Kind), what, c.Count)
		return err
	}
}

// Ingest implements tracker.IngestStore.
func (s *Store) Ingest(ctx context.Context, project int64, since time.Time) ([]tracker.IngestCount, error) {
	where, args := ingestOf(project, since)
	rows, err := s.db.Read().QueryContext(ctx, "SELECT kind, what, sum(n) AS total FROM ingest WHERE "+where+
		" GROUP BY kind, what ORDER BY total DESC, kind, what LIMIT 2000", args...)
	all, err := scanAll(rows, err, func(rows *sql.Rows) (c tracker.IngestCount, err error) {
		c.Project = project
		var kind string
		err = rows.Scan(&kind, &c.What, &c.Count)
		c.Kind = tracker.IngestKind(kind)
		return c, err
	})
	return all, readError("read the counters of ingest", err)
}

// ingestOf is a condition that an index serves.
func ingestOf(project int64, since time.Time) (where string, args []any) {
	if project == 0 {
		return "hour >= ?", []any{hourOf(since)}
	}
	return "project_id = ? AND hour >= ?", []any{project, hourOf(since)}
}

// IngestHours implements tracker.IngestStore.
func (s *Store) IngestHours(ctx context.Context, project int64, since time.Time) ([]tracker.IngestCount, error) {
	where, args := ingestOf(project, since)
	rows, err := s.db.Read().QueryContext(ctx, "SELECT hour, kind, sum(n) FROM ingest WHERE "+where+" GROUP BY hour, kind ORDER BY hour, kind", args...)
	all, err := scanAll(rows, err, func(rows *sql.Rows) (c tracker.IngestCount, err error) {
		var hour int64
		var kind string
		err = rows.Scan(&hour, &kind, &c.Count)
		c.Project, c.Hour, c.Kind = project, timeOf(hour*hourMillis), tracker.IngestKind(kind)
		return c, err
	})
	return all, readError("read the counters of ingest by hour", err)
}

// CountSessions implements tracker.IngestStore.
func (s *Store) CountSessions(ctx context.Context, project int64, sessions []tracker.Sessions) error {
	err := s.db.Write(ctx, func(tx *sqlitedb.Tx) error {
		tx.OnRollback(s.mem.lost)
		for i := range sessions {
			if err := s.countSessions(tx, project, &sessions[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("count sessions: %w", err)
	}
	return nil
}

func (s *Store) countSessions(tx *sqlitedb.Tx, project int64, c *tracker.Sessions) error {
	at := s.now().UnixMilli()
	var one int
	err := tx.QueryRow("SELECT 1 FROM projects WHERE id = ?", project).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return projectNotFound(project) // it left since its key was looked up
	}
	if err != nil {
		return err
	}
	environment, err := s.mem.environment(tx, project, stored(c.Environment, maxShortText), at)
	if err != nil {
		return err
	}
	release, err := s.mem.release(tx, project, stored(c.Release, maxShortText), at)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO sessions (project_id, hour, release_id, environment_id, total, crashed, errored, abnormal) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET total = total + excluded.total, crashed = crashed + excluded.crashed,
		errored = errored + excluded.errored, abnormal = abnormal + excluded.abnormal`,
		project, hourOf(c.Hour), release, environment, c.Total, c.Crashed, c.Errored, c.Abnormal)
	return err
}

// SessionsByRelease implements tracker.IngestStore.
func (s *Store) SessionsByRelease(ctx context.Context, project int64, environment string, since time.Time) ([]tracker.Sessions, error) {
	query := `SELECT coalesce(r.name, ''), sum(total), sum(crashed), sum(errored), sum(abnormal) FROM sessions s
		LEFT JOIN releases r ON r.id = s.release_id WHERE s.project_id = ? AND s.hour >= ?`
	args := []any{project, hourOf(since)}
	if environment != "" {
		query += " AND s.environment_id = (SELECT id FROM environments WHERE project_id = ? AND name = ?)"
		args = append(args, project, stored(environment, maxShortText))
	}
	rows, err := s.db.Read().QueryContext(ctx, query+" GROUP BY s.release_id ORDER BY sum(total) DESC, r.name LIMIT ?", append(args, maxSessionRows)...)
	all, err := scanAll(rows, err, func(rows *sql.Rows) (c tracker.Sessions, err error) {
		c.Environment = environment
		return c, rows.Scan(&c.Release, &c.Total, &c.Crashed, &c.Errored, &c.Abnormal)
	})
	return all, readError("read sessions", err)
}

// forgetIngest drops the counters, and the past alerts, of hours that nobody looks at any more.
func (s *Store) forgetIngest(ctx context.Context) error {
	before := hourOf(s.now().Add(-keepIngest))
	for _, drop := range []string{
		"DELETE FROM ingest WHERE (project_id, hour, kind, what) IN (SELECT project_id, hour, kind, what FROM ingest WHERE hour < ? LIMIT ?)",
		`DELETE FROM sessions WHERE (project_id, hour, release_id, environment_id) IN
			(SELECT project_id, hour, release_id, environment_id FROM sessions WHERE hour < ? LIMIT ?)`,
		"DELETE FROM alert_log WHERE id IN (SELECT id FROM alert_log WHERE at < ? * 3600000 LIMIT ?)",
	} {
		for dropped := int64(forgetBatch); dropped == forgetBatch; {
			err := s.db.Maintain(ctx, func(tx *sqlitedb.Tx) error {
				res, err := tx.Exec(drop, before, forgetBatch)
				if err == nil {
					dropped, err = res.RowsAffected()
				}
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}
