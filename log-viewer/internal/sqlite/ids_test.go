package sqlite

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/block"
	"github.com/monlight/monlight/log-viewer/internal/logs"
)

// orderOf is an id that one entry has, and orderOf(0) every tenth as well.
func orderOf(i int) string { return fmt.Sprintf("%x%04d", 0xabc+i*7, i) }

// mustFillOrders makes blocks of ten entries, each with an id of its own.
func mustFillOrders(t *testing.T, s *opened, from, blocks int) {
	t.Helper()
	for b := range blocks {
		batch := logs.Batch{}
		for i := from + 10*b; i < from+10*b+10; i++ {
			m := "order " + orderOf(i)
			if i%10 == 0 {
				m += " after " + orderOf(0)
			}
			batch.Entries = append(batch.Entries, logs.Entry{Time: testStart.Add(time.Duration(i) * time.Second).UnixNano(), Source: "shop", Message: m})
		}
		mustAppend(t, s, batch)
	}
	mustFlush(t, s)
}

func (s *opened) places() (n [3]int) {
	for _, b := range s.view().blocks {
		n[b.where]++
	}
	return n
}

func (s *opened) idRows(t *testing.T) (n int) {
	t.Helper()
	if err := s.db.Read().QueryRowContext(t.Context(), "SELECT count(*) FROM ids").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// mustFindOrders looks for ids of entries from and to, and for one that is nowhere.
func mustFindOrders(t *testing.T, s *opened, from, to int) {
	t.Helper()
	find := func(search string, want int) {
		t.Helper()
		p, err := s.Search(t.Context(), logs.Query{Filter: logs.Filter{Search: mustParse(t, search)}, Limit: 1000, CountAll: true})
		if err != nil || len(p.Entries) != want || !p.Exact || p.Partial {
			t.Errorf("search %q: %d entries, exact %v, partial %v, %v; want %d", search, len(p.Entries), p.Exact, p.Partial, err, want)
		}
	}
	for i := from + 1; i < to; i += 97 {
		find(orderOf(i), 1)
	}
	find(orderOf(0), (to-from)/10)
	find(orderOf(from+3)+" OR "+orderOf(to-3), 2)
	find("nothing4711", 0)
}

// TestIDsOfManyBlocks has some groups of blocks and some blocks more.
func TestIDsOfManyBlocks(t *testing.T) {
	t.Parallel()
	const groups, more = 3, 5
	s := openStore(t, Options{RetainEvery: time.Hour, BlockRows: 10})
	mustFillOrders(t, s, 0, groups*block.GroupBlocks+more-1) // numbers begin with 1
	total := 10 * (groups*block.GroupBlocks + more - 1)
	check := func(when string, inGroups, rows int) {
		t.Helper()
		got := s.places()
		if got[inGroup] != inGroups || got[inMemory] != more || got[nowhere] != 0 {
			t.Errorf("%s: %d blocks are in groups, %d in memory, %d nowhere; want %d, %d, 0", when, got[inGroup], got[inMemory], got[nowhere], inGroups, more)
		}
		if n := s.idRows(t); n != rows {
			t.Errorf("%s: %d rows of ids, want %d", when, n, rows)
		}
	}
	check("first", groups*block.GroupBlocks-1, groups*block.GroupRows)
	mustFindOrders(t, s, 0, total)
	q := s.newFilter(t.Context(), logs.Filter{Search: mustParse(t, orderOf(777))})
	may := 0
	for _, b := range s.view().blocks {
		if q.hasText(b, true) {
			may++
		}
	}
	if may < 1 || may > 2 {
		t.Errorf("%d blocks may have an id that one has", may)
	}
	s.reopen(t)
	check("after a start", groups*block.GroupBlocks-1, groups*block.GroupRows)
	mustFindOrders(t, s, 0, total)

	s.o.MaxEntries = int64(total - 10*(block.GroupBlocks-1) - 10) // the first group and one block more go
	s.reopen(t)
	mustRetain(t, s)
	check("after retention", (groups-1)*block.GroupBlocks-1, (groups-1)*block.GroupRows)
	mustFindOrders(t, s, total-int(s.o.MaxEntries), total)
}

func TestDamagedIDsHideNothing(t *testing.T) {
	t.Parallel()
	for name, statement := range map[string]string{
		"rows that are garbage": "UPDATE ids SET data = x'00112233445566'",
		"rows with an error":    "UPDATE ids SET data = CAST(x'05' || substr(data, 2) AS BLOB)",
		"no rows":               "DELETE FROM ids WHERE id % 3 > 0",
		"lists":                 "UPDATE blocks SET ids = x'00112233445566' WHERE length(ids) > 0",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log strings.Builder
			s := openStore(t, Options{RetainEvery: time.Hour, BlockRows: 10, Log: slog.New(slog.NewTextHandler(&log, nil))})
			mustFillOrders(t, s, 0, block.GroupBlocks+3)
			mustChange(t, s, statement)
			s.reopen(t)
			mustFindOrders(t, s, 0, 10*(block.GroupBlocks+3))
			if name != "no rows" && !strings.Contains(log.String(), "level=WARN") {
				t.Error("nothing is logged")
			}
			mustFillOrders(t, s, 10*(block.GroupBlocks+3), block.GroupBlocks) // the next group
			mustFindOrders(t, s, 0, 10*(2*block.GroupBlocks+3))
		})
	}
}

// TestADatabaseWithFiltersIsSearched has blocks of the first schema.
func TestADatabaseWithFiltersIsSearched(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{RetainEvery: time.Hour, BlockRows: 10})
	mustFillOrders(t, s, 0, 5)
	for _, statement := range []string{"DROP TABLE ids", "ALTER TABLE blocks RENAME COLUMN ids TO filter", "UPDATE blocks SET filter = x'0102'", "PRAGMA user_version = 1"} {
		mustChange(t, s, statement)
	}
	s.reopen(t)
	if got := s.places(); got[nowhere] != 5 {
		t.Errorf("%d blocks have no ids, want 5", got[nowhere])
	}
	mustFindOrders(t, s, 0, 50)
	mustFillOrders(t, s, 50, block.GroupBlocks)
	mustFindOrders(t, s, 0, 50+10*block.GroupBlocks)
}
