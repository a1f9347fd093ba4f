package webui

import (
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	now := time.Date(2026, 7, 27, 12, 0, 0, 0, time.UTC)
	good := map[string]time.Time{
		"now": now, "now-1h": now.Add(-time.Hour), "24h": now.Add(-24 * time.Hour), "30s": now.Add(-30 * time.Second), "2w": now.Add(-14 * 24 * time.Hour), " 7d ": now.Add(-7 * 24 * time.Hour),
		"2026-07-27": time.Date(2026, 7, 27, 0, 0, 0, 0, time.UTC), "2026-07-27T10:03": time.Date(2026, 7, 27, 10, 3, 0, 0, time.UTC),
		"2026-07-27T10:03:11Z": time.Date(2026, 7, 27, 10, 3, 11, 0, time.UTC), "2026-07-27T12:03:11+02:00": time.Date(2026, 7, 27, 10, 3, 11, 0, time.UTC),
		"2026-07-27T12:03:11 02:00": time.Date(2026, 7, 27, 10, 3, 11, 0, time.UTC), "1785146591": time.Unix(1785146591, 0),
	}
	for in, want := range good {
		if got, err := ParseTime(in, now); err != nil || !got.Equal(want) {
			t.Errorf("ParseTime(%q) = %v, %v, want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "soon", "h", "0h", "-1h", "now+1h", "now-", "99999999999d", "1y", "1.5h", "2026-13-01", "99999999999999999999", "１h", "now-now"} {
		if got, err := ParseTime(in, now); err == nil {
			t.Errorf("ParseTime(%q) = %v, want an error", in, got)
		}
	}
}

func TestParseRange(t *testing.T) {
	now := time.Date(2026, 7, 27, 12, 0, 0, 0, time.UTC)
	if r, err := ParseRange("now-2h", "now-1h", now); err != nil || r.To.Sub(r.From) != time.Hour {
		t.Errorf("range = %v, %v", r, err)
	}
	if r, err := ParseRange("", "", now); err != nil || r != (Range{}) {
		t.Errorf("open range = %v, %v", r, err)
	}
	for _, ends := range [][2]string{{"now-1h", "now-2h"}, {"now", "now"}, {"x", ""}, {"", "x"}} {
		if r, err := ParseRange(ends[0], ends[1], now); err == nil {
			t.Errorf("ParseRange(%q) = %v, want an error", ends, r)
		}
	}
}

func TestParseRefresh(t *testing.T) {
	for in, want := range map[string]string{"": "", "off": "", "0": "", "5": "5s", "5s": "5s", "30": "30s", "60": "1m", "1m": "1m", "300": "5m", "300000": "5m", "7s": "", "-5": ""} {
		if got := ParseRefresh(in).Value; got != want {
			t.Errorf("ParseRefresh(%q) = %q, want %q", in, got, want)
		}
	}
}

// FuzzParseTime states that nothing outside of the years that databases and
// calendars can hold comes out.
func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"now-1h", "24h", "2026-07-27T10:00:00Z", "1785146591", "9999d"} {
		f.Add(s)
	}
	now := time.Date(2026, 7, 27, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		if got, err := ParseTime(s, now); err == nil && (got.Year() < -1 || got.Year() > 10000) {
			t.Errorf("ParseTime(%q) = %v", s, got)
		}
	})
}

func TestCursorRoundTrip(t *testing.T) {
	for _, c := range []Cursor{{1, 1}, {-5, 9}, {1785146591123, 42}} {
		if got, ok := ParseCursor(c.String()); !ok || got != c {
			t.Errorf("ParseCursor(%q) = %v, %v", c.String(), got, ok)
		}
	}
	for _, in := range []string{"", "1", "1.", ".1", "1.0", "1.-2", "a.b", "1.2.3", "99999999999999999999.1"} {
		if c, ok := ParseCursor(in); ok {
			t.Errorf("ParseCursor(%q) = %v, want none", in, c)
		}
	}
}
