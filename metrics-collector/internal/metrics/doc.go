// Package metrics is the domain of the metrics collector: series, their
// aggregates in three tiers (raw points, minutes, hours), limits on their
// number, and queries over all of it. It knows neither HTTP nor SQL.
package metrics
