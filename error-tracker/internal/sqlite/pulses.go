package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/sqlitedb"
)

const sqlPulses = `SELECT i.id, i.count, i.muted = 1 AND (i.muted_until = 0 OR i.muted_until > ?), p.issue_id IS NOT NULL, coalesce(p.at < ?, 0),
	coalesce(p.counted, 0), coalesce(p.slots, '[]'), coalesce(p.alerted_at, 0)
	FROM issues i LEFT JOIN pulses p ON p.issue_id = i.id
	WHERE i.resolved = 0 AND i.last_seen >= ? AND i.project_id = ? AND i.count <> coalesce(p.counted, -1)
	ORDER BY i.last_seen DESC LIMIT ?`

// Frequencies implements tracker.FrequencyStore.
func (s *Store) Frequencies(ctx context.Context) (map[int64]tracker.Frequency, error) {
	rows, err := s.db.Read().QueryContext(ctx, `SELECT project_id, settings ->> '$.alerts.frequency_events', settings ->> '$.alerts.frequency_minutes'
		FROM project_settings WHERE settings ->> '$.alerts.frequency_events' > 0 AND settings ->> '$.alerts.frequency_minutes' > 0`)
	all := map[int64]tracker.Frequency{}
	_, err = scanAll(rows, err, func(rows *sql.Rows) (none struct{}, err error) {
		var id int64
		var f tracker.Frequency
		err = rows.Scan(&id, &f.Events, &f.Minutes)
		all[id] = f
		return none, err
	})
	return all, readError("list rules of frequency", err)
}

// Pulses implements tracker.FrequencyStore.
func (s *Store) Pulses(ctx context.Context, project int64, since, window, now time.Time, limit int) ([]tracker.Pulse, error) {
	rows, err := s.db.Read().QueryContext(ctx, sqlPulses, now.UnixMilli(), window.UnixMilli(), since.UnixMilli(), project, limit)
	pulses, err := scanAll(rows, err, func(rows *sql.Rows) (tracker.Pulse, error) {
		p := tracker.Pulse{ProjectID: project}
		var slots string
		var alerted int64
		if err := rows.Scan(&p.IssueID, &p.Count, &p.Muted, &p.Known, &p.Late, &p.Counted, &slots, &alerted); err != nil {
			return p, err
		}
		p.AlertedAt = timeOf(alerted)
		var pairs [][2]int64
		err := json.Unmarshal([]byte(slots), &pairs)
		for _, pair := range pairs {
			p.Slots = append(p.Slots, tracker.Slot{Minute: pair[0], Events: pair[1]})
		}
		return p, err
	})
	if err != nil {
		return nil, readError("look for frequent issues", err)
	}
	for i := range pulses {
		if p := &pulses[i]; !p.Known || p.Late {
			if p.Recent, err = s.recentEvents(ctx, p.IssueID, p.Count, window); err != nil {
				return nil, readError("count recent events", err)
			}
		}
	}
	return pulses, nil
}

// recentEvents counts the events of an issue since t: by those that are kept, which
// is exact when an older one is among them, and else by the hours.
func (s *Store) recentEvents(ctx context.Context, issue, count int64, t time.Time) (int64, error) {
	var kept, keptRecent, recent int64 // the first events of hashes are kept beside the newest
	err := s.db.Read().QueryRowContext(ctx, `SELECT coalesce(sum(first = 0), 0), coalesce(sum(first = 0 AND received_at >= ?1), 0), coalesce(sum(received_at >= ?1), 0)
		FROM occurrences WHERE issue_id = ?2`, t.UnixMilli(), issue).Scan(&kept, &keptRecent, &recent)
	if err != nil || keptRecent < kept || kept < int64(s.keep) {
		return recent, err
	}
	err = s.db.Read().QueryRowContext(ctx, "SELECT coalesce(sum(c.n), 0) FROM hashes h CROSS JOIN hash_hour c ON c.hash_id = h.id WHERE h.issue_id = ? AND c.hour >= ?",
		issue, t.UnixMilli()/hourMillis).Scan(&recent)
	return min(recent, count), err
}

// SavePulses implements tracker.FrequencyStore.
func (s *Store) SavePulses(ctx context.Context, pulses []tracker.Pulse, alerts []int64, at time.Time) error {
	return s.change(ctx, "keep frequencies", func(tx *sqlitedb.Tx) error {
		for i := range pulses {
			if err := savePulse(tx, &pulses[i], at.UnixMilli()); err != nil {
				return err
			}
		}
		for _, issue := range alerts {
			// It may be gone, muted or merged since it was looked at: then nobody is told.
			if err := queueAlert(tx, tracker.AlertFrequent, issue, at.UnixMilli()); err != nil {
				return err
			}
		}
		return nil
	})
}

func savePulse(tx *sqlitedb.Tx, p *tracker.Pulse, at int64) error {
	pairs := make([][2]int64, len(p.Slots))
	for i, slot := range p.Slots {
		pairs[i] = [2]int64{slot.Minute, slot.Events}
	}
	slots, err := json.Marshal(pairs)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO pulses (issue_id, at, counted, slots, alerted_at) SELECT ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM issues WHERE id = ?)
		ON CONFLICT DO UPDATE SET at = excluded.at, counted = excluded.counted, slots = excluded.slots, alerted_at = excluded.alerted_at`,
		p.IssueID, at, p.Counted, string(slots), millis(p.AlertedAt), p.IssueID)
	return err
}

// ForgetPulses implements tracker.FrequencyStore.
func (s *Store) ForgetPulses(ctx context.Context, t time.Time, limit int) (n int, err error) {
	err = s.change(ctx, "forget frequencies", func(tx *sqlitedb.Tx) error {
		res, err := tx.Exec("DELETE FROM pulses WHERE issue_id IN (SELECT issue_id FROM pulses WHERE at < ? LIMIT ?)", t.UnixMilli(), limit)
		if err != nil {
			return err
		}
		dropped, err := res.RowsAffected()
		n = int(dropped)
		return err
	})
	return n, err
}

// forgetPulse has the events of an issue counted anew, because others came to it
// or left it.
func forgetPulse(tx *sqlitedb.Tx, issue int64) error {
	if _, err := tx.Exec("DELETE FROM pulses WHERE issue_id = ?", issue); err != nil {
		return fmt.Errorf("forget the frequency of issue %d: %w", issue, err)
	}
	return nil
}
