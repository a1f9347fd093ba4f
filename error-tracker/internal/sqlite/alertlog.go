package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/sqlitedb"
)

const (
	sqlQueueAlert = "INSERT INTO alerts (kind, issue_id, project_id, at, channels) SELECT ?1, id, project_id, ?3, ?4 FROM issues WHERE id = ?2"

	// sqlLogAlert keeps an alert unless its project has switched off all of the kind.
	sqlLogAlert = `INSERT INTO alert_log (kind, issue_id, project_id, at) SELECT ?1, id, project_id, ?3 FROM issues i WHERE id = ?2
	AND NOT EXISTS (SELECT 1 FROM project_settings WHERE project_id = i.project_id
	AND settings ->> CASE ?1 WHEN 'created' THEN '$.alerts.not_created' WHEN 'frequent' THEN NULL ELSE '$.alerts.not_regressed' END) RETURNING id`

	// sqlTrimAlerts puts those of projects in order that have too many, and no others.
	sqlTrimAlerts = `DELETE FROM alert_log WHERE id <= ?1 OR id IN
	(SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY project_id ORDER BY at DESC, id DESC) AS n FROM alert_log
	WHERE project_id IN (SELECT project_id FROM alert_log GROUP BY project_id HAVING count(*) > ?2)) WHERE n > ?2)`

	sqlPastAlerts = `SELECT a.id, a.kind, a.issue_id, a.project_id, a.at, p.name,
	substr(h.type || CASE WHEN h.type = '' OR h.message = '' THEN '' ELSE ': ' END || h.message, 1, 200)
	FROM (SELECT * FROM alert_log WHERE at BETWEEN ?1 AND ?2 AND (?3 = '' OR project_id = (SELECT id FROM projects WHERE name = ?3)) ORDER BY at DESC, id DESC LIMIT ?4) a
	JOIN projects p ON p.id = a.project_id JOIN issues i ON i.id = a.issue_id JOIN hashes h ON h.id = i.primary_hash
	ORDER BY a.at DESC, a.id DESC`
)

// queueAlert queues an alert about an issue for all channels, keeps that it was due,
// and looks at times for those that are too many, of all or of any project.
func queueAlert(tx *sqlitedb.Tx, kind tracker.AlertKind, issue, at int64) error {
	if _, err := tx.Exec(sqlQueueAlert, string(kind), issue, at, allChannels); err != nil {
		return err
	}
	var id int64
	err := tx.QueryRow(sqlLogAlert, string(kind), issue, at).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err == nil && id%trimAlertsEvery == 0 {
		_, err = tx.Exec(sqlTrimAlerts, id-maxPastAlerts, tracker.MaxPastAlerts)
	}
	return err
}

// PastAlerts implements tracker.AlertStore.
func (s *Store) PastAlerts(ctx context.Context, project string, in tracker.TimeRange, limit int) ([]tracker.Alert, error) {
	rows, err := s.db.Read().QueryContext(ctx, sqlPastAlerts, append(between(in), project, min(limit, tracker.MaxPastAlerts))...)
	alerts, err := scanAll(rows, err, scanAlert)
	return alerts, readError("list past alerts", err)
}
