// Command bench measures the store of log-viewer, a table with a row for each
// line and a full-text index beside it, and a built log-viewer over HTTP, in
// the same run with the same lines, and prints one table of each kind. Each is
// measured in a process of its own, on data in a temporary folder.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/monlight/monlight/shared/headline"
)

type config struct {
	bin      string
	lines    int
	baseline int
	large    bool
	samples  string
	only     string
	run      string
	child    string
	dir      string
	memory   int64
	rate     int
	rest     time.Duration // after which memory is at rest
	figures  string        // file for those that stand for the service
}

// note adds a figure that stands for the service, or of what it is compared with.
func (c config) note(what, program string, value float64, unit string, less bool, aim float64) error {
	return headline.Note(c.figures, headline.Figure{Service: "log-viewer", What: what, Program: program, Value: value, Unit: unit, Less: less, Aim: aim})
}

func main() {
	c := config{}
	flag.StringVar(&c.bin, "bin", "../../bin/log-viewer", "the built service, or the folder that it is in; without it, HTTP is not measured")
	flag.IntVar(&c.lines, "lines", 1_000_000, "lines of each measurement")
	flag.IntVar(&c.baseline, "baseline-lines", 200_000, "lines of the table with a row for each line, which is slow")
	flag.BoolVar(&c.large, "large", true, "measure ten times the lines as well: minutes, and 400 MB of disk")
	flag.StringVar(&c.samples, "samples", os.Getenv("MONLIGHT_LOGHUB"), "a folder of log samples (*.log) to make the text lines of; the environment variable MONLIGHT_LOGHUB is the default")
	flag.StringVar(&c.only, "only", "", "one of store, rows, http")
	flag.StringVar(&c.run, "run", "", "measure over HTTP only the runs whose names contain this")
	flag.StringVar(&c.child, "child", "", "for the program itself")
	flag.StringVar(&c.dir, "dir", "", "for the program itself")
	flag.Int64Var(&c.memory, "memory", 0, "MEMORY_LIMIT in bytes")
	flag.IntVar(&c.rate, "rate", 0, "lines per second; 0 is as fast as it goes")
	flag.DurationVar(&c.rest, "rest", 40*time.Second, "how long after the last line memory is looked at: the service gives back what it needed in two steps of 15 s")
	flag.StringVar(&c.figures, "figures", "", "a file to add the figures to that stand for the service")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, c); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, c config) error {
	switch c.child {
	case "store":
		return childStore(ctx, c)
	case "rows":
		return childRows(ctx, c)
	}
	if fi, err := os.Stat(c.bin); err == nil && fi.IsDir() {
		c.bin = filepath.Join(c.bin, "log-viewer")
	}
	text := "made by this program"
	if c.samples != "" {
		text = "half of them varied log samples"
	}
	fmt.Printf("date: %s\nmachine: %d CPUs, %s, load average %s\nlines: %s\n", time.Now().UTC().Format("2006-01-02 15:04 MST"), runtime.NumCPU(), runtime.Version(), loadAverage(), text)
	var results []result
	add := func(kind string, lines int, change func(*config)) error {
		d := c
		d.lines = lines
		if change != nil {
			change(&d)
		}
		r, err := spawn(ctx, d, kind)
		if err == nil {
			results = append(results, r)
		}
		return err
	}
	if c.only == "" || c.only == "rows" {
		if err := add("rows", c.baseline, nil); err != nil {
			return err
		}
	}
	if c.only == "" || c.only == "store" {
		if err := add("store", c.lines, nil); err != nil {
			return err
		}
		if err := add("store", c.lines, func(d *config) { d.memory = 48 << 20 }); err != nil {
			return err
		}
		if c.large {
			if err := add("store", 10*c.lines, nil); err != nil {
				return err
			}
		}
	}
	if len(results) > 0 {
		if err := noteStores(c, results); err != nil {
			return err
		}
		printIngest(results)
		printQueries(results)
		printRetention(results)
	}
	if _, err := os.Stat(c.bin); err == nil && (c.only == "" || c.only == "http") {
		return benchHTTP(ctx, c)
	}
	return nil
}

// result is what a child measured.
type result struct {
	Name      string
	Lines     int
	TextMB    float64
	Seconds   float64 // until the last line was acknowledged
	CPU       float64 // seconds, sealing included
	DiskMB    float64
	PeakMB    float64 // of resident memory
	IdleMB    float64
	Queries   []query
	DropLines int
	DropTime  float64
	DropCPU   float64
}

