package e2e

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/monlight/monlight/e2e/harness"
)

// TestTheExamplesOfTheAPIDocumentRun runs every example of docs/api as it
// stands there, in order. One that is answered with an error fails.
func TestTheExamplesOfTheAPIDocumentRun(t *testing.T) {
	t.Run("error-tracker", func(t *testing.T) { runExamples(t, "error-tracker", "ET", 15) })
	t.Run("log-viewer", func(t *testing.T) { runExamples(t, "log-viewer", "LV", 10) })
}

// runExamples runs those of one service, of which there are at least least.
func runExamples(t *testing.T, service, address string, least int) {
	t.Helper()
	text, err := os.ReadFile("../docs/api/" + service + ".md")
	if err != nil {
		t.Fatal(err)
	}
	s := harness.Start(t, service)
	requests := 0
	for i, block := range strings.Split(string(text), "```sh\n")[1:] {
		script, _, ended := strings.Cut(block, "\n```")
		if !ended {
			t.Fatalf("example %d has no end", i+1)
		}
		requests += strings.Count(script, "curl ")
		cmd := exec.CommandContext(t.Context(), "sh", "-euc", script)
		cmd.Env = []string{address + "=" + s.URL, "KEY=" + harness.Key, "PATH=" + os.Getenv("PATH")}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("example %d: %v\n%s\n%s", i+1, err, script, out)
		} else if strings.TrimSpace(string(out)) == "" {
			t.Errorf("example %d printed nothing:\n%s", i+1, script)
		}
	}
	if requests < least {
		t.Errorf("only %d requests were found in the examples", requests)
	}
}
