package webui

import (
	"testing"
	"time"
)

func TestNumbers(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1\u202f000", 1234567: "1\u202f234\u202f567", -1234: "-1\u202f234"} {
		if got := Number(n); got != want {
			t.Errorf("Number(%d) = %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1.0k", 1234: "1.2k", 9949: "9.9k", 9950: "10k", 99949: "100k", 999499: "999k", 999500: "1.0M", 1 << 62: "4.6E", -1500: "-1.5k"} {
		if got := Short(n); got != want {
			t.Errorf("Short(%d) = %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 120 << 10: "120 KiB", 1<<20 - 1: "1.0 MiB", 5 << 30: "5.0 GiB", 1 << 62: "4.0 EiB"} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q, want %q", n, got, want)
		}
	}
	if got := Plural(1, "issue", "issues") + Plural(0, "issue", "issues"); got != "1 issue0 issues" {
		t.Errorf("Plural = %q", got)
	}
}

func TestAgo(t *testing.T) {
	now := time.Date(2026, 7, 27, 12, 0, 0, 0, time.UTC)
	for before, want := range map[time.Duration]string{
		0: "now", 900 * time.Millisecond: "now", 42 * time.Second: "42s ago", 90 * time.Second: "1m ago", 5 * time.Hour: "5h ago", 47 * time.Hour: "47h ago",
		48 * time.Hour: "2d ago", 29 * 24 * time.Hour: "29d ago", 31 * 24 * time.Hour: "26 Jun", 400 * 24 * time.Hour: "22 Jun 2025",
		-500 * time.Millisecond: "now", -90 * time.Minute: "in 1h",
	} {
		if got := Ago(now.Add(-before), now); got != want {
			t.Errorf("Ago(%v before) = %q, want %q", before, got, want)
		}
	}
	if got := Ago(time.Time{}, now) + ISO(time.Time{}) + UTC(time.Time{}); got != "" {
		t.Errorf("the zero time is %q", got)
	}
	if got := ISO(now.In(time.FixedZone("", 7200))); got != "2026-07-27T12:00:00Z" {
		t.Errorf("ISO = %q", got)
	}
}
