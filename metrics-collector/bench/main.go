// Command bench measures a built metrics-collector and, where they are
// installed, victoria-metrics and prometheus, in the same run with the same
// points, and prints one table of each kind. It starts all of them itself, on
// loopback and with data in a temporary folder, and stops them again.
package main

import (
	"context"
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
	bin     string
	points  int
	clients int
	series  []int
	queries bool
	ingest  bool
	idle    bool
	flushes int
	only    string
	quick   bool
	figures string // file for those that stand for the service
}

// note adds a figure of the service, or of a program beside it.
func (c config) note(what, program string, value float64, unit string, less bool, aim float64) error {
	if program == "metrics-collector" {
		program = ""
	}
	return headline.Note(c.figures, headline.Figure{Service: "metrics-collector", What: what, Program: program, Value: value, Unit: unit, Less: less, Aim: aim})
}

func main() {
	c := config{}
	flag.StringVar(&c.bin, "bin", "../../bin/metrics-collector", "the built service, or the folder that it is in")
	flag.IntVar(&c.points, "points", 2_000_000, "points of each measurement of ingest")
	flag.IntVar(&c.clients, "clients", 4, "connections that send at the same time")
	series := flag.String("series", "10000,100000", "numbers of series, separated by commas")
	flag.BoolVar(&c.queries, "queries", true, "measure queries")
	flag.BoolVar(&c.ingest, "ingest", true, "measure ingest")
	flag.BoolVar(&c.idle, "idle", true, "measure memory without work")
	flag.IntVar(&c.flushes, "flushes", 120, "flushes of 10,000 series, one each second; 0 for none")
	flag.StringVar(&c.only, "only", "", "one of metrics-collector, victoria-metrics, prometheus")
	flag.BoolVar(&c.quick, "quick", false, "do not wait for the flush and the upkeep after ingest, which take minutes")
	flag.StringVar(&c.figures, "figures", "", "a file to add the figures to that stand for the service; none with -only")
	flag.Parse()
	if c.only != "" {
		c.figures = "" // there is nothing beside it
	}
	if fi, err := os.Stat(c.bin); err == nil && fi.IsDir() {
		c.bin = filepath.Join(c.bin, "metrics-collector")
	}
	for _, s := range strings.Split(*series, ",") {
		n := 0
		if _, err := fmt.Sscan(s, &n); err != nil || n < 1 {
			fatal(fmt.Errorf("-series %q: want numbers", *series))
		}
		c.series = append(c.series, n)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	fmt.Printf("date: %s\nmachine: %d CPUs, %s, load average %s\n", time.Now().UTC().Format("2006-01-02 15:04 MST"), runtime.NumCPU(), runtime.Version(), loadAverage())
	for _, name := range []string{"victoria-metrics", "prometheus"} {
		if path, err := exec.LookPath(name); err == nil {
			fmt.Printf("%s: %s\n", name, peerVersion(path))
		} else {
			fmt.Printf("%s: not installed, not measured\n", name)
		}
	}
	if c.idle {
		if err := benchIdle(ctx, c); err != nil {
			fatal(err)
		}
	}
	if c.ingest {
		if err := benchIngest(ctx, c); err != nil {
			fatal(err)
		}
	}
	if c.flushes > 0 && (c.only == "" || c.only == "metrics-collector") {
		if err := benchFlush(ctx, c); err != nil {
			fatal(err)
		}
	}
	if c.queries {
		if err := benchQueries(ctx, c); err != nil {
			fatal(err)
		}
	}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(1)
}

func loadAverage() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(b))[:3], " ")
}

func peerVersion(path string) string {
	flagName := "--version"
	if strings.HasSuffix(path, "victoria-metrics") {
		flagName = "-version"
	}
	out, err := exec.Command(path, flagName).CombinedOutput()
	if err != nil && len(out) == 0 {
		return "unknown version"
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if first == "" { // as Debian builds it
		if out, err = exec.Command("dpkg-query", "-S", path).Output(); err == nil {
			name, _, _ := strings.Cut(string(out), ":")
			out, _ = exec.Command("dpkg-query", "-W", name).Output()
			first = strings.TrimSpace(string(out))
		}
	}
	return first
}
