package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// Dashboards implements metrics.DashboardStore.
func (s *Store) Dashboards(ctx context.Context) ([]metrics.Dashboard, error) {
	rows, err := s.db.Read().QueryContext(ctx, `SELECT slug, title, panels, changed FROM dashboard ORDER BY title, slug LIMIT ?`, metrics.MaxDashboards)
	if err != nil {
		return nil, sqlitedb.Classify(err)
	}
	var list []metrics.Dashboard
	_, err = each(rows, func() error {
		d, err := scanDashboard(rows)
		list = append(list, d)
		return err
	})
	return list, err
}

// Dashboard implements metrics.DashboardStore.
func (s *Store) Dashboard(ctx context.Context, slug string) (metrics.Dashboard, error) {
	row := s.db.Read().QueryRowContext(ctx, `SELECT slug, title, panels, changed FROM dashboard WHERE slug = ?`, slug)
	d, err := scanDashboard(row)
	if errors.Is(err, sql.ErrNoRows) {
		return d, errs.New(errs.NotFound, "there is no dashboard %q", slug)
	}
	return d, sqlitedb.Classify(err)
}

func scanDashboard(row interface{ Scan(...any) error }) (metrics.Dashboard, error) {
	var d metrics.Dashboard
	var panels string
	var changed int64
	if err := row.Scan(&d.Slug, &d.Title, &panels, &changed); err != nil {
		return d, err
	}
	d.Changed = time.UnixMilli(changed).UTC()
	if err := json.Unmarshal([]byte(panels), &d.Panels); err != nil {
		return d, fmt.Errorf("panels of dashboard %s: %w", d.Slug, err)
	}
	return d, nil
}

// SaveDashboard implements metrics.DashboardStore.
func (s *Store) SaveDashboard(ctx context.Context, d metrics.Dashboard) error {
	panels, err := json.Marshal(d.Panels)
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(tx *sqlitedb.Tx) error {
		var others int
		if err := tx.QueryRow(`SELECT count(*) FROM dashboard WHERE slug <> ?`, d.Slug).Scan(&others); err != nil {
			return err
		}
		if others >= metrics.MaxDashboards {
			return errs.New(errs.Conflict, "there are %d dashboards, which is the limit: delete one first", others)
		}
		_, err := tx.Exec(`INSERT INTO dashboard (slug, title, panels, changed) VALUES (?, ?, ?, ?)
			ON CONFLICT (slug) DO UPDATE SET title = excluded.title, panels = excluded.panels, changed = excluded.changed`,
			d.Slug, d.Title, string(panels), d.Changed.UnixMilli())
		return err
	})
}

// DeleteDashboard implements metrics.DashboardStore.
func (s *Store) DeleteDashboard(ctx context.Context, slug string) error {
	return s.db.Write(ctx, func(tx *sqlitedb.Tx) error {
		res, err := tx.Exec(`DELETE FROM dashboard WHERE slug = ?`, slug)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errs.Wrap(errs.NotFound, err, "there is no dashboard %q", slug)
		}
		return nil
	})
}
