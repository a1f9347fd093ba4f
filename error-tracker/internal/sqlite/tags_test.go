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
