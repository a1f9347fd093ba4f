package sqlite

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/sqlitedb"
)

func countRows(t *testing.T, s *Store, query string, args ...any) (n int) {
	t.Helper()
	if err := s.db.Read().QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// issueOf makes a project with an issue, and with the alert of that.
func issueOf(t *testing.T, s *Store, project string) int64 {
	t.Helper()
	e := sampleEvent(rand.New(rand.NewPCG(1, 2)), 1, 2000, noon)
	e.Project = project
	out, err := s.Record(t.Context(), e, sampleKey(1))
	if err != nil || out.Status != tracker.Created {
		t.Fatalf("recorded %+v, %v", out, err)
	}
	return out.IssueID
}

// One project cannot push out the alerts of another before all of them are too many.
func TestPastAlertsAreBounded(t *testing.T) {
	s := benchStore(t)
	// The last ones as they come, those before them at once: it is looked for too many twice.
	add := func(issue int64, n int) {
		t.Helper()
		at := func(i int) int64 { return noon.Add(time.Duration(i) * time.Second).UnixMilli() }
		err := s.db.Write(t.Context(), func(tx *sqlitedb.Tx) error {
			before := n - 2*trimAlertsEvery
			_, err := tx.Exec(`WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?1 - 1)
				INSERT INTO alert_log (kind, issue_id, project_id, at) SELECT ?2, s.id, s.project_id, ?3 + 1000 * n.i FROM issues s, n WHERE s.id = ?4`,
				before, string(tracker.AlertCreated), at(0), issue)
			for i := before; i < n && err == nil; i++ {
				err = queueAlert(tx, tracker.AlertCreated, issue, at(i))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	small, large := issueOf(t, s, "small"), issueOf(t, s, "large")
	add(large, tracker.MaxPastAlerts+2*trimAlertsEvery)
	if n := countRows(t, s, "SELECT count(*) FROM alert_log WHERE issue_id = ?", large); n < tracker.MaxPastAlerts || n >= tracker.MaxPastAlerts+trimAlertsEvery {
		t.Errorf("%d alerts of a project are kept, want %d and at most %d more", n, tracker.MaxPastAlerts, trimAlertsEvery)
	}
	if n := countRows(t, s, "SELECT count(*) FROM alert_log WHERE issue_id = ? AND at >= ?", large, noon.Add(2*trimAlertsEvery*time.Second).UnixMilli()); n < tracker.MaxPastAlerts {
		t.Errorf("%d of the newest alerts are kept, want %d", n, tracker.MaxPastAlerts)
	}
	if n := countRows(t, s, "SELECT count(*) FROM alert_log WHERE issue_id = ?", small); n != 1 {
		t.Errorf("%d alerts of the other project are left, want 1", n)
	}
	for n := range 11 {
		add(issueOf(t, s, "project "+string(rune('a'+n))), tracker.MaxPastAlerts)
	}
	if n := countRows(t, s, "SELECT count(*) FROM alert_log"); n < maxPastAlerts || n >= maxPastAlerts+trimAlertsEvery {
		t.Errorf("%d alerts are kept, want %d and at most %d more", n, maxPastAlerts, trimAlertsEvery)
	}
}

// Two projects that take turns are both trimmed, whichever of them had the alert at
// which it was looked.
func TestPastAlertsOfProjectsThatTakeTurnsAreBounded(t *testing.T) {
	s := benchStore(t)
	issues := []int64{issueOf(t, s, "one"), issueOf(t, s, "two")}
	for range 2 {
		err := s.db.Write(t.Context(), func(tx *sqlitedb.Tx) error {
			for i := range 2 * (tracker.MaxPastAlerts/2 + trimAlertsEvery) {
				if err := queueAlert(tx, tracker.AlertCreated, issues[i%2], noon.Add(time.Duration(i)*time.Second).UnixMilli()); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, issue := range issues {
		n := countRows(t, s, "SELECT count(*) FROM alert_log WHERE issue_id = ?", issue)
		if n < tracker.MaxPastAlerts || n >= tracker.MaxPastAlerts+trimAlertsEvery {
			t.Errorf("%d alerts of issue %d are kept, want %d and at most %d more", n, issue, tracker.MaxPastAlerts, trimAlertsEvery)
		}
	}
}

// The number of a past alert is not given to another one, also when the newest is gone.
func TestNumbersOfPastAlertsAreNotGivenTwice(t *testing.T) {
	s := benchStore(t)
	newest := func() int { return countRows(t, s, "SELECT max(id) FROM alert_log") }
	issueOf(t, s, "one")
	gone := issueOf(t, s, "two")
	before := newest()
	if _, err := s.Delete(t.Context(), []int64{gone}); err != nil {
		t.Fatal(err)
	}
	issueOf(t, s, "three")
	if now := newest(); now <= before {
		t.Errorf("an alert has the number %d after one with %d was deleted", now, before)
	}
}

// An alert is kept if and only if it was made: after a transaction that failed there
// is neither.
func TestPastAlertsAreMadeWithTheAlert(t *testing.T) {
	s := benchStore(t)
	both := func() [2]int {
		return [2]int{countRows(t, s, "SELECT count(*) FROM alerts"), countRows(t, s, "SELECT count(*) FROM alert_log")}
	}
	issue := issueOf(t, s, "shop")
	if got := both(); got != [2]int{1, 1} {
		t.Errorf("there are %d alerts and %d past ones, want one of each", got[0], got[1])
	}
	broken := errors.New("power cut")
	err := s.db.Write(t.Context(), func(tx *sqlitedb.Tx) error {
		return errors.Join(queueAlert(tx, tracker.AlertRegressed, issue, noon.UnixMilli()), broken)
	})
	if got := both(); !errors.Is(err, broken) || got != [2]int{1, 1} {
		t.Errorf("after a rollback (%v) there are %d alerts and %d past ones", err, got[0], got[1])
	}
	if _, err := s.Delete(t.Context(), []int64{issue}); err != nil || both() != [2]int{} {
		t.Errorf("after its issue was deleted (%v) there are %v alerts and past ones", err, both())
	}
}
