package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/sqlitedb"
)

const sqlViews = `SELECT id, name, is_default, search, project, environment, source, since, state, sort FROM views ORDER BY name, id`

// Views implements tracker.ViewStore.
func (s *Store) Views(ctx context.Context) ([]tracker.View, error) {
	rows, err := s.db.Read().QueryContext(ctx, sqlViews)
	all, err := scanAll(rows, err, func(rows *sql.Rows) (v tracker.View, err error) {
		return v, rows.Scan(&v.ID, &v.Name, &v.Default, &v.Search, &v.Project, &v.Environment, &v.Source, &v.Time, &v.State, &v.Sort)
	})
	return all, readError("list views", err)
}

// viewColumns are the columns of a view without its number.
func viewColumns(v *tracker.View) []any {
	return []any{v.Name, v.Default, v.Search, v.Project, v.Environment, string(v.Source), v.Time, string(v.State), string(v.Sort)}
}

// InsertView implements tracker.ViewStore.
func (s *Store) InsertView(ctx context.Context, v tracker.View) (tracker.View, error) {
	err := s.changeViews(ctx, &v, func(tx *sqlitedb.Tx) error {
		var n int
		if err := tx.QueryRow("SELECT count(*) FROM views").Scan(&n); err != nil {
			return err
		}
		if n >= tracker.MaxViews {
			return errs.New(errs.Conflict, "there are %d views, which is the limit: delete one first", n)
		}
		res, err := tx.Exec("INSERT INTO views (name, is_default, search, project, environment, source, since, state, sort) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
			viewColumns(&v)...)
		if err != nil {
			return err
		}
		v.ID, err = res.LastInsertId()
		return err
	})
	if err != nil {
		return tracker.View{}, fmt.Errorf("add view: %w", err)
	}
	return v, nil
}

// UpdateView implements tracker.ViewStore.
func (s *Store) UpdateView(ctx context.Context, before, v tracker.View) error {
	err := s.changeViews(ctx, &v, func(tx *sqlitedb.Tx) error {
		var same bool
		err := tx.QueryRow(`SELECT name = ? COLLATE BINARY AND is_default = ? AND search = ? AND project = ? AND environment = ? AND source = ? AND since = ? AND state = ? AND sort = ?
			FROM views WHERE id = ?`, append(viewColumns(&before), v.ID)...).Scan(&same)
		if err == nil && !same {
			return errs.New(errs.Conflict, "the view %q was changed by somebody else in the meantime", before.Name)
		}
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		return changedView(tx, v.ID, "UPDATE views SET name = ?, is_default = ?, search = ?, project = ?, environment = ?, source = ?, since = ?, state = ?, sort = ? WHERE id = ?",
			append(viewColumns(&v), v.ID)...)
	})
	if err != nil {
		return fmt.Errorf("change view: %w", err)
	}
	return nil
}

// changeViews runs a change that gives v its name, and makes it the only default
// if it is to be that. It is a person's, and so also runs on a disk that is too
// full for reports.
func (s *Store) changeViews(ctx context.Context, v *tracker.View, f func(*sqlitedb.Tx) error) error {
	return s.db.Maintain(ctx, func(tx *sqlitedb.Tx) error {
		var other int64
		err := tx.QueryRow("SELECT id FROM views WHERE name = ? AND id <> ?", v.Name, v.ID).Scan(&other)
		if err == nil {
			return errs.New(errs.Conflict, "there is a view %q already, with the id %d", v.Name, other)
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if v.Default {
			if _, err := tx.Exec("UPDATE views SET is_default = 0 WHERE is_default = 1 AND id <> ?", v.ID); err != nil {
				return err
			}
		}
		return f(tx)
	})
}

// DeleteView implements tracker.ViewStore.
func (s *Store) DeleteView(ctx context.Context, id int64) error {
	err := s.db.Maintain(ctx, func(tx *sqlitedb.Tx) error {
		return changedView(tx, id, "DELETE FROM views WHERE id = ?", id)
	})
	if err != nil {
		return fmt.Errorf("delete view: %w", err)
	}
	return nil
}

// changedView runs a statement that changes one view.
func changedView(tx *sqlitedb.Tx, id int64, query string, args ...any) error {
	res, err := tx.Exec(query, args...)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); n > 0 || err != nil {
		return err
	}
	return errs.New(errs.NotFound, "there is no view %d", id)
}
