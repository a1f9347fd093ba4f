package sqlite

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/grouping"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/sqlitedb"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// What the writer remembers must not outlive a transaction that is taken back.
func TestALostTransactionIsForgotten(t *testing.T) {
	s := benchStore(t)
	rng := rand.New(rand.NewPCG(1, 2))
	for n := 1; ; n++ {
		e := sampleEvent(rng, n, 2000, noon)
		out, err := recordInALostTransaction(t, s, e, sampleKey(n))
		if err == nil {
			// A transaction takes nothing more in when it is some milliseconds old.
			if _, err := s.Issue(t.Context(), out.IssueID); err != nil {
				t.Fatalf("an event that was lost was acknowledged: %v", err)
			}
			if n == 100 {
				t.Fatal("no event came into the transaction that was taken back: the test does not test")
			}
			continue
		}
		out, err = s.Record(t.Context(), e, sampleKey(n))
		if err != nil || out.Status != tracker.Created || out.Count != 1 {
			t.Fatalf("the event again = %+v, %v, want a new issue", out, err)
		}
		i, err := s.Issue(t.Context(), out.IssueID)
		if err != nil || i.Project != "shop" || i.Environment != "prod" {
			t.Errorf("issue = %+v, %v", i, err)
		}
		return
	}
}

// recordInALostTransaction records e while another write is at work, which breaks the
// commit. There is no error when e came into the transaction after that one.
func recordInALostTransaction(t *testing.T, s *Store, e *event.Event, key grouping.Key) (out tracker.Outcome, err error) {
	t.Helper()
	release, began, held := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		held <- s.db.Write(context.Background(), func(tx *sqlitedb.Tx) error {
			close(began)
			<-release
			// Found out about at COMMIT, so the others of the batch are lost as well.
			for _, q := range []string{"PRAGMA defer_foreign_keys = 1", "INSERT INTO environments (project_id, name, created_at) VALUES (4711, 'x', 0)"} {
				if _, err := tx.Exec(q); err != nil {
					return err
				}
			}
			return nil
		})
	}()
	<-began
	recorded := make(chan error, 1)
	go func() {
		var err error
		out, err = s.Record(context.Background(), e, key)
		recorded <- err
	}()
	for s.db.Stats().QueueDepth == 0 {
		time.Sleep(time.Millisecond)
	}
	close(release)
	if err := <-held; !sqlitedb.IsConstraint(err) {
		t.Fatalf("the write that breaks the commit = %v", err)
	}
	err = <-recorded
	return out, err
}

