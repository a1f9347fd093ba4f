package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/monlight/monlight/browser-relay/internal/sourcemap"
	"github.com/monlight/monlight/browser-relay/internal/symbolicate"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// Block implements sourcemap.BlockSource.
func (s *Store) Block(ctx context.Context, name sourcemap.Hash) ([]byte, error) {
	var data []byte
	err := s.db.Read().QueryRowContext(ctx, `SELECT data FROM block WHERE hash = ?`, name[:]).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, errs.New(errs.NotFound, "block %s is not there", name)
	}
	return data, sqlitedb.Classify(err)
}

// MapChanges implements symbolicate.Maps.
func (s *Store) MapChanges() uint64 { return s.changes.Load() }

// MapByDebugID implements symbolicate.Maps.
func (s *Store) MapByDebugID(ctx context.Context, project, debugID string) (id int64, found bool, err error) {
	if debugID == "" {
		return 0, false, nil
	}
	err = s.db.Read().QueryRowContext(ctx, `SELECT id FROM source_map WHERE project = ? AND debug_id = ? AND debug_id <> '' ORDER BY id DESC LIMIT 1`,
		project, debugID).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	return id, err == nil, sqlitedb.Classify(err)
}

// MapsByBase implements symbolicate.Maps.
func (s *Store) MapsByBase(ctx context.Context, project, release, base string) ([]symbolicate.Candidate, error) {
	rows, err := s.db.Read().QueryContext(ctx, `SELECT id, path FROM source_map WHERE project = ? AND release = ? AND base = ? ORDER BY id DESC LIMIT ?`,
		project, release, base, symbolicate.MaxCandidates)
	if err != nil {
		return nil, sqlitedb.Classify(err)
	}
	var list []symbolicate.Candidate
	err = each(rows, func() error {
		var c symbolicate.Candidate
		if err := rows.Scan(&c.ID, &c.Path); err != nil {
			return err
		}
		list = append(list, c)
		return nil
	})
	return list, err
}

// ReleasePaths implements symbolicate.Maps.
func (s *Store) ReleasePaths(ctx context.Context, project, release string, limit int) (paths []string, total int, err error) {
	if err := s.db.Read().QueryRowContext(ctx, `SELECT count(*) FROM source_map WHERE project = ? AND release = ?`, project, release).Scan(&total); err != nil {
		return nil, 0, sqlitedb.Classify(err)
	}
	rows, err := s.db.Read().QueryContext(ctx, `SELECT path FROM source_map WHERE project = ? AND release = ? ORDER BY base, id DESC LIMIT ?`, project, release, limit) //nolint:sqlclosecheck // each closes them
	if err != nil {
		return nil, 0, sqlitedb.Classify(err)
	}
	err = each(rows, func() error {
		var path string
		if err := rows.Scan(&path); err != nil {
			return err
		}
		paths = append(paths, path)
		return nil
	})
	return paths, total, err
}

// MapIndex implements symbolicate.Maps.
func (s *Store) MapIndex(ctx context.Context, id int64) ([]byte, error) {
	var data []byte
	err := s.db.Read().QueryRowContext(ctx, `SELECT index_data FROM source_map WHERE id = ?`, id).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, errs.New(errs.NotFound, "Source map not found")
	}
	return data, sqlitedb.Classify(err)
}

// UsedMap notes that a map was used; it is stored by FlushUsed.
func (s *Store) UsedMap(id int64) {
	s.usedMu.Lock()
	defer s.usedMu.Unlock()
	if s.used == nil {
		s.used = map[int64]time.Time{}
	}
	s.used[id] = time.Now()
}

// FlushUsed stores which maps were used when.
func (s *Store) FlushUsed(ctx context.Context) error {
	s.usedMu.Lock()
	used := s.used
	s.used = nil
	s.usedMu.Unlock()
	if len(used) == 0 {
		return nil
	}
	return s.db.Maintain(ctx, func(tx *sqlitedb.Tx) error {
		for id, at := range used {
			if _, err := tx.Exec(`UPDATE source_map SET last_used = ? WHERE id = ? AND last_used < ?`, millis(at), id, millis(at)-int64(time.Minute/time.Millisecond)); err != nil {
				return err
			}
		}
		return nil
	})
}
