package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/monlight/monlight/error-tracker/internal/tracker"
)

func testIngest(t *testing.T, open Opener) {
	s := openDefault(t, open)
	ctx := t.Context()
	hour := start.Truncate(time.Hour)
	count := func(project int64, at time.Time, kind tracker.IngestKind, what string, n int64) {
		t.Helper()
		if err := s.CountIngest(ctx, []tracker.IngestCount{{Project: project, Hour: at, Kind: kind, What: what, Count: n}}); err != nil {
			t.Fatal(err)
		}
	}
	count(1, hour.Add(-2*time.Hour), tracker.Accepted, "event", 100)
	count(1, hour.Add(-time.Hour), tracker.Accepted, "event", 3)
	count(1, hour, tracker.Accepted, "event", 4)
	count(1, hour, tracker.Accepted, "event", 5)
	count(1, hour, tracker.Filtered, "crawler", 2)
	count(1, hour, tracker.Filtered, "message", 6)
	count(2, hour, tracker.Accepted, "event", 50)
	count(0, hour, tracker.Refused, "unknown key", 1)

	since := hour.Add(-time.Hour)
	for name, test := range map[string]struct {
		project     int64
		sums, hours string
	}{
		"one":  {1, "[accepted event 12][filtered message 6][filtered crawler 2]", "[-1 accepted 3][0 accepted 9][0 filtered 8]"},
		"all":  {0, "[accepted event 62][filtered message 6][filtered crawler 2][refused unknown key 1]", "[-1 accepted 3][0 accepted 59][0 filtered 8][0 refused 1]"},
		"none": {3, "", ""},
	} {
		sums, err := s.Ingest(ctx, test.project, since)
		if err != nil {
			t.Fatal(err)
		}
		hours, err := s.IngestHours(ctx, test.project, since)
		if err != nil {
			t.Fatal(err)
		}
		gotSums, gotHours := "", ""
		for _, c := range sums {
			gotSums += fmt.Sprintf("[%s %s %d]", c.Kind, c.What, c.Count)
		}
		for _, c := range hours {
			gotHours += fmt.Sprintf("[%d %s %d]", c.Hour.Sub(hour)/time.Hour, c.Kind, c.Count)
		}
		if diff := cmp.Diff([]string{test.sums, test.hours}, []string{gotSums, gotHours}); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}

	// Texts from outside are bounded; what is more is counted together.
	for i := range tracker.MaxIngestWhats + 10 {
		count(4, hour, tracker.Lost, fmt.Sprint("reason ", i), 1)
	}
	sums, err := s.Ingest(ctx, 4, since)
	if err != nil || len(sums) != tracker.MaxIngestWhats+1 || sums[0].What != tracker.OtherWhat || sums[0].Count != 10 {
		t.Errorf("%d texts, the first %+v, %v", len(sums), sums[0], err)
	}
}
