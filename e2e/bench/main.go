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
)

func main() {
	bin := flag.String("bin", "../../bin", "folder of the built services")
	seconds := flag.Int("seconds", 10, "length of each measurement")
	connections := flag.Int("connections", 16, "connections at full speed")
	rate := flag.Int("rate", 200, "reports per second of the latency measurement")
	sizes := flag.String("sizes", "2,8,50", "sizes of reports in KB")
	settings := flag.String("env", "", "further settings of the server, NAME=value, separated by blanks")
	flag.Parse()
	b := bench{
		binary: filepath.Join(*bin, "error-tracker"), settings: strings.Fields(*settings),
		length: time.Duration(*seconds) * time.Second, connections: *connections, rate: *rate,
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
	fmt.Printf("binary %.1f MB; idle RSS %s; %d connections, synchronous=FULL, %v each\n\n",
		float64(info.Size())/1e6, idle, b.connections, b.length)
	fmt.Println("| report | stored before the answer | p50 / p95 / p99 at full speed | p50 / p95 / p99 at " + fmt.Sprint(b.rate) + "/s | answered 503 | server CPU per event | peak RSS | on disk per event |")
	fmt.Println("|---|--:|--:|--:|--:|--:|--:|--:|")
	for text := range strings.SplitSeq(sizes, ",") {
		kb, err := strconv.Atoi(text)
		if err != nil || kb < 1 || kb > 255 {
			return fmt.Errorf("-sizes has %q, want KB from 1 to 255", text)
		}
		row, err := b.measure(kb << 10)
		if err != nil {
			return err
		}
		fmt.Println(row)
	}
	return nil
}
