//go:build race

package sqlite_test

// raceEnabled lets the largest tests do less, as what they do costs ten times as much.
const raceEnabled = true
