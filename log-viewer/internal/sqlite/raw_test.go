package sqlite

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/docker"
	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/log-viewer/internal/logs/ingest"
)

// rawLines sends lines of any bytes through the doors of the service: a third in a
// file of Docker's, a third as JSON and a third as text. It returns them as they
// were stored, after comparing them with what was sent.
func (w *world) rawLines(n int) []logs.Entry {
	w.tb.Helper()
	sent := make([]string, n)
	for i := range sent {
		sent[i] = fmt.Sprintf("raw%06d %s", i, w.rawBytes())
	}
	before := w.store.view().lastID
	n1, n2 := n/3, 2*n/3
	w.readFile(sent[:n1])
	var r ingest.Reader
	var body strings.Builder
	for _, line := range sent[n1:n2] {
		fmt.Fprintf(&body, "{\"container\":\"web-1\",\"message\":\"%s\"}\n", inJSON(line))
	}
	w.appendRead(r.JSON(body.String(), ingest.Defaults{}, false))
	w.appendRead(r.Text(strings.Join(sent[n2:], "\n"), ingest.Defaults{Source: "web-2"}))

	var all []logs.Entry
	for from := before; ; {
		entries, last, err := w.store.Since(w.tb.Context(), from, logs.Filter{}, 5000)
		if err != nil {
			w.tb.Fatal(err)
		}
		if len(entries) == 0 {
			break
		}
		all, from = append(all, entries...), last
	}
	if len(all) != n {
		w.tb.Fatalf("%d lines were sent, %d are stored", n, len(all))
	}
	for i, e := range all {
		text := string([]rune(sent[i]))
		if i >= n1 && i < n2 { // JSON is taken without NUL
			text = strings.ReplaceAll(text, "\x00", "\ufffd")
		}
		if got, want := oneMark(e.Message), oneMark(text); got != want {
			w.tb.Fatalf("line %d: %q is stored as %q", i, sent[i], e.Message)
		}
	}
	return all
}

// rawBytes are random bytes, but for ends of lines, with words between them.
func (w *world) rawBytes() string {
	b := make([]byte, w.IntN(50))
	for i := range b {
		if b[i] = byte(w.Uint32()); b[i] == '\n' || b[i] == '\r' {
			b[i] = 0
		}
	}
	at := w.IntN(len(b) + 1)
	return string(b[:at]) + " " + w.word() + w.pick("", " ", "\x00", "\xff\xfe", "\x1b[3") + w.word() + " " + string(b[at:]) + "."
}

// inJSON is the text as the member of an object, in which other bytes than
// control characters stay as they are.
func inJSON(s string) string {
	var out strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			out.WriteByte('\\')
			out.WriteByte(c)
		case c < 0x20:
			fmt.Fprintf(&out, "\\u%04x", c)
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}

// oneMark is s with one mark for any number of bytes in a row that are no text.
func oneMark(s string) string {
	for strings.Contains(s, "\ufffd\ufffd") {
		s = strings.ReplaceAll(s, "\ufffd\ufffd", "\ufffd")
	}
	return s
}

func (w *world) appendRead(lines ingest.Lines, err error) {
	w.tb.Helper()
	if err != nil {
		w.tb.Fatal(err)
	}
	for i := range lines.Entries {
		w.at += int64(time.Millisecond)
		lines.Entries[i].Time = w.at
	}
	mustAppend(w.tb, w.store, logs.Batch{Entries: lines.Entries})
}

// readFile has the lines read as those of a container.
func (w *world) readFile(lines []string) {
	w.tb.Helper()
	id := strings.Repeat("ab", 32)
	dir := w.tb.TempDir()
	folder := filepath.Join(dir, id)
	var file strings.Builder
	for _, line := range lines {
		w.at += int64(time.Millisecond)
		fmt.Fprintf(&file, "{\"log\":\"%s\\n\",\"stream\":\"stderr\",\"time\":\"%s\"}\n", inJSON(line), time.Unix(0, w.at).UTC().Format(time.RFC3339Nano))
	}
	config := `{"ID":"` + id + `","Name":"/web-raw","Config":{"Image":"x"}}`
	for name, content := range map[string]string{"config.v2.json": config, id + "-json.log": file.String()} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			w.tb.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			w.tb.Fatal(err)
		}
	}
	source := docker.New(docker.Options{Dir: dir, TailBytes: 1 << 40, NoWatch: true, Poll: 10 * time.Millisecond, Now: time.Now}, w.store, w.store)
	ctx, stop := context.WithCancel(w.tb.Context())
	ended := make(chan error, 1)
	want := w.store.view().lastID + int64(len(lines))
	go func() { ended <- source.Run(ctx) }()
	for end := time.Now().Add(time.Minute); w.store.view().lastID < want && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	stop()
	if err := <-ended; err != nil {
		w.tb.Error(err)
	}
}
