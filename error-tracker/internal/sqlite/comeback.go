package sqlite

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/release"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// comesBack tells whether r reopens a resolved issue.
func comesBack(tx *sqlitedb.Tx, r *record, issue int64) (bool, error) {
	var fix tracker.Fix
	var in string
	var fixed, seen, mutes int64
	err := tx.QueryRow(`SELECT fixed_in, fixed_release, fixed_seen, mutes, coalesce((SELECT created_at FROM releases WHERE id = ?), 0) FROM issues WHERE id = ?`,
		r.release, issue).Scan(&in, &fix.Release, &fixed, &mutes, &seen)
	if err != nil {
		return false, fmt.Errorf("issue %d of a known hash: %w", issue, err)
	}
	if mutes > 0 {
		m, err := muteOf(tx, issue, r.environment)
		if err != nil || m != nil && !m.Ended(timeOf(r.at)) {
			return false, err
		}
	}
	fix.In = tracker.FixIn(in)
	of := release.Release{Name: stored(r.event.Release, maxShortText), Seen: timeOf(seen)}
	return fix.Reopens(release.Release{Name: fix.Release, Seen: timeOf(fixed)}, of), nil
}

// reopen brings a resolved issue back and queues an alert unless it is muted.
func reopen(tx *sqlitedb.Tx, r *record, issue int64) error {
	var muted bool
	err := tx.QueryRow(`UPDATE issues SET resolved = 0, was_resolved = resolved_at, resolved_at = 0, fixed_in = '', fixed_release = '', fixed_seen = 0, regressed_at = ?, regressed_release = ?
		WHERE id = ? RETURNING muted = 1 AND (muted_until = 0 OR muted_until > ?)`, r.at, r.release, issue, r.at).Scan(&muted)
	if err != nil {
		return fmt.Errorf("issue %d of a known hash: %w", issue, err)
	}
	err = note(tx, issue, &tracker.Activity{At: timeOf(r.at), Kind: tracker.ActRegressed, Release: stored(r.event.Release, maxShortText)})
	if muted || err != nil {
		return err
	}
	return queueAlert(tx, tracker.AlertRegressed, issue, r.at)
}

// muteOf is the mute of an issue in an environment, nil if there is none.
func muteOf(tx *sqlitedb.Tx, issue, environment int64) (*tracker.Mute, error) {
	var m tracker.Mute
	var until int64
	err := tx.QueryRow("SELECT until, events, users FROM issue_mutes WHERE issue_id = ? AND environment_id = ?", issue, environment).
		Scan(&until, &m.Events, &m.Users)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // most environments are not muted
	}
	m.Until = timeOf(until)
	return &m, err
}

// runDown takes r off what is left of the mutes of its issue, and alerts when
// that ends one.
func runDown(tx *sqlitedb.Tx, r *record, issue int64, c *counted, newUser bool) (ended bool, err error) {
	if c.muted && c.mute.Counted() && !c.mute.Ended(timeOf(r.at)) {
		if ended = c.mute.Counts(newUser); ended {
			c.mute = tracker.Mute{}
		}
		_, err := tx.Exec("UPDATE issues SET muted = ?, muted_until = ?, mute_events = ?, mute_users = ? WHERE id = ?",
			!ended, millis(c.mute.Until), c.mute.Events, c.mute.Users, issue)
		if err != nil {
			return false, err
		}
		if ended {
			if err := tellUnmuted(tx, r, issue, ""); err != nil {
				return false, err
			}
		}
	}
	if c.mutes == 0 {
		return ended, nil
	}
	m, err := muteOf(tx, issue, r.environment)
	if err != nil || m == nil || !m.Counted() || m.Ended(timeOf(r.at)) {
		return ended, err
	}
	if !m.Counts(newUser) {
		_, err := tx.Exec("UPDATE issue_mutes SET events = ?, users = ? WHERE issue_id = ? AND environment_id = ?", m.Events, m.Users, issue, r.environment)
		return ended, err
	}
	if _, err := tx.Exec("DELETE FROM issue_mutes WHERE issue_id = ? AND environment_id = ?", issue, r.environment); err != nil {
		return false, err
	}
	if _, err := countMutes(tx, issue); err != nil {
		return false, err
	}
	return true, tellUnmuted(tx, r, issue, r.event.Environment)
}

func tellUnmuted(tx *sqlitedb.Tx, r *record, issue int64, environment string) error {
	err := note(tx, issue, &tracker.Activity{
		At: timeOf(r.at), Kind: tracker.ActMuteEnded, Mute: tracker.Mute{Environment: stored(environment, maxShortText)},
	})
	if err != nil {
		return err
	}
	return queueAlert(tx, tracker.AlertUnmuted, issue, r.at)
}
