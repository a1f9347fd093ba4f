package webui

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
)

// Chart is values over time, which a script draws as lines and, when asked, as
// a table. People without scripts get the table from the server, see Tables.
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
	Tables  bool   // the table itself is in the page
	AsTable string // address of the same page with tables
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

// digits is how many digits of a value a script gets: the three that are shown
// of it, as more would be most of the page's size, and five of what is shown in
// units that are no power of ten apart, such as minutes or KiB.
func digits(v float64, unit string) int {
	switch a := math.Abs(v); {
	case a > 1.79e308:
		return 17 // rounded up it would be no number
	case unit == unitBytes, unit == unitPercent && a >= 100, unit == unitSeconds && a >= 100, unit == unitMillis && a >= 100_000:
		return 5
	}
	return 3
}

// Line is the values of a column for a script.
type Line struct {
	Deltas   bool   // Values are whole numbers, each the difference to the one before
	Exponent int    // of ten, by which their sums are multiplied
	Values   string // with commas between them, and nothing where there is no value
}

// maxLineDigits is the number of decimal digits that a script adds exactly.
const maxLineDigits = 15

// Line makes the values of a column for a script. Differences of whole numbers
// take the fewest bytes; they are not used for values too far apart for that.
func (c *Chart) Line(column int) Line {
	texts := make([]string, len(c.Rows))
	mantissas, exponents := make([]int64, len(c.Rows)), make([]int, len(c.Rows))
	low, high := math.MaxInt, math.MinInt
	for i := range c.Rows {
		cell := c.Rows[i].Cells[column]
		if !cell.OK {
			continue
		}
		n := digits(cell.Value, c.Unit)
		texts[i] = strconv.FormatFloat(cell.Value, 'e', n-1, 64)
		mantissa, exponent, _ := strings.Cut(texts[i], "e")
		mantissa = strings.TrimRight(strings.Replace(mantissa, ".", "", 1), "0")
		if mantissa == "" || mantissa == "-" {
			continue // zero
		}
		mantissas[i], _ = strconv.ParseInt(mantissa, 10, 64) // it was just made of one
		e, _ := strconv.Atoi(exponent)                       // likewise
		high = max(high, e)
		exponents[i] = e + 1 - len(strings.TrimPrefix(mantissa, "-"))
		low = min(low, exponents[i])
	}
	line := Line{Deltas: low > high || high-low < maxLineDigits}
	if line.Deltas {
		if low <= high { // else all are zero
			line.Exponent = low
		}
		last := int64(0)
		for i := range texts {
			if texts[i] == "" {
				continue
			}
			v := mantissas[i]
			if v != 0 {
				for e := exponents[i]; e > low; e-- {
					v *= 10
				}
			}
			texts[i], last = strconv.FormatInt(v-last, 10), v
		}
	}
	line.Values = strings.Join(texts, ",")
	return line
}

// Times is the times of the rows for a script: the first in Unix seconds, then
// the distances in seconds, each with how many times it follows: "900 60*3 120*1".
func (c *Chart) Times() string {
	if c.Empty() {
		return ""
	}
	last := c.Rows[0].Time.Unix()
	text := strconv.AppendInt(nil, last, 10)
	count, distance := 0, int64(0)
	end := func() {
		if count > 0 {
			text = append(strconv.AppendInt(append(text, ' '), distance, 10), '*')
			text = strconv.AppendInt(text, int64(count), 10)
		}
	}
	for i := range c.Rows[1:] {
		t := c.Rows[i+1].Time.Unix()
		if t-last != distance {
			end()
			count, distance = 0, t-last
		}
		count, last = count+1, t
	}
	end()
	return string(text)
}

// Partial is the numbers of the rows that are not over, for a script, with
// spaces between them.
func (c *Chart) Partial() string {
	var numbers []string
	for i := range c.Rows {
		if c.Rows[i].Partial {
			numbers = append(numbers, strconv.Itoa(i))
		}
	}
	return strings.Join(numbers, " ")
}

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
