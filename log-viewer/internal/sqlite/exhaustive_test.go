package sqlite

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
)

// exhaustiveLines is as many as fill a dozen blocks of the size that the
// service uses, or of smaller ones under the race detector.
var exhaustiveLines = unlessRace(100_000, 12_000)

// TestEverySearchOfManyLines asks for every kind of term, and for random
// expressions of them, among 100,000 lines (12,000 under the race detector) with late ones, equal times, letters
// of all sorts, bytes that are no text and lines of 1 MiB. The store must return
// exactly the lines that match one by one.
func TestEverySearchOfManyLines(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 42, Options{RetainEvery: time.Hour, BlockRows: unlessRace(0, 4000)})
	w.plain = nil // it would keep them all a second time and go through them for each question
	var all []logs.Entry
	add := func(b logs.Batch) {
		first := mustAppend(t, w.store, b)
		for i, e := range b.Entries {
			e.ID = first + int64(i)
			all = append(all, e)
		}
	}
	for len(all) < exhaustiveLines {
		b := logs.Batch{Entries: make([]logs.Entry, 1000)}
		for i := range b.Entries {
			b.Entries[i] = w.entry()
		}
		if len(all)%20_000 == 0 {
			long := &b.Entries[w.IntN(1000)]
			long.Message = strings.Repeat(w.word()+" ", logs.MaxMessage/20) + "endoflong42"
		}
		add(b)
		if len(all) == exhaustiveLines*3/4 { // the rest is sealed in part, or not at all
			if err := w.store.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := len(w.store.view().blocks); n < 2 {
				t.Fatalf("%d blocks, want some", n)
			}
		}
	}
	all = append(all, w.rawLines(exhaustiveLines/10)...)
	slices.SortFunc(all, func(a, b logs.Entry) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(b.ID, a.ID))
	})
	searches := append(slices.Clone(kindsOfTerms), word("endoflong42"), quoted("longish"))
	for range 20 {
		searches = append(searches, w.search())
	}
	sights := make([]*seen, len(all))
	for i, e := range all {
		sights[i] = see(e)
	}
	type question struct {
		filter logs.Filter
		search term
	}
	var group sync.WaitGroup
	next := make(chan question)
	for range 2 {
		group.Go(func() {
			for q := range next {
				w.exactly(q.filter, q.search, sights)
			}
		})
	}
	for i, search := range searches {
		f := logs.Filter{Search: mustParse(t, search.text)}
		if i >= len(kindsOfTerms) { // random ones within a part of the rest as well
			search := f.Search
			f = w.filter()
			f.Search = search
		}
		next <- question{f, search}
	}
	close(next)
	group.Wait()
}

// exactly compares the newest of what passes, how many there are, and how they
// are spread over time.
func (w *world) exactly(f logs.Filter, search term, all []*seen) {
	const page = 300
	services := map[string]string{"web-1": "web", "web-2": "web", "db": "db"}
	var want []logs.Entry
	total := int64(0)
	first := time.Unix(0, all[len(all)-1].Time).Truncate(time.Hour)
	buckets := logs.Buckets{Start: first, Step: time.Hour, N: 1000}
	counts := logs.NewCounts(buckets.N)
	for _, e := range all {
		if len(f.Sources) > 0 && !slices.Contains(f.Sources, e.Source) || len(f.Services) > 0 && !slices.Contains(f.Services, services[e.Source]) ||
			!f.Levels.Has(e.Level) || len(f.Streams) > 0 && !slices.Contains(f.Streams, e.Stream) ||
			!f.Since.IsZero() && e.Time < f.Since.UnixNano() || !f.Until.IsZero() && e.Time > f.Until.UnixNano() || !search.match(e) {
			continue
		}
		if total++; len(want) < page {
			want = append(want, e.Entry)
		}
		if at := (e.Time - first.UnixNano()) / int64(buckets.Step); at < int64(buckets.N) {
			counts[at][e.Level]++
		}
	}
	label := fmt.Sprintf("search %s, filter %+v", search.text, f)
	got, err := w.store.Search(w.tb.Context(), logs.Query{Filter: f, Limit: page, CountAll: true, Deadline: 5 * time.Minute})
	if err != nil || !got.Exact || got.Total != total {
		w.tb.Errorf("%s: %d found, exact %v, %v; want %d", label, got.Total, got.Exact, err, total)
		return
	}
	if !slices.Equal(got.Entries, want) {
		w.tb.Errorf("%s: the newest %d of %d are not those that match one by one", label, len(got.Entries), total)
	}
	began := time.Now()
	h, err := w.store.Histogram(w.tb.Context(), f, buckets)
	took := time.Since(began)
	switch {
	case err != nil:
		w.tb.Errorf("%s: histogram: %v", label, err)
	case h.Partial && took >= logs.DefaultDeadline:
		// Its time was over, as it may be on a busy machine: nothing is counted that is not there.
		w.tb.Logf("%s: the histogram ended after %s", label, took)
		for i := range h.Counts {
			for l, n := range h.Counts[i] {
				if n > counts[i][l] {
					w.tb.Errorf("%s: %d of a level in an hour, want at most %d", label, n, counts[i][l])
				}
			}
		}
	case h.Partial || !slices.Equal(h.Counts, counts):
		w.tb.Errorf("%s: histogram differs, partial %v after %s", label, h.Partial, took)
	}
}
