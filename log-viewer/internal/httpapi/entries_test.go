package httpapi

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
)

func FuzzStringsComeBackFromJSON(f *testing.F) {
	for _, s := range []string{"", "a", `"\/`, "\x00\x1f\x7f\n\r\t", "<script>&", "\u2028\u2029\u202e", "\xff\xc0\x80", "日本語 🎉", "\xed\xa0\x80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b := appendString(nil, s)
		var got string
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%q became %s: %v", s, b, err)
		}
		if want := string([]rune(s)); got != want {
			t.Errorf("%q came back as %q", s, got)
		}
		if strings.ContainsAny(string(b), "<>&\n\r\u2028\u2029") {
			t.Errorf("%q became %s", s, b)
		}
	})
}

func BenchmarkAppendEntries(b *testing.B) {
	e := logs.Entry{ID: 1, Time: time.Now().UnixNano(), Source: "shop-web-1", Level: logs.Info,
		Message: `{"level":"info","msg":"request done","method":"GET","path":"/orders/718","status":200,"duration_ms":155,"trace_id":"a5ee8db7de2985ad9759fb50ae95973e"}`}
	var buf []byte
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		buf = buf[:0]
		for range 100 {
			buf = append(appendEntry(buf, e), '\n')
		}
		n += 100
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "entries/s")
}
