package webui

import (
	"encoding/csv"
	"net/http"
	"strings"
	"time"

	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/webui"
)

// exploreCSV is the explorer's table as a file.
func (p *Pages) exploreCSV(w http.ResponseWriter, r *http.Request) error {
	sel, v, err := p.selectionOf(r)
	if err != nil {
		return err
	}
	if sel.RangeErr != "" {
		return errs.New(errs.Invalid, "%s", sel.RangeErr)
	}
	q, err := questionOf(v, v.Get("metric"), &sel)
	if err != nil {
		return err
	}
	chart, _, err := p.ask(r.Context(), q, &sel)
	if err != nil {
		return err
	}
	writeCSV(w, chart)
	return nil
}

// overviewCSV is the table of one of the overview's charts as a file.
func (p *Pages) overviewCSV(w http.ResponseWriter, r *http.Request) error {
	sel, v, err := p.selectionOf(r)
	if err != nil {
		return err
	}
	if sel.RangeErr != "" {
		return errs.New(errs.Invalid, "%s", sel.RangeErr)
	}
	charts, err := p.overviewCharts(r.Context(), &sel)
	if err != nil {
		return err
	}
	for _, c := range charts {
		if c.Key == v.Get("chart") {
			writeCSV(w, c)
			return nil
		}
	}
	return errs.New(errs.Invalid, "chart is %q, want one that the overview has: rate, errors, duration or vitals", webui.Line(v.Get("chart"), 40))
}

// writeCSV sends a chart's table: a line for each time, empty where there is no value.
func writeCSV(w http.ResponseWriter, chart *Chart) {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="metrics.csv"`)
	out := csv.NewWriter(w)
	line := []string{"time"}
	for _, c := range chart.Columns {
		line = append(line, harmless(c.Name))
	}
	_ = out.Write(line) // the client left: nothing to do about it, here and below
	for _, row := range chart.Rows {
		line = append(line[:0], row.Time.Format(time.RFC3339))
		for _, c := range row.Cells {
			text := ""
			if c.OK {
				text = c.Raw()
			}
			line = append(line, text)
		}
		if out.Write(line) != nil {
			return
		}
	}
	out.Flush()
}

// harmless keeps a spreadsheet from taking a label's value for a formula.
func harmless(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
