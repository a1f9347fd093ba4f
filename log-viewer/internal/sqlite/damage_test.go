package sqlite

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// mustChange changes the database behind the back of the store.
func mustChange(t *testing.T, s *opened, statement string) {
	t.Helper()
	err := s.db.Write(t.Context(), func(tx *sqlitedb.Tx) error {
		_, err := tx.Exec(statement)
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// TestWhatIsDamagedIsLeftOut damages one thing at a time between two starts. All
// questions are answered from what is whole, and the damage is counted and
// logged once.
func TestWhatIsDamagedIsLeftOut(t *testing.T) {
	const flipped = "CAST(substr(data, 1, 100) || x'5a' || substr(data, 102) AS BLOB)"
	tests := map[string]struct {
		statement string
		left      int // of 4 times 10 entries, the last 10 of which are in no block
		damaged   int // blocks and batches
	}{
		"lines of a block":       {"UPDATE payload SET data = " + flipped + " WHERE id = 2", 30, 1},
		"a block cut short":      {"UPDATE payload SET data = substr(data, 1, 50) WHERE id = 2", 30, 1},
		"no bytes":               {"UPDATE payload SET data = x'' WHERE id = 2", 30, 1},
		"another block's lines":  {"UPDATE payload SET data = (SELECT data FROM payload WHERE id = 4) WHERE id = 2", 30, 1},
		"counts of a block":      {"UPDATE blocks SET cube = x'ffffff' WHERE id = 2", 30, 1},
		"a number of entries":    {"UPDATE blocks SET n = 99 WHERE id = 2", 30, 1},
		"entries in no block":    {"UPDATE hot SET data = x'02ff00'", 30, 1},
		"the list of ids":        {"UPDATE blocks SET ids = x'00112233' WHERE id = 2", 40, 0},
		"the list of words":      {"DROP TABLE words_0", 40, 0},
		"words that are garbage": {"UPDATE words_0_data SET block = x'00'", 40, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log strings.Builder
			s := openStore(t, Options{Log: slog.New(slog.NewTextHandler(&log, nil)), RetainEvery: time.Hour, BlockRows: 20})
			for i := range 3 {
				mustFill(t, s, fmt.Sprint("web-", i), testStart.Add(time.Duration(i)*time.Minute), 10)
				mustFlush(t, s)
			}
			mustFill(t, s, "web-3", testStart.Add(time.Hour), 5) // a block of another size
			mustFlush(t, s)
			mustChange(t, s, "DELETE FROM payload WHERE id = 4")
			mustChange(t, s, "DELETE FROM blocks WHERE id = 4")
			mustChange(t, s, "INSERT INTO payload SELECT 4, data FROM payload WHERE id = 1")
			mustChange(t, s, "UPDATE payload SET data = substr(data, 1, length(data) - 1) WHERE id = 4")
			s.reopen(t)
			mustFill(t, s, "web-4", testStart.Add(2*time.Hour), 10)
			mustChange(t, s, test.statement)
			s.reopen(t)
			for range 2 { // the second time it is known
				for _, search := range []string{"", "says", `"ays"`, "says OR 1234", "-nothing", "/s[a]ys/"} {
					p, err := s.Search(t.Context(), logs.Query{Filter: logs.Filter{Search: mustParse(t, search)}, Limit: 100, CountAll: true})
					if err != nil || len(p.Entries) != test.left || p.Partial {
						t.Errorf("search %q: %d entries, partial %v, error %v; want %d", search, len(p.Entries), p.Partial, err, test.left)
					}
				}
			}
			if got := countBySource(t, s); len(got)*10 != test.left {
				t.Errorf("Since: %v", got)
			}
			h, err := s.Histogram(t.Context(), logs.Filter{Search: mustParse(t, "says")}, logs.Buckets{Start: testStart, Step: time.Hour, N: 10})
			if err != nil || h.Partial {
				t.Errorf("histogram: partial %v, error %v", h.Partial, err)
			}
			if _, err := s.Facets(t.Context(), logs.Filter{}); err != nil {
				t.Errorf("facets: %v", err)
			}
			if st, err := s.Stats(t.Context()); err != nil || st.Entries != int64(test.left) {
				t.Errorf("Stats: %d entries, %v, want %d", st.Entries, err, test.left)
			}
			if got := s.DamagedBlocks(); got != int64(test.damaged) {
				t.Errorf("%d blocks are counted as damaged, want %d", got, test.damaged)
			}
			if n := strings.Count(log.String(), "level=ERROR"); n != test.damaged {
				t.Errorf("%d errors are logged, want %d:\n%s", n, test.damaged, log.String())
			}
			// It goes on: new entries get new IDs, and retention works.
			if id := mustFill(t, s, "web-5", testStart.Add(3*time.Hour), 1); id < 41 {
				t.Errorf("the next ID is %d, want 41 or more", id)
			}
			mustFlush(t, s)
			mustRetain(t, s)
			if got := countBySource(t, s); len(got)*10 != test.left+10 {
				t.Errorf("in the end: %v", got)
			}
			if p, err := s.Search(t.Context(), logs.Query{Filter: logs.Filter{Search: mustParse(t, "says")}, Limit: 100}); err != nil || len(p.Entries) != test.left+1 {
				t.Errorf("in the end a search finds %d entries, %v; want %d", len(p.Entries), err, test.left+1)
			}
		})
	}
}
