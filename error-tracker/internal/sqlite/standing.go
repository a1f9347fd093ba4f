package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/release"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// standing is what was decided about an issue.
type standing struct {
	project  int64
	resolved bool
	fix      tracker.Fix
	muted    bool
	mute     tracker.Mute // everywhere
	mutes    int64        // in environments
	assignee string
}

// standingOf returns nil for an issue that is not there.
func standingOf(tx *sqlitedb.Tx, issue int64) (*standing, error) {
	var d standing
	var in string
	var until int64
	err := tx.QueryRow(`SELECT project_id, resolved, fixed_in, fixed_release, muted, muted_until, mute_events, mute_users, mutes, assignee
		FROM issues WHERE id = ?`, issue).
		Scan(&d.project, &d.resolved, &in, &d.fix.Release, &d.muted, &until, &d.mute.Events, &d.mute.Users, &d.mutes, &d.assignee)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // bulk changes skip what is not there
	}
	d.fix.In, d.mute.Until = tracker.FixIn(in), timeOf(until)
	return &d, err
}

// decide runs f for the issues that are there, and notes the activity that it
// returns; nil is none, when nothing changed.
func (s *Store) decide(ctx context.Context, what string, ids []int64, at time.Time, f func(tx *sqlitedb.Tx, id int64, d *standing) (*tracker.Activity, error)) ([]int64, error) {
	return s.each(ctx, what, ids, func(tx *sqlitedb.Tx, id int64) (bool, error) {
		d, err := standingOf(tx, id)
		if d == nil || err != nil {
			return false, err
		}
		a, err := f(tx, id, d)
		if a == nil || err != nil {
			return err == nil, err
		}
		a.At = at
		return true, note(tx, id, a)
	})
}

// Resolve implements tracker.Store.
func (s *Store) Resolve(ctx context.Context, ids []int64, f tracker.Fix, at time.Time) ([]int64, error) {
	newest := map[int64]release.Release{} // of projects
	return s.decide(ctx, "resolve", ids, at, func(tx *sqlitedb.Tx, id int64, d *standing) (*tracker.Activity, error) {
		fix, seen, err := settleFix(tx, f, id, d.project, at, newest)
		if err != nil || d.resolved && d.fix == fix {
			return nil, err
		}
		_, err = tx.Exec(`UPDATE issues SET resolved_at = CASE WHEN resolved = 1 THEN resolved_at ELSE ? END, resolved = 1,
			fixed_in = ?, fixed_release = ?, fixed_seen = ? WHERE id = ?`, at.UnixMilli(), string(fix.In), fix.Release, millis(seen), id)
		return &tracker.Activity{Kind: tracker.ActResolved, Fix: fix}, err
	})
}

// settleFix chooses the release of a fix, and tells when that was first seen.
func settleFix(tx *sqlitedb.Tx, f tracker.Fix, issue, project int64, at time.Time, newest map[int64]release.Release) (tracker.Fix, time.Time, error) {
	var r release.Release
	var err error
	switch {
	case f.In == tracker.FixAnywhere:
		return f, time.Time{}, nil
	case f.In == tracker.FixNext:
		var known bool
		if r, known = newest[project]; !known {
			r, err = newestRelease(tx, "SELECT name, created_at FROM releases WHERE project_id = ? ORDER BY id DESC LIMIT ?", project)
			newest[project] = r
		}
	case f.Release == "":
		r, err = newestRelease(tx, `SELECT DISTINCT n.name, n.created_at FROM hashes h CROSS JOIN hash_hour c ON c.hash_id = h.id
			JOIN releases n ON n.id = c.release_id WHERE h.issue_id = ? ORDER BY n.id DESC LIMIT ?`, issue)
	default:
		// It need not have been seen: then it begins now.
		r = release.Release{Name: stored(f.Release, maxShortText), Seen: at}
		var seen int64
		err = tx.QueryRow("SELECT created_at FROM releases WHERE project_id = ? AND name = ?", project, r.Name).Scan(&seen)
		if err == nil {
			r.Seen = timeOf(seen)
		} else if errors.Is(err, sql.ErrNoRows) {
			err = nil
		}
	}
	if r.Name == "" {
		f.In = tracker.FixAnywhere
	}
	f.Release = r.Name
	return f, r.Seen, err
}

