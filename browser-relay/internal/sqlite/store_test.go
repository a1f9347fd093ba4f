package sqlite_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/monlight/monlight/browser-relay/internal/artifacts"
	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/browser-relay/internal/sourcemap"
	"github.com/monlight/monlight/browser-relay/internal/sqlite"
	"github.com/monlight/monlight/browser-relay/internal/symbolicate"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/sqlitedb"
	"github.com/monlight/monlight/shared/sqlitedb/dbtest"
)

func newStore(t testing.TB) (*sqlite.Store, *sqlitedb.DB) {
	t.Helper()
	db := dbtest.Open(t, sqlite.Migrations())
	return sqlite.NewStore(db), db
}

var now = time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)

func metric(key int64, body string, items int) relay.Entry {
	return relay.Entry{Queue: relay.Queue{Target: relay.ToMetrics, KeyID: key}, At: now, Items: items, Body: []byte(body)}
}

// What is read as a parcel is complete: nothing is added to it afterwards, also
// while others append.
func TestParcelsAreClosedWhenTheyAreRead(t *testing.T) {
	s, _ := newStore(t)
	q := relay.Queue{Target: relay.ToMetrics, KeyID: 1}
	var appending sync.WaitGroup
	const writers, each = 8, 40
	for w := range writers {
		appending.Go(func() {
			for i := range each {
				if _, err := s.Append(t.Context(), []relay.Entry{metric(1, fmt.Sprintf("%d-%d", w, i), 7)}, nil, now); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { appending.Wait(); close(done) }()
	seen, parcels := map[string]bool{}, map[string]bool{}
	for finished := false; ; {
		entries, err := s.Next(t.Context(), q, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == 0 {
			if finished {
				break
			}
			select {
			case <-done:
				finished = true
			case <-time.After(time.Millisecond):
			}
			continue
		}
		if parcels[entries[0].Parcel] {
			t.Fatalf("parcel %s came again with other parts", entries[0].Parcel)
		}
		parcels[entries[0].Parcel] = true
		items := 0
		var ids []int64
		for _, e := range entries {
			items += e.Items
			ids = append(ids, e.ID)
			seen[string(e.Body)] = true
		}
		if items > relay.MaxMetrics {
			t.Errorf("a parcel of %d points", items)
		}
		// Read again, as after a failure, it is the same.
		again, err := s.Next(t.Context(), q, 0)
		if err != nil || !cmp.Equal(entries, again) {
			t.Fatalf("read again it differs: %v\n%s", err, cmp.Diff(entries, again))
		}
		if err := s.Remove(t.Context(), ids); err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) != writers*each {
		t.Errorf("%d parts came out, want %d", len(seen), writers*each)
	}
}

func TestDigestsAreKnownAgain(t *testing.T) {
	s, _ := newStore(t)
	d := relay.Digest{1}
	for i, want := range []bool{false, true, true} {
		if known, err := s.Append(t.Context(), []relay.Entry{metric(1, "x", 1)}, &d, now); err != nil || known != want {
			t.Errorf("append %d: known %v, %v", i, known, err)
		}
	}
	if b, err := s.Backlogs(t.Context()); err != nil || len(b) != 1 || b[0].Entries != 1 {
		t.Errorf("%v %v", b, err)
	}
	if err := s.ForgetDigests(t.Context(), now.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if known, err := s.Append(t.Context(), []relay.Entry{metric(1, "x", 1)}, &d, now); err != nil || known {
		t.Errorf("after it was forgotten: %v %v", known, err)
	}
}

func TestKeysComeBack(t *testing.T) {
	s, _ := newStore(t)
	k := relay.Key{PublicKey: "k1", Project: "p", Label: "l", Origins: relay.Origins{"https://a.example", "null"}, Rate: 7, Active: true, Created: now}
	k, err := s.AddKey(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.AddKey(t.Context(), relay.Key{PublicKey: "k1", Project: "q", Created: now}); errs.KindOf(err) != errs.Conflict {
		t.Errorf("the same key again: %v", err)
	}
	fresh, err := s.ReplaceKey(t.Context(), k.ID, now.Add(time.Hour), relay.Key{PublicKey: "k2", Project: "p", Active: true, Created: now})
	if err != nil {
		t.Fatal(err)
	}
	k.Expires = now.Add(time.Hour)
	if err := s.SawKeys(t.Context(), map[int64]time.Time{k.ID: now}); err != nil {
		t.Fatal(err)
	}
	k.LastSeen = now
	keys, err := s.Keys(t.Context())
	fresh.Origins = relay.Origins{}
	if diff := cmp.Diff([]relay.Key{k, fresh}, keys); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if err := s.SaveKey(t.Context(), relay.Key{ID: 99}); errs.KindOf(err) != errs.NotFound {
		t.Errorf("%v", err)
	}
}

// upload puts a map of some blocks.
func upload(t *testing.T, s *sqlite.Store, m artifacts.Map, blocks ...string) int64 {
	t.Helper()
	w, err := s.BeginMap(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Discard()
	m.Path = symbolicate.NormalizePath(m.FileURL)
	m.Result = &sourcemap.Result{Index: []byte("index"), DebugID: m.DebugID, Bytes: 10}
	for _, b := range blocks {
		h := sourcemap.Hash(sha256.Sum256([]byte(b)))
		if err := w.PutBlock(t.Context(), h, []byte(b)); err != nil {
			t.Fatal(err)
		}
		m.Blocks = append(m.Blocks, h)
	}
	id, err := w.Commit(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func hasBlock(t *testing.T, s *sqlite.Store, b string) bool {
	t.Helper()
	data, err := s.Block(t.Context(), sourcemap.Hash(sha256.Sum256([]byte(b))))
	if err != nil && errs.KindOf(err) != errs.NotFound {
		t.Fatal(err)
	}
	return err == nil && bytes.Equal(data, []byte(b))
}

func TestMapsShareBlocksAndReplaceEachOther(t *testing.T) {
	s, _ := newStore(t)
	first := upload(t, s, artifacts.Map{Project: "p", Release: "1", FileURL: "https://h/a.js?v=1", DebugID: "d1"}, "common", "old")
	other := upload(t, s, artifacts.Map{Project: "p", Release: "2", FileURL: "/a.js"}, "common", "two")
	second := upload(t, s, artifacts.Map{Project: "p", Release: "1", FileURL: "/a.js", DebugID: "d2"}, "common", "new")
	if second == first {
		t.Error("a replacement has the same id")
	}
	if hasBlock(t, s, "old") || !hasBlock(t, s, "common") || !hasBlock(t, s, "new") {
		t.Error("blocks after a replacement are not those that are needed")
	}
	got, err := s.MapsByBase(t.Context(), "p", "1", "a.js")
	if diff := cmp.Diff([]symbolicate.Candidate{{ID: second, Path: "/a.js"}}, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if _, found, err := s.MapByDebugID(t.Context(), "p", "d1"); found || err != nil {
		t.Errorf("the replaced map is found: %v", err)
	}
	if _, found, _ := s.MapByDebugID(t.Context(), "another project", "d2"); found {
		t.Error("a map is found from another project")
	}
	if id, found, _ := s.MapByDebugID(t.Context(), "p", "d2"); !found || id != second {
		t.Errorf("%d %v", id, found)
	}
	if err := s.DeleteMap(t.Context(), other); err != nil || hasBlock(t, s, "two") || !hasBlock(t, s, "common") {
		t.Errorf("%v", err)
	}
	if err := s.DeleteMap(t.Context(), other); errs.KindOf(err) != errs.NotFound {
		t.Errorf("deleted twice: %v", err)
	}
	if n, err := s.DeleteOldMaps(t.Context(), time.Now().Add(time.Hour), 1<<30); n != 1 || err != nil || hasBlock(t, s, "common") {
		t.Errorf("%d %v", n, err)
	}
}

// Blocks of an upload that goes on are not deleted; those of one that was given
// up are.
func TestBlocksOfRunningUploadsStay(t *testing.T) {
	s, _ := newStore(t)
	w, _ := s.BeginMap(t.Context())
	b := bytes.Repeat([]byte("x"), 600<<10) // enough to be written at once
	h := sourcemap.Hash(sha256.Sum256(b))
	if err := w.PutBlock(t.Context(), h, b); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteOrphans(t.Context()); err != nil || !hasBlock(t, s, string(b)) {
		t.Fatalf("a block of a running upload is gone: %v", err)
	}
	w.Discard()
	if err := s.DeleteOrphans(t.Context()); err != nil || hasBlock(t, s, string(b)) {
		t.Errorf("a block of nobody is still there: %v", err)
	}
}

func TestLeastUsedMapsGoFirst(t *testing.T) {
	s, _ := newStore(t)
	a := upload(t, s, artifacts.Map{Project: "p", Release: "1", FileURL: "/a.js"}, string(bytes.Repeat([]byte("a"), 1000)))
	b := upload(t, s, artifacts.Map{Project: "p", Release: "1", FileURL: "/b.js"}, string(bytes.Repeat([]byte("b"), 1000)))
	time.Sleep(2 * time.Millisecond)
	s.UsedMap(a)
	if err := s.FlushUsed(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := s.DeleteOldMaps(t.Context(), now.Add(-time.Hour), 1500); n != 1 || err != nil {
		t.Errorf("%d %v", n, err)
	}
	left, err := s.SourceMaps(t.Context(), relay.MapFilter{})
	if err != nil || len(left) != 1 || left[0].ID != a {
		t.Errorf("%v %v, want %d and not %d", left, err, a, b)
	}
}

func TestMapsAreFoundByAPartOfWhatTheyAreOf(t *testing.T) {
	s, _ := newStore(t)
	cart := upload(t, s, artifacts.Map{Project: "p", Release: "shop@1.4.0", FileURL: "https://shop.example/Cart.min.js"}, "cart")
	list := upload(t, s, artifacts.Map{Project: "q", Release: "2", FileURL: "/100%_list.js", DebugID: "cafe4711"}, "list")
	for text, want := range map[string][]int64{"cart.MIN": {cart}, "SHOP@": {cart}, "CAFE": {list}, ".js": {cart, list}, "%": {list}, "_": {list}, "no'ne": nil, "": {cart, list}} {
		f := relay.MapFilter{Text: text}
		maps, err := s.SourceMaps(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		for _, m := range maps {
			got = append(got, m.ID)
		}
		if n, err := s.CountMaps(t.Context(), f); !slices.Equal(got, want) || n != int64(len(want)) || err != nil {
			t.Errorf("%q: %v of %d %v, want %v", text, got, n, err, want)
		}
	}
	if maps, err := s.SourceMaps(t.Context(), relay.MapFilter{Text: ".js", Project: "q"}); err != nil || len(maps) != 1 {
		t.Errorf("of a project: %v %v", maps, err)
	}
}

func TestRecentEventsWaitForMaps(t *testing.T) {
	s, _ := newStore(t)
	handled := true
	for i := range 5 {
		e := relay.RecentEvent{KeyID: 1, Project: "p", At: now.Add(time.Duration(i) * time.Second),
			Missing: []relay.MissingMap{{Release: "1", File: "/a.js", DebugID: "d"}, {Release: "1", File: fmt.Sprintf("/%d.js", i)}},
			Event:   relay.Event{ID: fmt.Sprint(i), Message: "m", Handled: &handled, Context: []byte(`{"a":1}`), DebugIDs: map[string]string{"u": "d"}}}
		if err := s.AddRecent(t.Context(), []relay.RecentEvent{e}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.RecentFor(t.Context(), "p", relay.MissingMap{Release: "1", File: "/a.js"}, 3)
	if err != nil || len(got) != 3 || got[0].Event.ID != "4" || string(got[0].Event.Context) != `{"a":1}` || !*got[0].Event.Handled {
		t.Errorf("%+v %v", got, err)
	}
	for _, m := range []relay.MissingMap{{DebugID: "d"}, {Release: "1", File: "/2.js"}} {
		if got, err := s.RecentFor(t.Context(), "p", m, 10); err != nil || len(got) == 0 {
			t.Errorf("%+v: %d %v", m, len(got), err)
		}
	}
	if got, _ := s.RecentFor(t.Context(), "q", relay.MissingMap{DebugID: "d"}, 10); len(got) != 0 {
		t.Error("events of another project")
	}
	wanted, err := s.MissingMaps(t.Context(), 10)
	if err != nil || len(wanted) != 6 || wanted[0].Events != 5 || wanted[0].File != "/a.js" {
		t.Errorf("%+v %v", wanted, err)
	}
	if err := s.ForgetRecent(t.Context(), now.Add(time.Second), 2); err != nil {
		t.Fatal(err)
	}
	if got, _ := s.RecentFor(t.Context(), "p", relay.MissingMap{DebugID: "d"}, 10); len(got) != 2 {
		t.Errorf("%d events kept, want the newest 2", len(got))
	}
	many := make([]relay.RecentEvent, relay.MaxRecent+1)
	for i := range many {
		many[i] = relay.RecentEvent{KeyID: 1, Project: "p", At: now, Missing: []relay.MissingMap{{Release: "2", File: "/a.js"}}, Event: relay.Event{ID: fmt.Sprint(i)}}
	}
	if err := s.AddRecent(t.Context(), many); err != nil {
		t.Fatal(err)
	}
	if got, _ := s.RecentFor(t.Context(), "p", relay.MissingMap{Release: "2", File: "/a.js"}, 5000); len(got) != relay.MaxRecent || got[len(got)-1].Event.ID != "1" {
		t.Errorf("%d events kept, the oldest is %s; want %d, and 1", len(got), got[len(got)-1].Event.ID, relay.MaxRecent)
	}
}
