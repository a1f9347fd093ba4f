package sqlite

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/shared/errs"
)

// flood is a line of random tokens of one kind.
func flood(r *rand.Rand, size int, letters string) string {
	var b strings.Builder
	from := []rune(letters)
	for b.Len() < size-40 {
		for range 6 + r.IntN(8) {
			b.WriteRune(from[r.IntN(len(from))])
		}
		b.WriteByte(' ')
	}
	return b.String()
}

// TestAFloodOfTokensIsBounded sends lines made of nothing but new words, and of
// new ids: the lists stay small, and everything is still found.
func TestAFloodOfTokensIsBounded(t *testing.T) {
	t.Parallel()
	for name, letters := range map[string]string{"words": "abcdefghijklmnopqrstuvwxyz", "ids": "0123456789abcdef", "beyond ASCII": "äöüßéèñç"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openStore(t, Options{RetainEvery: time.Hour})
			r := rand.New(rand.NewPCG(1, 2))
			text, lines := int64(0), unlessRace(6, 1)
			var last string
			for range lines {
				last = flood(r, logs.MaxMessage, letters)
				text += int64(len(last))
				mustAppend(t, s, logs.Batch{Entries: []logs.Entry{{Time: testStart.UnixNano(), Source: "mallory", Message: last}}})
				mustAppend(t, s, logs.Batch{Entries: []logs.Entry{{Time: testStart.UnixNano(), Source: "web", Message: "an ordinary line with order 4711"}}})
			}
			mustFlush(t, s)
			var words, ids int64
			const query = "SELECT (SELECT sum(length(block)) FROM words_0_data), (SELECT sum(length(ids)) FROM blocks)"
			if err := s.db.Read().QueryRowContext(t.Context(), query).Scan(&words, &ids); err != nil {
				t.Fatal(err)
			}
			blocks := int64(len(s.view().blocks))
			if words > blocks*(600<<10) {
				t.Errorf("the words of %d blocks take %d bytes", blocks, words)
			}
			if ids > text/2 {
				t.Errorf("the ids of %d bytes of text take %d bytes", text, ids)
			}
			tokens := strings.Fields(last)
			for _, search := range []string{tokens[0], tokens[len(tokens)/2], tokens[len(tokens)-1], tokens[len(tokens)/3][:4] + "*", `"` + tokens[7][2:] + `"`} {
				p, err := s.Search(t.Context(), logs.Query{Filter: logs.Filter{Search: mustParse(t, search), Sources: []string{"mallory"}}, Limit: 10, Deadline: time.Minute})
				if err != nil || len(p.Entries) == 0 || p.Entries[0].Message != last {
					t.Errorf("search %s: %d entries, %v; want the line", search, len(p.Entries), err)
				}
			}
			p, err := s.Search(t.Context(), logs.Query{Filter: logs.Filter{Search: mustParse(t, "ordinary order 4711")}, Limit: 10, Deadline: time.Minute})
			if err != nil || len(p.Entries) != lines {
				t.Errorf("the ordinary lines among them: %d, %v; want %d", len(p.Entries), err, lines)
			}
		})
	}
}

