package ingest

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/log-viewer/internal/logs/logstest"
)

const benchLines = 20_000

func benchEntries(b *testing.B) []logs.Entry {
	lines, err := logstest.NewLines(1, benchLines, "")
	if err != nil {
		b.Fatal(err)
	}
	return lines.Batch(benchLines)
}

func BenchmarkJSON(b *testing.B) {
	var body strings.Builder
	for _, e := range benchEntries(b) {
		line, err := json.Marshal(map[string]string{
			"container": e.Source, "message": e.Message, "timestamp": time.Unix(0, e.Time).UTC().Format(time.RFC3339Nano),
		})
		if err != nil {
			b.Fatal(err)
		}
		body.Write(append(line, '\n'))
	}
	run(b, body.String(), (*Reader).jsonLines)
}

func BenchmarkText(b *testing.B) {
	var body strings.Builder
	for _, e := range benchEntries(b) {
		body.WriteString(e.Message + "\n")
	}
	run(b, body.String(), (*Reader).textLines)
}

func (r *Reader) jsonLines(body string) (Lines, error) { return r.JSON(body, Defaults{}, false) }
func (r *Reader) textLines(body string) (Lines, error) { return r.Text(body, Defaults{Source: "a"}) }

func run(b *testing.B, body string, read func(*Reader, string) (Lines, error)) {
	var r Reader
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if got, err := read(&r, body); err != nil || len(got.Entries) == 0 {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*benchLines/b.Elapsed().Seconds(), "lines/s")
}