// maxCompared bounds the releases among which the newest is looked for.
const maxCompared = 5000

// newestRelease is the newest of those that a query finds by an ID; without a
// name if it finds none.
func newestRelease(tx *sqlitedb.Tx, query string, id int64) (release.Release, error) {
	rows, err := tx.Query(query, id, maxCompared)
	if err != nil {
		return release.Release{}, err
	}
	defer rows.Close()
	var all []release.Release
	for rows.Next() {
		var r release.Release
		var seen int64
		if err := rows.Scan(&r.Name, &seen); err != nil {
			return release.Release{}, err
		}
		r.Seen = timeOf(seen)
		all = append(all, r)
	}
	newest, _ := release.Newest(all)
	return newest, rows.Err()
}

// ResolveStale implements tracker.Store.
func (s *Store) ResolveStale(ctx context.Context, project int64, t, at time.Time, limit int) (int, error) {
	n := 0
	err := s.db.Maintain(ctx, func(tx *sqlitedb.Tx) error {
		// Chosen and resolved in one transaction: no event can come in between.
		ids, err := queryIDs(tx, sqlStale, project, t.UnixMilli(), at.UnixMilli(), at.UnixMilli(), limit)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if _, err := tx.Exec("UPDATE issues SET resolved = 1, resolved_at = ?, fixed_in = '', fixed_release = '', fixed_seen = 0 WHERE id = ?", at.UnixMilli(), id); err != nil {
				return err
			}
			if err := note(tx, id, &tracker.Activity{At: at, Kind: tracker.ActAutoResolved}); err != nil {
				return err
			}
		}
		n = len(ids)
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("resolve stale issues: %w", err)
	}
	return n, nil
}

const sqlStale = `SELECT id FROM issues i WHERE resolved = 0 AND project_id = ? AND last_seen < ?
	AND NOT (muted = 1 AND (muted_until = 0 OR muted_until > ?))
	AND (mutes = 0 OR NOT EXISTS (SELECT 1 FROM issue_mutes m WHERE m.issue_id = i.id AND (m.until = 0 OR m.until > ?)))
	ORDER BY last_seen LIMIT ?`

// Unresolve implements tracker.Store.
func (s *Store) Unresolve(ctx context.Context, ids []int64, at time.Time) ([]int64, error) {
	return s.decide(ctx, "unresolve", ids, at, func(tx *sqlitedb.Tx, id int64, d *standing) (*tracker.Activity, error) {
		if !d.resolved {
			return nil, nil //nolint:nilnil // nothing changed
		}
		_, err := tx.Exec("UPDATE issues SET resolved = 0, resolved_at = 0, fixed_in = '', fixed_release = '', fixed_seen = 0 WHERE id = ?", id)
		return &tracker.Activity{Kind: tracker.ActUnresolved}, err
	})
}

// Mute implements tracker.Store.
func (s *Store) Mute(ctx context.Context, ids []int64, m tracker.Mute, at time.Time) ([]int64, error) {
	m.Until = timeOf(millis(m.Until))
	return s.decide(ctx, "mute", ids, at, func(tx *sqlitedb.Tx, id int64, d *standing) (*tracker.Activity, error) {
		if m.Environment != "" {
			return muteIn(tx, id, d.project, m)
		}
		if d.muted && d.mute == m {
			return nil, nil //nolint:nilnil // nothing changed
		}
		_, err := tx.Exec("UPDATE issues SET muted = 1, muted_until = ?, mute_events = ?, mute_users = ? WHERE id = ?", millis(m.Until), m.Events, m.Users, id)
		return &tracker.Activity{Kind: tracker.ActMuted, Mute: m}, err
	})
}

