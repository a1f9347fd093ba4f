package ingest

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/monlight/monlight/shared/errs"
)

const usual = `[{"name":"http_requests_total","type":"counter","value":1,"labels":{"method":"GET","endpoint":"/a"},"timestamp":"2026-11-20T12:00:00.250Z","project":"shop"},
 {"name":"latency","type":"histogram","value":0.034500}, {"name":"third","type":"gauge","value":0.30000000000000004},{"name":"big","type":"gauge","value":-1.5e+300}, { "value" : -12.5, "type" : "gauge", "name" : "größe" , "labels" : {} } ]`

func TestFastReaderTakesTheUsualForm(t *testing.T) {
	for name, body := range map[string]string{"array": usual, "object": `{"metrics":` + usual + "}\n"} {
		points, err := decodeFast([]byte(body), nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := []Point{
			{Name: []byte("http_requests_total"), Project: []byte("shop"), Labels: []byte(`{"method":"GET","endpoint":"/a"}`), Type: Counter,
				HasTime: true, TimeMS: time.Date(2026, 11, 20, 12, 0, 0, 250e6, time.UTC).UnixMilli(), Value: 1, Mantissa: 1},
			{Name: []byte("latency"), Type: Histogram, Value: 0.0345, Mantissa: 345, Exponent: 4},
			{Name: []byte("third"), Type: Gauge, Value: 0.30000000000000004, Exponent: NotDecimal},
			{Name: []byte("big"), Type: Gauge, Value: -1.5e300, Exponent: NotDecimal},
			{Name: []byte("größe"), Type: Gauge, Value: -12.5, Mantissa: -125, Exponent: 1},
		}
		if diff := cmp.Diff(want, points, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestDecodeNamesWhatIsWrong(t *testing.T) {
	ok := `{"name":"n","type":"gauge","value":1}`
	tests := map[string]struct{ body, want string }{
		"nothing":              {"", "body is empty"},
		"not JSON":             {"[{]", "body is not valid JSON"},
		"text after the value": {"[" + ok + "] x", "not valid JSON"},
		"cut":                  {"[" + ok, "not valid JSON"},
		"a number":             {"5", "must be an array"},
		"object without it":    {`{"points":[]}`, "without metrics"},
		"metrics no array":     {`{"metrics":5}`, "metrics must be an array"},
		"no points":            {"[]", "metrics is empty"},
		"too many":             {"[" + strings.Repeat(ok+",", 1000) + ok + "]", "has 1001 points, the limit is 1000"},
		"element":              {"[" + ok + ",7]", "metrics[1]: is a number, want an object"},
		"no name":              {`[{"type":"gauge","value":1}]`, "name is missing"},
		"empty name":           {`[{"name":"","type":"gauge","value":1}]`, "name is missing"},
		"name type":            {`[{"name":5,"type":"gauge","value":1}]`, "name is a number, want a text"},
		"long name":            {`[{"name":"` + strings.Repeat("n", 201) + `","type":"gauge","value":1}]`, "name has 201 bytes, the limit is 200"},
		"long project":         {`[{"name":"n","type":"gauge","value":1,"project":"` + strings.Repeat("p", 101) + `"}]`, "project has 101 bytes, the limit is 100"},
		"no type":              {`[{"name":"n","value":1}]`, "type is missing"},
		"bad type":             {`[{"name":"n","type":"summary","value":1}]`, `type is "summary", want counter, histogram or gauge`},
		"no value":             {`[{"name":"n","type":"gauge"}]`, "value is missing"},
		"null value":           {`[{"name":"n","type":"gauge","value":null}]`, "value is missing"},
		"text value":           {`[{"name":"n","type":"gauge","value":"1"}]`, "value is a text, want a number"},
		"NaN":                  {`[{"name":"n","type":"gauge","value":NaN}]`, "not valid JSON"},
		"infinite":             {`[{"name":"n","type":"gauge","value":1e400}]`, `value is "1e400"`},
		"negative increment":   {`[{"name":"n","type":"counter","value":-1}]`, "value is -1, want at least 0"},
		"bad time":             {`[{"name":"n","type":"gauge","value":1,"timestamp":"yesterday"}]`, `timestamp is "yesterday"`},
		"time type":            {`[{"name":"n","type":"gauge","value":1,"timestamp":17}]`, "timestamp is a number"},
		"labels type":          {`[{"name":"n","type":"gauge","value":1,"labels":["a"]}]`, "labels is an array"},
		"deep":                 {strings.Repeat("[", 100000), "nested deeper than 32"},
		"deep labels":          {`[{"name":"n","type":"gauge","value":1,"labels":` + strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40) + "}]", "nested deeper"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Decode([]byte(tt.body), false, nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want one with %q", err, tt.want)
			}
			if errs.KindOf(err) != errs.Invalid {
				t.Errorf("kind %v, want Invalid", errs.KindOf(err))
			}
		})
	}
}

func TestPartialKeepsTheGoodPoints(t *testing.T) {
	body := `[{"name":"a","type":"gauge","value":1},{"name":"b","type":"gauge"},{"name":"c","type":"gauge","value":3},5]`
	batch, err := Decode([]byte(body), true, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(batch.Points) != 2 || batch.Total != 4 || batch.Index(1) != 2 {
		t.Errorf("points %v, total %d", batch.Points, batch.Total)
	}
	want := []ItemError{{1, "value is missing, want a number"}, {3, "is a number, want an object"}}
	if diff := cmp.Diff(want, batch.Rejected); diff != "" {
		t.Error(diff)
	}
}

func TestLastOfRepeatedMembersCounts(t *testing.T) {
	batch, err := Decode([]byte(`[{"name":"a","name":"b","NAME":"c","type":"gauge","value":1,"value":2,"labels":null,"project":null,"timestamp":null}]`), false, nil)
	if err != nil {
		t.Fatal(err)
	}
	if p := batch.Points[0]; string(p.Name) != "b" || p.Value != 2 || p.HasTime {
		t.Errorf("point %+v", p)
	}
}

func TestParseTimestamp(t *testing.T) {
	at := func(h, m, s, ms int) int64 { return time.Date(2026, 2, 28, h, m, s, ms*1e6, time.UTC).UnixMilli() }
	tests := map[string]int64{
		"2026-02-28T12:34:56Z":                at(12, 34, 56, 0),
		"2026-02-28t12:34:56z":                at(12, 34, 56, 0),
		"2026-02-28 12:34:56":                 at(12, 34, 56, 0),
		"2026-02-28T12:34:56.5Z":              at(12, 34, 56, 500),
		"2026-02-28T12:34:56,123999Z":         at(12, 34, 56, 123),
		"2026-02-28T12:34:56.123456789+02:00": at(10, 34, 56, 123),
		"2026-02-28T12:34:56.001-0330":        at(16, 4, 56, 1),
		"2026-02-28T12:34:56+02":              at(10, 34, 56, 0),
		"2026-02-28T12:34Z":                   at(12, 34, 0, 0),
		"2026-02-28T23:59:60Z":                at(23, 59, 59, 999),
		"2024-02-29T00:00:00Z":                time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC).UnixMilli(),
		"1970-01-01T00:00:00Z":                0,
	}
	for text, want := range tests {
		if got, ok := ParseTimestamp([]byte(text)); !ok || got != want {
			t.Errorf("ParseTimestamp(%q) = %d, %v, want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "2026", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-01T24:00:00Z",
		"2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00X", "2026-01-01T00:00:00+2", "2026-01-01T00:00:00+02:",
		"2026-01-01T00:00:00+02:6", "2026-01-01T00:00:00+24:00", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+01:00", "2026/01/01T00:00:00Z", "20260101T000000Z",
		"2026-01-01T00:00:00Z ", "-026-01-01T00:00:00Z"} {
		if got, ok := ParseTimestamp([]byte(text)); ok {
			t.Errorf("ParseTimestamp(%q) = %d, want none", text, got)
		}
	}
}

func FuzzTimestamp(f *testing.F) {
	f.Add(int64(0), 0)
	f.Add(int64(253402300799999), 1439)
	f.Fuzz(func(t *testing.T, ms int64, zone int) {
		when := time.UnixMilli(ms).In(time.FixedZone("", zone%(24*60)*60))
		if ms < 0 || when.Year() < 1970 || when.Year() > 9999 {
			return
		}
		text := when.Format("2006-01-02T15:04:05.000Z07:00")
		if got, ok := ParseTimestamp([]byte(text)); !ok || got != ms {
			t.Errorf("ParseTimestamp(%q) = %d, %v, want %d", text, got, ok, ms)
		}
	})
}

// FuzzDecode: what the fast reader accepts, the thorough one accepts with the
// same result, and nothing that is accepted breaks a promise of Point.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(usual))
	f.Add([]byte(`{"metrics":[{"name":"n","type":"counter","value":1e3}]}`))
	f.Add([]byte(`[{"name":"n","type":"gauge","value":-0.0,"labels":{"a":"b"}}]`))
	f.Add([]byte(`[{"name":"\u00e9","type":"gauge","value":9007199254740993,"labels":{"a":1,"b":true,"c":null,"d":"\n"}}]`))
	f.Add([]byte("[{\"name\":\"\xff\",\"type\":\"gauge\",\"value\":0.1}]"))
	f.Add([]byte(`[{"name":"n","type":"gauge","value":12345678901234567890.123}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		slow, slowErr := decodeThoroughly(body, false, nil)
		if slowErr == nil {
			for _, p := range slow.Points {
				if math.IsNaN(p.Value) || math.IsInf(p.Value, 0) || len(p.Name) == 0 || len(p.Name) > MaxNameBytes || p.Type.String() == "" {
					t.Fatalf("accepted %+v", p)
				}
				if p.Exponent != NotDecimal && float64(p.Mantissa)/pow10[p.Exponent] != p.Value {
					t.Fatalf("%d / 10^%d is not %v", p.Mantissa, p.Exponent, p.Value)
				}
				if len(p.Labels) > 0 && !json.Valid(p.Labels) {
					t.Fatalf("labels %q", p.Labels)
				}
			}
		} else if errs.KindOf(slowErr) != errs.Invalid {
			t.Fatalf("kind of %v", slowErr)
		}
		fast, err := decodeFast(body, nil)
		if err != nil {
			return
		}
		if slowErr != nil {
			t.Fatalf("fast accepts what thorough refuses: %v", slowErr)
		}
		for i := range slow.Points {
			// An empty object is no labels.
			if strings.Trim(string(slow.Points[i].Labels), "{} \t\r\n") == "" {
				slow.Points[i].Labels = nil
			}
		}
		if diff := cmp.Diff(slow.Points, fast, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("(-thorough +fast):\n%s", diff)
		}
	})
}

func FuzzNumber(f *testing.F) {
	f.Add(1.5)
	f.Add(0.1)
	f.Add(123456.789)
	f.Fuzz(func(t *testing.T, v float64) {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return
		}
		for _, text := range []string{strconv.FormatFloat(v, 'f', -1, 64), strconv.FormatFloat(v, 'f', 3, 64), strconv.FormatFloat(v, 'e', -1, 64)} {
			var p Point
			s := scanner{b: []byte(text)}
			if !s.number(&p) {
				continue
			}
			if want, _ := strconv.ParseFloat(text, 64); p.Value != want {
				t.Errorf("%s read as %v, want %v", text, p.Value, want)
			}
		}
	})
}

// testBody is a full batch of the shape that services send.
func testBody() []byte {
	var b strings.Builder
	b.WriteByte('[')
	for i := range 1000 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"name":"http_request_duration_seconds","type":"histogram","value":0.%06d,"labels":{"method":"GET","endpoint":"/api/items/%d","status":"200","host":"web-%d"},"timestamp":"2026-11-20T12:00:%02d.%03dZ"}`,
			i*137%1000000, i%100, i%10, i%60, i)
	}
	b.WriteByte(']')
	return []byte(b.String())
}

func BenchmarkDecode(b *testing.B) {
	body := testBody()
	buf := make([]Point, 0, MaxPoints)
	for name, decode := range map[string]func() error{
		"fast":     func() error { _, err := decodeFast(body, buf[:0]); return err },
		"thorough": func() error { _, err := decodeThoroughly(body, false, buf[:0]); return err },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := decode(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/point")
		})
	}
}

func TestSecondFormatterSaysWhatFormatSecondSays(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	var f SecondFormatter
	for range 100_000 {
		ms := r.Int64N(400*366*86_400_000) - 100*366*86_400_000
		for range r.IntN(4) { // several of a day in a row
			if got, want := string(f.Append(nil, ms)), FormatSecond(ms); got != want {
				t.Fatalf("%d: %s, want %s", ms, got, want)
			}
			ms += r.Int64N(10_000_000)
		}
	}
}
