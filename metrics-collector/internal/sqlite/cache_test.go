package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
	"github.com/monlight/monlight/shared/sqlitedb"
)

func openStore(tb testing.TB) *Store {
	tb.Helper()
	db, err := sqlitedb.Open(tb.Context(), filepath.Join(tb.TempDir(), "metrics.db"), sqlitedb.Options{Migrations: Migrations(), MinFreeBytes: -1})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	return NewStore(db)
}

const hour = 3600_000

// groupsOf reads groups through a view, as "span/group=text".
func groupsOf(tb testing.TB, v metrics.View, spans []int64, wanted []uint32) []string {
	tb.Helper()
	list := []string{}
	err := v.Groups(metrics.MinuteTier, metrics.SumsOnly, spans, wanted, func(span int64, g metrics.GroupRow) error {
		list = append(list, fmt.Sprintf("%d/%d=%s", span/hour, g.Group, g.Sums))
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return list
}

func merge(tb testing.TB, s *Store, span int64, groups map[uint32]string) {
	tb.Helper()
	var rows []metrics.GroupRow
	for g, text := range groups {
		rows = append(rows, metrics.GroupRow{Group: g, Sums: []byte(text), Rest: []byte("r")})
	}
	if err := s.Merge(tb.Context(), metrics.MinuteTier, span, rows, nil); err != nil {
		tb.Fatal(err)
	}
}

func openView(tb testing.TB, s *Store) metrics.View {
	tb.Helper()
	v, err := s.View(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(v.Close)
	return v
}

func TestCachedGroupsAreThoseOfTheSnapshot(t *testing.T) {
	s := openStore(t)
	spans := []int64{1 * hour, 2 * hour, 3 * hour}
	wanted := []uint32{2, 5, 7}
	merge(t, s, 1*hour, map[uint32]string{2: "a", 7: "b"})
	merge(t, s, 3*hour, map[uint32]string{5: "c", 6: "not asked for"})
	before := []string{"1/2=a", "1/7=b", "3/5=c"}
	old := openView(t, s)
	for _, how := range []string{"read", "cached"} {
		if diff := cmp.Diff(before, groupsOf(t, old, spans, wanted)); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", how, diff)
		}
	}
	if got := len(s.cache.groups); got != 9 {
		t.Errorf("%d groups are cached, want 9: also those that are not there", got)
	}

	merge(t, s, 1*hour, map[uint32]string{2: "A", 5: "new"})
	merge(t, s, 2*hour, map[uint32]string{7: "too"})
	after := []string{"1/2=A", "1/5=new", "1/7=b", "2/7=too", "3/5=c"}
	for round := range 3 {
		if diff := cmp.Diff(after, groupsOf(t, openView(t, s), spans, wanted)); diff != "" {
			t.Errorf("round %d, after a merge: (-want +got):\n%s", round, diff)
		}
		// What the new view cached is not for the old one, nor the other way round.
		if diff := cmp.Diff(before, groupsOf(t, old, spans, wanted)); diff != "" {
			t.Errorf("round %d, in the old view: (-want +got):\n%s", round, diff)
		}
	}
}

func TestGroupsOfAFailedMergeAreNotCached(t *testing.T) {
	s := openStore(t)
	spans, wanted := []int64{hour}, []uint32{1}
	merge(t, s, hour, map[uint32]string{1: "a"})
	groupsOf(t, openView(t, s), spans, wanted)
	// The commit happens, and then the news of it is lost.
	key := spanKey{metrics.MinuteTier, span(metrics.MinuteTier, hour)}
	lost := errors.New("lost")
	err := s.cache.change(key, func() error {
		return errors.Join(lost, s.db.Maintain(t.Context(), func(tx *sqlitedb.Tx) error {
			_, err := tx.Exec(`UPDATE minute_group SET sums = ?`, []byte("b"))
			return err
		}))
	})
	if !errors.Is(err, lost) {
		t.Fatal(err)
	}
	for range 2 {
		if diff := cmp.Diff([]string{"1/1=b"}, groupsOf(t, openView(t, s), spans, wanted)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	merge(t, s, hour, map[uint32]string{1: "c"})
	if diff := cmp.Diff([]string{"1/1=c"}, groupsOf(t, openView(t, s), spans, wanted)); diff != "" {
		t.Errorf("after the next merge (-want +got):\n%s", diff)
	}
}

// TestViewsDuringMergesAreOneState has all groups of a span say the same, as
// each merge writes it, and reads them meanwhile.
func TestViewsDuringMergesAreOneState(t *testing.T) {
	s := openStore(t)
	wanted := []uint32{1, 2, 3, 4}
	write := func(n int) {
		groups := make(map[uint32]string, len(wanted))
		for _, g := range wanted {
			groups[g] = fmt.Sprint(n)
		}
		merge(t, s, hour, groups)
	}
	write(0)
	ctx, stop := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			last := ""
			for ctx.Err() == nil {
				v, err := s.View(context.Background())
				if err != nil {
					t.Error(err)
					return
				}
				got := groupsOf(t, v, []int64{hour}, wanted[:1+len(last)%len(wanted)])
				got = append(got, groupsOf(t, v, []int64{hour}, wanted)...)
				v.Close()
				for i, g := range got {
					_, got[i], _ = strings.Cut(g, "=")
				}
				if got = slices.Compact(got); len(got) != 1 || len(got[0]) < len(last) || len(got[0]) == len(last) && got[0] < last {
					t.Errorf("a view has groups of %q after %q", got, last)
					return
				}
				last = got[0]
			}
		})
	}
	for n := range 100 {
		write(n + 1)
	}
	stop()
	readers.Wait()
}

func (c *cache) size() (groups, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.groups), c.bytes
}

func TestCacheIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache()
		blob := make([]byte, 4000)
		for i := range 5000 {
			c.put(spanKey{metrics.HourTier, 1}, 0, metrics.GroupRow{Group: uint32(i % 3000), Sums: blob})
			if groups, bytes := c.size(); bytes > cacheBytes || bytes != groups*(len(blob)+cachedBytes) {
				t.Fatalf("after %d: %d bytes in %d groups", i, bytes, groups)
			}
		}
		newest := []uint32{4999 % 3000}
		if rows, ok := c.get(nil, spanKey{metrics.HourTier, 1}, 0, newest); !ok || len(rows) != 1 {
			t.Error("the newest group is not there")
		}
		time.Sleep(cacheIdle + time.Second) // it was used: one more round
		if groups, _ := c.size(); groups == 0 {
			t.Error("given up while in use")
		}
		time.Sleep(cacheIdle)
		if groups, bytes := c.size(); groups != 0 || bytes != 0 {
			t.Errorf("%d groups, %d bytes are left without use", groups, bytes)
		}
	})
}

func TestVersionsOfDeletedSpansAreForgotten(t *testing.T) {
	s := openStore(t)
	for span := range int64(5) {
		merge(t, s, span*hour, map[uint32]string{1: "a"})
	}
	if _, err := s.DropBefore(t.Context(), metrics.MinuteTier, 3*hour); err != nil {
		t.Fatal(err)
	}
	if got := len(*s.cache.versions.Load()); got != 2 {
		t.Errorf("%d versions are left, want 2", got)
	}
}
