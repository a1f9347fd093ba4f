package server

import "time"

// WithShortTimes shortens the limits on time, keeping their order.
func WithShortTimes(o Options) Options {
	o.times = &times{
		readHeader: 700 * time.Millisecond, read: 900 * time.Millisecond, write: 600 * time.Millisecond, idle: time.Second,
		unused: 50 * time.Millisecond, drain: time.Second, cancel: 300 * time.Millisecond, jobs: 300 * time.Millisecond,
		stop: 2 * time.Second, minPause: 20 * time.Millisecond, maxPause: 50 * time.Millisecond,
	}
	return o
}

// BudgetUsed returns the bytes that are reserved for request bodies.
func (e *Edge) BudgetUsed() int64 { return e.budget.used.Load() }

// Listen opens an address as Run does.
var Listen = listen
