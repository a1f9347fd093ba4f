// Command demo fills a metrics collector with something to look at. It runs a
// small web server on loopback, measures the requests that it really answers,
// and sends the measurements, as a service would. Before that it can write a
// history of some days, which is made up.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

func main() {
	url := flag.String("url", "http://127.0.0.1:5012", "address of the metrics collector")
	project := flag.String("project", "demo", "project of the points")
	days := flag.Int("backfill", 30, "days of history to write first; 0 is none")
	load := flag.Duration("load", 3*time.Minute, "how long to run the server under load")
	rate := flag.Int("rate", 40, "requests per second of the load")
	flag.Parse()
	key := os.Getenv("METRICS_API_KEY")
	if key == "" {
		fatal(errors.New("METRICS_API_KEY is not set: the API key of the metrics collector"))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	s := &sender{url: *url, key: key, project: *project}
	if *days > 0 {
		begin := time.Now()
		n, err := backfill(ctx, s, *days)
		if err != nil {
			fatal(err)
		}
		fmt.Printf("wrote %d points of %d days in %s\n", n, *days, time.Since(begin).Round(time.Millisecond))
	}
	if *load > 0 {
		n, err := serve(ctx, s, *load, *rate)
		if err != nil {
			fatal(err)
		}
		fmt.Printf("measured %d real requests\n", n)
	}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "demo:", err)
	os.Exit(1)
}
