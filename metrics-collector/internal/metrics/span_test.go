package metrics

import (
	"testing"
	"time"
)

func TestSpansAreSaidInOneUnit(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"30 days": 720 * time.Hour, "2 days": 48 * time.Hour, "24 hours": 24 * time.Hour, "36 hours": 36 * time.Hour, "1 hour": time.Hour,
		"90 minutes": 90 * time.Minute, "10 minutes": 10 * time.Minute, "1 minute": time.Minute, "61 seconds": 61 * time.Second,
		"1 second": time.Second, "0 seconds": 0, "1.5s": 1500 * time.Millisecond,
	} {
		if got := Span(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
