package metrics

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSelectionSaysWhatMatchersSay compares the selection, which compares
// numbers of texts, with the matchers' own words about the labels.
func TestSelectionSaysWhatMatchersSay(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	names := []string{"a", "b", "c", "not there"}
	values := []string{"", "1", "2", "22", "no such value"}
	for range 300 {
		x := newIndex(Limits{Series: 1000, SeriesPerProject: 1000, SeriesPerMetric: 1000})
		all := map[uint32]map[string]string{}
		for range r.IntN(20) {
			labels, text := Labels{}, map[string]string{}
			for _, name := range names[:3] {
				if r.IntN(2) == 0 {
					text[name] = values[r.IntN(4)]
					labels = append(labels, Label{name, text[name]})
				}
			}
			id, _ := x.findOrMake("", "m", Gauge, labels, 0)
			all[id] = text
		}
		q := Query{Name: "m", MaxGroups: 1000, By: []string{"a"}}
		for range 1 + r.IntN(3) {
			m, err := NewMatcher(names[r.IntN(4)], MatchOp(r.IntN(4)), values[r.IntN(5)])
			if err != nil {
				t.Fatal(err)
			}
			q.Matchers = append(q.Matchers, m)
		}
		var want, got []uint32
		for id, labels := range all {
			if !slices.ContainsFunc(q.Matchers, func(m Matcher) bool { return !m.Matches(labels[m.Name]) }) {
				want = append(want, id)
			}
		}
		slices.Sort(want)
		for _, s := range x.selectSeries(&q).live {
			got = append(got, s.id)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%v of %v: series %v, want %v", q.Matchers, all, got, want)
		}
	}
}