// An event is packed before its transaction. When its hash is deleted and
// opened anew in between, it cannot be told by its difference from the old one.
func TestAnEventOutlivesTheFirstOneItWasComparedWith(t *testing.T) {
	s := benchStore(t)
	rng := rand.New(rand.NewPCG(1, 2))
	key := sampleKey(1)
	record := func(e *event.Event) tracker.Outcome {
		t.Helper()
		out, err := s.Record(t.Context(), e, key)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	first, second := sampleEvent(rng, 1, 8000, noon), sampleEvent(rng, 1, 8000, noon.Add(time.Second))
	out := record(first)
	record(second)
	var deltas int
	if err := s.db.Read().QueryRowContext(t.Context(), "SELECT count(*) FROM occurrences WHERE substr(payload, 1, 1) = x'64'").Scan(&deltas); err != nil || deltas != 1 {
		t.Fatalf("%d events are told by their difference (%v), want 1: the test does not test", deltas, err)
	}
	if _, err := s.Delete(t.Context(), []int64{out.IssueID}); err != nil {
		t.Fatal(err)
	}
	third, fourth := sampleEvent(rng, 1, 8000, noon.Add(2*time.Second)), sampleEvent(rng, 1, 8000, noon.Add(3*time.Second))
	out = record(third) // the cache still has the first one
	record(fourth)
	all, err := s.Occurrences(t.Context(), out.IssueID, 0, 10)
	if err != nil || len(all) != 2 {
		t.Fatalf("Occurrences = %d, %v, want 2", len(all), err)
	}
	for i, want := range []*event.Event{fourth, third} {
		if d := cmp.Diff(*want, all[i].Event); d != "" {
			t.Errorf("event %d (-want +got):\n%s", i, d)
		}
	}
}

func TestTheBaseCacheIsBounded(t *testing.T) {
	c := newBases()
	for i := range 10_000 {
		k := baseKey{fmt.Sprint(i % 100), tracker.Hash{byte(i), byte(i >> 8)}}
		c.put(k, base{hash: int64(i), plain: make([]byte, 5000)})
		if got, ok := c.get(k); !ok || got.hash != int64(i) {
			t.Fatalf("entry %d is not there after it was put", i)
		}
	}
	size := 0
	for _, b := range c.byKey {
		size += b.size()
	}
	if size != c.bytes || size > maxBases || size < maxBases/2 {
		t.Errorf("%d bytes in %d entries, the cache says %d, the limit is %d", size, len(c.byKey), c.bytes, maxBases)
	}
}

func TestNamesAreBounded(t *testing.T) {
	s := benchStore(t)
	send := func(i int, project, env, release string) error {
		e := event.Event{ID: event.NewID(), Project: project, ReceivedAt: noon, Environment: env, Release: release}
		_, err := s.Record(t.Context(), &e, sampleKey(1))
		return err
	}
	for i := range maxNewReleases + 50 {
		if err := send(i, "shop", fmt.Sprint("env", i), fmt.Sprint("1.", i)); err != nil {
			t.Fatal(err)
		}
	}
	var envs, releases int
	if err := s.db.Read().QueryRowContext(t.Context(), "SELECT (SELECT count(*) FROM environments), (SELECT count(*) FROM releases)").Scan(&envs, &releases); err != nil {
		t.Fatal(err)
	}
	if envs != maxNewEnvironments+1 || releases != maxNewReleases+1 {
		t.Errorf("%d environments and %d releases, want %d and %d with the rest under one name", envs, releases, maxNewEnvironments+1, maxNewReleases+1)
	}
	shares, err := s.IssueEnvironments(t.Context(), 1)
	if err != nil || shares[0].Value != otherName || shares[0].Count != maxNewReleases+50-maxNewEnvironments {
		t.Errorf("environments are led by %+v (%v), want %s", shares[0], err, otherName)
	}
	for i := range MaxProjects + 1 {
		err := send(i, fmt.Sprint("project", i), "", "")
		if refused := i >= MaxProjects-1; refused != (errs.KindOf(err) == errs.Invalid) { // shop is one as well
			t.Fatalf("project %d: %v", i+2, err)
		}
	}
	if err := send(0, "shop", "", ""); err != nil {
		t.Errorf("a known project: %v", err)
	}

	// A project whose issues are gone makes room for one new project, not for two.
	page, err := s.Issues(t.Context(), tracker.IssueQuery{Project: "project7", Limit: 1})
	if err != nil || len(page.Issues) != 1 {
		t.Fatalf("issues of project7: %+v, %v", page, err)
	}
	if _, err := s.Delete(t.Context(), []int64{page.Issues[0].ID}); err != nil {
		t.Fatal(err)
	}
	if err := send(1, "brand new", "prod", "1.0"); err != nil {
		t.Errorf("a new project in the place of an empty one: %v", err)
	}
	if err := send(2, "project7", "", ""); errs.KindOf(err) != errs.Invalid {
		t.Errorf("a project too many: %v, want it refused", err)
	}
	names, err := s.Projects(t.Context())
	if err != nil || len(names) != MaxProjects || !slices.Contains(names, "brand new") || slices.Contains(names, "project7") {
		t.Errorf("%d projects, %v, want %d with the new one", len(names), err, MaxProjects)
	}
}

func TestUsersAreBounded(t *testing.T) {
	s := benchStore(t)
	out, err := s.Record(t.Context(), &event.Event{ID: event.NewID(), Project: "shop", ReceivedAt: noon}, sampleKey(1))
	if err != nil {
		t.Fatal(err)
	}
	err = s.db.Write(t.Context(), func(tx *sqlitedb.Tx) error {
		h := &hashEntry{id: 1, issue: out.IssueID}
		for i := range MaxUsers + 100 {
			if _, err := countUser(tx, int64(i+1), h); err != nil {
				return err
			}
		}
		_, err := countUser(tx, 5, h)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	i, err := s.Issue(t.Context(), out.IssueID)
	if err != nil || i.Users != MaxUsers {
		t.Errorf("users = %d, %v, want %d", i.Users, err, MaxUsers)
	}
}

// Texts of an event are parts of the body that it came in. What is remembered of
// them must not keep bodies.
func TestWhatIsRememberedOfTagsKeepsNoBodies(t *testing.T) {
	s := benchStore(t)
	random := rand.New(rand.NewPCG(1, 2))
	const events, bodySize = 200, 256 << 10
	before := heapInUse()
	for n := range events {
		body := strings.Repeat("x", bodySize) + fmt.Sprintf("name%d value%d", n%40, n)
		name, value, _ := strings.Cut(body[bodySize:], " ")
		e := sampleEvent(random, 1, 2000, noon)
		e.Tags = []event.Tag{{Name: name, Value: value}}
		if _, err := s.Record(t.Context(), e, sampleKey(1)); err != nil {
			t.Fatal(err)
		}
	}
	if grown := heapInUse() - before; grown > events*bodySize/4 {
		t.Errorf("%d events with bodies of %d KiB leave %d KiB in memory", events, bodySize>>10, grown>>10)
	}
	runtime.KeepAlive(s)
}

// heapInUse is the size of what can be reached.
func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
