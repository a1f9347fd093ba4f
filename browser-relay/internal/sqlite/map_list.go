package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/sqlitedb"
)

const listMaps = `SELECT id, project, release, file_url, path, debug_id, uploaded_by, uploaded, last_used, bytes, segments, sources, with_content, names
	FROM source_map WHERE ` + mapMatches + ` AND id > ?5 ORDER BY id LIMIT ?6`

const mapMatches = `(?1 = '' OR project = ?1) AND (?2 = '' OR release = ?2) AND (?3 = '' OR debug_id = ?3)
	AND (?4 = '' OR instr(lower(file_url), lower(?4)) > 0 OR instr(lower(release), lower(?4)) > 0 OR instr(lower(debug_id), lower(?4)) > 0)`

// SourceMaps implements relay.MapStore.
func (s *Store) SourceMaps(ctx context.Context, f relay.MapFilter) ([]relay.SourceMap, error) {
	if f.Limit <= 0 || f.Limit > relay.MaxMapsListed {
		f.Limit = relay.MaxMapsListed
	}
	rows, err := s.db.Read().QueryContext(ctx, listMaps, f.Project, f.Release, f.DebugID, f.Text, f.After, f.Limit)
	if err != nil {
		return nil, sqlitedb.Classify(err)
	}
	var list []relay.SourceMap
	err = each(rows, func() error {
		var m relay.SourceMap
		var uploaded, used int64
		if err := rows.Scan(&m.ID, &m.Project, &m.Release, &m.FileURL, &m.Path, &m.DebugID, &m.By, &uploaded, &used,
			&m.Bytes, &m.Segments, &m.Sources, &m.WithContent, &m.Names); err != nil {
			return err
		}
		m.Uploaded, m.LastUsed = fromMillis(uploaded), fromMillis(used)
		list = append(list, m)
		return nil
	})
	return list, err
}

// CountMaps implements relay.MapStore.
func (s *Store) CountMaps(ctx context.Context, f relay.MapFilter) (n int64, err error) {
	err = s.db.Read().QueryRowContext(ctx, `SELECT count(*) FROM source_map WHERE `+mapMatches, f.Project, f.Release, f.DebugID, f.Text).Scan(&n)
	return n, sqlitedb.Classify(err)
}

// MapReleases implements relay.MapStore.
func (s *Store) MapReleases(ctx context.Context, n int) ([]relay.MapRelease, error) {
	rows, err := s.db.Read().QueryContext(ctx, `SELECT project, release, count(*), sum(bytes), max(uploaded), max(last_used) FROM source_map
		GROUP BY project, release ORDER BY max(uploaded) DESC LIMIT ?`, n)
	if err != nil {
		return nil, sqlitedb.Classify(err)
	}
	var list []relay.MapRelease
	err = each(rows, func() error {
		var r relay.MapRelease
		var uploaded, used int64
		if err := rows.Scan(&r.Project, &r.Release, &r.Maps, &r.Bytes, &uploaded, &used); err != nil {
			return err
		}
		r.Uploaded, r.LastUsed = fromMillis(uploaded), fromMillis(used)
		list = append(list, r)
		return nil
	})
	return list, err
}

// DeleteMap implements relay.MapStore.
func (s *Store) DeleteMap(ctx context.Context, id int64) error {
	var n int
	if err := s.db.Read().QueryRowContext(ctx, `SELECT count(*) FROM source_map WHERE id = ?`, id).Scan(&n); err != nil {
		return sqlitedb.Classify(err)
	}
	if n == 0 {
		return errs.New(errs.NotFound, "Source map not found")
	}
	return s.deleteMap(ctx, id)
}

// DeleteOldMaps deletes maps that were neither uploaded nor used since a time,
// then the least recently used ones as long as all of them have more than
// maxBytes, and the blocks that nobody needs.
func (s *Store) DeleteOldMaps(ctx context.Context, before time.Time, maxBytes int64) (n int64, err error) {
	for {
		id, err := s.oldestMap(ctx, before, maxBytes)
		if err != nil {
			return n, err
		}
		if id == 0 {
			break
		}
		if err := s.deleteMap(ctx, id); err != nil {
			return n, err
		}
		n++
	}
	return n, s.DeleteOrphans(ctx)
}

// oldestMap returns the map that has to go next, 0 if none has.
func (s *Store) oldestMap(ctx context.Context, before time.Time, maxBytes int64) (int64, error) {
	var id, used, stored int64
	var count int
	if err := s.db.Read().QueryRowContext(ctx, `SELECT count(*), coalesce((SELECT sum(length(data)) FROM block), 0) FROM source_map`).Scan(&count, &stored); err != nil {
		return 0, sqlitedb.Classify(err)
	}
	if count == 0 {
		return 0, nil
	}
	err := s.db.Read().QueryRowContext(ctx, `SELECT id, max(uploaded, last_used) AS used FROM source_map ORDER BY used, id LIMIT 1`).Scan(&id, &used)
	if err != nil {
		return 0, fmt.Errorf("oldest map: %w", sqlitedb.Classify(err))
	}
	if used < before.UnixMilli() || stored > maxBytes {
		return id, nil
	}
	return 0, nil
}

// StoredBytes is the size of the blocks of all maps.
func (s *Store) StoredBytes(ctx context.Context) (n int64, err error) {
	err = s.db.Read().QueryRowContext(ctx, `SELECT coalesce(sum(length(data)), 0) FROM block`).Scan(&n)
	return n, sqlitedb.Classify(err)
}