func muteIn(tx *sqlitedb.Tx, issue, project int64, m tracker.Mute) (*tracker.Activity, error) {
	var environment int64
	err := tx.QueryRow("SELECT id FROM environments WHERE project_id = ? AND name = ?", project, stored(m.Environment, maxShortText)).Scan(&environment)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, errs.New(errs.Invalid, "environment = %.60q, the project of error %d has none of that name", m.Environment, issue)
	}
	if err != nil {
		return nil, err
	}
	_, err = tx.Exec(`INSERT INTO issue_mutes (issue_id, environment_id, until, events, users) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET until = excluded.until, events = excluded.events, users = excluded.users`,
		issue, environment, millis(m.Until), m.Events, m.Users)
	if err != nil {
		return nil, err
	}
	n, err := countMutes(tx, issue)
	if err == nil && n > tracker.MaxMutesOfOne {
		err = errs.New(errs.Conflict, "error %d is muted in %d environments, which is the limit", issue, tracker.MaxMutesOfOne)
	}
	return &tracker.Activity{Kind: tracker.ActMuted, Mute: m}, err
}

// countMutes brings issues.mutes up to date.
func countMutes(tx *sqlitedb.Tx, issue int64) (n int64, err error) {
	err = tx.QueryRow("UPDATE issues SET mutes = (SELECT count(*) FROM issue_mutes WHERE issue_id = id) WHERE id = ? RETURNING mutes", issue).Scan(&n)
	return n, err
}

// Unmute implements tracker.Store.
func (s *Store) Unmute(ctx context.Context, ids []int64, environment string, at time.Time) ([]int64, error) {
	return s.decide(ctx, "unmute", ids, at, func(tx *sqlitedb.Tx, id int64, d *standing) (*tracker.Activity, error) {
		ended := environment == "" && d.muted && !d.mute.Ended(at)
		if environment == "" {
			if _, err := tx.Exec("UPDATE issues SET muted = 0, muted_until = 0, mute_events = 0, mute_users = 0 WHERE id = ?", id); err != nil {
				return nil, err
			}
		}
		if d.mutes > 0 {
			res, err := tx.Exec(`DELETE FROM issue_mutes WHERE issue_id = ?
				AND (? = '' OR environment_id = (SELECT id FROM environments WHERE project_id = ? AND name = ?))`, id, environment, d.project, stored(environment, maxShortText))
			if err != nil {
				return nil, err
			}
			n, err := res.RowsAffected()
			if err != nil {
				return nil, err
			}
			ended = ended || n > 0
			if _, err := countMutes(tx, id); err != nil {
				return nil, err
			}
		}
		if !ended {
			return nil, nil //nolint:nilnil // nothing changed
		}
		return &tracker.Activity{Kind: tracker.ActUnmuted, Mute: tracker.Mute{Environment: environment}}, nil
	})
}

// SetAssignee implements tracker.Store.
func (s *Store) SetAssignee(ctx context.Context, ids []int64, assignee string, at time.Time) ([]int64, error) {
	return s.decide(ctx, "assign", ids, at, func(tx *sqlitedb.Tx, id int64, d *standing) (*tracker.Activity, error) {
		if d.assignee == assignee {
			return nil, nil //nolint:nilnil // nothing changed
		}
		_, err := tx.Exec("UPDATE issues SET assignee = ? WHERE id = ?", assignee, id)
		return &tracker.Activity{Kind: tracker.ActAssigned, Text: assignee}, err
	})
}

// inherit decides about an issue as it was decided about another one of its project.
func inherit(tx *sqlitedb.Tx, issue, from int64) error {
	_, err := tx.Exec(`UPDATE issues SET (resolved, resolved_at, fixed_in, fixed_release, fixed_seen, muted, muted_until, mute_events, mute_users, mutes, assignee) =
		(SELECT resolved, resolved_at, fixed_in, fixed_release, fixed_seen, muted, muted_until, mute_events, mute_users, mutes, assignee FROM issues WHERE id = ?)
		WHERE id = ?`, from, issue)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO issue_mutes (issue_id, environment_id, until, events, users)
		SELECT ?, environment_id, until, events, users FROM issue_mutes WHERE issue_id = ?`, issue, from)
	return err
}
