package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/origin"
	"github.com/monlight/monlight/shared/sqlitedb"
)

const (
	sqlProjects = `SELECT p.id, p.name, p.created_at, (SELECT count(*) FROM issues i WHERE i.project_id = p.id) FROM projects p `
	sqlKeys     = `SELECT k.id, k.project_id, p.name, k.key, k.label, k.origins, k.rate, k.active, k.created_at, k.used_at
		FROM project_keys k JOIN projects p ON p.id = k.project_id `
)

func scanProject(rows *sql.Rows) (p tracker.Project, err error) {
	var created int64
	err = rows.Scan(&p.ID, &p.Name, &created, &p.Issues)
	p.CreatedAt = timeOf(created)
	return p, err
}

func scanKey(rows *sql.Rows) (k tracker.ProjectKey, err error) {
	var created, used int64
	var origins string
	err = rows.Scan(&k.ID, &k.ProjectID, &k.Project, &k.Key, &k.Label, &origins, &k.Rate, &k.Active, &created, &used)
	k.Origins, k.CreatedAt, k.UsedAt = origin.Parse(origins), timeOf(created), timeOf(used)
	return k, err
}

// ProjectList implements tracker.ProjectStore.
func (s *Store) ProjectList(ctx context.Context) (all []tracker.Project, err error) {
	err = s.snapshot(ctx, func(tx *sql.Tx) error {
		all, err = readProjects(ctx, tx, "ORDER BY p.name", "ORDER BY k.id")
		return err
	})
	return all, readError("list projects", err)
}

// Project implements tracker.ProjectStore.
func (s *Store) Project(ctx context.Context, id int64) (p tracker.Project, err error) {
	err = s.snapshot(ctx, func(tx *sql.Tx) error {
		found, err := readProjects(ctx, tx, "WHERE p.id = ?", "WHERE k.project_id = ? ORDER BY k.id", id)
		if err == nil && len(found) == 0 {
			err = projectNotFound(id)
		}
		if err == nil {
			p = found[0]
		}
		return err
	})
	return p, readError("read project", err)
}

func readProjects(ctx context.Context, tx *sql.Tx, which, keys string, args ...any) ([]tracker.Project, error) {
	rows, err := tx.QueryContext(ctx, sqlProjects+which, args...)
	projects, err := scanAll(rows, err, scanProject)
	if err != nil {
		return nil, err
	}
	rows, err = tx.QueryContext(ctx, sqlKeys+keys, args...)
	all, err := scanAll(rows, err, scanKey)
	if err != nil {
		return nil, err
	}
	byProject := make(map[int64][]tracker.ProjectKey)
	for _, k := range all {
		byProject[k.ProjectID] = append(byProject[k.ProjectID], k)
	}
	for i := range projects {
		projects[i].Keys = byProject[projects[i].ID]
	}
	return projects, nil
}