// TestASearchEndsInTime gives searches that take long a short time. They return
// what they have, say that it is not all, and leave the store usable.
func TestASearchEndsInTime(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{RetainEvery: time.Hour})
	l := lines(t, 1_000_000)
	for range unlessRace(20, 2) {
		mustAppend(t, s, logs.Batch{Entries: l.Batch(1000)})
	}
	at := testStart
	for i := range unlessRace(6, 1) {
		at = at.Add(time.Second)
		mustAppend(t, s, logs.Batch{Entries: []logs.Entry{{Time: at.UnixNano(), Source: "mallory", Message: fmt.Sprint(i, " ", strings.Repeat("a", logs.MaxMessage-10))}}})
	}
	for _, sealed := range []bool{false, true} {
		if sealed {
			mustFlush(t, s)
		}
		searches := []string{`/(x+x+)+y/`, `"zyxw0987"`, `f:>3 OR g:/(b*)*c/`, `/(a|aa|b?){60}c/`, `/[^z]{300}[z]/`}
		for _, search := range searches[:unlessRace(len(searches), 3)] {
			for _, deadline := range []time.Duration{time.Nanosecond, 20 * time.Millisecond} {
				q := logs.Query{Filter: logs.Filter{Search: mustParse(t, search)}, Limit: 50, Deadline: deadline, CountAll: true}
				began := time.Now()
				p, err := s.Search(t.Context(), q)
				if err != nil || p.Exact && p.Partial {
					t.Errorf("%s in %s: %v, exact and partial", search, deadline, err)
				}
				// Far more than it takes, and far less than without the bounds: minutes to hours.
				if took := time.Since(began); took > time.Minute {
					t.Errorf("%s in %s took %s", search, deadline, took)
				}
				if deadline == time.Nanosecond && (!p.Partial || p.Exact) {
					t.Errorf("%s in %s: partial %v, exact %v", search, deadline, p.Partial, p.Exact)
				}
			}
		}
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Search(canceled, logs.Query{Limit: 10}); err == nil {
		t.Error("a search for somebody who has left succeeds")
	}
	p, err := s.Search(t.Context(), logs.Query{Filter: logs.Filter{Search: mustParse(t, "authentication")}, Limit: 10})
	if err != nil || p.Partial || len(p.Entries) != 10 {
		t.Errorf("afterwards: %d entries, partial %v, error %v", len(p.Entries), p.Partial, err)
	}
}

// TestAnAnswerFitsIntoMemory asks for more text than an answer may have.
func TestAnAnswerFitsIntoMemory(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{RetainEvery: time.Hour, MemoryLimit: 48 << 20})
	for i := range 20 {
		mustAppend(t, s, logs.Batch{Entries: []logs.Entry{{Time: testStart.Add(time.Duration(i) * time.Second).UnixNano(), Source: "web", Message: fmt.Sprintf("%d %s", i, strings.Repeat("x", logs.MaxMessage-10))}}})
	}
	q := logs.Query{Limit: 1000}
	seen := 0
	for {
		p, err := s.Search(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		size := 0
		for _, e := range p.Entries {
			if want := fmt.Sprintf("%d ", 19-seen); !strings.HasPrefix(e.Message, want) {
				t.Fatalf("entry %d begins with %.5q, want %q", seen, e.Message, want)
			}
			seen++
			size += len(e.Message)
		}
		if size > s.sizes.page || len(p.Entries) == 0 {
			t.Fatalf("%d entries of %d bytes, the bound is %d", len(p.Entries), size, s.sizes.page)
		}
		if p.Next == nil {
			break
		}
		if !p.Partial {
			t.Error("a page that is cut short does not say so")
		}
		q.After = p.Next
	}
	if seen != 20 {
		t.Errorf("%d entries on all pages, want 20", seen)
	}
}

func TestSourcesAreBounded(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{RetainEvery: time.Hour})
	batch := func(from, n int) logs.Batch {
		b := logs.Batch{}
		for i := range n {
			b.Entries = append(b.Entries, logs.Entry{Time: testStart.UnixNano(), Source: fmt.Sprint("source-", from+i), Message: "x"})
		}
		return b
	}
	for from := 0; from < MaxSources; from += 5000 {
		mustAppend(t, s, batch(from, 5000))
	}
	if _, err := s.Append(t.Context(), batch(MaxSources, 1)); errs.KindOf(err) != errs.Invalid {
		t.Errorf("one source too many: %v, want Invalid", err)
	}
	mustAppend(t, s, batch(0, 10)) // those that are known go on
	mustFlush(t, s)
	p, err := s.Search(t.Context(), logs.Query{Filter: logs.Filter{Sources: []string{"source-3"}}, Limit: 10})
	if err != nil || len(p.Entries) != 2 {
		t.Errorf("entries of one of them: %d, %v, want 2", len(p.Entries), err)
	}
}
