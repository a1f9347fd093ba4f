package webui

import (
	"math"
	"strconv"
	"strings"
)

// Units of values, by which they are shown.
const (
	unitSeconds = "s"
	unitMillis  = "ms"
	unitBytes   = "B"
	unitRate    = "/s"
	unitPercent = "%"
)

// unitOf guesses the unit of a metric's values by the ending of its name, as
// the naming rules of Prometheus have it.
func unitOf(name string) string {
	name = strings.TrimSuffix(name, "_total")
	for suffix, unit := range map[string]string{"_seconds": unitSeconds, "_milliseconds": unitMillis, "_ms": unitMillis, "_bytes": unitBytes, "_percent": unitPercent} {
		if strings.HasSuffix(name, suffix) {
			return unit
		}
	}
	switch name {
	case "web_vitals_lcp", "web_vitals_inp", "web_vitals_fcp", "web_vitals_ttfb":
		return unitMillis
	}
	return ""
}

// Value shows a number with its unit in few characters: 0.25 s as 250 ms.
func Value(v float64, unit string) string {
	if math.IsNaN(v) {
		return "–"
	}
	switch unit {
	case unitSeconds:
		return seconds(v)
	case unitMillis:
		return seconds(v / 1000)
	case unitBytes:
		return scaled(v, 1024, []string{" B", " KiB", " MiB", " GiB", " TiB"})
	case unitPercent:
		return short(v) + " %"
	}
	return scaled(v, 1000, []string{"", "k", "M", "G", "T"}) + unit
}

func seconds(v float64) string {
	switch a := math.Abs(v); {
	case a == 0:
		return "0 s"
	case a < 1e-3:
		return short(v*1e6) + " µs"
	case a < 1:
		return short(v*1e3) + " ms"
	case a < 120:
		return short(v) + " s"
	case a < 7200:
		return short(v/60) + " min"
	}
	return short(v/3600) + " h"
}

func scaled(v, base float64, units []string) string {
	i := 0
	for i < len(units)-1 && math.Abs(v) >= base*0.99995 {
		v /= base
		i++
	}
	return short(v) + units[i]
}

// short is a number with about three digits that matter.
func short(v float64) string {
	decimals := 2
	switch a := math.Abs(v); {
	case a >= 1e15 || a > 0 && a < 1e-4:
		return strconv.FormatFloat(v, 'g', 3, 64)
	case a >= 100:
		decimals = 0
	case a >= 10:
		decimals = 1
	case a < 0.1:
		decimals = 4
	case a < 1:
		decimals = 3
	}
	text := strconv.FormatFloat(v, 'f', decimals, 64)
	if strings.ContainsRune(text, '.') {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// percent shows a part of one.
func percent(part float64) string { return short(part*100) + " %" }

// share is a part of one as a width of a drawing that is 100 wide.
func share(part float64) string { return strconv.FormatFloat(part*100, 'f', 2, 64) }
