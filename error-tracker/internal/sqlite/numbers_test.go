package sqlite

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

// Values of tags come from outside: those that are not counted are not kept, and
// those of errors that are gone go as well, since they may be of people.
func TestTagsAreBoundedAndForgotten(t *testing.T) {
	s := benchStore(t)
	random := rand.New(rand.NewPCG(1, 2))
	stored := func() (n int) {
		t.Helper()
		if err := s.db.Read().QueryRowContext(t.Context(), "SELECT count(*) FROM tags WHERE name = 'order'").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	record := func(n int) int64 {
		t.Helper()
		e := sampleEvent(random, 1, 2000, noon)
		e.Tags = []event.Tag{{Name: "order", Value: fmt.Sprint(n)}}
		out, err := s.Record(t.Context(), e, sampleKey(1))
		if err != nil {
			t.Fatal(err)
		}
		return out.IssueID
	}
	var issue int64
	for n := range maxTagRows + 50 {
		issue = record(n)
	}
	if got := stored(); got != maxTagRows {
		t.Errorf("%d values of a tag are stored, want %d", got, maxTagRows)
	}
	forget := func() {
		t.Helper()
		if _, err := s.Forget(t.Context(), noon, 10_000); err != nil {
			t.Fatal(err)
		}
	}
	if forget(); stored() != maxTagRows {
		t.Errorf("%d values are left of an error that is there", stored())
	}
	if _, err := s.Delete(t.Context(), []int64{issue}); err != nil {
		t.Fatal(err)
	}
	if forget(); stored() != 0 {
		t.Errorf("%d values are left of an error that was deleted", stored())
	}
	// What is remembered does not name rows that are gone.
	record(0)
	var n int
	err := s.db.Read().QueryRowContext(t.Context(), "SELECT sum(h.n) FROM hash_tags h JOIN tags t ON t.id = h.tag_id WHERE t.name = 'order' AND t.value = '0'").Scan(&n)
	if err != nil || n != 1 {
		t.Errorf("a tag that came back is counted %d times, %v", n, err)
	}
}

// An error that lives through many releases is found by its tags in all of them.
func TestTagsAreCountedInEveryRelease(t *testing.T) {
	s := benchStore(t)
	random := rand.New(rand.NewPCG(1, 2))
	const releases = maxTagRows + 50
	for n := range releases {
		e := sampleEvent(random, 1, 2000, noon)
		e.Release, e.Tags = fmt.Sprintf("1.0.%d", n), []event.Tag{{Name: "plan", Value: "business"}}
		if _, err := s.Record(t.Context(), e, sampleKey(1)); err != nil {
			t.Fatal(err)
		}
	}
	var n int
	err := s.db.Read().QueryRowContext(t.Context(), "SELECT sum(h.n) FROM hash_tags h JOIN tags t ON t.id = h.tag_id WHERE t.name = 'plan'").Scan(&n)
	if err != nil || n != releases {
		t.Errorf("%d events are counted, %v, want %d", n, err, releases)
	}
}

// Somebody whose only event in a release is taken for one of another error is new
// there when the first error meets them again.
func TestPeopleOfAnEmptiedScopeAreCountedAgain(t *testing.T) {
	s := benchStore(t)
	random := rand.New(rand.NewPCG(1, 2))
	e := sampleEvent(random, 1, 2000, noon)
	e.User.ID, e.Release = "ann", "1.0"
	other := *e
	other.Release = "0.9" // so that the error is not gone with the event
	other.ID[0]++
	for _, e := range []*event.Event{&other, e} {
		if _, err := s.Record(t.Context(), e, sampleKey(1)); err != nil {
			t.Fatal(err)
		}
	}
	moved := *e
	if _, err := s.Replace(t.Context(), &moved, sampleKey(2)); err != nil {
		t.Fatal(err)
	}
	again := *e
	again.ID[0] += 2
	out, err := s.Record(t.Context(), &again, sampleKey(1))
	if err != nil {
		t.Fatal(err)
	}
	var users int
	err = s.db.Read().QueryRowContext(t.Context(), `SELECT c.users FROM hash_scopes c JOIN releases r ON r.id = c.release_id AND r.name = '1.0'
		WHERE c.issue_id = ? AND c.environment_id <> -1`, out.IssueID).Scan(&users)
	if err != nil || users != 1 {
		t.Errorf("%d people in the release, %v, want 1", users, err)
	}
}
