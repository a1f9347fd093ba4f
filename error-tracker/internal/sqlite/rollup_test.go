package sqlite

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

func TestOldCountersAreSummedUpByDay(t *testing.T) {
	s := benchStore(t)
	begin := noon.Truncate(24 * time.Hour)
	now := begin.Add(100 * 24 * time.Hour) // ten days are older than 90
	s.now = func() time.Time { return now }
	const days = 100
	var id int64
	for hour := 0; hour < days*24; hour += 3 {
		e := event.Event{ID: event.NewID(), Project: "shop", ReceivedAt: begin.Add(time.Duration(hour) * time.Hour), Environment: []string{"prod", "dev"}[hour%2], Release: "1"}
		out, err := s.Record(t.Context(), &e, sampleKey(1))
		if err != nil {
			t.Fatal(err)
		}
		id = out.IssueID
	}
	read := func() (all [3]any) {
		t.Helper()
		counts, err := s.Counts(t.Context(), []int64{id}, tracker.Scope{}, begin, 24*time.Hour, days)
		if err != nil {
			t.Fatal(err)
		}
		shares, err := s.IssueEnvironments(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		groups, err := s.Groups(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return [3]any{counts, shares, groups}
	}
	rows := func() (n int) {
		t.Helper()
		if err := s.db.Read().QueryRowContext(t.Context(), "SELECT count(*) FROM hash_hour").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before, rowsBefore := read(), rows()
	for range 2 {
		if _, err := s.Forget(t.Context(), begin, 100); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(before, read()); d != "" {
			t.Fatalf("sums by day (-before +after):\n%s", d)
		}
		// Eight rows of a day in two environments became two rows.
		if got, want := rows(), rowsBefore-10*8+10*2; got != want {
			t.Errorf("%d rows, want %d of %d", got, want, rowsBefore)
		}
	}
}
