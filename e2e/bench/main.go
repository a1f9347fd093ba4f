// Command bench measures the built error-tracker from outside: reports per
// second that are on disk before they are answered, latency at a steady rate,
// memory and disk. Generator and server share the machine, so the figures are
// floors; compare those of one run.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/monlight/monlight/shared/headline"
)

func main() {
	bin := flag.String("bin", "../../bin", "folder of the built services")
	seconds := flag.Int("seconds", 10, "length of each measurement")
	connections := flag.Int("connections", 16, "connections at full speed")
	rate := flag.Int("rate", 200, "reports per second of the latency measurement")
	sizes := flag.String("sizes", "2,8,50", "sizes of reports in KB")
	doors := flag.String("doors", "reports,envelopes,pages", "what to measure")
	events := flag.Int("events", 1_000_000, "events, in a hundredth as many issues, that pages are measured with")
	settings := flag.String("env", "", "further settings of the server, NAME=value, separated by blanks")
	figures := flag.String("figures", "", "a file to add the figures to that stand for the service")
	flag.Parse()
	b := bench{
		figures: *figures,
		binary:  filepath.Join(*bin, "error-tracker"), settings: strings.Fields(*settings),
		length: time.Duration(*seconds) * time.Second, connections: *connections, rate: *rate,
		doors: strings.Split(*doors, ","), events: *events,
	}
	if err := b.run(*sizes); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// bench says what to measure and how.
type bench struct {
	binary      string
	settings    []string
	length      time.Duration // of each measurement
	connections int
	rate        int
	doors       []string
	events      int    // for pages
	figures     string // file for those that stand for the service
}

// note adds a figure that stands for the service.
func (b *bench) note(what string, value float64, unit string, less bool, aim float64) error {
	return headline.Note(b.figures, headline.Figure{Service: "error-tracker", What: what, Value: value, Unit: unit, Less: less, Aim: aim})
}

func (b *bench) run(sizes string) error {
	info, err := os.Stat(b.binary)
	if err != nil {
		return err
	}
	idle, err := b.idleMemory()
	if err != nil {
		return err
	}
	if err := b.note("memory without work", float64(idle.Resident)/1e6, "MB", true, 0); err != nil {
		return err
	}
	fmt.Printf("binary %.1f MB; idle RSS %.1f MB (%.1f own, %.1f of the binary); %d connections, synchronous=FULL, %v each\n\n",
		float64(info.Size())/1e6, float64(idle.Resident)/1e6, float64(idle.Anonymous)/1e6, float64(idle.File)/1e6, b.connections, b.length)
	var kbs []int
	for text := range strings.SplitSeq(sizes, ",") {
		kb, err := strconv.Atoi(text)
		if err != nil || kb < 1 || kb > 255 {
			return fmt.Errorf("-sizes has %q, want KB from 1 to 255", text)
		}
		kbs = append(kbs, kb)
	}
	for _, door := range b.doors {
		switch door {
		case "reports":
			err = b.reports(kbs)
		case "envelopes":
			err = b.envelopes(kbs)
		case "pages":
			err = b.pages()
		default:
			err = fmt.Errorf("-doors has %q, want reports, envelopes or pages", door)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) head(what string) {
	fmt.Printf("| %s | stored before the answer | p50 / p95 / p99 at full speed | p50 / p95 / p99 at %d/s | answered 503 | server CPU per event | peak RSS | on disk per event |\n", what, b.rate)
	fmt.Println("|---|--:|--:|--:|--:|--:|--:|--:|")
}

// reports measures our own door.
func (b *bench) reports(kbs []int) error {
	b.head("report")
	for _, kb := range kbs {
		row, err := b.measure(fmt.Sprint(kb, " KB"), func(*server) ([]request, error) { return reports(kb<<10, 1000), nil })
		if err != nil {
			return err
		}
		fmt.Println(row)
	}
	fmt.Println()
	return nil
}

// envelopes measures the door for Sentry's SDKs.
func (b *bench) envelopes(kbs []int) error {
	b.head("envelope")
	for _, kb := range kbs {
		for _, encoding := range []string{"plain", "gzip", "br"} {
			row, err := b.measure(fmt.Sprint(kb, " KB, ", encoding), func(s *server) ([]request, error) { return s.envelopes(kb<<10, 1000, encoding) })
			if err != nil {
				return err
			}
			fmt.Println(row)
		}
	}
	fmt.Println()
	return nil
}
