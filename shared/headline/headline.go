// Package headline collects, from the bench programs of all services, the figures
// that stand for them, and puts them into one table.
package headline

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// Figure is something that was measured. Figures with the same Service, What and
// Unit were measured in the same run, and are compared.
type Figure struct {
	Service string  `json:"service"`
	What    string  `json:"what"`
	Program string  `json:"program,omitempty"` // what was measured; "" is the service itself
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`           // "/s", "ms", "MB"
	Less    bool    `json:"less,omitempty"` // whether less is better
	Aim     float64 `json:"aim,omitempty"`  // of the service; 0 is none
}

// Note adds a figure to a file. Without one it does nothing: a bench program that
// is run alone prints its own tables.
func Note(file string, f Figure) (err error) {
	if file == "" {
		return nil
	}
	line, err := json.Marshal(f)
	if err != nil {
		return err
	}
	out, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = out.Write(append(line, '\n'))
	return err
}

// row is one figure of a service and what it is compared with.
type row struct {
	ours  Figure
	found bool
	peers []Figure
}

// Table writes the figures that r has, one to a line, as a Markdown table: a row
// for each figure of a service, in their order, and losses in bold. A figure of
// another program without one of the service is an error.
func Table(w io.Writer, r io.Reader) error {
	var rows []*row
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		var f Figure
		if err := json.Unmarshal(lines.Bytes(), &f); err != nil {
			return err
		}
		i := slices.IndexFunc(rows, func(r *row) bool {
			return r.ours.Service == f.Service && r.ours.What == f.What && r.ours.Unit == f.Unit
		})
		if i < 0 {
			i = len(rows)
			rows = append(rows, &row{ours: Figure{Service: f.Service, What: f.What, Unit: f.Unit}})
		}
		if f.Program == "" {
			rows[i].ours, rows[i].found = f, true
		} else {
			rows[i].peers = append(rows[i].peers, f)
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	slices.SortStableFunc(rows, func(a, b *row) int { return rank(a.ours.Service) - rank(b.ours.Service) })
	text := "| service | what | figure | beside it, in the same run | aim |\n|---|---|--:|---|---|\n"
	for _, r := range rows {
		if !r.found {
			return fmt.Errorf("%s: %s was measured of %s and not of the service", r.ours.Service, r.ours.What, r.peers[0].Program)
		}
		text += r.text()
	}
	_, err := io.WriteString(w, text)
	return err
}

// services are in the order of the table.
var services = []string{"error-tracker", "log-viewer", "metrics-collector", "browser-relay"}

// rank is the place of a service, the end for others.
func rank(service string) int {
	if i := slices.Index(services, service); i >= 0 {
		return i
	}
	return len(services)
}

func (r *row) text() string {
	var peers []string
	for _, p := range r.peers {
		peers = append(peers, fmt.Sprintf("%s %s: %s", p.Program, amount(p.Value, p.Unit), r.ours.beside(p)))
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s |\n", r.ours.Service, r.ours.What, amount(r.ours.Value, r.ours.Unit), strings.Join(peers, "; "), r.ours.aim())
}

// beside is the ratio of f to another, in bold when that is a loss.
func (f Figure) beside(other Figure) string {
	if other.Value <= 0 {
		return "not comparable"
	}
	ratio := f.Value / other.Value
	text := short(ratio) + " of it"
	if f.Less && ratio > 1 || !f.Less && ratio < 1 {
		return "**" + text + "**"
	}
	return text
}

func (f Figure) aim() string {
	if f.Aim == 0 {
		return ""
	}
	bound, met := "at least", f.Value >= f.Aim
	if f.Less {
		bound, met = "at most", f.Value <= f.Aim
	}
	verdict := "met"
	if !met {
		verdict = "**missed**"
	}
	return fmt.Sprintf("%s %s: %s", bound, amount(f.Aim, f.Unit), verdict)
}

func amount(v float64, unit string) string {
	blank := " "
	if strings.HasPrefix(unit, "/") {
		blank = ""
	}
	return short(v) + blank + unit
}

// short is a number with three digits, or with commas when it has more.
func short(v float64) string {
	if v < 999.5 {
		return fmt.Sprintf("%.3g", v)
	}
	digits := fmt.Sprintf("%.0f", v)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
