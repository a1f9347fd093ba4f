package webui

import (
	"testing"
	"time"
)

func TestSparkline(t *testing.T) {
	s := Sparkline([]int64{0, 0, 1, 1000, 500, 500}, "events", "hour")
	if want := "M0 9V9h2V8h1V0h1V4h2V9z"; s.Path != want || s.Width != 6 {
		t.Errorf("path %q of %d, want %q of 6", s.Path, s.Width, want)
	}
	if want := "2\u202f001 events, at most 1\u202f000 in one hour"; s.Label != want {
		t.Errorf("label %q, want %q", s.Label, want)
	}
	if s := Sparkline(make([]int64, 24), "events", "hour"); s.Path != "" || s.Label != "no events" {
		t.Errorf("nothing is drawn as %+v", s)
	}
	if s := Sparkline(nil, "events", "hour"); s.Path != "" {
		t.Errorf("no counts are drawn as %+v", s)
	}
	// Counts near the limit of the type do not overflow the picture.
	if s := Sparkline([]int64{1 << 62, 1, -3}, "events", "hour"); s.Path != "M0 9V0h1V8h1V9h1V9z" {
		t.Errorf("large counts are drawn as %q", s.Path)
	}
}

func TestBars(t *testing.T) {
	start := time.Date(2026, 7, 27, 0, 0, 0, 0, time.UTC)
	b := NewBars("x", "events", start, time.Hour, []int64{0, 1, 100})
	if b.Top != 100 || b.Total != 101 || b.Width != 28 || b.Bars[0].H != 0 || b.Bars[1].H != 3 || b.Bars[2].Y != 0 || !b.Bars[2].Start.Equal(start.Add(2*time.Hour)) {
		t.Errorf("bars %+v", b)
	}
	if b := NewBars("x", "events", start, time.Hour, nil); b.Width < 1 {
		t.Errorf("no bars have the width %d", b.Width)
	}
}

func TestPortions(t *testing.T) {
	p := Portions([]string{"a", "b", "c", "d"}, []int64{990, 9, 1, 0}, 0)
	for i, want := range []int{99, 1, 1, 0} {
		if p[i].Percent != want {
			t.Errorf("%s has %d %%, want %d", p[i].Label, p[i].Percent, want)
		}
	}
}
