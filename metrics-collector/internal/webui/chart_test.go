package webui

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"
)

// drawnLine reads a line as the script does: sums of whole numbers times a power of ten.
func drawnLine(t *testing.T, l Line) []float64 {
	t.Helper()
	var values []float64
	sum := 0.0
	for text := range strings.SplitSeq(l.Values, ",") {
		if text == "" {
			values = append(values, math.NaN())
			continue
		}
		if l.Deltas {
			delta, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				t.Fatalf("%q is no whole number", text)
			}
			sum += float64(delta)
			text = strconv.FormatFloat(sum, 'f', 0, 64) + "e" + strconv.Itoa(l.Exponent)
		}
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, v)
	}
	return values
}

func TestALineHasTheDigitsThatAreShown(t *testing.T) {
	none := math.NaN()
	for _, test := range []struct {
		unit         string
		values, want []float64
		deltas       bool
		sent         string
	}{
		{"", []float64{1234, 0.0125678, none, 0, -99.96}, []float64{1230, 0.0126, none, 0, -100}, true, "12300000,-12299874,,-126,-1000000"},
		{unitSeconds, []float64{0.25, 133.44, 7213.4}, []float64{0.25, 133.44, 7213.4}, true, "25,13319,707996"},
		{unitBytes, []float64{1023, 1048570}, []float64{1023, 1048600}, true, "1023,1047577"},
		{unitMillis, []float64{1234.5, 1234.5}, []float64{1230, 1230}, true, "123,0"},
		{"", []float64{0, 0}, []float64{0, 0}, true, "0,0"},
		{"", []float64{none}, []float64{none}, true, ""},
		{"", []float64{9.99e14, 1.01}, []float64{9.99e14, 1.01}, false, ""}, // one digit more than a script adds exactly
		{"", []float64{1e13, 1.01}, []float64{1e13, 1.01}, false, ""},
		{"", []float64{1e12, 1.01}, []float64{1e12, 1.01}, true, "100000000000000,-99999999999899"},
		{"", []float64{math.MaxFloat64, 5e-324}, []float64{math.MaxFloat64, 5e-324}, false, ""},
		{"", []float64{5e-324, -5e-324}, []float64{5e-324, -5e-324}, true, "494,-988"},
	} {
		c := &Chart{Unit: test.unit}
		for _, v := range test.values {
			c.Rows = append(c.Rows, ChartRow{Cells: []Cell{{!math.IsNaN(v), v}}})
		}
		l := c.Line(0)
		if l.Deltas != test.deltas || test.sent != "" && l.Values != test.sent {
			t.Errorf("%v: %+v", test.values, l)
		}
		for i, v := range drawnLine(t, l) {
			if want := test.want[i]; v != want && !(math.IsNaN(v) && math.IsNaN(want)) {
				t.Errorf("%v: value %d is drawn as %v, want %v", test.values, i, v, want)
			}
		}
	}
}

func TestTimesAreDistances(t *testing.T) {
	for want, times := range map[string][]int64{
		"":                         nil,
		"900":                      {900},
		"900 60*3 120*1 60*2":      {900, 960, 1020, 1080, 1200, 1260, 1320},
		"3600 3600*2 300*1 3600*1": {3600, 7200, 10800, 11100, 14700},
	} {
		c := &Chart{}
		for i, s := range times {
			c.Rows = append(c.Rows, ChartRow{Time: time.Unix(s, 0), Partial: i > 4})
		}
		if got := c.Times(); got != want {
			t.Errorf("times %q, want %q", got, want)
		}
		if len(times) == 7 && c.Partial() != "5 6" {
			t.Errorf("not over are %q", c.Partial())
		}
	}
}
