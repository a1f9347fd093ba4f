package config_test

import (
	"testing"
	"time"

	"github.com/monlight/monlight/shared/config"
)

func TestParseBytes(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "17": 17, "17B": 17, "1k": 1 << 10, "1KB": 1 << 10, "1kib": 1 << 10, "64 MB": 64 << 20, "2G": 2 << 30, "3TiB": 3 << 40,
	} {
		if got, err := config.ParseBytes(text); got != want || err != nil {
			t.Errorf("ParseBytes(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "B", "MB", "-1", "1.5GB", "1XB", "1KBB", "1KiBs", "9999999TB", "9223372036854775808", "1M B", "１"} {
		if got, err := config.ParseBytes(text); err == nil {
			t.Errorf("ParseBytes(%q) = %d, want an error", text, got)
		}
	}
}

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "90": 90 * time.Second, "1h30m": 90 * time.Minute, "30d": 30 * day, "1d12h": 36 * time.Hour, "1.5h": 90 * time.Minute, "0s": 0,
	} {
		if got, err := config.ParseDuration(text); got != want || err != nil {
			t.Errorf("ParseDuration(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "d", "-1s", "+1s", "1d-1h", "1.5d", "1w", "h", "1h1d", "200000d", "9223372037", "106751d24h", ".5h", "1d1d"} {
		if got, err := config.ParseDuration(text); err == nil {
			t.Errorf("ParseDuration(%q) = %v, want an error", text, got)
		}
	}
	if got, err := config.ParseDays("30"); got != 30*day || err != nil {
		t.Errorf(`ParseDays("30") = %v, %v; want 30 days`, got, err)
	}
}

// What is accepted is in range and can be written and read back unchanged.
func FuzzParseBytes(f *testing.F) {
	for _, s := range []string{"0", "64MB", "1KiB", "9223372036854775807", "8388607TB", "1 G"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := config.ParseBytes(s)
		if err != nil {
			return
		}
		if n < 0 {
			t.Fatalf("ParseBytes(%q) = %d, want no negative size", s, n)
		}
		if again, err := config.ParseBytes(config.FormatBytes(n)); again != n || err != nil {
			t.Fatalf("ParseBytes(%q) = %d, written %q, read back as %d, %v", s, n, config.FormatBytes(n), again, err)
		}
	})
}

// What is accepted is not negative and can be written and read back unchanged.
func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{"0", "90", "30d", "1d12h", "2562047h47m16.854775807s", "106751d23h", "1h0m0s", "10m", "1ns"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for name, parse := range map[string]func(string) (time.Duration, error){
			"ParseDuration": config.ParseDuration, "ParseDays": config.ParseDays,
		} {
			d, err := parse(s)
			if err != nil {
				continue
			}
			if d < 0 {
				t.Fatalf("%s(%q) = %v, want no negative time", name, s, d)
			}
			if again, err := parse(config.FormatDuration(d)); again != d || err != nil {
				t.Fatalf("%s(%q) = %v, written %q, read back as %v, %v", name, s, d, config.FormatDuration(d), again, err)
			}
		}
	})
}
