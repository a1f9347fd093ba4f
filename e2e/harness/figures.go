package harness

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Figure is something that a test has measured for a row of docs/reliability.md.
type Figure struct {
	Row     string // "A1"
	Service string // empty if it is about all of them
	Text    string
	Test    string
}

// FiguresFile is where Note collects figures: E2E_OUT, or e2e/out.
func FiguresFile() string {
	dir := os.Getenv("E2E_OUT")
	if dir == "" {
		dir = filepath.Join(repository(), "e2e", "out")
	}
	return filepath.Join(dir, "figures.jsonl")
}

// Note logs a figure and keeps it for the table that is printed after a run.
func Note(t testing.TB, row, service, format string, args ...any) {
	t.Helper()
	f := Figure{Row: row, Service: service, Text: fmt.Sprintf(format, args...), Test: t.Name()}
	t.Logf("%s %s: %s", f.Row, f.Service, f.Text)
	if t.Failed() {
		return // what a failed test measured is not a figure
	}
	line, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(FiguresFile()), 0o755); err != nil {
		t.Fatal(err)
	}
	// Several tests may add lines at once: each is one write.
	out, err := os.OpenFile(FiguresFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Close() }()
	if _, err := out.Write(append(line, '\n')); err != nil {
		t.Fatal(err)
	}
}
