// Command bench measures a built browser-relay with the real error tracker and
// metrics collector behind it: how many requests of pages it takes and passes
// on, how long a page waits, and what that costs; then how it takes large source
// maps and looks places up in them, beside go-sourcemap and npm's trace-mapping.
// It starts all services itself, on loopback and with data in a temporary folder,
// and stops them again. The maps are of bundles that it has npm and esbuild make.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"time"

	"github.com/monlight/monlight/shared/headline"
)

type config struct {
	bin     string
	clients int
	time    time.Duration
	what    string
	maps    string // folder
	figures string // file for those that stand for the service
}

// note adds a figure of the service, or of a program beside it.
func (c config) note(what, program string, value float64, unit string, less bool, aim float64) error {
	if program == "browser-relay" {
		program = ""
	}
	return headline.Note(c.figures, headline.Figure{Service: "browser-relay", What: what, Program: program, Value: value, Unit: unit, Less: less, Aim: aim})
}

func main() {
	var c config
	flag.StringVar(&c.bin, "bin", "../../bin", "folder of the built services")
	flag.IntVar(&c.clients, "clients", 16, "connections that send at the same time")
	flag.DurationVar(&c.time, "time", 8*time.Second, "time of each measurement")
	flag.StringVar(&c.what, "what", "all", "traffic, maps or all")
	flag.StringVar(&c.maps, "maps", "", "folder of bundles, X.js and X.js.map; empty makes them")
	flag.StringVar(&c.figures, "figures", "", "a file to add the figures to that stand for the service")
	read := flag.Bool("read", false, "measure one program that reads a map: the bench calls itself so")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if *read {
		fail(reader(ctx, flag.Args()))
		return
	}
	fmt.Printf("date: %s\nmachine: %d CPUs, %s; %d connections, %s each; relay, error-tracker, metrics-collector and generator share the CPUs\n\n",
		time.Now().UTC().Format("2006-01-02 15:04 MST"), runtime.NumCPU(), runtime.Version(), c.clients, c.time)
	if c.what != "maps" {
		fail(bench(ctx, c))
	}
	if c.what == "traffic" {
		return
	}
	if _, err := exec.LookPath("npm"); err != nil && c.maps == "" {
		fmt.Println("\nSource maps were NOT measured: there is no npm to make bundles with.")
		return
	}
	fmt.Println()
	fail(benchMaps(ctx, c))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// kind is one sort of request.
type kind struct {
	name            string
	path            string
	errors, metrics int
}

var kinds = []kind{
	{"an error, answered by the error tracker", "/api/browser/errors", 1, 0},
	{"10 metrics, answered by the metrics collector", "/api/browser/metrics", 0, 10},
	{"batch: 1 error, 10 metrics", "/api/browser/batch", 1, 10},
	{"batch: 10 errors, 20 metrics", "/api/browser/batch", 10, 20},
}

func bench(ctx context.Context, c config) error {
	fmt.Println("| request | requests/s | items/s | p50 / p95 / p99 | not 2xx | delivered | waiting at the end, gone after | relay CPU per request | relay peak RSS |")
	fmt.Println("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
	for _, k := range kinds {
		s, err := startStack(ctx, c)
		if err != nil {
			return err
		}
		if err := measure(ctx, c, s, k); err != nil {
			s.stop()
			return err
		}
		s.stop()
	}
	return nil
}

func measure(ctx context.Context, c config, s *stack, k kind) error {
	if _, err := send(ctx, s, k, c.clients, time.Second); err != nil { // warm up
		return err
	}
	if _, err := s.drained(time.Minute); err != nil {
		return err
	}
	cpu, before := s.relay.cpu(), s.delivered()
	begin := time.Now()
	r, err := send(ctx, s, k, c.clients, c.time)
	if err != nil {
		return err
	}
	took := time.Since(begin)
	waiting := s.waiting()
	gone, err := s.drained(2 * time.Minute)
	if err != nil {
		return err
	}
	n := len(r.latencies)
	delivered := s.delivered() - before
	if want := n * (k.errors + k.metrics); delivered != want {
		return fmt.Errorf("%s: %d items were accepted and %d delivered", k.name, want, delivered)
	}
	rate := float64(n) / took.Seconds()
	if k == kinds[0] {
		err := errors.Join(
			c.note("errors of pages, stored by the error tracker before the answer", "", rate, "/s", false, 0),
			c.note("processor time of the relay for one", "", float64((s.relay.cpu()-cpu).Microseconds())/1000/float64(n), "ms", true, 0),
			c.note("peak memory of the relay under them", "", s.relay.peak(), "MB", true, 0),
		)
		if err != nil {
			return err
		}
	}
	fmt.Printf("| %s | **%.0f** | %.0f | %s / %s / %s | %d | all %d | %d, %s | %.2f ms | %.1f MB |\n", k.name, rate, rate*float64(k.errors+k.metrics),
		r.percentile(50), r.percentile(95), r.percentile(99), r.refused, delivered, waiting, gone.Round(10*time.Millisecond),
		float64((s.relay.cpu()-cpu).Microseconds())/1000/float64(n), s.relay.peak())
	return nil
}