type query struct {
	Name  string
	Hits  int64
	Exact bool
	P50   float64 // milliseconds
	P95   float64
	CPU   float64 // milliseconds each
}

// spawn runs this program again to measure in a process of its own.
func spawn(ctx context.Context, c config, kind string) (r result, err error) {
	dir, err := os.MkdirTemp("", "bench-logs-")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	cmd := exec.CommandContext(ctx, self, "-child", kind, "-dir", dir, "-lines", fmt.Sprint(c.lines), "-samples", c.samples, "-memory", fmt.Sprint(c.memory))
	cmd.Stderr = os.Stderr
	if c.memory > 0 {
		cmd.Env = append(os.Environ(), fmt.Sprintf("GOMEMLIMIT=%d", c.memory-16<<20), "GOGC=75") // as the service does
	}
	out, err := cmd.Output()
	if err != nil {
		return r, fmt.Errorf("%s: %w", kind, err)
	}
	return r, json.Unmarshal(out, &r)
}

// rowsStore is the name of what the store is compared with.
const rowsStore = "row per line + FTS5"

// noteStores notes what stands for the store: the first one that is ours, and the
// table with a row for each line.
func noteStores(c config, results []result) error {
	if results[0].Name != rowsStore || len(results) < 2 {
		return nil
	}
	for i, program := range []string{rowsStore, ""} {
		r := results[i]
		m := float64(r.Lines) / 1e6
		err := errors.Join(
			c.note("store: lines, each batch on disk", program, float64(r.Lines)/r.Seconds, "/s", false, 0),
			c.note("store: processor time for a million lines", program, r.CPU/m, "s", true, 0),
			c.note("store: disk for a million lines", program, r.DiskMB/m, "MB", true, 0),
		)
		for _, q := range r.Queries {
			if q.Name == "phrase" || q.Name == "unique trace id" {
				err = errors.Join(err, c.note(fmt.Sprintf("search for a %s, p50 (%s lines; row per line: %s)", q.Name, millions(results[1].Lines), millions(results[0].Lines)), program, q.P50, "ms", true, 0))
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func printIngest(results []result) {
	fmt.Printf("\n### Ingest\n\n| store | lines | text MB | lines/s, durable | CPU s per 1 M | disk MB per 1 M | x text | peak RSS MB | RSS idle MB |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range results {
		m := float64(r.Lines) / 1e6
		fmt.Printf("| %s | %d | %.0f | %.0f | %.1f | %.1f | %.2f | %.0f | %.0f |\n", r.Name, r.Lines, r.TextMB, float64(r.Lines)/r.Seconds, r.CPU/m, r.DiskMB/m, r.DiskMB/r.TextMB, r.PeakMB, r.IdleMB)
	}
}

func printQueries(results []result) {
	fmt.Printf("\n### Queries: p50 ms / p95 ms / CPU ms (hits)\n\n| query |")
	for _, r := range results {
		fmt.Printf(" %s, %s lines |", r.Name, millions(r.Lines))
	}
	fmt.Printf("\n|---|%s\n", strings.Repeat("---|", len(results)))
	for _, name := range queryNames() {
		fmt.Printf("| %s |", name)
		for _, r := range results {
			cell := " - |"
			for _, q := range r.Queries {
				if q.Name == name {
					plus := "+"
					if q.Exact {
						plus = ""
					}
					cell = fmt.Sprintf(" %.2f / %.2f / %.2f (%d%s) |", q.P50, q.P95, q.CPU, q.Hits, plus)
				}
			}
			fmt.Print(cell)
		}
		fmt.Println()
	}
}

func printRetention(results []result) {
	fmt.Printf("\n### Retention: the oldest half goes\n\n| store | lines removed | s | CPU s | s per 1 M |\n|---|---|---|---|---|\n")
	for _, r := range results {
		fmt.Printf("| %s | %d | %.2f | %.2f | %.3f |\n", r.Name, r.DropLines, r.DropTime, r.DropCPU, r.DropTime/float64(r.DropLines)*1e6)
	}
}

func millions(n int) string {
	if n%1_000_000 == 0 {
		return fmt.Sprintf("%d M", n/1_000_000)
	}
	return fmt.Sprintf("%d k", n/1000)
}
