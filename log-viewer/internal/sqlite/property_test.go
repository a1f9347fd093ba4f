package sqlite

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/log-viewer/internal/logs/logstest"
)

// world is a store, and one that is simple, with the same entries.
type world struct {
	*rand.Rand
	tb    testing.TB
	store *opened
	most  int64 // entries that gone leaves
	plain *logstest.Memory
	at    int64
	n     int
}

var sourceNamesForTests = []string{"web-1", "web-2", "db", "worker", "Größe"}

func newWorld(tb testing.TB, seed uint64, o Options) *world {
	most := o.MaxEntries
	o.MaxEntries = 0
	w := &world{Rand: rand.New(rand.NewPCG(seed, 7)), tb: tb, store: openStore(tb, o), most: most, plain: logstest.NewMemory(), at: 1_700_000_000_000_000_000}
	for i, name := range sourceNamesForTests[:4] {
		labels := logs.Labels{Service: []string{"web", "web", "db", ""}[i]}
		w.append(logs.Batch{Sources: []logs.Source{{Name: name, Labels: labels}}})
	}
	return w
}

func (w *world) append(b logs.Batch) {
	w.tb.Helper()
	got, want := mustAppend(w.tb, w.store, b), mustAppend(w.tb, w.plain, b)
	if got != want {
		w.tb.Fatalf("Append gave the ID %d, want %d", got, want)
	}
	w.n += len(b.Entries)
}

func (w *world) pick(list ...string) string { return list[w.IntN(len(list))] }

func (w *world) word() string {
	return w.pick("request", "Error", "timeout", "connection", "refused", "ÜBER", "größe", "user", "a", "conn42", "x1", "K", "ſ", "panic")
}

func (w *world) message() string {
	switch w.IntN(14) {
	case 0:
		return fmt.Sprintf(`{"level":"info","msg":"%s %s","trace_id":"%032x","dur":%d.%d,"http":{"status":%d}}`, w.word(), w.word(), w.Uint64N(80), w.IntN(100), w.IntN(10), 200+w.IntN(5))
	case 1:
		return fmt.Sprintf(`{"msg":"a \"%s\"\n%s \u00fc%d","path":"\/api\/%s"}`, w.word(), w.word(), w.IntN(5), w.word())
	case 2:
		return fmt.Sprintf("\x1b[3%dm%s\x1b[0m %s %d", w.IntN(8), w.word(), w.word(), w.IntN(100))
	case 3:
		return fmt.Sprintf("10.0.%d.%d %s", w.IntN(3), w.IntN(300), w.word())
	case 4:
		return fmt.Sprintf("blk_%d got %08X in %dms", w.Uint64(), w.Uint32(), w.IntN(1000))
	case 5:
		return fmt.Sprintf("level=%s status=%d msg=\"%s %s\" took=%d", w.word(), 200+w.IntN(5), w.word(), w.word(), w.IntN(100))
	case 6:
		b := make([]byte, w.IntN(60))
		for i := range b {
			b[i] = byte(w.Uint32())
		}
		return strings.ToValidUTF8(string(b), "\ufffd")
	case 7:
		if w.IntN(400) == 0 {
			return strings.Repeat(w.word()+" ", logs.MaxMessage/20)
		}
		return strings.Repeat(w.word()+" 12 ", w.IntN(40))
	case 8:
		return ""
	}
	return fmt.Sprintf("%s %s %d %s-%d", w.word(), w.word(), w.IntN(1000), w.word(), w.IntN(5))
}

func (w *world) entry() logs.Entry {
	at := w.at
	switch w.IntN(20) {
	case 0:
		at -= w.Int64N(int64(time.Hour)) // late
	case 1, 2, 3: // at the same time as the one before
	default:
		w.at += w.Int64N(int64(500 * time.Millisecond))
		at = w.at
	}
	return logs.Entry{Time: at, Source: w.pick(sourceNamesForTests...), Stream: logs.Stream(w.IntN(2)), Level: logs.Level(w.IntN(6)), Message: w.message()}
}

func (w *world) batch() {
	b := logs.Batch{Entries: make([]logs.Entry, 1+w.IntN(1+w.IntN(400)))}
	for i := range b.Entries {
		b.Entries[i] = w.entry()
	}
	if w.IntN(5) == 0 {
		b.Key = fmt.Sprint("key ", w.IntN(10))
	}
	w.append(b)
}

func (w *world) filter() logs.Filter {
	var f logs.Filter
	if w.IntN(3) > 0 {
		f.Search = mustParse(w.tb, w.search().text)
	}
	if w.IntN(4) == 0 {
		f.Sources = []string{w.pick(sourceNamesForTests...), w.pick("web-1", "unknown")}
	}
	if w.IntN(6) == 0 {
		f.Services = []string{w.pick("web", "db", "unknown")}
	}
	if w.IntN(3) == 0 {
		f.Levels = logs.AtLeast(logs.Level(w.IntN(6)))
	}
	if w.IntN(5) == 0 {
		f.Streams = []logs.Stream{logs.Stream(w.IntN(2))}
	}
	past := func() time.Time {
		return time.Unix(0, w.at-w.Int64N(1+w.at-1_700_000_000_000_000_000+int64(time.Hour)))
	}
	if w.IntN(3) == 0 {
		f.Since = past()
	}
	if w.IntN(4) == 0 {
		f.Until = past()
	}
	return f
}

