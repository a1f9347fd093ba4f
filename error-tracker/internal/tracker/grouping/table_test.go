package grouping_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/grouping"
	"github.com/monlight/monlight/error-tracker/internal/tracker/traceback"
	"github.com/monlight/monlight/error-tracker/internal/tracker/traceback/tracebacktest"
)

var update = flag.Bool("update", false, "rewrite the table in docs/grouping.md")

// score counts pairs that were grouped right.
type score struct{ right, all int }

func (s *score) add(ok bool) {
	s.all++
	if ok {
		s.right++
	}
}

func (s score) percent() float64 { return 100 * float64(s.right) / float64(s.all) }

func (s score) String() string {
	if s.all == 0 {
		return "–"
	}
	if s.right == s.all {
		return "100 %"
	}
	return fmt.Sprintf("%.1f %%", s.percent())
}

// asText is the report of a program that only knows the text of its
// traceback, and what becomes of it. ok is false for platforms without one.
func asText(e *event.Event) (report *event.Event, typ, text string, ok bool) {
	text, ok = tracebacktest.Render(e.Platform, e.Exceptions)
	if !ok {
		return nil, "", "", false
	}
	last := e.Exceptions[len(e.Exceptions)-1]
	r := traceback.Chain(text, last.Type, last.Value)
	c := *e
	c.Exceptions, c.Platform, c.Threads = r.Exceptions, r.Platform, nil
	return &c, last.Type, text, true
}

// rendersExactly tells whether all that a change was made to is in the text.
func rendersExactly(c change, pair [2]*event.Event) bool {
	_, _, a, _ := asText(pair[0])
	_, _, b, _ := asText(pair[1])
	return a != b || c.same
}

// row is a line of the table.
type row struct {
	change
	events, texts, first score
}

func measure(t testing.TB) []row {
	all := samples(t)
	rows := make([]row, 0, len(changes))
	for _, c := range changes {
		r := row{change: c}
		for _, s := range all {
			s.event.Fingerprint = nil // some senders chose their own
			for i, pair := range c.pairs(s.event) {
				a, b := grouping.Of(pair[0]), grouping.Of(pair[1])
				ok := (a.Hash == b.Hash) == c.same
				r.events.add(ok)
				if !ok {
					t.Logf("%s: event %s, variant %d:\n  %v\n  %v", c.name, s.name, i, a.Reasons, b.Reasons)
				}
				ta, typA, textA, hasText := asText(pair[0])
				if !hasText || !rendersExactly(c, pair) {
					continue
				}
				tb, typB, textB, _ := asText(pair[1])
				ka, kb := grouping.Of(ta), grouping.Of(tb)
				ok = (ka.Hash == kb.Hash) == c.same
				r.texts.add(ok)
				if !ok {
					t.Logf("%s: text of %s, variant %d:\n  %v\n  %v", c.name, s.name, i, ka.Reasons, kb.Reasons)
				}
				r.first.add((locationFingerprint("shop", typA, textA) == locationFingerprint("shop", typB, textB)) == c.same)
			}
		}
		rows = append(rows, r)
	}
	return rows
}

// TestGroupingOnRealEvents measures how events are grouped that differ in one
// way from a real one, and holds the figures in the documentation to it.
func TestGroupingOnRealEvents(t *testing.T) {
	rows := measure(t)
	var table strings.Builder
	table.WriteString("| Change | n | as events | n | as texts | texts, first Monlight |\n|---|---|---|---|---|---|\n")
	for _, r := range rows {
		kind := "apart"
		if r.same {
			kind = "together"
		}
		fmt.Fprintf(&table, "| %s: %s | %d | %s | %d | %s | %s |\n", kind, r.name, r.events.all, r.events, r.texts.all, r.texts, r.first)
		for form, s := range map[string]score{"events": r.events, "texts": r.texts} {
			if s.all == 0 {
				t.Errorf("%s: nothing was measured as %s", r.name, form)
			} else if s.percent() < r.least {
				t.Errorf("%s: %d of %d %s are grouped right (%.1f %%), want %.0f %%", r.name, s.right, s.all, form, s.percent(), r.least)
			}
		}
	}
	checkTable(t, table.String())
}

const docs = "../../../../docs/grouping.md"

// checkTable compares the table with the one in the documentation.
func checkTable(t *testing.T, table string) {
	t.Helper()
	const begin, end = "<!-- table: begin -->\n", "<!-- table: end -->"
	text, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	old, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table", docs)
	}
	if *update {
		if err := os.WriteFile(docs, []byte(before+begin+table+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if old != table {
		t.Errorf("the table in %s is out of date, run the test with -update; measured:\n%s", docs, table)
	}
}
