package webui

import (
	"strconv"
	"time"
)

// Spark is a small bar chart for a row of a list, drawn by the template "spark".
type Spark struct {
	Path  string // of the SVG path element
	Width int    // of its view box: one unit for each bar
	Label string // what it shows, in words
	Marks string // of a second path, see Mark
}

// Mark puts a line at a place between 0, where the first bar begins, and 1,
// where the last one ends.
func (s *Spark) Mark(at float64) {
	if at >= 0 && at <= 1 {
		s.Marks += "M" + strconv.FormatFloat(at*float64(s.Width), 'f', 1, 64) + " 0h.2v9h-.2z"
	}
}

// SparkHeight is the height of a Spark's view box. It is small so that a page
// of them stays light: every height is one digit.
const SparkHeight = 9

// Sparkline draws one bar for each count. unit names what was counted and step
// the time of one bar, for the label: ("events", "hour").
func Sparkline(counts []int64, unit, step string) Spark {
	s := Spark{Width: len(counts)}
	var top, total int64
	for _, n := range counts {
		top, total = max(top, n), total+n
	}
	if top == 0 {
		s.Label = "no " + unit
		return s
	}
	// The outline of all bars in one line; the style sheet cuts the gaps.
	path := append(make([]byte, 0, 8+4*len(counts)), "M0 9"...)
	at, run := int64(-1), 0
	flush := func() {
		if run > 0 {
			path = append(path, 'V')
			path = strconv.AppendInt(path, SparkHeight-at, 10)
			path = append(path, 'h')
			path = strconv.AppendInt(path, int64(run), 10)
		}
	}
	for _, n := range counts {
		h := int64(0)
		if n > 0 {
			// At least one unit: one event among thousands is still seen.
			h = max(1, int64(float64(n)/float64(top)*SparkHeight+0.5))
		}
		if h != at {
			flush()
			at, run = h, 0
		}
		run++
	}
	flush()
	s.Path = string(append(path, "V9z"...))
	s.Label = Number(total) + " " + unit + ", at most " + Number(top) + " in one " + step
	return s
}

// Bars is a bar chart over time with a table of the same numbers, drawn by the
// template "bars".
type Bars struct {
	Label string
	Unit  string // "events"
	Bars  []Bar
	Top   int64 // the largest count
	Total int64
	Width int // of the view box, whose height is BarsHeight
	Marks []BarMark
}

// BarMark is a moment that a chart points out.
type BarMark struct {
	At    time.Time
	Label string // "1.4.2 to prod"
	URL   string
	X     int
}

// Mark points out a moment, if it is in the time that the chart shows.
func (b *Bars) Mark(m BarMark) {
	if len(b.Bars) < 2 {
		return
	}
	start, step := b.Bars[0].Start, b.Bars[1].Start.Sub(b.Bars[0].Start)
	at := float64(m.At.Sub(start)) / float64(step)
	if at < 0 || at > float64(len(b.Bars)) {
		return
	}
	m.X = min(int(at*(BarWidth+2)), b.Width-1)
	b.Marks = append(b.Marks, m)
}

// Bar is one bar of Bars.
type Bar struct {
	Start time.Time
	Count int64
	X     int
	Y     int
	H     int
}

// BarsHeight is the height of the view box of Bars; BarWidth the width of one bar.
const (
	BarsHeight = 100
	BarWidth   = 8
)

// NewBars draws counts in steps from start on.
func NewBars(label, unit string, start time.Time, step time.Duration, counts []int64) Bars {
	b := Bars{Label: label, Unit: unit, Width: max(1, len(counts)*(BarWidth+2)-2)}
	for _, n := range counts {
		b.Top, b.Total = max(b.Top, n), b.Total+n
	}
	for i, n := range counts {
		h := 0
		if n > 0 {
			h = max(3, int(float64(n)/float64(b.Top)*BarsHeight+0.5))
		}
		b.Bars = append(b.Bars, Bar{Start: start.Add(time.Duration(i) * step), Count: n, X: i * (BarWidth + 2), Y: BarsHeight - h, H: h})
	}
	return b
}

// Portion is one value among several, for the template "portions".
type Portion struct {
	Label   string
	Count   int64
	Percent int // 0 to 100, rounded; at least 1 for what is there at all
}

// Portions shares a total out among labels. total 0 is the sum of the counts.
func Portions(labels []string, counts []int64, total int64) []Portion {
	if total == 0 {
		for _, n := range counts {
			total += n
		}
	}
	out := make([]Portion, 0, len(labels))
	for i, l := range labels {
		p := Portion{Label: l, Count: counts[i]}
		if total > 0 && counts[i] > 0 {
			p.Percent = min(100, max(1, int(float64(counts[i])/float64(total)*100+0.5)))
		}
		out = append(out, p)
	}
	return out
}
