package sqlite

import (
	"database/sql"
	"errors"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// Most entries of each map. A map that is full loses any one for a new one.
const (
	maxCachedHashes = 8192
	maxCachedNames  = 1024
)

// memory is what the writer remembers of the database, so that most events need
// no look-up. Only functions that run inside a write may touch it: they run one
// after the other. What is taken back takes all of it along, see lost.
type memory struct {
	projects     map[string]int64
	environments map[nameKey]int64
	releases     map[nameKey]int64
	hashes       map[hashKey]*hashEntry
	tags         map[tagKey]int64
	tagRows      map[tagScope]map[string]int // values by scope and name
	floods       floods
	keys         *keyCache // of the store
}

type nameKey struct {
	project int64
	name    string
}

type hashKey struct {
	project int64
	hash    tracker.Hash
}

// hashEntry is a row of hashes that was looked up.
type hashEntry struct {
	id      int64
	issue   int64
	browser bool // an event from a web page is known
}

func newMemory(keys *keyCache) *memory {
	return &memory{
		keys:         keys,
		projects:     make(map[string]int64),
		environments: make(map[nameKey]int64),
		releases:     make(map[nameKey]int64),
		hashes:       make(map[hashKey]*hashEntry),
		tags:         make(map[tagKey]int64),
		tagRows:      make(map[tagScope]map[string]int),
		floods:       make(floods),
	}
}

// lost forgets everything, after a transaction that was taken back.
func (m *memory) lost() {
	clear(m.projects)
	clear(m.environments)
	clear(m.releases)
	clear(m.hashes)
	clear(m.tags)
	clear(m.tagRows)
}

// moved forgets the hashes, after issues were merged, taken apart or deleted.
func (m *memory) moved() { clear(m.hashes) }

func remember[K comparable, V any](m map[K]V, most int, k K, v V) {
	if len(m) >= most {
		for any := range m { // the order of maps is random enough
			delete(m, any)
			break
		}
	}
	m[k] = v
}

// project returns the number of a project, which it adds when it is new.
func (m *memory) project(tx *sqlitedb.Tx, name string, at int64) (int64, error) {
	if id, ok := m.projects[name]; ok {
		return id, nil
	}
	var id int64
	err := tx.QueryRow("SELECT id FROM projects WHERE name = ?", name).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		key := tracker.ProjectKey{Key: tracker.NewProjectKey(), Label: "Default", Active: true, CreatedAt: timeOf(at)}
		if id, err = m.addProject(tx, name, at, key); err != nil {
			return 0, err
		}
	} else if err != nil {
		return 0, err
	}
	remember(m.projects, maxCachedNames, name, id)
	return id, nil
}

// addProject takes the place of a project without issues when there are as many
// as there may be: names come from outside, and the wrong ones must not stay
// for ever.
func (m *memory) addProject(tx *sqlitedb.Tx, name string, at int64, key tracker.ProjectKey) (int64, error) {
	var n int64
	if err := tx.QueryRow("SELECT count(*) FROM projects").Scan(&n); err != nil {
		return 0, err
	}
	if n >= MaxProjects {
		removed, err := m.removeEmptyProject(tx)
		if err != nil {
			return 0, err
		}
		n -= removed
	}
	if n >= MaxProjects {
		return 0, errs.New(errs.Invalid, "project %q would be number %d, the limit is %d", name, n+1, MaxProjects)
	}
	res, err := tx.Exec("INSERT INTO projects (name, created_at) VALUES (?, ?)", name, at)
	if err != nil {
		return 0, err
	}
	id, err := res.LastInsertId()
	if err != nil {
		return 0, err
	}
	return id, insertKey(tx, id, key)
}

// removeEmptyProject removes one project without issues that nobody made by
// hand, if there is one, and returns how many it removed.
func (m *memory) removeEmptyProject(tx *sqlitedb.Tx) (int64, error) {
	var id int64
	err := tx.QueryRow("SELECT id FROM projects p WHERE managed = 0 AND NOT EXISTS (SELECT 1 FROM hashes h WHERE h.project_id = p.id) LIMIT 1").Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	for _, remove := range []string{
		"DELETE FROM environments WHERE project_id = ?",
		"DELETE FROM deploys WHERE project_id = ?",
		"DELETE FROM releases WHERE project_id = ?",
		"DELETE FROM tags WHERE project_id = ?",
		"DELETE FROM project_keys WHERE project_id = ?",
		"DELETE FROM sessions WHERE project_id = ?",
		"DELETE FROM ingest WHERE project_id = ?",
		"DELETE FROM projects WHERE id = ?",
	} {
		if _, err := tx.Exec(remove, id); err != nil {
			return 0, err
		}
	}
	m.lost()
	m.keys.clear()
	return 1, nil
}

func (m *memory) environment(tx *sqlitedb.Tx, project int64, name string, at int64) (int64, error) {
	return nameID(tx, m.environments, nameKey{project, name}, at, maxNewEnvironments,
		"SELECT id FROM environments WHERE project_id = ? AND name = ?",
		"SELECT count(*) FROM environments WHERE project_id = ? AND created_at > ?",
		"INSERT INTO environments (project_id, name, created_at) VALUES (?, ?, ?)")
}

func (m *memory) release(tx *sqlitedb.Tx, project int64, name string, at int64) (int64, error) {
	return nameID(tx, m.releases, nameKey{project, name}, at, maxNewReleases,
		"SELECT id FROM releases WHERE project_id = ? AND name = ?",
		"SELECT count(*) FROM releases WHERE project_id = ? AND created_at > ?",
		"INSERT INTO releases (project_id, name, created_at) VALUES (?, ?, ?)")
}

// nameID returns the number of a name, 0 for no name. Names come from outside,
// so only so many new ones are taken in a day.
func nameID(tx *sqlitedb.Tx, cache map[nameKey]int64, k nameKey, at int64, most int64, find, count, add string) (int64, error) {
	const day = 24 * 60 * 60 * 1000
	if k.name == "" {
		return 0, nil
	}
	if len(k.name) > maxShortText {
		k.name = cut(k.name, maxShortText)
	}
	if id, ok := cache[k]; ok {
		return id, nil
	}
	var id int64
	err := tx.QueryRow(find, k.project, k.name).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		var n int64
		if err := tx.QueryRow(count, k.project, at-day).Scan(&n); err != nil {
			return 0, err
		}
		if n >= most && k.name != otherName {
			return nameID(tx, cache, nameKey{k.project, otherName}, at, most, find, count, add)
		}
		res, err := tx.Exec(add, k.project, k.name, at)
		if err != nil {
			return 0, err
		}
		if id, err = res.LastInsertId(); err != nil {
			return 0, err
		}
	} else if err != nil {
		return 0, err
	}
	remember(cache, maxCachedNames, k, id)
	return id, nil
}
