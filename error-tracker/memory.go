package main

import "runtime/debug"

// What the garbage collector is told when GOMEMLIMIT and GOGC are not set. The
// limit is a soft one: above it the collector works more, it does not fail.
// With 14 MiB and GOGC=50 a report of 50 KB cost four times the processor time,
// and one of 8 KB a third more, for 3 to 5 MB less at the peak.
const (
	softMemoryLimit = 32 << 20 // bytes
	gcPercent       = 100
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