// compare asks both stores the same.
func (w *world) compare(f logs.Filter, label string) {
	w.tb.Helper()
	ctx := w.tb.Context()
	check := func(what string, got, want any, gotErr, wantErr error, o ...cmp.Option) {
		w.tb.Helper()
		if (gotErr == nil) != (wantErr == nil) {
			w.tb.Fatalf("%s, %s: error %v, want %v", what, label, gotErr, wantErr)
		}
		if d := cmp.Diff(want, got, append(o, cmpopts.EquateEmpty())...); d != "" {
			w.tb.Fatalf("%s, %s (-want +got):\n%s", what, label, d)
		}
	}
	q := logs.Query{Filter: f, Limit: 1 + w.IntN(60), CountAll: w.IntN(3) == 0, Deadline: time.Minute}
	if w.IntN(4) == 0 {
		q.Offset = w.IntN(200)
	}
	for page := range 4 {
		got, err := w.store.Search(ctx, q)
		want, wantErr := w.plain.Search(ctx, q)
		if !got.Exact && got.Total <= want.Total && !q.CountAll {
			got.Total, got.Exact = want.Total, true // as many or more
		}
		check(fmt.Sprintf("page %d", page), got, want, err, wantErr)
		if q.After = got.Next; q.After == nil {
			break
		}
		q.Offset = 0
	}
	steps := []time.Duration{time.Second, 10 * time.Second, time.Minute, 7*time.Second + 3, time.Hour}
	b := logs.Buckets{Step: steps[w.IntN(len(steps))], N: 1 + w.IntN(300)}
	b.Start = time.Unix(0, w.at).Add(-time.Duration(w.IntN(b.N+1)) * b.Step).Truncate(b.Step)
	gotH, err := w.store.Histogram(ctx, f, b)
	wantH, wantErr := w.plain.Histogram(ctx, f, b)
	check("histogram", gotH, wantH, err, wantErr)
	gotF, err := w.store.Facets(ctx, f)
	wantF, wantErr := w.plain.Facets(ctx, f)
	check("facets", gotF, wantF, err, wantErr)
	id := 1 + w.Int64N(int64(w.n)+3)
	gotE, err := w.store.Entry(ctx, id)
	wantE, wantErr := w.plain.Entry(ctx, id)
	check("entry", gotE, wantE, err, wantErr)
	before, after := w.IntN(20), w.IntN(20)
	gotA, err := w.store.Around(ctx, id, f, before, after)
	wantA, wantErr := w.plain.Around(ctx, id, f, before, after)
	check("around", gotA, wantA, err, wantErr)
	from, limit := w.Int64N(int64(w.n)+3), 1+w.IntN(100)
	gotS, gotLast, err := w.store.Since(ctx, from, f, limit)
	wantS, wantLast, wantErr := w.plain.Since(ctx, from, f, limit)
	check("since", gotS, wantS, err, wantErr)
	check("since", gotLast, wantLast, nil, nil)
}

func (w *world) compareTotals() {
	w.tb.Helper()
	ctx := w.tb.Context()
	got, err := w.store.Stats(ctx)
	if err != nil {
		w.tb.Fatal(err)
	}
	want, _ := w.plain.Stats(ctx)
	if d := cmp.Diff(want, got, cmpopts.IgnoreFields(logs.Stats{}, "DiskBytes")); d != "" {
		w.tb.Fatalf("stats (-want +got):\n%s", d)
	}
	gotS, err := w.store.Sources(ctx)
	if err != nil {
		w.tb.Fatal(err)
	}
	wantS, _ := w.plain.Sources(ctx)
	if d := cmp.Diff(wantS, gotS, cmpopts.IgnoreFields(logs.SourceStats{}, "Rate")); d != "" {
		w.tb.Fatalf("sources (-want +got):\n%s", d)
	}
}

// gone takes the entries that retention removed out of the plain store.
func (w *world) gone() {
	w.tb.Helper()
	keep := func(most int64) {
		w.store.retainMu.Lock()
		defer w.store.retainMu.Unlock()
		w.store.opts.MaxEntries = most
	}
	keep(w.most)
	if _, err := w.store.Retain(w.tb.Context()); err != nil {
		w.tb.Fatal(err)
	}
	keep(0) // or the store would remove entries when plain is not told
	left := make(map[int64]bool)
	for from := int64(0); ; {
		entries, last, err := w.store.Since(w.tb.Context(), from, logs.Filter{}, 10_000)
		if err != nil {
			w.tb.Fatal(err)
		}
		for _, e := range entries {
			left[e.ID] = true
		}
		if last == from || len(entries) == 0 {
			break
		}
		from = last
	}
	w.plain.Remove(func(e logs.Entry) bool { return !left[e.ID] })
}

// TestStoreAgreesWithLookingAtEverything compares all questions with a store
// that looks at every entry, while entries are sealed, removed and read again.
func TestStoreAgreesWithLookingAtEverything(t *testing.T) {
	lines, seeds := *propertyLines, *propertySeeds
	if testing.Short() {
		lines, seeds = 2000, 1
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			agree(t, seed, lines)
		})
	}
}

var (
	propertyLines = flag.Int("lines", unlessRace(4000, 1500), "entries of each run that compares the store with a simple one")
	propertySeeds = flag.Uint64("seeds", uint64(unlessRace(3, 1)), "number of such runs")
)

func agree(t *testing.T, seed uint64, lines int) {
	r := rand.New(rand.NewPCG(seed, 3))
	o := Options{BlockRows: 20 + r.IntN(500), MaxEntries: int64(lines) / 2, RetainEvery: time.Hour}
	if r.IntN(2) == 0 {
		o.MemoryLimit = 48 << 20
	}
	w := newWorld(t, seed, o)
	for w.n < lines {
		for range 1 + w.IntN(8) {
			w.batch()
		}
		switch w.IntN(8) {
		case 0:
			w.store.reopen(t)
		case 1:
			if err := w.store.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		case 2:
			w.gone()
		}
		for range 6 {
			f := w.filter()
			w.compare(f, fmt.Sprintf("filter %+v of %d entries", f, w.n))
		}
		w.compareTotals()
	}
}
