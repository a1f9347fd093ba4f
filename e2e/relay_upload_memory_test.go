package e2e

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// A build uploads source maps of tens of megabytes while the relay works for pages:
// what it needs for that must fit beside them.
func TestTheRelayTakesALargeSourceMapInLittleMemory(t *testing.T) {
	const limit = 25_000_000
	relay := harness.Start(t, "browser-relay", "ADMIN_API_KEY="+harness.Key,
		"ERROR_TRACKER_URL=http://127.0.0.1:9", "ERROR_TRACKER_API_KEY="+harness.Key,
		"METRICS_COLLECTOR_URL=http://127.0.0.1:9", "METRICS_COLLECTOR_API_KEY="+harness.Key)
	within(t, 30*time.Second, "giving back what only the start needed", func() bool {
		now, _ := relay.Memory()
		return now < 12<<20
	})
	relay.ResetPeak()
	out, in := io.Pipe()
	go func() { in.CloseWithError(writeLargeMap(in)) }()
	r := relay.Do(harness.Request{Method: "POST", Path: "/api/source-maps?project=shop&release=1&file_url=/app.js", Body: out})
	var answer struct {
		Bytes             int64
		Segments, Sources int
	}
	if err := r.JSON(&answer); err != nil || r.Status != 201 || answer.Bytes < 38_000_000 || answer.Segments < 1_500_000 || answer.Sources != 2000 {
		t.Fatalf("upload: %d %s %v", r.Status, r.Body, err)
	}
	if _, peak := relay.Memory(); peak > limit {
		t.Errorf("%d bytes were resident during the upload of a map of %d bytes, want at most %d", peak, answer.Bytes, limit)
	}
}

// writeLargeMap writes a source map like that of a large bundle: 2,000 sources with 26
// MB of text that hardly repeats itself, 1.7 million segments and 50,000 names.
func writeLargeMap(to io.Writer) error {
	const sources, names, segments = 2000, 50_000, 1_700_000
	w := bufio.NewWriter(to)
	random := rand.New(rand.NewPCG(1, 2))
	list := func(member string, n int, element func(i int)) {
		fmt.Fprintf(w, "%q:[", member)
		for i := range n {
			if i > 0 {
				w.WriteByte(',')
			}
			element(i)
		}
		w.WriteString("],")
	}
	w.WriteString(`{"version":3,`)
	list("sources", sources, func(i int) { fmt.Fprintf(w, `"../node_modules/package%d/src/file%d.js"`, i%90, i) })
	list("sourcesContent", sources, func(int) {
		w.WriteByte('"')
		for range 350 {
			fmt.Fprintf(w, `  const v%d = call%d(%d, v%d);\n`, random.IntN(1e4), random.IntN(1e4), random.IntN(1e6), random.IntN(1e4))
		}
		w.WriteByte('"')
	})
	list("names", names, func(i int) { fmt.Fprintf(w, `"name%d"`, i) })
	w.WriteString(`"mappings":"`)
	digit := func() byte { return "CEGIKMOQ"[random.IntN(8)] } // 1 to 8
	for i := range segments {
		switch {
		case i == 0:
			w.WriteString("AAAA")
		case i%(segments/sources) == 0:
			w.WriteString(",ECAA") // the next source
		case i%(segments/names+1) == 1:
			fmt.Fprintf(w, ",%cAC%cC", digit(), digit()) // the next line and the next name
		default:
			fmt.Fprintf(w, ",%cAA%c", digit(), digit())
		}
	}
	w.WriteString(`"}`)
	return w.Flush()
}
