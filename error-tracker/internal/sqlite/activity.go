package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// storedFacts are what an activity has beside its text. Members may be added;
// none changes its name or meaning.
type storedFacts struct {
	In          string `json:"in,omitempty"`
	Release     string `json:"release,omitempty"`
	Until       int64  `json:"until,omitempty"`
	Events      int64  `json:"events,omitempty"`
	Users       int64  `json:"users,omitempty"`
	Environment string `json:"environment,omitempty"`
	Other       int64  `json:"other,omitempty"`
}

func encodeFacts(a *tracker.Activity) (string, error) {
	f := storedFacts{
		In: string(a.Fix.In), Release: a.Release, Until: millis(a.Mute.Until), Events: a.Mute.Events, Users: a.Mute.Users,
		Environment: a.Mute.Environment, Other: a.Other,
	}
	if a.Fix.Release != "" {
		f.Release = a.Fix.Release
	}
	if f == (storedFacts{}) {
		return "", nil
	}
	b, err := json.Marshal(f)
	return string(b), err
}

func decodeFacts(text string, a *tracker.Activity) error {
	if text == "" {
		return nil
	}
	var f storedFacts
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		return fmt.Errorf("activity %d: %w", a.ID, err)
	}
	a.Fix.In = tracker.FixIn(f.In)
	if a.Kind == tracker.ActResolved {
		a.Fix.Release = f.Release
	} else {
		a.Release = f.Release
	}
	a.Mute = tracker.Mute{Until: timeOf(f.Until), Events: f.Events, Users: f.Users, Environment: f.Environment}
	a.Other = f.Other
	return nil
}

// note adds an activity to an issue. Beyond tracker.MaxActivities the oldest that
// is no comment gives way.
func note(tx *sqlitedb.Tx, issue int64, a *tracker.Activity) error {
	facts, err := encodeFacts(a)
	if err != nil {
		return err
	}
	res, err := tx.Exec("INSERT INTO activity (issue_id, at, kind, author, text, facts) VALUES (?, ?, ?, ?, ?, ?)",
		issue, a.At.UnixMilli(), string(a.Kind), a.Author, a.Text, facts)
	if err != nil {
		return err
	}
	if a.ID, err = res.LastInsertId(); err != nil || a.Kind == tracker.ActComment {
		return err
	}
	_, err = tx.Exec(`DELETE FROM activity WHERE id IN
		(SELECT id FROM activity WHERE issue_id = ? AND kind <> 'comment' ORDER BY id DESC LIMIT -1 OFFSET ?)`, issue, tracker.MaxActivities)
	return err
}

const sqlActivities = `SELECT id, at, kind, author, text, facts FROM activity WHERE issue_id = ? AND id < ? ORDER BY id DESC LIMIT ?`

// Activities implements tracker.ActivityStore.
func (s *Store) Activities(ctx context.Context, issueID, before int64, limit int) ([]tracker.Activity, error) {
	if before <= 0 {
		before = 1<<63 - 1
	}
	limit = min(max(limit, 1), tracker.MaxComments+tracker.MaxActivities)
	rows, err := s.db.Read().QueryContext(ctx, sqlActivities, issueID, before, limit)
	all, err := scanAll(rows, err, scanActivity)
	if err != nil {
		return nil, readError("list activities", err)
	}
	if len(all) == 0 {
		return nil, exists(ctx, s.db.Read(), issueID)
	}
	return all, nil
}

func scanActivity(rows *sql.Rows) (tracker.Activity, error) {
	var a tracker.Activity
	var at int64
	var kind, facts string
	if err := rows.Scan(&a.ID, &at, &kind, &a.Author, &a.Text, &facts); err != nil {
		return a, err
	}
	a.At, a.Kind = timeOf(at), tracker.ActivityKind(kind)
	return a, decodeFacts(facts, &a)
}

// AddComment implements tracker.ActivityStore.
func (s *Store) AddComment(ctx context.Context, issueID int64, author, text string, at time.Time) (tracker.Activity, error) {
	a := tracker.Activity{At: timeOf(at.UnixMilli()), Kind: tracker.ActComment, Author: author, Text: text}
	err := s.db.Write(ctx, func(tx *sqlitedb.Tx) error {
		if _, err := projectOf(tx, issueID); err != nil {
			return err
		}
		var n int64
		if err := tx.QueryRow("SELECT count(*) FROM activity WHERE issue_id = ? AND kind = 'comment'", issueID).Scan(&n); err != nil {
			return err
		}
		if n >= tracker.MaxComments {
			return errs.New(errs.Conflict, "error %d has %d comments, the limit is %d", issueID, n, tracker.MaxComments)
		}
		return note(tx, issueID, &a)
	})
	if err != nil {
		return tracker.Activity{}, fmt.Errorf("add comment: %w", err)
	}
	return a, nil
}

// DeleteComment implements tracker.ActivityStore.
func (s *Store) DeleteComment(ctx context.Context, issueID, id int64) error {
	err := s.db.Maintain(ctx, func(tx *sqlitedb.Tx) error {
		res, err := tx.Exec("DELETE FROM activity WHERE id = ? AND issue_id = ? AND kind = 'comment'", id, issueID)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); n > 0 || err != nil {
			return err
		}
		return errs.New(errs.NotFound, "error %d has no comment %d", issueID, id)
	})
	if err != nil {
		return fmt.Errorf("delete comment: %w", err)
	}
	return nil
}
