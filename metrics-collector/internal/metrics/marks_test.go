package metrics

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestMarksOfATime(t *testing.T) {
	// at are marks at these seconds.
	at := func(seconds ...int64) (all []Mark) {
		for _, s := range seconds {
			all = append(all, Mark{ID: s, At: time.Unix(s, 0)})
		}
		return all
	}
	var many []int64
	for s := range int64(MaxMarks + 10) {
		many = append(many, 100+s)
	}
	for name, c := range map[string]struct {
		all    []Mark
		before bool // there may be others before all
		from   int64
		want   []int64
		more   bool
	}{
		"both ends are in it":                      {at(99, 100, 200, 201), false, 100, []int64{100, 200}, false},
		"others came before the time":              {at(99, 100), true, 100, []int64{100}, false},
		"others may have been in the time":         {at(100, 150), true, 100, []int64{100, 150}, true},
		"all that is known came after it":          {at(201, 202), true, 100, nil, true},
		"as many as are shown":                     {at(many[10:]...), false, 100, many[10:], false},
		"more than are shown":                      {at(many...), false, 100, many[10:], true},
		"more than are shown, but in a wider time": {at(many...), true, 110, many[10:], false},
		"none": {nil, false, 100, nil, false},
	} {
		p := Period{FromMS: c.from * 1000, ToMS: 200_000}
		for what, m := range map[string]Marks{"releases": {Releases: c.all, MoreReleases: c.before}, "alerts": {Alerts: c.all, MoreAlerts: c.before}} {
			in := m.In(p)
			var got []int64
			for _, mark := range slices.Concat(in.Releases, in.Alerts) {
				got = append(got, mark.ID)
			}
			more := in.MoreReleases && what == "releases" || in.MoreAlerts && what == "alerts"
			if !slices.Equal(got, c.want) || more != c.more || in.MoreReleases && in.MoreAlerts {
				t.Errorf("%s, %s: %s, more %t, want %v, %t", name, what, fmt.Sprint(got), more, c.want, c.more)
			}
		}
	}
}
