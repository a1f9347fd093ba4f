//go:build soak

package main

import (
	"os"
	"strconv"
)

// killRounds is how often the process is killed: SOAK_ROUNDS, or 1,000.
func killRounds() int {
	if n, err := strconv.Atoi(os.Getenv("SOAK_ROUNDS")); err == nil && n > 0 {
		return n
	}
	return 1000
}
