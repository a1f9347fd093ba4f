package stamp_test

import (
	"testing"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs/stamp"
)

func TestAny(t *testing.T) {
	at := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC).UnixNano()
	const none = -1
	tests := map[string]int64{
		"2026-01-02T15:04:05Z":           at,
		"2026-01-02T15:04:05.123456789Z": at + 123456789,
		"2026-01-02T15:04:05.5Z":         at + 5e8,
		"2026-01-02T17:04:05+02:00":      at,
		"2026-01-02T15:04:05":            at,
		"2026-01-02T15:04:05.25":         at + 25e7,
		"2026-01-02 15:04:05,123":        at + 123e6,
		"2026-01-02 10:04:05-05:00":      at,
		"2026-01-02T17:04:05.5+0200":     at + 5e8,
		"1767366245":                     at,
		"1767366245.5":                   at + 5e8,
		"1767366245123":                  at + 123e6,
		"1767366245123.4567":             at + 123456700,
		"1767366245123456":               at + 123456e3,
		"1767366245123456789":            at + 123456789,
		"1970-01-01T00:00:00Z":           0,
		"":                               none,
		"soon":                           none,
		"-1":                             none,
		"1.5e9":                          none,
		"1767366245.":                    at,
		"1767366245.x":                   none,
		"99999999999999999999":           none,
		"9223372036854775807":            none,
		"1969-12-31T23:59:59Z":           none,
		"2200-01-01T00:00:00Z":           none,
		"2026-01-02T15:04:61Z":           none,
		"2026-02-30T15:04:05Z":           none,
		"2026-01-02T15:04:05.Z":          none,
	}
	for text, want := range tests {
		var r stamp.Reader
		for range 2 { // the second time with a remembered minute
			got, ok := r.Any(text)
			if ok != (want != none) || ok && got != want {
				t.Errorf("Any(%q) = %d, %v, want %d", text, got, ok, want)
			}
			if _, ok := r.Any("2026-01-02T15:04:00Z"); !ok {
				t.Fatal("a usual time is none")
			}
		}
	}
}

func FuzzRFC3339ReadsAsTheTimePackage(f *testing.F) {
	f.Add("2026-01-02T15:04:05.123456789Z")
	f.Add("2026-01-02T15:04:59.1Z")
	f.Add("2026-01-02T15:04:60Z")
	f.Add("2026-01-02T15:04:0:Z")
	f.Fuzz(func(t *testing.T, s string) {
		var r stamp.Reader
		stamp.RFC3339(&r, "2026-01-02T15:04:00Z")
		got, ok := stamp.RFC3339(&r, []byte(s))
		at, err := time.Parse(time.RFC3339Nano, s)
		if want := err == nil && !at.Before(stamp.First) && at.Before(stamp.Limit) && len(s) <= 64; ok != want || ok && got != at.UnixNano() {
			t.Errorf("RFC3339(%q) = %d, %v; the time package reads %v, %v", s, got, ok, at, err)
		}
	})
}