// AddProject implements tracker.ProjectStore.
func (s *Store) AddProject(ctx context.Context, name string, key tracker.ProjectKey, at time.Time) (tracker.Project, error) {
	name = stored(name, tracker.MaxProject)
	var id int64
	err := s.changeKeys(ctx, func(tx *sqlitedb.Tx) (err error) {
		var managed bool
		err = tx.QueryRow("SELECT id, managed FROM projects WHERE name = ?", name).Scan(&id, &managed)
		if err == nil {
			return errs.New(errs.Conflict, "there is a project %q already, with the id %d", name, id)
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if id, err = s.mem.addProject(tx, name, at.UnixMilli(), key); err != nil {
			return err
		}
		_, err = tx.Exec("UPDATE projects SET managed = 1 WHERE id = ?", id)
		return err
	})
	if err != nil {
		return tracker.Project{}, fmt.Errorf("add project: %w", err)
	}
	return s.Project(ctx, id)
}

// AddKey implements tracker.ProjectStore.
func (s *Store) AddKey(ctx context.Context, k tracker.ProjectKey) (tracker.ProjectKey, error) {
	err := s.changeKeys(ctx, func(tx *sqlitedb.Tx) error {
		var n int
		err := tx.QueryRow("SELECT (SELECT count(*) FROM project_keys WHERE project_id = p.id) FROM projects p WHERE id = ?", k.ProjectID).Scan(&n)
		if errors.Is(err, sql.ErrNoRows) {
			return projectNotFound(k.ProjectID)
		}
		if err != nil {
			return err
		}
		if n >= tracker.MaxKeysPerProject {
			return errs.New(errs.Conflict, "project %d has %d keys, the limit is %d", k.ProjectID, n, tracker.MaxKeysPerProject)
		}
		return insertKey(tx, k.ProjectID, k)
	})
	if err != nil {
		return tracker.ProjectKey{}, fmt.Errorf("add key: %w", err)
	}
	return s.FindKey(ctx, k.Key)
}

func insertKey(tx *sqlitedb.Tx, project int64, k tracker.ProjectKey) error {
	_, err := tx.Exec("INSERT INTO project_keys (project_id, key, label, origins, rate, active, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
		project, k.Key, stored(k.Label, tracker.MaxKeyLabel), strings.Join(k.Origins, "\n"), k.Rate, k.Active, k.CreatedAt.UnixMilli())
	return err
}

// SaveKey implements tracker.ProjectStore.
func (s *Store) SaveKey(ctx context.Context, k tracker.ProjectKey) (tracker.ProjectKey, error) {
	var text string
	err := s.changeKeys(ctx, func(tx *sqlitedb.Tx) error {
		err := tx.QueryRow(`UPDATE project_keys SET label = ?, origins = ?, rate = ?, active = ? WHERE id = ? AND project_id = ? RETURNING key`,
			stored(k.Label, tracker.MaxKeyLabel), strings.Join(k.Origins, "\n"), k.Rate, k.Active, k.ID, k.ProjectID).Scan(&text)
		if errors.Is(err, sql.ErrNoRows) {
			return errs.New(errs.NotFound, "project %d has no key %d", k.ProjectID, k.ID)
		}
		return err
	})
	if err != nil {
		return tracker.ProjectKey{}, fmt.Errorf("change key: %w", err)
	}
	return s.FindKey(ctx, text)
}

// KeysUsed implements tracker.ProjectStore. It does not clear the cache: only
// pages show when a key was used, and they read it from the table.
func (s *Store) KeysUsed(ctx context.Context, used map[int64]time.Time) error {
	err := s.db.Write(ctx, func(tx *sqlitedb.Tx) error {
		for id, at := range used {
			if _, err := tx.Exec("UPDATE project_keys SET used_at = max(used_at, ?) WHERE id = ?", at.Truncate(time.Hour).UnixMilli(), id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("note the use of keys: %w", err)
	}
	return nil
}

// changeKeys runs a change of projects or keys, which is a person's and so also
// runs on a disk that is too full for reports.
func (s *Store) changeKeys(ctx context.Context, f func(*sqlitedb.Tx) error) error {
	err := s.db.Maintain(ctx, func(tx *sqlitedb.Tx) error {
		tx.OnRollback(s.mem.lost)
		return f(tx)
	})
	s.keys.clear()
	return err
}

func projectNotFound(id int64) error {
	return errs.New(errs.NotFound, "there is no project %d", id)
}

// maxCachedKeys bounds the keys at hand, those that do not exist among them.
const maxCachedKeys = 4096

// keyCache holds keys that were asked for. Every change of a key empties it.
type keyCache struct {
	mu      sync.RWMutex
	byText  map[string]*tracker.ProjectKey // nil: there is none
	version int                            // counts the changes
}

func (c *keyCache) get(key string) (k *tracker.ProjectKey, known bool, version int) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	k, known = c.byText[key]
	return k, known, c.version
}

// put keeps what was read while the version was this one.
func (c *keyCache) put(key string, k *tracker.ProjectKey, version int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.version != version {
		return
	}
	if c.byText == nil {
		c.byText = make(map[string]*tracker.ProjectKey)
	}
	remember(c.byText, maxCachedKeys, key, k)
}

func (c *keyCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.byText)
	c.version++
}

// FindKey implements tracker.ProjectStore.
func (s *Store) FindKey(ctx context.Context, key string) (tracker.ProjectKey, error) {
	unknown := errs.New(errs.NotFound, "there is no such key")
	if len(key) != 32 {
		return tracker.ProjectKey{}, unknown
	}
	k, known, version := s.keys.get(key)
	if !known {
		rows, err := s.db.Read().QueryContext(ctx, sqlKeys+"WHERE k.key = ?", key)
		found, err := scanAll(rows, err, scanKey)
		if err != nil {
			return tracker.ProjectKey{}, readError("find key", err)
		}
		if len(found) > 0 {
			k = &found[0]
		}
		s.keys.put(strings.Clone(key), k, version)
	}
	if k == nil {
		return tracker.ProjectKey{}, unknown
	}
	return *k, nil
}
