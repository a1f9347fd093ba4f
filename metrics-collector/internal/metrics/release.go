package metrics

import "time"

// Release is a release of a program that went somewhere, or was seen first, at a
// time: what may be the reason for a change in a chart.
type Release struct {
	ID          int64 // by which the error tracker knows it; 0 is not known
	Project     string
	Name        string
	Environment string // "" is not known
	At          time.Time
}
