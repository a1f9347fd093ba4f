package sqlite

import (
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/grouping"
)

// Where merged issues went is kept as long as there is somewhere to go.
func TestWhereMergedIssuesWentLeavesWithTheirEvents(t *testing.T) {
	s := benchStore(t)
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	var ids []int64
	for k := range 3 {
		e := &event.Event{ID: event.NewID(), Project: "shop", ReceivedAt: at}
		out, err := s.Record(t.Context(), e, grouping.Key{Hash: grouping.Hash{byte(k + 1)}, Title: "ValueError"})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, out.IssueID)
	}
	rows := func() (n int) {
		t.Helper()
		if err := s.db.Read().QueryRowContext(t.Context(), "SELECT count(*) FROM merged").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if err := s.Merge(t.Context(), ids[0], ids[1:], at); err != nil {
		t.Fatal(err)
	}
	if n := rows(); n != 2 {
		t.Errorf("%d rows after two issues were merged, want 2", n)
	}
	if _, err := s.Delete(t.Context(), ids[:1]); err != nil {
		t.Fatal(err)
	}
	if n := rows(); n != 0 {
		t.Errorf("%d rows after the issue was deleted, want none", n)
	}
}
