package metrics

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestParseLabels(t *testing.T) {
	tests := map[string]struct {
		raw  string
		want Labels
		err  string
	}{
		"none":            {raw: ""},
		"empty":           {raw: "{}"},
		"sorted":          {raw: `{"b":"2","a":"1"}`, want: Labels{{"a", "1"}, {"b", "2"}}},
		"last counts":     {raw: `{"a":"1","a":"2"}`, want: Labels{{"a", "2"}}},
		"last is nothing": {raw: `{"a":"1","a":""}`},
		"other types":     {raw: `{"n":1.50,"t":true,"nil":null,"e":""}`, want: Labels{{"n", "1.50"}, {"t", "true"}}},
		"escapes":         {raw: `{"\u0061":"\"\n"}`, want: Labels{{"a", "\"\n"}}},
		"nested":          {raw: `{"a":{}}`, err: "want a text"},
		"list":            {raw: `{"a":[1]}`, err: "want a text"},
		"without name":    {raw: `{"":"x"}`, err: "without a name"},
		"long name":       {raw: `{"` + strings.Repeat("n", 101) + `":"x"}`, err: "101 bytes, the limit is 100"},
		"long value":      {raw: `{"a":"` + strings.Repeat("n", 257) + `"}`, err: "257 bytes, the limit is 256"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ParseLabels([]byte(tt.raw))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// FuzzLabels: the quick parser agrees with encoding/json, and the canonical
// form is a fixed point.
func FuzzLabels(f *testing.F) {
	f.Add([]byte(`{"a":"1", "b" : "ü"}`))
	f.Add([]byte(`{"a":"\t\"\\"}`))
	f.Add([]byte(`{"a":"1","a":"2"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		any, anyErr := parseAnyLabels(raw)
		if plain, ok := parsePlainLabels(raw); ok && anyErr == nil {
			a, err1 := normalizeLabels(plain)
			b, err2 := normalizeLabels(any)
			if (err1 == nil) != (err2 == nil) || err1 == nil && !cmp.Equal(a, b, cmpopts.EquateEmpty()) {
				t.Fatalf("plain %v %v, any %v %v", a, err1, b, err2)
			}
		}
		labels, err := ParseLabels(raw)
		if err != nil || anyErr != nil {
			return
		}
		for _, l := range labels {
			if !utf8.ValidString(l.Name) || !utf8.ValidString(l.Value) {
				t.Fatalf("label %q=%q", l.Name, l.Value)
			}
		}
		again, err := ParseLabels([]byte(labels.String()))
		if err != nil || !cmp.Equal(labels, again, cmpopts.EquateEmpty()) {
			t.Fatalf("%s came back as %v, %v", labels, again, err)
		}
	})
}

func TestParseSelector(t *testing.T) {
	m, err := ParseSelector(` {method="GET", path=~"/api/\d+", x!='a"b', y!~"", } `)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := FormatSelector(m), `method="GET",path=~"/api/\\d+",x!="a\"b",y!~""`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for value, want := range map[string]bool{"/api/12": true, "/api/": false, "x/api/12": false, "/api/12/3": false} {
		if m[1].Matches(value) != want {
			t.Errorf("%s matches %s: %v", m[1].Value, value, !want)
		}
	}
	for _, text := range []string{"a", "a=", `a="`, `="x"`, `a=="x"`, `a="x" b="y"`, `a~"x"`, `{a="x"`, `a=~"("`, `a=x`, `,`, "a=\"\xff\""} {
		if m, err := ParseSelector(text); err == nil {
			t.Errorf("%q is %v", text, m)
		}
	}
}

// FuzzSelector: what is accepted survives being written and read again.
func FuzzSelector(f *testing.F) {
	f.Add(`{a="b",c!~"d|e"}`)
	f.Add(`x='\'' , y="\\\n"`)
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ParseSelector(text)
		if err != nil {
			return
		}
		again, err := ParseSelector(FormatSelector(m))
		if err != nil || len(again) != len(m) {
			t.Fatalf("%q: %v %v", text, again, err)
		}
		for i := range m {
			if m[i].Name != again[i].Name || m[i].Op != again[i].Op || m[i].Value != again[i].Value {
				t.Fatalf("%q: %v, then %v", text, m[i], again[i])
			}
		}
	})
}

func TestAggregations(t *testing.T) {
	row := Row{Count: 4, Sum: 10, Min: 1, Max: 5, Last: 2, Seconds: 2, Quantiles: []float64{3}}
	for text, want := range map[string]float64{"rate": 5, "sum": 10, "count": 4, "avg": 2.5, "min": 1, "max": 5, "last": 2, "p95": 3} {
		a, err := ParseAgg(text)
		if err != nil || a.String() != text {
			t.Fatalf("%s: %s %v", text, a, err)
		}
		if got, ok := a.Value(Counter, &row); !ok || got != want {
			t.Errorf("%s = %v %v, want %v", text, got, ok, want)
		}
	}
	rate, _ := ParseAgg("rate")
	if got, _ := rate.Value(Histogram, &row); got != 2 {
		t.Errorf("rate of a histogram %v, want points per second", got)
	}
	for _, text := range []string{"", "p0", "p101", "p", "px", "p1e1000", "median", "RATE", "p-1", "pNaN"} {
		if a, err := ParseAgg(text); err == nil {
			t.Errorf("%q is %s", text, a)
		}
	}
	if a, _ := ParseAgg("p99.9"); a.Quantile() < 0.99899 || a.Quantile() > 0.99901 || a.String() != "p99.9" {
		t.Errorf("p99.9 is %v, %s", a.Quantile(), a)
	}
}
