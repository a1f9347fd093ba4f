//go:build !race

package lineartest

// Race tells whether the race detector is on.
const Race = false
