package httpapi

import (
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
	"github.com/monlight/monlight/metrics-collector/internal/metrics/ingest"
	"github.com/monlight/monlight/shared/errs"
)

const (
	defaultPeriod  = "24h"
	maxPeriodBytes = 10
	maxPeriod      = 3660 * 24 * time.Hour
)

func boolParam(v url.Values, name string) (bool, error) {
	switch v.Get(name) {
	case "", "0", "false":
		return false, nil
	case "1", "true":
		return true, nil
	}
	return false, errs.New(errs.Invalid, "%s is %s, want 1 or 0", name, quoted(v.Get(name)))
}

// quoted shows the beginning of a text from outside.
func quoted(s string) string {
	const most = 40
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strconv.Quote(s)
}

// textParam is a parameter of at most limit bytes.
func textParam(v url.Values, name string, limit int) (string, error) {
	s := v.Get(name)
	switch {
	case len(s) > limit:
		return "", errs.New(errs.Invalid, "%s has %d bytes, the limit is %d", name, len(s), limit)
	case !utf8.ValidString(s):
		return "", errs.New(errs.Invalid, "%s is not valid UTF-8", name)
	}
	return s, nil
}

func projectParam(v url.Values) (string, error) {
	return textParam(v, "project", ingest.MaxProjectBytes)
}

// ParsePeriod reads a number and one of s, m, h and d. ok is false for
// anything else, and for nothing at all.
func ParsePeriod(text string) (d time.Duration, ok bool) {
	if len(text) < 2 || len(text) > maxPeriodBytes {
		return 0, false
	}
	unit := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}[text[len(text)-1]]
	n, err := strconv.ParseUint(text[:len(text)-1], 10, 32)
	if err != nil || n == 0 || unit == 0 || time.Duration(n) > maxPeriod/unit {
		return 0, false
	}
	return time.Duration(n) * unit, true
}

// period is the range of a query: from and to, or the period up to now. name
// is the period that was understood.
func period(v url.Values, now time.Time) (p metrics.Period, name string, err error) {
	name = v.Get("period")
	d, ok := ParsePeriod(name)
	if !ok {
		name = defaultPeriod
		d, _ = ParsePeriod(name)
	}
	p.ToMS = now.UnixMilli()
	if text := v.Get("to"); text != "" {
		if p.ToMS, err = timeParam("to", text, now); err != nil {
			return p, name, err
		}
	}
	p.FromMS = p.ToMS - d.Milliseconds()
	if text := v.Get("from"); text != "" {
		if p.FromMS, err = timeParam("from", text, now); err != nil {
			return p, name, err
		}
	}
	if p.FromMS >= p.ToMS {
		return p, name, errs.New(errs.Invalid, "from %s is not before to %s", ingest.FormatSecond(p.FromMS), ingest.FormatSecond(p.ToMS))
	}
	return p, name, nil
}

// timeParam reads RFC 3339, Unix seconds or milliseconds, or now and now-1h.
func timeParam(name, text string, now time.Time) (int64, error) {
	if rest, ok := strings.CutPrefix(text, "now"); ok {
		if rest == "" {
			return now.UnixMilli(), nil
		}
		if d, ok := ParsePeriod(strings.TrimPrefix(rest, "-")); ok && rest[0] == '-' {
			return now.Add(-d).UnixMilli(), nil
		}
	}
	if ms, ok := ingest.ParseTimestamp([]byte(text)); ok {
		return ms, nil
	}
	const firstMilliseconds = 1e11 // as seconds that is the year 5138
	if n, err := strconv.ParseFloat(text, 64); err == nil && n >= 0 && n < 1e15 {
		if n < firstMilliseconds {
			n *= 1000
		}
		return int64(n), nil
	}
	return 0, errs.New(errs.Invalid, "%s is %s, want RFC 3339, Unix seconds, now, or now-1h", name, quoted(text))
}

// stepParam is the length of buckets in milliseconds, 0 if it is not given.
func stepParam(v url.Values) (int64, error) {
	text := v.Get("step")
	if text == "" || text == "auto" {
		return 0, nil
	}
	if d, ok := ParsePeriod(text); ok {
		return d.Milliseconds(), nil
	}
	if n, err := strconv.ParseUint(text, 10, 31); err == nil && n > 0 {
		return int64(n) * 1000, nil
	}
	return 0, errs.New(errs.Invalid, "step is %s, want seconds, or a number with s, m, h or d", quoted(text))
}

// matchersParam joins the conditions of match, which may be repeated, and labels.
func matchersParam(v url.Values) ([]metrics.Matcher, error) {
	all, err := metrics.ParseLabelPairs(v.Get("labels"))
	if err != nil {
		return nil, err
	}
	for _, text := range v["match"] {
		more, err := metrics.ParseSelector(text)
		if err != nil {
			return nil, err
		}
		if all = append(all, more...); len(all) > metrics.MaxMatchers {
			return nil, errs.New(errs.Invalid, "match has more than %d conditions", metrics.MaxMatchers)
		}
	}
	return all, nil
}

// listParam splits a parameter at commas.
func listParam(v url.Values, name string) []string {
	var list []string
	for _, text := range v[name] {
		for item := range strings.SplitSeq(text, ",") {
			if item = strings.TrimSpace(item); item != "" {
				list = append(list, item)
			}
		}
	}
	return list
}

func countParam(v url.Values, name string, def, most int) (int, error) {
	text := v.Get(name)
	if text == "" {
		return def, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, errs.New(errs.Invalid, "%s is %s, want 1 to %d", name, quoted(text), most)
	}
	return n, nil
}
