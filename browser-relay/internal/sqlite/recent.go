package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// AddRecent implements relay.RecentStore.
func (s *Store) AddRecent(ctx context.Context, events []relay.RecentEvent) error {
	texts := make([][]byte, len(events))
	for i := range events {
		text, err := json.Marshal(events[i].Event)
		if err != nil {
			return err
		}
		texts[i] = text
	}
	if len(events) == 0 {
		return nil
	}
	return s.db.Write(ctx, func(tx *sqlitedb.Tx) error {
		for i := range events {
			if err := addRecent(tx, &events[i], texts[i]); err != nil {
				return err
			}
		}
		_, err := tx.Exec(`DELETE FROM recent_event WHERE id <= (SELECT max(id) FROM recent_event) - ?`, relay.MaxRecent)
		return err
	})
}

func addRecent(tx *sqlitedb.Tx, e *relay.RecentEvent, text []byte) error {
	res, err := tx.Exec(`INSERT INTO recent_event (key_id, project, at, event) VALUES (?, ?, ?, ?)`, e.KeyID, e.Project, millis(e.At), text)
	if err != nil {
		return err
	}
	id, err := res.LastInsertId()
	if err != nil {
		return err
	}
	for _, m := range e.Missing {
		if _, err := tx.Exec(`INSERT INTO missing_map (event_id, project, release, file, debug_id) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			id, e.Project, m.Release, m.File, m.DebugID); err != nil {
			return err
		}
	}
	return nil
}

// RecentFor implements relay.RecentStore.
func (s *Store) RecentFor(ctx context.Context, project string, m relay.MissingMap, n int) ([]relay.RecentEvent, error) {
	rows, err := s.db.Read().QueryContext(ctx, `SELECT id, key_id, at, event FROM recent_event WHERE id IN (
			SELECT event_id FROM missing_map WHERE project = ?1 AND release = ?2 AND file = ?3
			UNION SELECT event_id FROM missing_map WHERE project = ?1 AND debug_id = ?4 AND debug_id <> '')
		ORDER BY id DESC LIMIT ?5`, project, m.Release, m.File, m.DebugID, n)
	if err != nil {
		return nil, sqlitedb.Classify(err)
	}
	var list []relay.RecentEvent
	err = each(rows, func() error {
		e := relay.RecentEvent{Project: project}
		var at int64
		var text []byte
		if err := rows.Scan(&e.ID, &e.KeyID, &at, &text); err != nil {
			return err
		}
		if err := json.Unmarshal(text, &e.Event); err != nil {
			return fmt.Errorf("recent event %d: %w", e.ID, err)
		}
		e.At = fromMillis(at)
		list = append(list, e)
		return nil
	})
	return list, err
}

// RemoveRecent implements relay.RecentStore.
func (s *Store) RemoveRecent(ctx context.Context, ids []int64) error {
	return s.db.Maintain(ctx, func(tx *sqlitedb.Tx) error {
		for _, id := range ids {
			if _, err := tx.Exec(`DELETE FROM recent_event WHERE id = ?`, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// ForgetRecent implements relay.RecentStore.
func (s *Store) ForgetRecent(ctx context.Context, before time.Time, keep int) error {
	return s.db.Maintain(ctx, func(tx *sqlitedb.Tx) error {
		if _, err := tx.Exec(`DELETE FROM recent_event WHERE at < ?`, millis(before)); err != nil {
			return err
		}
		_, err := tx.Exec(`DELETE FROM recent_event WHERE id <= (SELECT id FROM recent_event ORDER BY id DESC LIMIT 1 OFFSET ?)`, keep)
		return err
	})
}

// MissingMaps implements relay.RecentStore.
func (s *Store) MissingMaps(ctx context.Context, n int) ([]relay.WantedMap, error) {
	rows, err := s.db.Read().QueryContext(ctx, `SELECT m.project, m.release, m.file, m.debug_id, count(*) AS events, max(e.at)
		FROM missing_map m JOIN recent_event e ON e.id = m.event_id
		GROUP BY m.project, m.release, m.file, m.debug_id ORDER BY events DESC, max(e.at) DESC LIMIT ?`, n)
	if err != nil {
		return nil, sqlitedb.Classify(err)
	}
	var list []relay.WantedMap
	err = each(rows, func() error {
		var w relay.WantedMap
		var last int64
		if err := rows.Scan(&w.Project, &w.Release, &w.File, &w.DebugID, &w.Events, &last); err != nil {
			return err
		}
		w.Last = fromMillis(last)
		list = append(list, w)
		return nil
	})
	return list, err
}
