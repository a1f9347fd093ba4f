package main

import (
	"context"
	"runtime/debug"
	"time"
)

// What the garbage collector is told when GOMEMLIMIT and GOGC are not set. The
// limit is a soft one: above it the collector works more, it does not fail. It
// leaves room for what is not flushed, and grows with the series: a limit that
// is below what is in use anyway would have the collector work all the time.
const (
	softMemoryLimit = 44 << 20 // bytes
	bytesPerSeries  = 1200
	gcPercent       = 75
)

// limitMemory sets the defaults for what the environment leaves open.
func limitMemory(lookup func(string) (string, bool)) {
	if _, set := lookup("GOMEMLIMIT"); !set {
		debug.SetMemoryLimit(softMemoryLimit)
	}
	if _, set := lookup("GOGC"); !set {
		debug.SetGCPercent(gcPercent)
	}
}

// followSeries is a job that keeps the limit in step with the series.
func followSeries(lookup func(string) (string, bool), series func() int) func(context.Context) error {
	return func(ctx context.Context) error {
		if _, set := lookup("GOMEMLIMIT"); set {
			<-ctx.Done()
			return nil
		}
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		last := 0
		for {
			if n := series(); n != last {
				debug.SetMemoryLimit(softMemoryLimit + int64(n)*bytesPerSeries)
				last = n
			}
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
		}
	}
}
