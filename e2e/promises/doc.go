// Package promises holds the tests of the table in docs/reliability.md: each
// fault is done to all four services through one model of a service, and what
// is measured is noted for the table.
package promises
