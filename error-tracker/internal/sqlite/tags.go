package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// Values of a tag that are counted for a hash in one environment and release: they
// come from outside. Those of people get more room.
const (
	maxTagRows       = 200
	maxUserTagRows   = 1000
	maxCachedTags    = 8192
	maxCachedTagRows = 4096
)

// tagScope is where values of tags are told apart.
type tagScope struct{ hash, environment, release int64 }

type tagKey struct {
	project     int64
	name, value string
}

// countTags adds r to the counters of h by tag.
func (s *Store) countTags(tx *sqlitedb.Tx, r *record, h *hashEntry) error {
	if len(r.tags) == 0 {
		return nil
	}
	ids := make([]int64, len(r.tags)) // 0 of those that are not in the database
	for i, t := range r.tags {
		id, err := s.mem.tag(tx, tagKey{r.project, t.Name, t.Value})
		if err != nil {
			return err
		}
		ids[i] = id
	}
	rows, err := tx.Query(`UPDATE hash_tags SET n = n + 1, first = min(first, ?1), last = max(last, ?1)
		WHERE hash_id = ?2 AND environment_id = ?3 AND release_id = ?4 AND tag_id IN (SELECT value FROM json_each(?5)) RETURNING tag_id`,
		r.at, h.id, r.environment, r.release, jsonIDs(ids))
	if err != nil {
		return err
	}
	defer rows.Close()
	var counted []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return err
		}
		counted = append(counted, id)
	}
	if err := rows.Err(); err != nil || len(counted) == len(ids) {
		return err
	}
	for i, id := range ids {
		if slices.Contains(counted, id) {
			continue
		}
		if err := s.addTag(tx, r, h, id, r.tags[i]); err != nil {
			return err
		}
	}
	return nil
}

// addTag counts a tag that is new in its environment and release, if there is room.
// id is 0 for one that is not in the database, where it comes only when it is counted:
// values come from outside.
func (s *Store) addTag(tx *sqlitedb.Tx, r *record, h *hashEntry, id int64, t event.Tag) error {
	names, err := s.mem.tagRowsOf(tx, tagScope{h.id, r.environment, r.release})
	if err != nil {
		return err
	}
	most := maxTagRows
	if strings.HasPrefix(t.Name, "user.") {
		most = maxUserTagRows
	}
	if names[t.Name] >= most {
		return nil
	}
	if id == 0 {
		res, err := tx.Exec("INSERT INTO tags (project_id, name, value) VALUES (?, ?, ?)", r.project, t.Name, t.Value)
		if err != nil {
			return err
		}
		if id, err = res.LastInsertId(); err != nil {
			return err
		}
		s.mem.rememberTag(tagKey{r.project, t.Name, t.Value}, id)
	}
	name := t.Name
	if _, ok := names[name]; !ok {
		name = strings.Clone(name) // it is a part of an event
	}
	names[name]++
	_, err = tx.Exec(`INSERT INTO hash_tags (tag_id, hash_id, environment_id, release_id, issue_id, n, first, last) VALUES (?, ?, ?, ?, ?, 1, ?, ?)
		ON CONFLICT DO NOTHING`, id, h.id, r.environment, r.release, h.issue, r.at, r.at)
	return err
}

// tag returns the number of a tag, 0 when it is not in the database.
func (m *memory) tag(tx *sqlitedb.Tx, k tagKey) (int64, error) {
	if id, ok := m.tags[k]; ok {
		return id, nil
	}
	var id int64
	err := tx.QueryRow("SELECT id FROM tags WHERE name = ? AND value = ? AND project_id = ?", k.name, k.value, k.project).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	m.rememberTag(k, id)
	return id, nil
}

// rememberTag keeps copies, because the texts are parts of an event, which would be
// kept as a whole.
func (m *memory) rememberTag(k tagKey, id int64) {
	k.name, k.value = strings.Clone(k.name), strings.Clone(k.value)
	remember(m.tags, maxCachedTags, k, id)
}

// forgetTags drops tags that no event has any more: their values may be of people.
func (s *Store) forgetTags(ctx context.Context, limit int) error {
	const unused = "NOT EXISTS (SELECT 1 FROM hash_tags h WHERE h.tag_id = tags.id)"
	rows, err := s.db.Read().QueryContext(ctx, "SELECT id FROM tags WHERE "+unused+" LIMIT ?", limit)
	ids, err := scanAll(rows, err, func(rows *sql.Rows) (id int64, err error) {
		return id, rows.Scan(&id)
	})
	if err != nil {
		return sqlitedb.Classify(err)
	}
	for chunk := range slices.Chunk(ids, forgetBatch) {
		err := s.db.Maintain(ctx, func(tx *sqlitedb.Tx) error {
			tx.OnRollback(s.mem.lost)
			clear(s.mem.tags)
			_, err := tx.Exec("DELETE FROM tags WHERE id IN (SELECT value FROM json_each(?)) AND "+unused, jsonIDs(chunk))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// tagRowsOf tells how many values of each tag are counted in a scope.
func (m *memory) tagRowsOf(tx *sqlitedb.Tx, in tagScope) (map[string]int, error) {
	if names, ok := m.tagRows[in]; ok {
		return names, nil
	}
	rows, err := tx.Query(`SELECT t.name, count(*) FROM hash_tags c CROSS JOIN tags t ON t.id = c.tag_id
		WHERE c.hash_id = ? AND c.environment_id = ? AND c.release_id = ? GROUP BY t.name`, in.hash, in.environment, in.release)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names := make(map[string]int)
	for rows.Next() {
		var name string
		var n int64
		if err := rows.Scan(&name, &n); err != nil {
			return nil, err
		}
		names[name] = int(n)
	}
	remember(m.tagRows, maxCachedTagRows, in, names)
	return names, rows.Err()
}

// uncountTags takes the event out of the counters of its hash, as far as the
// event that takes its place has the same tags.
func (s *Store) uncountTags(tx *sqlitedb.Tx, r *record, hash, environment, release int64) error {
	for _, t := range r.tags {
		id, err := s.mem.tag(tx, tagKey{r.project, t.Name, t.Value})
		if err != nil {
			return err
		}
		_, err = tx.Exec("UPDATE hash_tags SET n = n - 1 WHERE tag_id = ? AND hash_id = ? AND environment_id = ? AND release_id = ?", id, hash, environment, release)
		if err != nil {
			return err
		}
	}
	delete(s.mem.tagRows, tagScope{hash, environment, release})
	_, err := tx.Exec("DELETE FROM hash_tags WHERE hash_id = ? AND n <= 0", hash)
	return err
}

// storedTags are the tags of an event as the database can hold them.
func storedTags(e *event.Event) []event.Tag {
	tags := tracker.SearchTags(e)
	for i := range tags {
		t := &tags[i]
		t.Name, t.Value = stored(t.Name, tracker.MaxSearchTagName), stored(t.Value, tracker.MaxSearchTagValue)
	}
	return tags
}

// jsonIDs is a list of numbers for json_each.
func jsonIDs(ids []int64) string {
	list := make([]byte, 0, 2+8*len(ids))
	list = append(list, '[')
	for i, id := range ids {
		if i > 0 {
			list = append(list, ',')
		}
		list = strconv.AppendInt(list, id, 10)
	}
	return string(append(list, ']'))
}
