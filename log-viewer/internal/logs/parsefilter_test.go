package logs_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/shared/errs"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func TestParseFilter(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return v.UTC()
	}
	tests := map[string]struct {
		in   map[string][]string
		want logs.Filter
		none bool
	}{
		"nothing":        {nil, logs.Filter{}, false},
		"empty values":   {map[string][]string{"container": {""}, "level": {""}, "since": {""}, "q": {""}}, logs.Filter{}, false},
		"containers":     {map[string][]string{"container": {"a", "b,c", "a"}, "service": {"s"}}, logs.Filter{Sources: []string{"a", "b,c"}, Services: []string{"s"}}, false},
		"level":          {map[string][]string{"level": {"warn"}}, logs.Filter{Levels: logs.Only(logs.Warning)}, false},
		"levels":         {map[string][]string{"level": {"INFO,>=ERROR"}}, logs.Filter{Levels: logs.Only(logs.Info) | logs.AtLeast(logs.Error)}, false},
		"unknown level":  {map[string][]string{"level": {"LOUD"}}, logs.Filter{}, true},
		"unknown and ok": {map[string][]string{"level": {"LOUD,INFO"}}, logs.Filter{Levels: logs.Only(logs.Info)}, false},
		"stream":         {map[string][]string{"stream": {"stderr"}}, logs.Filter{Streams: []logs.Stream{logs.Stderr}}, false},
		"relative":       {map[string][]string{"since": {"1h"}, "until": {"now-15m"}}, logs.Filter{Since: noon.Add(-time.Hour), Until: noon.Add(-15 * time.Minute)}, false},
		"whole second":   {map[string][]string{"since": {"2026-11-20T10:00:00Z"}, "until": {"2026-11-20T10:00:00Z"}}, logs.Filter{Since: at("2026-11-20T10:00:00Z"), Until: at("2026-11-20T10:00:00.999999999Z")}, false},
		"offsets":        {map[string][]string{"since": {"2026-11-20T10:00:00+02:00"}, "until": {"2026-11-20T10:00:00.5 02:00"}}, logs.Filter{Since: at("2026-11-20T08:00:00Z"), Until: at("2026-11-20T08:00:00.5Z")}, false},
		"Unix":           {map[string][]string{"since": {"1795168800"}, "until": {"1795168800123"}}, logs.Filter{Since: time.Unix(1795168800, 0).UTC(), Until: time.UnixMilli(1795168800123).UTC()}, false},
		"date":           {map[string][]string{"since": {"2026-11-20"}}, logs.Filter{Since: at("2026-11-20T00:00:00Z")}, false},
	}
	for name, tt := range tests {
		got, none, err := logs.ParseFilter(tt.in, noon)
		if err != nil || none != tt.none || !cmp.Equal(got, tt.want) {
			t.Errorf("%s: %v, %v, %v, want %v", name, got, none, err, tt.want)
		}
	}
	for want, in := range map[string]map[string][]string{
		`since is "soon", want a time`:          {"since": {"soon"}},
		`until is "now-", want a time`:          {"until": {"now-"}},
		`stream is "both", want stdout`:         {"stream": {"both"}},
		"is before since":                       {"since": {"1h"}, "until": {"2h"}},
		"search, character":                     {"search": {`"open`}},
		"want text of at most 200":              {"container": {strings.Repeat("x", 201)}},
		`since is "0000-01-01T00:00:00Z"`:       {"since": {"0000-01-01T00:00:00Z"}},
		`since is "99999999999999999999999999"`: {"since": {"99999999999999999999999999"}},
		"want text of at most 64 bytes":         {"level": {strings.Repeat("x", 99)}},
	} {
		if _, _, err := logs.ParseFilter(in, noon); errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", in, err, want)
		}
	}
	if f, _, _ := logs.ParseFilter(map[string][]string{"q": {"a"}}, noon); f.Search == nil {
		t.Error("q is not read")
	}
}

func FuzzParseFilter(f *testing.F) {
	f.Add("web", ">=WARN", "now-1h", "2026-11-20T10:00:00+02:00", "a OR b")
	f.Fuzz(func(t *testing.T, container, level, since, until, search string) {
		got, _, err := logs.ParseFilter(map[string][]string{"container": {container}, "level": {level}, "since": {since}, "until": {until}, "search": {search}}, noon)
		if err != nil {
			if errs.KindOf(err) != errs.Invalid {
				t.Errorf("%v is no mistake of the caller", err)
			}
			return
		}
		if !got.Since.IsZero() && !got.Until.IsZero() && got.Until.Before(got.Since) {
			t.Errorf("%v ends before it begins", got)
		}
		for _, b := range []logs.Buckets{logs.BucketsOf(got.Since, noon, 60), logs.BucketsOf(noon, got.Until, 90)} {
			if err := b.Validate(); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestBucketsCoverTheirRangeInRoundSteps(t *testing.T) {
	for _, span := range []time.Duration{0, time.Second, 59 * time.Second, time.Hour, 25 * time.Hour, 40 * 24 * time.Hour, 20 * 366 * 24 * time.Hour} {
		for _, n := range []int{1, 7, 60, 1999} {
			since := noon.Add(-span)
			b := logs.BucketsOf(since, noon, n)
			if b.N > n+1 || b.Start.After(since) || b.Start.Add(time.Duration(b.N)*b.Step).Before(noon) || b.Step%time.Second != 0 {
				t.Errorf("%s in %d: %+v", span, n, b)
			}
		}
	}
}

func TestPositionsAreReadAsTheyWereWritten(t *testing.T) {
	for _, p := range []logs.Position{{Time: -5, ID: 1}, {Time: 1795168800123456789, ID: 1 << 62}} {
		if got, err := logs.ParsePosition(p.String()); err != nil || *got != p {
			t.Errorf("%v became %v, %v", p, got, err)
		}
	}
	for _, text := range []string{"", "1", "1.", ".1", "1.0", "1.-1", "a.b", "1.1.1"} {
		if p, err := logs.ParsePosition(text); err == nil {
			t.Errorf("%q became %v", text, p)
		}
	}
}
