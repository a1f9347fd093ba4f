package config

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

var (
	errSize     = errors.New("want a size such as 500KB, 64MB or 2GB")
	errDuration = errors.New("want a time such as 90s, 12h or 30d (a bare number counts seconds)")
	errDays     = errors.New("want a whole number of days, or a time such as 12h or 30d")
)

// ParseBytes reads a size: a whole number and B, K, M, G or T, optionally with
// "B" or "iB" after the letter, in any case. The units are powers of 1,024, as
// in Docker's and Prometheus' settings. A bare number counts bytes.
func ParseBytes(s string) (int64, error) {
	digits, unit := cutDigits(s)
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0, errSize
	}
	unit = strings.ToUpper(strings.TrimSpace(unit))
	shift := 0
	if unit != "" && unit != "B" {
		i := strings.IndexByte("KMGT", unit[0])
		if i < 0 || (unit[1:] != "" && unit[1:] != "B" && unit[1:] != "IB") {
			return 0, errSize
		}
		shift = 10 * (i + 1)
	}
	if n > math.MaxInt64>>shift {
		return 0, errSize
	}
	return n << shift, nil
}

// FormatBytes writes n in the largest unit that gives a whole number, so that
// ParseBytes reads the same number back. n must not be negative.
func FormatBytes(n int64) string {
	units := []string{"B", "KB", "MB", "GB", "TB"}
	i := 0
	for n > 0 && n%1024 == 0 && i < len(units)-1 {
		n /= 1024
		i++
	}
	return strconv.FormatInt(n, 10) + units[i]
}

// ParseDuration reads a time that is not negative: the form of
// [time.ParseDuration], a number of days before it ("30d", "1d12h"), or a bare
// number of seconds.
func ParseDuration(s string) (time.Duration, error) {
	return parseDuration(s, time.Second, errDuration)
}

// ParseDays is ParseDuration with the difference that a bare number counts days.
func ParseDays(s string) (time.Duration, error) {
	return parseDuration(s, day, errDays)
}

func parseDuration(s string, bare time.Duration, wrong error) (time.Duration, error) {
	var total time.Duration
	if digits, rest := cutDigits(s); digits != "" && (rest == "" || rest[0] == 'd') {
		unit := bare
		if rest != "" {
			unit, rest = day, rest[1:]
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || n > int64(math.MaxInt64/unit) {
			return 0, wrong
		}
		total, s = time.Duration(n)*unit, rest
		if s == "" {
			return total, nil
		}
	}
	if s == "" || s[0] < '0' || s[0] > '9' { // no sign, no ".5h"
		return 0, wrong
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || total > math.MaxInt64-d {
		return 0, wrong
	}
	return total + d, nil
}

// FormatDuration writes d so that ParseDuration reads the same time back: whole
// days as "30d", the rest in Go's form without zero parts ("1h30m", "10m").
func FormatDuration(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	days := ""
	if d >= day {
		days, d = strconv.FormatInt(int64(d/day), 10)+"d", d%day
	}
	if d == 0 {
		return days
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return days + s
}

func parseString(s string) (string, error) {
	if len(s) > maxValueBytes {
		return "", fmt.Errorf("want at most %d bytes", maxValueBytes)
	}
	return s, nil
}

// ParseURL reads an absolute http or https URL without user, query and fragment,
// and drops slashes at the end of its path.
func ParseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.Opaque != "":
		return nil, errors.New("want a URL such as https://monlight.example.com/errors")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("want a URL without user, query and fragment")
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = ""
	return u, nil
}

func parsePrefix(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		a = a.Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	if a := p.Addr(); a.Is4In6() { // ::ffff:10.0.0.0/104 means 10.0.0.0/8
		if p.Bits() < 96 {
			return netip.Prefix{}, errors.New("prefix mixes IPv4 and IPv6")
		}
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	return p.Masked(), nil
}

// split cuts a comma-separated list and drops empty items.
func split(s string) []string {
	var items []string
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// cutDigits cuts s after its leading decimal digits.
func cutDigits(s string) (digits, rest string) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return s[:i], s[i:]
}
