//go:build race

package sqlite

// unlessRace is n, or less under the race detector, which makes everything take
// ten times as long and needs no large numbers to find what it looks for.
func unlessRace(_, less int) int { return less }
