package main

import "runtime/debug"

// What the garbage collector is told when GOMEMLIMIT and GOGC are not set. The
// limit is a soft one: above it the collector works more, it does not fail. It
// leaves room for two generations at their bounds.
const (
	softMemoryLimit = 48 << 20 // bytes
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
