package ingest

import (
	"strings"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/log-viewer/internal/logs/multiline"
)

// Text reads lines of plain text, all of one source. The lines of a traceback
// become one entry. What is not UTF-8 becomes U+FFFD, and lines that are blank
// are left out. The error is Invalid, or TooLarge with more than
// logs.MaxBatchEntries entries.
func (r *Reader) Text(body string, def Defaults) (Lines, error) {
	r.reset(def, false)
	if def.Source == "" {
		return Lines{}, invalid("container is missing: name it in the query of a body of plain text")
	}
	asm := multiline.New(func(e multiline.Entry) {
		if r.err == nil {
			r.add(logs.Entry{Source: def.Source, Stream: def.Stream, Message: e.Text}, false)
		}
	})
	for line := range strings.Lines(body) {
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		asm.Add(multiline.Line{Text: strings.ToValidUTF8(line, "\uFFFD")}, time.Time{})
		if r.err != nil {
			break
		}
	}
	asm.Flush()
	if r.err == nil && r.index == 0 {
		r.err = invalid("body is empty, want log entries")
	}
	return r.result()
}
