package main

import (
	"net/http/httptest"
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
	text, err := os.ReadFile(filepath.Join("..", "docs", "api", "browser-relay.md"))
	if err != nil {
		t.Fatal(err)
	}
	s := newService(t, nil)
	server := httptest.NewServer(s)
	defer server.Close()
	blocks := regexp.MustCompile("(?ms)^```sh\n(.*?)^```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 7 {
		t.Fatalf("only %d examples", len(blocks))
	}
	for _, b := range blocks {
		// What waits in a queue has the next of its key wait as well.
		eventually(t, "the delivery of the example before", func() bool { return waiting(t, s) == 0 })
		cmd := exec.CommandContext(t.Context(), "sh", "-euc", b[1])
		cmd.Dir = t.TempDir()
		cmd.Env = append(os.Environ(), "BR="+server.URL, "KEY="+testKey, "DSN="+shopKey)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s\n%v: %s", b[1], err, out)
		}
		// What a comment shows is how an answer begins.
		for line := range strings.Lines(b[1]) {
			if want, ok := strings.CutPrefix(strings.TrimSpace(line), "# "); ok && !strings.Contains(string(out), want) {
				t.Errorf("the answer\n%s\nhas not %s", out, want)
			}
		}
	}
}
