package webui

import (
	"math"
	"strconv"
	"time"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
)

// Chart is a table of values over time, which a script draws as lines. The
// table is what screen readers, and people without scripts, get.
type Chart struct {
	Key     string // of the overview's charts
	Title   string
	Unit    string
	Step    int64 // seconds between rows, to tell a gap from a slope
	Coarse  metrics.Coarse
	Columns []Column
	Rows    []ChartRow
	Notes   []string
	Explore string // address of the explorer with this question, if any
	CSV     string // address of the table as a file
	From    int64  // Unix seconds: what the chart shows, also where there are no values
	To      int64
}

// Column is a line of a chart.
type Column struct {
	Name string
	Dash bool // the period before
}

// ChartRow is the values of a moment.
type ChartRow struct {
	Time    time.Time
	Partial bool
	Cells   []Cell
}

// CoarseBefore is Coarse.BeforeMS in seconds.
func (c *Chart) CoarseBefore() int64 { return c.Coarse.BeforeMS / 1000 }

// CoarseStep is the length of the buckets before CoarseBefore, in seconds.
func (c *Chart) CoarseStep() int64 { return c.Coarse.WidthMS / 1000 }

// Cell is a value, or none.
type Cell struct {
	OK    bool
	Value float64
}

// Raw is the value as it is.
func (c Cell) Raw() string { return strconv.FormatFloat(c.Value, 'g', -1, 64) }

// Drawn is the value for a script, to three digits: more cannot be seen in a
// chart, whose scale begins at zero, and would be most of the page's size.
func (c Cell) Drawn() string { return strconv.FormatFloat(c.Value, 'g', 3, 64) }

// Empty tells whether there is nothing to draw.
func (c *Chart) Empty() bool { return len(c.Rows) == 0 }

// table gathers values by time and column.
type table struct {
	chart *Chart
	rows  map[int64]*ChartRow
}

func newTable(c *Chart) *table { return &table{chart: c, rows: make(map[int64]*ChartRow)} }

// column adds a column and returns its number.
func (t *table) column(c Column) int {
	t.chart.Columns = append(t.chart.Columns, c)
	return len(t.chart.Columns) - 1
}

func (t *table) set(column int, ms int64, v float64, partial bool) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return
	}
	row := t.rows[ms]
	if row == nil {
		row = &ChartRow{Time: time.UnixMilli(ms).UTC()}
		t.rows[ms] = row
	}
	for len(row.Cells) <= column {
		row.Cells = append(row.Cells, Cell{})
	}
	row.Cells[column] = Cell{true, v}
	row.Partial = row.Partial || partial
}

// finish puts the rows in order.
func (t *table) finish() {
	times := make([]int64, 0, len(t.rows))
	for ms := range t.rows {
		times = append(times, ms)
	}
	sortInts(times)
	for _, ms := range times {
		row := t.rows[ms]
		for len(row.Cells) < len(t.chart.Columns) {
			row.Cells = append(row.Cells, Cell{})
		}
		t.chart.Rows = append(t.chart.Rows, *row)
	}
}

// label names a series of an answer.
func label(l metrics.Labels, by []string, name string) string {
	if len(by) == 0 {
		return name
	}
	text := ""
	for _, b := range by {
		v := l.Value(b)
		if v == "" {
			v = "(none)"
		}
		if text != "" {
			text += ", "
		}
		if len(by) > 1 {
			text += b + "="
		}
		text += v
	}
	return text
}
