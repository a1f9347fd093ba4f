package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// maxTrafficRows bounds the kinds of one hour; what is over it is counted
// without its SDK.
const maxTrafficRows = 5000

// AddTraffic implements relay.TrafficStore.
func (s *Store) AddTraffic(ctx context.Context, hour time.Time, counts map[relay.Count]int64) error {
	return s.db.Maintain(ctx, func(tx *sqlitedb.Tx) error {
		var have int
		if err := tx.QueryRow(`SELECT count(*) FROM traffic WHERE hour = ?`, hour.Unix()).Scan(&have); err != nil {
			return err
		}
		for c, n := range counts {
			if have += 1; have > maxTrafficRows {
				c.SDK = ""
			}
			if _, err := tx.Exec(`INSERT INTO traffic (hour, key_id, sdk, what, reason, n) VALUES (?, ?, ?, ?, ?, ?)
				ON CONFLICT (hour, key_id, sdk, what, reason) DO UPDATE SET n = n + excluded.n`,
				hour.Unix(), c.Key, c.SDK, c.What, c.Reason, n); err != nil {
				return err
			}
		}
		return nil
	})
}

// Traffic implements relay.TrafficStore.
func (s *Store) Traffic(ctx context.Context, from time.Time) ([]relay.HourCount, error) {
	rows, err := s.db.Read().QueryContext(ctx, `SELECT hour, key_id, sdk, what, reason, n FROM traffic WHERE hour >= ? ORDER BY hour`, from.Unix())
	if err != nil {
		return nil, sqlitedb.Classify(err)
	}
	var list []relay.HourCount
	err = each(rows, func() error {
		var c relay.HourCount
		var hour int64
		if err := rows.Scan(&hour, &c.Key, &c.SDK, &c.What, &c.Reason, &c.N); err != nil {
			return err
		}
		c.Hour = time.Unix(hour, 0).UTC()
		list = append(list, c)
		return nil
	})
	return list, err
}

// ForgetTraffic implements relay.TrafficStore.
func (s *Store) ForgetTraffic(ctx context.Context, before time.Time) error {
	return s.db.Maintain(ctx, func(tx *sqlitedb.Tx) error {
		_, err := tx.Exec(`DELETE FROM traffic WHERE hour < ?`, before.Unix())
		return err
	})
}

// SaveRejections implements relay.TrafficStore.
func (s *Store) SaveRejections(ctx context.Context, list []relay.Rejection) error {
	text, err := json.Marshal(list)
	if err != nil {
		return err
	}
	return s.db.Maintain(ctx, func(tx *sqlitedb.Tx) error {
		_, err := tx.Exec(`INSERT INTO rejection (id, list) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET list = excluded.list`, string(text))
		return err
	})
}

// Rejections implements relay.TrafficStore.
func (s *Store) Rejections(ctx context.Context) ([]relay.Rejection, error) {
	var text string
	err := s.db.Read().QueryRowContext(ctx, `SELECT list FROM rejection`).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, sqlitedb.Classify(err)
	}
	var list []relay.Rejection
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, fmt.Errorf("list of refused requests: %w", err)
	}
	return list, nil
}
