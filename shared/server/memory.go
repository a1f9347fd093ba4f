package server

import (
	"context"
	"runtime/debug"
	"time"
)

// followMemory is the time between two looks at what Memory.Follow follows.
const followMemory = time.Second

// Memory is what the garbage collector is told when GOMEMLIMIT and GOGC are not
// set. The limit is a soft one: above it the collector works more, it does not
// fail.
type Memory struct {
	Limit     int64 // bytes
	GCPercent int
}

// Apply sets what the environment leaves open; lookup is [os.LookupEnv].
func (m Memory) Apply(lookup func(string) (string, bool)) {
	if _, set := lookup("GOMEMLIMIT"); !set {
		debug.SetMemoryLimit(m.Limit)
	}
	if _, set := lookup("GOGC"); !set {
		debug.SetGCPercent(m.GCPercent)
	}
}

// Follow returns one of Options.Jobs, which keeps the limit at Limit and what
// more tells on top: a limit below what is in use anyway would have the collector
// work all the time. It does nothing when GOMEMLIMIT is set.
func (m Memory) Follow(lookup func(string) (string, bool), more func() int64) func(context.Context) error {
	return func(ctx context.Context) error {
		if _, set := lookup("GOMEMLIMIT"); set {
			<-ctx.Done()
			return nil
		}
		tick := time.NewTicker(followMemory)
		defer tick.Stop()
		last := int64(0)
		for {
			if n := more(); n != last {
				debug.SetMemoryLimit(m.Limit + n)
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
