//go:build !race

package sqlite

// unlessRace is n, or less under the race detector.
func unlessRace(n, _ int) int { return n }
