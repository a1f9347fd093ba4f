package docker

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/log-viewer/internal/logs/stamp"
)

type decoded struct {
	Text   string
	Whole  bool
	Stream logs.Stream
	Time   int64
}

func decodedOf(r record) decoded { return decoded{string(r.text), r.whole, r.stream, r.time} }

func TestDecode(t *testing.T) {
	at := time.Date(2026, 1, 2, 15, 4, 5, 123456789, time.UTC).UnixNano()
	tests := map[string]struct {
		line string
		want decoded
	}{
		"as Docker writes it": {`{"log":"hello\n","stream":"stdout","time":"2026-01-02T15:04:05.123456789Z"}`, decoded{"hello", true, logs.Stdout, at}},
		"stderr":              {`{"log":"hello\n","stream":"stderr","time":"2026-01-02T15:04:05.123456789Z"}`, decoded{"hello", true, logs.Stderr, at}},
		"part of a line":      {`{"log":"hello","stream":"stdout","time":"2026-01-02T15:04:05.123456789Z"}`, decoded{"hello", false, logs.Stdout, at}},
		"escapes":             {`{"log":"\"a\\b\"\t\u001b[31m\u003cx\u003e é\n","stream":"stdout","time":"2026-01-02T15:04:05.123456789Z"}`, decoded{"\"a\\b\"\t\x1b[31m<x> é", true, logs.Stdout, at}},
		"surrogates":          {`{"log":"\ud83d\ude00\u00e9\n","stream":"stdout","time":"2026-01-02T15:04:05.123456789Z"}`, decoded{"😀é", true, logs.Stdout, at}},
		"with attributes":     {`{"log":"a\n","stream":"stdout","attrs":{"tag":"x"},"time":"2026-01-02T15:04:05.123456789Z"}`, decoded{"a", true, logs.Stdout, at}},
		"other order, spaces": {`{ "time" : "2026-01-02T15:04:05.123456789Z", "log" : "a\n" }`, decoded{"a", true, logs.Stdout, at}},
		"short fraction":      {`{"log":"a\n","stream":"stdout","time":"2026-01-02T15:04:05.5Z"}`, decoded{"a", true, logs.Stdout, at - 123456789 + 5e8}},
		"with an offset":      {`{"log":"a\n","stream":"stdout","time":"2026-01-02T16:04:05.123456789+01:00"}`, decoded{"a", true, logs.Stdout, at}},
		"without time":        {`{"log":"a\n"}`, decoded{"a", true, logs.Stdout, 0}},
		"wrong time":          {`{"log":"a\n","stream":"stdout","time":"yesterday"}`, decoded{"a", true, logs.Stdout, 0}},
		"empty":               {`{"log":"","stream":"stdout","time":""}`, decoded{"", false, logs.Stdout, 0}},
		"behind zeros":        {"\x00\x00\x00" + `{"log":"a\n","stream":"stdout","time":""}`, decoded{"a", true, logs.Stdout, 0}},
		"behind a cut record": {`{"log":"abc{"log":"a\n","stream":"stdout","time":""}`, decoded{"a", true, logs.Stdout, 0}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var d decoder
			for range 2 { // the second time with a remembered minute
				r, ok := d.decode([]byte(tt.line))
				if !ok {
					t.Fatalf("decode(%s) reads nothing", tt.line)
				}
				if diff := cmp.Diff(tt.want, decodedOf(r)); diff != "" {
					t.Errorf("decode(%s) (-want +got):\n%s", tt.line, diff)
				}
			}
		})
	}
	for _, line := range []string{``, `{}`, `null`, `[1]`, `{"log":1}`, `{"log":"a`, `{"log":null}`, `hello`, `{"log":"a\x"}`, "\xff\xfe"} {
		var d decoder
		if r, ok := d.decode([]byte(line)); ok {
			t.Errorf("decode(%s) = %+v, want nothing", line, decodedOf(r))
		}
	}
}

func FuzzFastReadsAsEncodingJSON(f *testing.F) {
	f.Add(`{"log":"hello\n","stream":"stdout","time":"2026-01-02T15:04:05.123456789Z"}`)
	f.Add(`{"log":"\"a\\b\"\t\u001b[31m\u003cx\u003e é\n","stream":"stderr","time":"2026-01-02T15:04:05Z"}`)
	f.Add(`{"log":"\u0000\ud83d\n","stream":"stdout","time":"2026-12-31T23:59:60.1Z"}`)
	f.Fuzz(func(t *testing.T, line string) {
		var d, reference decoder
		stamp.RFC3339(&d.times, "2026-01-02T15:04:00Z")
		got, fast := d.fast([]byte(line))
		if !fast {
			return
		}
		want, ok := reference.slow([]byte(line))
		if !ok {
			t.Fatalf("fast(%q) = %+v, encoding/json reads nothing", line, decodedOf(got))
		}
		if diff := cmp.Diff(decodedOf(want), decodedOf(got)); diff != "" {
			t.Fatalf("fast(%q) (-encoding/json +fast):\n%s", line, diff)
		}
	})
}

func FuzzDecodeReadsWhatDockerWrites(f *testing.F) {
	f.Add("a \x1b[31m\"<&>é\u2028😀\\", true, int64(1767366245123456789))
	f.Fuzz(func(t *testing.T, text string, whole bool, nanos int64) {
		if nanos < 0 || nanos > 7e18 {
			return
		}
		text = strings.ToValidUTF8(strings.TrimRight(text, "\n"), "\uFFFD")
		written := text
		if whole {
			written += "\n"
		}
		line, _ := json.Marshal(struct {
			Log    string    `json:"log"`
			Stream string    `json:"stream"`
			Time   time.Time `json:"time"`
		}{written, "stderr", time.Unix(0, nanos).UTC()})
		var d decoder
		r, ok := d.decode(line)
		want := decoded{text, whole, logs.Stderr, nanos}
		if diff := cmp.Diff(want, decodedOf(r)); !ok || diff != "" {
			t.Fatalf("decode(%s) (-want +got):\n%s", line, diff)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	line := []byte(`{"log":"2026-01-02 15:04:05,123 INFO shop.orders: order 48 accepted for \"alice\" in 12.7 ms\n","stream":"stdout","time":"2026-01-02T15:04:05.123456789Z"}`)
	var d decoder
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := d.fast(line); !ok {
			b.Fatal(fmt.Errorf("not fast"))
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}
