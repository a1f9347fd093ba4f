package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The examples of the API's documentation work as they are written.
func TestExamplesOfTheDocumentationWork(t *testing.T) {
	for _, tool := range []string{"sh", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("the examples need %s: %v", tool, err)
		}
	}
	text, err := os.ReadFile(filepath.Join("..", "docs", "api", "metrics-collector.md"))
	if err != nil {
		t.Fatal(err)
	}
	p := newProcess(t)
	p.start()
	defer p.kill()
	blocks := regexp.MustCompile("(?ms)^```sh\n(.*?)^```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 7 {
		t.Fatalf("only %d examples", len(blocks))
	}
	for _, b := range blocks {
		cmd := exec.CommandContext(t.Context(), "sh", "-euc", b[1])
		cmd.Env = append(os.Environ(), "MC=http://"+p.addr, "KEY="+testKey)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s\n%v: %s", b[1], err, out)
		}
		// What a comment shows is what is answered, up to what it leaves out.
		for line := range strings.Lines(b[1]) {
			want, ok := strings.CutPrefix(strings.TrimSpace(line), "# ")
			if !ok || strings.Contains(want, "2026-") {
				continue
			}
			want, _, _ = strings.Cut(want, ",…")
			if !strings.Contains(string(out), want) {
				t.Errorf("the answer\n%s\nhas not %s", out, want)
			}
		}
	}
}
