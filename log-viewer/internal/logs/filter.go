package logs

import (
	"slices"
	"time"
)

// Match tells whether e passes f. service tells the Compose service of a source;
// it is only asked when f depends on it.
func (f *Filter) Match(e Entry, service func(source string) string) bool {
	switch {
	case !f.Levels.Has(e.Level),
		len(f.Sources) > 0 && !slices.Contains(f.Sources, e.Source),
		len(f.Services) > 0 && !slices.Contains(f.Services, service(e.Source)),
		len(f.Streams) > 0 && !slices.Contains(f.Streams, e.Stream),
		!f.Since.IsZero() && e.Time < f.Since.UnixNano(),
		!f.Until.IsZero() && e.Time > f.Until.UnixNano():
		return false
	}
	return f.Search == nil || f.Search.Match(e)
}

// IsZero tells whether f passes everything.
func (f *Filter) IsZero() bool {
	return len(f.Sources) == 0 && len(f.Services) == 0 && f.Levels == 0 && len(f.Streams) == 0 &&
		f.Since.IsZero() && f.Until.IsZero() && f.Search == nil
}

// BucketsOf divides the time from since to until into at most n spans of a round
// length: 1, 2, 5, 10, 15 or 30 seconds or minutes, or 1, 2, 3, 6 or 12 hours,
// or whole days. They begin at multiples of that length.
func BucketsOf(since, until time.Time, n int) Buckets {
	n = max(1, min(n, MaxBuckets-1))
	if !until.After(since) {
		until = since.Add(time.Second)
	}
	step := roundStep(until.Sub(since) / time.Duration(n))
	for {
		start := since.Truncate(step)
		count := int((until.Sub(start) + step - 1) / step)
		if count <= n+1 {
			return Buckets{Start: start, Step: step, N: max(1, count)}
		}
		step = roundStep(step + 1)
	}
}

var roundSteps = []time.Duration{
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
}

// roundStep is the shortest round length that is at least d.
func roundStep(d time.Duration) time.Duration {
	for _, s := range roundSteps {
		if d <= s {
			return s
		}
	}
	const day = 24 * time.Hour
	return (d + day - 1) / day * day
}
