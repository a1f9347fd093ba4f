package sqlite

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/shared/sqlitedb/dbtest"
)

// testStart is when the tests that set the clock begin.
var testStart = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// mustFill appends n entries of a source, a second apart, and returns the first ID.
func mustFill(t *testing.T, s logs.Store, source string, from time.Time, n int) int64 {
	t.Helper()
	b := logs.Batch{}
	for i := range n {
		b.Entries = append(b.Entries, logs.Entry{Time: from.Add(time.Duration(i) * time.Second).UnixNano(), Source: source, Message: fmt.Sprintf("%s says %d", source, i)})
	}
	return mustAppend(t, s, b)
}

func mustRetain(t *testing.T, s *opened) Removed {
	t.Helper()
	removed, err := s.Retain(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return removed
}

func mustFlush(t *testing.T, s *opened) {
	t.Helper()
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// countBySource is the number of entries of each source, counted one by one.
func countBySource(t *testing.T, s *opened) map[string]int {
	t.Helper()
	out := make(map[string]int)
	for from := int64(0); ; {
		entries, last, err := s.Since(t.Context(), from, logs.Filter{}, 10_000)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == 0 {
			return out
		}
		for _, e := range entries {
			out[e.Source]++
		}
		from = last
	}
}

func TestOldEntriesAreRemoved(t *testing.T) {
	t.Parallel()
	now := testStart
	s := openStore(t, Options{MaxAge: 24 * time.Hour, RetainEvery: time.Hour, Now: func() time.Time { return now }})
	mustFill(t, s, "old", now.Add(-30*time.Hour), 100)
	mustFlush(t, s)
	mustFill(t, s, "new", now.Add(-time.Hour), 100)
	// A clock that is years ahead must not keep a block for years.
	mustFill(t, s, "wrong", now.AddDate(10, 0, 0), 1)
	mustFlush(t, s)
	if removed := mustRetain(t, s); removed.Entries != 100 || removed.Blocks != 1 {
		t.Errorf("first: %+v removed, want the block with the 100 entries that are 30 hours old", removed)
	}
	if got := countBySource(t, s); got["old"] != 0 || got["new"] != 100 || got["wrong"] != 1 {
		t.Errorf("first: %v are left", got)
	}
	now = now.Add(25 * time.Hour)
	mustRetain(t, s)
	if got := countBySource(t, s); len(got) != 0 {
		t.Errorf("a day later %v are left, want none", got)
	}
	st, err := s.Stats(t.Context())
	if err != nil || st.Entries != 0 {
		t.Errorf("Stats: %+v, %v", st, err)
	}
}

// What retention has removed is in no file any more an hour later: rows are
// overwritten, and pages that have become free leave the file.
func TestWhatRetentionRemovesLeavesTheFile(t *testing.T) {
	t.Parallel()
	const text, lines = "removed 4e8b1c for good", 2000
	var now atomic.Int64
	now.Store(testStart.UnixNano())
	s := openStore(t, Options{MaxAge: 24 * time.Hour, BlockRows: 100, RetainEvery: 10 * time.Millisecond, Now: func() time.Time { return time.Unix(0, now.Load()) }})
	for i := range lines / 100 {
		b := logs.Batch{}
		for n := range 100 {
			b.Entries = append(b.Entries, logs.Entry{Time: testStart.UnixNano(), Source: "s", Message: fmt.Sprintf("%s %d %x", text, n, sha256.Sum256([]byte{byte(i), byte(n)}))})
		}
		mustAppend(t, s, b)
	}
	waiting := dbtest.InFiles(t, s.path, text)
	mustFlush(t, s)
	pieces := piecesOfBlocks(t, s)
	found := 0
	for _, p := range pieces {
		found += dbtest.InFiles(t, s.path, p)
	}
	if waiting == 0 || len(pieces) < lines/200 || found < len(pieces) {
		t.Fatalf("the text is %d times in the files before there are blocks, and of those %d pieces are found %d times: this test sees too little", waiting, len(pieces), found)
	}
	now.Add(int64(25 * time.Hour))
	mustFill(t, s, "new", time.Unix(0, now.Load()), 100)
	mustFlush(t, s)
	for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		left := dbtest.InFiles(t, s.path, text)
		for _, p := range pieces {
			left += dbtest.InFiles(t, s.path, p)
		}
		if left == 0 {
			break
		}
		if time.Since(begin) > time.Minute {
			t.Fatalf("the files still have the text or pieces of blocks %d times", left)
		}
	}
	if got := countBySource(t, s); got["new"] != 100 || got["s"] != 0 {
		t.Errorf("%v are left, want the new ones", got)
	}
}

// piecesOfBlocks is something of the middle of each block, as it is in the file.
func piecesOfBlocks(t *testing.T, s *opened) (all []string) {
	t.Helper()
	rows, err := s.db.Read().QueryContext(t.Context(), "SELECT substr(data, length(data) / 2, 16) FROM payload")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var piece []byte
		if err := rows.Scan(&piece); err != nil {
			t.Fatal(err)
		}
		all = append(all, string(piece))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAChattySourceDoesNotCostAQuietOneItsEntries(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{MaxEntries: 10_000, BlockRows: 500, RetainEvery: time.Hour})
	for i := range 100 {
		at := testStart.Add(time.Duration(i) * 1000 * time.Second)
		mustFill(t, s, "quiet", at, 10)
		mustFill(t, s, "chatty", at, 300)
		if i%10 == 9 {
			mustFlush(t, s)
			mustRetain(t, s)
		}
	}
	got := countBySource(t, s)
	if got["quiet"] != 1000 {
		t.Errorf("of the quiet source %d entries are left, want all 1000", got["quiet"])
	}
	if total := got["quiet"] + got["chatty"]; total > 10_000 || total < 9000 {
		t.Errorf("%d entries are left (%v), want at most 10000 and hardly less", total, got)
	}
	// It is the newest of the chatty one that are left.
	page, err := s.Search(t.Context(), logs.Query{Filter: logs.Filter{Sources: []string{"chatty"}}, Limit: logs.MaxLimit})
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range page.Entries[:5000] {
		if want := fmt.Sprintf("chatty says %d", 299-i%300); e.Message != want {
			t.Fatalf("entry %d from the newest: %q, want %q", i, e.Message, want)
		}
	}
	// What both have more than their share of goes from both.
	for i := range 40 {
		mustFill(t, s, "quiet", testStart.Add(time.Duration(i)*time.Hour), 300)
	}
	mustFlush(t, s)
	mustRetain(t, s)
	got = countBySource(t, s)
	if got["quiet"] < 2500 || got["chatty"] < 2500 || got["quiet"]+got["chatty"] > 10_000 {
		t.Errorf("%v are left, want a quarter of 10000 at least of each", got)
	}
}

func TestTooManyEntriesDoNotWaitForTheNextRun(t *testing.T) {
	t.Parallel()
	const most, batch = 10_000, 100
	for name, o := range map[string]Options{
		"by number": {MaxEntries: most, BlockRows: 500, RetainEvery: time.Hour},
		"by bytes":  {MaxBytes: 1 << 20, BlockRows: 500, RetainEvery: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openStore(t, o)
			over := func() (text string) {
				st, err := s.Stats(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				used, _, err := s.pages(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				s.retainMu.Lock()
				used -= s.replacedBytes() // nothing deletes it here: there is no next run
				s.retainMu.Unlock()
				if o.MaxEntries > 0 && st.Entries > o.MaxEntries*21/20 || o.MaxBytes > 0 && used > o.MaxBytes*5/4 { // blocks that a busy machine makes are smaller, and more of them
					return fmt.Sprintf("%d entries in %d bytes are kept, the bounds are %d and %d", st.Entries, used, o.MaxEntries, o.MaxBytes)
				}
				return ""
			}
			l := lines(t, 1_000_000)
			for n := range 4 * most / batch {
				mustAppend(t, s, logs.Batch{Entries: l.Batch(batch)})
				if n == most*3/2/batch {
					mustRetain(t, s) // here it learns how large entries are
				}
				for begin := time.Now(); over() != ""; time.Sleep(time.Millisecond) {
					if time.Since(begin) > 20*time.Second {
						t.Fatalf("after %d entries %s", (n+1)*batch, over())
					}
				}
			}
			if st, err := s.Stats(t.Context()); err != nil || st.Entries < most*8/10 {
				t.Errorf("Stats: %+v, %v; want most of what may be kept", st, err)
			}
		})
	}
}

func TestWhatTrimPacksAnewIsReadToTheEnd(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{MaxEntries: 2000, BlockRows: 500, RetainEvery: time.Hour})
	for i := range 4 {
		at := testStart.Add(time.Duration(i) * 1000 * time.Second)
		mustFill(t, s, "quiet", at, 10)
		mustFill(t, s, "chatty", at, 490)
	}
	mustFlush(t, s)
	before := s.view()
	mustFill(t, s, "chatty", testStart.Add(time.Hour), 1000)
	if _, err := s.trim(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustRetain(t, s) // right after it: what was packed anew has not been there for long
	for range 2 {
		s.cache.clearUnused() // where those blocks are still open
	}
	r := &reader{store: s.Store, ctx: t.Context()}
	defer r.release()
	quiet := s.Store.sources.byName["quiet"]
	found := 0
	q := s.newFilter(t.Context(), logs.Filter{})
	for _, u := range before.units(q) {
		r.each(q, u, func(w row) bool {
			if w.source == quiet {
				found++
			}
			return true
		})
	}
	if found != 40 {
		t.Errorf("a query that began before finds %d entries of the quiet source, want 40", found)
	}
}

// What was packed anew is still in the file for a while. It does not make the
// entries that are kept larger, and no more of them go for it.
func TestWhatWaitsToBeDeletedCostsNoEntries(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{MaxBytes: 1 << 20, BlockRows: 500, RetainEvery: time.Hour})
	l := lines(t, 1_000_000)
	fill := func(n int) {
		t.Helper()
		for range n / 490 {
			mustFill(t, s, "quiet", testStart, 10)
			b := l.Batch(490)
			for i := range b {
				b[i].Source = "chatty"
			}
			mustAppend(t, s, logs.Batch{Entries: b})
		}
		mustFlush(t, s)
	}
	fits := func() int64 {
		t.Helper()
		st, err := s.Stats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return st.Entries
	}
	for range 12 {
		fill(2000)
		mustRetain(t, s)
	}
	most := fits()
	for i := range 12 { // no Retain in between, as in the minute of a flood
		fill(int(most) / 10)
		if _, err := s.trim(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := fits(); got < most*8/10 {
			t.Fatalf("after %d times a tenth more, %d entries are left of the %d that fit", i+1, got, most)
		}
	}
}

func TestTheDatabaseKeepsToItsBytes(t *testing.T) {
	t.Parallel()
	const most = 2 << 20
	s := openStore(t, Options{MaxBytes: most, RetainEvery: time.Hour})
	l := lines(t, 1_000_000)
	for range unlessRace(5, 2) {
		for range unlessRace(20, 12) {
			mustAppend(t, s, logs.Batch{Entries: l.Batch(1000)})
		}
		mustFlush(t, s)
		mustRetain(t, s)
		used, _, err := s.pages(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if used > most*11/10 {
			t.Fatalf("%d bytes are used, the bound is %d", used, most)
		}
	}
	st, err := s.Stats(t.Context())
	if err != nil || st.Entries < 20_000 {
		t.Errorf("Stats: %+v, %v; want most of what fits", st, err)
	}
}

func TestIDsAreNotGivenAgain(t *testing.T) {
	t.Parallel()
	now := testStart
	s := openStore(t, Options{MaxAge: time.Hour, RetainEvery: time.Hour, Now: func() time.Time { return now }})
	first := mustFill(t, s, "web", now, 50)
	mustFlush(t, s)
	now = now.Add(2 * time.Hour)
	mustRetain(t, s)
	s.reopen(t)
	if got := mustFill(t, s, "web", now, 1); got != first+50 {
		t.Errorf("the ID after %d entries that are gone is %d, want %d", 50, got, first+50)
	}
}

func TestSmallBlocksAreMerged(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{BlockRows: 200, RetainEvery: time.Hour})
	for i := range 40 {
		mustFill(t, s, "rare", testStart.Add(time.Duration(i)*time.Hour), 5)
		mustFlush(t, s)
	}
	before := s.view()
	removed := mustRetain(t, s)
	if got := len(s.view().blocks); got > 3 {
		t.Errorf("200 entries are in %d blocks, want 1 or 2", got)
	}
	if removed.Entries != 0 || countBySource(t, s)["rare"] != 200 {
		t.Errorf("%+v removed, %v left, want all", removed, countBySource(t, s))
	}
	// A query that began before does not miss what was packed anew.
	r := &reader{store: s.Store, ctx: t.Context()}
	found := 0
	q := s.newFilter(t.Context(), logs.Filter{})
	for _, u := range before.units(q) {
		r.each(q, u, func(row) bool { found++; return true })
	}
	r.release()
	if found != 200 {
		t.Errorf("a query that began before finds %d entries, want 200", found)
	}
	payloads := func() (n int) {
		if err := s.db.Read().QueryRowContext(t.Context(), "SELECT count(*) FROM payload").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if payloads() < 40 {
		t.Errorf("%d payloads, want those of the old blocks for a while", payloads())
	}
	s.reopen(t) // a restart forgets nothing
	mustRetain(t, s)
	if got, want := payloads(), len(s.view().blocks); got != want {
		t.Errorf("%d payloads of %d blocks", got, want)
	}
}

func TestWordsOfBlocksThatAreGoneGoToo(t *testing.T) {
	t.Parallel()
	now := testStart
	s := openStore(t, Options{MaxAge: time.Hour, BlockRows: 1, RetainEvery: 24 * time.Hour, Now: func() time.Time { return now }})
	tables := func() (names []string) {
		rows, err := s.db.Read().QueryContext(t.Context(), "SELECT name FROM sqlite_schema WHERE sql LIKE 'CREATE VIRTUAL TABLE words_%' ORDER BY name")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var n string
			if err := rows.Scan(&n); err != nil {
				t.Fatal(err)
			}
			names = append(names, n)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return names
	}
	mustChange(t, s, fmt.Sprintf("INSERT INTO sqlite_sequence (name, seq) VALUES ('blocks', %d)", partition-5))
	mustFill(t, s, "web", now, 9)
	mustFlush(t, s)
	if got := strings.Join(tables(), " "); got != "words_0 words_1" {
		t.Fatalf("tables of words: %s", got)
	}
	now = now.Add(3 * time.Hour)
	mustFill(t, s, "web", now, 2)
	mustFlush(t, s)
	mustRetain(t, s)
	if got := tables(); !slices.Equal(got, []string{"words_1"}) {
		t.Errorf("tables of words after their blocks are gone: %v", got)
	}
	page, err := s.Search(t.Context(), logs.Query{Filter: logs.Filter{Search: mustParse(t, "says")}, Limit: 10})
	if err != nil || len(page.Entries) != 2 {
		t.Errorf("search: %d entries, %v, want 2", len(page.Entries), err)
	}
}
