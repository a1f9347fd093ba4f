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
	text, err := os.ReadFile("../docs/api/error-tracker.md")
	if err != nil {
		t.Fatal(err)
	}
	s := harness.Start(t, "error-tracker")
	requests := 0
	for i, block := range strings.Split(string(text), "```sh\n")[1:] {
		script, _, ended := strings.Cut(block, "\n```")
		if !ended {
			t.Fatalf("example %d has no end", i+1)
		}
		requests += strings.Count(script, "curl ")
		cmd := exec.CommandContext(t.Context(), "sh", "-euc", script)
		cmd.Env = []string{"ET=" + s.URL, "KEY=" + harness.Key, "PATH=" + os.Getenv("PATH")}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("example %d: %v\n%s\n%s", i+1, err, script, out)
		} else if strings.TrimSpace(string(out)) == "" {
			t.Errorf("example %d printed nothing:\n%s", i+1, script)
		}
	}
	if requests < 15 {
		t.Errorf("only %d requests were found in the examples", requests)
	}
}
